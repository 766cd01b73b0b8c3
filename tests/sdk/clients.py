"""Requests as browsers and mobile SDKs make them, flags for them to see, and streams of any address."""

import base64
import contextlib
import http.client
import json
from collections.abc import Iterator
from typing import Any

from live import LiveServer, Reply
from sdk.streams import PATIENCE_S, Stream

UNIT: dict[str, Any] = {"kind": "user", "key": "unit-1"}
BOTH = {"usingEnvironmentId": True, "usingMobileKey": True}


def encoded(context: object, *, padded: bool = False, plain: bool = False) -> str:
    """The context in base64, of the alphabet for URLs unless `plain`."""
    raw = context if isinstance(context, bytes) else json.dumps(context, ensure_ascii=False).encode()
    text = (base64.b64encode(raw) if plain else base64.urlsafe_b64encode(raw)).decode()
    return text if padded else text.rstrip("=")


def evalx(server: LiveServer, context: object = UNIT, query: str = "", **headers: str) -> Reply:
    """What a browser in production gets."""
    environment = server.environment_rep()["_id"]
    return server.request(
        "GET", f"/sdk/evalx/{environment}/contexts/{encoded(context)}{query}", None, _named(headers)
    )


def report(server: LiveServer, context: object = UNIT, query: str = "", **headers: str) -> Reply:
    """The same with the context in the body."""
    environment = server.environment_rep()["_id"]
    headers = _named(headers) | {"Content-Type": "application/json"}
    return server.request("REPORT", f"/sdk/evalx/{environment}/context{query}", context, headers)


def mobile(
    server: LiveServer, path: str, method: str = "GET", body: Any = None, *, key: str | None = None
) -> Reply:
    """A request with production's mobile key unless another is given."""
    shown = server.environment_rep()["mobileKey"] if key is None else key
    headers = {"Authorization": shown, "Content-Type": "application/json"}
    return server.request(method, path, body, headers)


def browser_flag(server: LiveServer, key: str, *, on: bool = True, **more: Any) -> None:
    """A flag of two texts, "a" where it is on and "b" where it is off."""
    body: dict[str, Any] = {"key": key, "name": key, "clientSideAvailability": BOTH}
    body |= {"variations": [{"value": "a"}, {"value": "b"}], **more}
    assert server.rest("POST", "/flags/default", body).status == 201
    change(server, key, ("replace", "/environments/production/on", on))


def change(server: LiveServer, key: str, *operations: tuple[str, str, object]) -> None:
    """A patch of a flag."""
    patch = [{"op": op, "path": path, "value": value} for op, path, value in operations]
    reply = server.rest("PATCH", f"/flags/default/{key}", patch)
    assert reply.status == 200, reply.body


@contextlib.contextmanager
def client_stream(
    server: LiveServer, path: str, method: str = "GET", body: Any = None, **headers: str
) -> Iterator[Stream]:
    """A stream at any address; its first message is still to be read."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    try:
        data = None if body is None else json.dumps(body).encode()
        connection.request(method, path, data, _named(headers))
        response = connection.getresponse()
        assert response.status == 200, response.read()
        yield Stream(response)
    finally:
        connection.close()


def patch_environment(server: LiveServer, key: str, path: str, value: object) -> None:
    patch = [{"op": "replace", "path": path, "value": value}]
    assert server.rest("PATCH", f"/projects/default/environments/{key}", patch).status == 200


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
