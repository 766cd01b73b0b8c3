"""Time: which window an analysis looks at, and into which buckets it is cut."""

from dataclasses import dataclass

from assay.errors import InvalidRequest
from assay.events.rows import MOST_SKEW_MS
from assay.experiments.flag_scoped import Period
from assay.store.records import Reset

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

# A window up to this long is cut into the buckets named beside it; the last row is for all longer ones.
GRANULARITIES = (
    ("hourly", HOUR_MS, 2 * DAY_MS),
    ("daily", DAY_MS, 1000 * DAY_MS),
    ("monthly", 30 * DAY_MS, None),
)

# No clock was right before 1970; an event that claims so, taken as it is, would cut a window into millions of buckets.
EARLIEST_MS = 0


@dataclass(frozen=True, slots=True)
class Window:
    """`[start_ms, end_ms)`, epoch milliseconds."""

    start_ms: int
    end_ms: int


def window_of(
    periods: tuple[Period, ...], reset: Reset | None, start: int | None, end: int | None, now_ms: int
) -> Window:
    """The window asked for; where it isn't, from the current period's start (or a later reset) to now or its stop."""
    current = periods[-1] if periods else Period(now_ms)
    default_start = max(current.start_date, reset.at_ms if reset else EARLIEST_MS)
    # A client's clock may run ahead by as much as intake lets pass: what was acked counts from then on all the same.
    default_end = now_ms + MOST_SKEW_MS + 1 if current.stop_date is None else current.stop_date
    window = Window(default_start if start is None else start, default_end if end is None else end)
    if start is not None and end is not None and end < start:
        raise InvalidRequest("to lies before from")
    return window if window.end_ms >= window.start_ms else Window(window.start_ms, window.start_ms)


def granularity_of(first_ms: int, last_ms: int) -> tuple[str, int]:
    """The word for the bucket width that suits a time span, and the width."""
    for word, width, longest in GRANULARITIES:
        if longest is None or last_ms - first_ms <= longest:
            return word, width
    raise AssertionError("the last granularity has no limit")
