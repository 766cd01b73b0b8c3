"""Members as clients read them; of a password only that there is one."""

from typing import Any, Required, TypedDict

from assay.api.links import link
from assay.store.records import Member


class MemberSummary(TypedDict, total=False):
    """A member in few words, inside of what belongs to them."""

    _links: Required[dict[str, Any]]
    _id: Required[str]
    firstName: str
    lastName: str
    role: Required[str]
    email: Required[str]


class MemberRep(TypedDict, total=False):
    """A member."""

    _links: Required[dict[str, Any]]
    _id: Required[str]
    role: Required[str]
    email: Required[str]
    firstName: str
    lastName: str
    _pendingInvite: Required[bool]
    _verified: Required[bool]
    customRoles: Required[list[str]]
    mfa: Required[str]
    _lastSeen: Required[int]
    creationDate: Required[int]
    hasPassword: Required[bool]
    version: Required[int]


class MembersRep(TypedDict):
    """A page of members."""

    items: list[MemberRep]
    totalCount: int
    _links: dict[str, Any]


def member_summary(member: Member) -> MemberSummary:
    body: MemberSummary = {
        "_links": {"self": link("members", member.id)},
        "_id": member.id,
        "role": member.role,
        "email": member.email,
    }
    if member.first_name:
        body["firstName"] = member.first_name
    if member.last_name:
        body["lastName"] = member.last_name
    return body


def member_rep(member: Member, last_seen: int) -> MemberRep:
    """A member; `last_seen` is epoch ms, 0 for not since the server's start."""
    return {
        **member_summary(member),
        "_links": {"self": link("members", member.id), "parent": link("members")},
        "_pendingInvite": not member.password_digest,
        "_verified": member.verified,
        "customRoles": list(member.custom_roles),
        "mfa": "disabled",
        "_lastSeen": last_seen,
        "creationDate": member.creation_date,
        "hasPassword": bool(member.password_digest),
        "version": member.version,
    }
