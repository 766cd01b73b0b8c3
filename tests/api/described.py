"""Holds answers against the API's description: status, content type, and the schema of the body."""

import functools
import re
from typing import Any

import jsonschema_rs

from assay.api.openapi import description
from assay.api.routes import OPERATIONS
from live import LiveServer, Reply

JSON = "application/json"


class DescribedServer(LiveServer):
    """A server whose every answer below /api/v2 must be one that openapi.json describes."""

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        reply = super().request(method, path, body, headers)
        if not any(name.lower() == "x-http-method-override" for name in headers or {}):
            assert_described(method, path.partition("?")[0], reply)
        return reply


def assert_described(method: str, path: str, reply: Reply) -> None:
    """An unknown path, and a method that is not possible there, have no description to break."""
    templates = [template for pattern, template in _patterns() if pattern.fullmatch(path)]
    operation = _document()["paths"][templates[0]].get(method.lower()) if templates else None
    if operation is None:
        return
    name = f"{method} {templates[0]}"
    status = str(reply.status)
    assert status in operation["responses"], f"{name} doesn't say that it answers {status}: {reply.body}"
    content = _content(templates[0], method.lower(), status)
    if not content:
        return
    content_type = reply.headers["content-type"].partition(";")[0]
    assert content_type in content, f"{name} doesn't say that it answers {content_type}"
    if content_type == JSON:
        errors = _validator(templates[0], method.lower(), status).iter_errors(reply.body)
        told = [f"{'/'.join(map(str, error.instance_path))}: {error.message}"[:500] for error in errors]
        assert told == [], f"{name} {status}: {told}"


@functools.cache
def _document() -> dict[str, Any]:
    return description(OPERATIONS)


@functools.cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Words before parameters."""
    paths = sorted(_document()["paths"], key=lambda path: [part.startswith("{") for part in path.split("/")])
    return [(re.compile(re.sub(r"{\w+}", "[^/]+", path)), path) for path in paths]


def _content(path: str, method: str, status: str) -> dict[str, Any]:
    response = _document()["paths"][path][method]["responses"][status]
    if "$ref" in response:
        response = _document()["components"]["responses"][response["$ref"].rpartition("/")[2]]
    content: dict[str, Any] = response.get("content", {})
    return content


@functools.cache
def _validator(path: str, method: str, status: str) -> Any:
    schema = _content(path, method, status)[JSON]["schema"]
    return jsonschema_rs.validator_for({**schema, "components": _document()["components"]})
