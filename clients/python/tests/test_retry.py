"""How long a repeat waits, and which failures are repeated."""

from email.utils import formatdate

import pytest

from launchdarkly_api.retry import FIRST_WAIT_S, LONGEST_WAIT_S, repeatable, wait_s

NOW_S = 1_700_000_000.0


def waited(headers: dict[str, str] | None, *, attempt: int = 0, jitter: float = 0.0) -> float:
    return wait_s(attempt, headers, now_s=NOW_S, jitter=jitter)


def test_without_a_hint_the_wait_doubles_up_to_a_bound_and_is_spread_by_jitter() -> None:
    assert [waited(None, attempt=n, jitter=1.0) for n in range(3)] == [FIRST_WAIT_S, 1.0, 2.0]
    assert waited({}, attempt=0, jitter=0.0) == FIRST_WAIT_S / 2
    assert waited({}, attempt=10_000, jitter=1.0) == LONGEST_WAIT_S


def test_retry_after_in_seconds_is_the_least_wait() -> None:
    assert waited({"Retry-After": "7"}) == 7.0
    assert waited({"Retry-After": "0"}) == 0.0
    assert 7.0 < waited({"Retry-After": "7"}, jitter=1.0) <= 7.5


def test_retry_after_as_a_date_is_counted_from_now_or_from_the_servers_own_date() -> None:
    assert waited({"Retry-After": formatdate(NOW_S + 9, usegmt=True)}) == 9.0
    skewed = {
        "Date": formatdate(NOW_S - 3600, usegmt=True),
        "Retry-After": formatdate(NOW_S - 3590, usegmt=True),
    }
    assert waited(skewed) == 10.0


def test_the_reset_of_the_rate_limit_is_an_epoch_in_milliseconds() -> None:
    reset = {"X-Ratelimit-Reset": str(int((NOW_S + 4) * 1000))}
    assert waited(reset) == 4.0
    assert waited(reset | {"Date": formatdate(NOW_S + 1, usegmt=True)}) == 3.0


def test_retry_after_goes_before_the_reset_of_the_rate_limit() -> None:
    assert waited({"Retry-After": "2", "X-Ratelimit-Reset": str(int((NOW_S + 9) * 1000))}) == 2.0


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "soon"},
        {"Retry-After": "-5"},
        {"Retry-After": "nan"},
        {"Retry-After": ""},
        {"Retry-After": formatdate(NOW_S - 50, usegmt=True)},
        {"Retry-After": "Mon, 99 Foo 2021"},
        {"X-Ratelimit-Reset": "later"},
        {"X-Ratelimit-Reset": str(int(NOW_S))},
        {"Date": "never", "X-Ratelimit-Reset": "0"},
    ],
)
def test_a_hint_that_makes_no_sense_or_lies_in_the_past_is_ignored(headers: dict[str, str]) -> None:
    assert waited(headers, jitter=1.0) == FIRST_WAIT_S


def test_a_reset_is_repeated_only_where_the_server_cannot_have_acted() -> None:
    statuses = (400, 401, 403, 404, 409, 429, 500, 502, 503, 504)
    assert [status for status in statuses if repeatable("GET", status)] == [429, 502, 503, 504]
    assert [status for status in statuses if repeatable("DELETE", status)] == [429, 503]
