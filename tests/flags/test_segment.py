"""The segment as a record: what SDKs get of it, what is refused, and what each instruction does to it."""

from typing import Any

import msgspec
import pytest

from assay.errors import InvalidRequest
from assay.flags.model import Clause
from assay.flags.segment import (
    MOST_KEYS,
    Segment,
    SegmentRule,
    SegmentTarget,
    check_segment,
    delivered_segment,
    listed,
    segments_below,
)
from assay.flags.segment_instructions import KINDS, apply_segment_instructions, identified_rule
from assay.flags.wire import WireSegment

PLAN = Clause("plan", "in", ("pro",), id="plan")


def segment(**changes: Any) -> Segment:
    return Segment(**{"key": "s", "name": "S", "creation_date": 1, "salt": "salt", **changes})


def rule(key: str = "r", *clauses: Clause, **changes: Any) -> SegmentRule:
    return SegmentRule(clauses or (PLAN,), id=key, **changes)


def after(made: Segment, kind: str, **parameters: Any) -> Segment:
    return apply_segment_instructions(made, [{"kind": kind, **parameters}])


def test_what_is_delivered_reads_as_a_segment_of_the_wire() -> None:
    made = segment(
        included=("a",),
        excluded=("b",),
        included_contexts=(SegmentTarget(("o",), "org"),),
        rules=(rule(weight=50_000, bucket_by="country", rollout_context_kind="org"), rule("other")),
        version=7,
    )
    wire = msgspec.convert(delivered_segment(made), WireSegment, strict=True)
    assert (wire.key, wire.version, wire.included, wire.excluded, wire.salt) == ("s", 7, ["a"], ["b"], "salt")
    assert wire.rules is not None
    assert [item.weight for item in wire.rules] == [50_000, None]
    assert "weight" not in delivered_segment(made)["rules"][1]


def test_an_unbounded_segment_is_delivered_like_any_other() -> None:
    made = segment(
        unbounded=True, unbounded_context_kind="org", included_contexts=(SegmentTarget(("o",), "org"),)
    )
    assert "unbounded" not in delivered_segment(made)
    assert delivered_segment(made)["includedContexts"] == [{"contextKind": "org", "values": ["o"]}]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"rules": (SegmentRule((), id="r"),)},
        {"rules": (rule(), rule())},
        {"rules": (rule("r", Clause("a", "resembles", ())),)},
        {"rules": (rule(weight=100_001),)},
        {"rules": (rule(weight=-1),)},
        {"rules": (rule(rollout_context_kind="no kind"),)},
        {"rules": (rule("r", Clause("a", "in", (), context_kind="no kind")),)},
        {"included_contexts": (SegmentTarget(("a",), "multi"),)},
        {"unbounded_context_kind": "kind"},
        {"included": tuple(map(str, range(MOST_KEYS))), "excluded": ("one more",)},
    ],
)
def test_a_segment_that_no_sdk_should_see_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        check_segment(segment(**changes))


def test_a_segment_at_its_limits_is_taken() -> None:
    check_segment(segment(included=tuple(map(str, range(MOST_KEYS))), rules=(rule(weight=0),)))


def test_the_segments_below_are_those_that_rules_name() -> None:
    asking = Clause("", "segmentMatch", ("other", "third", 7))
    assert segments_below(segment(rules=(rule("r", PLAN, asking),))) == {"other", "third"}
    assert segments_below(segment(rules=(rule(),))) == set()


@pytest.mark.parametrize(("side", "other"), [("Included", "Excluded"), ("Excluded", "Included")])
def test_keys_are_added_to_a_list_and_taken_away(side: str, other: str) -> None:
    here, made = side == "Included", segment()
    made = after(made, f"add{side}Users", values=["a", "b"])
    made = after(made, f"add{side}Targets", contextKind="org", values=["o"])
    made = after(made, f"add{side}Targets", values=["c", "a"])
    assert listed(made, "user", included=here) == {"a", "b", "c"}
    assert listed(made, "org", included=here) == {"o"}
    assert listed(made, "user", included=not here) == set()
    with pytest.raises(InvalidRequest, match="both"):
        after(made, f"add{other}Users", values=["a"])
    made = after(made, f"remove{side}Users", values=["a", "unknown"])
    made = after(made, f"remove{side}Targets", contextKind="org", values=["o"])
    assert listed(made, "user", included=here) == {"b", "c"}
    assert (made.included_contexts, made.excluded_contexts) == ((), ())


def test_big_segments_lists_hold_their_own_kind() -> None:
    made = segment(unbounded=True, unbounded_context_kind="org")
    made = after(made, "addBigSegmentIncludedTargets", values=["o", "p"])
    made = after(made, "addBigSegmentExcludedTargets", values=["q"])
    made = after(made, "removeBigSegmentIncludedTargets", values=["p"])
    made = after(made, "removeBigSegmentExcludedTargets", values=["q"])
    assert made.included_contexts == (SegmentTarget(("o",), "org"),)
    assert (made.included, made.excluded, made.excluded_contexts) == ((), (), ())


def test_users_among_the_contexts_are_found_and_taken_away() -> None:
    made = segment(included=("a",), included_contexts=(SegmentTarget(("b",), "user"),))
    assert listed(made, "user", included=True) == {"a", "b"}
    assert listed(after(made, "removeIncludedUsers", values=["b"]), "user", included=True) == {"a"}


def test_names_tags_and_descriptions_are_changed() -> None:
    made = after(segment(tags=("x",)), "updateName", value="New")
    made = after(made, "updateDescription", value="why")
    made = after(made, "addTags", values=["y", "x"])
    made = after(made, "removeTags", values=["x"])
    assert (made.name, made.description, made.tags) == ("New", "why", ("y",))


def test_rules_are_added_moved_described_weighted_and_removed() -> None:
    made = segment(rules=(rule("first"),))
    clauses = [{"attribute": "email", "op": "endsWith", "values": ["@x.org"]}]
    made = after(made, "addRule", clauses=clauses, description="staff", beforeRuleId="first")
    new = made.rules[0].id
    assert new
    assert made.rules[0].clauses[0].id
    made = after(made, "reorderRules", ruleIds=["first", new])
    made = after(made, "updateRuleDescription", ruleId=new, description="all staff")
    made = after(made, "updateRuleRolloutAndContextKind", ruleId=new, weight="20000", contextKind="device")
    added = made.rules[1]
    assert (added.description, added.weight, added.rollout_context_kind) == ("all staff", 20_000, "device")
    assert [item.id for item in after(made, "removeRule", ruleId="first").rules] == [new]
    assert after(made, "removeRule", ruleId="unknown") == made


def test_clauses_are_added_replaced_widened_and_removed() -> None:
    made = segment(rules=(rule("r"),))
    added = [{"attribute": "country", "op": "in", "values": ["NL"]}]
    made = after(made, "addClauses", ruleId="r", clauses=added)
    country = made.rules[0].clauses[1].id
    made = after(made, "addValuesToClause", ruleId="r", clauseId="plan", values=["pro", "team"])
    assert made.rules[0].clauses[0].values == ("pro", "team")
    made = after(made, "removeValuesFromClause", ruleId="r", clauseId="plan", values=["pro"])
    assert made.rules[0].clauses[0].values == ("team",)
    renewed = {"attribute": "city", "op": "in", "values": ["Delft"], "negate": True}
    made = after(made, "updateClause", ruleId="r", clauseId=country, clause=renewed)
    assert made.rules[0].clauses[1] == Clause("city", "in", ("Delft",), negate=True, id=country)
    made = after(made, "removeClauses", ruleId="r", clauseIds=["plan"])
    assert [clause.id for clause in made.rules[0].clauses] == [country]


@pytest.mark.parametrize(
    "instruction",
    [
        "not an object",
        {},
        {"kind": 7},
        {"kind": "turnFlagOn"},
        {"kind": "updateName"},
        {"kind": "addTags", "values": "x"},
        {"kind": "addTags", "values": [1]},
        {"kind": "addIncludedTargets", "values": ["a"], "contextKind": 3},
        {"kind": "addRule"},
        {"kind": "addRule", "clauses": [{"attribute": "a"}]},
        {"kind": "addRule", "clauses": [], "beforeRuleId": "unknown"},
        {"kind": "reorderRules", "ruleIds": ["r", "r"]},
        {"kind": "updateRuleDescription", "ruleId": "unknown", "description": ""},
        {"kind": "updateRuleRolloutAndContextKind", "ruleId": "r", "weight": 1.5},
        {"kind": "updateRuleRolloutAndContextKind", "ruleId": "r", "weight": "9" * 30},
        {"kind": "addValuesToClause", "ruleId": "r", "clauseId": "unknown", "values": []},
        {"kind": "updateClause", "ruleId": "r", "clauseId": "plan"},
    ],
)
def test_an_instruction_that_cannot_be_followed_is_refused(instruction: Any) -> None:
    with pytest.raises(InvalidRequest):
        apply_segment_instructions(segment(rules=(rule("r"),)), [instruction])


@pytest.mark.parametrize("kind", KINDS)
def test_no_instruction_does_anything_without_its_parameters(kind: str) -> None:
    with pytest.raises(InvalidRequest):
        after(segment(rules=(rule("r"),)), kind)


def test_kinds_and_parameters_are_read_in_any_case() -> None:
    made = apply_segment_instructions(
        segment(), [{"kind": "AddIncludedTargets", "ContextKind": "org", "VALUES": ["o"]}]
    )
    assert listed(made, "org", included=True) == {"o"}


def test_ids_that_a_rule_has_are_kept() -> None:
    made = identified_rule(rule("r", PLAN, Clause("a", "in", (1,))))
    assert (made.id, made.clauses[0].id) == ("r", "plan")
    assert made.clauses[1].id
