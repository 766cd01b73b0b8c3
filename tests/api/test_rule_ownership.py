"""A started experiment owns its rule: everybody else is refused, whichever way they come."""

from typing import Any

import pytest

from api.experiments import ALL, config, instruct, make_metric, planned, started
from api.replies import assert_refused, fresh
from live import LiveServer

ENVIRONMENT = "/environments/production"


def json_patch(op: str, path: str, value: Any = None) -> Any:
    return [{"op": op, "path": path, "value": value}]


def semantic(kind: str, **parameters: Any) -> Any:
    return {"environmentKey": "production", "instructions": [{"kind": kind, **parameters}]}


@pytest.mark.parametrize(
    "patch",
    [
        json_patch("replace", f"{ENVIRONMENT}/fallthrough", {"variation": 1}),
        json_patch("replace", f"{ENVIRONMENT}/fallthrough/rollout/seed", 5),
        json_patch("replace", "/archived", True),
        json_patch("replace", "/variations/1/value", "other"),
        {"merge": {"environments": {"production": {"fallthrough": {"rollout": {"kind": "rollout"}}}}}},
        {"merge": {"archived": True}},
    ],
)
def test_a_change_of_the_rule_is_refused(api: LiveServer, patch: Any) -> None:
    key = fresh("owned")
    started(api, key)
    before = config(api, key)
    reply = api.rest("PATCH", f"/flags/default/{key}", patch)
    assert_refused(reply, 409, "optimistic_locking_error")
    assert key in reply.body["message"]
    assert config(api, key) == before


def test_instructions_are_refused_just_so(api: LiveServer) -> None:
    key = fresh("owned")
    treatment = started(api, key)["currentIteration"]["treatments"][0]["_id"]
    for patch in (
        semantic("updateFallthroughVariationOrRollout", variationId=treatment),
        semantic("updateFallthroughVariationOrRollout", rolloutWeights={treatment: 100_000}),
    ):
        reply = api.rest("PATCH", f"/flags/default/{key}", patch)
        assert_refused(reply, 409, "optimistic_locking_error")


def test_the_flag_can_not_be_deleted_under_it(api: LiveServer) -> None:
    key = fresh("owned")
    started(api, key)
    assert_refused(api.rest("DELETE", f"/flags/default/{key}"), 409, "optimistic_locking_error")
    instruct(api, key, "stopIteration")
    assert api.rest("DELETE", f"/flags/default/{key}").status == 204
    assert api.rest("GET", f"{ALL}/{key}?expand=previousIterations").status == 200


def test_everything_else_about_the_flag_may_change(api: LiveServer) -> None:
    key = fresh("free")
    first = started(api, key)["currentIteration"]
    rollout = config(api, key)["fallthrough"]
    rule = {"clauses": [{"attribute": "country", "op": "in", "values": ["nl"]}], "variation": 1}
    for patch in (
        json_patch("add", f"{ENVIRONMENT}/rules/0", rule),
        json_patch("replace", f"{ENVIRONMENT}/on", False),
        json_patch("replace", f"{ENVIRONMENT}/on", True),
        json_patch("replace", "/name", "Other name"),
        json_patch("add", f"{ENVIRONMENT}/targets/0", {"variation": 1, "values": ["me"]}),
        json_patch("replace", "/environments/test/fallthrough", {"variation": 1}),
        json_patch("add", "/variations/-", {"value": "one more"}),
    ):
        reply = api.rest("PATCH", f"/flags/default/{key}", patch)
        assert reply.status == 200, reply.body
    after = config(api, key)
    assert after["fallthrough"] == rollout
    assert after["version"] > first["assay"]["firstVersions"][key]


def test_a_second_experiment_can_not_start_on_the_same_rule(api: LiveServer) -> None:
    first, second = fresh("first"), fresh("second")
    started(api, first)
    make_metric(api, second)
    body = {"key": second, "name": second, "iteration": planned(api, first, second)}
    assert api.rest("POST", ALL, body).status == 201
    reply = instruct(api, second, "startIteration")
    assert_refused(reply, 409, "optimistic_locking_error")
    assert first in reply.body["message"]
    instruct(api, first, "stopIteration")
    assert instruct(api, second, "startIteration").status == 200


def test_once_stopped_the_rule_is_anybodys(api: LiveServer) -> None:
    key = fresh("released")
    started(api, key)
    instruct(api, key, "stopIteration")
    patch = json_patch("replace", f"{ENVIRONMENT}/fallthrough", {"variation": 1})
    assert api.rest("PATCH", f"/flags/default/{key}", patch).status == 200


def test_what_a_running_experiment_needs_can_not_be_deleted(api: LiveServer) -> None:
    key, project = fresh("needed"), fresh("project")
    started(api, key)
    for path in (f"/metrics/default/{key}", "/projects/default/environments/production"):
        assert api.rest("DELETE", path).status == 409
    assert api.rest("POST", "/projects", {"key": project, "name": project}).status == 201
    assert_refused(api.rest("DELETE", "/projects/default"), 409, "optimistic_locking_error")


def test_a_flag_can_not_be_copied_over_the_rule(api: LiveServer) -> None:
    key = fresh("copied")
    started(api, key)
    body = {"source": {"key": "test"}, "target": {"key": "production"}}
    reply = api.rest("POST", f"/flags/default/{key}/copy", body)
    assert reply.status in (404, 409)
    assert config(api, key)["fallthrough"]["rollout"]["kind"] == "experiment"


def test_experiments_go_with_their_environment(api: LiveServer) -> None:
    project, key = fresh("project"), fresh("gone")
    assert api.rest("POST", "/projects", {"key": project, "name": project}).status == 201
    assert api.rest("POST", f"/flags/{project}", {"key": key, "name": key}).status == 201
    metric = {"key": key, "kind": "custom", "eventKey": key}
    assert api.rest("POST", f"/metrics/{project}", metric).status == 201
    flag = api.rest("GET", f"/flags/{project}/{key}").body
    place = f"/projects/{project}/environments/test"
    treatments = [
        {
            "name": f"{index}",
            "baseline": index == 0,
            "allocationPercent": "50",
            "parameters": [{"flagKey": key, "variationId": variation["_id"]}],
        }
        for index, variation in enumerate(flag["variations"])
    ]
    version = flag["environments"]["test"]["version"]
    iteration = {
        "hypothesis": "h",
        "metrics": [{"key": key}],
        "primarySingleMetricKey": key,
        "treatments": treatments,
        "flags": {key: {"ruleId": "fallthrough", "flagConfigVersion": version}},
    }
    body = {"key": key, "name": key, "iteration": iteration}
    assert api.rest("POST", f"{place}/experiments", body).status == 201
    assert api.rest("POST", f"{place}/holdouts", {"key": key, "name": key}).status == 201
    layer = {"key": key, "name": key, "description": "d"}
    assert api.rest("POST", f"/projects/{project}/layers", layer).status == 201
    reservation = {"kind": "updateExperimentReservation", "experimentKey": key, "reservationPercent": 10}
    patch = {"environmentKey": "test", "instructions": [reservation]}
    assert api.rest("PATCH", f"/projects/{project}/layers/{key}", patch).status == 200
    assert_refused(api.rest("DELETE", place), 409, "optimistic_locking_error")
    end = {"instructions": [{"kind": "endHoldout"}]}
    assert api.rest("PATCH", f"{place}/holdouts/{key}", end).status == 200
    assert api.rest("DELETE", place).status == 204
    assert api.rest("GET", f"/projects/{project}/experiments").body["items"] == []
    assert api.rest("GET", f"/projects/{project}/layers").body["items"][0]["environments"] == {}
    again = {"key": "test", "name": "test", "color": "417505"}
    assert api.rest("POST", f"/projects/{project}/environments", again).status == 201
    assert api.rest("GET", f"{place}/experiments").body["totalCount"] == 0
    assert api.rest("DELETE", f"/projects/{project}").status == 204


def test_a_running_experiments_variations_keep_their_numbers(api: LiveServer) -> None:
    key = fresh("numbers")
    started(api, key)
    patch = [{"op": "move", "from": "/variations/1", "path": "/variations/0"}]
    assert_refused(api.rest("PATCH", f"/flags/default/{key}", patch), 409, "optimistic_locking_error")
