"""Compiling a set: what can't be read is an answer, and what did not change is kept."""

from typing import Any

import pytest

from assay.flags.client_side import evaluate_all
from assay.flags.context import parse_context
from assay.flags.delivery import delivered_flag
from assay.flags.evaluation import CompiledSet, compile_set, evaluate
from assay.flags.model import Fallthrough, Flag, FlagConfig, Rollout, Variation, WeightedVariation
from assay.flags.results import Evaluation
from flags.documents import Document, by_key, clause, flag, rule, segment, segment_clause, user

MALFORMED = {"kind": "ERROR", "errorKind": "MALFORMED_FLAG"}


def evaluated(compiled: CompiledSet, key: str = "flag", context: Document | None = None) -> Evaluation:
    evaluation = evaluate(compiled, key, parse_context(context or user()))
    assert evaluation is not None
    return evaluation


@pytest.mark.parametrize(
    "parts",
    [
        {"on": "yes"},
        {"version": "1"},
        {"variations": "abc"},
        {"fallthrough": {"variation": 1.5}},
        {"fallthrough": {"rollout": {"variations": [{"variation": 0}]}}},
        {"fallthrough": {"rollout": {"variations": [{"variation": 0, "weight": 50_000.5}]}}},
        {"rules": [{"variation": 1}]},
        {"rules": [{"clauses": [{"op": "in", "values": []}], "variation": 1}]},
        {"rules": [{"clauses": [{"attribute": "a", "op": "in", "values": None}], "variation": 1}]},
        {"targets": [{"variation": 0}]},
        {"targets": [{"variation": 0, "values": [3]}]},
        {"prerequisites": [{"key": "flag-1"}]},
        {"salt": 3},
    ],
)
def test_a_flag_that_can_not_be_read_answers_with_an_error(parts: Document) -> None:
    compiled = compile_set(
        {"flag": flag(**parts), "child": flag("child", prerequisites=[{"key": "flag", "variation": 2}])}, {}
    )
    assert evaluated(compiled).reason == MALFORMED
    assert evaluated(compiled).variation is None
    assert evaluated(compiled, "child").reason == {"kind": "PREREQUISITE_FAILED", "prerequisiteKey": "flag"}
    for audience in ("browser", "mobile"):
        body = evaluate_all(compiled, parse_context(user()), audience, version=1, with_reasons=False)
        assert b'"flag":' not in body


def test_a_segment_that_can_not_be_read_makes_flags_that_ask_malformed() -> None:
    rules = [rule(clause("plan", "in", "pro")), rule(segment_clause("segment"))]
    compiled = compile_set(by_key(flag(rules=rules)), {"segment": segment(included="everybody")})
    assert evaluated(compiled).reason == MALFORMED
    assert evaluated(compiled, context=user(plan="pro")).reason["kind"] == "RULE_MATCH"


def test_there_is_no_answer_of_a_flag_that_does_not_exist() -> None:
    compiled = compile_set(
        {"gone": {"key": "gone", "version": 3, "deleted": True}}, {"gone": {"deleted": True}}
    )
    assert compiled.segments == {}
    assert evaluate(compiled, "gone", parse_context(user())) is None
    assert evaluate(compiled, "flag", parse_context(user())) is None


def test_a_chain_of_prerequisites_deeper_than_the_stack_is_a_fault() -> None:
    flags = by_key(
        *(flag(f"flag-{n}", prerequisites=[{"key": f"flag-{n + 1}", "variation": 2}]) for n in range(2000)),
        flag("flag-2000"),
    )
    compiled = compile_set(flags, {})
    assert evaluated(compiled, "flag-0").reason == MALFORMED
    assert evaluated(compiled, "flag-1990").reason == {"kind": "FALLTHROUGH"}


def test_what_did_not_change_is_not_compiled_again() -> None:
    flags: dict[str, Any] = by_key(flag("one"), flag("two"))
    segments = by_key(segment("s"), segment("t"))
    first = compile_set(flags, segments)
    second = compile_set(
        flags | {"two": flag("two", version=8)},
        segments | {"t": segment("t", included=["a"])},
        previous=first,
    )
    assert second.flags["one"] is first.flags["one"]
    assert second.flags["two"] is not first.flags["two"]
    assert second.segments["s"] is first.segments["s"]
    assert second.segments["t"] is not first.segments["t"]


def test_a_segment_change_reaches_flags_that_were_kept() -> None:
    flags = by_key(flag(rules=[rule(segment_clause("segment"))]))
    first = compile_set(flags, by_key(segment()))
    second = compile_set(flags, by_key(segment(included=["user-1"])), previous=first)
    assert evaluated(first).variation == 2
    assert evaluated(second).variation == 1


def test_a_flag_as_we_deliver_it_is_evaluated() -> None:
    halves = (WeightedVariation(0, 50_000), WeightedVariation(1, 50_000))
    config = FlagConfig(
        salt="s",
        sel="s",
        on=True,
        version=5,
        fallthrough=Fallthrough(rollout=Rollout(halves, seed=61, kind="experiment")),
    )
    source = Flag("flag", "Flag", (Variation(True), Variation(False)), 0, environments={"test": config})
    compiled = compile_set({"flag": delivered_flag(source, config, tracked=False)}, {})
    evaluation = evaluated(compiled, context=user("user-1"))
    assert (evaluation.value, evaluation.variation, evaluation.in_experiment) == (False, 1, True)
    assert evaluated(compiled, context=user("anon-1")).value is True


def test_a_tracked_flag_as_we_deliver_it_counts() -> None:
    config = FlagConfig(salt="s", sel="s", on=True)
    source = Flag("flag", "Flag", (Variation(True), Variation(False)), 0, environments={"test": config})
    evaluation = evaluated(compile_set({"flag": delivered_flag(source, config, tracked=True)}, {}))
    assert (evaluation.experiment, evaluation.track_events, evaluation.in_experiment) == (True, True, False)
