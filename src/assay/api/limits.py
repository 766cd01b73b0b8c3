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
    """What is left after this request, in all and of its route, and when the window ends (epoch ms)."""

    remaining: int
    route_remaining: int
    reset_ms: int
    exceeded: bool

    def headers(self) -> dict[str, str]:
        return {
            "X-Ratelimit-Global-Remaining": str(self.remaining),
            "X-Ratelimit-Route-Remaining": str(self.route_remaining),
            "X-Ratelimit-Reset": str(self.reset_ms),
        }

    def check(self) -> None:
        """Raises `TooManyRequests` where this request was one too many."""
        if self.exceeded:
            raise TooManyRequests(self.reset_ms)


class RateLimits:
    """Counts in memory; a restart forgets them."""

    def __init__(self, requests: int, results: int) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._requests = RateLimitItemPerSecond(requests, WINDOW_S)
        self._results = RateLimitItemPerSecond(results, WINDOW_S)

    def take(self, caller: str, *, results: bool) -> Allowance:
        """Counts one request of `caller`. Only results have a narrower limit of their own."""
        whole = self._hit(self._requests, caller)
        if not results or whole.exceeded:
            return whole
        route = self._hit(self._results, f"{caller}/results")
        return Allowance(
            whole.remaining, route.remaining, max(whole.reset_ms, route.reset_ms), route.exceeded
        )

    def _hit(self, limit: RateLimitItemPerSecond, key: str) -> Allowance:
        allowed = self._limiter.hit(limit, key)
        window = self._limiter.get_window_stats(limit, key)
        return Allowance(window.remaining, window.remaining, int(window.reset_time * 1000), not allowed)


def retry_after_s(reset_ms: int) -> int:
    """Whole seconds until the window ends, at least one."""
    return max(1, -(-(reset_ms - int(time.time() * 1000)) // 1000))
