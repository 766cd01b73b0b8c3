"""What Terraform's provider sends, as the Go client puts it on the wire, and that it reads back what it set.

Terraform plans a change wherever an answer differs from what it sent: so each test applies, reads and compares.
"""

from collections.abc import Callable
from typing import Any

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer

Send = Callable[..., Any]


@pytest.fixture
def send(api: LiveServer) -> Send:
    """A request as the provider makes it since its version 2.21.4; the body of a good answer."""

    def sent(method: str, path: str, body: Any = None) -> Any:
        headers = {
            "Authorization": api.token,
            "LD-API-Version": "20240415",
            "User-Agent": "launchdarkly-terraform-provider/2.30.4",
            "Content-Type": "application/json",
        }
        reply = api.request(method, f"/api/v2{path}", body, headers)
        assert reply.status in (200, 201, 204), reply.body
        return reply.body

    return sent


@pytest.fixture
def project(send: Send) -> str:
    key = fresh("tf")
    shown = {"name": "Production", "key": "prod", "color": "AAAAAA", "defaultTtl": 0, "critical": False}
    switches = ("secureMode", "defaultTrackEvents", "requireComments", "confirmChanges")
    environment = shown | dict.fromkeys(switches, False) | {"tags": ["a"]}
    send("POST", "/projects", {"key": key, "name": "TF", "environments": [environment]})
    return key


@pytest.fixture
def flag(send: Send, project: str) -> str:
    body = {
        "name": "a flag",
        "key": "f",
        "description": "",
        "temporary": False,
        "tags": [],
        "variations": [{"value": "a", "name": "A", "description": "first"}, {"value": ""}, {"value": "c"}],
        "clientSideAvailability": {"usingEnvironmentId": True, "usingMobileKey": True},
    }
    send("POST", f"/flags/{project}", body)
    return f"/flags/{project}/f"


def replacing(**values: Any) -> list[dict[str, Any]]:
    """Operations in the order of the arguments; a path's slashes are written as two underscores."""
    return [
        {"op": "replace", "path": f"/{path.replace('__', '/')}", "value": value}
        for path, value in values.items()
    ]


def commented(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"comment": "Terraform", "patch": list(operations)}


def test_a_project_reads_back_as_it_was_set(send: Send, project: str) -> None:
    availability = {"usingEnvironmentId": True, "usingMobileKey": False}
    send("PATCH", f"/projects/{project}", replacing(name="TF 2", tags=["x", "y"]))
    send("PATCH", f"/projects/{project}", replacing(defaultClientSideAvailability=availability))
    views = replacing(requireViewAssociationForNewFlags=False, requireViewAssociationForNewSegments=False)
    send("PATCH", f"/projects/{project}", views)
    found = send("GET", f"/projects/{project}?expand=environments")
    assert (found["name"], found["tags"]) == ("TF 2", ["x", "y"])
    assert found["defaultClientSideAvailability"] == availability
    assert [item["key"] for item in found["environments"]["items"]] == ["prod"]
    assert send("PATCH", f"/projects/{project}", replacing(tags=None))["tags"] == []


def test_what_new_flags_begin_with_reads_back_as_it_was_set(send: Send, project: str) -> None:
    names = {
        "trueDisplayName": "On",
        "falseDisplayName": "Off",
        "trueDescription": "",
        "falseDescription": "",
    }
    available = {"usingEnvironmentId": False, "usingMobileKey": True}
    asked = {"tags": ["a"], "temporary": False, "defaultClientSideAvailability": available}
    asked |= {"booleanDefaults": {**names, "onVariation": 0, "offVariation": 1}}
    send("PUT", f"/projects/{project}/flag-defaults", asked)
    found = send("GET", f"/projects/{project}/flag-defaults")
    assert {name: found[name] for name in asked} == asked


def test_an_environments_approval_settings_are_set_and_taken_away_again(send: Send, project: str) -> None:
    place = f"/projects/{project}/environments/prod"
    usual = send("GET", place)["approvalSettings"]
    asked = {
        "required": False,
        "canReviewOwnRequest": True,
        "minNumApprovals": 2,
        "canApplyDeclinedChanges": False,
        "requiredApprovalTags": ["billing"],
        "serviceKind": "launchdarkly",
        "serviceConfig": {},
        "autoApplyApprovedChanges": False,
    }
    send("PATCH", place, replacing(**{f"approvalSettings__{name}": value for name, value in asked.items()}))
    assert send("GET", place)["approvalSettings"] == usual | asked
    removed = ({"op": "remove", "path": f"/approvalSettings/{name}"} for name in asked if "require" in name)
    send("PATCH", place, list(removed))
    untagged = replacing(approvalSettings__required=False, approvalSettings__requiredApprovalTags=None)
    settings = send("PATCH", place, untagged)["approvalSettings"]
    assert (settings["required"], settings["requiredApprovalTags"]) == (False, [])


@pytest.mark.parametrize(
    "values",
    [[True, False], ["a", ""], [1.5, 2], [{"a": [1, None]}, ["x"]]],
    ids=["bool", "str", "num", "json"],
)
def test_a_flag_of_each_type_reads_back_as_it_was_set(send: Send, project: str, values: list[Any]) -> None:
    body = {"name": "f", "key": "f", "description": "", "temporary": False, "tags": []}
    available = {"clientSideAvailability": {"usingEnvironmentId": False, "usingMobileKey": True}}
    send("POST", f"/flags/{project}", body | available | {"variations": [{"value": item} for item in values]})
    properties = {"some.key": {"name": "Some", "value": ["v1", "v2"]}}
    asked = {"name": "f", "description": "", "tags": ["t"], "temporary": False, "archived": False}
    asked |= {"deprecated": False, "customProperties": properties}
    asked |= {"defaults": {"onVariation": 0, "offVariation": 1}}
    send("PATCH", f"/flags/{project}/f", commented(*replacing(**asked)))
    found = send("GET", f"/flags/{project}/f")
    assert {name: found[name] for name in asked} == asked
    assert [item["value"] for item in found["variations"]] == values
    assert not any({"name", "description"} & item.keys() for item in found["variations"])


def test_variations_are_renamed_removed_and_added(send: Send, flag: str) -> None:
    patch = [
        {"op": "remove", "path": "/variations/2"},
        *replacing(variations__0__value="a", variations__0__name=None, variations__0__description=None),
        *replacing(variations__1__value="b", variations__1__name="B", variations__1__description=None),
    ]
    served = replacing(environments__prod__offVariation=1, defaults={"onVariation": 0, "offVariation": 1})
    send("PATCH", flag, commented(*served, *patch))
    first, second = send("GET", flag)["variations"]
    assert {name for name in first if name != "_id"} == {"value"}
    assert (second["value"], second["name"]) == ("b", "B")
    added = {"op": "add", "path": "/variations/2", "value": {"value": "d", "name": "D"}}
    assert send("PATCH", flag, commented(added))["variations"][2]["name"] == "D"


def test_a_flags_tags_properties_and_maintainer_are_taken_away(send: Send, flag: str) -> None:
    me = send("GET", "/members/me")["_id"]
    send("PATCH", flag, commented({"op": "remove", "path": "/maintainerId"}))
    assert send("PATCH", flag, commented(*replacing(maintainerId=me)))["maintainerId"] == me
    send("PATCH", flag, commented(*replacing(tags=["a"], customProperties={"k": {"name": "K", "value": []}})))
    found = send("PATCH", flag, commented(*replacing(tags=None, customProperties={}, description=None)))
    assert (found["tags"], found["customProperties"], found["description"]) == ([], {}, "")


def rules() -> list[dict[str, Any]]:
    country = {"attribute": "country", "op": "startsWith", "values": ["great"], "negate": False}
    age = {"attribute": "age", "op": "greaterThan", "values": [30], "negate": True, "contextKind": "org"}
    return [
        {"description": "r", "clauses": [country | {"contextKind": "user"}], "variation": 0},
        {"clauses": [age], "rollout": split("org", 90_000, 10_000, 0)},
    ]


def split(kind: str, *weights: int) -> dict[str, Any]:
    variations = [{"variation": number, "weight": weight} for number, weight in enumerate(weights)]
    return {"contextKind": kind, "bucketBy": "email", "variations": variations}


def in_production(**values: Any) -> list[dict[str, Any]]:
    return replacing(**{f"environments__prod__{name}": value for name, value in values.items()})


def without_ids(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rules as the provider compares them."""
    kept = ("description", "variation", "rollout")
    clauses = [
        [{name: value for name, value in clause.items() if name != "_id"} for clause in rule["clauses"]]
        for rule in found
    ]
    return [
        {name: rule[name] for name in kept if name in rule} | {"clauses": own}
        for rule, own in zip(found, clauses, strict=True)
    ]


def test_a_flags_environment_is_applied_changed_and_destroyed(send: Send, project: str, flag: str) -> None:
    needed = {"key": "needed", "name": "needed", "variations": [{"value": True}, {"value": False}]}
    send("POST", f"/flags/{project}", needed)
    applied = {
        "on": True,
        "offVariation": 1,
        "trackEvents": True,
        "rules": rules(),
        "prerequisites": [{"key": "needed", "variation": 0}],
        "targets": [{"contextKind": "user", "values": ["u2", "u1"], "variation": 0}],
        "contextTargets": [{"contextKind": "org", "values": ["o1"], "variation": 2}],
        "fallthrough": {"rollout": split("user", 60_000, 40_000, 0)},
    }
    send("PATCH", flag, commented(*in_production(**applied)))
    found = send("GET", f"{flag}?env=prod")["environments"]
    assert list(found) == ["prod"]
    there = found["prod"]
    assert without_ids(there["rules"]) == applied["rules"]
    # Placeholders of targets, which keep their order, are what the provider passes over.
    others = [target for target in there["contextTargets"] if target["contextKind"] != "user"]
    assert others == applied["contextTargets"]
    plain = applied.keys() - {"rules", "contextTargets"}
    assert {name: there[name] for name in plain} == {name: applied[name] for name in plain}
    changed = {"fallthrough": {"variation": 2}, "rules": rules()[:1], "contextTargets": None, "targets": []}
    there = send("PATCH", flag, commented(*in_production(**changed)))["environments"]["prod"]
    assert (there["fallthrough"], there["contextTargets"], there["targets"]) == ({"variation": 2}, [], [])
    # The provider's own misspelling of fallthrough is in every version of it.
    gone = {"on": False, "rules": [], "trackEvents": False, "prerequisites": [], "offVariation": 2}
    gone |= {"targets": [], "contextTargets": [], "fallthough": {"variation": 0}}
    there = send("PATCH", flag, commented(*in_production(**gone)))["environments"]["prod"]
    assert (there["on"], there["rules"], there["prerequisites"]) == (False, [], [])
    assert "fallthough" not in there


def test_an_off_variation_is_taken_away_and_set_again(send: Send, flag: str) -> None:
    unset = {"op": "remove", "path": "/environments/prod/offVariation"}
    assert "offVariation" not in send("PATCH", flag, commented(unset))["environments"]["prod"]
    there = send("PATCH", flag, commented(*in_production(offVariation=0)))["environments"]["prod"]
    assert there["offVariation"] == 0


def test_what_is_not_there_can_not_be_removed(api: LiveServer, flag: str) -> None:
    gone = commented({"op": "remove", "path": "/environments/prod/fallthough"})
    assert_refused(api.rest("PATCH", flag, gone), 422, "patch_failed")


def test_null_within_a_variations_value_is_a_value(send: Send, project: str) -> None:
    place = f"/flags/{project}/j"
    variations = [{"value": {"a": 1}}, {"value": {"a": 2}}]
    send("POST", f"/flags/{project}", {"key": "j", "name": "j", "variations": variations})
    found = send("PATCH", place, commented(*replacing(variations__0__value__a=None)))
    assert found["variations"][0]["value"] == {"a": None}


def test_a_segments_empty_targets_are_passed_over(send: Send, project: str) -> None:
    body = {"name": "S", "key": "s", "description": "", "tags": ["a"], "unbounded": False}
    send("POST", f"/segments/{project}/prod", body | {"unboundedContextKind": ""})
    place = f"/segments/{project}/prod/s"
    clause = {"attribute": "plan", "op": "in", "values": ["pro"], "negate": False, "contextKind": "user"}
    rule = {"clauses": [clause], "weight": 50_000, "bucketBy": "name", "rolloutContextKind": "user"}
    accounts = {"contextKind": "account", "values": ["a1"]}
    asked = {"name": "S", "description": "d", "tags": ["b"], "included": ["u1"], "excluded": ["u2"]}
    # An old version sends a name that segments don't have, and as many empty targets as there are others.
    more = {
        "temporary": "temporary",
        "rules": [rule],
        "includedContexts": [{}, accounts],
        "excludedContexts": [],
    }
    send("PATCH", place, commented(*replacing(**asked, **more)))
    found = send("GET", place)
    assert {name: found[name] for name in asked} == asked
    assert (found["includedContexts"], found["excludedContexts"]) == ([accounts], [])
    assert [{name: item[name] for name in rule if name != "clauses"} for item in found["rules"]] == [
        {name: value for name, value in rule.items() if name != "clauses"}
    ]
    emptied = replacing(included=None, excludedContexts=None, includedContexts=[], rules=[])
    found = send("PATCH", place, commented({"op": "remove", "path": "/tags"}, *emptied))
    assert (found["tags"], found["included"], found["includedContexts"]) == ([], [], [])


def url(kind: str, **given: str) -> dict[str, str]:
    return {"kind": kind, "url": "", "substring": "", "pattern": "", **given}


METRICS: dict[str, dict[str, Any]] = {
    "conversion": {"kind": "custom", "eventKey": "bought", "successCriteria": "HigherThanBaseline"},
    "numeric": {
        "kind": "custom",
        "isNumeric": True,
        "eventKey": "latency",
        "unit": "ms",
        "successCriteria": "LowerThanBaseline",
        "unitAggregationType": "sum",
        "randomizationUnits": ["user"],
    },
    "percentile": {
        "kind": "custom",
        "isNumeric": True,
        "eventKey": "latency",
        "unit": "ms",
        "successCriteria": "LowerThanBaseline",
        "analysisType": "percentile",
        "percentileValue": 95,
    },
    "click": {"kind": "click", "selector": ".buy", "urls": [url("substring", substring="/shop")]},
    "pageview": {
        "kind": "pageview",
        "urls": [url("regex", pattern="a.*"), url("exact", url="https://a.b/c")],
    },
}


@pytest.mark.parametrize("kind", METRICS)
def test_a_metric_of_each_kind_reads_back_as_it_was_set(send: Send, project: str, kind: str) -> None:
    asked = {"isActive": False, "isNumeric": False, "selector": "", "unit": "", "eventKey": ""}
    asked |= {"unitAggregationType": "average", "analysisType": "mean", "tags": ["a"], "description": ""}
    asked |= METRICS[kind]
    made = {**asked, "key": kind, "name": "M", "eventDefault": {"disabled": False}}
    send("POST", f"/metrics/{project}", made)
    me = send("GET", "/members/me")["_id"]
    edits = {**asked, "name": "M 2", "eventDefault__disabled": True, "maintainerId": me}
    edits |= {"urls": asked.get("urls", []), "percentileValue": asked.get("percentileValue")}
    send("PATCH", f"/metrics/{project}/{kind}", replacing(**edits))
    found = send("GET", f"/metrics/{project}/{kind}")
    assert {name: found.get(name, "") for name in asked} == asked
    assert (found["name"], found["eventDefault"]["disabled"]) == ("M 2", True)
    assert found["_maintainer"]["_id"] == me
    if kind == "numeric":
        found = send("PATCH", f"/metrics/{project}/{kind}", replacing(randomizationUnits=["org"]))
        assert found["analysisUnits"] == ["org"]


def test_a_webhook_without_a_secret_is_changed(send: Send) -> None:
    hook = send("POST", "/webhooks", {"url": "https://a.example/x", "on": False, "name": "", "sign": False})
    place = f"/webhooks/{hook['_id']}"
    asked = {"url": "https://a.example/y", "secret": "", "on": False, "name": "n", "tags": ["t"]}
    found = send("PATCH", place, replacing(**asked))
    assert {name: found.get(name, "") for name in asked} == asked
    statements = [{"effect": "allow", "actions": ["*"], "resources": ["proj/*:env/production"]}]
    assert send("PATCH", place, replacing(statements=statements))["statements"] == statements
    bare = send("PATCH", place, [{"op": "remove", "path": "/statements"}, *replacing(tags=None)])
    assert (bare["tags"], "statements" in bare) == ([], False)
    send("DELETE", place)


def test_a_member_with_custom_roles_needs_no_other(send: Send) -> None:
    key = fresh("role")
    policy = [{"effect": "allow", "actions": ["*"], "resources": ["proj/*"]}]
    body = {"key": key, "name": key, "description": "", "policy": policy, "basePermissions": "reader"}
    role = send("POST", "/roles", body)
    form = {"email": f"{key}@example.com", "firstName": "", "lastName": "", "role": "", "customRoles": [key]}
    (member,) = send("POST", "/members", [form])["items"]
    assert (member["role"], member["customRoles"]) == ("reader", [role["_id"]])
    plain = send("PATCH", f"/members/{member['_id']}", replacing(role="writer", customRoles=[]))
    assert (plain["role"], plain["customRoles"]) == ("writer", [])


def test_a_token_tells_the_version_that_it_gets(send: Send) -> None:
    made = send("POST", "/tokens", {"name": "t", "serviceToken": True, "role": "reader"})
    assert made["defaultApiVersion"] == 20160426
    assert send("GET", f"/tokens/{made['_id']}")["defaultApiVersion"] == 20160426
    chosen = replacing(defaultApiVersion=20240415)
    assert send("PATCH", f"/tokens/{made['_id']}", chosen)["defaultApiVersion"] == 20240415
