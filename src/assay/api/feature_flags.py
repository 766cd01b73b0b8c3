"""Flags: /api/v2/flags."""

from msgspec.structs import replace

from assay.api.call import Answer, Call, Operation
from assay.api.flag_creation import FlagBody, cloned_flag, new_flag
from assay.api.flag_edits import check_edit, edited, put_edit
from assay.api.flag_experiments import detached
from assay.api.flag_listing import LISTED_BY, list_flags, shown
from assay.api.flag_rights import require_change
from assay.api.patching import JsonPatch, MergePatch, SemanticPatch, converted, parse_patch
from assay.api.representations.flags import FlagRep, FlagsRep, flag_rep
from assay.errors import InvalidRequest
from assay.experiments.flag_scoped import FlagExperiments
from assay.flags.instructions import deletes_flag
from assay.flags.prerequisites import check_prerequisites, require_no_dependents
from assay.flags.validation import check_flag, require_key
from assay.store.records import Token
from assay.store.store import require_absent
from assay.store.transaction import Transaction


def get_flag(call: Call) -> Answer:
    state, project = call.rooms.store.state, call.path["project"]
    flag = state.flag(project, call.path["flag"])
    return Answer(body=flag_rep(state, project, flag, shown(call)))


def create_flag(call: Call) -> Answer:
    """A new flag, or with `clone` one that begins as another is."""
    project, source = call.path["project"], call.query.get("clone")
    key = require_key(call.object().get("key"), "A flag's")
    body = _maintained(converted(call.body, FlagBody), call.token)
    with call.rooms.store.writing(call.actor) as transaction:
        state, now_ms = transaction.state, transaction.now_ms
        home, flags = state.project(project), state.all("flag", project)
        require_absent(state, ("flag", project, key))
        if source:
            flag = cloned_flag(body, state.flag(project, source), now_ms=now_ms)
        else:
            flag = new_flag(body, home, flags, now_ms=now_ms)
        check_flag(flag)
        check_prerequisites(flag, flags)
        flag = transaction.put_flag(project, flag, FlagExperiments(), "createFlag")
    return Answer(201, flag_rep(transaction.state, project, flag, shown(call)))


def patch_flag(call: Call) -> Answer:
    """Changes a flag; with `dryRun` it only shows what would become of it."""
    patch = parse_patch(call.body)
    if isinstance(patch, SemanticPatch) and deletes_flag(patch.instructions):
        return _delete_by_patch(call)
    if _is_dry_run(call):
        return Answer(body=_apply(call, call.rooms.store.preview(), patch))
    with call.rooms.store.writing(call.actor, patch.comment) as transaction:
        body = _apply(call, transaction, patch)
    return Answer(body=body)


def delete_flag(call: Call) -> Answer:
    with call.rooms.store.writing(call.actor) as transaction:
        _delete(call, transaction)
    return Answer(204)


def _apply(call: Call, transaction: Transaction, patch: JsonPatch | MergePatch | SemanticPatch) -> FlagRep:
    project = call.path["project"]
    before = transaction.state.flag(project, call.path["flag"])
    experiments = transaction.state.experiments(project, before.key)
    after, running = edited(transaction, project, before, patch)
    require_change(call, project, before, after, (experiments, running))
    check_edit(transaction.state, project, before, after, patch.comment)
    for place, target in detached(transaction.state, project, before.key, experiments, running):
        transaction.reset(place, call.rooms.log.stamp(), target)
    after = put_edit(transaction, project, before, after, running)
    return flag_rep(transaction.state, project, after, shown(call))


def _delete_by_patch(call: Call) -> Answer:
    """Answers with the flag as it was last."""
    body = get_flag(call).body
    if not _is_dry_run(call):
        delete_flag(call)
    return Answer(body=body)


def _delete(call: Call, transaction: Transaction) -> None:
    project, key = call.path["project"], call.path["flag"]
    call.require("deleteFlag", f"proj/{project}:env/*:flag/{transaction.state.flag(project, key).key}")
    require_no_dependents(key, transaction.state.all("flag", project))
    experiments = transaction.state.experiments(project, key)
    for place, target in detached(transaction.state, project, key, experiments, FlagExperiments()):
        transaction.reset(place, call.rooms.log.stamp(), target)
    transaction.delete_flag(project, key)


def _maintained(body: FlagBody, token: Token) -> FlagBody:
    """Who makes a flag maintains it, unless the request says who does; a service token is nobody."""
    if token.service_token or not token.member_id or body.maintainer_id or body.maintainer_team_key:
        return body
    return replace(body, maintainer_id=token.member_id)


def _is_dry_run(call: Call) -> bool:
    asked = call.query.get("dryRun", "false").lower()
    if asked not in ("true", "false"):
        raise InvalidRequest(f"dryRun is true or false, not {asked[:40]!r}")
    return asked == "true"


FLAGS = "/api/v2/flags/{project}"
FLAG = FLAGS + "/{flag}"

OPERATIONS = (
    Operation("GET", FLAGS, "reader", list_flags, answer=FlagsRep, query=LISTED_BY),
    Operation(
        "POST", FLAGS, "writer", create_flag, status=201, body=FlagBody, answer=FlagRep, query=("clone",)
    ),
    Operation("GET", FLAG, "reader", get_flag, answer=FlagRep, query=("env", "expand")),
    Operation(
        "PATCH", FLAG, "writer", patch_flag, answer=FlagRep, query=("dryRun", "ignoreConflicts"), action="*"
    ),
    Operation("DELETE", FLAG, "writer", delete_flag, status=204),
)
