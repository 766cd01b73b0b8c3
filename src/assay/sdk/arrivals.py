"""What arrives now, by SDK: counted in memory for a few minutes, forgotten by a restart."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

KEPT_S = 300
STEP_S = 5
LONGEST_NAME = 64
# Whoever knows a client-side id can make up names of SDKs.
MOST_PLACES = 200


@dataclass(frozen=True, slots=True)
class Arrived:
    """Events of one kind by one SDK in one step of `STEP_S` seconds that began at `at_s`."""

    at_s: int
    sdk: str
    kind: str
    events: int


class Arrivals:
    """Counts by environment id; intake adds, pages read."""

    def __init__(self, now_s: Callable[[], float] = time.time) -> None:
        self._now_s = now_s
        self._lock = threading.Lock()
        self._steps: dict[str, deque[tuple[int, dict[tuple[str, str], int]]]] = {}

    def add(self, environment: str, sdk: str, kinds: Mapping[str, int]) -> None:
        """Counts events by kind; quarantined ones count as the kind `quarantined`."""
        at_s = int(self._now_s()) // STEP_S * STEP_S
        with self._lock:
            steps = self._steps.setdefault(environment, deque())
            if not steps or steps[-1][0] != at_s:
                steps.append((at_s, {}))
            while steps[0][0] < at_s - KEPT_S:
                steps.popleft()
            counts = steps[-1][1]
            for kind, events in kinds.items():
                place = (sdk[:LONGEST_NAME], kind)
                if place not in counts and len(counts) >= MOST_PLACES:
                    place = ("others", kind[:LONGEST_NAME])
                counts[place] = counts.get(place, 0) + events

    def recent(self, environment: str) -> list[Arrived]:
        """What arrived in the last minutes, oldest first."""
        first_s = int(self._now_s()) - KEPT_S
        with self._lock:
            return [
                Arrived(at_s, sdk, kind, events)
                for at_s, counts in self._steps.get(environment, ())
                if at_s >= first_s
                for (sdk, kind), events in counts.items()
            ]
