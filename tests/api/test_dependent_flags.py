"""Flags that need flags: who needs whom is told, nobody needs themselves, and nobody is left without."""

import pytest

from api.flags import Caller, ids, own_project
from api.replies import assert_refused
from live import LiveServer


@pytest.fixture
def caller(api: LiveServer) -> Caller:
    return own_project(api)


def need(caller: Caller, key: str, needed: str, variation: int = 0, environment: str = "production") -> None:
    identifier = ids(caller.get(f"/flags/{caller.project}/{needed}"))[variation]
    instruction = {"kind": "addPrerequisite", "key": needed, "variationId": identifier}
    caller.instruct(key, instruction, environment=environment)


def test_who_needs_a_flag_is_told_for_all_environments_and_for_one(caller: Caller) -> None:
    for key in ("base", "one", "two", "alone"):
        caller.create(key=key)
    need(caller, "one", "base")
    need(caller, "one", "base", environment="test")
    need(caller, "two", "base", environment="test")
    everywhere = caller.get(f"/flags/{caller.project}/base/dependent-flags")["items"]
    told = {item["key"]: [place["key"] for place in item["environments"]] for item in everywhere}
    assert told == {"one": ["production", "test"], "two": ["test"]}
    there = caller.get(f"/flags/{caller.project}/production/base/dependent-flags")["items"]
    assert [(item["key"], item["name"]) for item in there] == [("one", "one")]
    assert caller.get(f"/flags/{caller.project}/alone/dependent-flags")["items"] == []


@pytest.mark.parametrize("path", ["/nobody/dependent-flags", "/nowhere/base/dependent-flags"])
def test_of_what_is_not_there_nothing_is_told(caller: Caller, path: str) -> None:
    caller.create(key="base")
    assert_refused(caller.send("GET", f"/flags/{caller.project}{path}"), 404, "not_found")


def test_nobody_needs_themselves_not_even_by_way_of_others(caller: Caller) -> None:
    for key in ("a", "b", "c"):
        caller.create(key=key)
    need(caller, "a", "b")
    need(caller, "b", "c")
    need(caller, "c", "a", environment="test")
    rule = [{"key": "a", "variation": 0}]
    for key in ("c", "a"):
        patch = [{"op": "add", "path": "/environments/production/prerequisites", "value": rule}]
        reply = caller.send("PATCH", f"/flags/{caller.project}/{key}", patch)
        assert_refused(reply, 400, "invalid_request")
        assert "itself" in reply.body["message"]


@pytest.mark.parametrize(
    "prerequisites",
    [
        [{"key": "nobody", "variation": 0}],
        [{"key": "base", "variation": 2}],
        [{"key": "base", "variation": -1}],
        [{"key": "base", "variation": 0}, {"key": "base", "variation": 1}],
        [{"key": "base"}],
        ["base"],
    ],
)
def test_a_prerequisite_must_be_a_flag_with_that_variation(caller: Caller, prerequisites: object) -> None:
    caller.create(key="base")
    caller.create(key="top")
    patch = [{"op": "add", "path": "/environments/test/prerequisites", "value": prerequisites}]
    assert_refused(caller.send("PATCH", f"/flags/{caller.project}/top", patch), 400, "invalid_request")


def test_a_flag_that_others_need_can_not_go(caller: Caller) -> None:
    caller.create(key="base")
    caller.create(key="top")
    need(caller, "top", "base")
    place = f"/flags/{caller.project}/base"
    for body in (
        {"instructions": [{"kind": "archiveFlag"}]},
        {"instructions": [{"kind": "deleteFlag"}]},
        [{"op": "replace", "path": "/archived", "value": True}],
    ):
        reply = caller.send("PATCH", place, body)
        assert_refused(reply, 409, "conflict")
        assert "top" in reply.body["message"]
    assert_refused(caller.send("DELETE", place), 409, "conflict")
    caller.instruct("top", {"kind": "removePrerequisite", "key": "base"})
    assert caller.send("DELETE", place).status == 204


def test_a_prerequisite_keeps_its_meaning_when_variations_move(caller: Caller) -> None:
    values = [{"value": value} for value in ("a", "b", "c", "d")]
    base = caller.create(key="base", variations=values)
    caller.create(key="top")
    need(caller, "top", "base", variation=2)
    before = caller.get(f"/flags/{caller.project}/top")["environments"]
    caller.instruct("base", {"kind": "removeVariation", "variationId": ids(base)[1]})
    after = caller.get(f"/flags/{caller.project}/top")["environments"]
    assert after["production"]["prerequisites"] == [{"key": "base", "variation": 1}]
    assert after["production"]["version"] > before["production"]["version"]
    assert after["test"]["version"] == before["test"]["version"]
    gone = {"instructions": [{"kind": "removeVariation", "variationId": ids(base)[2]}]}
    assert_refused(caller.send("PATCH", f"/flags/{caller.project}/base", gone), 409, "conflict")


def test_a_new_flag_may_need_others_from_the_start(caller: Caller) -> None:
    base = caller.create(key="base")
    wanted = [{"key": "base", "variationId": ids(base)[1]}]
    made = caller.create(key="top", initialPrerequisites=wanted, isFlagOn=True)
    for config in made["environments"].values():
        assert (config["on"], config["prerequisites"]) == (True, [{"key": "base", "variation": 1}])
    refused: tuple[object, ...] = ([{"key": "nobody", "variationId": "x"}], [{"key": "base"}], [{}], "base")
    for bad in refused:
        body = {"key": "other", "name": "other", "initialPrerequisites": bad}
        assert_refused(caller.send("POST", f"/flags/{caller.project}", body), 400, "invalid_request")
