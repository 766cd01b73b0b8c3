"""The audit log tells who changed what, to those who may view it, and holds no secret."""

import json
from typing import Any

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer


def entries(api: LiveServer, query: str = "", token: str | None = None) -> list[dict[str, Any]]:
    reply = api.rest("GET", f"/auditlog{query}", None, token)
    assert reply.status == 200, reply.body
    items: list[dict[str, Any]] = reply.body["items"]
    return items


def changed_flag(api: LiveServer, comment: str = "because") -> str:
    key = fresh("audited")
    assert api.rest("POST", "/flags/default", {"key": key, "name": key}).status == 201
    body = {"comment": comment, "environmentKey": "test", "instructions": [{"kind": "turnFlagOn"}]}
    assert api.rest("PATCH", f"/flags/default/{key}", body).status == 200
    return key


def test_an_entry_says_who_when_what_and_why(api: LiveServer) -> None:
    key = changed_flag(api)
    entry = entries(api, f"?q={key}")[0]
    me = api.rest("GET", "/caller-identity").body
    assert (entry["kind"], entry["name"], entry["comment"]) == ("flag", key, "because")
    assert entry["accesses"] == [{"action": "updateFlag", "resource": f"proj/default:env/test:flag/{key}"}]
    assert (entry["token"]["_id"], entry["member"]["_id"]) == (me["tokenId"], me["memberId"])
    assert entry["member"]["role"] == "owner"


def test_one_entry_shows_the_documents_before_and_after(api: LiveServer) -> None:
    key = changed_flag(api)
    listed = entries(api, f"?q={key}")[0]
    assert "currentVersion" not in listed
    whole = api.rest("GET", f"/auditlog/{listed['_id']}").body
    was, now = (whole[name]["environments"]["test"]["on"] for name in ("previousVersion", "currentVersion"))
    assert (was, now) == (False, True)
    assert "/environments" in [operation["path"] for operation in whole["delta"]]
    assert "/name" not in [operation["path"] for operation in whole["delta"]]


def test_the_log_is_read_page_by_page(api: LiveServer) -> None:
    keys = [changed_flag(api) for _ in range(2)]
    whole = [entry["_id"] for entry in entries(api, "?limit=100&q=audited")]
    seen: list[str] = []
    place = "/auditlog?limit=3&q=audited"
    while place:
        body = api.rest("GET", place).body
        seen += [entry["_id"] for entry in body["items"]]
        place = body["_links"].get("next", {}).get("href", "").removeprefix("/api/v2")
    assert seen[: len(whole)] == whole
    assert len(seen) == len(set(seen)) >= 2 * len(keys)


def test_entries_are_found_by_time_actor_and_resource(api: LiveServer) -> None:
    key = changed_flag(api)
    entry = entries(api, f"?q={key}")[0]
    at_ms = entry["date"]
    assert entries(api, f"?q={key}&after={at_ms + 1}") == []
    assert entry["_id"] in {one["_id"] for one in entries(api, f"?q={key}&after={at_ms}&before={at_ms + 1}")}
    assert entries(api, f"?q={key}&before={at_ms - 60_000}") == []
    assert entries(api, f"?q={key}&token=nobody") == []
    assert entries(api, f"?q={key}&token={entry['token']['_id']}")[0] == entry
    assert entries(api, f"?spec=proj/default:env/test:flag/{key}")[0] == entry
    assert entries(api, f"?q={key}&spec=proj/default:env/production:flag/*")[0]["titleVerb"] == "createFlag"
    statements = [{"effect": "allow", "actions": ["updateFlag"], "resources": ["proj/*:env/test:flag/*"]}]
    found = api.rest("POST", f"/auditlog?q={key}", statements).body["items"]
    assert [one["_id"] for one in found] == [entry["_id"]]


@pytest.mark.parametrize(
    "query", ["?before=x", "?limit=x", "?after=99999999999999999999", "?spec=nonsense", "?member=a&token=b"]
)
def test_what_cannot_be_asked_is_refused(api: LiveServer, query: str) -> None:
    assert_refused(api.rest("GET", f"/auditlog{query}"), 400, "invalid_request")


@pytest.mark.parametrize("identifier", ["nobody", "0", "-1", "99999999999", "9" * 30])
def test_an_unknown_entry_is_not_found(api: LiveServer, identifier: str) -> None:
    assert_refused(api.rest("GET", f"/auditlog/{identifier}"), 404, "not_found")


def test_no_secret_is_in_the_log_nor_in_the_server_s_own(api: LiveServer) -> None:
    password = "a secret pass phrase"
    email = f"{fresh('member')}@example.com"
    made = api.rest("POST", "/members", [{"email": email, "password": password}]).body["items"][0]
    first = api.rest("POST", "/tokens", {"name": "audited-token", "role": "admin"}).body
    second = api.rest("POST", f"/tokens/{first['_id']}/reset").body
    project = fresh("audited-project")
    keys = api.rest("POST", "/projects", {"key": project, "name": project}).body["environments"]
    environments = keys["items"] if isinstance(keys, dict) else keys
    hook = {"url": "http://127.0.0.1:9/", "sign": True, "on": False, "secret": "a-webhook-s-secret"}
    assert api.rest("POST", "/webhooks", hook).status in (200, 201)
    secrets = [password, first["token"], second["token"], "a-webhook-s-secret", "argon2"]
    secrets += [item[name] for item in environments for name in ("apiKey", "mobileKey")]
    ids = [entry["_id"] for entry in entries(api, "?limit=20")]
    shown = json.dumps([api.rest("GET", f"/auditlog/{identifier}").body for identifier in ids])
    assert made["_id"] in shown
    assert first["_id"] in shown
    for secret in secrets:
        assert secret not in shown
        assert secret not in api.errors()


def test_a_reader_sees_what_happens_in_projects_and_not_to_tokens(api: LiveServer) -> None:
    key = changed_flag(api)
    made = api.rest("POST", "/tokens", {"name": fresh("seen-by-admins"), "role": "reader"}).body
    assert entries(api, f"?q={made['_id']}") != []
    assert entries(api, f"?q={made['_id']}", made["token"]) == []
    hidden = entries(api, f"?q={made['_id']}")[0]["_id"]
    assert_refused(api.rest("GET", f"/auditlog/{hidden}", token=made["token"]), 404, "not_found")
    assert entries(api, f"?q={key}", made["token"]) == entries(api, f"?q={key}")


def test_a_policy_sees_the_entries_of_the_projects_that_it_may_view(api: LiveServer) -> None:
    key, project = changed_flag(api), fresh("unseen")
    assert api.rest("POST", "/projects", {"key": project, "name": project}).status == 201
    policy = [
        {"effect": "allow", "actions": ["viewAuditLog"], "resources": ["acct"]},
        {"effect": "allow", "actions": ["viewProject"], "resources": ["proj/default"]},
    ]
    token = api.rest("POST", "/tokens", {"inlineRole": policy}).body["token"]
    assert entries(api, f"?q={key}", token) != []
    assert entries(api, f"?q={project}", token) == []
    only_project = api.rest("POST", "/tokens", {"inlineRole": policy[1:]}).body["token"]
    assert_refused(api.rest("GET", "/auditlog", token=only_project), 403, "forbidden")
