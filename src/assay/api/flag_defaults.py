"""What holds for a project's new flags where the request is silent: /api/v2/projects/{project}/flag-defaults."""

from typing import Any, Required, TypedDict

import msgspec
from msgspec.structs import replace

from assay.api.call import Answer, Call, Operation
from assay.api.links import link
from assay.api.patching import converted, only_json, parse_patch, patched
from assay.errors import InvalidRequest
from assay.flags.model import ClientSideAvailability
from assay.store.records import BooleanDefaults, FlagDefaults
from assay.store.transaction import Transaction


class AvailabilityRep(TypedDict):
    usingMobileKey: bool
    usingEnvironmentId: bool


class BooleanDefaultsRep(TypedDict):
    trueDisplayName: str
    falseDisplayName: str
    trueDescription: str
    falseDescription: str
    onVariation: int
    offVariation: int


class FlagDefaultsRep(TypedDict, total=False):
    _links: Required[dict[str, dict[str, str]]]
    key: Required[str]
    tags: Required[list[str]]
    temporary: Required[bool]
    defaultClientSideAvailability: Required[AvailabilityRep]
    booleanDefaults: Required[BooleanDefaultsRep]


class FlagDefaultsBody(msgspec.Struct, frozen=True, rename="camel"):
    """All of them, which is what a PUT needs."""

    tags: tuple[str, ...]
    temporary: bool
    default_client_side_availability: ClientSideAvailability
    boolean_defaults: BooleanDefaults


def get_flag_defaults(call: Call) -> Answer:
    project = call.rooms.store.state.project(call.path["project"])
    return Answer(body=_rep(project.key, project.flag_defaults))


def put_flag_defaults(call: Call) -> Answer:
    """Replaces them all."""
    body = converted(call.object(), FlagDefaultsBody)
    defaults = FlagDefaults(
        tags=body.tags,
        temporary=body.temporary,
        default_client_side_availability=body.default_client_side_availability,
        boolean_defaults=body.boolean_defaults,
    )
    with call.rooms.store.writing(call.actor) as transaction:
        return Answer(body=_put(transaction, call.path["project"], defaults))


def patch_flag_defaults(call: Call) -> Answer:
    patch, key = only_json(parse_patch(call.body)), call.path["project"]
    with call.rooms.store.writing(call.actor, patch.comment) as transaction:
        before = transaction.state.project(key).flag_defaults
        document: dict[str, Any] = {**_rep(key, before)}
        return Answer(body=_put(transaction, key, converted(patched(document, patch), FlagDefaults)))


def _put(transaction: Transaction, key: str, defaults: FlagDefaults) -> FlagDefaultsRep:
    chosen = {defaults.boolean_defaults.on_variation, defaults.boolean_defaults.off_variation}
    if not chosen <= {0, 1}:
        raise InvalidRequest("booleanDefaults: onVariation and offVariation are 0 (true) or 1 (false)")
    project = replace(transaction.state.project(key), flag_defaults=defaults)
    transaction.put(("project", "", key), project, "updateFlagDefaults")
    return _rep(key, defaults)


def _rep(project: str, defaults: FlagDefaults) -> FlagDefaultsRep:
    return {
        "_links": {
            "self": link("projects", project, "flag-defaults"),
            "parent": link("projects", project),
        },
        "key": project,
        "tags": list(defaults.tags),
        "temporary": defaults.temporary,
        "defaultClientSideAvailability": msgspec.to_builtins(defaults.default_client_side_availability),
        "booleanDefaults": msgspec.to_builtins(defaults.boolean_defaults),
    }


PLACE = "/api/v2/projects/{project}/flag-defaults"

OPERATIONS = (
    Operation("GET", PLACE, "reader", get_flag_defaults, answer=FlagDefaultsRep),
    Operation("PUT", PLACE, "writer", put_flag_defaults, body=FlagDefaultsBody, answer=FlagDefaultsRep),
    Operation("PATCH", PLACE, "writer", patch_flag_defaults, answer=FlagDefaultsRep),
)
