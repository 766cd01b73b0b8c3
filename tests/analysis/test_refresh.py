"""Results are computed once for what they depend on, and never served from an older state."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from analysis.promises import promise
from assay.analysis.experiment_results import IterationResults
from assay.analysis.iterations import IterationPromise
from assay.analysis.refresh import MOST_KEPT, ResultsCache
from assay.events.log import Position
from assay.warehouse.engine import Engine


@dataclass
class Counting:
    """Stands in for an analysis and an engine: numbers its answers, and holds them back until it may go on."""

    at: Position = field(default_factory=lambda: Position(1, 0))
    calls: int = 0
    error: Exception | None = None
    go_on: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.go_on.set()

    def position(self) -> Position:
        return self.at

    def analyse(self, _: IterationPromise, __: Engine) -> IterationResults:
        self.calls += 1
        number = self.calls
        assert self.go_on.wait(10)
        if self.error is not None:
            raise self.error
        return cast(IterationResults, number)

    @property
    def engine(self) -> Engine:
        return cast(Engine, self)


def asked(cache: ResultsCache, work: Counting, of: IterationPromise) -> Any:
    return cache.results(of, work.engine)


def test_the_same_question_is_computed_once_until_events_are_loaded() -> None:
    work = Counting()
    cache = ResultsCache(work.analyse)
    assert [asked(cache, work, promise()) for _ in range(3)] == [1, 1, 1]
    work.at = Position(1, 10)
    assert asked(cache, work, promise()) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"slice_by": "country"},
        {"ended_ms": 5},
        {"as_of_ms": 7_200_000},
        {"flag_is_on": False},
        {"iteration_id": "other"},
    ],
)
def test_a_changed_question_is_another(changed: dict[str, Any]) -> None:
    work = Counting()
    cache = ResultsCache(work.analyse)
    assert asked(cache, work, promise()) == 1
    assert asked(cache, work, replace(promise(), **changed)) == 2
    assert asked(cache, work, promise()) == 1


def test_a_changed_definition_is_another_question() -> None:
    work = Counting()
    cache = ResultsCache(work.analyse)
    assert asked(cache, work, promise(unit_aggregation_type="")) == 1
    assert asked(cache, work, promise(unit_aggregation_type="sum")) == 2


def test_who_asks_meanwhile_waits_for_the_answer_under_way() -> None:
    work = Counting()
    work.go_on.clear()
    cache = ResultsCache(work.analyse)
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(asked, cache, work, promise()) for _ in range(8)]
        work.go_on.set()
        assert {answer.result(10) for answer in answers} == {1}
    assert work.calls == 1


def test_a_failure_is_told_and_not_kept() -> None:
    work = Counting(error=RuntimeError("no"))
    cache = ResultsCache(work.analyse)
    with pytest.raises(RuntimeError):
        asked(cache, work, promise())
    work.error = None
    assert asked(cache, work, promise()) == 2


def test_only_the_latest_questions_are_kept() -> None:
    work = Counting()
    cache = ResultsCache(work.analyse)
    for number in range(MOST_KEPT + 1):
        asked(cache, work, replace(promise(), iteration_id=str(number)))
    assert asked(cache, work, replace(promise(), iteration_id=str(MOST_KEPT))) == MOST_KEPT + 1
    assert asked(cache, work, replace(promise(), iteration_id="0")) == MOST_KEPT + 2
