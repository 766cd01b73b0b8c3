"""An experiment's page: what it says, how it was planned, and how that was computed."""

import hashlib
import time
from dataclasses import dataclass

import msgspec

from assay.analysis.experiment_results import IterationResults
from assay.analysis.iterations import IterationPromise, Narrowing, iteration_promise
from assay.api import experiment_results, experiments
from assay.dashboard.addresses import PLACE, with_query
from assay.dashboard.asking import lately_results
from assay.dashboard.experiment_actions import ExperimentActions, experiment_actions
from assay.dashboard.experiment_downloads import Downloads, downloads_of
from assay.dashboard.lately import NotYet
from assay.dashboard.perform import check
from assay.dashboard.results_view import ResultsView, results_view
from assay.dashboard.visit import Page, Shown, Unchanged, View, Visit
from assay.dashboard.words import variation_label
from assay.errors import AssayError, Forbidden, NotFound
from assay.experiments.experiment import FALLTHROUGH, Experiment, Iteration
from assay.flags.model import Flag

EXPERIMENT = PLACE + "/experiments/{experiment}"

DAY_MS = 86_400_000

STATES = {"not_started": "draft", "running": "running", "stopped": "stopped"}


@dataclass(frozen=True, slots=True)
class TreatmentRow:
    """A treatment as it was planned."""

    index: int
    name: str
    is_baseline: bool
    share: str
    serves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IterationLink:
    number: int
    state: str
    started_ms: int | None
    ended_ms: int | None
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class ExperimentPage:
    """`results` is None for a draft, where `fault` says why there are none, and where there are none yet."""

    key: str
    name: str
    description: str
    state: str
    hypothesis: str
    started_ms: int | None
    ended_ms: int | None
    days: int
    unit: str
    flags: tuple[tuple[str, str, str], ...]
    treatments: tuple[TreatmentRow, ...]
    winner: str
    winning_reason: str
    iterations: tuple[IterationLink, ...]
    attributes: tuple[str, ...]
    slice_by: str
    slice_address: str
    results: ResultsView | None
    fault: str
    not_yet: bool
    actions: ExperimentActions
    downloads: Downloads | None


def show_experiment(visit: Visit) -> Shown:
    experiment = viewed(visit)
    iteration = chosen(visit, experiment)
    slice_by = visit.query.text("slice")
    found, fault, not_yet = _results(visit, experiment, iteration)
    tag = _tag(visit, found) if found else ""
    if tag and tag == visit.known_tag:
        return Unchanged()
    page = ExperimentPage(
        key=experiment.key,
        name=experiment.name,
        description=experiment.description,
        state="archived" if experiment.archived_date else STATES[iteration.status],
        hypothesis=iteration.hypothesis,
        started_ms=iteration.started_at,
        ended_ms=iteration.ended_at,
        days=_days(visit, iteration),
        unit=iteration.randomization_unit,
        flags=tuple(_flag_link(visit, key, use.rule_id) for key, use in iteration.flags.items()),
        treatments=treatment_rows(visit, iteration),
        winner=winner_of(iteration),
        winning_reason=iteration.winning_reason,
        iterations=tuple(_iteration_links(visit, experiment, iteration)),
        attributes=iteration.attributes,
        slice_by=slice_by,
        slice_address=visit.here("experiments", experiment.key),
        results=results_view(found) if found else None,
        fault=fault,
        not_yet=not_yet,
        actions=experiment_actions(visit, experiment),
        downloads=downloads_of(visit, experiment.key, iteration.id, found) if found else None,
    )
    return Page("experiment.html", experiment.name, page, tag=tag, reload_s=int(not_yet))


def viewed(visit: Visit) -> Experiment:
    """The experiment of the page, where the visitor may see it."""
    key = visit.path["experiment"]
    place = {"project": visit.project.key, "environment": visit.environment.key, "experiment": key}
    check(visit, experiments.get_experiment, **place)
    return visit.state.experiment(visit.project.key, visit.environment.key, key)


def chosen(visit: Visit, experiment: Experiment) -> Iteration:
    """The iteration asked for, or the one that runs or ran last, or the draft."""
    asked = visit.query.text("iteration")
    found = experiment.iteration(asked) if asked else experiment.current or experiment.draft
    if found is None:
        raise NotFound("There is no such iteration")
    return found


def promised(visit: Visit, experiment: Experiment, iteration: Iteration) -> IterationPromise:
    """What an iteration that was started is asked, by the attribute that the query names; where the visitor may."""
    place = {"project": visit.project.key, "environment": visit.environment.key, "experiment": experiment.key}
    check(visit, experiment_results.get_experiment_results, **place)
    return iteration_promise(
        visit.state,
        (visit.project.key, visit.environment.key, experiment.key, iteration.id),
        now_ms=time.time_ns() // 1_000_000,
        narrowing=Narrowing(None, None, visit.query.text("slice") or None),
    )


def _results(
    visit: Visit, experiment: Experiment, iteration: Iteration
) -> tuple[IterationResults | None, str, bool]:
    """The results, or why there are none, and whether there will be."""
    if iteration.status == "not_started":
        return None, "", False
    try:
        return lately_results(visit, promised(visit, experiment, iteration)), "", False
    except NotYet:
        return None, "", True
    except Forbidden:
        raise
    except AssayError as error:
        return None, str(error), False


def _tag(visit: Visit, found: IterationResults) -> str:
    """Different for different results; far cheaper than drawing them."""
    return hashlib.sha256(visit.target.encode() + msgspec.json.encode(found)).hexdigest()[:32]


def _days(visit: Visit, iteration: Iteration) -> int:
    """How many days it has run, counting those that began."""
    if iteration.started_at is None:
        return 0
    end_ms = iteration.ended_at or visit.rooms.store.now_ms()
    return max(0, end_ms - iteration.started_at) // DAY_MS + 1


def _flag_link(visit: Visit, key: str, rule_id: str) -> tuple[str, str, str]:
    """Name, address and in words where in the flag's targeting it runs."""
    flag: Flag | None = visit.state.find(("flag", visit.project.key, key))
    if flag is None:
        return key, "", "deleted since"
    rules = flag.environments[visit.environment.key].rules
    number = next((index for index, rule in enumerate(rules, 1) if rule.id == rule_id), 0)
    where = (
        "everybody else (its default rule)"
        if rule_id == FALLTHROUGH
        else f"its rule {number}"
        if number
        else "a rule"
    )
    return flag.name, visit.here("flags", key), where


def winner_of(iteration: Iteration) -> str:
    """The shipped treatment's name, if one was."""
    wanted = iteration.winning_treatment_id
    return next((one.name for one in iteration.treatments if one.id == wanted), "")


def treatment_rows(visit: Visit, iteration: Iteration) -> tuple[TreatmentRow, ...]:
    """The iteration's treatments as they were planned."""
    rows = []
    for index, one in enumerate(iteration.treatments):
        serves = []
        for parameter in one.parameters:
            flag: Flag | None = visit.state.find(("flag", visit.project.key, parameter.flag_key))
            ids = [variation.id for variation in flag.variations] if flag else []
            if flag is not None and parameter.variation_id in ids:
                serves.append(variation_label(flag, ids.index(parameter.variation_id)))
        rows.append(TreatmentRow(index, one.name, one.baseline, f"{one.allocation_percent} %", tuple(serves)))
    return tuple(rows)


def _iteration_links(visit: Visit, experiment: Experiment, shown: Iteration) -> list[IterationLink]:
    here = visit.here("experiments", experiment.key)
    return [
        IterationLink(
            number=number,
            state=STATES[one.status],
            started_ms=one.started_at,
            ended_ms=one.ended_at,
            href=with_query(here, iteration=one.id),
            current=one.id == shown.id,
        )
        for number, one in enumerate(experiment.iterations, 1)
    ]


VIEWS = (View("GET", EXPERIMENT, show_experiment, "experiments"),)
