"""Custom roles as clients read them."""

from typing import Any, Required, TypedDict

from assay.api.links import link
from assay.api.representations.tokens import StatementRep, statement_reps
from assay.store.records import Role


class AssignedTo(TypedDict):
    """How many have the role."""

    membersCount: int
    teamsCount: int


class RoleRep(TypedDict, total=False):
    """A custom role."""

    _id: Required[str]
    _links: Required[dict[str, Any]]
    key: Required[str]
    name: Required[str]
    description: str
    policy: Required[list[StatementRep]]
    basePermissions: Required[str]
    assignedTo: AssignedTo


class RolesRep(TypedDict):
    """A page of custom roles."""

    items: list[RoleRep]
    totalCount: int
    _links: dict[str, Any]


def role_rep(role: Role, members: int) -> RoleRep:
    """A role; `members`: how many have it."""
    return {
        "_id": role.id,
        "_links": {"self": link("roles", role.key), "parent": link("roles")},
        "key": role.key,
        "name": role.name,
        "description": role.description,
        "policy": statement_reps(role.policy),
        "basePermissions": role.base_permissions,
        "assignedTo": {"membersCount": members, "teamsCount": 0},
    }
