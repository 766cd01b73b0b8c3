"""The OpenFeature Remote Evaluation Protocol, as its OpenAPI document has it."""

from typing import Any

import pytest

from live import LiveServer, Reply
from sdk.clients import browser_flag, change
from sdk.streams import fresh

BULK = "/ofrep/v1/evaluate/flags"
UNIT = {"targetingKey": "unit-1", "plan": "pro"}


def ask(server: LiveServer, path: str, context: Any = UNIT, key: str = "apiKey", **headers: str) -> Reply:
    shown = {"Authorization": f"Bearer {server.environment_rep()[key]}"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.request("POST", path, {"context": context}, shown | named)


def one(server: LiveServer, key: str, context: Any = UNIT) -> Reply:
    return ask(server, f"{BULK}/{key}", context)


def test_one_flag_has_a_value_a_variant_a_reason_and_metadata(live: LiveServer) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    reply = one(live, key)
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert type(reply.body.pop("metadata")["version"]) is int
    assert reply.body == {"key": key, "value": "a", "variant": "0", "reason": "DEFAULT"}
    change(live, key, ("replace", "/environments/production/on", False))
    assert (one(live, key).body["value"], one(live, key).body["reason"]) == ("b", "DISABLED")
    change(live, key, ("remove", "/environments/production/offVariation", None))
    off = one(live, key)
    assert (off.status, "value" in off.body) == (200, False), "the application's default is used"


def test_the_targeting_key_is_a_users_and_other_kinds_are_possible(live: LiveServer) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    by_plan = {"contextKind": "user", "attribute": "plan", "op": "in", "values": ["pro"]}
    by_kind = {"contextKind": "org", "attribute": "key", "op": "in", "values": ["o"]}
    for place, clause in enumerate((by_plan, by_kind)):
        rule = {"variation": 1, "clauses": [clause]}
        change(live, key, ("add", f"/environments/production/rules/{place}", rule))
    for context in (UNIT, {"kind": "org", "targetingKey": "o"}, {"kind": "multi", "org": {"key": "o"}}):
        found = one(live, key, context).body
        assert (found["value"], found["reason"]) == ("b", "TARGETING_MATCH")
    assert one(live, key, {"targetingKey": "someone"}).body["value"] == "a"


@pytest.mark.parametrize(
    ("context", "code"),
    [
        (None, "INVALID_CONTEXT"),
        ([], "INVALID_CONTEXT"),
        ({}, "TARGETING_KEY_MISSING"),
        ({"plan": "pro"}, "TARGETING_KEY_MISSING"),
        ({"targetingKey": ""}, "TARGETING_KEY_MISSING"),
        ({"targetingKey": 5}, "INVALID_CONTEXT"),
        ({"kind": "a b", "targetingKey": "u"}, "INVALID_CONTEXT"),
        ({"kind": "multi"}, "INVALID_CONTEXT"),
    ],
)
def test_bad_contexts_have_their_error_code(live: LiveServer, context: Any, code: str) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    reply = one(live, key, context)
    assert (reply.status, reply.body["errorCode"], reply.body["key"]) == (400, code, key)
    bulk = ask(live, BULK, context)
    assert (bulk.status, bulk.body["errorCode"], "key" in bulk.body) == (400, code, False)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 10_000, b"\xff"])
def test_a_body_that_is_no_json_is_a_parse_error(live: LiveServer, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {live.environment_rep()['apiKey']}"}
    for path in (BULK, f"{BULK}/any"):
        reply = live.request("POST", path, body, headers)
        assert (reply.status, reply.body["errorCode"]) == (400, "PARSE_ERROR")


def test_an_unknown_flag_is_not_found(live: LiveServer) -> None:
    hidden = fresh("flag")
    browser_flag(live, hidden, clientSideAvailability={"usingEnvironmentId": False, "usingMobileKey": False})
    for key, credential in (("unknown%2Fflag", "apiKey"), (hidden, "_id"), (hidden, "mobileKey")):
        reply = ask(live, f"{BULK}/{key}", key=credential)
        assert (reply.status, reply.body["errorCode"]) == (404, "FLAG_NOT_FOUND")
        assert reply.body["key"] == key.replace("%2F", "/")
    assert one(live, hidden).status == 200


def test_bulk_has_every_flag_that_the_credential_may_see(live: LiveServer) -> None:
    shown, hidden = fresh("flag"), fresh("flag")
    browser_flag(live, shown)
    browser_flag(live, hidden, clientSideAvailability={"usingEnvironmentId": False, "usingMobileKey": False})
    seen = {
        credential: {flag["key"]: flag for flag in ask(live, BULK, key=credential).body["flags"]}
        for credential in ("apiKey", "mobileKey", "_id")
    }
    assert {shown, hidden} <= seen["apiKey"].keys()
    assert all(shown in seen[client] and hidden not in seen[client] for client in ("mobileKey", "_id"))
    assert seen["_id"][shown] == one(live, shown).body


def test_bulk_is_not_sent_again_to_who_has_it(live: LiveServer) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    etag = ask(live, BULK).headers["etag"]
    same = ask(live, BULK, If_None_Match=etag)
    assert (same.status, same.body, same.headers["etag"]) == (304, None, etag)
    change(live, key, ("replace", "/environments/production/on", False))
    assert ask(live, BULK, If_None_Match=etag).status == 200


def test_a_unit_in_an_experiments_rollout_is_a_split(live: LiveServer) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    weights = [{"variation": 0, "weight": 100_000}, {"variation": 1, "weight": 0}]
    rollout = {"kind": "experiment", "seed": 61, "variations": weights}
    change(live, key, ("replace", "/environments/production/fallthrough", {"rollout": rollout}))
    assert (one(live, key).body["value"], one(live, key).body["reason"]) == ("a", "SPLIT")
    without_unit = one(live, key, {"kind": "org", "targetingKey": "o"}).body
    assert without_unit["reason"] == "DEFAULT"


def test_a_key_may_stand_in_either_header(live: LiveServer) -> None:
    key = live.environment_rep()["apiKey"]
    for headers in ({"X-API-Key": key}, {"Authorization": key}, {"Authorization": f"Bearer {key}"}):
        assert live.request("POST", BULK, {"context": UNIT}, headers).status == 200
    for headers in ({}, {"X-API-Key": "sdk-0"}, {"Authorization": "Bearer "}, {"Authorization": live.token}):
        reply = live.request("POST", BULK, {"context": UNIT}, headers)
        assert (reply.status, reply.body["code"]) == (401, "unauthorized")
