"""Changes of flags beyond their dialects: dry runs, comments, deletions, archives, variations that are measured."""

from typing import Any

import pytest

from api.flags import Caller, ids, own_project
from api.replies import assert_refused
from live import LiveServer

ON = {"kind": "turnFlagOn"}


@pytest.fixture
def caller(api: LiveServer) -> Caller:
    return Caller(api)


@pytest.mark.parametrize(
    "body",
    [
        [{"op": "replace", "path": "/name", "value": "seen"}],
        {"merge": {"name": "seen"}},
        {"instructions": [{"kind": "updateName", "value": "seen"}]},
    ],
)
def test_a_dry_run_shows_what_would_be_and_changes_nothing(caller: Caller, body: object) -> None:
    before = caller.create()
    would = caller.patch(before["key"], body, "?dryRun=true&ignoreConflicts=true")
    assert (would["name"], would["_version"]) == ("seen", before["_version"] + 1)
    assert caller.get(f"/flags/default/{before['key']}") == before
    assert caller.patch(before["key"], body, "?dryRun=false")["name"] == "seen"


def test_a_dry_run_refuses_what_would_be_refused(caller: Caller) -> None:
    key = caller.create()["key"]
    body = {"instructions": [{"kind": "updateName"}]}
    refused = caller.send("PATCH", f"/flags/default/{key}?dryRun=true", body)
    assert_refused(refused, 400, "invalid_request")
    assert_refused(caller.send("PATCH", f"/flags/default/{key}?dryRun=maybe", body), 400, "invalid_request")


def test_a_refusal_names_the_instruction(caller: Caller) -> None:
    key = caller.create()["key"]
    body = {"environmentKey": "production", "instructions": [ON, {"kind": "addRule", "clauses": []}]}
    reply = caller.send("PATCH", f"/flags/default/{key}", body)
    assert_refused(reply, 400, "invalid_request")
    assert reply.body["message"].startswith("instructions[1] addRule: ")
    assert caller.get(f"/flags/default/{key}")["environments"]["production"]["on"] is False


def test_a_flag_deleted_by_instruction_is_shown_once_more(caller: Caller) -> None:
    before = caller.create()
    body = {"instructions": [{"kind": "deleteFlag"}]}
    assert caller.patch(before["key"], body, "?dryRun=true") == before
    assert caller.patch(before["key"], body) == before
    assert_refused(caller.send("GET", f"/flags/default/{before['key']}"), 404, "not_found")
    assert_refused(caller.send("PATCH", f"/flags/default/{before['key']}", body), 404, "not_found")


def test_an_environment_may_require_comments(api: LiveServer) -> None:
    caller = own_project(api)
    place = f"/projects/{caller.project}/environments/production"
    require = [{"op": "replace", "path": "/requireComments", "value": True}]
    assert caller.send("PATCH", place, require).status == 200
    key = caller.create()["key"]
    flag = f"/flags/{caller.project}/{key}"
    silent: tuple[Any, ...] = (
        {"environmentKey": "production", "instructions": [ON]},
        {"environmentKey": "production", "instructions": [ON], "comment": "  "},
        [{"op": "replace", "path": "/environments/production/on", "value": True}],
        {"merge": {"environments": {"production": {"on": True}}}},
    )
    for body in silent:
        reply = caller.send("PATCH", flag, body)
        assert_refused(reply, 400, "invalid_request")
        assert "requires a comment" in reply.body["message"]
    copy = {"source": {"key": "test"}, "target": {"key": "production"}}
    caller.patch(key, {"environmentKey": "test", "instructions": [ON]})
    assert_refused(caller.send("POST", f"{flag}/copy", copy), 400, "invalid_request")
    assert caller.send("POST", f"{flag}/copy", {**copy, "comment": "why"}).status == 201
    caller.patch(key, {"merge": {"name": "no targeting"}})
    off = {"environmentKey": "production", "instructions": [{"kind": "turnFlagOff"}], "comment": "why"}
    assert caller.patch(key, off)["environments"]["production"]["on"] is False


@pytest.mark.parametrize("content_type", ["application/merge-patch+json", "application/json"])
def test_bare_changes_are_a_merge_patch_where_the_content_type_says_so(
    caller: Caller, content_type: str
) -> None:
    key = caller.create()["key"]
    headers = {"Authorization": caller.api.token, "Content-Type": content_type}
    reply = caller.api.request("PATCH", f"/api/v2/flags/default/{key}", {"name": "merged"}, headers)
    if content_type == "application/json":
        assert_refused(reply, 400, "invalid_request")
    else:
        assert reply.body["name"] == "merged"


def test_users_targeted_by_path_count_beside_other_kinds(caller: Caller) -> None:
    key = caller.create()["key"]
    place = "/environments/production"
    body = [
        {"op": "add", "path": f"{place}/targets/-", "value": {"values": ["ann"], "variation": 1}},
        {
            "op": "add",
            "path": f"{place}/contextTargets/-",
            "value": {"values": ["acme"], "variation": 0, "contextKind": "org"},
        },
    ]
    there = caller.patch(key, body)["environments"]["production"]
    assert there["targets"] == [{"values": ["ann"], "variation": 1, "contextKind": "user"}]
    assert {"values": [], "variation": 1, "contextKind": "user"} in there["contextTargets"]
    both = [{"op": "add", "path": f"{place}/targets/-", "value": {"values": ["ann"], "variation": 0}}]
    assert_refused(caller.send("PATCH", f"/flags/default/{key}", both), 400, "invalid_request")


def test_a_deprecated_flag_shows_since_when_and_is_restored(caller: Caller) -> None:
    key = caller.create()["key"]
    there = caller.instruct(key, {"kind": "deprecateFlag"})
    assert there["deprecated"] is True
    assert there["deprecatedDate"] >= there["creationDate"]
    back = caller.instruct(key, {"kind": "restoreDeprecatedFlag"})
    assert back["deprecated"] is False
    assert "deprecatedDate" not in back


def test_variations_of_a_measured_flag_keep_their_places(caller: Caller) -> None:
    made = caller.create(variations=[{"value": value} for value in ("a", "b", "c")])
    metric = f"m-{made['key']}"
    caller.send("POST", "/metrics/default", {"key": metric, "kind": "custom", "eventKey": metric})
    item = {"metricKey": metric, "environments": []}
    caller.patch(made["key"], [{"op": "add", "path": "/experiments/items/0", "value": item}])
    place = f"/flags/default/{made['key']}"
    removed = {"instructions": [{"kind": "removeVariation", "variationId": ids(made)[1]}]}
    assert_refused(caller.send("PATCH", place, removed), 409, "conflict")
    swapped = [{"op": "move", "from": "/variations/0", "path": "/variations/1"}]
    assert_refused(caller.send("PATCH", place, swapped), 409, "conflict")
    more = caller.instruct(made["key"], {"kind": "addVariation", "value": "d"})
    assert [variation["value"] for variation in more["variations"]] == ["a", "b", "c", "d"]


def test_who_makes_a_flag_maintains_it(caller: Caller) -> None:
    own = caller.create()
    assert own["_maintainer"]["_id"] == own["maintainerId"]
    assert own["_maintainer"]["email"]
    assert caller.create(maintainerId="ann")["maintainerId"] == "ann"
    team = caller.create(maintainerTeamKey="team")
    assert (team["maintainerTeamKey"], "maintainerId" in team) == ("team", False)
    body = {"name": "robot", "role": "writer", "serviceToken": True}
    robot = caller.send("POST", "/tokens", body).body["token"]
    key = f"{team['key']}-robots"
    made = caller.api.rest("POST", "/flags/default", {"key": key, "name": key}, robot)
    assert "maintainerId" not in made.body


def test_a_migration_has_its_stages(caller: Caller) -> None:
    made = caller.create(purpose="migration")
    stages = ["off", "dualwrite", "shadow", "live", "rampdown", "complete"]
    assert [variation["value"] for variation in made["variations"]] == stages
    assert made["_purpose"] == "migration"
    assert made["defaults"] == {"onVariation": 0, "offVariation": 5}
