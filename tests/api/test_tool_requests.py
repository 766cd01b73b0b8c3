"""What ldcli and the MCP server send: no version of the API, a body with every request, and what only others have."""

from typing import Any

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer, Reply

SEMANTIC = "application/json; domain-model=launchdarkly.semanticpatch"


def ldcli(
    api: LiveServer, method: str, path: str, body: Any = b"null", kind: str = "application/json"
) -> Reply:
    """A command of ldcli: where it has nothing to say, the body is null, to be read or deleted with too."""
    headers = {"Authorization": api.token, "Content-Type": kind, "User-Agent": "launchdarkly-cli/v1.16.0"}
    return api.request(method, f"/api/v2{path}", body, headers)


@pytest.mark.parametrize(
    "path",
    [
        "/projects",
        "/projects/default/environments/production",
        "/flags/default?limit=2",
        "/segments/default/production",
        "/metrics/default",
        "/members/me",
        "/caller-identity",
        "/projects/default/environments/production/experiments",
    ],
)
def test_a_read_may_come_with_the_body_null(api: LiveServer, path: str) -> None:
    reply = ldcli(api, "GET", path)
    assert (reply.status, reply.body) == (200, api.rest("GET", path).body)


def test_a_flag_is_made_toggled_archived_and_deleted(api: LiveServer) -> None:
    key = fresh("cli")
    place, on = f"/flags/default/{key}", "/environments/test/on"
    assert ldcli(api, "POST", "/flags/default", {"key": key, "name": key}).status == 201
    toggled = ldcli(api, "PATCH", place, [{"op": "replace", "path": on, "value": True}])
    assert toggled.body["environments"]["test"]["on"] is True
    off = {"environmentKey": "test", "instructions": [{"kind": "turnFlagOff"}]}
    assert ldcli(api, "PATCH", place, off, SEMANTIC).body["environments"]["test"]["on"] is False
    archived = ldcli(api, "PATCH", place, [{"op": "replace", "path": "/archived", "value": True}])
    assert archived.body["archived"] is True
    assert ldcli(api, "DELETE", place).status == 204
    assert_refused(ldcli(api, "GET", place), 404, "not_found")


def test_a_key_is_reset_with_the_body_null(api: LiveServer) -> None:
    key = fresh("cli")
    assert ldcli(api, "POST", "/projects", {"key": key, "name": key}).status == 201
    place = f"/projects/{key}/environments/test"
    before = ldcli(api, "GET", place).body["mobileKey"]
    reset = ldcli(api, "POST", f"{place}/mobileKey")
    assert reset.status == 200
    assert reset.body["mobileKey"] != before


def test_the_development_server_reads_all_flags_but_holdouts_page_by_page(api: LiveServer) -> None:
    project = fresh("dev")
    assert ldcli(api, "POST", "/projects", {"key": project, "name": project}).status == 201
    for key in "abc":
        assert ldcli(api, "POST", f"/flags/{project}", {"key": key, "name": key}).status == 201
    wanted = f"/flags/{project}?filter=purpose%3Aall%2B%21%28holdout%29&limit=2"
    first = ldcli(api, "GET", wanted).body
    assert (len(first["items"]), first["totalCount"]) == (2, 3)
    second = ldcli(api, "GET", f"{wanted}&offset=2").body
    assert {item["key"] for page in (first, second) for item in page["items"]} == set("abc")


@pytest.mark.parametrize(
    "path",
    [
        "/code-refs/repositories",
        "/projects/default/ai-configs",
        "/projects/default/ai-configs/a/targeting",
        "/projects/default/views",
        "/projects/default/release-policies",
        "/flags/default/a/triggers/production",
        "/teams",
        "/destinations",
        "/account/relay-auto-configs",
        "/integrations/slack",
        "/tracking",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_assay_does_not_have_is_not_found(api: LiveServer, method: str, path: str) -> None:
    assert_refused(ldcli(api, method, path, {} if method == "POST" else b"null"), 404, "not_found")
