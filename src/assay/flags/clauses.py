"""Clauses compiled to functions of one evaluation's scope."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from assay.flags.context import USER, Context
from assay.flags.operators import compile_test
from assay.flags.references import compile_reference, parse_reference
from assay.flags.wire import WireClause


class Scope(msgspec.Struct):
    """What an evaluation sees (a context, and what flags and segments refer to by key) and where it stands.

    `flag_path` and `segment_path` are the keys being evaluated, outermost first: a key met twice is a cycle.
    `asked_big_segment`: the answer needed a store of members that we don't have.
    """

    context: Context
    flags: Mapping[str, Any]
    segments: Mapping[str, Any]
    flag_path: tuple[str, ...] = ()
    segment_path: tuple[str, ...] = ()
    asked_big_segment: bool = False


Matcher = Callable[[Scope], bool]


def compile_clauses(clauses: list[WireClause]) -> Matcher:
    """Whether all of them match; without any, they do."""
    matchers = [compile_clause(clause) for clause in clauses]
    if len(matchers) == 1:
        return matchers[0]

    def matches(scope: Scope) -> bool:
        for matcher in matchers:  # noqa: SIM110 (all() would make a generator for every rule and context)
            if not matcher(scope):
                return False
        return True

    return matches


def compile_clause(clause: WireClause) -> Matcher:
    """A missing context or attribute never matches, not even negated."""
    negate = bool(clause.negate)
    if clause.op == "segmentMatch":
        return _in_segments([key for key in clause.values if isinstance(key, str)], negate)
    kind = clause.context_kind or USER
    path = parse_reference(clause.attribute, literal=not clause.context_kind)
    test = compile_test(clause.op, clause.values)
    if path == ("kind",):
        return lambda scope: any(map(test, scope.context)) is not negate
    read = compile_reference(path, kind)

    def matches(scope: Scope) -> bool:
        attributes = scope.context.get(kind)
        if attributes is None:
            return False
        value = read(attributes)
        if value is None:
            return False
        if type(value) is list:
            return any(map(test, value)) is not negate
        return test(value) is not negate

    return matches


def _in_segments(keys: list[str], negate: bool) -> Matcher:
    def matches(scope: Scope) -> bool:
        for key in keys:
            segment = scope.segments.get(key)
            if segment is not None and segment(scope):
                return not negate
        return negate

    return matches
