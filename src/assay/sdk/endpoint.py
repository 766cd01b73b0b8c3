"""One SDK request and its answer; errors and CORS in one place for every endpoint."""

from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from assay.errors import AssayError, MethodNotAllowed
from assay.sdk.wire import Disconnected, Headers, Receive, Scope, Send, answer, answer_error, header

ALLOWED_HEADERS = (
    "Cache-Control, Content-Type, Content-Length, Content-Encoding, Accept-Encoding, Authorization, If-None-Match, "
    "X-LaunchDarkly-User-Agent, X-LaunchDarkly-Payload-ID, X-LaunchDarkly-Wrapper, X-LaunchDarkly-Event-Schema, "
    "X-LaunchDarkly-Tags, X-LaunchDarkly-Instance-Id, X-API-Key"
)
CORS: Headers = [
    (b"vary", b"origin"),
    (b"access-control-allow-credentials", b"false"),
    (b"access-control-allow-methods", b"GET, POST, REPORT, OPTIONS"),
    (b"access-control-allow-headers", ALLOWED_HEADERS.encode()),
    (b"access-control-expose-headers", b"Date, ETag, X-LD-EnvId, X-LD-FD-Fallback, X-LD-FD-Fallback-TTL"),
    (b"access-control-max-age", b"300"),
]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and the way to answer it."""

    scope: Scope
    receive: Receive
    send: Send

    def header(self, name: bytes) -> str | None:
        return header(self.scope, name)

    def segment(self, name: str) -> str:
        """A path parameter, decoded."""
        return unquote(self.scope["path_params"][name])

    def query(self, name: str) -> str | None:
        """The first value of a query parameter."""
        values = parse_qs(self.scope["query_string"].decode("latin-1"), keep_blank_values=True).get(name)
        return values[0] if values else None

    async def answer(self, status: int, headers: Headers | None = None, body: bytes = b"") -> None:
        await answer(self.send, status, headers, body)


Handler = Callable[[Exchange], Awaitable[None]]


class Endpoint:
    """A raw ASGI application around a handler. (Starlette takes an object, but not a function, as one.)"""

    def __init__(self, method: str, handler: Handler) -> None:
        self._method = method
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope["method"] != self._method:
                raise MethodNotAllowed(f"{scope['method']} is not possible here; {self._method} is")
            await self._handler(Exchange(scope, receive, send))
        except Disconnected:
            return
        except AssayError as error:
            await answer_error(send, error)


class BrowserEndpoint(Endpoint):
    """The same for pages of any origin: answers preflights, and every answer may be read by the page."""

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[None, None, None]:
        readable = _readable(send, header(scope, b"origin"))
        if scope["method"] == "OPTIONS":
            return answer(readable, 204)
        return super().__call__(scope, receive, readable)


def _readable(send: Send, origin: str | None) -> Send:
    async def send_readable(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            allowed = (b"access-control-allow-origin", (origin or "*").encode("latin-1"))
            message = {**message, "headers": [*message["headers"], allowed, *CORS]}
        await send(message)

    return send_readable
