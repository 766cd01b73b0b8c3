"""Answers served at once as they were last known, while newer ones are computed behind."""

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, TypeVar, cast

# So long a page waits for what is being computed anew before it shows what was known.
GRACE_S = 0.05

# What takes long is computed a fifth of the time at the most, so that looking at a page doesn't hold up its events.
REST_FACTOR = 4.0

MOST_KEPT = 256

# As many questions that were never answered are computed at a time.
FIRST_ANSWERS = 2

T = TypeVar("T")


class NotYet(Exception):
    """Nothing is known yet, and what was asked is still being computed."""


@dataclass(slots=True)
class _Known:
    """The last answer to a question, of what it depended on (`state`), and the newer one under way."""

    state: object
    answer: "Future[Any]"
    newer: "Future[Any] | None" = None
    due_s: float = 0.0


class Lately:
    """For pages only: they may lag behind, other answers may not.

    A question is never computed twice at a time, nor are many of them at once. Whoever asks what was never
    answered waits for it, as long as there is patience.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic, grace_s: float = GRACE_S) -> None:
        self._clock_s = clock_s
        self._grace_s = grace_s
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, _Known] = OrderedDict()
        self._behind = ThreadPoolExecutor(1, "lately")
        self._first = ThreadPoolExecutor(FIRST_ANSWERS, "first")

    def answer(
        self, question: Hashable, state: object, compute: Callable[[], T], *, patience_s: float | None = None
    ) -> T:
        """The last answer; where `state` is another than it was then, a newer one if it comes at once.

        Raises `NotYet` where there is none so far and `patience_s` is over; it goes on being computed.
        """
        with self._lock:
            known = self._known.get(question)
            is_first = known is None
            if known is None:
                known = self._known[question] = _Known(state, Future())
                while len(self._known) > MOST_KEPT:
                    self._known.popitem(last=False)
            elif known.answer.done() and known.newer is None and self._is_due(known, state):
                known.newer = Future()
                self._behind.submit(self._compute, question, known, state, compute)
            self._known.move_to_end(question)
            answer, newer = known.answer, known.newer
            if is_first:
                self._first.submit(self._compute, question, known, state, compute)
        if newer is not None:
            with contextlib.suppress(TimeoutError):
                return cast(T, newer.result(self._grace_s))
        if wait([answer], patience_s).not_done:
            raise NotYet
        return cast(T, answer.result())

    def close(self) -> None:
        """Waits for what is being computed, and for what somebody waits for."""
        self._behind.shutdown(cancel_futures=True)
        self._first.shutdown()

    def _is_due(self, known: _Known, state: object) -> bool:
        return known.state != state and self._clock_s() >= known.due_s

    def _compute(
        self, question: Hashable, known: _Known, state: object, compute: Callable[[], object]
    ) -> None:
        """A failure is told to those who wait, and not kept: the next one who asks waits for an answer."""
        began_s = self._clock_s()
        answer = known.newer or known.answer
        try:
            found = compute()
        except BaseException as error:
            with self._lock:
                if self._known.get(question) is known:
                    del self._known[question]
            answer.set_exception(error)
            return
        now_s = self._clock_s()
        with self._lock:
            known.state, known.answer, known.newer = state, answer, None
            known.due_s = now_s + REST_FACTOR * (now_s - began_s)
            answer.set_result(found)
