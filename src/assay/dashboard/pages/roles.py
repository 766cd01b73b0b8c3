"""Custom roles: what their policies allow, as JSON."""

import json
from dataclasses import dataclass

import msgspec

from assay.api import roles
from assay.dashboard.forms import parsed_json
from assay.dashboard.pages.flags import key_of_name
from assay.dashboard.perform import check, may, perform
from assay.dashboard.visit import Page, SeeOther, Shown, View, Visit
from assay.errors import AssayError
from assay.store.records import Role

HOME = "/settings/roles"
EXAMPLE = """[
  {"effect": "allow", "resources": ["proj/*:env/*:flag/*"], "actions": ["*"]},
  {"effect": "deny", "resources": ["proj/*:env/production:flag/*"], "actions": ["updateOn"]}
]"""


@dataclass(frozen=True, slots=True)
class RoleRow:
    key: str
    name: str
    description: str
    policy: str
    reads: bool
    held_by: int


@dataclass(frozen=True, slots=True)
class RolesPage:
    """`typed`: a refused form's key, and its policy."""

    rows: tuple[RoleRow, ...]
    typed: str
    name: str
    policy: str
    reads: bool
    may_change: bool


def list_roles(visit: Visit) -> Shown:
    check(visit, roles.list_roles)
    return _page(visit)


def change_roles(visit: Visit) -> Shown:
    form, (step, _, key) = visit.form, visit.form.text("do").partition(".")
    try:
        if step == "delete":
            perform(visit, roles.delete_role, role=key)
            return SeeOther(HOME, "The role is gone.")
        body = {
            "name": form.text("name"),
            "policy": parsed_json(form.raw("policy"), "the policy"),
            "basePermissions": "reader" if form.ticked("reads") else "no_access",
        }
        if step == "save":
            patch = [{"op": "add", "path": f"/{name}", "value": value} for name, value in body.items()]
            perform(visit, roles.patch_role, {"patch": patch}, role=key)
            return SeeOther(HOME, "Saved. Whoever has the role has it as it is now.")
        perform(visit, roles.create_role, {"key": key_of_name(form.text("name")), **body})
    except AssayError as error:
        return _page(visit, error)
    return SeeOther(HOME, f"The role {form.text('name')} is made.")


def _page(visit: Visit, error: AssayError | None = None) -> Shown:
    form = visit.form
    page = RolesPage(
        rows=tuple(_row(visit, role) for role in visit.state.all("role").values()),
        typed=form.text("do").partition(".")[2] if error else "",
        name=form.text("name") if error else "",
        policy=form.raw("policy") if error else EXAMPLE,
        reads=form.ticked("reads") if error else True,
        may_change=may(visit, roles.create_role),
    )
    status, text = (error.status, str(error)) if error else (200, "")
    return Page("roles.html", "Roles", page, status, text[:1].upper() + text[1:])


def _row(visit: Visit, role: Role) -> RoleRow:
    statements = [
        {name: value for name, value in statement.items() if value}
        for statement in msgspec.to_builtins(role.policy)
    ]
    holders = [one for one in visit.state.all("member").values() if role.id in one.custom_roles]
    holding = [one for one in visit.state.all("token").values() if role.id in one.custom_role_ids]
    return RoleRow(
        key=role.key,
        name=role.name,
        description=role.description,
        policy=json.dumps(statements, indent=2, ensure_ascii=False),
        reads=role.base_permissions == "reader",
        held_by=len(holders) + len(holding),
    )


VIEWS = (View("GET", HOME, list_roles, "roles"), View("POST", HOME, change_roles, "roles"))
