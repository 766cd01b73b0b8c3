"""Contexts that can't be read, credentials that are none, and sizes that HTTP was not made for."""

import base64
import json
from typing import Any

import pytest

from live import LiveServer, Reply
from sdk.clients import UNIT, browser_flag, encoded, evalx, mobile, report
from sdk.streams import fresh, speak

BAD: tuple[Any, ...] = (
    None,
    [],
    "unit",
    5,
    {},
    {"kind": "user"},
    {"kind": "user", "key": ""},
    {"kind": "user", "key": 5},
    {"kind": "kind", "key": "a"},
    {"kind": "", "key": "a"},
    {"kind": None, "key": "a"},
    {"kind": "or g", "key": "a"},
    {"kind": "multi"},
    {"kind": "multi", "user": "a"},
    {"kind": "multi", "multi": {"key": "a"}},
    {"kind": "user", "key": "a", "name": 5},
    {"kind": "user", "key": "a", "anonymous": "yes"},
    {"kind": "user", "key": "a", "_meta": {"privateAttributes": "b"}},
    {"key": None},
    {"key": True},
    {"key": "a", "custom": []},
)
NO_JSON = (b"", b"{", b'{"kind":"user","key":"a"} x', b"\xff\xfe", b"[" * 100_000, b'{"key":1e999}')


def refused(reply: Reply) -> bool:
    return reply.status == 400 and set(reply.body) == {"code", "message", "id"}


@pytest.mark.parametrize("context", BAD, ids=json.dumps)
def test_a_bad_context_is_refused_on_every_path(live: LiveServer, context: Any) -> None:
    environment = live.environment_rep()["_id"]
    body, written = json.dumps(context).encode(), encoded(context)
    assert refused(evalx(live, body))
    assert refused(report(live, body))
    assert refused(mobile(live, "/msdk/evalx/context", "REPORT", body))
    assert refused(mobile(live, f"/msdk/evalx/contexts/{written}"))
    assert refused(mobile(live, f"/meval/{written}"))
    assert refused(live.request("GET", f"/eval/{environment}/{written}"))
    assert refused(live.request("GET", f"/sdk/poll/eval/{written}?auth={environment}"))
    assert refused(live.request("GET", f"/sdk/stream/eval/{written}?auth={environment}"))
    assert refused(live.request("POST", f"/sdk/poll/eval?auth={environment}", body))


@pytest.mark.parametrize("body", NO_JSON, ids=[str(body[:9]) for body in NO_JSON])
def test_what_is_no_json_is_refused(live: LiveServer, body: bytes) -> None:
    assert refused(report(live, body))
    if 0 < len(body) < 30_000:
        assert refused(evalx(live, body))


@pytest.mark.parametrize("written", ["!", "e", "eyJ%00", "e30=e30=", "%C3%BC", "e30.e30", "%ED%A0%80"])
def test_what_is_no_base64_is_refused(live: LiveServer, written: str) -> None:
    environment = live.environment_rep()["_id"]
    assert refused(live.request("GET", f"/sdk/evalx/{environment}/contexts/{written}"))
    assert refused(live.request("GET", f"/eval/{environment}/{written}"))
    assert refused(mobile(live, f"/msdk/evalx/users/{written}"))


@pytest.mark.parametrize(
    "text",
    [
        '{"kind":"user","key":"unit-1","name":"cut \\ud83d"}',
        '{"kind":"user","key":"\\udc00"}',
        '{"kind":"user","key":"unit-1","at":1e999,"big":' + "9" * 5000 + "}",
        '{"key":12}',
        '{"key":1.5,"custom":{"a":NaN}}',
        '{"kind":"user","key":"unit-1","key":"twice"}',
    ],
    ids=["half a pair", "half a pair as key", "huge numbers", "number as key", "not a number", "twice"],
)
def test_what_real_clients_make_of_odd_values_is_evaluated(live: LiveServer, text: str) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    raw = text.encode()
    for reply in (report(live, raw), evalx(live, raw)):
        assert (reply.status, reply.body[key]["value"]) == (200, "a")


def test_a_megabyte_arrives_in_a_body_and_is_refused_in_a_path(live: LiveServer) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    large = {**UNIT, "attribute": "x" * 1_000_000}
    assert report(live, large).body[key]["value"] == "a"
    assert mobile(live, "/msdk/evalx/context", "REPORT", large).body[key]["value"] == "a"
    environment = live.environment_rep()["_id"]
    request = f"GET /sdk/evalx/{environment}/contexts/{encoded(large)} HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = status_of(live, request.encode())
    assert answer in (400, 414, 431)
    fits = {**UNIT, "attribute": "x" * 15_000}
    assert evalx(live, fits).status == 200


def status_of(server: LiveServer, request: bytes) -> int:
    return int(speak(server, request).split(b" ", 2)[1])


def test_too_much_is_a_fault_that_may_pass(live: LiveServer) -> None:
    assert report(live, b"x" * 5_000_000).status == 503
    assert report(live).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sdk/evalx/{id}/contexts/{context}"),
        ("GET", "/sdk/evalx/{id}/users/{context}"),
        ("REPORT", "/sdk/evalx/{id}/context"),
        ("REPORT", "/sdk/evalx/{id}/user"),
        ("GET", "/eval/{id}/{context}"),
        ("REPORT", "/eval/{id}"),
        ("GET", "/ping/{id}"),
        ("GET", "/sdk/goals/{id}"),
        ("POST", "/events/bulk/{id}"),
        ("POST", "/events/diagnostic/{id}"),
        ("GET", "/a/{id}.gif?d=W10"),
        ("GET", "/sdk/poll/eval/{context}?auth={id}"),
        ("POST", "/sdk/stream/eval?auth={id}"),
    ],
)
def test_an_unknown_client_side_id_is_not_found(live: LiveServer, method: str, path: str) -> None:
    environment = live.environment_rep()
    body = UNIT if method != "GET" else None
    for wrong in ("0" * 24, environment["mobileKey"], environment["apiKey"], "production"):
        address = path.format(id=wrong, context=encoded(UNIT))
        reply = live.request(method, address, body)
        assert (reply.status, reply.body["code"]) == (404, "not_found"), wrong
        assert reply.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/msdk/evalx/contexts/{context}"),
        ("GET", "/msdk/evalx/users/{context}"),
        ("REPORT", "/msdk/evalx/context"),
        ("REPORT", "/msdk/evalx/user"),
        ("GET", "/meval/{context}"),
        ("REPORT", "/meval"),
        ("GET", "/mping"),
        ("POST", "/mobile"),
        ("POST", "/mobile/events"),
        ("POST", "/mobile/events/bulk"),
        ("POST", "/mobile/events/diagnostic"),
        ("GET", "/sdk/poll/eval/{context}"),
        ("POST", "/sdk/stream/eval"),
    ],
)
def test_what_is_no_mobile_key_is_unauthorized(live: LiveServer, method: str, path: str) -> None:
    environment = live.environment_rep()
    address = path.format(context=encoded(UNIT))
    body = UNIT if method != "GET" else None
    good = environment["mobileKey"]
    for wrong in (
        "mob-1",
        environment["apiKey"],
        environment["_id"],
        live.token,
        f"{good} x",
        f"Bearer {good}",
    ):
        reply = mobile(live, address, method, body, key=wrong)
        assert (reply.status, reply.body["code"]) == (401, "unauthorized"), wrong
    assert live.request(method, address, body).status == 401


def test_a_mobile_key_may_stand_behind_api_key(live: LiveServer) -> None:
    key = f"api_key {live.environment_rep()['mobileKey']}"
    assert mobile(live, f"/msdk/evalx/contexts/{encoded(UNIT)}", key=key).status == 200
    for path in ("/mobile", "/mobile/events", "/mobile/events/bulk", "/mobile/events/diagnostic"):
        assert mobile(live, path, "POST", [], key=key).status == 202


def test_padding_alone_is_no_context(live: LiveServer) -> None:
    environment = live.environment_rep()["_id"]
    written = base64.b64encode(b"[]").decode()
    assert refused(live.request("GET", f"/sdk/evalx/{environment}/contexts/{written}"))
    assert live.request("GET", f"/sdk/evalx/{environment}/contexts/%3D").status == 400
