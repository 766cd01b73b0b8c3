"""Roles for one environment: everything there, nothing elsewhere, whichever way it is asked for."""

from typing import Any

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer, Reply

OWN = [
    {"effect": "allow", "actions": ["view*"], "resources": ["proj/default"]},
    {"effect": "allow", "actions": ["*"], "resources": ["proj/default:env/test:*/*"]},
]


@pytest.fixture(scope="module")
def tester(api: LiveServer) -> str:
    """A token that may do everything in the environment test, and see the rest."""
    secret: str = api.rest("POST", "/tokens", {"name": "tester", "inlineRole": OWN}).body["token"]
    return secret


def made_flag(api: LiveServer) -> str:
    key = fresh("flag")
    assert api.rest("POST", "/flags/default", {"key": key, "name": "F"}).status == 201
    return key


def semantic(
    api: LiveServer, token: str, path: str, environment: str, *instructions: dict[str, Any]
) -> Reply:
    headers = {
        "Authorization": token,
        "Content-Type": "application/json; domain-model=launchdarkly.semanticpatch",
    }
    body = {"environmentKey": environment, "instructions": list(instructions)}
    return api.request("PATCH", f"/api/v2{path}", body, headers)


def test_a_flag_is_changed_in_the_own_environment_only(api: LiveServer, tester: str) -> None:
    path = f"/flags/default/{made_flag(api)}"
    on = {"kind": "turnFlagOn"}
    assert semantic(api, tester, path, "test", on).status == 200
    assert semantic(api, tester, path, "test", on).status == 200
    assert_refused(semantic(api, tester, path, "production", on), 403, "forbidden")
    flag = api.rest("GET", path).body["environments"]
    assert (flag["test"]["on"], flag["production"]["on"]) == (True, False)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("/environments/production/on", True),
        ("/environments/production/fallthrough", {"variation": 1}),
        ("/name", "Renamed"),
        ("/tags", ["a"]),
        ("/archived", True),
    ],
)
def test_a_patch_by_path_reaches_neither_others_nor_what_they_share(
    api: LiveServer, tester: str, place: str, value: Any
) -> None:
    path = f"/flags/default/{made_flag(api)}"
    before = api.rest("GET", path).body
    other = {"op": "replace", "path": place, "value": value}
    own = {"op": "replace", "path": "/environments/test/on", "value": True}
    for patch in ([other], [own, other]):
        assert_refused(api.rest("PATCH", path, patch, tester), 403, "forbidden")
        assert_refused(api.rest("PATCH", f"{path}?dryRun=true", patch, tester), 403, "forbidden")
    assert api.rest("GET", path).body == before
    assert api.rest("PATCH", path, [own], tester).body["environments"]["test"]["on"] is True


def test_a_flag_is_copied_into_the_own_environment_only(api: LiveServer, tester: str) -> None:
    path = f"/flags/default/{made_flag(api)}"
    for environment in ("test", "production"):
        assert semantic(api, api.token, path, environment, {"kind": "turnFlagOn"}).status == 200
    assert semantic(api, api.token, path, "test", {"kind": "turnFlagOff"}).status == 200
    out = {"source": {"key": "test"}, "target": {"key": "production"}}
    back = {"source": {"key": "production"}, "target": {"key": "test"}}
    assert_refused(api.rest("POST", f"{path}/copy", out, tester), 403, "forbidden")
    assert api.rest("GET", path).body["environments"]["production"]["on"] is True
    assert api.rest("POST", f"{path}/copy", back, tester).body["environments"]["test"]["on"] is True


def test_a_flag_that_is_in_all_environments_is_not_deleted(api: LiveServer, tester: str) -> None:
    path = f"/flags/default/{made_flag(api)}"
    assert_refused(api.rest("DELETE", path, token=tester), 403, "forbidden")
    assert_refused(semantic(api, tester, path, "test", {"kind": "deleteFlag"}), 403, "forbidden")
    assert_refused(
        api.rest("POST", "/flags/default", {"key": fresh("flag"), "name": "F"}, tester), 403, "forbidden"
    )
    assert api.rest("GET", path).status == 200


def test_whoever_may_change_flags_may_not_delete_them_by_patch(api: LiveServer) -> None:
    policy = [{"effect": "allow", "actions": ["update*"], "resources": ["proj/*:env/*:flag/*"]}]
    token = api.rest("POST", "/tokens", {"name": "changer", "inlineRole": policy}).body["token"]
    path = f"/flags/default/{made_flag(api)}"
    assert semantic(api, token, path, "test", {"kind": "turnFlagOn"}).status == 200
    assert_refused(semantic(api, token, path, "test", {"kind": "deleteFlag"}), 403, "forbidden")
    assert api.rest("GET", path).status == 200


def test_a_contexts_setting_counts_as_the_flags(api: LiveServer, tester: str) -> None:
    flag = made_flag(api)
    for environment, status in (("test", 204), ("production", 403)):
        path = f"/projects/default/environments/{environment}/contexts/user/ann/flags/{flag}"
        assert api.rest("PUT", path, {"setting": True}, tester).status == status
    policy = [{"effect": "allow", "actions": ["*"], "resources": ["proj/*:env/*:context/*"]}]
    contexts = api.rest("POST", "/tokens", {"name": "c", "inlineRole": policy}).body["token"]
    assert_refused(api.rest("PUT", path, {"setting": True}, contexts), 403, "forbidden")


def test_expiring_targets_are_set_in_the_own_environment_only(api: LiveServer, tester: str) -> None:
    flag = made_flag(api)
    body = {"instructions": [{"kind": "nothing"}]}
    for kind, key in (("flags", flag), ("segments", "nobody")):
        here = api.rest("PATCH", f"/{kind}/default/{key}/expiring-targets/test", body, tester)
        assert here.status in (400, 404)
        there = api.rest("PATCH", f"/{kind}/default/{key}/expiring-targets/production", body, tester)
        assert_refused(there, 403, "forbidden")


def test_segments_are_made_changed_and_deleted_in_the_own_environment_only(
    api: LiveServer, tester: str
) -> None:
    key = fresh("segment")
    patch = [{"op": "replace", "path": "/name", "value": "T"}]
    for environment, token in (("test", tester), ("production", api.token)):
        shelf = f"/segments/default/{environment}"
        assert api.rest("POST", shelf, {"key": key, "name": "S"}, token).status == 201
        assert api.rest("PATCH", f"{shelf}/{key}", patch, token).status == 200
    other = "/segments/default/production"
    assert_refused(api.rest("POST", other, {"key": f"{key}-2", "name": "S"}, tester), 403, "forbidden")
    assert_refused(api.rest("PATCH", f"{other}/{key}", patch, tester), 403, "forbidden")
    assert_refused(api.rest("DELETE", f"{other}/{key}", token=tester), 403, "forbidden")
    assert api.rest("DELETE", f"/segments/default/test/{key}", token=tester).status == 204
    assert api.rest("GET", f"{other}/{key}", token=tester).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "experiments"),
        ("PATCH", "experiments/nothing"),
        ("POST", "experiments/nothing/iterations"),
        ("GET", "experiments/nothing/export/results"),
        ("POST", "holdouts"),
        ("PATCH", "holdouts/nothing"),
    ],
)
def test_experiments_and_holdouts_are_changed_in_the_own_environment_only(
    api: LiveServer, tester: str, method: str, path: str
) -> None:
    """What aims at nothing gets past the rights in one environment, and not in the other."""
    home = "/projects/default/environments"
    assert api.rest(method, f"{home}/test/{path}", None, tester).status in (400, 404)
    if method != "GET":
        assert_refused(api.rest(method, f"{home}/production/{path}", None, tester), 403, "forbidden")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/projects/default/layers"),
        ("PATCH", "/projects/default/layers/nothing"),
        ("PUT", "/projects/default/flag-defaults"),
        ("PUT", "/projects/default/experimentation-settings"),
        ("PUT", "/projects/default/context-kinds/user"),
        ("POST", "/metrics/default"),
        ("POST", "/projects/default/metric-groups"),
        ("PATCH", "/projects/default"),
        ("PATCH", "/projects/default/environments/test"),
        ("POST", "/projects/default/environments/test/apiKey"),
        ("POST", "/projects/default/environments"),
        ("POST", "/webhooks"),
        ("POST", "/tokens"),
        ("POST", "/import"),
    ],
)
def test_what_the_whole_project_shares_is_not_the_environments(
    api: LiveServer, tester: str, method: str, path: str
) -> None:
    assert_refused(api.rest(method, path, None, tester), 403, "forbidden")
