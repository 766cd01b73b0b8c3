"""When a failed attempt is repeated and how long to wait before it; pure, the clock is an argument."""

import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime

DEFAULT_RETRIES = 3
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 8.0

# The server says that it did not act: anything may be repeated.
_REFUSED = (429, 503)
# A gateway lost the answer: only reading may be repeated, since a second reset would also delete what
# was collected after the first.
_LOST = (502, 504)


def repeatable(method: str, status: int) -> bool:
    """Whether an attempt that ended with `status` may be made again."""
    return status in _REFUSED or (method == "GET" and status in _LOST)


def wait_s(attempt: int, headers: Mapping[str, str] | None, *, now_s: float, jitter: float) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 0); `jitter` is in [0, 1].

    `Retry-After` decides, else `X-Ratelimit-Reset`, else exponential back-off. Jitter spreads clients that
    were turned away together. The server's `Date` is its clock, so that a skewed clock here does no harm.
    """
    headers = headers or {}
    server_now_s = _date_s(headers.get("Date", ""), now_s)
    retry_after = headers.get("Retry-After", "")
    seconds = _number(retry_after, _date_s(retry_after, math.nan) - server_now_s)
    if not seconds >= 0:
        seconds = _number(headers.get("X-Ratelimit-Reset", ""), math.nan) / 1000 - server_now_s
    if not seconds >= 0:
        return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(attempt, 10)) * (0.5 + jitter / 2)
    return seconds + jitter * min(FIRST_WAIT_S, seconds / 10)


def _number(text: str, otherwise: float) -> float:
    with suppress(ValueError):
        return float(text)
    return otherwise


def _date_s(text: str, otherwise: float) -> float:
    with suppress(ValueError, TypeError, IndexError, OverflowError):
        moment = parsedate_to_datetime(text)
        return float((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    return otherwise
