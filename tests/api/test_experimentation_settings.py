"""A project's randomization units."""

from typing import Any

import pytest

from api.experiments import make_experiment, started
from api.replies import assert_refused, fresh
from live import LiveServer, Reply


def new_project(api: LiveServer) -> str:
    key = fresh("units")
    assert api.rest("POST", "/projects", {"key": key, "name": key}).status == 201
    return key


def put(api: LiveServer, project: str, *units: Any) -> Reply:
    body = {"randomizationUnits": list(units)}
    return api.rest("PUT", f"/projects/{project}/experimentation-settings", body)


def test_a_project_begins_with_users(api: LiveServer) -> None:
    body = api.rest("GET", f"/projects/{new_project(api)}/experimentation-settings").body
    units = [(unit["randomizationUnit"], unit["default"]) for unit in body["randomizationUnits"]]
    assert units == [("user", True)]


def test_units_are_replaced_and_one_stays_the_default(api: LiveServer) -> None:
    project = new_project(api)
    org = {"randomizationUnit": "org", "standardRandomizationUnit": "organization"}
    body = put(api, project, {"randomizationUnit": "user"}, org).body
    assert [unit["default"] for unit in body["randomizationUnits"]] == [True, False]
    assert body["randomizationUnits"][1]["standardRandomizationUnit"] == "organization"
    assert body["_projectKey"] == project
    body = put(api, project, org, {"randomizationUnit": "device"}).body
    assert [unit["default"] for unit in body["randomizationUnits"]] == [True, False]
    assert api.rest("GET", f"/projects/{project}/experimentation-settings").body == body


@pytest.mark.parametrize(
    "units",
    [
        [],
        [{"randomizationUnit": "kind"}],
        [{"randomizationUnit": "no kind"}],
        [{"randomizationUnit": "a"}, {"randomizationUnit": "a"}],
        [{"randomizationUnit": "a", "default": True}, {"randomizationUnit": "b", "default": True}],
        [{}],
        [7],
    ],
)
def test_units_that_make_no_sense_are_refused(api: LiveServer, units: list[Any]) -> None:
    assert_refused(put(api, new_project(api), *units), 400, "invalid_request")


def test_a_unit_that_is_being_randomized_stays(api: LiveServer) -> None:
    key = fresh("unit")
    assert put(api, "default", {"randomizationUnit": "user"}, {"randomizationUnit": "org"}).status == 200
    make_experiment(api, fresh("draft"), randomizationUnit="org")
    started(api, key)
    reply = put(api, "default", {"randomizationUnit": "org"})
    assert_refused(reply, 409, "conflict")
    assert "user" in reply.body["message"]
