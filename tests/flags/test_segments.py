"""Who belongs to a segment; the official SDK agrees on each case."""

from itertools import pairwise
from typing import Any

import pytest

from assay.flags.context import parse_context
from assay.flags.evaluation import compile_set, evaluate
from flags.documents import Document, by_key, clause, flag, multi, rule, segment, segment_clause, user
from flags.official import Answer, both

EVERYBODY: Document = {"clauses": []}
KEY_A = {"clauses": [clause("key", "in", "a")]}


def asked(context: Document, *segments: Document, clauses: list[Document] | None = None) -> Answer:
    flags = by_key(flag(rules=[rule(*(clauses or [segment_clause("segment")]))]))
    own, official = both(flags, "flag", context, by_key(*segments))
    assert own == official
    return own


def belongs(context: Document, *segments: Document) -> bool:
    kind: str = asked(context, *segments).reason["kind"]
    assert kind in ("RULE_MATCH", "FALLTHROUGH")
    return kind == "RULE_MATCH"


def others(kind: str, *keys: str) -> Document:
    return {"contextKind": kind, "values": list(keys)}


@pytest.mark.parametrize(
    ("parts", "context", "expected"),
    [
        ({}, user("a"), False),
        ({"included": ["a"]}, user("a"), True),
        ({"included": ["a"]}, {"kind": "org", "key": "a"}, False),
        ({"included": ["a"], "excluded": ["a"]}, user("a"), True),
        ({"excluded": ["a"], "rules": [EVERYBODY]}, user("a"), False),
        ({"excluded": ["a"], "rules": [EVERYBODY]}, user("b"), True),
        ({"includedContexts": [others("org", "o")]}, multi(user={"key": "a"}, org={"key": "o"}), True),
        (
            {"includedContexts": [others("org", "o")], "excluded": ["a"]},
            multi(user={"key": "a"}, org={"key": "o"}),
            True,
        ),
        (
            {"excludedContexts": [others("org", "o")], "included": ["a"]},
            multi(user={"key": "a"}, org={"key": "o"}),
            True,
        ),
        (
            {"excludedContexts": [others("org", "o")], "rules": [EVERYBODY]},
            multi(user={"key": "a"}, org={"key": "o"}),
            False,
        ),
        ({"includedContexts": [others("", "a")]}, user("a"), True),
        ({"rules": [KEY_A]}, user("a"), True),
        ({"rules": [KEY_A]}, user("b"), False),
        ({"rules": [{"clauses": [*KEY_A["clauses"], clause("x", "in", 1)]}, KEY_A]}, user("a"), True),
        ({"rules": [EVERYBODY | {"weight": 0}]}, user("a"), False),
        ({"rules": [EVERYBODY | {"weight": 100_000}]}, user("a"), True),
        # Without the unit a context belongs in the SDKs of Python and Node; Go says that it doesn't.
        ({"rules": [EVERYBODY | {"weight": 1, "rolloutContextKind": "org"}]}, user("a"), True),
        ({"rules": [EVERYBODY | {"weight": 1, "bucketBy": "absent"}]}, user("a"), True),
        ({"rules": [EVERYBODY | {"weight": 0, "bucketBy": "absent"}]}, user("a"), False),
    ],
)
def test_a_context_belongs_or_not(parts: Document, context: Document, expected: bool) -> None:
    assert belongs(context, segment(**parts)) is expected


def test_a_weighted_rule_takes_its_share_of_the_units() -> None:
    half = segment(rules=[EVERYBODY | {"weight": 50_000, "bucketBy": "team"}])
    taken = sum(belongs(user(f"unit-{n}", team=n), half) for n in range(1000))
    # 500 are expected, with a standard deviation of 16.
    assert 440 < taken < 560


@pytest.mark.parametrize(
    ("keys", "negate", "matches"),
    [
        (("segment",), False, True),
        (("absent", "segment"), False, True),
        (("absent",), False, False),
        (("absent",), True, True),
        (("segment",), True, False),
        ((), True, True),
    ],
)
def test_a_clause_asks_for_any_of_its_segments(keys: tuple[str, ...], negate: bool, matches: bool) -> None:
    own = asked(user("a"), segment(included=["a"]), clauses=[segment_clause(*keys, negate=negate)])
    assert (own.reason["kind"] == "RULE_MATCH") is matches


def test_what_is_no_key_is_no_segment() -> None:
    source = by_key(flag(rules=[rule(clause("", "segmentMatch", 3, None, ["segment"], {"x": 1}))]))
    evaluation = evaluate(compile_set(source, {}), "flag", parse_context(user()))
    assert evaluation is not None
    assert evaluation.reason == {"kind": "FALLTHROUGH"}


def nested(key: str, *inner: str, **parts: Any) -> Document:
    return segment(key, rules=[{"clauses": [segment_clause(*inner)]}], **parts)


def test_segments_hold_segments() -> None:
    chain = (nested("segment", "inner"), nested("inner", "innermost"), segment("innermost", included=["a"]))
    assert belongs(user("a"), *chain)
    assert not belongs(user("b"), *chain)


@pytest.mark.parametrize("circle", [("segment",), ("inner", "segment"), ("inner", "innermost", "inner")])
def test_a_circle_is_a_fault_where_it_is_met(circle: tuple[str, ...]) -> None:
    names = ("segment", *circle)
    segments = [nested(key, following, included=["a"]) for key, following in pairwise(names)]
    assert asked(user("b"), *segments).reason == {"kind": "ERROR", "errorKind": "MALFORMED_FLAG"}
    assert belongs(user("a"), *segments)


def test_two_ways_to_one_segment_are_no_circle() -> None:
    top = segment(rules=[{"clauses": [segment_clause("left"), segment_clause("right")]}])
    assert belongs(
        user("a"),
        top,
        nested("left", "both"),
        nested("right", "both"),
        nested("both", "last"),
        segment("last", included=["a"]),
    )


@pytest.mark.parametrize(
    ("parts", "context", "kind", "status"),
    [
        ({"generation": 2, "included": ["a"]}, user("a"), "FALLTHROUGH", "NOT_CONFIGURED"),
        ({"generation": 2, "rules": [KEY_A]}, user("a"), "RULE_MATCH", "NOT_CONFIGURED"),
        ({"rules": [KEY_A]}, user("a"), "FALLTHROUGH", "NOT_CONFIGURED"),
        ({"generation": 2, "unboundedContextKind": "org", "rules": [KEY_A]}, user("a"), "FALLTHROUGH", None),
        ({"generation": None, "unboundedContextKind": "org"}, user("a"), "FALLTHROUGH", "NOT_CONFIGURED"),
    ],
)
def test_a_big_segment_has_no_members_without_a_store(
    parts: Document, context: Document, kind: str, status: str | None
) -> None:
    own = asked(context, segment(unbounded=True, **parts))
    assert own.reason["kind"] == kind
    assert own.reason.get("bigSegmentsStatus") == status


def test_the_status_of_big_segments_is_of_one_evaluation() -> None:
    compiled = compile_set(
        by_key(flag(rules=[rule(segment_clause("segment"))])), by_key(segment(unbounded=True))
    )
    again = compile_set(by_key(flag(rules=[])), {}, previous=compiled)
    assert compiled.flags["flag"].only is None
    context = parse_context(user())
    for _ in range(2):
        evaluation = evaluate(compiled, "flag", context)
        assert evaluation is not None
        assert evaluation.reason == {"kind": "FALLTHROUGH", "bigSegmentsStatus": "NOT_CONFIGURED"}
    plain = evaluate(again, "flag", context)
    assert plain is not None
    assert plain.reason == {"kind": "FALLTHROUGH"}
