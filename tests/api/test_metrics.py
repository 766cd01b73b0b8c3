"""Metrics: made, read in both generations' representations, patched, deleted."""

from typing import Any

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer, Reply

MODERN = "20240415"


def create(api: LiveServer, version: str | None = None, **fields: Any) -> Reply:
    body = {"key": fresh("metric"), "kind": "custom", "eventKey": "bought", **fields}
    return send(api, "POST", "/metrics/default", body, version)


def send(api: LiveServer, method: str, path: str, body: object = None, version: str | None = None) -> Reply:
    headers = {"Authorization": api.token} | ({"LD-API-Version": version} if version else {})
    return api.request(method, f"/api/v2{path}", body, headers)


def test_a_metric_is_read_as_it_was_made(api: LiveServer) -> None:
    made = create(
        api,
        name="Order value",
        description="per order",
        isNumeric=True,
        unit="€",
        tags=["money"],
        unitAggregationType="average",
        windowStartOffset=0,
        windowEndOffset=3_600_000,
    )
    assert made.status == 201
    assert send(api, "GET", f"/metrics/default/{made.body['key']}").body == made.body
    expected = {
        "name": "Order value",
        "kind": "custom",
        "eventKey": "bought",
        "isNumeric": True,
        "isActive": True,
        "unit": "€",
        "tags": ["money"],
        "unitAggregationType": "average",
        "windowEndOffset": 3_600_000,
        "_version": 1,
        "_attachedFlagCount": 0,
    }
    assert {name: made.body[name] for name in expected} == expected


def test_what_is_not_said_is_left_out_or_has_its_default(api: LiveServer) -> None:
    made = create(api).body
    assert made["name"] == made["key"]
    assert (made["isNumeric"], made["tags"]) == (False, [])
    assert not {"unit", "description", "urls", "selector", "windowEndOffset"} & made.keys()
    assert None not in made.values()


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (0, "HigherThanBaseline"),
        (1, "LowerThanBaseline"),
        ("HigherThanBaseline", "HigherThanBaseline"),
        ("LowerThanBaseline", "LowerThanBaseline"),
    ],
)
def test_the_success_criterion_is_taken_as_a_number_and_as_a_word(
    api: LiveServer, sent: object, meant: str
) -> None:
    made = create(api, MODERN, successCriteria=sent)
    assert made.status == 201
    assert made.body["successCriteria"] == meant
    place = f"/metrics/default/{made.body['key']}"
    patched = [{"op": "replace", "path": "/successCriteria", "value": sent}]
    assert send(api, "PATCH", place, patched, MODERN).body["successCriteria"] == meant


@pytest.mark.parametrize("version", [None, "20160426", "20191212", "20210729", ""])
def test_the_founding_generation_never_sees_the_word(api: LiveServer, version: str | None) -> None:
    """Its client refuses a string there, and its whole listing with it."""
    made = create(api, version, successCriteria=1).body
    for body in (
        made,
        send(api, "GET", f"/metrics/default/{made['key']}", None, version).body,
        *send(api, "GET", "/metrics/default?limit=1000", None, version).body["items"],
    ):
        assert not {"successCriteria", "dataSource", "_attachedFeatures"} & body.keys()
        assert isinstance(body["lastModified"]["date"], str)


@pytest.mark.parametrize("version", [MODERN, "beta"])
def test_todays_generation_sees_the_word_and_the_source(api: LiveServer, version: str) -> None:
    key = create(api, successCriteria=1).body["key"]
    body = send(api, "GET", f"/metrics/default/{key}", None, version).body
    assert body["successCriteria"] == "LowerThanBaseline"
    assert body["dataSource"] == {"key": "launchdarkly-hosted"}
    assert body["_attachedFeatures"] == []
    assert {"_id", "_versionId", "key", "name", "kind", "_links", "tags", "_creationDate"} <= body.keys()


def test_a_tokens_default_version_counts_where_no_header_came(api: LiveServer) -> None:
    key = create(api, successCriteria=1).body["key"]
    body = {"name": "modern", "role": "reader", "defaultApiVersion": 20240415}
    token = api.rest("POST", "/tokens", body).body["token"]
    assert api.rest("GET", f"/metrics/default/{key}", token=token).body["successCriteria"]
    old = {"Authorization": token, "LD-API-Version": "20210729"}
    assert "successCriteria" not in api.request("GET", f"/api/v2/metrics/default/{key}", None, old).body


BAD = (
    {"kind": "trace"},
    {"kind": None},
    {"kind": 5},
    {"eventKey": ""},
    {"eventKey": None},
    {"eventKey": 5},
    {"name": ""},
    {"name": 5},
    {"isNumeric": "yes"},
    {"tags": "a"},
    {"tags": [None]},
    {"unit": 5},
    {"successCriteria": 2},
    {"successCriteria": -1},
    {"successCriteria": True},
    {"successCriteria": "Higher"},
    {"unitAggregationType": "median"},
    {"windowStartOffset": -1},
    {"windowStartOffset": 5, "windowEndOffset": 5},
    {"windowEndOffset": 0},
    {"windowEndOffset": 2**63 - 1},
    {"windowStartOffset": 2**62},
    {"windowEndOffset": 2**70},
    {"windowEndOffset": 1.5},
    {"kind": "pageview"},
    {"kind": "pageview", "urls": []},
    {"kind": "pageview", "urls": "a"},
    {"kind": "pageview", "urls": [5]},
    {"kind": "pageview", "urls": [{}]},
    {"kind": "pageview", "urls": [{"kind": []}]},
    {"kind": "pageview", "urls": [{"kind": "nearly", "url": "a"}]},
    {"kind": "pageview", "urls": [{"kind": "exact"}]},
    {"kind": "pageview", "urls": [{"kind": "exact", "url": 5}]},
    {"kind": "pageview", "urls": [{"kind": "regex", "pattern": "("}]},
    {"kind": "pageview", "urls": [{"kind": "regex", "pattern": "a{99999999999}"}]},
    {"kind": "pageview", "urls": [{"kind": "regex", "pattern": "(" * 3000 + ")" * 3000}]},
    {"kind": "pageview", "urls": [{"kind": "exact", "url": "a"}], "isNumeric": True},
    {"kind": "click", "urls": [{"kind": "exact", "url": "a"}]},
    {"key": "no key"},
    {"key": None},
)


@pytest.mark.parametrize("fields", BAD)
def test_a_bad_field_is_refused_and_nothing_is_made(api: LiveServer, fields: dict[str, Any]) -> None:
    before = api.rest("GET", "/metrics/default").body["totalCount"]
    assert_refused(create(api, **fields), 400, "invalid_request")
    assert api.rest("GET", "/metrics/default").body["totalCount"] == before


@pytest.mark.parametrize(
    "url",
    [
        {"kind": "exact", "url": "https://shop.example/"},
        {"kind": "canonical", "url": "https://shop.example/"},
        {"kind": "substring", "substring": "checkout"},
        {"kind": "regex", "pattern": "^https?://"},
    ],
)
def test_clicks_and_page_views_are_found_by_url(api: LiveServer, url: dict[str, str]) -> None:
    page = create(api, MODERN, kind="pageview", eventKey=None, urls=[url])
    click = create(api, MODERN, kind="click", eventKey=None, urls=[url], selector=".buy")
    assert (page.status, click.status) == (201, 201)
    assert page.body["urls"] == click.body["urls"] == [url]
    assert click.body["selector"] == ".buy"
    rename = [{"op": "replace", "path": "/name", "value": "renamed"}]
    plain = send(api, "PATCH", f"/metrics/default/{page.body['key']}", rename).body
    assert "urls" not in plain, "the founding generation's client can read no url"
    assert send(api, "GET", f"/metrics/default/{page.body['key']}", None, MODERN).body["urls"] == [url]


def test_the_same_key_twice_is_a_conflict(api: LiveServer) -> None:
    made = create(api).body
    assert_refused(create(api, key=made["key"]), 409, "conflict")


def test_a_patch_makes_a_new_version_and_an_empty_one_none(api: LiveServer) -> None:
    place = f"/metrics/default/{create(api, tags=['a']).body['key']}"
    body = [
        {"op": "replace", "path": "/name", "value": "another"},
        {"op": "add", "path": "/tags/-", "value": "b"},
    ]
    patched = send(api, "PATCH", place, body).body
    assert (patched["name"], patched["tags"], patched["_version"]) == ("another", ["a", "b"], 2)
    assert send(api, "PATCH", place, {"patch": [], "comment": "none"}).body["_version"] == 2
    merged = send(api, "PATCH", place, {"merge": {"description": "merged"}}).body
    assert (merged["description"], merged["_version"]) == ("merged", 3)
    assert send(api, "GET", place).body == merged


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"instructions": []}, 400, "invalid_request"),
        ([{"op": "remove", "path": "/nothing"}], 422, "patch_failed"),
        ([{"op": "test", "path": "/name", "value": "other"}], 409, "optimistic_locking_error"),
        ([{"op": "replace", "path": "/kind", "value": "trace"}], 400, "invalid_request"),
        ([{"op": "remove", "path": "/eventKey"}], 400, "invalid_request"),
        ([{"op": "replace", "path": "/name", "value": ""}], 400, "invalid_request"),
        ([{"op": "replace", "path": "/isNumeric", "value": 1}], 400, "invalid_request"),
    ],
)
def test_a_patch_that_fails_leaves_nothing(api: LiveServer, body: Any, status: int, code: str) -> None:
    made = create(api).body
    place = f"/metrics/default/{made['key']}"
    first = [{"op": "replace", "path": "/description", "value": "half"}]
    whole = [*first, *body] if isinstance(body, list) else body
    assert_refused(send(api, "PATCH", place, whole), status, code)
    assert send(api, "GET", place).body == made


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("description", "what it is for"),
        ("unit", "€"),
        ("maintainerId", "somebody"),
        ("unitAggregationType", "sum"),
        ("windowEndOffset", 1000),
    ],
)
def test_a_patch_may_replace_a_field_that_had_no_value(api: LiveServer, field: str, value: object) -> None:
    """So infrastructure tools do, whatever the metric was made with."""
    place = f"/metrics/default/{create(api).body['key']}"
    patched = send(api, "PATCH", place, [{"op": "replace", "path": f"/{field}", "value": value}])
    assert patched.status == 200, patched.body
    assert patched.body[field] == value


def test_a_measured_metric_cannot_be_deleted_before_it_is_detached(api: LiveServer) -> None:
    flag, metric = fresh("flag"), fresh("metric")
    api.create_experiment(flag, metric)
    assert_refused(api.rest("DELETE", f"/metrics/default/{metric}"), 409, "conflict")
    modern = send(api, "GET", f"/metrics/default/{metric}", None, MODERN).body
    assert [feature["key"] for feature in modern["_attachedFeatures"]] == [flag]
    assert modern["_attachedFlagCount"] == 1
    detach = [{"op": "remove", "path": "/experiments/items/0"}]
    assert api.rest("PATCH", f"/flags/default/{flag}", detach).status == 200
    assert api.rest("DELETE", f"/metrics/default/{metric}").status == 204
    assert_refused(api.rest("GET", f"/metrics/default/{metric}"), 404, "not_found")
    assert_refused(api.rest("DELETE", f"/metrics/default/{metric}"), 404, "not_found")


def test_a_listing_pages(api: LiveServer) -> None:
    key = create(api).body["key"]
    total = api.rest("GET", "/metrics/default").body["totalCount"]
    (last,) = api.rest("GET", f"/metrics/default?limit=5&offset={total - 1}").body["items"]
    assert last["key"] == key
    assert_refused(api.rest("GET", "/metrics/default?limit=x"), 400, "invalid_request")
