"""Why a metric shows nothing on a flag: what was looked at, what was found, and what to do."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from assay.dashboard.asking import days_ago_ms, lately_rows, lately_together
from assay.dashboard.numbers import whole
from assay.dashboard.visit import Visit
from assay.experiments.experiment import Experiment
from assay.experiments.metric import Metric
from assay.flags.model import Flag, randomization_unit, rollouts
from assay.warehouse.queries.activity import event_keys, event_units
from assay.warehouse.queries.diagnosis import evaluation_total, exposure_units, meeting

DAYS = 30

Verdict = Literal["fine", "fault", "remark"]

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `remedy` is empty where there is nothing to do."""

    verdict: Verdict
    title: str
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """What is being looked at, since `since_ms`; `event_key` as events carry it.

    `exposures`, `evaluations`, `events` and `met` are the rows of their queries, all as of one moment.
    """

    visit: Visit
    flag: Flag
    metric: Metric
    unit: str
    since_ms: int
    exposures: Rows
    evaluations: Rows
    events: Rows
    met: Rows

    @property
    def event_key(self) -> str:
        return self.metric.measure.event_key


def diagnose(visit: Visit, flag: Flag, metric: Metric) -> tuple[Finding, ...]:
    """In the order of an event's way; what comes after a fault may only follow from it."""
    since_ms = days_ago_ms(DAYS)
    unit = randomization_unit(flag.environments[visit.environment.key])
    place, event_key, kind = visit.environment.id, metric.measure.event_key, metric.kind
    rows = lately_together(
        visit,
        exposure_units(place, flag.key, since_ms),
        evaluation_total(place, flag.key, since_ms),
        event_units(place, event_key, kind=kind, since_ms=since_ms),
        meeting(place, flag.key, event_key, kind=kind, unit_kind=unit, since_ms=since_ms),
    )
    case = Case(visit, flag, metric, unit, since_ms, *rows)
    return (*_configured(case), *_exposed(case), *_arrived(case), *_met(case))


def _configured(case: Case) -> Iterator[Finding]:
    environment = case.visit.environment
    config = case.flag.environments[environment.key]
    if not config.on:
        yield Finding(
            "fault",
            "The flag is off",
            f"Everybody in {environment.name} gets the same variation.",
            "Turn it on.",
        )
    elif not rollouts(config):
        yield Finding(
            "fault",
            "Nobody is drawn by chance",
            "No rule of the flag has a percentage rollout, so there is nothing to compare.",
            "Give the default rule or a rule a percentage rollout.",
        )
    else:
        yield Finding("fine", "The flag is on", "A percentage rollout draws who gets which variation.")
    if measured_here(case.visit, case.flag.key, case.metric.key):
        yield Finding("fine", "An experiment runs", "SDKs are told to send every evaluation of the flag.")
    else:
        yield Finding(
            "fault",
            "No running experiment measures this metric on the flag here",
            "Without one, SDKs send only summaries, which don't say who was exposed.",
            "Start an experiment with this flag and metric. Exposures count from then on.",
        )


def _exposed(case: Case) -> Iterator[Finding]:
    units = {kind: count for kind, _, count, _ in case.exposures if kind}
    if not case.exposures:
        ((times, unknown),) = case.evaluations
        yield _never_exposed(case, times, unknown)
        return
    if case.unit not in units:
        kinds = " and ".join(sorted(units)) or "nobody"
        yield Finding(
            "fault",
            f"No exposure carries a context of the kind {case.unit}",
            f"The flag randomizes by {case.unit}, but the contexts that your code passes are of {kinds}.",
            f"Pass a context of the kind {case.unit}, or let the rollout draw by {next(iter(sorted(units)), 'user')}.",
        )
    else:
        yield Finding(
            "fine",
            "Exposures arrive",
            f"{whole(units[case.unit])} units of the kind {case.unit} were exposed in the last {DAYS} days.",
        )
    while_off = sum(row[3] or 0 for row in case.exposures)
    if while_off:
        yield Finding(
            "remark",
            "Some evaluations came while the flag was off",
            f"{whole(while_off)} of them; nobody was drawn by chance then.",
        )


def _never_exposed(case: Case, times: int, unknown: int) -> Finding:
    if unknown and unknown == times:
        return Finding(
            "fault",
            "SDKs ask for the flag, but don't know it",
            f"{whole(times)} evaluations served the default of the code.",
            "Do they use keys of this environment? May client-side SDKs see the flag?",
        )
    if times:
        return Finding(
            "fault",
            "SDKs evaluate the flag, but send no single evaluations",
            f"{whole(times)} evaluations came in summaries, which don't say who was exposed.",
            "They were made before an experiment ran, or events are switched off in the SDK's options.",
        )
    return Finding(
        "fault",
        "No SDK asked for this flag",
        f"In {case.visit.environment.name}, in the last {DAYS} days.",
        f"Does your code ask for the key {case.flag.key}, with a key of this environment?",
    )


def _arrived(case: Case) -> Iterator[Finding]:
    units = {row[0]: row[2] for row in case.events if row[0]}
    if not case.events:
        keys = lately_rows(case.visit, event_keys(case.visit.environment.id, case.since_ms))
        others = [row[0] for row in keys if row[0] != case.event_key]
        similar = difflib.get_close_matches(case.event_key, others, n=3, cutoff=0.5)
        hint = f" These look alike: {', '.join(similar)}." if similar else ""
        yield Finding(
            "fault",
            "No event of the metric arrived",
            f"Nothing with the key {case.event_key} in the last {DAYS} days.{hint}",
            f"Does your code call track with {case.event_key}, and flush before it ends?",
        )
        return
    if case.unit not in units:
        kinds = " and ".join(sorted(units)) or "nobody"
        yield Finding(
            "fault",
            "Events are about another kind of unit",
            f"The flag randomizes by {case.unit}, but the metric's events carry {kinds}.",
            f"Pass the {case.unit} in the context of track too: a multi-context may hold both.",
        )
    else:
        yield Finding(
            "fine",
            "Events of the metric arrive",
            f"By {whole(units[case.unit])} units of the kind {case.unit} in the last {DAYS} days.",
        )
    missing = sum(row[1] - row[3] for row in case.events if row[0] == case.unit)
    if case.metric.measure.numeric and not case.metric.measure.property_name and missing:
        yield Finding(
            "fault",
            "Events have no value",
            f"{whole(missing)} of them; the metric sums values, so these don't count.",
            "Pass the value to track.",
        )


def _met(case: Case) -> Iterator[Finding]:
    ((never, too_early, counted),) = case.met
    if not (never or too_early or counted):
        return
    if counted:
        yield Finding(
            "fine",
            "Exposures and events meet",
            f"{whole(counted)} events came from units that had been exposed before.",
        )
    if too_early:
        yield Finding(
            "remark" if counted else "fault",
            "Events before the exposure",
            f"{whole(too_early)} events came before their unit's first exposure. They don't count.",
            "" if counted else "Evaluate the flag before what it is to change.",
        )
    if never:
        yield Finding(
            "remark" if counted else "fault",
            "Events of units that were never exposed",
            f"{whole(never)} events. They don't count.",
            "" if counted else "Do flag and event use the same context key?",
        )


def measured_here(visit: Visit, flag: str, metric: str) -> bool:
    """Whether an experiment of either generation measures the metric on the flag in the page's environment now."""
    environment = visit.environment.key
    item = visit.state.experiments(visit.project.key, flag).item(metric)
    if item is not None and item.running(environment):
        return True
    experiments: list[Experiment] = list(visit.state.all("experiment", visit.project.key).values())
    return any(
        one.environment_key == environment
        and one.running is not None
        and flag in one.running.flags
        and metric in [measured.key for measured in one.running.metrics]
        for one in experiments
    )
