"""Secure mode: a browser must show that its application knows the context."""

import hashlib
import hmac
from collections.abc import Iterator

import pytest

from assay.flags.context import parse_context, secure_mode_hash
from live import LiveServer
from sdk.clients import UNIT, encoded, evalx, mobile, patch_environment, report

PUBLISHED_KEY = "sdk-11111111-2222-3333-4444-555555555555"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server whose production asks for hashes."""
    server = LiveServer(tmp_path_factory.mktemp("secure") / "data").start()
    patch_environment(server, "production", "/secureMode", True)
    yield server
    assert server.stop() == 0


def signed(server: LiveServer, message: str) -> str:
    key = server.environment_rep()["apiKey"].encode()
    return hmac.new(key, message.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (UNIT | {"key": "user-1"}, "6f39c4fd84ed4139d69444b83ddf4f0dfdc37864d5beae68d13e79978d3e7d99"),
        (
            {"kind": "multi", "user": {"key": "user-1"}, "org": {"key": "org-9"}},
            "cd870474f0aa19449fdd11f2391f82384604b9f7d5cdca57f79734a1291a9497",
        ),
        (
            {"kind": "org", "key": "a:b%c"},
            "607ac0ac66fb8cddb5f35753e2767e5ddababe55426967ad7d8672d789a626d7",
        ),
    ],
    ids=["user", "multi", "escaped"],
)
def test_hashes_are_those_that_official_sdks_make(context: dict[str, object], expected: str) -> None:
    assert secure_mode_hash(parse_context(context), PUBLISHED_KEY) == expected


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (UNIT, "unit-1"),
        ({"key": "old"}, "old"),
        ({"kind": "org", "key": "a:b%c"}, "org:a%3Ab%25c"),
        ({"kind": "multi", "user": {"key": "ü"}, "org": {"key": "o"}}, "org:o:user:ü"),
    ],
    ids=["user", "old user", "escaped", "multi"],
)
def test_the_right_hash_opens_every_path(
    secured: LiveServer, context: dict[str, object], message: str
) -> None:
    query = f"?h={signed(secured, message)}"
    environment = secured.environment_rep()["_id"]
    assert evalx(secured, context, query).status == 200
    assert report(secured, context, f"{query}&withReasons=true").status == 200
    address = f"/sdk/poll/eval/{encoded(context)}?auth={environment}&{query[1:]}"
    assert secured.request("GET", address).status == 200


@pytest.mark.parametrize("wrong", ["", "?h=", "?h=0", "?h=%C3%BC", "?H=right", "?h=RIGHT", "?h=other"])
def test_a_missing_or_wrong_hash_is_refused_on_every_path(secured: LiveServer, wrong: str) -> None:
    right = signed(secured, "unit-1")
    query = wrong.replace("RIGHT", right.upper()).replace("right", right)
    query = query.replace("other", signed(secured, "unit-2"))
    environment, written = secured.environment_rep()["_id"], encoded(UNIT)
    replies = [
        evalx(secured, UNIT, query),
        report(secured, UNIT, query),
        secured.request("GET", f"/eval/{environment}/{written}{query}"),
        secured.request("REPORT", f"/eval/{environment}{query}", UNIT),
        secured.request("GET", f"/sdk/poll/eval/{written}?auth={environment}&{query[1:]}"),
        secured.request("GET", f"/sdk/stream/eval/{written}?auth={environment}&{query[1:]}"),
        secured.request("POST", f"/sdk/poll/eval?auth={environment}&{query[1:]}", UNIT),
    ]
    assert {reply.status for reply in replies} == {400}
    assert all(reply.headers["access-control-allow-origin"] == "*" for reply in replies)
    assert right not in str([reply.body for reply in replies])


def test_mobile_keys_need_no_hash(secured: LiveServer) -> None:
    assert mobile(secured, f"/msdk/evalx/contexts/{encoded(UNIT)}").status == 200
    assert mobile(secured, "/msdk/evalx/context", "REPORT", UNIT).status == 200
    assert mobile(secured, f"/sdk/poll/eval/{encoded(UNIT)}").status == 200


def test_goals_and_pings_tell_nothing_about_a_context_and_need_no_hash(secured: LiveServer) -> None:
    environment = secured.environment_rep()["_id"]
    assert secured.request("GET", f"/sdk/goals/{environment}").status == 200


def test_openfeature_cannot_prove_a_context_and_needs_another_key(secured: LiveServer) -> None:
    environment = secured.environment_rep()
    body = {"context": {"targetingKey": "unit-1"}}
    for path in ("/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/any"):
        reply = secured.request("POST", path, body, {"Authorization": f"Bearer {environment['_id']}"})
        assert (reply.status, reply.body["code"]) == (403, "forbidden")
    for name in ("apiKey", "mobileKey"):
        headers = {"Authorization": f"Bearer {environment[name]}"}
        assert secured.request("POST", "/ofrep/v1/evaluate/flags", body, headers).status == 200


def test_another_environment_is_not_asked_for_hashes(secured: LiveServer) -> None:
    environment = secured.environment_rep("test")["_id"]
    assert secured.request("GET", f"/sdk/evalx/{environment}/contexts/{encoded(UNIT)}").status == 200
