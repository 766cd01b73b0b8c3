"""Metrics of today's generation: every kind, what makes no sense, versions, listings, uses."""

import time
from typing import Any

import pytest

from api.experiments import make_experiment, make_metric
from api.replies import assert_refused, fresh
from live import LiveServer, Reply, tracked

MODERN = {"LD-API-Version": "20240415"}
CONDITION = {
    "type": "contextAttribute",
    "attribute": "plan",
    "op": "in",
    "values": ["pro"],
    "contextKind": "user",
}
PROPERTY = {"type": "eventProperty", "attribute": "sku", "op": "startsWith", "values": ["X"], "negate": True}
GROUP = {"type": "group", "op": "any", "values": [CONDITION, PROPERTY], "negate": False}


def send(api: LiveServer, method: str, path: str, body: object = None) -> Reply:
    return api.request(method, f"/api/v2{path}", body, {"Authorization": api.token, **MODERN})


def create(api: LiveServer, **fields: Any) -> Reply:
    return send(
        api,
        "POST",
        "/metrics/default",
        {"key": fresh("metric"), "kind": "custom", "eventKey": "bought", **fields},
    )


GOOD: tuple[dict[str, Any], ...] = (
    {"isNumeric": False, "unitAggregationType": "average"},
    {"unitAggregationType": "sum"},
    {"isNumeric": True, "unitAggregationType": "average", "unit": "€"},
    {"unitAggregationType": "count_distinct", "unitAggregationField": "/order/id"},
    {"isNumeric": True, "analysisType": "percentile", "percentileValue": 95},
    {"isNumeric": True, "eventDefault": {"disabled": False, "value": 5}},
    {"isNumeric": True, "eventDefault": {"disabled": True, "value": 0}},
    {"analysisUnits": ["user", "org"]},
    {"filters": {**CONDITION, "negate": True}},
    {"filters": GROUP},
    {"isNumeric": True, "valueColumn": "price"},
    {"isNumeric": True, "winsorUpperPercentile": 99.5, "winsorIncludeImputed": True},
    {"isNumeric": True, "winsorLowerPercentile": 1, "winsorUpperPercentile": 99},
    {"denominator": {"eventName": "visit"}},
    {
        "isNumeric": True,
        "denominator": {
            "eventName": "visit",
            "isNumeric": True,
            "unitAggregationType": "sum",
            "filters": GROUP,
        },
    },
    {"dataSource": {"key": "launchdarkly"}, "maintainerId": "somebody"},
)


@pytest.mark.parametrize("fields", GOOD)
def test_every_kind_is_read_as_it_was_made(api: LiveServer, fields: dict[str, Any]) -> None:
    made = create(api, **fields)
    assert made.status == 201, made.body
    read = send(api, "GET", f"/metrics/default/{made.body['key']}").body
    for name, value in fields.items():
        assert contains(read[name], value), name
    assert None not in read.values()


def contains(told: Any, asked: Any) -> bool:
    """Whether all that was asked is told, and perhaps more."""
    if isinstance(asked, dict):
        return all(contains(told[name], value) for name, value in asked.items())
    if isinstance(asked, list):
        return len(told) == len(asked) and all(map(contains, told, asked))
    return bool(told == asked)


BAD: tuple[dict[str, Any], ...] = (
    {"kind": "trace", "traceQuery": "q", "traceValueLocation": "l"},
    {"unitAggregationType": "count_distinct"},
    {"unitAggregationField": "sku"},
    {"unitAggregationType": "count_distinct", "unitAggregationField": "/a//b"},
    {"unitAggregationType": "median"},
    {"valueColumn": "price"},
    {"analysisType": "percentile", "percentileValue": 95},
    {"isNumeric": True, "analysisType": "percentile"},
    {"isNumeric": True, "analysisType": "percentile", "percentileValue": 0},
    {"isNumeric": True, "analysisType": "percentile", "percentileValue": 100},
    {"isNumeric": True, "percentileValue": 95},
    {"isNumeric": True, "analysisType": "median"},
    {
        "isNumeric": True,
        "analysisType": "percentile",
        "percentileValue": 95,
        "denominator": {"eventName": "x"},
    },
    {"isNumeric": True, "analysisType": "percentile", "percentileValue": 95, "winsorUpperPercentile": 99},
    {"isNumeric": True, "winsorUpperPercentile": 101},
    {"isNumeric": True, "winsorLowerPercentile": -1},
    {"isNumeric": True, "winsorLowerPercentile": 60, "winsorUpperPercentile": 40},
    {"denominator": {}},
    {"denominator": {"eventName": "x", "unitAggregationType": "median"}},
    {"denominator": {"eventName": "x", "windowStartOffset": 5, "windowEndOffset": 5}},
    {"denominator": {"eventName": "x", "filters": {**CONDITION, "values": []}}},
    {"filters": {"type": "other", "attribute": "a", "op": "in", "values": ["b"], "negate": False}},
    {"filters": {**CONDITION, "op": "segmentMatch"}},
    {"filters": {**CONDITION, "op": None}},
    {"filters": {**CONDITION, "attribute": ""}},
    {"filters": {**CONDITION, "values": "pro"}},
    {"filters": {"type": "group", "op": "any", "values": []}},
    {"filters": {"type": "group", "op": "none", "values": [CONDITION]}},
    {"filters": {"type": "group", "op": "all", "values": [CONDITION] * 51}},
    {"filters": 5},
    {"eventDefault": {"disabled": "no"}},
    {"eventDefault": {"disabled": False, "value": 1e31}},
    {"analysisUnits": "user"},
    {"dataSource": {"key": "snowflake"}},
    {"dataSource": {}},
)


@pytest.mark.parametrize("fields", BAD)
def test_what_makes_no_sense_is_refused_with_a_reason(api: LiveServer, fields: dict[str, Any]) -> None:
    assert_refused(create(api, **fields), 400, "invalid_request")


def test_filters_nest_only_so_deep(api: LiveServer) -> None:
    tree: dict[str, Any] = CONDITION
    for _ in range(12):
        tree = {"type": "group", "op": "all", "values": [tree], "negate": False}
    assert_refused(create(api, filters=tree), 400, "invalid_request")


def test_a_metric_is_read_in_the_version_that_an_iteration_pinned(api: LiveServer) -> None:
    first = create(api, filters=CONDITION).body
    place = f"/metrics/default/{first['key']}"
    second = send(api, "PATCH", place, [{"op": "replace", "path": "/filters/op", "value": "contains"}]).body
    third = send(api, "PATCH", place, [{"op": "remove", "path": "/filters"}]).body
    assert [body["_version"] for body in (first, second, third)] == [1, 2, 3]
    assert "filters" not in third
    for body in (first, second, third):
        read = send(api, "GET", f"{place}?versionId={body['_versionId']}").body
        assert {name: read[name] for name in body} == body
    for strange in ("nonsense", f"{first['_id']}-9", f"{first['_id']}-", "x-1"):
        assert_refused(send(api, "GET", f"{place}?versionId={strange}"), 404, "not_found")


def test_a_deleted_metric_leaves_no_version_to_one_that_takes_its_key(api: LiveServer) -> None:
    made = create(api).body
    place = f"/metrics/default/{made['key']}"
    send(api, "PATCH", place, [{"op": "replace", "path": "/name", "value": "second"}])
    assert send(api, "DELETE", place).status == 204
    again = create(api, key=made["key"]).body
    assert_refused(send(api, "GET", f"{place}?versionId={made['_versionId']}"), 404, "not_found")
    assert send(api, "GET", f"{place}?versionId={again['_versionId']}").status == 200


def test_an_archived_metric_says_since_when(api: LiveServer) -> None:
    place = f"/metrics/default/{create(api).body['key']}"
    archived = send(api, "PATCH", place, [{"op": "replace", "path": "/archived", "value": True}]).body
    assert archived["archived"] is True
    assert isinstance(archived["archivedAt"], int)
    renamed = send(api, "PATCH", place, [{"op": "replace", "path": "/name", "value": "old"}]).body
    assert renamed["archivedAt"] == archived["archivedAt"]
    back = send(api, "PATCH", place, [{"op": "replace", "path": "/archived", "value": False}]).body
    assert back["archived"] is False
    assert "archivedAt" not in back


def test_an_empty_patch_of_any_kind_makes_no_version(api: LiveServer) -> None:
    for fields in GOOD:
        made = create(api, **fields).body
        assert send(api, "PATCH", f"/metrics/default/{made['key']}", []).body == made


def test_a_listing_is_filtered_sorted_and_paged(api: LiveServer) -> None:
    tag = fresh("tag")
    keys = [create(api, name=name, tags=[tag], isNumeric=name == "b").body["key"] for name in ("b", "A", "c")]

    def listed(query: str) -> list[str]:
        reply = send(
            api, "GET", f'/metrics/default?filter=tags%20contains%20["{tag}"]{query}'.replace('"', "%22")
        )
        assert reply.status == 200, reply.body
        return [item["key"] for item in reply.body["items"]]

    assert listed("") == keys
    assert listed("&sort=name") == [keys[1], keys[0], keys[2]]
    assert listed("&sort=-createdAt&limit=1") == [keys[2]]
    assert listed(",isNumeric%20equals%20true") == [keys[0]]
    assert listed("%20and%20query%20equals%20a") == [keys[1]]
    assert listed(",hasConnections%20equals%20true") == []
    for refused in ("nothing%20equals%201", "tags", "tags%20is%20x"):
        assert_refused(send(api, "GET", f"/metrics/default?filter={refused}"), 400, "invalid_request")
    assert_refused(send(api, "GET", "/metrics/default?sort=size"), 400, "invalid_request")


def test_a_page_holds_twenty_metrics_and_fifty_at_most(api: LiveServer) -> None:
    total = send(api, "GET", "/metrics/default").body["totalCount"]
    for _ in range(max(0, 51 - total)):
        make_metric(api, fresh("metric"))
    assert len(send(api, "GET", "/metrics/default").body["items"]) == 20
    page = send(api, "GET", "/metrics/default?limit=1000").body
    assert len(page["items"]) == 50
    assert "next" in page["_links"]
    assert len(api.rest("GET", "/metrics/default").body["items"]) == page["totalCount"]


def test_what_uses_a_metric_is_told_and_keeps_it_from_being_deleted(api: LiveServer) -> None:
    key = fresh("experiment")
    make_experiment(api, key)
    group: dict[str, Any] = {"key": key, "name": key, "kind": "standard", "maintainerId": "", "tags": []}
    group |= {"metrics": [{"key": key, "nameInGroup": "it"}]}
    assert send(api, "POST", "/projects/default/metric-groups", group).status == 201
    wanted = "experiments,experimentCount,metricGroups,metricGroupCount"
    body = send(api, "GET", f"/metrics/default/{key}?expand={wanted}").body
    assert [one["key"] for one in body["experiments"]] == [key]
    assert body["experiments"][0]["environmentKey"] == "production"
    assert body["lastUsedInExperiment"] == body["experiments"][0]
    assert [one["key"] for one in body["metricGroups"]] == [key]
    assert (body["experimentCount"], body["activeExperimentCount"], body["metricGroupCount"]) == (1, 0, 1)
    listed = send(api, "GET", f"/metrics/default?expand=experimentCount&filter=query%20equals%20{key}").body
    assert listed["items"][0]["experimentCount"] == 1
    used = send(
        api, "GET", f"/metrics/default?filter=metricUsedIn%20equals%20experiment,query%20equals%20{key}"
    )
    assert used.body["totalCount"] == 1
    assert_refused(send(api, "DELETE", f"/metrics/default/{key}"), 409, "conflict")
    assert send(api, "DELETE", f"/projects/default/metric-groups/{key}").status == 204
    assert_refused(send(api, "DELETE", f"/metrics/default/{key}"), 409, "conflict")


def test_a_metric_says_when_it_was_last_seen(api: LiveServer) -> None:
    made = create(api, eventKey=fresh("event")).body
    place = f"/metrics/default/{made['key']}"
    assert "lastSeen" not in send(api, "GET", place).body
    api.send([tracked("u", 1_700_000_000_000, key=made["eventKey"])])
    patience = time.monotonic() + 20
    while "lastSeen" not in (read := send(api, "GET", place).body):
        assert time.monotonic() < patience
        time.sleep(0.05)
    assert read["lastSeen"] == 1_700_000_000_000


def test_flag_scoped_results_refuse_a_metric_that_asks_for_more(api: LiveServer) -> None:
    flag, metric = fresh("flag"), fresh("metric")
    api.create_experiment(flag, metric)
    change = [{"op": "add", "path": "/filters", "value": CONDITION}]
    assert send(api, "PATCH", f"/metrics/default/{metric}", change).status == 200
    reply = api.rest("GET", f"/flags/default/{flag}/experiments/production/{metric}")
    assert_refused(reply, 400, "invalid_request")
