"""What keeps pages safe in a browser: headers, cookies, where requests come from, how often somebody may guess."""

from urllib.parse import urlsplit

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import Request
from starlette.responses import Response

from assay.errors import TooManyRequests

SESSION_COOKIE = "assay-session"
ATTEMPTS_A_MINUTE = 10

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


class Attempts:
    """Sign-ins that failed, by address; a restart forgets them."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._limit = RateLimitItemPerMinute(ATTEMPTS_A_MINUTE)

    def check(self, address: str) -> None:
        """Raises `TooManyRequests` where the address failed too often."""
        if not self._limiter.test(self._limit, address):
            reset_s = self._limiter.get_window_stats(self._limit, address).reset_time
            raise TooManyRequests(int(reset_s * 1000))

    def failed(self, address: str) -> None:
        self._limiter.hit(self._limit, address)


def from_our_pages(request: Request) -> bool:
    """Whether a request that changes something was sent by a page of ours, as far as the browser tells."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin in (None, "null") or urlsplit(origin).netloc == request.headers.get("host")


def set_session(response: Response, request: Request, session_id: str) -> None:
    """Lax, so that a link in a message leads to the page and not to signing in."""
    response.set_cookie(
        SESSION_COOKIE,
        session_id,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path="/",
    )
