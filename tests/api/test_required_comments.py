"""An environment that requires comments gets one with each change of its flags and segments, by every door."""

from typing import Any

import pytest

from api.flags import Caller, ids, own_project
from api.replies import assert_refused
from live import LiveServer, Reply

FAR = 4_102_444_800_000


@pytest.fixture(scope="module")
def strict(api: LiveServer) -> Caller:
    """A project whose environment `test` requires comments, with a flag and a segment that list a user."""
    caller = own_project(api)
    caller.create(key="flag")
    variation = ids(caller.get(f"/flags/{caller.project}/flag"))[0]
    added = {"kind": "addTargets", "variationId": variation, "values": ["u"]}
    caller.instruct("flag", added, environment="test")
    segment = {"key": "segment", "name": "S", "included": ["u"]}
    assert caller.send("POST", f"/segments/{caller.project}/test", segment).status == 201
    patch = [{"op": "replace", "path": "/requireComments", "value": True}]
    path = f"/projects/{caller.project}/environments/test"
    assert caller.send("PATCH", path, patch).status == 200
    return caller


def doors(caller: Caller) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Method, path and body of one change by each door; none has a comment."""
    project, variation = caller.project, ids(caller.get(f"/flags/{caller.project}/flag"))[0]
    ending = {"kind": "addExpiringTarget", "contextKind": "user", "contextKey": "u", "value": FAR}
    on = {"op": "replace", "path": "/environments/test/on", "value": True}
    flag, segment = f"/flags/{project}/flag", f"/segments/{project}/test/segment"
    tags = {"kind": "addTags", "values": ["t"]}
    return {
        "instructions": ("PATCH", flag, {"environmentKey": "test", "instructions": [{"kind": "turnFlagOn"}]}),
        "json patch": ("PATCH", flag, {"patch": [on]}),
        "merge": ("PATCH", flag, {"merge": {"environments": {"test": {"on": True}}}}),
        "copy": ("POST", f"{flag}/copy", {"source": {"key": "production"}, "target": {"key": "test"}}),
        "an end of a target": (
            "PATCH",
            f"{flag}/expiring-targets/test",
            {"instructions": [ending | {"variationId": variation}]},
        ),
        "a segment": ("PATCH", segment, {"instructions": [tags]}),
        "a segment's json patch": (
            "PATCH",
            segment,
            {"patch": [{"op": "add", "path": "/tags/-", "value": "t"}]},
        ),
        "an end of a member": (
            "PATCH",
            f"/segments/{project}/segment/expiring-targets/test",
            {"instructions": [ending | {"targetType": "included"}]},
        ),
        "an end of a user": (
            "PATCH",
            f"/segments/{project}/segment/expiring-user-targets/test",
            {"instructions": [{**ending, "targetType": "included"}]},
        ),
    }


NAMES = (
    *("instructions", "json patch", "merge", "copy", "an end of a target", "a segment"),
    *("a segment's json patch", "an end of a member", "an end of a user"),
)


def state(caller: Caller) -> list[Any]:
    project = caller.project
    return [
        caller.get(f"/flags/{project}/flag")["environments"]["test"],
        caller.get(f"/flags/{project}/flag/expiring-targets/test")["items"],
        caller.get(f"/segments/{project}/test/segment"),
        caller.get(f"/segments/{project}/segment/expiring-targets/test")["items"],
    ]


def through(caller: Caller, name: str, **more: object) -> Reply:
    method, path, body = doors(caller)[name]
    return caller.send(method, path, {**body, **more})


@pytest.mark.parametrize("comment", [{}, {"comment": ""}, {"comment": " \n"}])
@pytest.mark.parametrize("name", NAMES)
def test_a_change_without_a_comment_is_refused(strict: Caller, name: str, comment: dict[str, str]) -> None:
    before = state(strict)
    reply = through(strict, name, **comment)
    assert_refused(reply, 400, "invalid_request")
    assert "comment" in reply.body["message"]
    assert state(strict) == before


@pytest.mark.parametrize("name", ["instructions", "an end of a target", "a segment", "an end of a member"])
def test_a_change_with_a_comment_is_made_and_the_comment_kept(api: LiveServer, name: str) -> None:
    caller = own_project(api)
    caller.create(key="flag")
    variation = ids(caller.get(f"/flags/{caller.project}/flag"))[0]
    caller.instruct(
        "flag", {"kind": "addTargets", "variationId": variation, "values": ["u"]}, environment="test"
    )
    segment = {"key": "segment", "name": "S", "included": ["u"]}
    assert caller.send("POST", f"/segments/{caller.project}/test", segment).status == 201
    patch = [{"op": "replace", "path": "/requireComments", "value": True}]
    caller.send("PATCH", f"/projects/{caller.project}/environments/test", patch)
    before = state(caller)
    assert through(caller, name, comment="because of the sale").status == 200
    assert state(caller) != before
    latest = caller.get("/auditlog?limit=1")["items"][0]
    assert latest["comment"] == "because of the sale"


def test_other_environments_need_none(strict: Caller) -> None:
    body = {"environmentKey": "production", "instructions": [{"kind": "turnFlagOn"}]}
    assert strict.send("PATCH", f"/flags/{strict.project}/flag", body).status == 200
    strict.patch("flag", [{"op": "replace", "path": "/name", "value": "Renamed"}])


def test_what_changes_nothing_needs_none(strict: Caller) -> None:
    same = strict.get(f"/flags/{strict.project}/flag")["environments"]["test"]["on"]
    strict.patch("flag", [{"op": "replace", "path": "/environments/test/on", "value": same}])
    assert strict.send("PATCH", f"/segments/{strict.project}/test/segment", []).status == 200
    ends = f"/segments/{strict.project}/segment/expiring-targets/test"
    assert strict.send("PATCH", ends, {"instructions": []}).status == 200
