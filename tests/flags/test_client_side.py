"""What client-side SDKs get: which flags, and which fields of each."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.flags.client_side import Audience, encode_patch, evaluate_all
from assay.flags.context import parse_context
from assay.flags.evaluation import compile_set, evaluate
from flags.documents import Document, by_key, clause, flag, rule, segment, segment_clause, user
from flags.generated import contexts, flag_sets, segment_sets

SEEN: Document = {"clientSideAvailability": {"usingEnvironmentId": True, "usingMobileKey": True}}
EXPERIMENT: Document = {
    "rollout": {"kind": "experiment", "seed": 61, "variations": [{"variation": 1, "weight": 100_000}]}
}


def body(
    *flags: Document,
    audience: Audience = "browser",
    with_reasons: bool = False,
    context: Document | None = None,
) -> dict[str, Any]:
    compiled = compile_set(by_key(*flags), by_key(segment(included=["user-1"])))
    encoded = evaluate_all(
        compiled, parse_context(context or user()), audience, version=1100, with_reasons=with_reasons
    )
    decoded: dict[str, Any] = msgspec.json.decode(encoded)
    return decoded


def test_a_result_holds_the_value_and_both_versions() -> None:
    assert body(flag(**SEEN)) == {"flag": {"value": "c", "variation": 2, "version": 1100, "flagVersion": 7}}


def test_without_flags_the_body_is_an_empty_object() -> None:
    assert body() == {}


def test_a_reason_comes_when_it_is_asked_for() -> None:
    assert body(flag(**SEEN), with_reasons=True)["flag"]["reason"] == {"kind": "FALLTHROUGH"}


def test_an_experiment_forces_its_event_and_its_reason() -> None:
    result = body(flag(fallthrough=EXPERIMENT, **SEEN))["flag"]
    assert result == {
        "value": "b",
        "variation": 1,
        "version": 1100,
        "flagVersion": 7,
        "trackEvents": True,
        "trackReason": True,
        "reason": {"kind": "FALLTHROUGH", "inExperiment": True},
    }


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ({"trackEventsFallthrough": True}, "FALLTHROUGH"),
        ({"rules": [rule(segment_clause("segment"), variation=1, trackEvents=True)]}, "RULE_MATCH"),
    ],
)
def test_an_experiment_of_the_old_sort_forces_them_too(parts: Document, kind: str) -> None:
    result = body(flag(**parts, **SEEN))["flag"]
    assert (result["trackEvents"], result["trackReason"], result["reason"]["kind"]) == (True, True, kind)


def test_a_tracked_flag_sends_events_without_reasons() -> None:
    result = body(flag(trackEvents=True, **SEEN))["flag"]
    assert result["trackEvents"] is True
    assert not {"trackReason", "reason"} & result.keys()


def test_a_result_without_a_variation_is_null() -> None:
    results = body(
        flag("off", on=False, offVariation=None, **SEEN),
        flag("faulty", fallthrough={}, **SEEN),
        flag("read", rules=[rule(clause("", "in", 1))], **SEEN),
        with_reasons=True,
    )
    for result in results.values():
        assert result["value"] is None
        assert "variation" not in result
    assert [result["reason"]["kind"] for result in results.values()] == ["OFF", "ERROR", "ERROR"]


@pytest.mark.parametrize("after", [[], [clause("", "in", 1)]])
def test_one_flag_s_big_segment_is_not_another_s(after: list[Document]) -> None:
    asks = flag("asks", rules=[rule(segment_clause("big", negate=True), *after)], **SEEN)
    plain = flag("plain", rules=[rule(clause("plan", "in", "pro"))], **SEEN)
    compiled = compile_set(by_key(asks, plain), by_key(segment("big", unbounded=True)))
    encoded = evaluate_all(compiled, parse_context(user()), "browser", version=1, with_reasons=True)
    results = msgspec.json.decode(encoded)
    assert ("bigSegmentsStatus" in results["asks"]["reason"]) is not bool(after)
    assert results["plain"]["reason"] == {"kind": "FALLTHROUGH"}


def test_debugging_lasts_until_its_date() -> None:
    result = body(flag(debugEventsUntilDate=1_795_452_404_821, **SEEN))["flag"]
    assert result["debugEventsUntilDate"] == 1_795_452_404_821


def test_prerequisites_are_the_direct_ones_that_were_evaluated() -> None:
    def wants(*keys: str) -> list[Document]:
        return [{"key": key, "variation": 2} for key in keys]

    results = body(
        flag("top", prerequisites=wants("middle", "off", "bottom"), **SEEN),
        flag("middle", prerequisites=wants("bottom"), **SEEN),
        flag("off", on=False, prerequisites=wants("bottom"), **SEEN),
        flag("bottom"),
    )
    assert results["top"]["prerequisites"] == ["middle", "off"]
    assert results["middle"]["prerequisites"] == ["bottom"]
    assert "prerequisites" not in results["off"]
    assert "bottom" not in results


@pytest.mark.parametrize(
    ("parts", "browser", "mobile"),
    [
        ({}, False, True),
        ({"clientSide": True}, True, True),
        ({"clientSideAvailability": {"usingEnvironmentId": True, "usingMobileKey": False}}, True, False),
        ({"clientSideAvailability": {"usingEnvironmentId": False}, "clientSide": True}, False, False),
        ({"clientSideAvailability": {"usingMobileKey": True}}, False, True),
    ],
)
def test_a_flag_is_seen_where_it_is_available(parts: Document, browser: bool, mobile: bool) -> None:
    assert ("flag" in body(flag(**parts))) is browser
    assert ("flag" in body(flag(**parts), audience="mobile")) is mobile


@pytest.mark.parametrize("key", ["flag", 'quo"te', "ключ", "a,b:{c}"])
@pytest.mark.parametrize("with_reasons", [False, True])
def test_a_patch_is_the_result_with_its_key_inside(key: str, with_reasons: bool) -> None:
    compiled = compile_set(by_key(flag(key, variations=["a", "b", {"x": '"}'}], **SEEN)), {})
    context = parse_context(user())
    evaluation = evaluate(compiled, key, context)
    assert evaluation is not None
    patch = msgspec.json.decode(encode_patch(evaluation, version=12, with_reasons=with_reasons))
    whole = msgspec.json.decode(
        evaluate_all(compiled, context, "browser", version=12, with_reasons=with_reasons)
    )
    assert patch == {"key": key, **whole[key]}


@settings(deadline=None, derandomize=True, max_examples=40)
@given(flag_sets, segment_sets, contexts, st.booleans())
def test_a_body_holds_what_each_evaluation_says(
    flags: dict[str, Document], segments: dict[str, Document], context: Document, with_reasons: bool
) -> None:
    compiled = compile_set(flags, segments)
    parsed = parse_context(context)
    whole = msgspec.json.decode(
        evaluate_all(compiled, parsed, "mobile", version=3, with_reasons=with_reasons)
    )
    assert whole.keys() == flags.keys()
    for key, result in whole.items():
        evaluation = evaluate(compiled, key, parsed)
        assert evaluation is not None
        assert (result["value"], result.get("variation")) == (evaluation.value, evaluation.variation)
        assert ("reason" in result) == (with_reasons or evaluation.experiment)
        assert result.get("reason", evaluation.reason) == evaluation.reason
        assert result.get("trackEvents", False) == evaluation.track_events
        assert result.get("prerequisites", []) == list(evaluation.prerequisites)
