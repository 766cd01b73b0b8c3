"""Rate limits: so many requests of a token in ten seconds, and fewer of those that analyse."""

import time
from dataclasses import dataclass

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from assay.errors import TooManyRequests

WINDOW_S = 10


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left after this request, and when the window ends (epoch ms)."""

    remaining: int
    route_remaining: int | None
    reset_ms: int

    def headers(self) -> dict[str, str]:
        headers = {
            "X-Ratelimit-Global-Remaining": str(self.remaining),
            "X-Ratelimit-Reset": str(self.reset_ms),
        }
        if self.route_remaining is not None:
            headers["X-Ratelimit-Route-Remaining"] = str(self.route_remaining)
        return headers


class RateLimits:
    """Counts in memory; a restart forgets them."""

    def __init__(self, requests: int, results: int) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._requests = RateLimitItemPerSecond(requests, WINDOW_S)
        self._results = RateLimitItemPerSecond(results, WINDOW_S)

    def take(self, caller: str, *, results: bool) -> Allowance:
        """Counts one request of `caller`; raises `TooManyRequests` past the limit."""
        remaining, reset_ms = self._hit(self._requests, caller)
        route_remaining = None
        if results:
            route_remaining, route_reset_ms = self._hit(self._results, f"{caller}/results")
            reset_ms = max(reset_ms, route_reset_ms)
        return Allowance(remaining, route_remaining, reset_ms)

    def _hit(self, limit: RateLimitItemPerSecond, key: str) -> tuple[int, int]:
        allowed = self._limiter.hit(limit, key)
        window = self._limiter.get_window_stats(limit, key)
        reset_ms = int(window.reset_time * 1000)
        if not allowed:
            raise TooManyRequests(reset_ms)
        return window.remaining, reset_ms


def retry_after_s(reset_ms: int) -> int:
    """Whole seconds until the window ends, at least one."""
    return max(1, -(-(reset_ms - int(time.time() * 1000)) // 1000))
