"""Which time an analysis looks at."""

import pytest

from assay.analysis.windows import DAY_MS, HOUR_MS, Window, granularity_of, window_of
from assay.errors import InvalidRequest
from assay.events.rows import MOST_SKEW_MS
from assay.experiments.flag_scoped import Period
from assay.store.records import Reset

NOW = 1_800_000_000_000
SOON = NOW + MOST_SKEW_MS + 1
STARTED = Period(NOW - 1000)
STOPPED = Period(NOW - 1000, NOW - 500)


@pytest.mark.parametrize(
    ("periods", "reset_ms", "expected"),
    [
        ((STARTED,), None, (NOW - 1000, SOON)),
        ((STOPPED,), None, (NOW - 1000, NOW - 500)),
        ((STOPPED, Period(NOW - 100)), None, (NOW - 100, SOON)),
        ((STARTED,), NOW - 300, (NOW - 300, SOON)),
        ((STARTED,), NOW - 3000, (NOW - 1000, SOON)),
        ((STOPPED,), NOW - 100, (NOW - 100, NOW - 100)),
        ((), None, (NOW, SOON)),
    ],
)
def test_without_from_and_to_it_is_the_current_period_or_what_followed_the_reset(
    periods: tuple[Period, ...], reset_ms: int | None, expected: tuple[int, int]
) -> None:
    reset = None if reset_ms is None else Reset(1, reset_ms)
    assert window_of(periods, reset, None, None, NOW) == Window(*expected)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (5, 9, (5, 9)),
        (5, 5, (5, 5)),
        (5, None, (5, SOON)),
        (None, NOW, (NOW - 1000, NOW)),
        (None, 1, (NOW - 1000, NOW - 1000)),
        (NOW * 2, None, (NOW * 2, NOW * 2)),
        (-(2**63), 2**63 - 1, (-(2**63), 2**63 - 1)),
    ],
)
def test_what_was_asked_for_is_looked_at(
    start: int | None, end: int | None, expected: tuple[int, int]
) -> None:
    assert window_of((STARTED,), None, start, end, NOW) == Window(*expected)


def test_to_before_from_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="before"):
        window_of((STARTED,), None, 6, 5, NOW)


def test_an_event_with_a_clock_as_far_ahead_as_allowed_is_inside_at_once() -> None:
    window = window_of((STARTED,), None, None, None, NOW)
    assert window.start_ms <= NOW + MOST_SKEW_MS < window.end_ms


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (0, ("hourly", HOUR_MS)),
        (2 * DAY_MS, ("hourly", HOUR_MS)),
        (2 * DAY_MS + 1, ("daily", DAY_MS)),
        (1000 * DAY_MS, ("daily", DAY_MS)),
        (1000 * DAY_MS + 1, ("monthly", 30 * DAY_MS)),
        (2**63, ("monthly", 30 * DAY_MS)),
    ],
)
def test_longer_times_get_wider_buckets(span: int, expected: tuple[str, int]) -> None:
    assert granularity_of(NOW, NOW + span) == expected
