"""What a project's new flags begin with."""

from typing import Any

import pytest

from api.flags import Caller, own_project
from api.replies import assert_refused
from live import LiveServer

WANTED = {
    "tags": ["house"],
    "temporary": False,
    "defaultClientSideAvailability": {"usingMobileKey": False, "usingEnvironmentId": True},
    "booleanDefaults": {
        "trueDisplayName": "On",
        "falseDisplayName": "Off",
        "trueDescription": "shown",
        "falseDescription": "hidden",
        "onVariation": 1,
        "offVariation": 0,
    },
}


@pytest.fixture
def caller(api: LiveServer) -> Caller:
    return own_project(api)


def place(caller: Caller) -> str:
    return f"/projects/{caller.project}/flag-defaults"


def test_without_any_they_are_what_a_flag_always_was(caller: Caller) -> None:
    found = caller.get(place(caller))
    assert (found["tags"], found["temporary"]) == ([], True)
    assert found["booleanDefaults"]["onVariation"] == 0


def test_a_new_flag_begins_with_them_and_says_otherwise_where_it_does(caller: Caller) -> None:
    assert caller.send("PUT", place(caller), WANTED).status == 200
    found = caller.get(place(caller))
    assert {name: found[name] for name in WANTED} == WANTED
    flag = caller.create()
    assert (flag["tags"], flag["temporary"]) == (["house"], False)
    assert flag["clientSideAvailability"] == WANTED["defaultClientSideAvailability"]
    assert [(each["name"], each["description"]) for each in flag["variations"]] == [
        ("On", "shown"),
        ("Off", "hidden"),
    ]
    assert flag["defaults"] == {"onVariation": 1, "offVariation": 0}
    other = caller.create(tags=[], temporary=True, variations=[{"value": 1}, {"value": 2}, {"value": 3}])
    assert (other["tags"], other["temporary"]) == ([], True)
    assert other["defaults"] == {"onVariation": 0, "offVariation": 2}


def test_one_of_them_is_patched(caller: Caller) -> None:
    body = [{"op": "replace", "path": "/booleanDefaults/trueDisplayName", "value": "Yes"}]
    assert caller.send("PATCH", place(caller), body).status == 200
    assert caller.create()["variations"][0]["name"] == "Yes"
    assert caller.send("PATCH", place(caller), {"merge": {"temporary": False}}).body["temporary"] is False


def test_they_outlive_a_change_of_the_project(caller: Caller) -> None:
    caller.send("PUT", place(caller), WANTED)
    rename = [{"op": "replace", "path": "/name", "value": "Renamed"}]
    assert caller.send("PATCH", f"/projects/{caller.project}", rename).status == 200
    assert caller.get(place(caller))["tags"] == ["house"]


@pytest.mark.parametrize(
    "change",
    [
        {"tags": "house"},
        {"temporary": None},
        {"booleanDefaults": []},
        {"booleanDefaults": {"onVariation": 2}},
        {"defaultClientSideAvailability": []},
    ],
)
def test_what_no_flag_could_begin_with_is_refused(caller: Caller, change: dict[str, Any]) -> None:
    reply = caller.send("PUT", place(caller), {**WANTED, **change})
    assert_refused(reply, 400, "invalid_request")
    assert caller.get(place(caller))["tags"] == []
