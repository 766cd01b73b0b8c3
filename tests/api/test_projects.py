"""Projects and environments: made, read, patched, deleted, and what their SDK keys then open."""

import re
from typing import Any

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer


def create(api: LiveServer, **fields: Any) -> dict[str, Any]:
    key = fresh("project")
    reply = api.rest("POST", "/projects", {"key": key, "name": key, **fields})
    assert reply.status == 201, reply.body
    body: dict[str, Any] = reply.body
    return body


def poll(api: LiveServer, sdk_key: str) -> int:
    return api.request("GET", "/sdk/latest-all", None, {"Authorization": sdk_key}).status


def test_a_project_begins_with_two_environments_that_work_at_once(api: LiveServer) -> None:
    project = create(api, tags=["a"])
    assert [item["key"] for item in project["environments"]] == ["production", "test"]
    assert project["tags"] == ["a"]
    for environment in project["environments"]:
        assert re.fullmatch(r"sdk-[0-9a-f-]{36}", environment["apiKey"])
        assert re.fullmatch(r"mob-[0-9a-f-]{36}", environment["mobileKey"])
        assert re.fullmatch(r"[0-9a-f]{24}", environment["_id"])
        assert poll(api, environment["apiKey"]) == 200
    keys = [item[name] for item in project["environments"] for name in ("apiKey", "mobileKey", "_id")]
    assert len(set(keys)) == 6


def test_a_project_may_name_its_environments(api: LiveServer) -> None:
    own = [{"key": "dev", "name": "Dev", "color": "00ff00", "tags": ["x"], "defaultTtl": 5}]
    (dev,) = create(api, environments=own)["environments"]
    assert (dev["key"], dev["name"], dev["color"], dev["tags"], dev["defaultTtl"]) == (
        "dev",
        "Dev",
        "00ff00",
        ["x"],
        5,
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"key": "no key"},
        {"name": 5},
        {"tags": "a"},
        {"includeInSnippetByDefault": "a"},
        {"environments": "a"},
        {"environments": [5]},
        {"environments": [{"name": "keyless"}]},
        {"environments": [{"key": "a", "name": "a", "defaultTtl": "long"}]},
    ],
)
def test_a_bad_project_is_not_made(api: LiveServer, fields: dict[str, Any]) -> None:
    before = api.rest("GET", "/projects").body["totalCount"]
    body = {"key": fresh("project"), "name": "a", **fields}
    assert_refused(api.rest("POST", "/projects", body), 400, "invalid_request")
    assert api.rest("GET", "/projects").body["totalCount"] == before


def test_the_same_key_twice_is_a_conflict(api: LiveServer) -> None:
    key = create(api)["key"]
    assert_refused(api.rest("POST", "/projects", {"key": key, "name": "a"}), 409, "conflict")
    twins = [{"key": "a", "name": "a"}] * 2
    body = {"key": fresh("project"), "name": "a", "environments": twins}
    assert_refused(api.rest("POST", "/projects", body), 409, "conflict")
    place = f"/projects/{key}/environments"
    assert_refused(api.rest("POST", place, {"key": "test", "name": "a", "color": "000000"}), 409, "conflict")


def test_environments_are_expanded_where_asked_and_a_plain_list_for_the_founding_generation(
    api: LiveServer,
) -> None:
    key = create(api)["key"]
    plain = api.rest("GET", f"/projects/{key}").body["environments"]
    assert [item["key"] for item in plain] == ["production", "test"]
    expanded = api.rest("GET", f"/projects/{key}?expand=environments").body["environments"]
    assert (expanded["items"], expanded["totalCount"]) == (plain, 2)
    modern = {"Authorization": api.token, "LD-API-Version": "20240415"}
    assert "environments" not in api.request("GET", f"/api/v2/projects/{key}", None, modern).body


def test_a_project_is_patched(api: LiveServer) -> None:
    project = create(api)
    body = [
        {"op": "replace", "path": "/name", "value": "another"},
        {"op": "add", "path": "/tags/-", "value": "b"},
    ]
    patched = api.rest("PATCH", f"/projects/{project['key']}", body).body
    assert (patched["name"], patched["tags"]) == ("another", ["b"])
    assert patched["environments"] == project["environments"]
    failing = [body[0], {"op": "remove", "path": "/nothing"}]
    assert_refused(api.rest("PATCH", f"/projects/{project['key']}", failing), 422, "patch_failed")
    wrong = [{"op": "replace", "path": "/name", "value": None}]
    assert_refused(api.rest("PATCH", f"/projects/{project['key']}", wrong), 400, "invalid_request")
    assert api.rest("GET", f"/projects/{project['key']}").body == patched


def test_a_deleted_project_takes_its_keys_flags_and_metrics_with_it(api: LiveServer) -> None:
    project = create(api)
    key = project["key"]
    assert api.rest("POST", f"/flags/{key}", {"key": "f", "name": "f"}).status == 201
    metric = {"key": "m", "kind": "custom", "eventKey": "e"}
    assert api.rest("POST", f"/metrics/{key}", metric).status == 201
    assert api.rest("DELETE", f"/projects/{key}").status == 204
    for path in (f"/projects/{key}", f"/flags/{key}", f"/flags/{key}/f", f"/metrics/{key}/m"):
        assert_refused(api.rest("GET", path), 404, "not_found")
    assert poll(api, project["environments"][0]["apiKey"]) == 401
    again = api.rest("POST", "/projects", {"key": key, "name": "again"}).body
    assert api.rest("GET", f"/flags/{key}").body["items"] == []
    assert poll(api, again["environments"][0]["apiKey"]) == 200


def test_a_new_environment_has_every_flag_switched_off(api: LiveServer) -> None:
    key = create(api)["key"]
    on = [{"op": "replace", "path": "/environments/production/on", "value": True}]
    assert api.rest("POST", f"/flags/{key}", {"key": "f", "name": "f"}).status == 201
    assert api.rest("PATCH", f"/flags/{key}/f", on).status == 200
    body = {"key": "staging", "name": "Staging", "color": "123456", "defaultTrackEvents": True}
    made = api.rest("POST", f"/projects/{key}/environments", body)
    assert made.status == 201
    assert api.rest("GET", f"/projects/{key}/environments/staging").body == made.body
    assert made.body["color"] == "123456"
    config = api.rest("GET", f"/flags/{key}/f").body["environments"]["staging"]
    assert (config["on"], config["trackEvents"]) == (False, True)
    headers = {"Authorization": made.body["apiKey"]}
    polled = api.request("GET", "/sdk/latest-all", None, headers).body["flags"]
    assert polled["f"]["version"] == config["version"]


@pytest.mark.parametrize(
    "fields",
    [{"key": "no key"}, {"key": None}, {"name": 5}, {"color": 5}, {"secureMode": "a"}, {"tags": [1]}],
)
def test_a_bad_environment_is_not_made(api: LiveServer, fields: dict[str, Any]) -> None:
    key = create(api)["key"]
    body = {"key": "staging", "name": "Staging", "color": "000000", **fields}
    assert_refused(api.rest("POST", f"/projects/{key}/environments", body), 400, "invalid_request")
    assert api.rest("GET", f"/projects/{key}/environments").body["totalCount"] == 2


def test_an_environment_is_patched_but_its_keys_are_its_own(api: LiveServer) -> None:
    project = create(api)
    place = f"/projects/{project['key']}/environments/test"
    before = api.rest("GET", place).body
    body = [
        {"op": "replace", "path": "/name", "value": "Trial"},
        {"op": "add", "path": "/apiKey", "value": "sdk-mine"},
        {"op": "add", "path": "/key", "value": "mine"},
    ]
    patched = api.rest("PATCH", place, body).body
    assert patched == before | {"name": "Trial"}
    assert poll(api, before["apiKey"]) == 200
    assert poll(api, "sdk-mine") == 401
    failing = [{"op": "replace", "path": "/color", "value": "ffffff"}, {"op": "remove", "path": "/nothing"}]
    assert_refused(api.rest("PATCH", place, failing), 422, "patch_failed")
    assert_refused(api.rest("PATCH", place, {"merge": {"tags": "a"}}), 400, "invalid_request")
    assert api.rest("GET", place).body == patched


def test_a_deleted_environments_keys_open_nothing(api: LiveServer) -> None:
    key = create(api)["key"]
    gone = api.rest("GET", f"/projects/{key}/environments/test").body["apiKey"]
    assert api.rest("DELETE", f"/projects/{key}/environments/test").status == 204
    headers = {"Authorization": gone}
    assert_refused(api.request("GET", "/sdk/latest-all", None, headers), 401, "unauthorized")
    assert_refused(api.request("GET", "/all", None, headers), 401, "unauthorized")
    assert_refused(api.request("POST", "/bulk", [], headers), 401, "unauthorized")
    assert_refused(api.request("POST", "/diagnostic", {}, headers), 401, "unauthorized")
    assert_refused(api.rest("DELETE", f"/projects/{key}/environments/production"), 409, "conflict")


def test_an_experiment_ends_with_its_environment_and_the_flag_can_still_be_patched(api: LiveServer) -> None:
    key = create(api)["key"]
    assert api.rest("POST", f"/flags/{key}", {"key": "f", "name": "f"}).status == 201
    assert api.rest("POST", f"/metrics/{key}", {"key": "m", "kind": "custom", "eventKey": "e"}).status == 201
    running = {"metricKey": "m", "environments": ["production", "test"]}
    attach = [{"op": "add", "path": "/experiments/items/0", "value": running}]
    assert api.rest("PATCH", f"/flags/{key}/f", attach).status == 200
    assert api.rest("DELETE", f"/projects/{key}/environments/test").status == 204
    rename = [{"op": "replace", "path": "/name", "value": "renamed"}]
    flag = api.rest("PATCH", f"/flags/{key}/f", rename)
    assert flag.status == 200, flag.body
    assert set(flag.body["environments"]) == {"production"}
    (item,) = flag.body["experiments"]["items"]
    assert item["environments"] == ["production"]
    assert set(item["_environmentSettings"]) == {"production"}
    body = {"key": "test", "name": "Test", "color": "000000"}
    assert api.rest("POST", f"/projects/{key}/environments", body).status == 201
    assert api.rest("GET", f"/flags/{key}/f").body["experiments"]["items"] == [item]
    assert_refused(api.rest("GET", f"/flags/{key}/f/experiments/nowhere/m"), 404, "not_found")


def test_a_listing_of_projects_pages(api: LiveServer) -> None:
    first = api.rest("GET", "/projects?limit=1").body
    assert [project["key"] for project in first["items"]] == ["default"]
    assert first["totalCount"] == api.rest("GET", "/projects").body["totalCount"]


def test_the_last_project_stays(serve: Any) -> None:
    assert_refused(serve().rest("DELETE", "/projects/default"), 409, "conflict")
