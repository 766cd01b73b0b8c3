"""Segments over REST: made, listed, patched in every dialect, looked into, and kept while in use."""

import uuid
from typing import Any

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer, Reply

HERE = "/segments/default/production"
MODERN = {"LD-API-Version": "20240415"}


def modern(api: LiveServer, method: str, path: str, body: Any = None) -> Reply:
    headers = {"Authorization": api.token, "Content-Type": "application/json", **MODERN}
    return api.request(method, f"/api/v2{path}", body, headers)


def made(api: LiveServer, **fields: Any) -> str:
    key = fresh("segment")
    reply = api.rest("POST", HERE, {"key": key, "name": key, **fields})
    assert reply.status == 201, reply.body
    return key


def got(api: LiveServer, key: str) -> dict[str, Any]:
    reply = modern(api, "GET", f"{HERE}/{key}")
    assert reply.status == 200
    body: dict[str, Any] = reply.body
    return body


def instructed(api: LiveServer, key: str, *instructions: dict[str, Any], query: str = "") -> Reply:
    body = {"environmentKey": "production", "comment": "why", "instructions": list(instructions)}
    return modern(api, "PATCH", f"{HERE}/{key}{query}", body)


def keys(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.body
    return [item["key"] for item in reply.body["items"]]


def test_a_new_segment_has_what_clients_require(api: LiveServer) -> None:
    key = made(api, description="who", tags=["a"])
    body = got(api, key)
    wanted = {
        "name",
        "tags",
        "creationDate",
        "lastModifiedDate",
        "key",
        "_links",
        "rules",
        "version",
        "deleted",
    }
    assert wanted | {"generation", "included", "excluded", "includedContexts"} <= body.keys()
    assert (body["description"], body["tags"], body["rules"], body["deleted"]) == ("who", ["a"], [], False)
    assert body["_links"]["self"]["href"] == f"/api/v2{HERE}/{key}"
    assert None not in body.values()


def test_the_founding_generation_sees_no_list_of_objects_that_it_does_not_know(api: LiveServer) -> None:
    key = made(api, includedContexts=[{"contextKind": "org", "values": ["o"]}])
    body = api.rest("GET", f"{HERE}/{key}").body
    assert not {"includedContexts", "excludedContexts", "_flags"} & body.keys()
    assert got(api, key)["includedContexts"] == [{"contextKind": "org", "values": ["o"]}]


def test_a_segment_belongs_to_one_environment(api: LiveServer) -> None:
    key = made(api)
    assert_refused(api.rest("GET", f"/segments/default/test/{key}"), 404, "not_found")
    assert api.rest("POST", "/segments/default/test", {"key": key, "name": "x"}).status == 201
    assert_refused(api.rest("POST", HERE, {"key": key, "name": "x"}), 409, "conflict")
    assert_refused(api.rest("GET", "/segments/default/nowhere"), 404, "not_found")
    assert_refused(api.rest("GET", "/segments/nowhere/test"), 404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"key": ""},
        {"key": "a/b", "name": "x"},
        {"key": "k", "name": 3},
        {"key": "k", "name": "x", "tags": "a"},
        {"key": "k", "name": "x", "included": [1]},
        {"key": "k", "name": "x", "unbounded": "yes"},
        {"key": "k", "name": "x", "rules": [{"clauses": []}]},
        {"key": "k", "name": "x", "unbounded": True, "unboundedContextKind": "no kind"},
    ],
)
def test_a_segment_that_can_not_be_is_refused(api: LiveServer, body: dict[str, Any]) -> None:
    assert_refused(api.rest("POST", HERE, body), 400, "invalid_request")


def test_json_patch_and_merge_patch_edit_lists_and_rules(api: LiveServer) -> None:
    key = made(api)
    clause = {"attribute": "email", "op": "endsWith", "values": ["@x.org"], "negate": False}
    patch = [
        {"op": "add", "path": "/included/-", "value": "ann"},
        {"op": "add", "path": "/rules/-", "value": {"clauses": [clause]}},
        {"op": "replace", "path": "/description", "value": "staff"},
    ]
    first = api.rest("PATCH", f"{HERE}/{key}", patch).body
    assert first["included"] == ["ann"]
    assert uuid.UUID(first["rules"][0]["_id"])
    assert uuid.UUID(first["rules"][0]["clauses"][0]["_id"])
    merged = api.rest("PATCH", f"{HERE}/{key}", {"merge": {"excluded": ["bob"], "name": "Staff"}}).body
    assert (merged["excluded"], merged["name"], merged["included"]) == (["bob"], "Staff", ["ann"])
    assert merged["version"] > first["version"]
    assert merged["rules"] == first["rules"]


def test_what_the_server_owns_can_not_be_patched(api: LiveServer) -> None:
    key = made(api)
    for path in ("/key", "/version", "/creationDate"):
        patch = [{"op": "replace", "path": path, "value": -7}]
        assert_refused(api.rest("PATCH", f"{HERE}/{key}", patch), 400, "invalid_request")


def test_instructions_are_followed_all_or_none(api: LiveServer) -> None:
    key = made(api)
    add = {"kind": "addIncludedTargets", "contextKind": "org", "values": ["o"]}
    assert instructed(api, key, add, {"kind": "addTags", "values": ["t"]}).body["tags"] == ["t"]
    before = got(api, key)
    assert_refused(
        instructed(api, key, {"kind": "updateName", "value": "new"}, {"kind": "unknown"}),
        400,
        "invalid_request",
    )
    assert got(api, key) == before
    body = {"environmentKey": "test", "instructions": [add]}
    assert_refused(modern(api, "PATCH", f"{HERE}/{key}", body), 400, "invalid_request")


def test_a_dry_run_shows_the_change_and_writes_nothing(api: LiveServer) -> None:
    key = made(api)
    rename = {"kind": "updateName", "value": "new"}
    assert instructed(api, key, rename, query="?dryRun=true").body["name"] == "new"
    assert got(api, key)["name"] == key


def test_a_listing_is_filtered_sorted_and_paged(api: LiveServer) -> None:
    tag = fresh("tag")
    mine = [made(api, tags=[tag], description="Toggle") for _ in range(3)]
    made(api)
    asked = f"tags+anyOf+%5B%22{tag}%22%5D"
    assert keys(modern(api, "GET", f"{HERE}?filter={asked}&sort=key")) == sorted(mine)
    assert keys(modern(api, "GET", f"{HERE}?filter={asked}&sort=-key")) == sorted(mine, reverse=True)
    page = modern(api, "GET", f"{HERE}?filter={asked},query+equals+%22toggle%22&sort=key&limit=1&offset=1")
    assert keys(page) == [sorted(mine)[1]]
    assert page.body["totalCount"] == 3
    assert page.body["_links"].keys() == {"self", "first", "prev", "next", "last"}
    excluded = f"{asked},excludedKeys+anyOf+%5B%22{mine[0]}%22%5D,unbounded+equals+false"
    assert set(keys(modern(api, "GET", f"{HERE}?filter={excluded}"))) == set(mine[1:])
    assert keys(modern(api, "GET", f"{HERE}?filter=includedKeys+anyOf+%5B%22{mine[0]}%22%5D")) == [mine[0]]
    assert keys(modern(api, "GET", f"{HERE}?filter=external+exists+true")) == []
    assert_refused(modern(api, "GET", f"{HERE}?filter=color+equals+red"), 400, "invalid_request")
    assert_refused(modern(api, "GET", f"{HERE}?sort=color"), 400, "invalid_request")


def test_a_modern_page_has_twenty_and_the_founding_generation_gets_all(api: LiveServer) -> None:
    for _ in range(21):
        made(api)
    assert len(keys(modern(api, "GET", HERE))) == 20
    everything = api.rest("GET", HERE)
    assert len(keys(everything)) == everything.body["totalCount"] > 20


def test_a_segment_in_use_is_kept(api: LiveServer) -> None:
    key, flag = made(api), fresh("segment-flag")
    other = made(api, rules=[{"clauses": [{"attribute": "", "op": "segmentMatch", "values": [key]}]}])
    assert api.rest("POST", "/flags/default", {"key": flag, "name": flag}).status == 201
    rule = {"clauses": [{"attribute": "", "op": "segmentMatch", "values": [key]}], "variation": 0}
    patch = [{"op": "add", "path": "/environments/production/rules/-", "value": rule}]
    assert api.rest("PATCH", f"/flags/default/{flag}", patch).status == 200
    assert [item["key"] for item in got(api, key)["_flags"]] == [flag]
    reply = api.rest("DELETE", f"{HERE}/{key}")
    assert_refused(reply, 409, "conflict")
    assert flag in reply.body["message"]
    assert other in reply.body["message"]
    assert api.rest("DELETE", f"{HERE}/{other}").status == 204
    assert api.rest("DELETE", f"/flags/default/{flag}").status == 204
    assert api.rest("DELETE", f"{HERE}/{key}").status == 204
    assert_refused(api.rest("GET", f"{HERE}/{key}"), 404, "not_found")


def test_segments_that_would_ask_for_themselves_are_refused(api: LiveServer) -> None:
    first = made(api)
    asking = {"attribute": "", "op": "segmentMatch", "values": [first]}
    second = made(api, rules=[{"clauses": [asking]}])
    for target in (first, second):
        clauses = [{"attribute": "", "op": "segmentMatch", "values": [target]}]
        assert_refused(
            instructed(api, first, {"kind": "addRule", "clauses": clauses}), 400, "invalid_request"
        )


def test_unbounded_segments_show_counts_and_answer_for_single_keys(api: LiveServer) -> None:
    key = made(api, unbounded=True, unboundedContextKind="org")
    change = {"included": {"add": ["o", "p", "q"], "remove": ["q"]}, "excluded": {"add": ["x"]}}
    assert api.rest("POST", f"{HERE}/{key}/contexts", change).status == 204
    body = got(api, key)
    assert (body["included"], body["includedContexts"], body["unboundedContextKind"]) == ([], [], "org")
    counts = body["_unboundedMetadata"]
    assert (counts["includedCount"], counts["excludedCount"]) == (2, 1)
    assert api.rest("GET", f"{HERE}/{key}/contexts/o").body == {
        "userKey": "o",
        "included": True,
        "excluded": False,
    }
    assert api.rest("GET", f"{HERE}/{key}/contexts/x").body["excluded"] is True
    assert api.rest("GET", f"{HERE}/{key}/contexts/nobody").body["included"] is False
    assert api.rest("GET", f"{HERE}/{key}/users/o").body["included"] is False


def test_users_are_added_and_removed_in_bulk(api: LiveServer) -> None:
    key = made(api, included=["old"])
    change = {"included": {"add": [f"u{n}" for n in range(2000)], "remove": ["old"]}}
    assert api.rest("POST", f"{HERE}/{key}/users", change).status == 204
    assert len(got(api, key)["included"]) == 2000
    assert api.rest("GET", f"{HERE}/{key}/users/u7").body["included"] is True
    assert api.rest("GET", f"{HERE}/{key}/users/old").body["included"] is False
    assert_refused(
        api.rest("POST", f"{HERE}/{key}/users", {"included": {"add": [1]}}), 400, "invalid_request"
    )


def test_a_context_is_told_of_every_segment_whether_it_belongs(api: LiveServer) -> None:
    listed = made(api, included=["ann"])
    clause = {"attribute": "plan", "op": "in", "values": ["pro"]}
    by_rule = made(api, rules=[{"clauses": [clause]}], excluded=["bob"])

    def verdicts(context: dict[str, Any]) -> list[tuple[bool, bool, bool]]:
        path = "/projects/default/environments/production/segments/evaluate"
        items = {item["key"]: item for item in modern(api, "POST", path, context).body["items"]}
        names = ("isMember", "isIndividuallyTargeted", "isRuleTargeted")
        return [tuple(items[key][name] for name in names) for key in (listed, by_rule)]

    assert verdicts({"kind": "user", "key": "ann", "plan": "pro"}) == [
        (True, True, False),
        (True, False, True),
    ]
    assert verdicts({"kind": "user", "key": "bob", "plan": "pro"}) == [(False,) * 3, (False,) * 3]
    assert verdicts({"kind": "org", "key": "ann"}) == [(False,) * 3, (False,) * 3]


def test_a_context_that_can_not_be_read_is_refused(api: LiveServer) -> None:
    path = "/projects/default/environments/production/segments/evaluate"
    assert_refused(modern(api, "POST", path, {"kind": "user"}), 400, "invalid_request")
    assert_refused(modern(api, "POST", path, ["no object"]), 400, "invalid_request")
