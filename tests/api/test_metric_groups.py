"""Metric groups: funnels and standard ones, made, read, patched, listed, deleted."""

from typing import Any

import pytest

from api.experiments import ALL, make_experiment, make_flag, make_metric, planned
from api.replies import assert_refused, fresh
from assay.api.representations.metric_groups import metric_group_rep
from assay.experiments.metric_group import MetricGroup
from assay.store.records import Member
from assay.store.state import State
from live import LiveServer, Reply

GROUPS = "/projects/default/metric-groups"
MODERN = {"LD-API-Version": "20240415"}


def send(api: LiveServer, method: str, path: str, body: object = None) -> Reply:
    return api.request(method, f"/api/v2{path}", body, {"Authorization": api.token, **MODERN})


@pytest.fixture(scope="module")
def steps(api: LiveServer) -> list[str]:
    keys = [fresh("step") for _ in range(3)]
    for key in keys:
        make_metric(api, key)
    return keys


def create(api: LiveServer, steps: list[str], /, **fields: Any) -> Reply:
    key = fresh("group")
    body = {
        "key": key,
        "name": f"The {key}",
        "kind": "funnel",
        "maintainerId": "somebody",
        "tags": ["a"],
        "metrics": [{"key": metric, "nameInGroup": f"step {metric}"} for metric in steps],
    }
    return send(api, "POST", GROUPS, {**body, **fields})


def test_a_group_is_read_as_it_was_made(api: LiveServer, steps: list[str]) -> None:
    made = create(api, steps, description="to the till")
    assert made.status == 201, made.body
    body = send(api, "GET", f"{GROUPS}/{made.body['key']}").body
    assert body == made.body
    assert [(one["key"], one["nameInGroup"]) for one in body["metrics"]] == [
        (key, f"step {key}") for key in steps
    ]
    assert body["maintainer"] == {"key": "somebody", "kind": "member"}
    assert (body["kind"], body["tags"], body["_version"]) == ("funnel", ["a"], 1)
    assert body["_links"]["self"]["href"] == f"/api/v2{GROUPS}/{body['key']}"
    assert {"_id", "_creationDate", "_lastModified", "description"} <= body.keys()


def test_a_maintainer_who_is_known_is_told() -> None:
    member = Member("somebody", "ann@example.com", "writer", 1, first_name="Ann")
    group = MetricGroup("1", "group", "Group", "standard", 1, (), maintainer_id="somebody")
    told = metric_group_rep(State().with_record(("member", "", "somebody"), member), "default", group)
    assert told["maintainer"]["_member"]["email"] == "ann@example.com"
    assert "_member" not in metric_group_rep(State(), "default", group)["maintainer"]


BAD: tuple[dict[str, Any], ...] = (
    {"key": "no key"},
    {"key": None},
    {"name": ""},
    {"name": None},
    {"kind": "other"},
    {"kind": None},
    {"metrics": []},
    {"metrics": None},
    {"metrics": [{}]},
    {"metrics": ["x"]},
    {"metrics": [{"key": "nothing", "nameInGroup": "n"}, {"key": "nothing2", "nameInGroup": "n"}]},
    {"tags": "a"},
)


@pytest.mark.parametrize("fields", BAD)
def test_a_bad_group_is_refused(api: LiveServer, steps: list[str], fields: dict[str, Any]) -> None:
    assert_refused(create(api, steps, **fields), 400, "invalid_request")


def test_a_funnel_s_steps_are_conversions_each_once(api: LiveServer, steps: list[str]) -> None:
    assert_refused(create(api, steps[:1]), 400, "invalid_request")
    assert_refused(create(api, [steps[0], steps[0]]), 400, "invalid_request")
    revenue = fresh("revenue")
    body = {"key": revenue, "kind": "custom", "eventKey": "bought", "isNumeric": True}
    assert send(api, "POST", "/metrics/default", body).status == 201
    assert_refused(create(api, [steps[0], revenue]), 400, "invalid_request")
    assert create(api, [revenue], kind="standard").status == 201


def test_a_step_stays_a_conversion(api: LiveServer) -> None:
    keys = [fresh("step"), fresh("step")]
    for key in keys:
        make_metric(api, key)
    create(api, keys)
    change = [{"op": "replace", "path": "/isNumeric", "value": True}]
    assert_refused(send(api, "PATCH", f"/metrics/default/{keys[0]}", change), 400, "invalid_request")


def test_the_same_key_twice_is_a_conflict(api: LiveServer, steps: list[str]) -> None:
    made = create(api, steps).body
    assert_refused(create(api, steps, key=made["key"]), 409, "conflict")


def test_a_patch_reorders_renames_and_makes_a_version(api: LiveServer, steps: list[str]) -> None:
    place = f"{GROUPS}/{create(api, steps).body['key']}"
    patch = [
        {"op": "move", "from": "/metrics/0", "path": "/metrics/2"},
        {"op": "replace", "path": "/name", "value": "renamed"},
        {"op": "replace", "path": "/description", "value": "said"},
        {"op": "add", "path": "/tags/-", "value": "b"},
    ]
    body = send(api, "PATCH", place, patch).body
    assert [one["key"] for one in body["metrics"]] == [*steps[1:], steps[0]]
    assert (body["name"], body["description"], body["tags"], body["_version"]) == (
        "renamed",
        "said",
        ["a", "b"],
        2,
    )
    assert send(api, "PATCH", place, []).body == body
    assert_refused(
        send(api, "PATCH", place, [{"op": "replace", "path": "/metrics", "value": []}]),
        400,
        "invalid_request",
    )
    assert_refused(send(api, "PATCH", place, {"instructions": []}), 400, "invalid_request")
    assert send(api, "GET", place).body == body


def test_a_group_keeps_its_metrics_and_an_experiment_its_group(api: LiveServer, steps: list[str]) -> None:
    group = create(api, steps).body["key"]
    assert_refused(send(api, "DELETE", f"/metrics/default/{steps[0]}"), 409, "conflict")
    flag = fresh("flag")
    make_flag(api, flag)
    iteration = planned(api, flag, steps[0])
    iteration |= {"metrics": [{"key": group, "isGroup": True}], "primaryFunnelKey": group}
    del iteration["primarySingleMetricKey"]
    reply = send(api, "POST", ALL, {"key": flag, "name": flag, "iteration": iteration})
    assert reply.status == 201, reply.body
    body = send(api, "GET", f"{GROUPS}/{group}?expand=experiments,experimentCount").body
    assert [one["key"] for one in body["experiments"]] == [flag]
    assert (body["experimentCount"], body["activeExperimentCount"]) == (1, 0)
    metric = send(api, "GET", f"/metrics/default/{steps[1]}?expand=experiments").body
    assert flag in [one["key"] for one in metric["experiments"]]
    assert_refused(send(api, "DELETE", f"{GROUPS}/{group}"), 409, "conflict")


def test_a_change_of_a_metric_is_a_new_version_of_its_groups(api: LiveServer) -> None:
    """So that an iteration, which pins its group's version, goes on with the metric as it was."""
    keys = [fresh("step"), fresh("step")]
    for key in keys:
        make_metric(api, key)
    place = f"{GROUPS}/{create(api, keys).body['key']}"
    before = send(api, "GET", place).body
    change = [{"op": "replace", "path": "/eventKey", "value": "other"}]
    changed = send(api, "PATCH", f"/metrics/default/{keys[1]}", change).body
    after = send(api, "GET", place).body
    assert (before["_version"], after["_version"]) == (1, 2)
    assert after["metrics"][1]["_versionId"] == changed["_versionId"]
    assert after["metrics"][0] == before["metrics"][0]


def test_a_metric_that_left_a_pinned_group_is_still_needed(api: LiveServer) -> None:
    keys = [fresh("step") for _ in range(3)]
    for key in keys:
        make_metric(api, key)
    group = create(api, keys).body["key"]
    flag = fresh("flag")
    make_flag(api, flag)
    iteration = planned(api, flag, keys[0])
    iteration |= {"metrics": [{"key": group, "isGroup": True}], "primaryFunnelKey": group}
    del iteration["primarySingleMetricKey"]
    assert send(api, "POST", ALL, {"key": flag, "name": flag, "iteration": iteration}).status == 201
    start = {"instructions": [{"kind": "startIteration", "changeJustification": "now"}]}
    assert send(api, "PATCH", f"{ALL}/{flag}", start).status == 200
    shorter = [{"op": "remove", "path": "/metrics/2"}]
    assert send(api, "PATCH", f"{GROUPS}/{group}", shorter).status == 200
    assert_refused(send(api, "DELETE", f"/metrics/default/{keys[2]}"), 409, "conflict")


def test_a_group_without_uses_is_deleted_for_good(api: LiveServer, steps: list[str]) -> None:
    place = f"{GROUPS}/{create(api, steps).body['key']}"
    assert send(api, "DELETE", place).status == 204
    for method in ("GET", "DELETE"):
        assert_refused(send(api, method, place), 404, "not_found")
    assert_refused(send(api, "PATCH", place, []), 404, "not_found")


def test_groups_are_filtered_sorted_and_paged(api: LiveServer, steps: list[str]) -> None:
    maintainer = fresh("member")
    keys = [create(api, steps, name=name, maintainerId=maintainer).body["key"] for name in ("b", "C", "a")]

    def listed(query: str) -> list[str]:
        reply = send(api, "GET", f"{GROUPS}?filter=maintainerIds%20anyOf%20[{maintainer}]{query}")
        assert reply.status == 200, reply.body
        return [item["key"] for item in reply.body["items"]]

    assert listed("") == keys
    assert listed("&sort=name") == [keys[2], keys[0], keys[1]]
    assert listed("&sort=-createdAt&limit=2&offset=1") == [keys[1], keys[0]]
    assert listed("&sort=connectionCount") == keys
    assert listed(",kind%20equals%20standard") == []
    assert listed(",hasConnections%20equals%20false,query%20equals%20C") == [keys[1]]
    assert listed(",experimentStatus%20equals%20running") == []
    assert_refused(send(api, "GET", f"{GROUPS}?filter=x%20equals%20y"), 400, "invalid_request")


def test_a_running_experiment_makes_its_metric_active(api: LiveServer) -> None:
    key = fresh("running")
    make_experiment(api, key)
    start = {"instructions": [{"kind": "startIteration", "changeJustification": "now"}]}
    assert send(api, "PATCH", f"{ALL}/{key}", start).status == 200
    body = send(api, "GET", f"/metrics/default/{key}?expand=experimentCount").body
    assert (body["experimentCount"], body["activeExperimentCount"]) == (1, 1)
