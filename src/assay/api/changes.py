"""Audit entries as the changes that they record: which actions on which resources, and what is told of them."""

from typing import Any, Required, TypedDict

import msgspec

from assay.access.policies import Resource, Step
from assay.api.links import link
from assay.store.store import Entry

# What policies call a kind of record, where it isn't the record's own word.
KINDS = {
    "project": "proj",
    "experiments": "flag",
    "experimentation_settings": "experimentation-settings",
    "token": "service-token",
    "metric_group": "metric-group",
    "contextKind": "context-kind",
}


class AccessRep(TypedDict):
    """An action, and the resource that it was done to."""

    action: str
    resource: str


class ChangeTarget(TypedDict, total=False):
    name: Required[str]
    resources: list[str]


class ChangeRep(TypedDict):
    """One change: who made it, what was done to what, and the documents before and after (null: there is none)."""

    _links: dict[str, Any]
    _id: str
    date: int
    kind: str
    name: str
    actor: str
    titleVerb: str
    comment: str
    accesses: list[AccessRep]
    target: ChangeTarget
    previousVersion: Any
    currentVersion: Any


def change_rep(entry: Entry) -> ChangeRep:
    before, after = _document(entry["before"]), _document(entry["after"])
    resources = resources_of(entry)
    texts = [":".join(f"{step.kind}/{step.name}" for step in resource) for resource in resources]
    named = after or before or {}
    name = str(named.get("name") or entry["target"].rpartition("/")[2])
    return {
        "_links": {"self": link("auditlog", str(entry["id"]))},
        "_id": str(entry["id"]),
        "date": entry["at_ms"],
        "kind": resources[0][-1].kind,
        "name": name,
        "actor": entry["actor"],
        "titleVerb": entry["action"],
        "comment": entry["comment"],
        "accesses": [{"action": entry["action"], "resource": resource} for resource in texts],
        "target": {"name": name, "resources": texts},
        "previousVersion": before,
        "currentVersion": after,
    }


def resources_of(entry: Entry) -> list[Resource]:
    """What was changed: once for each environment in which a flag is another now."""
    word, *place = entry["target"].split("/")
    if entry["action"] == "resetExperiment":
        flag, environment, _ = place
        return [(Step("proj", word), Step("env", environment), Step("flag", flag))]
    kind = KINDS.get(word, word)
    if kind == "flag":
        project, flag = place
        return [
            (Step("proj", project), Step("env", environment), Step("flag", flag))
            for environment in _environments(_document(entry["before"]), _document(entry["after"]))
        ]
    *outer, name = place
    return [(*(Step(*step) for step in zip(("proj", "env"), outer, strict=False)), Step(kind, name))]


def _environments(before: Any, after: Any) -> list[str]:
    """Where a flag's configuration is another than before; all of them where what they share is."""
    was, now = (document.get("environments", {}) if document else {} for document in (before, after))
    changed = [key for key in {**was, **now} if was.get(key) != now.get(key)]
    return changed or [*{**was, **now}] or ["*"]


def _document(encoded: bytes | None) -> Any:
    return None if encoded is None else msgspec.json.decode(encoded)
