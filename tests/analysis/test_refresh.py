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


def test_many_threads_with_many_questions_compute_each_once_and_get_their_own() -> None:
    questions = [replace(promise(), iteration_id=f"iteration {number}") for number in range(8)]
    work, together = Counting(), threading.Barrier(16)
    computed: list[str] = []

    def analyse(of: IterationPromise, _: Engine) -> IterationResults:
        computed.append(of.iteration_id)
        return cast(IterationResults, of.iteration_id)

    cache = ResultsCache(analyse)

    def ask(number: int) -> list[Any]:
        together.wait(10)
        return [asked(cache, work, questions[(number + turn) % 8]) for turn in range(8)]

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(ask, range(16)))
    assert sorted(computed) == [one.iteration_id for one in questions]
    for number, found in enumerate(answers):
        assert found == [questions[(number + turn) % 8].iteration_id for turn in range(8)]


def test_who_asks_after_a_load_never_gets_the_answer_that_was_under_way_before_it() -> None:
    work = Counting()
    cache = ResultsCache(work.analyse)
    work.go_on.clear()
    with ThreadPoolExecutor(2) as threads:
        before = threads.submit(asked, cache, work, promise())
        while work.calls < 1:
            threading.Event().wait(0.001)
        work.at = Position(1, 10)
        after = threads.submit(asked, cache, work, promise())
        while work.calls < 2:
            threading.Event().wait(0.001)
        work.go_on.set()
        assert (before.result(10), after.result(10)) == (1, 2)
    assert asked(cache, work, promise()) == 2


def test_all_who_wait_are_told_of_a_failure_and_the_next_to_ask_tries_again() -> None:
    work = Counting(error=ValueError("broken"))
    cache = ResultsCache(work.analyse)
    work.go_on.clear()
    with ThreadPoolExecutor(6) as threads:
        waiting = [threads.submit(asked, cache, work, promise()) for _ in range(6)]
        while work.calls < 1:
            threading.Event().wait(0.001)
        work.go_on.set()
        errors = [one.exception(10) for one in waiting]
    assert all(isinstance(error, ValueError) for error in errors)
    work.error, calls = None, work.calls
    assert asked(cache, work, promise()) == calls + 1


def test_an_old_failure_does_not_throw_away_the_newer_answer() -> None:
    work, failing = Counting(), threading.Event()
    positions: list[Position] = []

    def analyse(_: IterationPromise, __: Engine) -> IterationResults:
        positions.append(work.at)
        if len(positions) == 1:
            assert failing.wait(10)
            raise ValueError("broken")
        return cast(IterationResults, len(positions))

    cache = ResultsCache(analyse)
    with ThreadPoolExecutor(1) as threads:
        old = threads.submit(asked, cache, work, promise())
        while not positions:
            threading.Event().wait(0.001)
        work.at = Position(1, 10)
        assert asked(cache, work, promise()) == 2
        failing.set()
        assert isinstance(old.exception(10), ValueError)
    assert asked(cache, work, promise()) == 2
    assert len(positions) == 2
