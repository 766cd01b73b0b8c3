"""Flags: /api/v2/flags."""

import secrets
import uuid
from typing import Any

from msgspec.structs import replace

from assay.api.call import Answer, Call, Operation
from assay.api.flag_experiments import detached, edited_experiments
from assay.api.links import listing, page_of
from assay.api.patching import JsonPatch, MergePatch, SemanticPatch, converted, parse_patch, patched
from assay.api.representations.flags import flag_rep
from assay.errors import InvalidRequest
from assay.experiments.flag_scoped import FlagExperiments
from assay.flags.instructions import apply_instructions
from assay.flags.model import Clause, Defaults, Fallthrough, Flag, FlagConfig, Rule, Variation
from assay.flags.validation import check_flag, require_key
from assay.store.records import Environment
from assay.store.store import require_absent
from assay.store.transaction import Transaction

OPTIONAL = (
    "description",
    "temporary",
    "tags",
    "customProperties",
    "includeInSnippet",
    "clientSideAvailability",
)


def list_flags(call: Call) -> Answer:
    state, project = call.rooms.store.state, call.path["project"]
    state.project(project)
    flags = [flag for flag in state.all("flag", project).values() if _listed(flag, call)]
    page = page_of(flags, call.whole_number("limit"), call.whole_number("offset"))
    items = [flag_rep(state, project, flag, _environments(call)) for flag in page]
    return Answer(body=listing(items, len(flags), "flags", project))


def get_flag(call: Call) -> Answer:
    state, project = call.rooms.store.state, call.path["project"]
    flag = state.flag(project, call.path["flag"])
    return Answer(body=flag_rep(state, project, flag, _environments(call)))


def create_flag(call: Call) -> Answer:
    body, project = call.object(), call.path["project"]
    key = require_key(body.get("key"), "A flag's")
    with call.rooms.store.writing(call.actor) as transaction:
        environments = transaction.state.project(project).environments
        require_absent(transaction.state, ("flag", project, key))
        flag = _new_flag(key, body, environments, transaction.now_ms)
        check_flag(flag)
        flag = transaction.put_flag(project, flag, FlagExperiments(), "createFlag")
    return Answer(201, flag_rep(call.rooms.store.state, project, flag))


def patch_flag(call: Call) -> Answer:
    patch = parse_patch(call.body)
    project = call.path["project"]
    with call.rooms.store.writing(call.actor, patch.comment) as transaction:
        flag = transaction.state.flag(project, call.path["flag"])
        experiments = transaction.state.experiments(project, flag.key)
        if isinstance(patch, SemanticPatch):
            edited, running = apply_instructions(flag, patch.environment, patch.instructions), experiments
        else:
            edited, running = _patched_flag(transaction, project, flag, patch)
        check_flag(edited)
        for place, target in detached(transaction.state, project, flag.key, experiments, running):
            transaction.reset(place, call.rooms.log.stamp(), target)
        edited = transaction.put_flag(project, edited, running, "updateFlag")
    return Answer(body=flag_rep(call.rooms.store.state, project, edited))


def delete_flag(call: Call) -> Answer:
    project, key = call.path["project"], call.path["flag"]
    with call.rooms.store.writing(call.actor) as transaction:
        transaction.state.flag(project, key)
        experiments = transaction.state.experiments(project, key)
        for place, target in detached(transaction.state, project, key, experiments, FlagExperiments()):
            transaction.reset(place, call.rooms.log.stamp(), target)
        transaction.delete_flag(project, key)
    return Answer(204)


def fresh_config(defaults: Defaults, environment: Environment) -> FlagConfig:
    """A flag's configuration in an environment that has not seen it: off, everybody the same variation when on."""
    return FlagConfig(
        salt=secrets.token_hex(16),
        sel=secrets.token_hex(16),
        fallthrough=Fallthrough(variation=defaults.on_variation),
        off_variation=defaults.off_variation,
        track_events=environment.default_track_events,
    )


def _listed(flag: Flag, call: Call) -> bool:
    tag = call.query.get("tag")
    archived = call.query.get("archived") == "true"
    return flag.archived == archived and (tag is None or tag in flag.tags)


def _environments(call: Call) -> list[str] | None:
    wanted = call.query.get("env")
    return wanted.split(",") if wanted else None


def _new_flag(key: str, body: dict[str, Any], environments: tuple[Environment, ...], now_ms: int) -> Flag:
    given = body.get("variations") or [{"value": True}, {"value": False}]
    variations = tuple(_identified(variation) for variation in converted(given, tuple[Variation, ...]))
    default = {"onVariation": 0, "offVariation": len(variations) - 1}
    document = {name: body[name] for name in OPTIONAL if body.get(name) is not None}
    document |= {"key": key, "name": body.get("name", key), "variations": [], "creationDate": now_ms}
    document["defaults"] = body.get("defaults") or default
    flag = replace(converted(document, Flag), variations=variations, kind=_kind(variations))
    configs = {environment.key: fresh_config(flag.defaults, environment) for environment in environments}
    return replace(flag, environments=configs)


def _identified(variation: Variation) -> Variation:
    return variation if variation.id else replace(variation, id=str(uuid.uuid4()))


def _kind(variations: tuple[Variation, ...]) -> str:
    return "boolean" if all(isinstance(variation.value, bool) for variation in variations) else "multivariate"


def _patched_flag(
    transaction: Transaction, project: str, flag: Flag, patch: JsonPatch | MergePatch
) -> tuple[Flag, FlagExperiments]:
    document = patched({"maintainerId": "", **flag_rep(transaction.state, project, flag)}, patch)
    for owned in ("key", "_version", "creationDate"):
        if document.get(owned) != flag_rep(transaction.state, project, flag)[owned]:
            raise InvalidRequest(f"{owned} can't be changed")
    experiments = edited_experiments(transaction, project, flag.key, document.pop("experiments", None))
    edited = converted(document, Flag)
    if edited.environments.keys() != flag.environments.keys():
        raise InvalidRequest("a flag's patch can't add or remove environments")
    configs = {key: _settled(config, flag.environments[key]) for key, config in edited.environments.items()}
    variations = tuple(_identified(variation) for variation in edited.variations)
    archived_date = (flag.archived_date or transaction.now_ms) if edited.archived else None
    edited = replace(edited, environments=configs, variations=variations, kind=_kind(variations))
    return replace(edited, version=flag.version, archived_date=archived_date), experiments


def _settled(config: FlagConfig, old: FlagConfig) -> FlagConfig:
    """What the server owns stays as it was; new rules and clauses get ids."""
    rules = tuple(_named(rule) for rule in config.rules)
    return replace(
        config,
        rules=rules,
        fallthrough=_newer(config.fallthrough, old.fallthrough),
        salt=old.salt,
        sel=old.sel,
        version=old.version,
        last_modified=old.last_modified,
    )


def _newer(place: Fallthrough, old: Fallthrough) -> Fallthrough:
    """A patch that adds a rollout beside the variation (or the other way round) means the one it adds."""
    if place.variation is None or place.rollout is None:
        return place
    if old.rollout is None:
        return Fallthrough(rollout=place.rollout)
    return Fallthrough(variation=place.variation) if old.variation is None else place


def _named(rule: Rule) -> Rule:
    clauses = tuple(_named_clause(clause) for clause in rule.clauses)
    return replace(rule, clauses=clauses, id=rule.id or str(uuid.uuid4()))


def _named_clause(clause: Clause) -> Clause:
    return clause if clause.id else replace(clause, id=str(uuid.uuid4()))


FLAG = "/api/v2/flags/{project}/{flag}"

OPERATIONS = (
    Operation("GET", "/api/v2/flags/{project}", "reader", list_flags),
    Operation("POST", "/api/v2/flags/{project}", "writer", create_flag),
    Operation("GET", FLAG, "reader", get_flag),
    Operation("PATCH", FLAG, "writer", patch_flag),
    Operation("DELETE", FLAG, "writer", delete_flag),
)
