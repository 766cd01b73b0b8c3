"""Contexts, their attributes and their kinds as clients read them."""

from typing import Any, Required, TypedDict

import msgspec

from assay.api.links import Links, link
from assay.api.representations.metrics import iso
from assay.flags.results import Evaluation, Reason
from assay.store.records import ContextKind


class ContextRep(TypedDict):
    lastSeen: str
    context: dict[str, Any]
    associatedContexts: int
    _links: Links


class ContextsRep(TypedDict, total=False):
    _links: Required[Links]
    _environmentId: Required[str]
    items: Required[list[ContextRep]]
    totalCount: int
    continuationToken: str


class NameRep(TypedDict):
    """An attribute, and how many contexts have it."""

    name: str
    weight: int


class NamesRep(TypedDict):
    kind: str
    names: list[NameRep]


class NamesCollection(TypedDict):
    items: list[NamesRep]


class ValueRep(TypedDict):
    """A value of an attribute, and how many contexts have it."""

    name: Any
    weight: int


class ValuesRep(TypedDict):
    kind: str
    values: list[ValueRep]


class ValuesCollection(TypedDict):
    items: list[ValuesRep]


class ReasonRep(TypedDict, total=False):
    kind: Required[str]
    ruleIndex: int
    ruleID: str
    prerequisiteKey: str
    inExperiment: bool
    errorKind: str
    bigSegmentsStatus: str


class EvaluationRep(TypedDict, total=False):
    """A flag's value for a context; none where it has nothing to serve."""

    name: Required[str]
    key: Required[str]
    reason: Required[ReasonRep]
    _value: Any
    _links: Required[Links]


class EvaluationsRep(TypedDict):
    items: list[EvaluationRep]
    totalCount: int
    _links: Links


class ObservationRep(TypedDict):
    environmentKey: str
    lastSeen: int


class ContextKindRep(TypedDict, total=False):
    key: Required[str]
    name: Required[str]
    description: Required[str]
    version: Required[int]
    creationDate: Required[int]
    lastModified: Required[int]
    lastSeen: int
    createdFrom: Required[str]
    hideInTargeting: Required[bool]
    archived: Required[bool]
    environmentObservations: list[ObservationRep]
    _links: Required[Links]


class ContextKindsRep(TypedDict):
    items: list[ContextKindRep]
    _links: Links


class UpsertRep(TypedDict):
    status: str
    _links: Links


def context_rep(
    place: tuple[str, str], kind: str, key: str, attributes: str | None, last_seen_ms: int
) -> ContextRep:
    """A context with the attributes that it was last told of with; `place` is a project's and environment's key."""
    known: dict[str, Any] = {} if attributes is None else msgspec.json.decode(attributes)
    own = {
        name: value for name, value in known.items() if value is not None and name not in ("kind", "_meta")
    }
    project, environment = place
    self_link = link("projects", project, "environments", environment, "contexts", kind, key)
    return {
        "lastSeen": iso(last_seen_ms),
        "context": {**own, "kind": kind, "key": key},
        "associatedContexts": 1,
        "_links": {"self": self_link},
    }


def evaluation_rep(project: str, name: str, evaluation: Evaluation) -> EvaluationRep:
    body: EvaluationRep = {
        "name": name,
        "key": evaluation.flag.key,
        "reason": _reason_rep(evaluation.reason),
        "_links": {"site": link("flags", project, evaluation.flag.key)},
    }
    if evaluation.variation is not None:
        body["_value"] = evaluation.value
    return body


def kind_rep(project: str, kind: ContextKind, observed: dict[str, int], *, expanded: bool) -> ContextKindRep:
    """`observed`: when it was last seen, by environment's key."""
    body: ContextKindRep = {
        "key": kind.key,
        "name": kind.name,
        "description": kind.description,
        "version": kind.version,
        "creationDate": kind.creation_date,
        "lastModified": kind.last_modified,
        "createdFrom": kind.created_from,
        "hideInTargeting": kind.archived,
        "archived": kind.archived,
        "_links": {"parent": link("projects", project, "context-kinds")},
    }
    if observed:
        body["lastSeen"] = max(observed.values())
    if expanded:
        body["environmentObservations"] = [
            {"environmentKey": key, "lastSeen": at_ms} for key, at_ms in observed.items()
        ]
    return body


def _reason_rep(reason: Reason) -> ReasonRep:
    # Clients spell this one name in another way than SDKs do.
    body: ReasonRep = {"kind": reason["kind"]}
    renamed = {"ruleID" if name == "ruleId" else name: value for name, value in reason.items()}
    body.update(renamed)  # type: ignore[typeddict-item]
    return body
