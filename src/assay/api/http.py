"""Where HTTP ends: from a request to a `Call`, from an `Answer` or an error to a response."""

import functools
from collections.abc import Awaitable, Callable, Iterator
from typing import BinaryIO, TypeGuard
from urllib.parse import unquote

import msgspec
import structlog
from anyio import CapacityLimiter, to_thread
from prometheus_client import Counter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from assay.access.tokens import authenticate, mint
from assay.api.call import ANYONE, BETA, VERSIONS, Answer, Call, Download, Operation, Rooms, authorize
from assay.api.limits import Allowance, RateLimits, retry_after_s
from assay.errors import (
    AssayError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    TooLarge,
    TooManyRequests,
    Unauthorized,
    error_body,
)
from assay.store.records import Token

REQUESTS = Counter("assay_rest_requests_total", "REST requests", ["method", "path", "status"])

# Analyses at one time; more of them wait in line, and leave other requests their threads.
MOST_ANALYSES = 4

# Deeper bodies could be read, but neither copied for a patch nor read again after a restart.
DEEPEST_BODY = 100

# A client that is still sending when the connection closes sees a reset, not the refusal; so we hear it out.
READ_BEFORE_REFUSAL = 10

FILE_PIECE_BYTES = 1_000_000

# What a client behind a proxy that knows only GET and POST writes on its POST.
OVERRIDABLE = ("PUT", "PATCH", "DELETE")

# Whole numbers that SDKs, the event log and the tables can hold.
LEAST_NUMBER, MOST_NUMBER = -(2**63), 2**63 - 1

NOBODY = mint("nobody", "", "", 0)

_log = structlog.get_logger("api")


def operation_routes(
    operations: tuple[Operation, ...], rooms: Rooms, limits: RateLimits, max_body_bytes: int
) -> list[BaseRoute]:
    """A Starlette route for each path, one endpoint for its methods."""
    paths: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = operation
    return [
        Route(
            path,
            _endpoint(path, methods, rooms, limits, max_body_bytes),
            methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        )
        for path, methods in paths.items()
    ]


def error_response(error: AssayError, headers: dict[str, str] | None = None) -> Response:
    """An error as every client sees it; the id of a failure of ours stands in our log too."""
    body = error_body(error)
    extra = dict(headers or {})
    if isinstance(error, TooManyRequests):
        extra["Retry-After"] = str(retry_after_s(error.reset_ms))
    if error.status >= 500:
        _log.error("request_failed", id=body["id"], code=error.code, reason=str(error))
    return Response(msgspec.json.encode(body), error.status, extra, "application/json")


def unknown_path(path: str) -> Response:
    return error_response(NotFound(f"There is nothing at {path}"))


def _endpoint(
    path: str, methods: dict[str, Operation], rooms: Rooms, limits: RateLimits, max_body_bytes: int
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        response = await _respond(request, methods, rooms, limits, max_body_bytes)
        REQUESTS.labels(request.method, path, str(response.status_code)).inc()
        return response

    return endpoint


async def _respond(
    request: Request, methods: dict[str, Operation], rooms: Rooms, limits: RateLimits, max_body_bytes: int
) -> Response:
    headers: dict[str, str] = {}
    try:
        operation = methods.get(_method(request))
        token = _caller(request, operation, rooms, limits, headers)
        if operation is None:
            headers["Allow"] = ", ".join(sorted(methods))
            raise MethodNotAllowed(f"{_method(request)} is not possible here; {headers['Allow']} is")
        path = {name: unquote(value) for name, value in request.path_params.items()}
        body = await _read_body(request, max_body_bytes)
        authorize(rooms.store.state, token, operation, path, body)
        call = Call(
            rooms=rooms,
            token=token,
            path=path,
            query=dict(request.query_params),
            body=body,
            version=_version(request, token),
            target=_target(request),
        )
        answer = await to_thread.run_sync(
            operation.handler, call, limiter=_analyses() if operation.results else None
        )
    except AssayError as error:
        return error_response(error, headers)
    return _response(answer, headers)


@functools.cache
def _analyses() -> CapacityLimiter:
    return CapacityLimiter(MOST_ANALYSES)


def _method(request: Request) -> str:
    """The method that is meant: HEAD is GET without its body, and a POST may say that it stands for another."""
    override = request.headers.get("x-http-method-override")
    if request.method == "POST" and override is not None:
        if override.upper() not in OVERRIDABLE:
            raise InvalidRequest(f"X-HTTP-Method-Override is one of {', '.join(OVERRIDABLE)}")
        return override.upper()
    return "GET" if request.method == "HEAD" else request.method


def _version(request: Request, token: Token) -> str:
    """The version that the caller asks for: its header's, else its token's; none where neither says any."""
    version = request.headers.get("ld-api-version") or str(token.default_api_version or "")
    if version and version not in (*VERSIONS, BETA):
        raise InvalidRequest(f"LD-API-Version is one of {', '.join(VERSIONS)}, {BETA}, not {version[:40]!r}")
    return version


def _caller(
    request: Request, operation: Operation | None, rooms: Rooms, limits: RateLimits, headers: dict[str, str]
) -> Token:
    """Whose token this is; what the limits leave to its owner goes into `headers`. Without one, an address counts."""
    address = f"address/{request.client.host if request.client else ''}"
    if operation is not None and operation.role == ANYONE:
        _count(limits.take(address, results=False), headers)
        return NOBODY
    try:
        token = authenticate(rooms.store, request.headers.get("authorization"))
    except Unauthorized:
        _count(limits.take(address, results=False), headers)
        raise
    rooms.last_uses.note(token.id, rooms.store.now_ms())
    _count(limits.take(token.id, results=operation is not None and operation.results), headers)
    return token


def _count(allowance: Allowance, headers: dict[str, str]) -> None:
    headers.update(allowance.headers())
    allowance.check()


async def _read_body(request: Request, most: int) -> object:
    body = await _read_json(request, most)
    bare = isinstance(body, dict) and not body.keys() & {"merge", "patch", "instructions"}
    if bare and request.headers.get("content-type", "").startswith("application/merge-patch+json"):
        return {"merge": body}
    return body


async def _read_json(request: Request, most: int) -> object:
    body = bytearray()
    size = 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size <= most:
                body += piece
            elif size > READ_BEFORE_REFUSAL * most:
                break
    except ClientDisconnect:
        raise InvalidRequest("the body was cut short") from None
    if size > most:
        raise TooLarge(f"a body holds at most {most} bytes")
    return _parsed(bytes(body)) if body else None


def _parsed(body: bytes) -> object:
    try:
        parsed: object = msgspec.json.decode(body)
    except (ValueError, msgspec.DecodeError) as error:
        raise InvalidRequest(f"the body is no JSON: {error}") from None
    except RecursionError:
        raise InvalidRequest("the body is nested too deeply") from None
    _check_values(parsed)
    return parsed


def _check_values(body: object) -> None:
    """Raises `InvalidRequest` where a body is too deep, or a number too large, to be stored and read again."""
    nodes = [body]
    for _ in range(DEEPEST_BODY + 1):
        if any(type(node) is int and not LEAST_NUMBER <= node <= MOST_NUMBER for node in nodes):
            raise InvalidRequest("a whole number has at most 64 bits")
        inner = [node.values() if isinstance(node, dict) else node for node in nodes if _holds_others(node)]
        if not inner:
            return
        nodes = [child for children in inner for child in children]
    raise InvalidRequest(f"the body is nested too deeply; {DEEPEST_BODY} levels are possible")


def _holds_others(node: object) -> TypeGuard[dict[str, object] | list[object]]:
    return isinstance(node, dict | list)


def _target(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _response(answer: Answer, headers: dict[str, str]) -> Response:
    if answer.download is not None:
        return _file_response(answer.download, headers)
    if answer.body is None:
        return Response(None, answer.status, headers)
    return Response(msgspec.json.encode(answer.body), answer.status, headers, "application/json")


def _file_response(download: Download, headers: dict[str, str]) -> Response:
    named = {
        "Content-Length": str(download.size),
        "Content-Disposition": f'attachment; filename="{download.name}"',
    }
    return StreamingResponse(
        _pieces(download.file), headers={**headers, **named}, media_type=download.media_type
    )


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(FILE_PIECE_BYTES):
            yield piece
