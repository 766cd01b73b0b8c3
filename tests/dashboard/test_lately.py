"""Pages show what was last known, at once, and never wait for what takes long twice."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from assay.dashboard.lately import FIRST_ANSWERS, MOST_KEPT, Lately, NotYet


@dataclass
class Work:
    """Numbers its answers, and holds them back until it may go on."""

    calls: int = 0
    error: Exception | None = None
    go_on: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.go_on.set()

    def __call__(self) -> int:
        self.calls += 1
        number = self.calls
        assert self.go_on.wait(10)
        if self.error is not None:
            raise self.error
        return number


@dataclass
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_what_depends_on_the_same_is_computed_once() -> None:
    lately, work = Lately(), Work()
    assert [lately.answer("question", 1, work) for _ in range(3)] == [1, 1, 1]
    assert lately.answer("other", 1, work) == 2


def test_who_asks_first_waits_for_one_answer() -> None:
    lately, work = Lately(), Work()
    work.go_on.clear()
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(lately.answer, "question", state, work) for state in range(8)]
        work.go_on.set()
        assert {answer.result(10) for answer in answers} == {1}


def test_who_has_no_patience_is_told_that_there_is_no_answer_yet_and_gets_it_later() -> None:
    lately, work = Lately(), Work()
    work.go_on.clear()
    for patience_s in (0, 0.01):
        with pytest.raises(NotYet):
            lately.answer("question", 1, work, patience_s=patience_s)
    work.go_on.set()
    lately.close()
    assert lately.answer("question", 1, work, patience_s=0) == 1
    assert work.calls == 1


def test_few_questions_are_computed_at_a_time_and_each_gets_its_answer() -> None:
    lately, work = Lately(), Work()
    work.go_on.clear()
    for number in range(6):
        with pytest.raises(NotYet):
            lately.answer(number, 1, work, patience_s=0.01)
    assert work.calls == FIRST_ANSWERS
    work.go_on.set()
    lately.close()
    assert sorted(lately.answer(number, 1, work, patience_s=0) for number in range(6)) == [1, 2, 3, 4, 5, 6]


def test_a_newer_answer_that_comes_at_once_is_shown() -> None:
    lately, work = Lately(Clock(), grace_s=10), Work()
    assert lately.answer("question", 1, work) == 1
    assert lately.answer("question", 2, work) == 2
    assert work.calls == 2


def test_the_old_answer_is_shown_while_a_newer_one_is_computed_once_behind() -> None:
    lately, work = Lately(Clock(), grace_s=0.001), Work()
    assert lately.answer("question", 1, work) == 1
    work.go_on.clear()
    assert [lately.answer("question", state, work) for state in (2, 3, 4)] == [1, 1, 1]
    work.go_on.set()
    lately.close()
    assert work.calls == 2
    assert lately.answer("question", 2, work) == 2


def test_what_took_long_rests_before_it_is_computed_again() -> None:
    clock = Clock()
    lately, calls = Lately(clock, grace_s=10), Work()

    def ten_seconds() -> int:
        clock.now_s += 10
        return calls()

    assert lately.answer("question", 1, ten_seconds) == 1
    clock.now_s += 39
    assert lately.answer("question", 2, ten_seconds) == 1
    clock.now_s += 2
    assert lately.answer("question", 2, ten_seconds) == 2


def test_a_failure_is_told_and_not_kept() -> None:
    lately, work = Lately(), Work(error=RuntimeError("no"))
    with pytest.raises(RuntimeError):
        lately.answer("question", 1, work)
    work.error = None
    assert lately.answer("question", 1, work) == 2


def test_after_a_failure_behind_nobody_is_shown_the_old_answer_any_more() -> None:
    lately, work = Lately(Clock(), grace_s=0.001), Work()
    assert lately.answer("question", 1, work) == 1
    work.go_on.clear()
    work.error = RuntimeError("no")
    assert lately.answer("question", 2, work) == 1
    work.go_on.set()
    lately.close()
    with pytest.raises(RuntimeError):
        lately.answer("question", 2, work)


def test_only_the_latest_questions_are_kept() -> None:
    lately, work = Lately(), Work()
    for number in range(MOST_KEPT + 1):
        lately.answer(number, 1, work)
    assert lately.answer(MOST_KEPT, 1, work) == MOST_KEPT + 1
    assert lately.answer(0, 1, work) == MOST_KEPT + 2
