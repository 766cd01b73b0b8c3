"""Experiments: the list, of both generations."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from assay.api import experiments
from assay.dashboard.addresses import PLACE
from assay.dashboard.experiment_actions import state_of
from assay.dashboard.listings import Pager, page_of
from assay.dashboard.perform import check, may
from assay.dashboard.running import BEING_COMPUTED, Running, Tone, primary_name, running_flag_row, running_row
from assay.dashboard.visit import Page, Shown, View, Visit
from assay.experiments.experiment import Experiment, Iteration
from assay.experiments.flag_scoped import FlagExperiment, FlagExperiments
from assay.flags.model import Flag

PAGE_SIZE = 30
DAY_MS = 86_400_000
STATES = {"running": "Running", "draft": "Drafts", "stopped": "Stopped", "archived": "Archived"}
ORDER = ("running", "draft", "stopped", "archived")


@dataclass(frozen=True, slots=True)
class ExperimentRow:
    """`units` is None where nothing is being counted; `faults` are what health checks found."""

    name: str
    key: str
    href: str
    flags: tuple[tuple[str, str], ...]
    state: str
    metric: str
    verdict: str
    tone: Tone
    faults: tuple[str, ...]
    days: int
    units: int | None
    changed_ms: int


@dataclass(frozen=True, slots=True)
class Listed:
    """An experiment by what it is found by; `row` asks for its results, so only for those that are shown."""

    state: str
    words: str
    changed_ms: int
    row: Callable[[], ExperimentRow]


@dataclass(frozen=True, slots=True)
class ExperimentsPage:
    """`flags` and `metrics`: how many there are to make an experiment of; `exists`: there is any at all."""

    rows: tuple[ExperimentRow, ...]
    pager: Pager[Listed]
    query: str
    state: str
    states: dict[str, str]
    counts: dict[str, int]
    exists: bool
    flags: int
    metrics: int
    may_create: bool
    new: str


def list_experiments(visit: Visit) -> Shown:
    project, environment = visit.project.key, visit.environment.key
    check(visit, experiments.list_experiments, project=project, environment=environment)
    every = sorted((*_experiments(visit), *_flag_scoped(visit)), key=_first_those_that_run)
    query, state = visit.query.text("q"), visit.query.text("state")
    state = state if state in STATES else ""
    wanted = [one for one in every if _fits(one, query.lower(), state)]
    pager = page_of(visit, wanted, PAGE_SIZE, q=query, state=state)
    page = ExperimentsPage(
        rows=tuple(one.row() for one in pager.items),
        pager=pager,
        query=query,
        state=state,
        states=STATES,
        counts={name: sum(one.state == name for one in every) for name in STATES},
        exists=bool(every),
        flags=sum(not flag.archived for flag in visit.state.all("flag", project).values()),
        metrics=len(visit.state.all("metric", project)),
        may_create=may(visit, experiments.create_experiment, project=project, environment=environment),
        new=visit.here("new-experiment"),
    )
    not_yet = any(row.verdict == BEING_COMPUTED for row in page.rows)
    return Page("experiments.html", "Experiments", page, reload_s=int(not_yet))


def _experiments(visit: Visit) -> Iterator[Listed]:
    every: list[Experiment] = list(visit.state.all("experiment", visit.project.key).values())
    for one in every:
        shown = one.current or one.draft
        if one.environment_key == visit.environment.key and one.type != "holdout" and shown is not None:
            words = f"{one.key} {one.name} {one.description} {shown.hypothesis} {' '.join(one.tags)}"
            words += f" {' '.join(shown.flags)} {primary_name(visit, shown)}"
            yield Listed(state_of(one), words.lower(), _changed_ms(one), _row_of(visit, one, shown))


def _row_of(visit: Visit, experiment: Experiment, shown: Iteration) -> Callable[[], ExperimentRow]:
    def row() -> ExperimentRow:
        running = running_row(visit, experiment, shown) if shown.status == "running" else None
        verdict, tone = _verdict(shown, running)
        started = shown.started_at
        return ExperimentRow(
            name=experiment.name,
            key=experiment.key,
            href=visit.here("experiments", experiment.key),
            flags=tuple((_flag_name(visit, key), visit.here("flags", key)) for key in shown.flags),
            state=state_of(experiment),
            metric=primary_name(visit, shown),
            verdict=verdict,
            tone=tone,
            faults=running.faults if running else (),
            days=_days(visit, started, shown.ended_at) if started else 0,
            units=running.units if running else None,
            changed_ms=_changed_ms(experiment),
        )

    return row


def _verdict(shown: Iteration, running: Running | None) -> tuple[str, Tone]:
    if running is not None:
        return running.verdict, running.tone
    winner = [one.name for one in shown.treatments if one.id == shown.winning_treatment_id]
    if winner:
        return f"{winner[0]} shipped", "accent"
    return ("nothing shipped" if shown.status == "stopped" else ""), ""


def _flag_scoped(visit: Visit) -> Iterator[Listed]:
    shelf: dict[str, FlagExperiments] = dict(visit.state.all("experiments", visit.project.key))
    for flag, attached in shelf.items():
        for item in attached.items:
            yield _listed(visit, flag, item)


def _listed(visit: Visit, flag: str, item: FlagExperiment) -> Listed:
    periods = item.periods.get(visit.environment.key, ())
    running = item.running(visit.environment.key)
    state = "running" if running else "stopped" if periods else "draft"
    changed_ms = (periods[-1].stop_date or periods[-1].start_date) if periods else 0
    name = _flag_name(visit, flag)
    metric = visit.state.find(("metric", visit.project.key, item.metric_key))
    metric_name = metric.name if metric else item.metric_key

    def row() -> ExperimentRow:
        found = running_flag_row(visit, flag, item) if running else None
        return ExperimentRow(
            name=name,
            key=flag,
            href=visit.here("flags", flag, *(("experiments", item.metric_key) if periods else ())),
            flags=((name, visit.here("flags", flag)),),
            state=state,
            metric=metric_name,
            verdict=found.verdict if found else "",
            tone=found.tone if found else "",
            faults=found.faults if found else (),
            days=_days(visit, periods[-1].start_date, periods[-1].stop_date) if periods else 0,
            units=found.units if found else None,
            changed_ms=changed_ms,
        )

    return Listed(state, f"{flag} {name} {item.metric_key} {metric_name}".lower(), changed_ms, row)


def _flag_name(visit: Visit, key: str) -> str:
    flag: Flag | None = visit.state.find(("flag", visit.project.key, key))
    return flag.name if flag else key


def _changed_ms(experiment: Experiment) -> int:
    """When it last began or ended."""
    times = [time for one in experiment.iterations for time in (one.started_at, one.ended_at)]
    return max(experiment.archived_date or 0, experiment.creation_date, *(time or 0 for time in times), 0)


def _days(visit: Visit, started_ms: int, ended_ms: int | None) -> int:
    """Counting those that began."""
    return max(0, (ended_ms or visit.rooms.store.now_ms()) - started_ms) // DAY_MS + 1


def _first_those_that_run(one: Listed) -> tuple[int, int, str]:
    return ORDER.index(one.state), -one.changed_ms, one.words


def _fits(one: Listed, query: str, state: str) -> bool:
    fits = one.state == state if state else one.state != "archived"
    return fits and all(word in one.words for word in query.split())


VIEWS = (View("GET", PLACE + "/experiments", list_experiments, "experiments"),)
