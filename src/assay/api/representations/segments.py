"""Segments as clients read them, and as JSON Patch changes them."""

from collections.abc import Sequence
from typing import Required, TypedDict

import msgspec

from assay.api.links import Link, link
from assay.api.representations.flag_configs import ClauseRep
from assay.flags.segment import Segment, SegmentRule, SegmentTarget
from assay.store.records import Environment

Named = Sequence[tuple[str, str]]


class SegmentRuleRep(TypedDict, total=False):
    _id: Required[str]
    clauses: Required[list[ClauseRep]]
    weight: int
    rolloutContextKind: str
    bucketBy: str
    description: str


class SegmentTargetRep(TypedDict):
    values: list[str]
    contextKind: str


class UnboundedRep(TypedDict):
    """What is known of a long list instead of the list."""

    envId: str
    segmentId: str
    version: int
    includedCount: int
    excludedCount: int
    lastModified: int
    deleted: bool


class FlagLinkRep(TypedDict):
    name: str
    key: str
    _links: dict[str, Link]
    _site: Link


class SegmentRep(TypedDict, total=False):
    _links: Required[dict[str, Link]]
    key: Required[str]
    name: Required[str]
    description: str
    tags: Required[list[str]]
    creationDate: Required[int]
    lastModifiedDate: Required[int]
    included: Required[list[str]]
    excluded: Required[list[str]]
    includedContexts: list[SegmentTargetRep]
    excludedContexts: list[SegmentTargetRep]
    rules: Required[list[SegmentRuleRep]]
    salt: Required[str]
    version: Required[int]
    deleted: Required[bool]
    generation: Required[int]
    unbounded: Required[bool]
    unboundedContextKind: str
    _unboundedMetadata: UnboundedRep
    _flags: list[FlagLinkRep]


class SegmentsRep(TypedDict):
    items: list[SegmentRep]
    totalCount: int
    _links: dict[str, Link]


class TargetRep(TypedDict):
    """Whether a segment lists a key."""

    userKey: str
    included: bool
    excluded: bool


class MembershipRep(TypedDict):
    name: str
    key: str
    description: str
    unbounded: bool
    external: str
    isMember: bool
    isIndividuallyTargeted: bool
    isRuleTargeted: bool
    _links: dict[str, Link]


class MembershipsRep(TypedDict):
    items: list[MembershipRep]
    _links: dict[str, Link]


def segment_rep(project: str, environment: str, segment: Segment) -> SegmentRep:
    """A segment with its lists, whatever their length."""
    body: SegmentRep = {
        "_links": {
            "self": link("segments", project, environment, segment.key),
            "parent": link("segments", project, environment),
        },
        "key": segment.key,
        "name": segment.name,
        "tags": list(segment.tags),
        "creationDate": segment.creation_date,
        "lastModifiedDate": segment.last_modified_date,
        "included": list(segment.included),
        "excluded": list(segment.excluded),
        "includedContexts": [_target_rep(target) for target in segment.included_contexts],
        "excludedContexts": [_target_rep(target) for target in segment.excluded_contexts],
        "rules": [_rule_rep(rule) for rule in segment.rules],
        "salt": segment.salt,
        "version": segment.version,
        "deleted": False,
        "generation": 1,
        "unbounded": segment.unbounded,
    }
    if segment.description:
        body["description"] = segment.description
    if segment.unbounded:
        body["unboundedContextKind"] = segment.unbounded_kind
    return body


def shown_segment(
    project: str, environment: Environment, segment: Segment, *, modern: bool, flags: Named = ()
) -> SegmentRep:
    """A segment as it is shown: an unbounded one with counts for its lists.

    `flags` are those that ask for the segment, as (key, name). The founding generation can't print a list of
    objects that it doesn't know, so it sees neither these nor other contexts than users.
    """
    body = segment_rep(project, environment.key, segment)
    if segment.unbounded:
        body["_unboundedMetadata"] = _unbounded_rep(environment, segment)
        body |= {"included": [], "excluded": [], "includedContexts": [], "excludedContexts": []}
    if not modern:
        del body["includedContexts"], body["excludedContexts"]
    elif flags:
        body["_flags"] = [_flag_link(project, flag, name) for flag, name in flags]
    return body


def _unbounded_rep(environment: Environment, segment: Segment) -> UnboundedRep:
    return {
        "envId": environment.id,
        "segmentId": segment.key,
        "version": segment.version,
        "includedCount": _count(segment.included, segment.included_contexts),
        "excludedCount": _count(segment.excluded, segment.excluded_contexts),
        "lastModified": segment.last_modified_date,
        "deleted": False,
    }


def membership_rep(
    project: str, environment: str, segment: Segment, *, member: bool, individually: bool
) -> MembershipRep:
    return {
        "name": segment.name,
        "key": segment.key,
        "description": segment.description,
        "unbounded": segment.unbounded,
        "external": "",
        "isMember": member,
        "isIndividuallyTargeted": individually,
        "isRuleTargeted": member and not individually,
        "_links": {"self": link("segments", project, environment, segment.key)},
    }


def _count(users: tuple[str, ...], contexts: tuple[SegmentTarget, ...]) -> int:
    return len(users) + sum(len(target.values) for target in contexts)


def _flag_link(project: str, flag: str, name: str) -> FlagLinkRep:
    place = link("flags", project, flag)
    return {"name": name, "key": flag, "_links": {"self": place}, "_site": place}


def _target_rep(target: SegmentTarget) -> SegmentTargetRep:
    return {"values": list(target.values), "contextKind": target.context_kind}


def _rule_rep(rule: SegmentRule) -> SegmentRuleRep:
    body: SegmentRuleRep = {"_id": rule.id, "clauses": []}
    for clause in rule.clauses:
        document = msgspec.to_builtins(clause)
        # Without a context kind the attribute is a literal name; the field is then absent.
        body["clauses"].append(
            {name: value for name, value in document.items() if name != "contextKind" or value}  # type: ignore[arg-type]
        )
    if rule.weight is not None:
        body["weight"] = rule.weight
    if rule.rollout_context_kind:
        body["rolloutContextKind"] = rule.rollout_context_kind
    if rule.bucket_by:
        body["bucketBy"] = rule.bucket_by
    if rule.description:
        body["description"] = rule.description
    return body
