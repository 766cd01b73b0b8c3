"""Members: made with a role, changed, and gone together with their tokens; never a password in an answer."""

import json
from typing import Any

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer

PASSWORD = "correct horse battery"


def invite(api: LiveServer, **fields: Any) -> dict[str, Any]:
    reply = api.rest("POST", "/members", [{"email": f"{fresh('m')}@example.com", **fields}])
    assert reply.status == 201, reply.body
    body: dict[str, Any] = reply.body["items"][0]
    return body


def test_the_first_member_is_the_owner_whose_token_the_first_one_is(api: LiveServer) -> None:
    me = api.rest("GET", "/members/me").body
    assert (me["role"], me["hasPassword"], me["email"]) == ("owner", False, "owner@localhost")
    listed = api.rest("GET", "/members?filter=role:owner").body["items"]
    assert me["_id"] in [member["_id"] for member in listed]


def test_a_service_token_is_nobody_s(api: LiveServer) -> None:
    token = api.rest("POST", "/tokens", {"role": "admin", "serviceToken": True}).body["token"]
    assert_refused(api.rest("GET", "/members/me", token=token), 404, "not_found")
    assert api.rest("GET", "/caller-identity", token=token).body["tokenKind"] == "service"


def test_a_member_is_as_asked(api: LiveServer) -> None:
    made = invite(api, firstName="Ann", lastName="Lee", role="writer", password=PASSWORD)
    assert (made["firstName"], made["lastName"], made["role"]) == ("Ann", "Lee", "writer")
    assert (made["hasPassword"], made["_verified"], made["_pendingInvite"]) == (True, True, False)
    shown = api.rest("GET", f"/members/{made['_id']}").body
    assert shown == made
    assert PASSWORD not in json.dumps(shown)
    assert "digest" not in json.dumps(shown).lower()
    assert PASSWORD not in api.errors()


def test_a_member_without_a_password_is_still_awaited(api: LiveServer) -> None:
    made = invite(api)
    assert (made["role"], made["hasPassword"], made["_pendingInvite"]) == ("reader", False, True)


@pytest.mark.parametrize(
    "fields",
    [
        {"email": "nobody"},
        {"email": "a b@example.com"},
        {"email": "a@b@c"},
        {"email": "a\x00@example.com"},
        {"email": 5},
        {"role": "king"},
        {"password": "short"},
        {"password": 5},
        {"customRoles": ["nothing"]},
        {"firstName": "x" * 201},
    ],
)
def test_a_member_that_cannot_be_is_not_made(api: LiveServer, fields: dict[str, Any]) -> None:
    good, bad = ({"email": f"{fresh('m')}@example.com"} for _ in range(2))
    assert_refused(api.rest("POST", "/members", [good, bad | fields]), 400, "invalid_request")
    found = api.rest("GET", f"/members?filter=query:{good['email']}").body
    assert found["totalCount"] == 0


@pytest.mark.parametrize("body", [None, {}, [], [{}], "x", [{"email": "a@b"}] * 51])
def test_only_a_list_of_members_is_taken(api: LiveServer, body: Any) -> None:
    assert_refused(api.rest("POST", "/members", body), 400, "invalid_request")


def test_an_address_is_one_member_s_in_whatever_case(api: LiveServer) -> None:
    made = invite(api)
    again = [{"email": made["email"].upper()}]
    assert_refused(api.rest("POST", "/members", again), 409, "conflict")
    twice = f"{fresh('m')}@example.com"
    assert_refused(api.rest("POST", "/members", [{"email": twice}, {"email": twice}]), 409, "conflict")
    other = invite(api)
    patch = [{"op": "replace", "path": "/email", "value": made["email"]}]
    assert_refused(api.rest("PATCH", f"/members/{other['_id']}", patch), 409, "conflict")


def test_a_member_is_patched(api: LiveServer) -> None:
    made = invite(api)
    patch = [
        {"op": "replace", "path": path, "value": value}
        for path, value in (("/role", "admin"), ("/firstName", "B"))
    ]
    changed = api.rest("PATCH", f"/members/{made['_id']}", {"patch": patch, "comment": "promoted"}).body
    assert (changed["role"], changed["firstName"], changed["version"]) == ("admin", "B", 2)
    for path, value in (("/role", "king"), ("/email", "x"), ("/customRoles", ["none"])):
        refused = api.rest(
            "PATCH", f"/members/{made['_id']}", [{"op": "replace", "path": path, "value": value}]
        )
        assert_refused(refused, 400, "invalid_request")


def test_a_password_is_no_field_of_a_patch(api: LiveServer) -> None:
    made = invite(api)
    patch = [{"op": "add", "path": "/password", "value": PASSWORD}]
    assert api.rest("PATCH", f"/members/{made['_id']}", patch).body["hasPassword"] is False


def test_members_are_listed_filtered_sorted_and_paged(api: LiveServer) -> None:
    tag = fresh("listed")
    for name in ("c", "a", "b"):
        invite(api, email=f"{name}-{tag}@example.com")
    body = api.rest("GET", f"/members?filter=query:{tag}&sort=email&limit=2").body
    assert ([item["email"][0] for item in body["items"]], body["totalCount"]) == (["a", "b"], 3)
    assert_refused(api.rest("GET", "/members?filter=shoe:9"), 400, "invalid_request")


def test_the_last_owner_stays_an_owner(serve: Any) -> None:
    server = serve()
    me = f"/members/{server.rest('GET', '/members/me').body['_id']}"
    demoted = [{"op": "replace", "path": "/role", "value": "admin"}]
    assert_refused(server.rest("PATCH", me, demoted), 409, "conflict")
    assert_refused(server.rest("DELETE", me), 409, "conflict")
    invite(server, role="owner")
    assert_refused(server.rest("DELETE", me), 409, "conflict")
    assert server.rest("POST", "/tokens", {"role": "admin", "serviceToken": True}).status == 201
    assert server.rest("DELETE", me).status == 204
    assert_refused(server.rest("GET", "/projects"), 401, "unauthorized")


def test_an_admin_touches_no_owner(api: LiveServer) -> None:
    admin = api.rest("POST", "/tokens", {"role": "admin", "serviceToken": True}).body["token"]
    owner = api.rest("GET", "/members/me").body["_id"]
    assert_refused(
        api.rest("POST", "/members", [{"email": "x@y.z", "role": "owner"}], admin), 403, "forbidden"
    )
    assert_refused(api.rest("DELETE", f"/members/{owner}", token=admin), 403, "forbidden")
    made = invite(api)
    promoted = [{"op": "replace", "path": "/role", "value": "owner"}]
    assert_refused(api.rest("PATCH", f"/members/{made['_id']}", promoted, admin), 403, "forbidden")


def test_nobody_gets_at_an_owner_by_way_of_the_owner_s_tokens(api: LiveServer) -> None:
    admin = api.rest("POST", "/tokens", {"role": "admin", "serviceToken": True}).body["token"]
    first = api.rest("GET", "/caller-identity").body["tokenId"]
    assert_refused(api.rest("POST", f"/tokens/{first}/reset", token=admin), 403, "forbidden")
    everything = [{"effect": "allow", "actions": ["*"], "resources": ["*"]}]
    limited = api.rest("POST", "/tokens", {"inlineRole": everything}).body["token"]
    assert_refused(api.rest("POST", "/tokens", {"role": "admin"}, limited), 403, "forbidden")
    service = api.rest("POST", "/tokens", {"role": "admin", "serviceToken": True}, limited)
    assert service.status == 201
