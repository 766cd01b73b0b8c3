"""Custom roles: /api/v2/roles. Nobody can make a role, or change one, to allow more than they may themselves."""

import secrets
from typing import Literal

import msgspec
from msgspec.structs import replace

from assay.access.policies import check_statements
from assay.access.rights import grant_of, require_cover
from assay.api.call import Answer, Call, Operation
from assay.api.paging import paged
from assay.api.patching import converted, only_json, parse_patch, patched
from assay.api.representations.roles import RoleRep, RolesRep, role_rep
from assay.api.representations.tokens import statement_reps
from assay.errors import Conflict, InvalidRequest, NotFound
from assay.flags.validation import require_key
from assay.store.records import Member, Role, Statement, Token
from assay.store.state import State

LONGEST_TEXT = 1000


class RolePost(msgspec.Struct, frozen=True, rename="camel"):
    """A new custom role. Without `basePermissions` it may do only what its policy says."""

    key: str
    name: str
    policy: tuple[Statement, ...]
    description: str = ""
    base_permissions: Literal["reader", "no_access"] = "no_access"


def list_roles(call: Call) -> Answer:
    roles = list(call.rooms.store.state.all("role").values())
    page = paged(call, roles, "roles", default=20)
    return Answer(body=page | {"items": [_rep(call, role) for role in page["items"]]})


def get_role(call: Call) -> Answer:
    return Answer(body=_rep(call, _found(call.rooms.store.state, call.path["role"])))


def create_role(call: Call) -> Answer:
    asked = _checked(converted(call.object(), RolePost))
    with call.rooms.store.writing(call.actor) as transaction:
        if any(asked.key in (role.key, role.id) for role in transaction.state.all("role").values()):
            raise Conflict(f"A role with the key {asked.key!r} exists already")
        role = Role(secrets.token_hex(12), asked.key, asked.name, asked.policy)
        role = replace(
            role,
            description=asked.description,
            base_permissions=asked.base_permissions,
            creation_date=transaction.now_ms,
        )
        transaction.put(("role", "", role.key), role, "createRole")
        require_cover(transaction.state, call.token, grant_of(transaction.state, "", (role.id,)))
    return Answer(201, _rep(call, role))


def patch_role(call: Call) -> Answer:
    """Changes a role, and with it at once whoever has it."""
    patch = only_json(parse_patch(call.body))
    with call.rooms.store.writing(call.actor, patch.comment) as transaction:
        role = _found(transaction.state, call.path["role"])
        document = patched({**msgspec.to_builtins(role), "policy": statement_reps(role.policy)}, patch)
        if (document.get("key"), document.get("_id")) != (role.key, role.id):
            raise InvalidRequest("a role keeps its key")
        asked = _checked(converted(document, RolePost))
        changed = replace(
            role,
            name=asked.name,
            policy=asked.policy,
            description=asked.description,
            base_permissions=asked.base_permissions,
        )
        own = transaction.state
        transaction.put(("role", "", role.key), changed, "updateRole")
        # By the caller's rights as they were; of everybody's rights as they will be.
        grants = [grant_of(transaction.state, *held) for held in ((("", (role.id,))), *_held(own, role.id))]
        require_cover(own, call.token, *grants)
    return Answer(body=_rep(call, changed))


def delete_role(call: Call) -> Answer:
    """A role that somebody has stays: without it, a denial that it held would be gone."""
    with call.rooms.store.writing(call.actor) as transaction:
        role = _found(transaction.state, call.path["role"])
        if holders := _holders(transaction.state, role.id):
            raise Conflict(f"the role is still held by {len(holders)} members or access tokens")
        transaction.put(("role", "", role.key), None, "deleteRole")
    return Answer(204)


def _checked(asked: RolePost) -> RolePost:
    require_key(asked.key, "A role's")
    if not 0 < len(asked.name) <= LONGEST_TEXT or len(asked.description) > LONGEST_TEXT:
        raise InvalidRequest(
            f"a role has a name; it and the description have at most {LONGEST_TEXT} characters"
        )
    check_statements(asked.policy)
    return asked


def _found(state: State, name: str) -> Role:
    for role in state.all("role").values():
        if name in (role.key, role.id):
            found: Role = role
            return found
    raise NotFound(f"Unknown role key {name!r}")


def _holders(state: State, role_id: str) -> list[Token | Member]:
    tokens = [token for token in state.all("token").values() if role_id in token.custom_role_ids]
    return [*tokens, *_members(state, role_id)]


def _members(state: State, role_id: str) -> list[Member]:
    return [member for member in state.all("member").values() if role_id in member.custom_roles]


def _held(state: State, role_id: str) -> list[tuple[str, tuple[str, ...]]]:
    """The sets of roles that the role is held together with."""
    return [
        ("", holder.custom_role_ids if isinstance(holder, Token) else holder.custom_roles)
        for holder in _holders(state, role_id)
    ]


def _rep(call: Call, role: Role) -> RoleRep:
    return role_rep(role, len(_members(call.rooms.store.state, role.id)))


ROLES = "/api/v2/roles"
ROLE = f"{ROLES}/{{role}}"

OPERATIONS = (
    Operation("GET", ROLES, "admin", list_roles, answer=RolesRep, query=("limit", "offset")),
    Operation("POST", ROLES, "admin", create_role, status=201, body=RolePost, answer=RoleRep),
    Operation("GET", ROLE, "admin", get_role, answer=RoleRep),
    Operation("PATCH", ROLE, "admin", patch_role, answer=RoleRep),
    Operation("DELETE", ROLE, "admin", delete_role, status=204),
)
