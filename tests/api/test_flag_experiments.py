"""Experiments on a flag: attached, started, paused, detached by patches, and what SDKs then get."""

from typing import Any

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer, exposure, tracked

Operation = tuple[str, str, object]
ITEM = "/experiments/items/0"


@pytest.fixture
def place(api: LiveServer) -> tuple[str, str]:
    """A flag with a rule, and a metric."""
    flag, metric = fresh("flag"), fresh("metric")
    assert api.rest("POST", "/flags/default", {"key": flag, "name": flag}).status == 201
    create_metric(api, metric)
    clause = {"attribute": "country", "op": "in", "values": ["de"], "contextKind": "user"}
    rule = {"variation": 1, "clauses": [clause]}
    patch(api, flag, ("add", "/environments/production/rules/-", rule))
    patch(api, flag, ("add", "/environments/production/on", True))
    return flag, metric


def create_metric(api: LiveServer, key: str) -> None:
    body = {"key": key, "kind": "custom", "eventKey": key, "isNumeric": False}
    assert api.rest("POST", "/metrics/default", body).status == 201


def patch(api: LiveServer, flag: str, *operations: Operation) -> dict[str, Any]:
    body = [{"op": op, "path": path, "value": value} for op, path, value in operations]
    reply = api.rest("PATCH", f"/flags/default/{flag}", {"patch": body, "comment": ""})
    assert reply.status == 200, reply.body
    experiments: dict[str, Any] = reply.body["experiments"]
    return experiments


def refused(api: LiveServer, flag: str, op: str, path: str, value: object) -> None:
    before = api.rest("GET", f"/flags/default/{flag}").body
    body = [{"op": op, "path": path, "value": value}]
    assert_refused(api.rest("PATCH", f"/flags/default/{flag}", body), 400, "invalid_request")
    assert api.rest("GET", f"/flags/default/{flag}").body == before


def delivered(api: LiveServer, flag: str, environment: str = "production") -> dict[str, Any]:
    headers = {"Authorization": api.environment_rep(environment)["apiKey"]}
    found: dict[str, Any] = api.request("GET", "/sdk/latest-all", None, headers).body["flags"][flag]
    return found


def tracking(flag: dict[str, Any]) -> set[bool]:
    return {
        flag["trackEvents"],
        flag["trackEventsFallthrough"],
        *(rule["trackEvents"] for rule in flag["rules"]),
    }


def test_attaching_a_metric_measures_nothing_yet(api: LiveServer, place: tuple[str, str]) -> None:
    flag, metric = place
    before = delivered(api, flag)
    (item,) = patch(api, flag, ("add", ITEM, {"metricKey": metric, "environments": []}))["items"]
    assert (item["metricKey"], item["environments"], item["_environmentSettings"]) == (metric, [], {})
    assert item["_metric"]["key"] == metric
    assert delivered(api, flag) == before
    assert tracking(before) == {False}


def test_starting_makes_sdks_send_every_evaluation_with_its_reason(
    api: LiveServer, place: tuple[str, str]
) -> None:
    flag, metric = place
    patch(api, flag, ("add", ITEM, {"metricKey": metric, "environments": []}))
    before, elsewhere = delivered(api, flag), delivered(api, flag, "test")
    (item,) = patch(api, flag, ("add", f"{ITEM}/environments/0", "production"))["items"]
    assert item["environments"] == ["production"]
    settings = item["_environmentSettings"]["production"]
    assert settings["enabledPeriods"] == [{"startDate": settings["startDate"]}]
    running = delivered(api, flag)
    assert tracking(running) == {True}
    assert running["version"] > before["version"]
    assert delivered(api, flag, "test") == elsewhere


def test_pausing_stops_the_sending_and_resuming_begins_a_second_period(
    api: LiveServer, place: tuple[str, str]
) -> None:
    flag, metric = place
    patch(api, flag, ("add", ITEM, {"metricKey": metric, "environments": ["production", "test"]}))
    running = delivered(api, flag)
    (paused,) = patch(api, flag, ("remove", f"{ITEM}/environments/0", None))["items"]
    assert paused["environments"] == ["test"]
    assert paused["_environmentSettings"]["production"]["stopDate"]
    assert tracking(delivered(api, flag)) == {False}
    assert delivered(api, flag)["version"] > running["version"]
    (resumed,) = patch(api, flag, ("add", f"{ITEM}/environments/-", "production"))["items"]
    settings = resumed["_environmentSettings"]["production"]
    first, second = settings["enabledPeriods"]
    assert first["startDate"] <= first["stopDate"] <= second["startDate"]
    assert "stopDate" not in second
    assert "stopDate" not in settings
    assert tracking(delivered(api, flag)) == {True}


def test_results_outlast_a_pause(api: LiveServer, place: tuple[str, str]) -> None:
    flag, metric = place
    patch(api, flag, ("add", ITEM, {"metricKey": metric, "environments": ["production"]}))
    assert api.send([exposure("a", 0, flag=flag), tracked("a", key=metric)]).status == 202
    assert api.results(flag, metric)["totals"][0]["cumulativeCount"] == 1
    patch(api, flag, ("remove", f"{ITEM}/environments/0", None))
    assert api.results(flag, metric, "?from=0")["totals"][0]["cumulativeCount"] == 1


def test_detaching_ends_the_data_for_good(api: LiveServer, place: tuple[str, str]) -> None:
    flag, metric = place
    attach: Operation = ("add", ITEM, {"metricKey": metric, "environments": ["production"]})
    patch(api, flag, attach)
    api.send([exposure("a", 0, flag=flag), tracked("a", key=metric)])
    assert api.results(flag, metric, "?from=0")["totals"][0]["cumulativeCount"] == 1
    assert patch(api, flag, ("remove", ITEM, None))["items"] == []
    gone = api.rest("GET", f"/flags/default/{flag}/experiments/production/{metric}")
    assert_refused(gone, 404, "not_found")
    assert tracking(delivered(api, flag)) == {False}
    patch(api, flag, attach)
    assert api.results(flag, metric, "?from=0")["totals"][0]["cumulativeCount"] == 0


def test_a_second_metric_keeps_the_sending_alive(api: LiveServer, place: tuple[str, str]) -> None:
    flag, metric = place
    other = fresh("metric")
    create_metric(api, other)
    running = [{"metricKey": key, "environments": ["production"]} for key in (metric, other)]
    patch(api, flag, ("replace", "/experiments", {"baselineIdx": 1, "items": running}))
    patch(api, flag, ("remove", ITEM, None))
    assert tracking(delivered(api, flag)) == {True}
    patch(api, flag, ("remove", ITEM, None))
    assert tracking(delivered(api, flag)) == {False}


def test_the_baseline_is_the_variation_without_a_lift(api: LiveServer, place: tuple[str, str]) -> None:
    flag, metric = place
    attach: Operation = ("add", ITEM, {"metricKey": metric, "environments": ["production"]})
    assert patch(api, flag, attach, ("replace", "/experiments/baselineIdx", 1))["baselineIdx"] == 1
    units = [f"u{number}" for number in range(40)]
    events = [exposure(unit, number % 2, flag=flag) for number, unit in enumerate(units)]
    api.send([*events, *(tracked(unit, key=metric) for unit in units[::3])])
    first, second = api.results(flag, metric)["totals"]
    assert {"improvement", "pValue"} <= first.keys()
    assert not {"improvement", "pValue"} & second.keys()


def test_what_cannot_be_measured_is_not_attached(api: LiveServer, place: tuple[str, str]) -> None:
    flag, metric = place
    values: tuple[object, ...] = (
        {"metricKey": "unheard-of", "environments": []},
        {"metricKey": metric, "environments": ["nowhere"]},
        {"metricKey": metric, "environments": "production"},
        {"metricKey": 5},
        {"environments": []},
        {},
        "text",
        None,
    )
    for value in values:
        refused(api, flag, "add", ITEM, value)
    patch(api, flag, ("add", ITEM, {"metricKey": metric}))
    refused(api, flag, "add", "/experiments/items/-", {"metricKey": metric})
    refused(api, flag, "add", f"{ITEM}/environments/0", "nowhere")
    refused(api, flag, "replace", "/experiments/baselineIdx", -1)


def test_the_periods_are_the_servers_own(api: LiveServer, place: tuple[str, str]) -> None:
    flag, metric = place
    (item,) = patch(api, flag, ("add", ITEM, {"metricKey": metric, "environments": ["test"]}))["items"]
    invented = {"test": {"startDate": 1, "enabledPeriods": [{"startDate": 1, "stopDate": 2}]}}
    (again,) = patch(api, flag, ("replace", f"{ITEM}/_environmentSettings", invented))["items"]
    assert again == item


def test_starting_twice_is_starting_once(api: LiveServer, place: tuple[str, str]) -> None:
    flag, metric = place
    (item,) = patch(api, flag, ("add", ITEM, {"metricKey": metric, "environments": ["test"]}))["items"]
    (again,) = patch(api, flag, ("add", f"{ITEM}/environments/-", "test"))["items"]
    assert again["environments"] == ["test"]
    assert again["_environmentSettings"] == item["_environmentSettings"]
