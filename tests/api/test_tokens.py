"""Access tokens: shown once, told apart by their last characters, gone when deleted."""

import json
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
