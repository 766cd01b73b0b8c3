"""Members: /api/v2/members. Nobody can make somebody more than they are themselves."""

import re
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import msgspec
from msgspec.structs import replace

from assay.access.members import member_by_email, new_member, password_digest
from assay.access.rights import custom_role_ids, member_grant, require_cover
from assay.api.call import ANY_TOKEN, Answer, Call, Operation
from assay.api.filters import known_filters, sorted_by
from assay.api.links import listing
from assay.api.paging import paged
from assay.api.patching import converted, only_json, parse_patch, patched
from assay.api.representations.members import MemberRep, MembersRep, member_rep
from assay.api.tokens import require_an_admin
from assay.errors import Conflict, InvalidRequest, NotFound
from assay.store.records import Member
from assay.store.state import State
from assay.store.transaction import Transaction

# An at with something on either side; whether mail arrives there is nobody's business here.
EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]{1,128}@[^\s@\x00-\x1f\x7f]{1,128}")
LONGEST_NAME = 200
MOST_INVITED = 50
FILTERS = ("query", "role", "id", "email")
SORTS: dict[str, Callable[[Member], Any]] = {
    "email": lambda member: member.email,
    "displayName": lambda member: (member.first_name, member.last_name, member.email),
}

BuiltInRole = Literal["no_access", "reader", "writer", "admin", "owner"]


class MemberPost(msgspec.Struct, frozen=True, rename="camel"):
    """A new member: a built-in role or custom roles (their keys or ids), and perhaps a password.

    Without a role, or with an empty one, a member is a reader.
    """

    email: str
    password: str | None = None
    first_name: str = ""
    last_name: str = ""
    role: BuiltInRole | Literal[""] = "reader"
    custom_roles: tuple[str, ...] = ()


class MemberEdit(msgspec.Struct, frozen=True, rename="camel"):
    """What a patch may change."""

    email: str
    role: BuiltInRole
    first_name: str = ""
    last_name: str = ""
    custom_roles: tuple[str, ...] = ()


T = TypeVar("T", MemberPost, MemberEdit)


def list_members(call: Call) -> Answer:
    members = [member for member in call.rooms.store.state.all("member").values() if _wanted(call, member)]
    page = paged(call, sorted_by(call, members, SORTS), "members", default=20)
    return Answer(body=page | {"items": [_rep(call, member) for member in page["items"]]})


def get_own_member(call: Call) -> Answer:
    """The member whose token this is; a service token is nobody's."""
    if call.token.service_token or not call.token.member_id:
        raise NotFound("This access token belongs to no member")
    return Answer(body=_rep(call, _found(call.rooms.store.state, call.token.member_id)))


def get_member(call: Call) -> Answer:
    return Answer(body=_rep(call, _found(call.rooms.store.state, call.path["member"])))


def create_members(call: Call) -> Answer:
    """Makes members, all of them or none. Nothing is sent: whoever has no password gets one from an admin."""
    asked = [_checked(post) for post in converted(call.body, list[MemberPost])]
    if not 0 < len(asked) <= MOST_INVITED:
        raise InvalidRequest(f"the body is a list of 1 to {MOST_INVITED} members")
    digests = [password_digest(post.password) if post.password is not None else "" for post in asked]
    made = []
    with call.rooms.store.writing(call.actor) as transaction:
        for post, digest in zip(asked, digests, strict=True):
            _require_unused(transaction.state, post.email)
            member = replace(
                new_member(post.email, post.role or "reader", transaction.now_ms),
                first_name=post.first_name,
                last_name=post.last_name,
                custom_roles=custom_role_ids(transaction.state, post.custom_roles),
                password_digest=digest,
                verified=bool(digest),
            )
            require_cover(transaction.state, call.token, member_grant(transaction.state, member))
            transaction.put(("member", "", member.id), member, "createMember")
            made.append(member)
    return Answer(201, listing([_rep(call, member) for member in made], len(made), "members"))


def patch_member(call: Call) -> Answer:
    """Changes an address, a name, a role or custom roles. A password is no field of it."""
    patch = only_json(parse_patch(call.body))
    with call.rooms.store.writing(call.actor, patch.comment) as transaction:
        member = _found(transaction.state, call.path["member"])
        document = patched(_document(member), patch)
        asked = _checked(converted(document, MemberEdit))
        if asked.email.casefold() != member.email.casefold():
            _require_unused(transaction.state, asked.email)
        changed = replace(
            member,
            email=asked.email,
            role=asked.role,
            first_name=asked.first_name,
            last_name=asked.last_name,
            custom_roles=custom_role_ids(transaction.state, asked.custom_roles),
        )
        if changed != member:
            changed = replace(changed, version=member.version + 1)
        grants = [member_grant(transaction.state, one) for one in (member, changed)]
        require_cover(transaction.state, call.token, *grants)
        transaction.put(("member", "", member.id), changed, "updateMember")
        _require_an_owner(transaction)
    return Answer(body=_rep(call, changed))


def delete_member(call: Call) -> Answer:
    """Takes a member away, and with them their own access tokens and sessions; service tokens stay."""
    with call.rooms.store.writing(call.actor) as transaction:
        member = _found(transaction.state, call.path["member"])
        require_cover(transaction.state, call.token, member_grant(transaction.state, member))
        for token in list(transaction.state.all("token").values()):
            if token.member_id == member.id and not token.service_token:
                transaction.put(("token", "", token.id), None, "deleteAccessToken")
        transaction.put(("member", "", member.id), None, "deleteMember")
        _require_an_owner(transaction)
        require_an_admin(transaction)
    return Answer(204)


def _wanted(call: Call, member: Member) -> bool:
    filters = known_filters(call.query.get("filter"), FILTERS)
    words = " ".join((member.email, member.first_name, member.last_name)).casefold()
    tests = {
        "query": lambda value: value.casefold() in words,
        "role": lambda value: member.role in value.split("|"),
        "id": lambda value: member.id in value.split("|"),
        "email": lambda value: member.email.casefold() in value.casefold().split("|"),
    }
    return all(tests[name](value) for name, value in filters.items())


def _checked(asked: T) -> T:
    if not EMAIL.fullmatch(asked.email):
        raise InvalidRequest(f"{asked.email[:80]!r} is no email address")
    if max(len(asked.first_name), len(asked.last_name)) > LONGEST_NAME:
        raise InvalidRequest(f"names have at most {LONGEST_NAME} characters")
    return asked


def _found(state: State, member_id: str) -> Member:
    member: Member | None = state.find(("member", "", member_id))
    if member is None:
        raise NotFound(f"Unknown member id {member_id!r}")
    return member


def _require_unused(state: State, email: str) -> None:
    if member_by_email(state, email) is not None:
        raise Conflict(f"A member with the address {email!r} exists already")


def _require_an_owner(transaction: Transaction) -> None:
    members = transaction.state.all("member").values()
    if not any(member.role == "owner" and not member.custom_roles for member in members):
        raise Conflict("this is the last owner, and has to stay one")


def _document(member: Member) -> dict[str, Any]:
    return {
        "email": member.email,
        "firstName": member.first_name,
        "lastName": member.last_name,
        "role": member.role,
        "customRoles": list(member.custom_roles),
    }


def _rep(call: Call, member: Member) -> MemberRep:
    return member_rep(member, call.rooms.last_uses.of(f"member/{member.id}"))


MEMBERS = "/api/v2/members"
MEMBER = f"{MEMBERS}/{{member}}"
LISTED_BY = ("limit", "offset", "filter", "sort", "expand")

OPERATIONS = (
    Operation("GET", MEMBERS, "reader", list_members, answer=MembersRep, query=LISTED_BY),
    Operation("POST", MEMBERS, "admin", create_members, status=201, body=list[MemberPost], answer=MembersRep),
    # Before the path that would take "me" for an id.
    Operation("GET", f"{MEMBERS}/me", ANY_TOKEN, get_own_member, answer=MemberRep),
    Operation("GET", MEMBER, "reader", get_member, answer=MemberRep),
    Operation("PATCH", MEMBER, "admin", patch_member, answer=MemberRep),
    Operation("DELETE", MEMBER, "admin", delete_member, status=204),
)
