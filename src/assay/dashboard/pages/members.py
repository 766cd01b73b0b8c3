"""Members: who may sign in with a password, and what they may do; and one's own password."""

from dataclasses import dataclass
from typing import Any

from assay.access.members import set_password, verify_password
from assay.access.rights import member_grant, require_cover
from assay.access.tokens import actor_of
from assay.api import members
from assay.dashboard.forms import Form
from assay.dashboard.perform import check, may, perform
from assay.dashboard.visit import Page, SeeOther, Shown, View, Visit
from assay.errors import AssayError, InvalidRequest, NotFound, Unauthorized
from assay.store.records import Member

BUILT_IN = {
    "no_access": "No access",
    "reader": "Reader",
    "writer": "Writer",
    "admin": "Admin",
    "owner": "Owner",
}
HOME = "/settings/members"


@dataclass(frozen=True, slots=True)
class MemberRow:
    id: str
    email: str
    name: str
    role: str
    password: bool
    own: bool
    created_ms: int


@dataclass(frozen=True, slots=True)
class MembersPage:
    rows: tuple[MemberRow, ...]
    roles: tuple[tuple[str, str], ...]
    email: str
    name: str
    role: str
    may_change: bool
    own: bool


def list_members(visit: Visit) -> Shown:
    check(visit, members.list_members)
    return _page(visit)


def change_members(visit: Visit) -> Shown:
    form, (step, _, identifier) = visit.form, visit.form.text("do").partition(".")
    try:
        if step == "own-password":
            return _own_password(visit)
        if step == "delete":
            perform(visit, members.delete_member, member=identifier)
            return SeeOther(HOME, "The member is gone, with their sessions and tokens.")
        if step == "role":
            patch = _role_patch(form.within(identifier).text("role"))
            perform(visit, members.patch_member, {"patch": patch}, member=identifier)
            return SeeOther(HOME, "Saved.")
        if step == "password":
            return _password(visit, identifier)
        perform(visit, members.create_members, [_body(form)])
    except AssayError as error:
        return _page(visit, error)
    return SeeOther(HOME, f"{form.text('email')} may sign in now.")


def _body(form: Form) -> dict[str, Any]:
    first, _, last = form.text("name").partition(" ")
    role = form.text("role", "reader")
    body: dict[str, Any] = {"email": form.text("email"), "firstName": first, "lastName": last.strip()}
    body |= {"role": role} if role in BUILT_IN else {"role": "no_access", "customRoles": [role]}
    return body | ({"password": form.raw("password")} if form.raw("password") else {})


def _role_patch(role: str) -> list[dict[str, Any]]:
    built_in = role in BUILT_IN
    return [
        {"op": "replace", "path": "/role", "value": role if built_in else "no_access"},
        {"op": "replace", "path": "/customRoles", "value": [] if built_in else [role]},
    ]


def _password(visit: Visit, identifier: str) -> Shown:
    """Another's: whoever may change them may let them in with a new one."""
    check(visit, members.patch_member, member=identifier)
    member: Member | None = visit.state.find(("member", "", identifier))
    if member is None:
        raise NotFound("There is no such member any more")
    require_cover(visit.state, visit.token, member_grant(visit.state, member))
    _set(visit, identifier, visit.form.within(identifier).raw("password"))
    return SeeOther(HOME, f"{member.email} has a new password; their sessions are over.")


def _own_password(visit: Visit) -> Shown:
    member, form = visit.session.member, visit.form
    if member is None:
        raise InvalidRequest("you signed in with a token, which has no password")
    if verify_password(visit.rooms.store, member.email, form.raw("current")) is None:
        raise Unauthorized("this is not your current password")
    _set(visit, member.id, form.raw("password"))
    return SeeOther("/sign-in", "")


def _set(visit: Visit, identifier: str, password: str) -> None:
    set_password(visit.rooms.store, identifier, password, actor=actor_of(visit.token))


def _page(visit: Visit, error: AssayError | None = None) -> Shown:
    form = visit.form
    page = MembersPage(
        rows=tuple(_row(visit, member) for member in visit.state.all("member").values()),
        roles=(*BUILT_IN.items(), *((role.id, role.name) for role in visit.state.all("role").values())),
        email=form.text("email"),
        name=form.text("name"),
        role=form.text("role", "reader"),
        may_change=may(visit, members.create_members),
        own=visit.session.member is not None,
    )
    status, text = (error.status, str(error)) if error else (200, "")
    return Page("members.html", "Members", page, status, text[:1].upper() + text[1:])


def _row(visit: Visit, member: Member) -> MemberRow:
    own = visit.session.member
    return MemberRow(
        id=member.id,
        email=member.email,
        name=f"{member.first_name} {member.last_name}".strip(),
        role=member.custom_roles[0] if member.custom_roles else member.role,
        password=bool(member.password_digest),
        own=own is not None and own.id == member.id,
        created_ms=member.creation_date,
    )


VIEWS = (
    View("GET", HOME, list_members, "members"),
    View("POST", HOME, change_members, "members"),
)
