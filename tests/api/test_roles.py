"""Custom roles: made, read, changed, taken away; what they allow, and that nobody gives more than they have."""

import json
from typing import Any

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer

READS = [{"effect": "allow", "actions": ["view*"], "resources": ["proj/*"]}]
EVERYTHING = [{"effect": "allow", "actions": ["*"], "resources": ["*"]}]


def create(api: LiveServer, policy: list[dict[str, Any]] | None = None, **fields: Any) -> dict[str, Any]:
    key = fresh("role")
    reply = api.rest("POST", "/roles", {"key": key, "name": "R", "policy": policy or READS, **fields})
    assert reply.status == 201, reply.body
    body: dict[str, Any] = reply.body
    return body


def token_with(api: LiveServer, *roles: str) -> str:
    reply = api.rest("POST", "/tokens", {"name": "held", "customRoleIds": list(roles)})
    assert reply.status == 201, reply.body
    secret: str = reply.body["token"]
    return secret


def test_a_role_is_read_by_key_and_by_id_as_it_was_made(api: LiveServer) -> None:
    made = create(api, description="what it is for", basePermissions="reader")
    assert (made["policy"], made["description"], made["basePermissions"]) == (
        READS,
        "what it is for",
        "reader",
    )
    assert made["assignedTo"] == {"membersCount": 0, "teamsCount": 0}
    for name in (made["key"], made["_id"]):
        assert api.rest("GET", f"/roles/{name}").body == made
    assert made in api.rest("GET", "/roles").body["items"]
    page = api.rest("GET", "/roles?limit=1").body
    assert (len(page["items"]), page["totalCount"] >= 1) == (1, True)


@pytest.mark.parametrize(
    "fields",
    [
        {"key": "a b"},
        {"name": ""},
        {"name": "x" * 1001},
        {"basePermissions": "admin"},
        {"policy": [{"effect": "maybe", "actions": ["*"], "resources": ["*"]}]},
        {"policy": [{"effect": "allow", "actions": ["*"]}]},
        {"policy": [{"effect": "allow", "actions": ["*"], "notActions": ["a"], "resources": ["*"]}]},
        {"policy": [{"effect": "allow", "actions": ["*"], "resources": ["proj"]}]},
        {"policy": [{"effect": "allow", "actions": ["drop table"], "resources": ["*"]}]},
        {"policy": {"effect": "allow"}},
    ],
)
def test_a_role_that_is_none_is_not_made(api: LiveServer, fields: dict[str, Any]) -> None:
    body = {"key": fresh("role"), "name": "R", "policy": READS, **fields}
    assert_refused(api.rest("POST", "/roles", body), 400, "invalid_request")


def test_a_key_is_given_once(api: LiveServer) -> None:
    made = create(api)
    body = {"key": made["key"], "name": "Again", "policy": READS}
    assert_refused(api.rest("POST", "/roles", body), 409, "conflict")


def test_a_changed_role_counts_at_once_for_whoever_has_it(api: LiveServer) -> None:
    made = create(api)
    token = token_with(api, made["key"])
    flag = {"key": fresh("flag"), "name": "F"}
    assert api.rest("GET", "/flags/default", token=token).status == 200
    assert_refused(api.rest("POST", "/flags/default", flag, token), 403, "forbidden")
    writes = {"effect": "allow", "actions": ["createFlag"], "resources": ["proj/default:env/*:flag/*"]}
    patch = {"patch": [{"op": "add", "path": "/policy/-", "value": writes}], "comment": "more"}
    changed = api.rest("PATCH", f"/roles/{made['key']}", patch)
    assert changed.body["policy"] == [*READS, writes]
    assert api.rest("POST", "/flags/default", flag, token).status == 201


def test_a_denial_outweighs_what_another_role_allows(api: LiveServer) -> None:
    denial = [{"effect": "deny", "actions": ["*"], "resources": ["proj/default:env/*:flag/*"]}]
    token = token_with(api, create(api, EVERYTHING)["key"], create(api, denial)["_id"])
    assert api.rest("GET", "/metrics/default", token=token).status == 200
    assert_refused(api.rest("GET", "/flags/default", token=token), 403, "forbidden")


def test_a_role_keeps_its_key(api: LiveServer) -> None:
    made = create(api)
    patch = [{"op": "replace", "path": "/key", "value": "another"}]
    assert_refused(api.rest("PATCH", f"/roles/{made['key']}", patch), 400, "invalid_request")


def test_a_role_that_somebody_has_stays(api: LiveServer) -> None:
    made = create(api)
    token = api.rest("POST", "/tokens", {"name": "t", "customRoleIds": [made["key"]]}).body
    assert_refused(api.rest("DELETE", f"/roles/{made['key']}"), 409, "conflict")
    assert api.rest("DELETE", f"/tokens/{token['_id']}").status == 204
    assert api.rest("DELETE", f"/roles/{made['key']}").status == 204
    assert_refused(api.rest("GET", f"/roles/{made['key']}"), 404, "not_found")


def test_nobody_makes_a_role_that_may_do_more_than_they(api: LiveServer) -> None:
    own = [{"effect": "allow", "actions": ["*"], "resources": ["role/*", "service-token/*"]}, *READS]
    token = token_with(api, create(api, own)["key"])
    body = {"key": fresh("role"), "name": "R", "policy": READS}
    assert api.rest("POST", "/roles", body, token).status == 201
    more = {**body, "key": fresh("role"), "policy": EVERYTHING}
    assert_refused(api.rest("POST", "/roles", more, token), 403, "forbidden")
    assert_refused(api.rest("GET", f"/roles/{more['key']}"), 404, "not_found")
    patch = [{"op": "replace", "path": "/policy", "value": EVERYTHING}]
    assert_refused(api.rest("PATCH", f"/roles/{body['key']}", patch, token), 403, "forbidden")
    inline = {"name": "t", "inlineRole": EVERYTHING}
    assert_refused(api.rest("POST", "/tokens", inline, token), 403, "forbidden")
    assert_refused(api.rest("POST", "/tokens", {"name": "t", "role": "writer"}, token), 403, "forbidden")


def test_a_role_cannot_grow_beyond_whoever_changes_it_by_way_of_its_holders(api: LiveServer) -> None:
    """Who may do everything but reach production can't take that denial from somebody else."""
    denial = {"effect": "deny", "actions": ["*"], "resources": ["proj/default:env/production:*/*"]}
    guarded = create(api, [*EVERYTHING, denial])
    token = token_with(api, guarded["key"])
    patch = [{"op": "remove", "path": "/policy/1"}]
    assert_refused(api.rest("PATCH", f"/roles/{guarded['key']}", patch, token), 403, "forbidden")
    assert denial in api.rest("GET", f"/roles/{guarded['key']}").body["policy"]


def test_only_callers_of_today_read_a_tokens_own_policy(api: LiveServer) -> None:
    made = api.rest("POST", "/tokens", {"name": "own", "inlineRole": READS}).body
    assert "inlineRole" not in made
    assert "inlineRole" not in json.dumps(api.rest("GET", "/tokens").body)
    headers = {"Authorization": api.token, "LD-API-Version": "20240415"}
    modern = api.request("GET", f"/api/v2/tokens/{made['_id']}", headers=headers).body
    assert modern["inlineRole"] == READS


def test_a_tokens_own_policy_is_patched_statement_by_statement(api: LiveServer) -> None:
    made = api.rest("POST", "/tokens", {"name": "own", "inlineRole": READS}).body
    assert_refused(api.rest("GET", "/members", token=made["token"]), 403, "forbidden")
    members = {"effect": "allow", "actions": ["viewMember"], "resources": ["member/*"]}
    patch = [{"op": "add", "path": "/inlineRole/0", "value": members}]
    assert api.rest("PATCH", f"/tokens/{made['_id']}", patch).status == 200
    assert api.rest("GET", "/members", token=made["token"]).status == 200
