"""Layers and holdouts as SDKs get them: the official evaluator over 20,000 units, on what the server delivers."""

from collections import Counter
from typing import Any

import pytest

from api.experiments import ALL, instruct, make_experiment, make_flag, make_metric, planned, read
from api.replies import assert_refused, fresh
from assay.flags.evaluation import compile_set
from flags.official import Documents, Official, ours
from live import LiveServer

UNITS = [f"unit-{number}" for number in range(20_000)]
LAYERS = "/projects/default/layers"
HOLDOUTS = "/projects/default/environments/production/holdouts"
# Five standard deviations of any share of 20,000.
CLOSE = 0.018


def documents(api: LiveServer) -> tuple[Documents, Documents]:
    """The flags and segments that a server-side SDK in production has."""
    headers = {"Authorization": api.environment_rep()["apiKey"]}
    body = api.request("GET", "/sdk/latest-all", None, headers).body
    return body["flags"], body["segments"]


def delivered(api: LiveServer) -> Official:
    """An official evaluator that has them."""
    return Official(*documents(api))


def taking_part(official: Official, flag: str) -> dict[str, int]:
    """The units that the SDK marks as in the experiment, with their variations."""
    found: dict[str, int] = {}
    for unit in UNITS:
        answer = official.answer(flag, {"kind": "user", "key": unit})
        if "inExperiment" in answer.reason:
            assert answer.variation is not None
            found[unit] = answer.variation
    return found


def make_layer(api: LiveServer) -> str:
    key = fresh("layer")
    body = {"key": key, "name": key, "description": ""}
    assert api.rest("POST", LAYERS, body).status == 201
    return key


def reserve(api: LiveServer, layer: str, experiment: str, percent: int) -> Any:
    instruction = {
        "kind": "updateExperimentReservation",
        "experimentKey": experiment,
        "reservationPercent": percent,
    }
    body = {"environmentKey": "production", "instructions": [instruction]}
    return api.rest("PATCH", f"{LAYERS}/{layer}", body)


def release(api: LiveServer, layer: str, experiment: str) -> Any:
    instruction = {"kind": "removeExperiment", "experimentKey": experiment}
    body = {"environmentKey": "production", "instructions": [instruction]}
    return api.rest("PATCH", f"{LAYERS}/{layer}", body)


def make_holdout(api: LiveServer, amount: str = "10") -> dict[str, Any]:
    reply = api.rest("POST", HOLDOUTS, {"key": fresh("held"), "name": "Held", "holdoutamount": amount})
    assert reply.status == 201, reply.body
    body: dict[str, Any] = reply.body
    return body


def start_in_holdout(api: LiveServer, holdout: dict[str, Any]) -> str:
    key = fresh("heldexp")
    make_flag(api, key, 2)
    make_metric(api, key)
    body = {"key": key, "name": key, "holdoutId": holdout["_id"], "iteration": planned(api, key, key)}
    assert api.rest("POST", ALL, body).status == 201
    assert instruct(api, key, "startIteration").status == 200
    return key


def test_no_unit_takes_part_in_two_experiments_of_a_layer(api: LiveServer) -> None:
    layer, keys = make_layer(api), [fresh("exclusive") for _ in range(3)]
    shares = dict(zip(keys, (20, 30, 50), strict=True))
    for key, percent in shares.items():
        make_experiment(api, key)
        assert reserve(api, layer, key, percent).status == 200
        assert instruct(api, key, "startIteration").status == 200
    official = delivered(api)
    parts = {key: taking_part(official, key) for key in keys}
    counts = Counter(unit for part in parts.values() for unit in part)
    assert set(counts.values()) == {1}
    assert len(counts) == len(UNITS), "100 percent are reserved, so that everybody takes part somewhere"
    for key, part in parts.items():
        assert abs(len(part) / len(UNITS) - shares[key] / 100) < CLOSE
        assert abs(sum(part.values()) / len(part) - 0.5) < 0.05


def test_the_next_experiment_in_the_same_buckets_treats_its_units_anew(api: LiveServer) -> None:
    layer, first, second = make_layer(api), fresh("earlier"), fresh("later")
    make_experiment(api, first)
    reserve(api, layer, first, 50)
    instruct(api, first, "startIteration")
    before = taking_part(delivered(api), first)
    instruct(api, first, "stopIteration")
    release(api, layer, first)
    make_experiment(api, second)
    reserve(api, layer, second, 50)
    instruct(api, second, "startIteration")
    after = taking_part(delivered(api), second)
    assert before.keys() == after.keys()
    same = sum(before[unit] == after[unit] for unit in before) / len(before)
    # Five standard deviations around independence.
    assert abs(same - 0.5) < 0.026


def test_changing_one_reservation_moves_nobody_of_another(api: LiveServer) -> None:
    layer, one, two, three = make_layer(api), fresh("one"), fresh("two"), fresh("three")
    for key, percent in ((one, 20), (two, 20), (three, 20)):
        make_experiment(api, key)
        reserve(api, layer, key, percent)
    instruct(api, two, "startIteration")
    before = taking_part(delivered(api), two)
    assert release(api, layer, one).status == 200
    assert reserve(api, layer, three, 70).status == 200
    assert instruct(api, three, "startIteration").status == 200
    official = delivered(api)
    assert taking_part(official, two) == before
    after = taking_part(official, three)
    assert not before.keys() & after.keys()
    assert abs(len(after) / len(UNITS) - 0.7) < CLOSE


def test_an_iteration_says_what_share_of_the_layer_it_held(api: LiveServer) -> None:
    layer, key, other = make_layer(api), fresh("snap"), fresh("snap")
    for experiment, percent in ((key, 30), (other, 25)):
        make_experiment(api, experiment)
        reserve(api, layer, experiment, percent)
    instruct(api, key, "startIteration")
    assert read(api, key)["currentIteration"]["layerSnapshot"] == {
        "key": layer,
        "name": layer,
        "reservationPercent": 30,
        "otherReservationPercent": 25,
    }


def test_a_layer_gives_no_more_than_it_has_and_nothing_while_it_runs(api: LiveServer) -> None:
    layer, key, other = make_layer(api), fresh("full"), fresh("full")
    make_experiment(api, key)
    make_experiment(api, other)
    reply = reserve(api, layer, key, 80)
    assert reply.body["environments"]["production"]["reservations"] == [
        {"experimentKey": key, "flagKey": key, "reservationPercent": 80}
    ]
    assert_refused(reserve(api, layer, other, 21), 409, "conflict")
    assert_refused(reserve(api, make_layer(api), key, 5), 409, "conflict")
    instruct(api, key, "startIteration")
    assert_refused(reserve(api, layer, key, 10), 409, "conflict")
    assert_refused(release(api, layer, key), 409, "conflict")


def test_segments_of_a_layer_or_holdout_are_nobody_elses(api: LiveServer) -> None:
    layer, key, holdout = make_layer(api), fresh("kept"), make_holdout(api)
    make_experiment(api, key)
    reserve(api, layer, key, 40)
    items = api.rest("GET", "/segments/default/production").body["items"]
    mine = [item["key"] for item in items if key in item["name"]]
    assert len(mine) == 1
    for segment in (*mine, holdout["baseExperiment"]["key"]):
        patch = {"instructions": [{"kind": "addIncludedUsers", "values": ["me"]}]}
        reply = api.rest("PATCH", f"/segments/default/production/{segment}", patch)
        assert_refused(reply, 409, "optimistic_locking_error")
        reply = api.rest("DELETE", f"/segments/default/production/{segment}")
        assert reply.status == 409


def test_a_holdout_leaves_the_same_units_out_of_all_its_experiments(api: LiveServer) -> None:
    holdout = make_holdout(api, "12.5")
    keys = [start_in_holdout(api, holdout) for _ in range(2)]
    official = delivered(api)
    first, second = (taking_part(official, key) for key in keys)
    assert first.keys() == second.keys()
    assert abs(len(first) / len(UNITS) - 0.875) < CLOSE
    same = sum(first[unit] == second[unit] for unit in first) / len(first)
    assert abs(same - 0.5) < 0.02, "the experiments' treatments are independent of one another"
    base = taking_part(official, holdout["baseExperiment"]["key"])
    assert base.keys() == set(UNITS), "the holdout's own experiment takes everybody"
    assert {unit for unit, variation in base.items() if variation == 1} == first.keys()


def test_a_layer_and_a_holdout_combine(api: LiveServer) -> None:
    layer, holdout, key = make_layer(api), make_holdout(api, "20"), fresh("both")
    make_flag(api, key, 2)
    make_metric(api, key)
    body = {"key": key, "name": key, "holdoutId": holdout["_id"], "iteration": planned(api, key, key)}
    assert api.rest("POST", ALL, body).status == 201
    assert reserve(api, layer, key, 50).status == 200
    assert instruct(api, key, "startIteration").status == 200
    official = delivered(api)
    part = taking_part(official, key)
    assert abs(len(part) / len(UNITS) - 0.4) < CLOSE
    base = taking_part(official, holdout["baseExperiment"]["key"])
    assert all(base[unit] == 1 for unit in part)
    compiled = compile_set(*documents(api))
    for unit in UNITS[:2_000]:
        context = {"kind": "user", "key": unit}
        assert ours(compiled, key, context) == official.answer(key, context)


def test_a_holdout_tells_how_far_it_is(api: LiveServer) -> None:
    holdout = make_holdout(api)
    place = f"{HOLDOUTS}/{api.rest('GET', HOLDOUTS).body['items'][-1]['key']}"
    assert holdout["status"] == "created"
    key = start_in_holdout(api, holdout)
    detail = api.rest("GET", f"{place}?expand=rel-draftIteration").body
    assert (detail["status"], detail["isDirty"]) == ("running", True)
    assert [one["key"] for one in detail["relatedExperiments"]] == [key]
    by_id = api.rest("GET", f"{HOLDOUTS}/id/{holdout['_id']}").body
    assert by_id["experiments"] == [{"key": key, "name": key, "environment": "production"}]
    removal = {"instructions": [{"kind": "removeExperiment", "experimentKey": key}]}
    assert_refused(api.rest("PATCH", place, removal), 409, "conflict")
    instruct(api, key, "stopIteration")
    assert api.rest("GET", f"{HOLDOUTS}/id/{holdout['_id']}").body["status"] == "enabled"
    assert api.rest("PATCH", place, removal).body["experiments"] == []
    assert "holdoutId" not in read(api, key)


def test_an_ended_holdout_holds_nobody_out(api: LiveServer) -> None:
    holdout = make_holdout(api, "50")
    key = start_in_holdout(api, holdout)
    place = f"{HOLDOUTS}/{api.rest('GET', HOLDOUTS).body['items'][-1]['key']}"
    ended = api.rest("PATCH", place, {"instructions": [{"kind": "endHoldout"}]}).body
    assert ended["status"] == "ended"
    assert ended["baseExperiment"]["currentIteration"]["status"] == "stopped"
    assert taking_part(delivered(api), key).keys() == set(UNITS)
    reply = api.rest("PATCH", place, {"instructions": [{"kind": "endHoldout"}]})
    assert_refused(reply, 409, "conflict")


@pytest.mark.parametrize(
    "body",
    [
        {"holdoutamount": "0"},
        {"holdoutamount": "100"},
        {"holdoutamount": 10},
        {"randomizationunit": "planet"},
        {"primarymetrickey": "nothing"},
        {"prerequisiteflagkey": "not a key"},
    ],
)
def test_a_holdout_that_makes_no_sense_is_refused(api: LiveServer, body: dict[str, Any]) -> None:
    reply = api.rest("POST", HOLDOUTS, {"key": fresh("senseless"), "name": "x"} | body)
    assert_refused(reply, 400, "invalid_request")


def test_an_experiment_of_another_unit_can_not_join(api: LiveServer) -> None:
    units = [
        {"randomizationUnit": "user", "default": True},
        {"randomizationUnit": "device", "default": False},
    ]
    body = {"randomizationUnits": units}
    assert api.rest("PUT", "/projects/default/experimentation-settings", body).status == 200
    layer, user, device = make_layer(api), fresh("unit"), fresh("unit")
    make_experiment(api, user)
    make_experiment(api, device, randomizationUnit="device")
    reserve(api, layer, user, 10)
    assert_refused(reserve(api, layer, device, 10), 400, "invalid_request")


def test_a_holdout_that_is_not_there_is_named(api: LiveServer) -> None:
    key = fresh("homeless")
    make_flag(api, key)
    make_metric(api, key)
    body = {"key": key, "name": key, "holdoutId": "nothing", "iteration": planned(api, key, key)}
    reply = api.rest("POST", ALL, body)
    assert_refused(reply, 400, "invalid_request")
    assert "holdout" in reply.body["message"]


@pytest.mark.parametrize(
    "patch",
    [
        [{"op": "replace", "path": "/name", "value": "Other"}],
        {"merge": {"environments": {"production": {"trackEvents": True}}}},
        {"environmentKey": "production", "instructions": [{"kind": "turnFlagOff"}]},
        {"instructions": [{"kind": "addVariation", "value": "more"}]},
    ],
)
def test_other_edits_of_a_flag_leave_who_takes_part_alone(api: LiveServer, patch: Any) -> None:
    key, holdout = fresh("edited"), make_holdout(api)
    make_flag(api, key, 2)
    make_metric(api, key)
    body = {"key": key, "name": key, "holdoutId": holdout["_id"], "iteration": planned(api, key, key)}
    assert api.rest("POST", ALL, body).status == 201
    assert reserve(api, make_layer(api), key, 50).status == 200
    assert instruct(api, key, "startIteration").status == 200
    before = api.rest("GET", f"/flags/default/{key}").body["environments"]["production"]["fallthrough"]
    assert before["rollout"]["admission"]["outside"] == [holdout["baseExperiment"]["key"]]
    reply = api.rest("PATCH", f"/flags/default/{key}", patch)
    assert reply.status == 200, reply.body
    assert reply.body["environments"]["production"]["fallthrough"] == before


def test_an_instruction_can_not_let_everybody_in(api: LiveServer) -> None:
    key, layer = fresh("letin"), make_layer(api)
    make_experiment(api, key)
    reserve(api, layer, key, 50)
    instruct(api, key, "startIteration")
    patch = [{"op": "remove", "path": "/environments/production/fallthrough/rollout/admission"}]
    reply = api.rest("PATCH", f"/flags/default/{key}", patch)
    assert_refused(reply, 409, "optimistic_locking_error")
