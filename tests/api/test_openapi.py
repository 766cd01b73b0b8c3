"""The description: it is valid, says something of every operation, and needs no token."""

import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from assay.api.openapi import description, operation_id
from assay.api.routes import OPERATIONS
from live import LiveServer

# Handlers of POST that read no body at all.
BODILESS = {"reset_sdk_key", "reset_mobile_key", "reset_token"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return description(OPERATIONS)


def test_it_is_valid(document: dict[str, Any]) -> None:
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_the_server_shows_it_to_anyone(api: LiveServer, document: dict[str, Any]) -> None:
    reply = api.request("GET", "/api/v2/openapi.json")
    assert (reply.status, reply.body) == (200, document)
    assert int(reply.headers["x-ratelimit-global-remaining"]) > 0


def test_a_wrong_token_does_not_hide_it(api: LiveServer) -> None:
    assert api.request("GET", "/api/v2/openapi.json", None, {"Authorization": "nonsense"}).status == 200


def test_every_operation_is_in_it_once(document: dict[str, Any]) -> None:
    shown = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert shown == {(row.method, row.path) for row in OPERATIONS}
    assert len(shown) == len(OPERATIONS)


def test_operation_ids_are_unique() -> None:
    ids = [operation_id(row) for row in OPERATIONS]
    assert sorted({name for name in ids if ids.count(name) > 1}) == []


def test_every_answer_has_a_type_or_no_body() -> None:
    untyped = {
        row.handler.__name__
        for row in OPERATIONS
        if row.answer is None and not row.media and row.status != 204
    }
    assert untyped == set()


def test_every_body_has_a_type() -> None:
    untyped = {
        row.handler.__name__ for row in OPERATIONS if row.body is None and row.method in ("POST", "PUT")
    }
    assert untyped - BODILESS == set()


def test_what_is_deleted_answers_without_a_body() -> None:
    assert {row.status for row in OPERATIONS if row.method == "DELETE" and row.answer is None} <= {200, 204}
    assert [row.path for row in OPERATIONS if row.status == 204 and row.answer is not None] == []


def test_path_parameters_are_described(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            named = {item["name"] for item in operation["parameters"] if item.get("in") == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))


def test_all_but_the_public_need_a_token(document: dict[str, Any]) -> None:
    assert document["security"] == [{"token": []}]
    public = {
        path
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if operation.get("security") == []
    }
    assert public == {row.path for row in OPERATIONS if row.role == "anyone"}
