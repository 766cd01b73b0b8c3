"""What pages ask of the tables and the analyses: served as it was last known where a newer answer takes long."""

import time
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any, TypeVar

from assay.analysis.experiment_results import IterationResults
from assay.analysis.iterations import IterationPromise
from assay.analysis.pipeline import analyse
from assay.analysis.promises import flag_experiment_promise
from assay.analysis.results import FlagExperimentResults
from assay.dashboard.visit import Visit
from assay.warehouse.engine import Query

HOUR_MS = 3_600_000

T = TypeVar("T")


def days_ago_ms(days: int) -> int:
    """The beginning of an hour so many days ago, so that the same is asked for a while."""
    return (time.time_ns() // 1_000_000 // HOUR_MS - days * 24) * HOUR_MS


def _answer(visit: Visit, question: Hashable, state: object, compute: Callable[[], T]) -> T:
    """Raises `NotYet` where nothing is known and the visit's time is over."""
    return visit.workplace.lately.answer(question, state, compute, patience_s=visit.patience_s)


def lately_rows(visit: Visit, query: Query) -> list[tuple[Any, ...]]:
    """A query's rows; `since_ms` among its parameters moves with the time, and the question stays the same."""
    return lately_together(visit, query)[0]


def lately_together(visit: Visit, *queries: Query) -> list[list[tuple[Any, ...]]]:
    """The rows of queries whose figures stand side by side: all of them as of one moment."""
    engine = visit.rooms.engine
    state = (engine.position(), *(query.parameters.get("since_ms") for query in queries))

    def compute() -> list[list[tuple[Any, ...]]]:
        with engine.snapshot() as snapshot:
            return [snapshot.rows(query) for query in queries]

    return _answer(visit, tuple(map(_question, queries)), state, compute)


def _question(query: Query) -> Hashable:
    parameters = {name: value for name, value in query.parameters.items() if name != "since_ms"}
    return query.sql, *sorted((name, str(value)) for name, value in parameters.items())


def lately_results(visit: Visit, promise: IterationPromise) -> IterationResults:
    """An iteration's results; the hour that it is asked in changes them, and the question stays the same."""
    engine = visit.rooms.engine
    question = ("iteration", replace(promise, as_of_ms=None).identity)
    state = (engine.position(), promise.as_of_ms)
    return _answer(visit, question, state, lambda: visit.rooms.results.results(promise, engine))


def lately_flag_results(visit: Visit, flag: str, metric: str) -> FlagExperimentResults:
    """The results of a metric on a flag, by what the flag and the metric are now.

    A reset makes it another question: nobody is shown again what was just forgotten.
    """
    rooms, project, environment = visit.rooms, visit.project.key, visit.environment
    place = (project, flag, environment.key, metric)
    state = (
        rooms.engine.position(),
        visit.state.flag(project, flag).environments[environment.key].version,
        visit.state.metric(project, metric),
        visit.state.experiments(project, flag),
    )
    reset = visit.state.resets.get((environment.id, flag, metric))

    def compute() -> FlagExperimentResults:
        return analyse(flag_experiment_promise(rooms.store, place, None, None), rooms.engine)

    return _answer(visit, ("flag", *place, reset), state, compute)
