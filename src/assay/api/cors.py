"""Pages of any origin may call the REST API with a token that their user gave them; they never send cookies."""

from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from assay.api.links import ROOT

ALLOWED = {
    "Access-Control-Allow-Methods": "OPTIONS, GET, HEAD, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": (
        "Accept, Accept-Encoding, Authorization, Content-Length, Content-Type, LD-API-Version, "
        "X-HTTP-Method-Override, X-LaunchDarkly-User-Agent"
    ),
    "Access-Control-Expose-Headers": (
        "Date, Retry-After, X-Ratelimit-Global-Remaining, X-Ratelimit-Route-Remaining, X-Ratelimit-Reset"
    ),
    "Access-Control-Max-Age": "300",
}


class OpenToPages:
    """Answers preflights below /api/v2, and lets the page read every other answer, refusals included."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_ours(scope["path"]):
            await self._application(scope, receive, send)
            return
        origin = Headers(scope=scope).get("origin")
        if scope["method"] == "OPTIONS":
            await Response(None, 204, _allowed(origin))(scope, receive, send)
            return

        async def send_readable(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_allowed(origin))
            await send(message)

        await self._application(scope, receive, send_readable)


def _is_ours(path: str) -> bool:
    return path == ROOT or path.startswith(f"{ROOT}/")


def _allowed(origin: str | None) -> dict[str, str]:
    return {"Access-Control-Allow-Origin": origin or "*", "Vary": "Origin", **ALLOWED}
