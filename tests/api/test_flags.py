"""Flags: made, read, listed, deleted."""

from typing import Any

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer, now_ms


def create(api: LiveServer, **fields: Any) -> dict[str, Any]:
    key = fields.pop("key", None) or fresh("flag")
    reply = api.rest("POST", "/flags/default", {"key": key, "name": key, **fields})
    assert reply.status == 201, reply.body
    body: dict[str, Any] = reply.body
    return body


def test_a_flag_without_variations_is_boolean_and_off_everywhere(api: LiveServer) -> None:
    flag = create(api)
    assert [variation["value"] for variation in flag["variations"]] == [True, False]
    assert flag["kind"] == "boolean"
    assert flag["temporary"] is True
    assert flag["defaults"] == {"onVariation": 0, "offVariation": 1}
    assert set(flag["environments"]) == {"production", "test"}
    for config in flag["environments"].values():
        assert config["on"] is False
        assert (config["fallthrough"], config["offVariation"]) == ({"variation": 0}, 1)
        assert (config["trackEvents"], config["rules"], config["targets"]) == (False, [], [])
    assert flag["experiments"] == {"baselineIdx": 0, "items": []}


def test_a_flag_is_read_as_it_was_made(api: LiveServer) -> None:
    before = now_ms()
    made = create(
        api,
        description="what it is for",
        tags=["a", "ü"],
        temporary=False,
        includeInSnippet=True,
        variations=[
            {"value": {"nested": [1, None, 2.5]}, "name": "One"},
            {"value": "zwei", "description": "second"},
            {"value": 3},
        ],
        defaults={"onVariation": 2, "offVariation": 0},
        clientSideAvailability={"usingMobileKey": False, "usingEnvironmentId": True},
        customProperties={"jira": {"name": "Jira", "value": ["A-1"]}},
    )
    assert api.rest("GET", f"/flags/default/{made['key']}").body == made
    assert [variation["value"] for variation in made["variations"]] == [
        {"nested": [1, None, 2.5]},
        "zwei",
        3,
    ]
    assert made["variations"][0]["name"] == "One"
    assert made["variations"][1]["description"] == "second"
    assert len({variation["_id"] for variation in made["variations"]}) == 3
    assert made["kind"] == "multivariate"
    assert (made["tags"], made["temporary"], made["description"]) == (["a", "ü"], False, "what it is for")
    assert made["environments"]["test"]["fallthrough"] == {"variation": 2}
    assert made["environments"]["test"]["offVariation"] == 0
    assert made["clientSideAvailability"] == {"usingMobileKey": False, "usingEnvironmentId": True}
    assert made["customProperties"] == {"jira": {"name": "Jira", "value": ["A-1"]}}
    assert before <= made["creationDate"] <= now_ms()


def test_the_same_key_twice_is_a_conflict(api: LiveServer) -> None:
    flag = create(api)
    reply = api.rest("POST", "/flags/default", {"key": flag["key"], "name": "another"})
    assert_refused(reply, 409, "conflict")
    assert api.rest("GET", f"/flags/default/{flag['key']}").body == flag


BAD_KEYS = (
    "",
    " ",
    "-a",
    ".a",
    "a b",
    "a/b",
    "ä",
    "a" * 257,
    5,
    None,
    True,
    ["a"],
    {"a": 1},
    "a\n",
    "a\u0000",
)


@pytest.mark.parametrize("key", BAD_KEYS)
def test_a_key_holds_letters_digits_and_a_few_marks(api: LiveServer, key: object) -> None:
    assert_refused(api.rest("POST", "/flags/default", {"key": key, "name": "a"}), 400, "invalid_request")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": 5},
        {"name": None},
        {"description": ["a"]},
        {"tags": "a"},
        {"tags": [1]},
        {"temporary": "yes"},
        {"includeInSnippet": 1},
        {"clientSideAvailability": []},
        {"clientSideAvailability": {"usingMobileKey": "a"}},
        {"customProperties": []},
        {"variations": "a"},
        {"variations": [{"value": 1}]},
        {"variations": [{}, {}]},
        {"variations": [1, 2]},
        {"variations": {"value": 1}},
        {"variations": [{"value": 1, "name": 5}, {"value": 2}]},
        {"variations": [{"value": 1, "_id": "a"}, {"value": 2, "_id": "a"}]},
        {"variations": [{"value": n} for n in range(101)]},
        {"defaults": {"onVariation": 2, "offVariation": 0}},
        {"defaults": {"onVariation": 0, "offVariation": -1}},
        {"defaults": {"onVariation": 0}},
        {"defaults": {"onVariation": 0.5, "offVariation": 0}},
        {"defaults": [0, 1]},
    ],
)
def test_a_bad_field_is_refused_and_nothing_is_made(api: LiveServer, fields: dict[str, Any]) -> None:
    key = fresh("bad")
    reply = api.rest("POST", "/flags/default", {"key": key, "name": key, **fields})
    assert_refused(reply, 400, "invalid_request")
    assert_refused(api.rest("GET", f"/flags/default/{key}"), 404, "not_found")


def test_a_flag_of_an_unknown_project_is_not_made(api: LiveServer) -> None:
    assert_refused(api.rest("POST", "/flags/nowhere", {"key": "a", "name": "a"}), 404, "not_found")


def test_a_listing_holds_every_flag_and_pages_through_them(api: LiveServer) -> None:
    tag = fresh("tag")
    keys = [create(api, tags=[tag])["key"] for _ in range(5)]
    listing = api.rest("GET", f"/flags/default?tag={tag}").body
    assert [flag["key"] for flag in listing["items"]] == keys
    assert listing["totalCount"] == 5
    page = api.rest("GET", f"/flags/default?tag={tag}&limit=2&offset=3").body
    assert [flag["key"] for flag in page["items"]] == keys[3:]
    assert page["totalCount"] == 5
    assert len(api.rest("GET", f"/flags/default?tag={tag}&limit=0").body["items"]) == 5
    assert api.rest("GET", f"/flags/default?tag={tag}&offset=99").body["items"] == []


@pytest.mark.parametrize("query", ["limit=a", "limit=1.5", "offset=", "limit=1e3", f"offset={2**63}"])
def test_a_page_that_is_no_number_is_refused(api: LiveServer, query: str) -> None:
    assert_refused(api.rest("GET", f"/flags/default?{query}"), 400, "invalid_request")


def test_only_the_environments_asked_for_are_shown(api: LiveServer) -> None:
    key = create(api)["key"]
    assert set(api.rest("GET", f"/flags/default/{key}?env=test").body["environments"]) == {"test"}
    assert set(api.rest("GET", f"/flags/default/{key}?env=nowhere").body["environments"]) == set()
    both = api.rest("GET", f"/flags/default/{key}?env=test,production").body["environments"]
    assert set(both) == {"test", "production"}


def test_a_deleted_flag_is_gone_and_its_key_free(api: LiveServer) -> None:
    key = create(api, tags=["first"])["key"]
    deleted = api.rest("DELETE", f"/flags/default/{key}")
    assert (deleted.status, deleted.body) == (204, None)
    assert_refused(api.rest("GET", f"/flags/default/{key}"), 404, "not_found")
    assert_refused(api.rest("DELETE", f"/flags/default/{key}"), 404, "not_found")
    assert create(api, key=key)["tags"] == []


def test_an_archived_flag_leaves_the_listing_and_comes_back(api: LiveServer) -> None:
    tag = fresh("tag")
    key = create(api, tags=[tag])["key"]
    patch = [{"op": "replace", "path": "/archived", "value": True}]
    archived = api.rest("PATCH", f"/flags/default/{key}", patch).body
    assert archived["archived"] is True
    assert archived["archivedDate"] >= archived["creationDate"]
    assert api.rest("GET", f"/flags/default?tag={tag}").body["items"] == []
    assert len(api.rest("GET", f"/flags/default?tag={tag}&archived=true").body["items"]) == 1
    patch[0]["value"] = False
    assert "archivedDate" not in api.rest("PATCH", f"/flags/default/{key}", patch).body
    assert len(api.rest("GET", f"/flags/default?tag={tag}").body["items"]) == 1
