"""Bodies that are no request: each is refused with its documented status, and the server goes on."""

import json
import socket

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer

NO_JSON = (
    b"{",
    b"[1,",
    b'{"key": }',
    b"{'key': 'a'}",
    b"nonsense",
    b"NaN",
    b'{"key": "a"} trailing',
    b'{"key": "\xff\xfe"}',
    b'{"key": "\\ud800"}',
    b'{"name": "\x00"}',
    b'{"number": 1e999}',
    b"\xef\xbb\xbf{}",
    b" ",
)
PLACES = (
    ("POST", "/projects"),
    ("POST", "/projects/default/environments"),
    ("PATCH", "/projects/default"),
    ("PATCH", "/projects/default/environments/test"),
    ("POST", "/flags/default"),
    ("PATCH", "/flags/default/some"),
    ("POST", "/metrics/default"),
    ("PATCH", "/metrics/default/some"),
    ("POST", "/tokens"),
)


@pytest.mark.parametrize("body", NO_JSON)
def test_a_body_that_is_no_json_is_refused(api: LiveServer, body: bytes) -> None:
    assert_refused(api.rest("POST", "/flags/default", body), 400, "invalid_request")


@pytest.mark.parametrize(("method", "path"), PLACES)
@pytest.mark.parametrize("body", [None, b"", b"null", b"true", b"5", b'"text"'])
def test_a_body_of_the_wrong_type_is_refused(
    api: LiveServer, method: str, path: str, body: bytes | None
) -> None:
    assert_refused(api.rest(method, path, body), 400, "invalid_request")


@pytest.mark.parametrize("path", [path for method, path in PLACES if method == "POST"])
@pytest.mark.parametrize("body", [{}, [], [{"key": "a"}], {"unknown": 1}])
def test_a_creation_without_what_it_needs_is_refused(api: LiveServer, path: str, body: object) -> None:
    if path == "/tokens" and isinstance(body, dict):
        return  # a token needs neither name nor role
    assert_refused(api.rest("POST", path, body), 400, "invalid_request")


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("depth", [101, 900, 960, 990, 1001, 100_000])
def test_a_body_nested_too_deeply_is_refused(api: LiveServer, opening: bytes, depth: int) -> None:
    closing = b"]" if opening == b"[" else b"}"
    body = opening * depth + b"1" + closing * depth
    assert_refused(api.rest("POST", "/flags/default", body), 400, "invalid_request")


def test_a_value_nested_as_deeply_as_a_body_may_be_can_be_stored_and_patched(api: LiveServer) -> None:
    key = fresh("deep")
    value = json.loads("[" * 90 + "]" * 90)
    body = {"key": key, "name": key, "variations": [{"value": value}, {"value": 1}]}
    assert api.rest("POST", "/flags/default", body).status == 201
    patched = api.rest("PATCH", f"/flags/default/{key}", [{"op": "add", "path": "/tags/-", "value": "t"}])
    assert patched.status == 200
    assert patched.body["variations"][0]["value"] == value


def test_an_oversized_body_is_refused_and_a_smaller_one_taken(api: LiveServer) -> None:
    key = fresh("large")
    body = {"key": key, "name": key, "description": "x" * 4_900_000}
    assert api.rest("POST", "/flags/default", body).status == 201
    assert api.rest("DELETE", f"/flags/default/{key}").status == 204
    body["description"] *= 2
    assert_refused(api.rest("POST", "/flags/default", body), 413, "payload_too_large")
    assert_refused(api.rest("GET", f"/flags/default/{key}"), 404, "not_found")


def test_an_unauthorized_body_is_not_even_read(api: LiveServer) -> None:
    reply = api.request("POST", "/api/v2/flags/default", b"{", {"Authorization": "nobody"})
    assert_refused(reply, 401, "unauthorized")


def test_unknown_fields_of_a_creation_are_passed_over(api: LiveServer) -> None:
    """Later clients send fields that this server doesn't know."""
    key = fresh("unknown")
    body = {"key": key, "name": key, "isFlagOfTheFuture": True, "nested": [{"a": None}]}
    created = api.rest("POST", "/flags/default", body)
    assert created.status == 201
    assert "isFlagOfTheFuture" not in created.body


def test_a_client_that_leaves_in_the_middle_of_its_body_troubles_nobody(api: LiveServer) -> None:
    head = f"POST /api/v2/flags/default HTTP/1.1\r\nHost: a\r\nAuthorization: {api.token}\r\n"
    before = api.errors()
    with socket.create_connection(("127.0.0.1", api.port)) as connection:
        connection.sendall(f"{head}Content-Length: 1000\r\n\r\n".encode() + b'{"key": "left')
    assert api.rest("GET", "/projects").status == 200
    assert api.errors() == before
