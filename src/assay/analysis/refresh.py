"""Results that are computed once for what they depend on: the promise, and up to where events are loaded."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from assay.analysis.experiment_results import IterationResults
from assay.analysis.iteration_analysis import analyse_iteration
from assay.analysis.iterations import IterationPromise
from assay.events.log import Position
from assay.warehouse.engine import Engine

# Each holds some hundred thousand numbers at the most; a table of units is never kept.
MOST_KEPT = 64

Analyse = Callable[[IterationPromise, Engine], IterationResults]


@dataclass(frozen=True, slots=True)
class _Kept:
    """An analysis under way or done, of what the tables held at a position."""

    position: Position
    answer: "Future[IterationResults]"


class ResultsCache:
    """The results asked for lately. Whoever asks for what is being computed waits for it."""

    def __init__(self, analyse: Analyse = analyse_iteration) -> None:
        self._analyse = analyse
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()

    def results(self, promise: IterationPromise, engine: Engine) -> IterationResults:
        """What an analysis now would say.

        Events that are loaded while an analysis runs may be in it or not, as without a cache.
        """
        identity, position = promise.identity, engine.position()
        with self._lock:
            found = self._kept.get(identity)
            if found is not None and found.position == position:
                self._kept.move_to_end(identity)
                mine = None
            else:
                mine = found = _Kept(position, Future())
                self._kept[identity] = found
                self._kept.move_to_end(identity)
                while len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
        if mine is not None:
            self._compute(identity, mine, promise, engine)
        return found.answer.result()

    def _compute(self, identity: bytes, mine: _Kept, promise: IterationPromise, engine: Engine) -> None:
        try:
            mine.answer.set_result(self._analyse(promise, engine))
        except BaseException as error:
            # A failure is told to those who wait, and not kept.
            with self._lock:
                if self._kept.get(identity) is mine:
                    del self._kept[identity]
            mine.answer.set_exception(error)
