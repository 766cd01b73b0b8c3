"""Environments in listings, begun from another one, and with keys that change."""

import time
from typing import Any

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer, Reply, now_ms
from sdk.streams import stream


def modern(api: LiveServer, path: str, version: str = "20240415") -> Reply:
    return api.request("GET", f"/api/v2{path}", None, {"Authorization": api.token, "LD-API-Version": version})


def project(api: LiveServer, **fields: Any) -> str:
    key = fresh("env-project")
    assert api.rest("POST", "/projects", {"key": key, "name": key, **fields}).status == 201
    return key


def environment(api: LiveServer, project_key: str, key: str, **fields: Any) -> dict[str, Any]:
    body = {"key": key, "name": key, "color": "00ff00", **fields}
    reply = api.rest("POST", f"/projects/{project_key}/environments", body)
    assert reply.status == 201, reply.body
    made: dict[str, Any] = reply.body
    return made


def keys(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.body
    return [item["key"] for item in reply.body["items"]]


def poll(api: LiveServer, sdk_key: str) -> int:
    return api.request("GET", "/sdk/latest-all", None, {"Authorization": sdk_key}).status


def mobile_poll(api: LiveServer, mobile_key: str) -> int:
    path = "/msdk/evalx/contexts/eyJraW5kIjoidXNlciIsImtleSI6ImEifQ"
    return api.request("GET", path, None, {"Authorization": mobile_key}).status


def test_environments_are_filtered_sorted_and_paged(api: LiveServer) -> None:
    key = project(api)
    environment(api, key, "zeta", tags=["Night", "b"], critical=True)
    environment(api, key, "alpha", name="Nightly", tags=["night"])
    place = f"/projects/{key}/environments"
    assert keys(modern(api, place)) == ["production", "test", "zeta", "alpha"]
    assert keys(modern(api, f"{place}?sort=name")) == ["alpha", "production", "test", "zeta"]
    assert keys(modern(api, f"{place}?sort=-createdOn")) == ["alpha", "zeta", "test", "production"]
    assert keys(modern(api, f"{place}?sort=-critical,-name")) == ["zeta", "test", "production", "alpha"]
    assert keys(modern(api, f"{place}?filter=query:NIGHT")) == ["alpha"]
    assert keys(modern(api, f"{place}?filter=tags:night%2Bb")) == ["zeta"]
    assert keys(modern(api, f"{place}?filter=tags:night")) == ["zeta", "alpha"]
    assert keys(modern(api, f"{place}?filter=critical:true,query:z")) == ["zeta"]
    page = modern(api, f"{place}?limit=1&offset=1&sort=name")
    assert (keys(page), page.body["totalCount"]) == (["production"], 4)
    assert page.body["_links"].keys() == {"self", "first", "prev", "next", "last"}
    assert_refused(modern(api, f"{place}?filter=color:red"), 400, "invalid_request")
    assert_refused(modern(api, f"{place}?sort=color"), 400, "invalid_request")


def test_projects_are_filtered_sorted_and_paged(api: LiveServer) -> None:
    tag = fresh("tag")
    mine = [project(api, name=name, tags=[tag, name]) for name in ("Second", "first", "Third")]
    by_name = [mine[1], mine[0], mine[2]]
    assert keys(modern(api, f"/projects?filter=tags:{tag}")) == mine
    assert keys(modern(api, f"/projects?filter=tags:{tag}&sort=name")) == by_name
    assert keys(modern(api, f"/projects?filter=tags:{tag}&sort=-name&limit=1")) == [mine[2]]
    assert keys(modern(api, f"/projects?filter=tags:{tag},query:ir")) == [mine[1], mine[2]]
    assert keys(modern(api, f"/projects?filter=keys:{mine[0]}|{mine[2]}")) == [mine[0], mine[2]]


@pytest.mark.parametrize(("version", "pages"), [("20210729", False), ("20220603", True), ("20240415", True)])
def test_since_a_version_projects_come_in_pages_and_without_environments(
    api: LiveServer, version: str, pages: bool
) -> None:
    for _ in range(21):
        project(api)
    found = modern(api, "/projects", version).body
    assert (len(found["items"]) == 20) is pages
    assert ("environments" not in found["items"][0]) is pages
    expanded = modern(api, "/projects?expand=environments&limit=1", version).body["items"][0]
    assert expanded["environments"]["totalCount"] == len(expanded["environments"]["items"]) > 0


def test_all_settings_of_an_environment_are_kept(api: LiveServer) -> None:
    key = project(api)
    settings = {
        "secureMode": True,
        "defaultTrackEvents": True,
        "requireComments": True,
        "confirmChanges": True,
        "critical": True,
        "defaultTtl": 7,
        "tags": ["t"],
        "color": "abcdef",
    }
    made = environment(api, key, "strict", **settings)
    assert {name: made[name] for name in settings} == settings
    assert made["approvalSettings"]["required"] is False
    patch = [
        {"op": "replace", "path": "/approvalSettings/required", "value": True},
        {"op": "replace", "path": "/approvalSettings/minNumApprovals", "value": 2},
        {"op": "add", "path": "/tags/0", "value": "u"},
        {"op": "replace", "path": "/critical", "value": False},
    ]
    patched = api.rest("PATCH", f"/projects/{key}/environments/strict", patch).body
    assert (patched["approvalSettings"]["required"], patched["approvalSettings"]["minNumApprovals"]) == (
        True,
        2,
    )
    assert (patched["tags"], patched["critical"], patched["secureMode"]) == (["u", "t"], False, True)
    assert api.rest("GET", f"/projects/{key}/environments/strict").body == patched


@pytest.mark.parametrize(
    "fields",
    [{"color": "red"}, {"color": "#00ff00"}, {"defaultTtl": -1}, {"source": "test"}, {"source": {"key": 1}}],
)
def test_settings_that_can_not_be_are_refused(api: LiveServer, fields: dict[str, Any]) -> None:
    body = {"key": "odd", "name": "odd", "color": "000000", **fields}
    assert_refused(api.rest("POST", "/projects/default/environments", body), 400, "invalid_request")


def test_a_projects_availability_is_kept_under_both_its_names(api: LiveServer) -> None:
    key = project(api, defaultClientSideAvailability={"usingMobileKey": False, "usingEnvironmentId": True})
    body = api.rest("GET", f"/projects/{key}").body
    assert body["defaultClientSideAvailability"] == {"usingMobileKey": False, "usingEnvironmentId": True}
    assert body["includeInSnippetByDefault"] is True
    patch = [{"op": "replace", "path": "/includeInSnippetByDefault", "value": False}]
    body = api.rest("PATCH", f"/projects/{key}", patch).body
    assert body["defaultClientSideAvailability"] == {"usingMobileKey": False, "usingEnvironmentId": False}
    patch = [{"op": "replace", "path": "/defaultClientSideAvailability/usingMobileKey", "value": True}]
    assert api.rest("PATCH", f"/projects/{key}", patch).body["defaultClientSideAvailability"][
        "usingMobileKey"
    ]


def test_a_projects_availability_is_what_its_new_flags_begin_with(api: LiveServer) -> None:
    available = {"usingMobileKey": False, "usingEnvironmentId": True}
    key = project(api, defaultClientSideAvailability=available)
    assert (
        api.rest("GET", f"/projects/{key}/flag-defaults").body["defaultClientSideAvailability"] == available
    )
    made = api.rest("POST", f"/flags/{key}", {"key": "f", "name": "f"}).body
    assert made["clientSideAvailability"] == available
    rename = [{"op": "replace", "path": "/name", "value": "other"}]
    assert api.rest("PATCH", f"/projects/{key}", rename).body["defaultClientSideAvailability"] == available


def test_an_environment_begins_with_the_flags_and_segments_of_its_source(api: LiveServer) -> None:
    key = project(api)
    assert api.rest("POST", f"/flags/{key}", {"key": "f", "name": "f"}).status == 201
    weights = [{"variation": 0, "weight": 30000}, {"variation": 1, "weight": 70000}]
    rollout = {"variations": weights, "kind": "experiment", "seed": 7}
    segment = {"key": "s", "name": "s", "included": ["ann"]}
    assert api.rest("POST", f"/segments/{key}/test", segment).status == 201
    patch = [
        {"op": "replace", "path": "/environments/test/on", "value": True},
        {"op": "replace", "path": "/environments/test/fallthrough", "value": {"rollout": rollout}},
    ]
    assert api.rest("PATCH", f"/flags/{key}/f", patch).status == 200
    made = environment(api, key, "copy", source={"key": "test"})
    configs = api.rest("GET", f"/flags/{key}/f").body["environments"]
    copied = configs["copy"]["fallthrough"]["rollout"]
    assert (configs["copy"]["on"], configs["production"]["on"]) == (True, False)
    assert (copied["variations"], copied["seed"], copied.get("kind", "rollout")) == (
        weights,
        7,
        "rollout",
    )
    assert configs["copy"]["salt"] != configs["test"]["salt"]
    assert api.rest("GET", f"/segments/{key}/copy/s").body["included"] == ["ann"]
    polled = api.request("GET", "/sdk/latest-all", None, {"Authorization": made["apiKey"]}).body
    assert polled["flags"]["f"]["on"] is True
    assert polled["segments"]["s"]["included"] == ["ann"]
    body = {"key": "other", "name": "x", "color": "000000", "source": {"key": "nowhere"}}
    assert_refused(api.rest("POST", f"/projects/{key}/environments", body), 404, "not_found")


def test_an_environments_segments_end_with_it(api: LiveServer) -> None:
    key = project(api)
    assert api.rest("POST", f"/segments/{key}/test", {"key": "s", "name": "s"}).status == 201
    assert api.rest("DELETE", f"/projects/{key}/environments/test").status == 204
    environment(api, key, "test")
    assert api.rest("GET", f"/segments/{key}/test").body["items"] == []
    assert api.rest("POST", f"/segments/{key}/test", {"key": "s", "name": "s"}).status == 201
    assert api.rest("DELETE", f"/projects/{key}").status == 204
    assert api.rest("POST", "/projects", {"key": key, "name": "again"}).status == 201
    assert api.rest("GET", f"/segments/{key}/test").body["items"] == []


def test_a_key_without_expiry_stops_at_once(api: LiveServer) -> None:
    old = environment(api, project(api), "e")
    place = old["_links"]["self"]["href"].removeprefix("/api/v2")
    new = api.rest("POST", f"{place}/apiKey").body
    assert new["apiKey"] != old["apiKey"]
    assert (new["mobileKey"], new["_id"]) == (old["mobileKey"], old["_id"])
    assert (poll(api, old["apiKey"]), poll(api, new["apiKey"])) == (401, 200)
    newer = api.rest("POST", f"{place}/mobileKey").body
    assert (mobile_poll(api, old["mobileKey"]), mobile_poll(api, newer["mobileKey"])) == (401, 200)
    assert newer["apiKey"] == new["apiKey"]
    assert api.rest("GET", place).body == newer


def test_a_key_with_expiry_works_until_then(api: LiveServer) -> None:
    old = environment(api, project(api), "e")
    place = old["_links"]["self"]["href"].removeprefix("/api/v2")
    expiry = now_ms() + 3000
    new = api.rest("POST", f"{place}/apiKey?expiry={expiry}").body
    assert (poll(api, old["apiKey"]), poll(api, new["apiKey"])) == (200, 200)
    newest = api.rest("POST", f"{place}/apiKey?expiry={expiry}").body
    assert [poll(api, key["apiKey"]) for key in (old, new, newest)] == [200, 200, 200]
    time.sleep(max(0, expiry - now_ms()) / 1000)
    assert [poll(api, key["apiKey"]) for key in (old, new, newest)] == [401, 401, 200]
    assert_refused(api.rest("POST", f"{place}/apiKey?expiry=soon"), 400, "invalid_request")


def test_a_stream_ends_when_its_key_expires_and_not_before(api: LiveServer, server: LiveServer) -> None:
    server.stop()
    server.environment["ASSAY_HEARTBEAT_S"] = "1"
    server.start()
    old = server.environment_rep()["apiKey"]
    expiry = now_ms() + 2500
    with stream(server, old) as opened:
        assert opened.next()[0] == "put"
        path = f"/projects/default/environments/production/apiKey?expiry={expiry}"
        assert server.rest("POST", path).status == 200
        assert server.rest("POST", "/flags/default", {"key": "late", "name": "late"}).status == 201
        assert opened.next()[1]["path"] == "/flags/late"
        assert opened.next() == ("end", None)
    assert now_ms() >= expiry


def test_a_replaced_key_still_proves_a_context_until_it_expires(server: LiveServer) -> None:
    import hmac

    place = "/projects/default/environments/production"
    patch = [{"op": "replace", "path": "/secureMode", "value": True}]
    assert server.rest("PATCH", place, patch).status == 200
    old = server.environment_rep()
    proof = hmac.digest(old["apiKey"].encode(), b"a", "sha256").hex()
    context = "eyJraW5kIjoidXNlciIsImtleSI6ImEifQ"
    path = f"/sdk/evalx/{old['_id']}/contexts/{context}?h={proof}"
    assert server.rest("POST", f"{place}/apiKey?expiry={now_ms() + 60_000}").status == 200
    assert server.request("GET", path).status == 200
    assert server.rest("POST", f"{place}/apiKey").status == 200
    assert server.request("GET", path).status == 200
    assert server.request("GET", path.replace(proof, "0" * 64)).status == 400
