"""What runs in an environment, of either generation of experiments, and what it says so far in a few words."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from assay.analysis.iterations import iteration_promise
from assay.analysis.results import AnytimeComparison, FlagExperimentResults
from assay.dashboard.asking import lately_flag_results, lately_results
from assay.dashboard.lately import NotYet
from assay.dashboard.numbers import signed_percent
from assay.dashboard.verdicts import check_name, headline
from assay.dashboard.visit import Visit
from assay.errors import AssayError
from assay.experiments.experiment import Experiment, Iteration, MeasuredBy
from assay.experiments.flag_scoped import FlagExperiment, FlagExperiments
from assay.stats.sample_ratio import SampleRatio

MOST_SHOWN = 12
MISMATCH_P_VALUE = 0.001

# The verdict of what many events are asked for the first time; whoever shows it asks again soon.
BEING_COMPUTED = "being computed"

Tone = Literal["good", "bad", "warn", "accent", ""]


@dataclass(frozen=True, slots=True)
class Running:
    """One running experiment. `tone` colours the verdict; `faults` are what its health checks found."""

    name: str
    href: str
    what: str
    started_ms: int
    units: int
    verdict: str
    tone: Tone
    faults: tuple[str, ...]


def running_experiments(visit: Visit) -> tuple[Running, ...]:
    """Those started last first."""
    found = sorted((*_modern(visit), *_flag_scoped(visit)), key=lambda started: -started[0])
    return tuple(row() for _, row in found[:MOST_SHOWN])


def _modern(visit: Visit) -> Iterator[tuple[int, Callable[[], Running]]]:
    experiments: list[Experiment] = list(visit.state.all("experiment", visit.project.key).values())
    for experiment in experiments:
        iteration = experiment.running
        here = experiment.environment_key == visit.environment.key
        if iteration is not None and here and experiment.type != "holdout":
            yield iteration.started_at or 0, partial(running_row, visit, experiment, iteration)


def running_row(visit: Visit, experiment: Experiment, iteration: Iteration) -> Running:
    """What a running iteration says so far; at most a minute old."""
    verdict: tuple[str, Tone] = ("no results yet", "")
    units = 0
    faults: tuple[str, ...] = ()
    try:
        place = (visit.project.key, visit.environment.key, experiment.key, "")
        promise = iteration_promise(visit.state, place, now_ms=time.time_ns() // 1_000_000)
        results = lately_results(visit, promise)
        said = headline(results)
        units, verdict = sum(results.exposed), (said.title, said.tone)
        faults = tuple(
            f"Failed check: {check_name(check)}" for check in results.checks if check.status == "failed"
        )
    except NotYet:
        verdict = (BEING_COMPUTED, "")
    except AssayError as error:
        verdict = (str(error), "warn")
    return Running(
        name=experiment.name,
        href=visit.here("experiments", experiment.key),
        what=primary_name(visit, iteration),
        started_ms=iteration.started_at or 0,
        units=units,
        verdict=verdict[0],
        tone=verdict[1],
        faults=faults,
    )


def primary_name(visit: Visit, iteration: Iteration) -> str:
    """The name of the metric, or metric group, that decides."""
    primary = iteration.primary
    if primary is None:
        return "no primary metric"
    return metric_name(visit, primary)


def metric_name(visit: Visit, measured: MeasuredBy) -> str:
    """The name of the metric or metric group, or its key where it is gone."""
    kind = "metric_group" if measured.is_group else "metric"
    found = visit.state.find((kind, visit.project.key, measured.key))
    return found.name if found else measured.key


def _flag_scoped(visit: Visit) -> Iterator[tuple[int, Callable[[], Running]]]:
    shelf: dict[str, FlagExperiments] = dict(visit.state.all("experiments", visit.project.key))
    for flag, experiments in shelf.items():
        for item in experiments.items:
            if item.running(visit.environment.key):
                started_ms = item.periods[visit.environment.key][-1].start_date
                yield started_ms, partial(running_flag_row, visit, flag, item)


def running_flag_row(visit: Visit, key: str, item: FlagExperiment) -> Running:
    """What a running flag-scoped experiment says so far; at most a minute old."""
    flag = visit.state.flag(visit.project.key, key)
    metric = visit.state.find(("metric", visit.project.key, item.metric_key))
    verdict: tuple[str, Tone] = ("no results yet", "")
    units = 0
    faults: tuple[str, ...] = ()
    try:
        results = lately_flag_results(visit, key, item.metric_key)
        units = sum(total.exposed for total in results.totals)
        names = [one.name or str(one.value) for one in flag.variations]
        verdict = _flag_verdict(results, names, lower=bool(metric and metric.lower_is_better))
        faults = tuple(_flag_faults(results))
    except NotYet:
        verdict = (BEING_COMPUTED, "")
    except AssayError as error:
        verdict = (str(error), "warn")
    return Running(
        name=flag.name,
        href=visit.here("flags", key, "experiments", item.metric_key),
        what=metric.name if metric else item.metric_key,
        started_ms=item.periods[visit.environment.key][-1].start_date,
        units=units,
        verdict=verdict[0],
        tone=verdict[1],
        faults=faults,
    )


def _flag_verdict(results: FlagExperimentResults, names: list[str], *, lower: bool) -> tuple[str, Tone]:
    for name, compared in zip(names, results.anytime.comparisons, strict=False):
        if isinstance(compared, AnytimeComparison) and compared.is_significant:
            better = (compared.effect > 0) != lower
            lift = signed_percent(compared.lift) if isinstance(compared.lift, float) else ""
            return f"{name} {'better' if better else 'worse'} {lift}".strip(), "good" if better else "bad"
    return ("not yet", "") if results.buckets else ("nobody exposed yet", "")


def _flag_faults(results: FlagExperimentResults) -> Iterator[str]:
    ratio = results.anytime.sample_ratio
    if isinstance(ratio, SampleRatio) and ratio.p_value < MISMATCH_P_VALUE:
        yield "units don't arrive in their planned shares"
    if results.metric_seen_ms is None:
        yield "no event of the metric arrived"
