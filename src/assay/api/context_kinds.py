"""Context kinds: /api/v2/projects/{project}/context-kinds. `user` exists by default, others once they are seen."""

import msgspec

from assay.api.call import Answer, Call, Operation
from assay.api.filters import expanded
from assay.api.links import link
from assay.api.patching import converted
from assay.api.representations.contexts import ContextKindsRep, UpsertRep, kind_rep
from assay.errors import InvalidRequest, OptimisticLock
from assay.flags.context import USER
from assay.flags.segment import check_kind
from assay.store.records import ContextKind, Project
from assay.warehouse.queries.contexts import seen_kinds

OBSERVATIONS = "environmentObservations"


class ContextKindBody(msgspec.Struct, rename="camel"):
    """What to know of a kind; `hideInTargeting` is another name for `archived`."""

    name: str
    description: str | None = None
    hide_in_targeting: bool | None = None
    archived: bool | None = None
    version: int | None = None


def list_context_kinds(call: Call) -> Answer:
    state, key = call.rooms.store.state, call.path["project"]
    project = state.project(key)
    observed = _observed(call, project)
    known: dict[str, ContextKind] = {USER: ContextKind(USER, USER, created_from="default")}
    for kind, when in observed.items():
        known.setdefault(
            kind, ContextKind(kind, kind, created_from="auto-add", creation_date=min(when.values()))
        )
    known |= state.all("contextKind", key)
    wide = OBSERVATIONS in expanded(call)
    items = [kind_rep(key, kind, observed.get(kind.key, {}), expanded=wide) for kind in known.values()]
    return Answer(body={"items": items, "_links": {"self": link("projects", key, "context-kinds")}})


def put_context_kind(call: Call) -> Answer:
    """Makes a kind or changes it; `version`, where it is given, must not be behind."""
    project, key = call.path["project"], call.path["kind"]
    body = converted(call.object(), ContextKindBody)
    check_kind(key)
    if not body.name:
        raise InvalidRequest("a context kind's name is not empty")
    with call.rooms.store.writing(call.actor) as transaction:
        transaction.state.project(project)
        address = ("contextKind", project, key)
        before: ContextKind | None = transaction.state.find(address)
        if before is not None and body.version is not None and body.version < before.version:
            raise OptimisticLock(f"the context kind has version {before.version} by now")
        old = before or ContextKind(key, body.name, version=(body.version or 1) - 1)
        archived = body.hide_in_targeting if body.archived is None else body.archived
        changed = ContextKind(
            key,
            body.name,
            description=old.description if body.description is None else body.description,
            version=old.version + 1,
            creation_date=old.creation_date or transaction.now_ms,
            last_modified=transaction.now_ms,
            archived=old.archived if archived is None else archived,
            created_from="api",
        )
        transaction.put(address, changed, "updateContextKind" if before else "createContextKind")
    place = {"parent": link("projects", project, "context-kinds")}
    return Answer(body={"status": "success", "_links": place})


def _observed(call: Call, project: Project) -> dict[str, dict[str, int]]:
    """When each kind was last seen, by environment's key."""
    keys = {environment.id: environment.key for environment in project.environments}
    call.rooms.await_events()
    found: dict[str, dict[str, int]] = {}
    for environment, kind, last_seen_ms in call.rooms.engine.rows(seen_kinds(list(keys))):
        found.setdefault(kind, {})[keys[environment]] = last_seen_ms
    return found


KINDS = "/api/v2/projects/{project}/context-kinds"

OPERATIONS = (
    Operation("GET", KINDS, "reader", list_context_kinds, answer=ContextKindsRep, query=("expand",)),
    Operation("PUT", KINDS + "/{kind}", "writer", put_context_kind, body=ContextKindBody, answer=UpsertRep),
)
