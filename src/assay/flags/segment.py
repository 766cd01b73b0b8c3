"""The segment in one environment: who belongs, as the API edits it and as SDKs get it."""

from typing import Any, Literal

import msgspec

from assay.errors import InvalidRequest
from assay.flags.clause_validation import CONTEXT_KIND, check_clause
from assay.flags.context import USER
from assay.flags.delivery import delivered_clause
from assay.flags.model import Clause
from assay.flags.validation import WHOLE

Side = Literal["included", "excluded"]

# Every SDK holds the lists whole, and every change of one sends it whole.
MOST_KEYS = 100_000
MOST_RULES = 1000


class SegmentTarget(msgspec.Struct, frozen=True, rename="camel"):
    """Keys of one context kind."""

    values: tuple[str, ...] = ()
    context_kind: str = USER


class SegmentRule(msgspec.Struct, frozen=True, rename="camel"):
    """Contexts that match every clause belong; with a weight, only that share of 100,000 of them."""

    clauses: tuple[Clause, ...]
    weight: int | None = None
    rollout_context_kind: str | None = None
    bucket_by: str | None = None
    description: str = ""
    id: str = msgspec.field(name="_id", default="")


class ExpiringMember(msgspec.Struct, frozen=True, rename="camel"):
    """A key that is to be taken from a list (`included` or `excluded`) at `expiration_date`, epoch milliseconds."""

    id: str = msgspec.field(name="_id")
    context_key: str
    target_type: Side
    expiration_date: int
    context_kind: str = USER
    version: int = msgspec.field(name="_version", default=1)


class Segment(msgspec.Struct, frozen=True, rename="camel"):
    """A segment; `version` is taken from the environment's own counter, which only grows.

    `kept_by` names the layer or holdout whose units it holds; nobody else may change it.
    `unbounded` is what the client asked for, and is kept for it: SDKs get such a segment like any other.
    """

    key: str
    name: str
    creation_date: int
    salt: str
    description: str = ""
    tags: tuple[str, ...] = ()
    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    included_contexts: tuple[SegmentTarget, ...] = ()
    excluded_contexts: tuple[SegmentTarget, ...] = ()
    rules: tuple[SegmentRule, ...] = ()
    unbounded: bool = False
    unbounded_context_kind: str = ""
    kept_by: str = ""
    version: int = 0
    last_modified_date: int = 0
    expiring: tuple[ExpiringMember, ...] = ()

    @property
    def unbounded_kind(self) -> str:
        """The one context kind of an unbounded segment's lists."""
        return self.unbounded_context_kind or USER


def listed(segment: Segment, kind: str, *, included: bool) -> frozenset[str]:
    """The keys of a context kind that the segment includes (or excludes) by name."""
    users = segment.included if included else segment.excluded
    contexts = segment.included_contexts if included else segment.excluded_contexts
    found = set(users if kind == USER else ())
    for target in contexts:
        found.update(target.values if target.context_kind == kind else ())
    return frozenset(found)


def referred_segments(clauses: tuple[Clause, ...]) -> set[str]:
    """The keys of the segments that clauses ask for."""
    return {
        value
        for clause in clauses
        if clause.op == "segmentMatch"
        for value in clause.values
        if isinstance(value, str)
    }


def segments_below(segment: Segment) -> set[str]:
    """The segments that a segment's own rules ask for."""
    return {key for rule in segment.rules for key in referred_segments(rule.clauses)}


def delivered_segment(segment: Segment) -> dict[str, Any]:
    """The segment as SDKs get it."""
    return {
        "key": segment.key,
        "version": segment.version,
        "included": list(segment.included),
        "excluded": list(segment.excluded),
        "includedContexts": [_delivered_target(target) for target in segment.included_contexts],
        "excludedContexts": [_delivered_target(target) for target in segment.excluded_contexts],
        "rules": [_delivered_rule(rule) for rule in segment.rules],
        "salt": segment.salt,
    }


def check_segment(segment: Segment) -> None:
    """Raises `InvalidRequest` with what is wrong first."""
    if not segment.name:
        raise InvalidRequest("a segment's name is not empty")
    lists = (*segment.included_contexts, *segment.excluded_contexts)
    count = len(segment.included) + len(segment.excluded) + sum(len(target.values) for target in lists)
    if count > MOST_KEYS:
        raise InvalidRequest(f"a segment lists at most {MOST_KEYS} keys, not {count}")
    if len(segment.rules) > MOST_RULES:
        raise InvalidRequest(f"a segment has at most {MOST_RULES} rules")
    for target in lists:
        check_kind(target.context_kind)
    check_kind(segment.unbounded_kind)
    if len({rule.id for rule in segment.rules}) != len(segment.rules):
        raise InvalidRequest("two rules have the same _id")
    for number, rule in enumerate(segment.rules):
        _check_rule(rule, f"rules[{number}]")


def check_kind(kind: str) -> None:
    """Raises `InvalidRequest` where this can't be the kind of a context."""
    if not CONTEXT_KIND.fullmatch(kind) or kind in ("kind", "multi"):
        raise InvalidRequest(f"{kind[:80]!r} is no context kind")


def _check_rule(rule: SegmentRule, where: str) -> None:
    if not rule.clauses:
        raise InvalidRequest(f"{where} has no clauses")
    for number, clause in enumerate(rule.clauses):
        check_clause(clause, f"{where}.clauses[{number}]")
    if rule.weight is not None and not 0 <= rule.weight <= WHOLE:
        raise InvalidRequest(f"{where}: a weight lies between 0 and {WHOLE}, not {rule.weight}")
    if rule.rollout_context_kind:
        check_kind(rule.rollout_context_kind)


def _delivered_target(target: SegmentTarget) -> dict[str, Any]:
    return {"contextKind": target.context_kind, "values": list(target.values)}


def _delivered_rule(rule: SegmentRule) -> dict[str, Any]:
    optional = {
        "weight": rule.weight,
        "bucketBy": rule.bucket_by or None,
        "rolloutContextKind": rule.rollout_context_kind or None,
    }
    body = {"id": rule.id, "clauses": [delivered_clause(clause) for clause in rule.clauses]}
    return body | {name: value for name, value in optional.items() if value is not None}
