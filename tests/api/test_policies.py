"""Policies over the wire: a role reaches as far as its statements, and cannot reach further by any way round."""

import json
from typing import Any

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer, Reply

IN_TEST = {"effect": "allow", "actions": ["*"], "resources": ["proj/default:env/test:flag/*"]}
VIEWER = {"effect": "allow", "actions": ["viewProject"], "resources": ["proj/default"]}


def allow(resource: str, *actions: str) -> dict[str, Any]:
    return {"effect": "allow", "actions": list(actions) or ["*"], "resources": [resource]}


def deny(resource: str, *actions: str) -> dict[str, Any]:
    return {"effect": "deny", "actions": list(actions) or ["*"], "resources": [resource]}


def token(api: LiveServer, *statements: dict[str, Any], by: str | None = None) -> str:
    reply = api.rest("POST", "/tokens", {"name": "limited", "inlineRole": list(statements)}, by)
    assert reply.status == 201, reply.body
    secret: str = reply.body["token"]
    return secret


@pytest.fixture(scope="module")
def flag(api: LiveServer) -> dict[str, Any]:
    key = fresh("limited-flag")
    reply = api.rest("POST", "/flags/default", {"key": key, "name": key, "tags": ["mine"]})
    assert reply.status == 201
    body: dict[str, Any] = reply.body
    return body


@pytest.fixture(scope="module")
def tester(api: LiveServer) -> str:
    return token(api, IN_TEST, VIEWER)


def test_a_project_shows_no_key_of_an_environment_that_is_denied(api: LiveServer) -> None:
    secret = token(api, VIEWER, deny("proj/default:env/production", "viewEnvironment"))
    hidden = api.environment_rep("production")
    assert api.rest("GET", "/projects/default/environments/production", token=secret).status == 403
    for path in (
        "/projects/default?expand=environments",
        "/projects?expand=environments",
        "/projects/default",
    ):
        reply = api.rest("GET", path, token=secret)
        assert reply.status == 200
        assert "test" in json.dumps(reply.body)
        assert hidden["apiKey"] not in json.dumps(reply.body)
        assert hidden["_id"] not in json.dumps(reply.body)


def semantic(
    api: LiveServer, flag: dict[str, Any], environment: str, secret: str, **instruction: Any
) -> Reply:
    body = {"environmentKey": environment, "instructions": [instruction]}
    return api.rest("PATCH", f"/flags/default/{flag['key']}", body, secret)


def instructions(flag: dict[str, Any]) -> list[dict[str, Any]]:
    first, second = (variation["_id"] for variation in flag["variations"])
    clause = {"attribute": "country", "op": "in", "values": ["nz"]}
    return [
        {"kind": "turnFlagOn"},
        {"kind": "updateOffVariation", "variationId": first},
        {"kind": "updateFallthroughVariationOrRollout", "variationId": second},
        {"kind": "addTargets", "values": ["somebody"], "variationId": first},
        {"kind": "addRule", "clauses": [clause], "variationId": first},
        {"kind": "updateTrackEvents", "trackEvents": True},
        {"kind": "turnFlagOff"},
    ]


@pytest.mark.parametrize("number", range(7))
def test_a_role_for_one_environment_changes_a_flag_there_and_nowhere_else(
    api: LiveServer, flag: dict[str, Any], tester: str, number: int
) -> None:
    instruction = instructions(flag)[number]
    if instruction["kind"] == "turnFlagOff":
        # Where it is off already nothing would change, and nothing need be allowed.
        assert semantic(api, flag, "production", api.token, kind="turnFlagOn").status == 200
    assert semantic(api, flag, "test", tester, **instruction).status == 200
    before = api.rest("GET", f"/flags/default/{flag['key']}").body["environments"]["production"]
    assert_refused(semantic(api, flag, "production", tester, **instruction), 403, "forbidden")
    assert api.rest("GET", f"/flags/default/{flag['key']}").body["environments"]["production"] == before


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/environments/production/on", None),
        ("/environments/production/trackEvents", None),
        ("/name", "another name"),
        ("/description", "another description"),
        ("/tags/-", "another"),
        ("/temporary", False),
        ("/archived", True),
        ("/variations/0/name", "renamed"),
        ("/defaults/onVariation", 1),
        ("/clientSideAvailability/usingEnvironmentId", True),
        ("/experiments/baselineIdx", 1),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_no_json_patch_reaches_beyond_the_environment(
    api: LiveServer, flag: dict[str, Any], tester: str, path: str, value: object, wrapped: bool
) -> None:
    place, found = f"/flags/default/{flag['key']}", api.rest("GET", f"/flags/default/{flag['key']}").body
    if value is None:
        environment, field = path.split("/")[2:]
        value = not found["environments"][environment][field]
    operation = {"op": "add", "path": path, "value": value}
    here = {"op": "replace", "path": "/environments/test/on", "value": True}
    both = [here, operation]
    refused = api.rest("PATCH", place, {"patch": both, "comment": "x"} if wrapped else both, tester)
    assert_refused(refused, 403, "forbidden")
    assert api.rest("GET", place).body == found


def test_a_json_patch_within_the_environment_is_made(
    api: LiveServer, flag: dict[str, Any], tester: str
) -> None:
    place = f"/flags/default/{flag['key']}"
    on = api.rest("GET", place).body["environments"]["test"]["on"]
    patch = [{"op": "replace", "path": "/environments/test/on", "value": not on}]
    assert api.rest("PATCH", place, patch, tester).status == 200
    merge = {"merge": {"environments": {"test": {"on": on}}}}
    assert api.rest("PATCH", place, merge, tester).status == 200
    merge = {"merge": {"environments": {"production": {"trackEvents": True, "on": on}}}}
    assert_refused(api.rest("PATCH", place, merge, tester), 403, "forbidden")


def test_a_flag_is_copied_into_the_environment_only(
    api: LiveServer, flag: dict[str, Any], tester: str
) -> None:
    place = f"/flags/default/{flag['key']}/copy"
    assert (
        semantic(api, flag, "production", api.token, kind="updateTrackEvents", trackEvents=True).status == 200
    )
    assert semantic(api, flag, "test", api.token, kind="updateTrackEvents", trackEvents=False).status == 200
    body = {"source": {"key": "production"}, "target": {"key": "test"}}
    assert api.rest("POST", place, body, tester).status == 201
    assert semantic(api, flag, "test", api.token, kind="turnFlagOff").status == 200
    assert semantic(api, flag, "production", api.token, kind="turnFlagOn").status == 200
    body = {"source": {"key": "test"}, "target": {"key": "production"}}
    assert_refused(api.rest("POST", place, body, tester), 403, "forbidden")


def test_one_context_is_targeted_in_the_environment_only(
    api: LiveServer, flag: dict[str, Any], tester: str
) -> None:
    for environment, status in (("test", 204), ("production", 403)):
        place = f"/projects/default/environments/{environment}/contexts/user/me/flags/{flag['key']}"
        assert api.rest("PUT", place, {"setting": True}, tester).status == status


def test_a_targets_end_is_set_in_the_environment_only(
    api: LiveServer, flag: dict[str, Any], tester: str
) -> None:
    first = flag["variations"][0]["_id"]
    for environment, status in (("test", 200), ("production", 403)):
        added = semantic(
            api, flag, environment, api.token, kind="addTargets", values=["x"], variationId=first
        )
        assert added.status == 200
        instruction: dict[str, Any] = {"kind": "addExpiringTarget", "contextKey": "x", "contextKind": "user"}
        instruction |= {"variationId": first, "value": 4_000_000_000_000}
        place = f"/flags/default/{flag['key']}/expiring-targets/{environment}"
        reply = api.rest("PATCH", place, {"instructions": [instruction]}, tester)
        assert reply.status == status, reply.body


@pytest.mark.parametrize("way", ["delete", "instruction", "create", "clone"])
def test_what_touches_every_environment_takes_more(
    api: LiveServer, flag: dict[str, Any], tester: str, way: str
) -> None:
    place = f"/flags/default/{flag['key']}"
    requests: dict[str, tuple[str, str, Any]] = {
        "delete": ("DELETE", place, None),
        "instruction": ("PATCH", place, {"instructions": [{"kind": "deleteFlag"}]}),
        "create": ("POST", "/flags/default", {"key": fresh("f"), "name": "f"}),
        "clone": ("POST", f"/flags/default?clone={flag['key']}", {"key": fresh("f"), "name": "f"}),
    }
    assert_refused(api.rest(*requests[way], tester), 403, "forbidden")
    assert api.rest("GET", place).status == 200


def test_a_denial_for_one_environment_keeps_the_rest(api: LiveServer, flag: dict[str, Any]) -> None:
    careful = token(api, allow("*"), deny("proj/*:env/production:flag/*", "update*", "delete*"))
    assert semantic(api, flag, "test", careful, kind="turnFlagOn").status == 200
    assert semantic(api, flag, "production", api.token, kind="turnFlagOff").status == 200
    assert_refused(semantic(api, flag, "production", careful, kind="turnFlagOn"), 403, "forbidden")
    assert_refused(api.rest("DELETE", f"/flags/default/{flag['key']}", token=careful), 403, "forbidden")
    assert api.rest("GET", f"/flags/default/{flag['key']}", token=careful).status == 200


def test_one_kind_of_change_may_be_all_that_is_allowed(api: LiveServer, flag: dict[str, Any]) -> None:
    switch = token(api, allow("proj/default:env/*:flag/*", "updateOn"))
    place = f"/flags/default/{flag['key']}"
    on = api.rest("GET", place).body["environments"]["test"]["on"]
    flipped = "turnFlagOff" if on else "turnFlagOn"
    assert semantic(api, flag, "test", switch, kind=flipped).status == 200
    assert_refused(semantic(api, flag, "test", switch, kind="addTags", values=["y"]), 403, "forbidden")
    assert_refused(api.rest("GET", place, token=switch), 403, "forbidden")


def test_a_tag_opens_what_has_it(api: LiveServer, flag: dict[str, Any]) -> None:
    other = fresh("untagged")
    assert api.rest("POST", "/flags/default", {"key": other, "name": other}).status == 201
    mine = token(api, allow("proj/default:env/*:flag/*;mine"))
    patch = [{"op": "replace", "path": "/description", "value": fresh("described")}]
    assert api.rest("PATCH", f"/flags/default/{flag['key']}", patch, mine).status == 200
    assert_refused(api.rest("PATCH", f"/flags/default/{other}", patch, mine), 403, "forbidden")
    assert_refused(api.rest("DELETE", f"/flags/default/{other}", token=mine), 403, "forbidden")


@pytest.mark.parametrize("kind", ["metric", "metric-group", "segment"])
def test_a_denial_by_tag_holds_for_every_kind_that_has_tags(api: LiveServer, kind: str) -> None:
    key, metric = fresh("tagged"), fresh("of-group")
    event = {"kind": "custom", "eventKey": "e", "name": "m"}
    assert api.rest("POST", "/metrics/default", {"key": metric, **event}).status == 201
    me = api.rest("GET", "/members/me").body["_id"]
    group = {"kind": "standard", "maintainerId": me, "metrics": [{"key": metric, "nameInGroup": "m"}]}
    path, body, shape = {
        "metric": ("/metrics/default", event, "metric/*;frozen"),
        "metric-group": ("/projects/default/metric-groups", group, "metric-group/*;frozen"),
        "segment": ("/segments/default/test", {}, "env/*:segment/*;frozen"),
    }[kind]
    made = api.rest("POST", path, {"name": key, **body, "key": key, "tags": ["frozen"]})
    assert made.status == 201, made.body
    careful = token(api, allow("*"), deny(f"proj/*:{shape}", "update*", "delete*"))
    assert_refused(api.rest("DELETE", f"{path}/{key}", token=careful), 403, "forbidden")
    assert api.rest("GET", f"{path}/{key}", token=careful).status == 200


def test_what_is_made_is_judged_by_its_key(api: LiveServer) -> None:
    team = token(api, allow("proj/default:metric/team-*"))
    made = {"kind": "custom", "eventKey": "e"}
    assert api.rest("POST", "/metrics/default", {"key": fresh("team-m"), **made}, team).status == 201
    assert_refused(api.rest("POST", "/metrics/default", {"key": "other-m", **made}, team), 403, "forbidden")
    assert_refused(api.rest("POST", "/metrics/default", {"key": "*", **made}, team), 403, "forbidden")


def test_projects_are_listed_as_far_as_they_may_be_seen(api: LiveServer, tester: str) -> None:
    assert api.rest("POST", "/projects", {"key": fresh("hidden"), "name": "hidden"}).status == 201
    seen = api.rest("GET", "/projects", token=tester).body
    assert ([item["key"] for item in seen["items"]], seen["totalCount"]) == (["default"], 1)
    elsewhere = token(api, allow("proj/elsewhere"))
    assert api.rest("GET", "/projects", token=elsewhere).body["items"] == []
    assert_refused(api.rest("GET", "/projects", token=token(api, allow("acct"))), 403, "forbidden")


def test_a_refusal_says_nothing_of_the_policy_or_of_what_is_there(api: LiveServer, tester: str) -> None:
    there = api.rest("DELETE", "/metrics/default/nothing", token=tester).body["message"]
    assert there == "The policy doesn't allow deleteMetric"
    reader = api.rest("POST", "/tokens", {"role": "reader"}).body["token"]
    assert api.rest("DELETE", "/metrics/default/nothing", token=reader).body["message"] == (
        "This needs the role writer"
    )


ISSUER = (
    allow("service-token/*"),
    allow("proj/default:env/test:flag/*"),
    deny("proj/default:env/*:flag/secret"),
)


@pytest.mark.parametrize(
    "rights",
    [
        {"role": "reader"},
        {"role": "writer"},
        {"role": "admin"},
        {},
        {"inlineRole": [allow("*")]},
        {"inlineRole": [allow("proj/default:env/test:flag/a")]},
        {"inlineRole": [allow("proj/default:env/*:flag/*"), ISSUER[2]]},
        {"inlineRole": [{"effect": "allow", "actions": ["*"], "notResources": ["acct"]}, ISSUER[2]]},
    ],
)
@pytest.mark.parametrize("service", [False, True])
def test_nobody_makes_a_token_that_may_do_more(
    api: LiveServer, rights: dict[str, Any], service: bool
) -> None:
    issuer = token(api, *ISSUER)
    before = api.rest("GET", "/tokens").body["totalCount"]
    body = {"name": "more", "serviceToken": service, **rights}
    assert_refused(api.rest("POST", "/tokens", body, issuer), 403, "forbidden")
    assert api.rest("GET", "/tokens").body["totalCount"] == before


def test_a_token_that_may_do_less_is_made_and_kept_within_bounds(api: LiveServer) -> None:
    issuer = token(api, *ISSUER)
    body = {"name": "less", "inlineRole": [allow("proj/default:env/test:flag/a*"), ISSUER[2]]}
    made = api.rest("POST", "/tokens", body, issuer).body
    place = f"/tokens/{made['_id']}"
    wider = [{"op": "replace", "path": "/inlineRole", "value": [allow("*")]}]
    assert_refused(api.rest("PATCH", place, wider, issuer), 403, "forbidden")
    role = [{"op": "replace", "path": "/role", "value": "admin"}]
    assert_refused(api.rest("PATCH", place, role, issuer), 403, "forbidden")
    named = [{"op": "replace", "path": "/name", "value": "renamed"}]
    assert api.rest("PATCH", place, named, issuer).body["name"] == "renamed"


def test_nobody_takes_over_a_stronger_token_by_resetting_it(api: LiveServer) -> None:
    issuer = token(api, *ISSUER)
    admin = api.rest("POST", "/tokens", {"name": "strong", "role": "admin"}).body
    refused = api.rest("POST", f"/tokens/{admin['_id']}/reset", None, issuer)
    assert_refused(refused, 403, "forbidden")
    assert api.rest("GET", "/tokens", token=admin["token"]).status == 200


def test_nobody_widens_a_role_that_they_have_or_that_others_have(api: LiveServer) -> None:
    key = fresh("role")
    policy = [allow("role/*"), allow("member/*"), allow("service-token/*")]
    made = api.rest("POST", "/roles", {"key": key, "name": key, "policy": policy})
    assert made.status == 201, made.body
    held = api.rest("POST", "/tokens", {"customRoleIds": [key], "serviceToken": True}).body
    assert held["customRoleIds"] == [made.body["_id"]]
    wider = [{"op": "replace", "path": "/policy", "value": [allow("*")]}]
    assert_refused(api.rest("PATCH", f"/roles/{key}", wider, held["token"]), 403, "forbidden")
    base = [{"op": "replace", "path": "/basePermissions", "value": "reader"}]
    assert_refused(api.rest("PATCH", f"/roles/{key}", base, held["token"]), 403, "forbidden")
    another = {"key": fresh("role"), "name": "n", "policy": [allow("proj/*")]}
    assert_refused(api.rest("POST", "/roles", another, held["token"]), 403, "forbidden")
    member = [{"email": f"{key}@example.com", "role": "admin"}]
    assert_refused(api.rest("POST", "/members", member, held["token"]), 403, "forbidden")
    me = api.rest("GET", "/members/me").body
    demoted = [{"op": "replace", "path": "/role", "value": "reader"}]
    assert_refused(api.rest("PATCH", f"/members/{me['_id']}", demoted, held["token"]), 403, "forbidden")
    assert_refused(api.rest("DELETE", f"/members/{me['_id']}", token=held["token"]), 403, "forbidden")


def test_a_change_of_a_role_holds_at_once(api: LiveServer) -> None:
    key = fresh("role")
    assert api.rest("POST", "/roles", {"key": key, "name": key, "policy": [allow("acct")]}).status == 201
    held = api.rest("POST", "/tokens", {"customRoleIds": [key]}).body["token"]
    assert api.rest("GET", "/metrics/default", token=held).status == 403
    policy = [{"op": "add", "path": "/policy/-", "value": VIEWER}]
    assert api.rest("PATCH", f"/roles/{key}", policy).status == 200
    assert api.rest("GET", "/metrics/default", token=held).status == 200
