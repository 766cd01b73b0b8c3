"""An experiment through its whole life, and what SDKs are told at each step; what else goes on around it."""

from typing import Any

import pytest

from api.experiments import ALL, config, instruct, make_experiment, make_flag, planned, read, started
from api.flags import own_project
from api.replies import assert_refused, fresh
from live import LiveServer


def delivered(api: LiveServer, flag: str) -> dict[str, Any]:
    """The flag as server-side SDKs get it."""
    headers = {"Authorization": api.environment_rep()["apiKey"]}
    found: dict[str, Any] = api.request("GET", "/sdk/latest-all", None, headers).body["flags"][flag]
    return found


def weights(api: LiveServer, flag: str) -> dict[int, int]:
    """What share each variation has in the experiment at the fallthrough."""
    entries = delivered(api, flag)["fallthrough"]["rollout"]["variations"]
    shares: dict[int, int] = {}
    for entry in entries:
        if not entry.get("untracked"):
            shares[entry["variation"]] = shares.get(entry["variation"], 0) + entry["weight"]
    return shares


def anew(api: LiveServer, key: str, *percents: str, reshuffle: bool) -> dict[str, Any]:
    treatments = planned(api, key, key, *percents)["treatments"]
    value = {
        "treatments": {"operation": "update", "value": treatments},
        "canReshuffleTraffic": {"operation": "update", "value": reshuffle},
    }
    reply = instruct(api, key, "saveAndStartNewIteration", changeJustification="next", value=value)
    assert reply.status == 200, reply.body
    body: dict[str, Any] = reply.body
    return body


def test_a_whole_life_as_sdks_and_api_clients_see_it(api: LiveServer) -> None:
    key = fresh("life")
    make_experiment(api, key, "50", "50")
    before = delivered(api, key)
    assert "rollout" not in before["fallthrough"]

    assert instruct(api, key, "startIteration").status == 200
    first = delivered(api, key)
    assert first["version"] > before["version"]
    assert first["fallthrough"]["rollout"]["kind"] == "experiment"
    assert weights(api, key) == {0: 50_000, 1: 50_000}

    running = anew(api, key, "10", "30", reshuffle=False)
    second = delivered(api, key)
    assert second["fallthrough"]["rollout"]["seed"] == first["fallthrough"]["rollout"]["seed"]
    assert weights(api, key) == {0: 10_000, 1: 30_000}

    reshuffled = anew(api, key, "20", "20", reshuffle=True)
    third = delivered(api, key)
    assert third["fallthrough"]["rollout"]["seed"] != second["fallthrough"]["rollout"]["seed"]
    assert weights(api, key) == {0: 20_000, 1: 20_000}
    assert third["version"] > second["version"] > first["version"]

    winner = reshuffled["currentIteration"]["treatments"][1]["_id"]
    stop = instruct(api, key, "stopIteration", winningTreatmentId=winner, winningReason="it sells")
    assert stop.status == 200
    last = delivered(api, key)
    assert last["fallthrough"] == {"variation": 1}
    assert instruct(api, key, "archiveExperiment").status == 200
    assert delivered(api, key) == last

    told = read(api, key, "previousIterations")
    assert told["currentIteration"]["winningReason"] == "it sells"
    assert told["currentIteration"]["status"] == "stopped"
    earlier = {one["_id"]: one["status"] for one in told["previousIterations"]}
    assert set(earlier.values()) == {"stopped"}
    assert running["currentIteration"]["_id"] in earlier
    ids = {told["currentIteration"]["_id"], *earlier}
    for iteration in ids:
        assert api.rest("GET", f"{ALL}/{key}/results?iterationId={iteration}").status == 200
    assert len(ids) == 3


def test_units_stay_where_they_were_while_traffic_is_not_reshuffled(api: LiveServer) -> None:
    key = fresh("stay")
    started(api, key, "20", "20")

    def served(unit: str) -> tuple[Any, bool]:
        body = {"kind": "user", "key": unit}
        path = "/projects/default/environments/production/flags/evaluate?filter=query equals "
        reply = api.rest("POST", f"{path}{key}".replace(" ", "%20"), body)
        assert reply.status == 200, reply.body
        found = next(item for item in reply.body["items"] if item["key"] == key)
        return found["_value"], bool(found["reason"].get("inExperiment"))

    units = [f"u{number}" for number in range(40)]
    before = {unit: served(unit) for unit in units}
    inside = {unit for unit, (_, experimental) in before.items() if experimental}
    assert 0 < len(inside) < len(units)
    anew(api, key, "40", "40", reshuffle=False)
    after = {unit: served(unit) for unit in units}
    assert {unit: after[unit] for unit in inside} == {unit: before[unit] for unit in inside}
    assert sum(experimental for _, experimental in after.values()) > len(inside)


def test_a_refused_new_iteration_leaves_the_running_one_running(api: LiveServer) -> None:
    key = fresh("refused")
    before = started(api, key)
    told = delivered(api, key)
    value = {"treatments": {"operation": "update", "value": []}}
    reply = instruct(api, key, "saveAndStartNewIteration", changeJustification="x", value=value)
    assert_refused(reply, 400, "invalid_request")
    assert delivered(api, key) == told
    assert read(api, key)["currentIteration"]["_id"] == before["currentIteration"]["_id"]


@pytest.mark.parametrize(
    "instructions",
    [
        [{"kind": "stopIteration", "winningTreatmentId": "nobody"}],
        [{"kind": "stopIteration", "winningReason": 5}],
        [{"kind": "stopIteration"}, {"kind": "stopIteration"}],
        [{"kind": "stopIteration"}, {"kind": "startIteration"}],
        [{"kind": "updateName", "value": ""}],
        [{"kind": "updateName"}],
        [{"kind": "updateExperimentFields", "value": {"hypothesis": {"operation": "update", "value": "h"}}}],
        [{"kind": "updateExperimentFields", "value": {"tags": {"operation": "swap", "value": "t"}}}],
        [{"kind": "updateExperimentFields", "value": []}],
        [{"kind": "pauseIteration"}],
        ["stopIteration"],
    ],
)
def test_instructions_that_can_not_be_followed_change_nothing(
    api: LiveServer, lasting: str, instructions: list[object]
) -> None:
    before, told = read(api, lasting), delivered(api, lasting)
    reply = api.rest("PATCH", f"{ALL}/{lasting}", {"instructions": instructions})
    assert_refused(reply, 400, "invalid_request")
    assert (read(api, lasting), delivered(api, lasting)) == (before, told)


@pytest.fixture(scope="module")
def lasting(api: LiveServer) -> str:
    """An experiment that goes on running."""
    key = fresh("lasting")
    started(api, key)
    return key


def test_what_a_running_experiment_needs_can_not_be_taken_from_it(api: LiveServer, lasting: str) -> None:
    before = delivered(api, lasting)
    archive = {"instructions": [{"kind": "archiveFlag"}]}
    taken = [
        api.rest("DELETE", f"/flags/default/{lasting}"),
        api.rest("PATCH", f"/flags/default/{lasting}", archive),
        api.rest("PATCH", f"/flags/default/{lasting}", {"instructions": [{"kind": "deleteFlag"}]}),
        api.rest("DELETE", "/projects/default/environments/production"),
    ]
    for reply in taken:
        assert_refused(reply, 409, "optimistic_locking_error")
        assert "stop its iteration first" in reply.body["message"]
    assert_refused(api.rest("DELETE", f"/metrics/default/{lasting}"), 409, "conflict")
    assert_refused(instruct(api, lasting, "archiveExperiment"), 409, "conflict")
    assert delivered(api, lasting) == before


def test_a_running_experiment_may_be_turned_off_with_its_flag(api: LiveServer) -> None:
    key = fresh("off")
    started(api, key)
    off = {"environmentKey": "production", "instructions": [{"kind": "turnFlagOff"}]}
    assert api.rest("PATCH", f"/flags/default/{key}", off).status == 200
    assert delivered(api, key)["on"] is False
    assert read(api, key)["currentIteration"]["status"] == "running"
    assert instruct(api, key, "stopIteration").status == 200
    assert config(api, key)["on"] is False


def test_an_experiment_whose_flag_is_gone_is_still_told_of_and_starts_nothing(api: LiveServer) -> None:
    key = fresh("gone")
    started(api, key)
    instruct(api, key, "stopIteration")
    assert api.rest("DELETE", f"/flags/default/{key}").status == 204
    assert list(read(api, key)["currentIteration"]["flags"]) == [key]
    assert_refused(instruct(api, key, "saveAndStartNewIteration"), 400, "invalid_request")
    # Another flag of its key has variations of its own: it is not taken for the one that is gone.
    make_flag(api, key)
    assert_refused(instruct(api, key, "saveAndStartNewIteration"), 400, "invalid_request")
    assert "rollout" not in delivered(api, key)["fallthrough"]
    assert instruct(api, key, "archiveExperiment").status == 200


def test_an_environments_experiments_end_with_it_and_do_not_come_back(api: LiveServer) -> None:
    caller = own_project(api)
    flag = caller.create(key="f")
    caller.instruct("f", {"kind": "turnFlagOn"}, environment="test")
    caller.send("POST", f"/metrics/{caller.project}", {"key": "m", "kind": "custom", "eventKey": "m"})
    version = caller.get(f"/flags/{caller.project}/f")["environments"]["test"]["version"]
    treatments = [
        {
            "name": f"t{number}",
            "baseline": number == 0,
            "allocationPercent": "50",
            "parameters": [{"flagKey": "f", "variationId": variation["_id"]}],
        }
        for number, variation in enumerate(flag["variations"])
    ]
    iteration = {
        "hypothesis": "h",
        "metrics": [{"key": "m"}],
        "primarySingleMetricKey": "m",
        "treatments": treatments,
        "flags": {"f": {"ruleId": "fallthrough", "flagConfigVersion": version}},
    }
    place = f"/projects/{caller.project}/environments/test"
    body = {"key": "e", "name": "e", "iteration": iteration}
    assert caller.send("POST", f"{place}/experiments", body).status == 201
    start, stop = ({"instructions": [{"kind": kind}]} for kind in ("startIteration", "stopIteration"))
    assert caller.send("PATCH", f"{place}/experiments/e", start).status == 200
    assert_refused(caller.send("DELETE", place), 409, "optimistic_locking_error")
    assert caller.send("PATCH", f"{place}/experiments/e", stop).status == 200
    assert caller.send("DELETE", place).status == 204
    assert caller.get(f"/projects/{caller.project}/experiments")["items"] == []
    again = {"key": "test", "name": "Test", "color": "000000"}
    assert caller.send("POST", f"/projects/{caller.project}/environments", again).status == 201
    assert caller.get(f"{place}/experiments")["items"] == []
    assert caller.send("DELETE", f"/metrics/{caller.project}/m").status == 204
