"""The style sheet and the script: read once, at addresses that change with their content."""

import functools
import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

STATIC = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@functools.cache
def _files() -> dict[str, tuple[str, bytes]]:
    """By name: the start of the content's SHA-256, and the content."""
    found = {path.name: path.read_bytes() for path in sorted(STATIC.iterdir()) if path.suffix in TYPES}
    return {name: (hashlib.sha256(body).hexdigest()[:16], body) for name, body in found.items()}


def static_address(name: str) -> str:
    return f"/static/{_files()[name][0]}/{name}"


def static_text(name: str) -> str:
    """The file's content, to be put into a page as it is."""
    return _files()[name][1].decode()


async def serve_static(request: Request) -> Response:
    """A file, under any digest: a page of the day before may ask for what isn't any more."""
    name = request.path_params["name"]
    if name not in _files():
        return PlainTextResponse("not found\n", 404)
    digest, body = _files()[name]
    fresh = request.path_params["digest"] == digest
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if fresh else "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(body, 200, headers, TYPES[Path(name).suffix])
