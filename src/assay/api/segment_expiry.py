"""Members with an end: /api/v2/segments/{project}/{segment}/expiring-targets/{environment}, and for users alone."""

import uuid
from typing import Any, Required, TypedDict

import msgspec

from assay.api.call import Answer, Call, Operation
from assay.api.links import Links, link
from assay.api.patching import converted, require_comment
from assay.flags.context import USER
from assay.flags.segment import ExpiringMember, Segment, Side
from assay.flags.segment_expiry import apply_member_expiry, without_expired
from assay.store.store import Store


class ExpiryBody(msgspec.Struct, frozen=True):
    """A semantic patch."""

    instructions: list[dict[str, Any]]
    comment: str = ""


class SegmentPlaceRep(TypedDict):
    kind: str
    key: str
    environmentKey: str
    projectKey: str


class ExpiringMemberRep(TypedDict, total=False):
    """A member with its end; users have a `userKey` too."""

    _id: Required[str]
    _version: Required[int]
    expirationDate: Required[int]
    contextKind: Required[str]
    contextKey: Required[str]
    userKey: str
    targetType: Required[Side]
    _resourceId: Required[SegmentPlaceRep]


class ExpiringMembersRep(TypedDict):
    items: list[ExpiringMemberRep]
    _links: Links


class Followed(TypedDict):
    """How many instructions there were, and were followed: all of them."""

    totalInstructions: int
    successfulInstructions: int
    failedInstructions: int


class MemberExpiryRep(ExpiringMembersRep, Followed):
    """The members after a patch."""


def get_expiring_members(call: Call) -> Answer:
    """The members that have an end."""
    return Answer(body=_collection(call, _segment(call), users=False))


def get_expiring_user_members(call: Call) -> Answer:
    """Those of them that are users."""
    return Answer(body=_collection(call, _segment(call), users=True))


def patch_expiring_members(call: Call) -> Answer:
    return Answer(body=_patched(call, users=False))


def patch_expiring_user_members(call: Call) -> Answer:
    return Answer(body=_patched(call, users=True))


def remove_expired_members(store: Store, actor: str, now_ms: int) -> None:
    """Takes from the lists whoever's end has come."""
    due = [
        (project.key, environment.key, segment.key)
        for project in store.state.all("project").values()
        for environment in project.environments
        for segment in store.state.segments(project.key, environment.key).values()
        if any(member.expiration_date <= now_ms for member in segment.expiring)
    ]
    if not due:
        return
    with store.writing(actor) as transaction:
        for project_key, environment_key, key in due:
            found = transaction.state.segments(project_key, environment_key).get(key)
            if found is not None:
                settled = without_expired(found, now_ms)
                transaction.put_segment(project_key, environment_key, settled, "removeExpiredTargets")


def _patched(call: Call, *, users: bool) -> MemberExpiryRep:
    body = converted(call.object(), ExpiryBody)
    project, environment = call.path["project"], call.path["environment"]
    with call.rooms.store.writing(call.actor, body.comment) as transaction:
        before = transaction.state.segment(project, environment, call.path["segment"])
        segment = apply_member_expiry(
            before, body.instructions, now_ms=transaction.now_ms, new_id=lambda: str(uuid.uuid4())
        )
        here = transaction.state.environment(project, environment)
        if segment != before:
            require_comment(here, body.comment)
        segment = transaction.put_segment(project, environment, segment, "updateExpiringTargets")
    return {**_collection(call, segment, users=users), **followed(body)}


def followed(body: ExpiryBody) -> Followed:
    """What a patch that went through says of its instructions."""
    count = len(body.instructions)
    return {"totalInstructions": count, "successfulInstructions": count, "failedInstructions": 0}


def _segment(call: Call) -> Segment:
    return call.rooms.store.state.segment(
        call.path["project"], call.path["environment"], call.path["segment"]
    )


def _collection(call: Call, segment: Segment, *, users: bool) -> ExpiringMembersRep:
    project, environment = call.path["project"], call.path["environment"]
    name = "expiring-user-targets" if users else "expiring-targets"
    place: SegmentPlaceRep = {
        "kind": "segment",
        "key": segment.key,
        "environmentKey": environment,
        "projectKey": project,
    }
    shown = [one for one in segment.expiring if not users or one.context_kind == USER]
    return {
        "items": [_rep(member, place) for member in shown],
        "_links": {"self": link("segments", project, segment.key, name, environment)},
    }


def _rep(member: ExpiringMember, place: SegmentPlaceRep) -> ExpiringMemberRep:
    body: ExpiringMemberRep = {
        "_id": member.id,
        "_version": member.version,
        "expirationDate": member.expiration_date,
        "contextKind": member.context_kind,
        "contextKey": member.context_key,
        "targetType": member.target_type,
        "_resourceId": place,
    }
    if member.context_kind == USER:
        body["userKey"] = member.context_key
    return body


TARGETS = "/api/v2/segments/{project}/{segment}/expiring-targets/{environment}"
USERS = "/api/v2/segments/{project}/{segment}/expiring-user-targets/{environment}"

OPERATIONS = (
    Operation("GET", TARGETS, "reader", get_expiring_members, answer=ExpiringMembersRep),
    Operation("PATCH", TARGETS, "writer", patch_expiring_members, body=ExpiryBody, answer=MemberExpiryRep),
    Operation("GET", USERS, "reader", get_expiring_user_members, answer=ExpiringMembersRep),
    Operation("PATCH", USERS, "writer", patch_expiring_user_members, body=ExpiryBody, answer=MemberExpiryRep),
)
