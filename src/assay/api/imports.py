"""Import of an account's documents, in the words of its own REST API's answers: /api/v2/import.

What decides who gets what is kept: ids of variations and rules, salts, seeds, weights, targets, prerequisites. A
document is written whole or skipped with its reason, whatever becomes of the others; importing it again changes
nothing. Nothing is ever deleted.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict

import msgspec
from msgspec.structs import replace

from assay.api import environments, metrics, projects, segments
from assay.api.call import Answer, Call, Operation
from assay.api.flag_creation import fresh_config, identified, identified_rule
from assay.api.flag_edits import check_edit
from assay.api.patching import converted
from assay.errors import AssayError, Conflict, InvalidRequest, NotFound
from assay.flags.model import Flag, FlagConfig, rollouts
from assay.flags.targets import targeted, with_targets
from assay.flags.validation import require_key
from assay.flags.variations import kind_of
from assay.store.records import Environment, Project
from assay.store.state import Address, State, segments_shelf

COMMENT = "Imported"

FLAG_FIELDS = (
    *("key", "name", "description", "variations", "temporary", "tags", "archived", "archivedDate"),
    *("deprecated", "deprecatedDate", "includeInSnippet", "clientSideAvailability", "customProperties"),
    *("defaults", "_purpose", "variationJsonSchema"),
)
CONFIG_FIELDS = (
    *("on", "salt", "sel", "targets", "contextTargets", "rules", "fallthrough", "offVariation"),
    *("prerequisites", "trackEvents", "trackEventsFallthrough"),
)
SEGMENT_FIELDS = ("key", *segments.WRITABLE)
# Members aren't imported, so nobody would answer to a maintainer's id.
METRIC_FIELDS = tuple(name for name in ("key", *metrics.WRITABLE) if name != "maintainerId")
PROJECT_FIELDS = ("name", "tags", "includeInSnippetByDefault", "defaultClientSideAvailability")
ENVIRONMENT_FIELDS = (
    *("name", "color", "defaultTtl", "secureMode", "defaultTrackEvents", "requireComments"),
    *("confirmChanges", "critical", "tags"),
)

Outcome = Literal["created", "changed", "unchanged", "skipped"]
Document = dict[str, Any]


class ImportBody(msgspec.Struct, frozen=True, rename="camel"):
    """A project with its environments, or with what is in it. `segments` are by environment's key.

    `keep_keys`: SDKs go on with the keys (and client-side ids) that they have.
    """

    project: Document
    metrics: list[Document] = []
    segments: dict[str, list[Document]] = {}
    flags: list[Document] = []
    keep_keys: bool = False


class ImportedRep(TypedDict):
    """What became of one document, and what there is to say about it."""

    kind: str
    key: str
    outcome: Outcome
    notes: list[str]


class ImportRep(TypedDict):
    items: list[ImportedRep]


def import_account(call: Call) -> Answer:
    """Writes each document, or says why not."""
    body = converted(call.object(), ImportBody)
    key = require_key(body.project.get("key"), "A project's")
    items = _import_project(call, key, body.project, keep_keys=body.keep_keys)
    if items[0]["outcome"] == "skipped":
        return Answer(body={"items": items})
    for metric in body.metrics:
        items.append(_import_metric(call, key, metric))
    for environment, documents in body.segments.items():
        items += [_import_segment(call, key, environment, document) for document in documents]
    for flag in body.flags:
        items.append(_import_flag(call, key, flag))
    return Answer(body={"items": items})


def _import_project(call: Call, key: str, document: Document, *, keep_keys: bool) -> list[ImportedRep]:
    address = ("project", "", key)
    listed = document.get("environments")
    given = listed.get("items") if isinstance(listed, dict) else listed
    if given is not None and not (isinstance(given, list) and all(isinstance(item, dict) for item in given)):
        raise InvalidRequest("environments is a list of objects, or an object with such a list as its items")
    exists = call.rooms.store.state.find(address) is not None

    def write() -> list[str]:
        if exists:
            fields = _fields(document, PROJECT_FIELDS)
            projects.patch_project(_inner(call, {"merge": fields, "comment": COMMENT}, project=key))
        elif "name" not in document:
            raise NotFound(f"there is no project {key!r}")
        else:
            wanted = [{"key": item.get("key"), **_fields(item, ENVIRONMENT_FIELDS)} for item in given or []]
            body = {"key": key, **_fields(document, PROJECT_FIELDS), "environments": wanted or None}
            projects.create_project(_inner(call, body))
        return []

    items = [_item(call, "project", key, lambda state: _without_environments(state, address), write)]
    if items[0]["outcome"] == "skipped":
        return items
    for item in given or []:
        items.append(_import_environment(call, key, item, new=not exists, keep_keys=keep_keys))
    return items


def _import_environment(
    call: Call, project: str, document: Document, *, new: bool, keep_keys: bool
) -> ImportedRep:
    key = str(document.get("key"))

    def held(state: State) -> Environment | None:
        found = state.find(("project", "", project)).environment(key)
        return None if found is None else replace(found, flags_version=0)

    before = held(call.rooms.store.state)

    def write() -> list[str]:
        require_key(document.get("key"), "An environment's")
        fields = _fields(document, ENVIRONMENT_FIELDS)
        if before is None:
            environments.create_environment(
                _inner(call, {"key": document.get("key"), **fields}, project=project)
            )
        else:
            patch = {"merge": fields, "comment": COMMENT}
            environments.patch_environment(_inner(call, patch, project=project, environment=key))
        return _keep_keys(call, project, key, document) if keep_keys else []

    item = _item(call, "environment", f"{project}/{key}", held, write)
    return {**item, "outcome": "created"} if new and item["outcome"] in ("changed", "unchanged") else item


def _keep_keys(call: Call, project: str, key: str, document: Document) -> list[str]:
    """The keys that SDKs have. A client-side id names events too: it is taken over only where there are none yet."""
    with call.rooms.store.writing(call.actor, COMMENT) as transaction:
        found = transaction.state.project(project)
        environment = transaction.state.environment(project, key)
        fresh = environment.flags_version == 0
        kept = converted(
            {
                **msgspec.to_builtins(environment),
                "sdkKey": document.get("apiKey") or environment.sdk_key,
                "mobileKey": document.get("mobileKey") or environment.mobile_key,
                "_id": (document.get("_id") if fresh else None) or environment.id,
            },
            Environment,
        )
        _require_free(transaction.state, project, kept)
        others = tuple(kept if item.key == key else item for item in found.environments)
        transaction.put(("project", "", project), replace(found, environments=others), "updateEnvironment")
    if kept.id != (document.get("_id") or kept.id):
        return ["its client-side id stays as it is: flags are known by it already"]
    return []


def _require_free(state: State, project: str, kept: Environment) -> None:
    """A key opens one environment."""
    for other in state.all("project").values():
        for item in other.environments:
            shared = {item.id, item.sdk_key, item.mobile_key} & {kept.id, kept.sdk_key, kept.mobile_key}
            if shared and (other.key, item.key) != (project, kept.key):
                raise Conflict(f"its keys open the environment {other.key}/{item.key} already")


def _import_metric(call: Call, project: str, document: Document) -> ImportedRep:
    key = str(document.get("key"))
    address = ("metric", project, key)

    def write() -> list[str]:
        require_key(document.get("key"), "A metric's")
        fields = _fields(document, METRIC_FIELDS)
        if call.rooms.store.state.find(address) is None:
            metrics.create_metric(_inner(call, fields, project=project))
        else:
            fields.pop("key")
            patch = {"merge": fields, "comment": COMMENT}
            metrics.patch_metric(_inner(call, patch, project=project, metric=key))
        return []

    return _item(call, "metric", f"{project}/{key}", lambda state: state.find(address), write)


def _import_segment(call: Call, project: str, environment: str, document: Document) -> ImportedRep:
    key = str(document.get("key"))
    address = ("segment", segments_shelf(project, environment), key)

    def write() -> list[str]:
        require_key(document.get("key"), "A segment's")
        counts = document.get("_unboundedMetadata")
        counted = isinstance(counts, dict) and (counts.get("includedCount") or counts.get("excludedCount"))
        if document.get("unbounded") and counted:
            raise InvalidRequest("it is unbounded: its members aren't in the answers of the API")
        place = {"project": project, "environment": environment, "segment": key}
        fields = _fields(document, SEGMENT_FIELDS)
        if call.rooms.store.state.find(address) is None:
            segments.create_segment(_inner(call, fields, **place))
        else:
            fields.pop("key")
            segments.patch_segment(_inner(call, {"merge": fields, "comment": COMMENT}, **place))
        return _keep_salt(call, project, environment, key, document.get("salt"))

    return _item(call, "segment", f"{project}/{environment}/{key}", lambda state: state.find(address), write)


def _keep_salt(call: Call, project: str, environment: str, key: str, salt: Any) -> list[str]:
    with call.rooms.store.writing(call.actor, COMMENT) as transaction:
        segment = transaction.state.segment(project, environment, key)
        if isinstance(salt, str) and salt:
            transaction.put_segment(project, environment, replace(segment, salt=salt), "updateSegment")
        elif any(rule.weight is not None for rule in segment.rules):
            return ["its salt isn't in the document: who is in the share of a rule is drawn anew"]
    return []


def _import_flag(call: Call, project: str, document: Document) -> ImportedRep:
    key = str(document.get("key"))
    address = ("flag", project, key)

    def write() -> list[str]:
        require_key(document.get("key"), "A flag's")
        with call.rooms.store.writing(call.actor, COMMENT) as transaction:
            state = transaction.state
            before: Flag | None = state.find(address)
            flag, notes = _flag(document, before, state.project(project), transaction.now_ms)
            check_edit(state, project, before or replace(flag, archived=True), flag, COMMENT)
            action = "createFlag" if before is None else "updateFlag"
            transaction.put_flag(project, flag, state.experiments(project, key), action)
        return notes

    return _item(call, "flag", f"{project}/{key}", lambda state: state.find(address), write)


def _flag(document: Document, before: Flag | None, project: Project, now_ms: int) -> tuple[Flag, list[str]]:
    """The flag of a document; what the server owns is as it was."""
    configs: Any = document.get("environments") or {}
    if not isinstance(configs, dict) or not all(isinstance(config, dict) for config in configs.values()):
        raise InvalidRequest("environments is an object of objects")
    known = [environment.key for environment in project.environments]
    notes = [f"the project has no environment {key!r}" for key in configs if key not in known]
    created = document.get("creationDate")
    own = {
        "name": document.get("name") or document.get("key"),
        "creationDate": created if isinstance(created, int) else now_ms,
        "_version": 1,
    }
    flag = converted({**own, **_fields(document, FLAG_FIELDS)}, Flag)
    variations = tuple(map(identified, flag.variations))
    settled = {
        environment.key: _config(configs.get(environment.key), before, flag, environment)
        for environment in project.environments
    }
    if any(rollout.kind == "experiment" for config in settled.values() for rollout in rollouts(config)):
        notes.append("a rollout of it belongs to an experiment, which isn't imported; it goes on as it is")
    flag = replace(flag, variations=variations, kind=kind_of(variations), environments=settled)
    if before is not None:
        flag = replace(
            flag,
            version=before.version,
            creation_date=before.creation_date,
            maintainer_id=before.maintainer_id,
            maintainer_team_key=before.maintainer_team_key,
        )
    return flag, notes


def _config(
    document: Document | None, before: Flag | None, flag: Flag, environment: Environment
) -> FlagConfig:
    old = before.environments.get(environment.key) if before is not None else None
    old = old or fresh_config(flag.defaults, environment)
    if document is None:
        return old
    own = {"salt": old.salt, "sel": old.sel}
    config = converted({**own, **_fields(document, CONFIG_FIELDS)}, FlagConfig)
    config = replace(config, rules=tuple(map(identified_rule, config.rules)))
    return replace(
        with_targets(config, targeted(config)),
        version=old.version,
        last_modified=old.last_modified,
        debug_events_until_date=old.debug_events_until_date,
        expiring_targets=old.expiring_targets,
    )


def _item(
    call: Call, kind: str, key: str, held: Callable[[State], Any], write: Callable[[], list[str]]
) -> ImportedRep:
    """Writes, and says what it changed."""
    before = held(call.rooms.store.state)
    try:
        notes = write()
    except AssayError as error:
        return {"kind": kind, "key": key, "outcome": "skipped", "notes": [str(error)]}
    after = held(call.rooms.store.state)
    outcome: Outcome = "created" if before is None else "unchanged" if before == after else "changed"
    return {"kind": kind, "key": key, "outcome": outcome, "notes": notes}


def _inner(call: Call, body: Document, **path: str) -> Call:
    """The same caller's request to another operation."""
    return Call(call.rooms, call.token, path, {}, body, call.version, call.target)


def _fields(document: Mapping[str, Any], names: tuple[str, ...]) -> Document:
    return {name: document[name] for name in names if document.get(name) is not None}


def _without_environments(state: State, address: Address) -> Project | None:
    found: Project | None = state.find(address)
    return None if found is None else replace(found, environments=())


OPERATIONS = (
    Operation("POST", "/api/v2/import", "admin", import_account, body=ImportBody, answer=ImportRep),
)
