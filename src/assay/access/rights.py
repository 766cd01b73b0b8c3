"""What an access token may do: its own grant, and that of the member whose token it is; both must permit."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from assay.access.policies import ANYTHING, RANKS, Grant, Resource, Step, covers, parse_resource, permits
from assay.errors import Forbidden, InvalidRequest
from assay.store.records import Member, Statement, Token
from assay.store.state import State

NO_ROLE = "no_access"
OWNER = Grant("owner")


def grants_of(state: State, token: Token) -> tuple[Grant, ...]:
    """Each of these must permit what the token asks for."""
    own = own_grant(state, token)
    if token.service_token or not token.member_id:
        return (own,)
    return own, member_grant(state, state.find(("member", "", token.member_id)))


def own_grant(state: State, token: Token) -> Grant:
    """What the token itself was given. An owner's own admin token is the owner's: no token has that role by name."""
    member = state.find(("member", "", token.member_id))
    theirs = token.role == "admin" and not token.service_token and member_grant(state, member) == OWNER
    return OWNER if theirs else grant_of(state, token.role, token.custom_role_ids, token.inline_role)


def member_grant(state: State, member: Member | None) -> Grant:
    """What a member may do: nothing, once there is none."""
    return Grant() if member is None else grant_of(state, member.role, member.custom_roles)


def grant_of(
    state: State, role: str, custom_roles: tuple[str, ...], statements: tuple[Statement, ...] = ()
) -> Grant:
    """A built-in role, or else what custom roles (by id) and statements say together; the statements of all of
    them count as one policy. Where a custom role counts, a built-in one beside it doesn't.
    """
    if not custom_roles and not statements:
        return Grant(role or NO_ROLE)
    found = [held for held in state.all("role").values() if held.id in custom_roles]
    rank = max((held.base_permissions for held in found), key=RANKS.index, default=NO_ROLE)
    return Grant(rank, (*statements, *(statement for held in found for statement in held.policy)))


def may(state: State, token: Token, role: str, action: str, resource: Resource) -> bool:
    """Whether the token permits an action that takes `role` of those who have a built-in one."""
    tagged = with_tags(state, resource)
    return all(permits(grant, role, action, tagged) for grant in grants_of(state, token))


def require_right(state: State, token: Token, role: str, action: str, resource: Resource) -> None:
    """Raises `Forbidden` where the token doesn't permit the action."""
    if may(state, token, role, action, resource):
        return
    ranked = all(not grant.statements for grant in grants_of(state, token))
    if ranked:
        raise Forbidden(f"This needs the role {role}")
    raise Forbidden(
        "The policy doesn't allow this" if action == ANYTHING else f"The policy doesn't allow {action}"
    )


def require_cover(state: State, token: Token, *wanted: Grant) -> None:
    """Raises `Forbidden` where any of the grants surely goes beyond what the token has, or can't be shown not to."""
    own = grants_of(state, token)
    if not all(covers(grant, one) for grant in own for one in wanted):
        raise Forbidden("Nobody can give, take or use rights beyond their own")


def custom_role_ids(state: State, given: Iterable[str]) -> tuple[str, ...]:
    """The ids of custom roles named by key or id; `InvalidRequest` where there is no such role."""
    roles = state.all("role").values()
    found = []
    for name in dict.fromkeys(given):
        role = next((held for held in roles if name in (held.id, held.key)), None)
        if role is None:
            raise InvalidRequest(f"there is no custom role {name[:80]!r}")
        found.append(role.id)
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=1024)
def template(text: str) -> tuple[Step, ...]:
    """The steps of a resource with parameters in braces."""
    return parse_resource(text)


def filled(text: str, path: Mapping[str, str]) -> Resource:
    """The resource that a template names for these path parameters; whatever they hold, a step stays one step."""
    return tuple(
        Step(step.kind, path.get(step.name[1:-1], "") if step.name.startswith("{") else step.name)
        for step in template(text)
    )


def with_tags(state: State, resource: Resource) -> Resource:
    """The resource with the tags that each step has now."""
    project = resource[0].name if resource[0].kind == "proj" else ""
    environment = resource[1].name if len(resource) > 1 and resource[1].kind == "env" else ""
    return tuple(Step(step.kind, step.name, _tags(state, project, environment, step)) for step in resource)


def _tags(state: State, project: str, environment: str, step: Step) -> frozenset[str]:
    found = state.find(("project", "", project)) if project else None
    if step.kind == "env":
        found = found and found.environment(step.name)
    elif step.kind != "proj":
        places = (
            (project, step.name),
            (project, f"{environment}/{step.name}"),
            (f"{project}/{environment}", step.name),
        )
        kind = step.kind.replace("-", "_")
        found = next((one for place in places if (one := state.find((kind, *place)))), None)
    return frozenset(getattr(found, "tags", ()))
