"""CORS: a page of any origin reads every answer of a browser's address, also a refusal."""

import pytest

from live import LiveServer, Reply
from sdk.clients import UNIT, client_stream, encoded
from sdk.streams import fresh

ORIGIN = "https://shop.example"
PATHS = (
    ("GET", "/sdk/evalx/{id}/contexts/{context}"),
    ("GET", "/sdk/evalx/{id}/users/{context}"),
    ("REPORT", "/sdk/evalx/{id}/context"),
    ("REPORT", "/sdk/evalx/{id}/user"),
    ("GET", "/sdk/goals/{id}"),
    ("POST", "/events/bulk/{id}"),
    ("POST", "/events/diagnostic/{id}"),
    ("GET", "/a/{id}.gif?d=W10"),
    ("GET", "/sdk/poll/eval/{context}?auth={id}"),
    ("POST", "/sdk/poll/eval?auth={id}"),
    ("POST", "/ofrep/v1/evaluate/flags"),
    ("POST", "/ofrep/v1/evaluate/flags/unknown"),
)
STREAMS = (
    ("GET", "/eval/{id}/{context}"),
    ("REPORT", "/eval/{id}"),
    ("GET", "/ping/{id}"),
    ("GET", "/sdk/stream/eval/{context}?auth={id}"),
    ("POST", "/sdk/stream/eval?auth={id}"),
)
ASKED_FOR = (
    "authorization",
    "content-type",
    "if-none-match",
    "x-api-key",
    "x-launchdarkly-event-schema",
    "x-launchdarkly-instance-id",
    "x-launchdarkly-payload-id",
    "x-launchdarkly-tags",
    "x-launchdarkly-user-agent",
    "x-launchdarkly-wrapper",
)


def names(reply: Reply, header: str) -> set[str]:
    return {name.strip().lower() for name in reply.headers[f"access-control-{header}"].split(",")}


def readable(headers: dict[str, str], origin: str = ORIGIN) -> bool:
    exposed = headers["access-control-expose-headers"].lower()
    return (
        headers["access-control-allow-origin"] == origin
        and headers["access-control-allow-credentials"] == "false"
        and all(name in exposed for name in ("date", "etag", "x-ld-envid"))
    )


def body_of(method: str, path: str) -> object:
    if method == "GET":
        return None
    return {"context": {"targetingKey": "u"}} if "ofrep" in path else [] if "events" in path else UNIT


@pytest.mark.parametrize(("method", "path"), PATHS + STREAMS)
def test_a_preflight_needs_no_credential_and_allows_what_sdks_send(
    live: LiveServer, method: str, path: str
) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": ",".join(ASKED_FOR),
    }
    for environment in (live.environment_rep()["_id"], "unknown"):
        reply = live.request("OPTIONS", path.format(id=environment, context=encoded(UNIT)), None, asked)
        assert (reply.status, reply.body) == (204, None)
        assert readable(reply.headers)
        assert method.lower() in names(reply, "allow-methods")
        assert set(ASKED_FOR) <= names(reply, "allow-headers")
        assert int(reply.headers["access-control-max-age"]) > 0


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_every_answer_may_be_read(live: LiveServer, method: str, path: str) -> None:
    headers = {"Origin": ORIGIN}
    if "ofrep" in path:
        headers["Authorization"] = f"Bearer {live.environment_rep()['_id']}"
    address = path.format(id=live.environment_rep()["_id"], context=encoded(UNIT))
    reply = live.request(method, address, body_of(method, path), headers)
    assert reply.status == (404 if "unknown" in path else 202 if "events" in path else 200)
    assert readable(reply.headers)
    assert reply.headers["vary"].lower() == "origin"
    without = live.request(method, address, body_of(method, path))
    assert without.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(("method", "path"), PATHS + STREAMS)
def test_refusals_may_be_read_too(live: LiveServer, method: str, path: str) -> None:
    good = path.format(id=live.environment_rep()["_id"], context=encoded(UNIT))
    unknown = path.format(id=fresh("unknown"), context=encoded(UNIT))
    bad = path.format(id=live.environment_rep()["_id"], context="!")
    wrong_method = live.request("DELETE", good, None, {"Origin": ORIGIN})
    assert wrong_method.status == 405
    assert readable(wrong_method.headers)
    reply = live.request(method, unknown, body_of(method, path), {"Origin": ORIGIN})
    assert reply.status in (401, 404)
    assert readable(reply.headers)
    if method != "GET" or "{context}" in path:
        malformed = None if method == "GET" else b"{"
        reply = live.request(method, bad, malformed, {"Origin": ORIGIN})
        assert reply.status in (202, 400, 401)
        assert readable(reply.headers)


@pytest.mark.parametrize(("method", "path"), STREAMS)
def test_streams_may_be_read(live: LiveServer, method: str, path: str) -> None:
    address = path.format(id=live.environment_rep()["_id"], context=encoded(UNIT))
    body = None if method == "GET" else UNIT
    with client_stream(live, address, method, body, Origin=ORIGIN) as opened:
        headers = {name.lower(): value for name, value in opened.response.headers.items()}
    assert readable(headers)


def test_what_has_not_changed_may_be_read(live: LiveServer) -> None:
    address = f"/sdk/evalx/{live.environment_rep()['_id']}/contexts/{encoded(UNIT)}"
    etag = live.request("GET", address).headers["etag"]
    reply = live.request("GET", address, None, {"Origin": ORIGIN, "If-None-Match": etag})
    assert reply.status == 304
    assert readable(reply.headers)


def test_servers_do_not_talk_to_pages(live: LiveServer) -> None:
    headers = {"Authorization": live.environment_rep()["apiKey"], "Origin": ORIGIN}
    for path in ("/sdk/latest-all", "/sdk/poll", "/sdk/flags"):
        assert "access-control-allow-origin" not in live.request("GET", path, None, headers).headers
