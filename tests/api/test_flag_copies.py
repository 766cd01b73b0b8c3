"""A flag's configuration copied between environments, and flags cloned."""

from typing import Any

import pytest

from api.flags import Caller, ids
from api.replies import assert_refused
from live import LiveServer

CLAUSE = {"attribute": "country", "op": "in", "values": ["de"]}


@pytest.fixture
def caller(api: LiveServer) -> Caller:
    return Caller(api)


def configured(caller: Caller) -> dict[str, Any]:
    """A flag that is set up in production and fresh in test."""
    key = caller.create(key=caller.create()["key"] + "-source")["key"]
    needed = caller.create()
    first, second = ids(caller.get(f"/flags/default/{key}"))
    return caller.instruct(
        key,
        {"kind": "turnFlagOn"},
        {"kind": "addRule", "variationId": second, "clauses": [CLAUSE]},
        {"kind": "addTargets", "values": ["acme"], "variationId": second, "contextKind": "org"},
        {"kind": "addUserTargets", "values": ["ann"], "variationId": first},
        {"kind": "updateOffVariation", "variationId": first},
        {
            "kind": "updateFallthroughVariationOrRollout",
            "rolloutWeights": {first: 30_000, second: 70_000},
        },
        {"kind": "addPrerequisite", "key": needed["key"], "variationId": ids(needed)[0]},
    )


def without_ids(config: dict[str, Any]) -> dict[str, Any]:
    """What of a configuration may be the same in two places."""
    own = ("salt", "sel", "version", "lastModified", "_environmentName")
    rules = [
        {
            **{name: value for name, value in rule.items() if name != "_id"},
            "clauses": [
                {name: value for name, value in clause.items() if name != "_id"} for clause in rule["clauses"]
            ],
        }
        for rule in config["rules"]
    ]
    return {name: value for name, value in config.items() if name not in own} | {"rules": rules}


def copy(caller: Caller, key: str, **fields: Any) -> Any:
    body = {"source": {"key": "production"}, "target": {"key": "test"}, **fields}
    return caller.send("POST", f"/flags/default/{key}/copy", body)


def test_everything_is_copied_but_versions_salts_and_ids(caller: Caller) -> None:
    flag = configured(caller)
    before = flag["environments"]
    reply = copy(caller, flag["key"], comment="roll out")
    assert reply.status == 201
    after = reply.body["environments"]
    assert after["production"] == before["production"]
    assert without_ids(after["test"]) == without_ids(before["production"])
    assert after["test"]["salt"] == before["test"]["salt"]
    assert after["test"]["version"] > before["test"]["version"]
    assert after["test"]["rules"][0]["_id"] != before["production"]["rules"][0]["_id"]


def test_only_what_is_included_is_copied(caller: Caller) -> None:
    flag = configured(caller)
    reply = copy(caller, flag["key"], includedActions=["updateOn", "updateRules"])
    there = reply.body["environments"]["test"]
    assert (there["on"], len(there["rules"])) == (True, 1)
    assert (there["targets"], there["contextTargets"], there["prerequisites"]) == ([], [], [])
    assert there["fallthrough"] == {"variation": 0}


def test_what_is_excluded_stays(caller: Caller) -> None:
    flag = configured(caller)
    excluded = ["updateOn", "updatePrerequisites", "updateOffVariation"]
    there = copy(caller, flag["key"], excludedActions=excluded).body["environments"]["test"]
    assert (there["on"], there["prerequisites"], there["offVariation"]) == (False, [], 1)
    assert there["fallthrough"]["rollout"]["variations"][1]["weight"] == 70_000
    assert [target["values"] for target in there["targets"]] == [["ann"]]


@pytest.mark.parametrize("place", ["source", "target"])
def test_a_copy_planned_for_another_version_is_a_conflict(caller: Caller, place: str) -> None:
    flag = configured(caller)
    key = {"source": "production", "target": "test"}[place]
    current = flag["environments"][key]["version"]
    stale = {place: {"key": key, "currentVersion": current - 1}}
    assert_refused(copy(caller, flag["key"], **stale), 409, "optimistic_locking_error")
    assert caller.get(f"/flags/default/{flag['key']}") == flag
    fine = {place: {"key": key, "currentVersion": current}}
    assert copy(caller, flag["key"], **fine).status == 201


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"source": {"key": "nowhere"}}, 404, "not_found"),
        ({"target": {"key": "nowhere"}}, 404, "not_found"),
        ({"target": {"key": "production"}}, 400, "invalid_request"),
        ({"target": {}}, 400, "invalid_request"),
        ({"includedActions": ["updateEverything"]}, 400, "invalid_request"),
        ({"includedActions": ["updateOn"], "excludedActions": ["updateRules"]}, 400, "invalid_request"),
    ],
)
def test_a_copy_that_can_not_be_made_changes_nothing(
    caller: Caller, fields: dict[str, Any], status: int, code: str
) -> None:
    flag = configured(caller)
    assert_refused(copy(caller, flag["key"], **fields), status, code)
    assert caller.get(f"/flags/default/{flag['key']}") == flag


def test_the_rollout_of_an_experiment_becomes_an_ordinary_one(caller: Caller) -> None:
    flag = caller.create()
    halves = [{"variation": 0, "weight": 50_000}, {"variation": 1, "weight": 50_000}]
    entries = [halves[0], {**halves[1], "_untracked": True}]
    rollout = {"variations": entries, "kind": "experiment", "seed": 7}
    place = "/environments/production/fallthrough"
    caller.patch(flag["key"], [{"op": "replace", "path": place, "value": {"rollout": rollout}}])
    there = copy(caller, flag["key"]).body["environments"]["test"]["fallthrough"]["rollout"]
    assert there == {"variations": halves, "seed": 7}


def test_a_clone_has_the_variations_and_the_targeting_and_salts_of_its_own(caller: Caller) -> None:
    source = configured(caller)
    made = caller.create(f"?clone={source['key']}", tags=["cloned"])
    assert made["key"] != source["key"]
    assert made["tags"] == ["cloned"]
    assert made["_version"] == 1
    assert [variation["value"] for variation in made["variations"]] == [True, False]
    assert not set(ids(made)) & set(ids(source))
    for key, config in made["environments"].items():
        told = without_ids(config) | {"_site": None}
        assert told == without_ids(source["environments"][key]) | {"_site": None}
        assert config["salt"] != source["environments"][key]["salt"]


def test_a_clone_of_nothing_and_a_clone_onto_something_are_refused(caller: Caller) -> None:
    source = caller.create()
    body = {"key": f"{source['key']}-x", "name": "x"}
    assert_refused(caller.send("POST", "/flags/default?clone=nobody", body), 404, "not_found")
    again = {"key": source["key"], "name": "x"}
    assert_refused(caller.send("POST", f"/flags/default?clone={source['key']}", again), 409, "conflict")
