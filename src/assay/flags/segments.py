"""Segments compiled to functions of one evaluation's scope."""

from collections.abc import Mapping
from typing import Any

import msgspec

from assay.flags.bucketing import WHOLE, compile_hashing, lowest_hash_beyond
from assay.flags.clauses import Matcher, Scope, compile_clauses
from assay.flags.context import USER
from assay.flags.references import Malformed
from assay.flags.wire import WireSegment, WireSegmentRule

Listed = tuple[str, frozenset[str], bool]


def compile_segment(source: Mapping[str, Any]) -> Matcher:
    """Whether a context belongs to the segment; one that can't be read makes every flag malformed that asks."""
    try:
        segment = msgspec.convert(source, WireSegment)
    except msgspec.ValidationError:
        return _unreadable
    rules = segment.rules or []
    by_rules = _any_of([_compile_rule(segment, rule) for rule in rules])
    belongs = _unbounded(segment, by_rules) if segment.unbounded else _bounded(_lists(segment), by_rules)
    nested = any(clause.op == "segmentMatch" for rule in rules for clause in rule.clauses)
    return _guarded(segment.key, belongs) if nested else belongs


def _unreadable(_scope: Scope) -> bool:
    raise Malformed


def _lists(segment: WireSegment) -> list[Listed]:
    """Who belongs and who doesn't, in the order in which they count."""
    lists = [(USER, segment.included or [], True)]
    lists += [
        (target.context_kind or USER, target.values, True) for target in segment.included_contexts or []
    ]
    lists += [(USER, segment.excluded or [], False)]
    lists += [
        (target.context_kind or USER, target.values, False) for target in segment.excluded_contexts or []
    ]
    return [(kind, frozenset(keys), belongs) for kind, keys, belongs in lists if keys]


def _bounded(lists: list[Listed], by_rules: Matcher) -> Matcher:
    def belongs(scope: Scope) -> bool:
        for kind, keys, verdict in lists:
            attributes = scope.context.get(kind)
            if attributes is not None and attributes["key"] in keys:
                return verdict
        return by_rules(scope)

    return belongs


def _unbounded(segment: WireSegment, by_rules: Matcher) -> Matcher:
    """Without a store of members: no member, unless a rule says so."""
    kind = segment.unbounded_context_kind or USER
    known_generation = segment.generation is not None

    def belongs(scope: Scope) -> bool:
        if known_generation and kind not in scope.context:
            return False
        scope.asked_big_segment = True
        return known_generation and by_rules(scope)

    return belongs


def _guarded(key: str, belongs: Matcher) -> Matcher:
    """Only a segment that asks for segments can lead back to itself."""

    def guarded(scope: Scope) -> bool:
        if key in scope.segment_path:
            raise Malformed
        outer = scope.segment_path
        scope.segment_path = (*outer, key)
        try:
            return belongs(scope)
        finally:
            scope.segment_path = outer

    return guarded


def _any_of(matchers: list[Matcher]) -> Matcher:
    def matches(scope: Scope) -> bool:
        for matcher in matchers:  # noqa: SIM110 (any() would make a generator for every context)
            if matcher(scope):
                return True
        return False

    return matches


def _compile_rule(segment: WireSegment, rule: WireSegmentRule) -> Matcher:
    matches = compile_clauses(rule.clauses)
    if rule.weight is None:
        return matches
    prefix = f"{segment.key}.{segment.salt or ''}"
    hashing = compile_hashing(prefix, kind=rule.rollout_context_kind, bucket_by=rule.bucket_by)
    end = lowest_hash_beyond(rule.weight / WHOLE)

    def belongs(scope: Scope) -> bool:
        if not matches(scope):
            return False
        hashed = hashing(scope.context)
        # A context without the unit belongs, as in the SDKs of Python and Node; Go says it doesn't.
        return hashed is None or hashed < end

    return belongs
