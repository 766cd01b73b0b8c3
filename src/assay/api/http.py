"""Where HTTP ends: from a request to a `Call`, from an `Answer` or an error to a response."""

import functools
import uuid
from collections.abc import Awaitable, Callable
from urllib.parse import unquote

import msgspec
import structlog
from anyio import CapacityLimiter, to_thread
from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from assay.access.tokens import authenticate, require
from assay.api.call import Answer, Call, Operation, Rooms
from assay.api.limits import RateLimits, retry_after_s
from assay.errors import (
    AssayError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    TooLarge,
    TooManyRequests,
    Unauthorized,
)
from assay.store.records import Token

REQUESTS = Counter("assay_rest_requests_total", "REST requests", ["method", "path", "status"])

# Analyses at one time; more of them wait in line, and leave other requests their threads.
MOST_ANALYSES = 4

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
    """The one shape of every error: code, message, and an id that stands in our log too."""
    body = {"code": error.code, "message": str(error), "id": str(uuid.uuid4())}
    extra = dict(headers or {})
    if isinstance(error, TooManyRequests):
        extra["Retry-After"] = str(retry_after_s(error.reset_ms))
        extra["X-Ratelimit-Reset"] = str(error.reset_ms)
        extra["X-Ratelimit-Global-Remaining"] = "0"
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
        token = _authenticated(request, rooms, limits)
        operation = methods.get(request.method)
        if operation is None:
            raise MethodNotAllowed(f"{request.method} is not possible here; {', '.join(sorted(methods))} is")
        headers = limits.take(token.id, results=operation.results).headers()
        require(token, operation.role)
        body = await _read_json(request, max_body_bytes)
        call = Call(
            rooms=rooms,
            token=token,
            path={name: unquote(value) for name, value in request.path_params.items()},
            query=dict(request.query_params),
            body=body,
            version=request.headers.get("ld-api-version", str(token.default_api_version or "")),
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


def _authenticated(request: Request, rooms: Rooms, limits: RateLimits) -> Token:
    try:
        return authenticate(rooms.store, request.headers.get("authorization"))
    except Unauthorized:
        limits.take(f"address/{request.client.host if request.client else ''}", results=False)
        raise


async def _read_json(request: Request, most: int) -> object:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise TooLarge(f"a body holds at most {most} bytes")
    if not body:
        return None
    try:
        return msgspec.json.decode(bytes(body))
    except (ValueError, msgspec.DecodeError) as error:
        raise InvalidRequest(f"the body is no JSON: {error}") from None
    except RecursionError:
        raise InvalidRequest("the body is nested too deeply") from None


def _target(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _response(answer: Answer, headers: dict[str, str]) -> Response:
    if answer.body is None:
        return Response(None, answer.status, headers)
    return Response(msgspec.json.encode(answer.body), answer.status, headers, "application/json")
