"""Access tokens: shown once, told apart by their last characters, gone when deleted."""

import json
import time
from typing import Any

import pytest

from api.replies import assert_refused
from live import LiveServer


def create(api: LiveServer, **fields: Any) -> dict[str, Any]:
    reply = api.rest("POST", "/tokens", {"name": "token", "role": "reader", **fields})
    assert reply.status == 201, reply.body
    body: dict[str, Any] = reply.body
    return body


def test_a_tokens_secret_is_shown_once(api: LiveServer) -> None:
    made = create(api)
    secret = made.pop("token")
    shown = api.rest("GET", f"/tokens/{made['_id']}").body
    assert shown.pop("token") == secret[-4:]
    assert shown == made
    assert secret not in json.dumps(api.rest("GET", "/tokens").body)
    assert secret.encode() not in b"".join(
        path.read_bytes() for path in api.folder.rglob("*") if path.is_file() and path.name != "admin-token"
    )


def test_the_first_admin_tokens_secret_is_not_listed(api: LiveServer) -> None:
    assert api.token not in json.dumps(api.rest("GET", "/tokens").body)


@pytest.mark.parametrize("role", ["reader", "writer", "admin"])
def test_a_token_has_the_role_it_was_made_with(api: LiveServer, role: str) -> None:
    made = create(api, role=role, name="who", serviceToken=True, defaultApiVersion=20240415)
    assert (made["role"], made["name"], made["serviceToken"]) == (role, "who", True)
    assert made["defaultApiVersion"] == 20240415
    assert api.rest("GET", "/projects", token=made["token"]).status == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"role": "owner"},
        {"role": "Admin"},
        {"role": None},
        {"role": ["admin"]},
        {"role": {}},
        {"name": 5},
        {"name": None},
        {"inlineRole": [{"effect": "allow", "actions": ["*"], "resources": ["proj/*"]}]},
        {"customRoleIds": ["somebody"]},
    ],
)
def test_a_token_that_cannot_be_as_asked_is_not_made(api: LiveServer, fields: dict[str, Any]) -> None:
    before = api.rest("GET", "/tokens").body["totalCount"]
    body = {"name": "token", "role": "reader", **fields}
    assert_refused(api.rest("POST", "/tokens", body), 400, "invalid_request")
    assert api.rest("GET", "/tokens").body["totalCount"] == before


def test_a_token_without_a_role_may_only_read(api: LiveServer) -> None:
    made = api.rest("POST", "/tokens", {}).body
    assert made["role"] == "reader"


def test_a_deleted_token_opens_nothing(api: LiveServer) -> None:
    made = create(api, role="admin")
    assert api.rest("DELETE", f"/tokens/{made['_id']}", token=made["token"]).status == 204
    assert_refused(api.rest("GET", "/tokens", token=made["token"]), 401, "unauthorized")
    assert_refused(api.rest("DELETE", f"/tokens/{made['_id']}"), 404, "not_found")


def test_the_last_admin_token_cannot_be_deleted(serve: Any) -> None:
    server = serve()
    (admin,) = server.rest("GET", "/tokens").body["items"]
    assert_refused(server.rest("DELETE", f"/tokens/{admin['_id']}"), 409, "conflict")
    second = create(server, role="admin")
    assert server.rest("DELETE", f"/tokens/{admin['_id']}", token=second["token"]).status == 204
    assert_refused(server.rest("DELETE", f"/tokens/{second['_id']}", token=second["token"]), 409, "conflict")


def patch(api: LiveServer, made: dict[str, Any], path: str, value: Any) -> Any:
    operations = [{"op": "replace", "path": path, "value": value}]
    return api.rest("PATCH", f"/tokens/{made['_id']}", operations)


def test_a_token_is_patched(api: LiveServer) -> None:
    made = create(api, role="writer")
    assert patch(api, made, "/name", "renamed").body["name"] == "renamed"
    assert patch(api, made, "/description", "for the build").body["description"] == "for the build"
    policy = [{"effect": "allow", "actions": ["*"], "resources": ["proj/default"]}]
    limited = patch(api, made, "/inlineRole", policy).body
    assert "role" not in limited
    headers = {"Authorization": api.token, "LD-API-Version": "20240415"}
    shown = api.request("GET", f"/api/v2/tokens/{made['_id']}", None, headers).body
    assert shown["inlineRole"] == policy
    assert_refused(api.rest("GET", "/metrics/elsewhere", token=made["token"]), 403, "forbidden")
    again = patch(api, made, "/role", "reader").body
    assert again["role"] == "reader"
    assert "inlineRole" not in again


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/role", "owner"),
        ("/inlineRole", [{"effect": "allow"}]),
        ("/inlineRole", [{"effect": "maybe", "actions": ["*"], "resources": ["*"]}]),
        ("/inlineRole", [{"effect": "allow", "actions": ["*"], "resources": ["nonsense"]}]),
        ("/customRoleIds", ["nobody"]),
        ("/defaultApiVersion", 20000101),
        ("/serviceToken", True),
        ("/expiry", 5),
        ("/name", "x" * 1001),
    ],
)
def test_a_token_is_not_patched_into_what_it_cannot_be(api: LiveServer, path: str, value: Any) -> None:
    made = create(api)
    assert_refused(patch(api, made, path, value), 400, "invalid_request")
    made.pop("token")
    shown = api.rest("GET", f"/tokens/{made['_id']}").body
    shown.pop("token")
    assert shown == made


def test_a_reset_token_opens_with_its_new_secret_only(api: LiveServer) -> None:
    made = create(api)
    again = api.rest("POST", f"/tokens/{made['_id']}/reset").body
    assert again["token"] != made["token"]
    assert api.rest("GET", "/projects", token=again["token"]).status == 200
    assert_refused(api.rest("GET", "/projects", token=made["token"]), 401, "unauthorized")


def test_the_old_secret_may_open_for_a_while_after_a_reset(api: LiveServer) -> None:
    made = create(api)
    until = int(time.time() * 1000) + 3_600_000
    again = api.rest("POST", f"/tokens/{made['_id']}/reset?expiry={until}").body
    for secret in (made["token"], again["token"]):
        assert api.rest("GET", "/projects", token=secret).status == 200
    assert api.rest("POST", f"/tokens/{made['_id']}/reset?expiry=1").status == 200
    for secret in (made["token"], again["token"]):
        assert_refused(api.rest("GET", "/projects", token=secret), 401, "unauthorized")


def test_a_token_that_expires_says_when(api: LiveServer) -> None:
    until = int(time.time() * 1000) + 3_600_000
    made = create(api, expiry=until)
    assert made["expiry"] == until
    assert api.rest("GET", "/projects", token=made["token"]).status == 200
    assert_refused(api.rest("POST", "/tokens", {"expiry": 1}), 400, "invalid_request")


def test_when_a_token_was_last_used_is_told_to_the_minute(api: LiveServer) -> None:
    made = create(api)
    assert "lastUsed" not in made
    assert api.rest("GET", "/projects", token=made["token"]).status == 200
    used = api.rest("GET", f"/tokens/{made['_id']}").body["lastUsed"]
    assert used % 60_000 == 0
    assert abs(time.time() * 1000 - used) < 120_000


def test_a_token_says_whose_it_is(api: LiveServer) -> None:
    made, me = create(api), api.rest("GET", "/members/me").body
    assert (made["ownerId"], made["memberId"], made["_member"]["_id"]) == (me["_id"],) * 3


def test_a_role_that_is_held_stays_and_goes_when_it_is_not(api: LiveServer) -> None:
    role = {"key": "held-role", "name": "Held", "policy": []}
    assert api.rest("POST", "/roles", role).status == 201
    assert_refused(api.rest("POST", "/roles", role), 409, "conflict")
    made = api.rest("POST", "/tokens", {"customRoleIds": ["held-role"]}).body
    assert_refused(api.rest("DELETE", "/roles/held-role"), 409, "conflict")
    assert api.rest("DELETE", f"/tokens/{made['_id']}").status == 204
    assert api.rest("GET", "/roles/held-role").body["assignedTo"]["membersCount"] == 0
    assert api.rest("DELETE", "/roles/held-role").status == 204
    assert_refused(api.rest("GET", "/roles/held-role"), 404, "not_found")


@pytest.mark.parametrize(
    "fields",
    [
        {"key": ""},
        {"key": "a/b"},
        {"name": ""},
        {"policy": None},
        {"policy": {}},
        {"policy": [{"effect": "allow", "actions": ["*"], "resources": ["proj/${roleAttribute/x}"]}]},
        {"basePermissions": "admin"},
    ],
)
def test_a_role_that_says_nothing_clear_is_not_made(api: LiveServer, fields: dict[str, Any]) -> None:
    body = {"key": "unclear", "name": "Unclear", "policy": [], **fields}
    assert_refused(api.rest("POST", "/roles", body), 400, "invalid_request")


def test_the_api_says_where_things_begin_and_which_versions_it_speaks(api: LiveServer) -> None:
    assert api.request("GET", "/api/v2").body["links"]["projects"]["href"] == "/api/v2/projects"
    versions = api.rest("GET", "/versions").body
    assert versions["latestVersion"] == max(versions["validVersions"]) == 20240415
    assert api.request("GET", "/api/v2/public-ip-list").body == {"addresses": [], "outboundAddresses": []}
    who = api.rest("GET", "/caller-identity").body
    assert (who["authKind"], who["tokenKind"], who["tokenName"]) == ("token", "personal", "admin")
