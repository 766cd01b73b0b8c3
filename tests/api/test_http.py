"""What all operations share: methods, versions, and bodies of other content types."""

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer

VERSIONS = ("20160426", "20191212", "20210729", "20220603", "20240415", "beta")


def created_flag(api: LiveServer, prefix: str) -> str:
    key = fresh(prefix)
    assert api.rest("POST", "/flags/default", {"key": key, "name": key}).status == 201
    return key


@pytest.mark.parametrize("version", VERSIONS)
def test_every_published_version_is_known(api: LiveServer, version: str) -> None:
    headers = {"Authorization": api.token, "LD-API-Version": version}
    assert api.request("GET", "/api/v2/projects", None, headers).status == 200


@pytest.mark.parametrize("version", ["20240416", "latest", "20240415, beta", "BETA", "0", "1" * 5000])
def test_an_unknown_version_is_refused(api: LiveServer, version: str) -> None:
    headers = {"Authorization": api.token, "LD-API-Version": version}
    reply = api.request("GET", "/api/v2/projects", None, headers)
    assert_refused(reply, 400, "invalid_request")
    assert "20240415" in reply.body["message"]


def test_an_unknown_version_changes_nothing(api: LiveServer) -> None:
    key = fresh("versioned")
    headers = {"Authorization": api.token, "LD-API-Version": "tomorrow"}
    reply = api.request("POST", "/api/v2/metrics/default", {"key": key, "kind": "custom"}, headers)
    assert_refused(reply, 400, "invalid_request")
    assert api.rest("GET", f"/metrics/default/{key}").status == 404


def test_an_empty_version_is_none(api: LiveServer) -> None:
    headers = {"Authorization": api.token, "LD-API-Version": ""}
    assert api.request("GET", "/api/v2/projects", None, headers).status == 200


def test_head_answers_as_get_does_without_the_body(api: LiveServer) -> None:
    head, get = (api.rest(method, "/projects/default") for method in ("HEAD", "GET"))
    assert (head.status, head.body) == (200, None)
    assert head.headers["content-length"] == get.headers["content-length"]
    assert head.headers["content-type"] == get.headers["content-type"]
    assert api.rest("HEAD", "/projects/nowhere").status == 404
    assert api.rest("HEAD", "/projects", token="api-nobody").status == 401


@pytest.mark.parametrize("override", ["PATCH", "patch"])
def test_a_post_may_stand_for_a_patch(api: LiveServer, override: str) -> None:
    key = created_flag(api, "overridden")
    headers = {"Authorization": api.token, "X-HTTP-Method-Override": override}
    patch = [{"op": "replace", "path": "/name", "value": "changed"}]
    reply = api.request("POST", f"/api/v2/flags/default/{key}", patch, headers)
    assert (reply.status, reply.body["name"]) == (200, "changed")


def test_a_post_may_stand_for_a_delete(api: LiveServer) -> None:
    key = created_flag(api, "overridden")
    headers = {"Authorization": api.token, "X-HTTP-Method-Override": "DELETE"}
    assert api.request("POST", f"/api/v2/flags/default/{key}", None, headers).status == 204
    assert api.rest("GET", f"/flags/default/{key}").status == 404


@pytest.mark.parametrize("override", ["GET", "POST", "HEAD", "OPTIONS", "TRACE", "", "nonsense"])
def test_a_post_stands_for_nothing_else(api: LiveServer, override: str) -> None:
    headers = {"Authorization": api.token, "X-HTTP-Method-Override": override}
    reply = api.request("POST", "/api/v2/projects", {"key": "never", "name": "never"}, headers)
    assert_refused(reply, 400, "invalid_request")


def test_only_a_post_may_stand_for_another_method(api: LiveServer) -> None:
    key = created_flag(api, "overridden")
    headers = {"Authorization": api.token, "X-HTTP-Method-Override": "DELETE"}
    assert api.request("GET", f"/api/v2/flags/default/{key}", None, headers).status == 200
    assert api.rest("GET", f"/flags/default/{key}").status == 200


def test_an_override_does_not_lend_a_role(api: LiveServer) -> None:
    key = created_flag(api, "overridden")
    reader = api.rest("POST", "/tokens", {"name": "reader", "role": "reader"}).body["token"]
    headers = {"Authorization": reader, "X-HTTP-Method-Override": "DELETE"}
    assert_refused(api.request("POST", f"/api/v2/flags/default/{key}", None, headers), 403, "forbidden")


def test_a_method_that_is_not_possible_names_those_that_are(api: LiveServer) -> None:
    reply = api.rest("DELETE", "/projects")
    assert_refused(reply, 405, "method_not_allowed")
    assert reply.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    "content_type", ["application/merge-patch+json", "application/merge-patch+json; charset=utf-8"]
)
def test_a_bare_merge_patch_is_told_by_its_content_type(api: LiveServer, content_type: str) -> None:
    key = created_flag(api, "merged")
    headers = {"Authorization": api.token, "Content-Type": content_type}
    reply = api.request("PATCH", f"/api/v2/flags/default/{key}", {"name": "changed"}, headers)
    assert (reply.status, reply.body["name"]) == (200, "changed")
    wrapped = {"merge": {"name": "again"}, "comment": "with a comment"}
    reply = api.request("PATCH", f"/api/v2/flags/default/{key}", wrapped, headers)
    assert (reply.status, reply.body["name"]) == (200, "again")


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**40])
def test_a_number_of_more_than_64_bits_is_refused_at_any_depth(api: LiveServer, number: int) -> None:
    body = {"key": fresh("long"), "name": "long", "variations": [{"value": {"a": [number]}}, {"value": {}}]}
    assert_refused(api.rest("POST", "/flags/default", body), 400, "invalid_request")
    assert_refused(api.rest("POST", "/flags/default", number), 400, "invalid_request")


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63)])
def test_a_number_of_64_bits_is_kept(api: LiveServer, number: int) -> None:
    key = fresh("long")
    body = {"key": key, "name": "long", "variations": [{"value": number}, {"value": 0}]}
    assert api.rest("POST", "/flags/default", body).status == 201
    assert api.rest("GET", f"/flags/default/{key}").body["variations"][0]["value"] == number
