"""Instructions about rules and clauses: each does what it says to the rule it names, and to no other."""

from typing import Any

import pytest
from msgspec.structs import replace

from assay.flags.model import Clause, Rule
from flags.flags import config, rollout
from flags.semantic import production, refusal

CLAUSE = {"attribute": "country", "op": "in", "values": ["de"]}
FIRST = Rule(
    (Clause("country", "in", ("de", "at"), id="c0"), Clause("age", "lessThan", (18,), id="c1")),
    variation=0,
    id="r0",
)
SECOND = Rule((Clause("plan", "in", ("pro", 1), id="c2"),), variation=1, id="r1")
BEFORE = config(rules=(FIRST, SECOND))


def rules(*instructions: Any) -> tuple[Rule, ...]:
    return production(*instructions, before=BEFORE).rules


def test_a_new_rule_comes_last_with_ids_and_the_kind_user() -> None:
    made = rules({"kind": "addRule", "variationId": "id-2", "clauses": [CLAUSE], "description": "Germans"})
    assert made[:2] == (FIRST, SECOND)
    clause = Clause("country", "in", ("de",), context_kind="user", id="new-0")
    assert made[2] == Rule((clause,), variation=2, description="Germans", id="new-1")


def test_a_new_rule_may_come_before_another_and_spread_its_contexts() -> None:
    made = rules(
        {
            "kind": "addRule",
            "beforeRuleId": "r1",
            "clauses": [{**CLAUSE, "contextKind": "org", "negate": True}],
            "rolloutWeights": {"id-0": 25_000, "id-1": 75_000},
            "rolloutBucketBy": "name",
            "rolloutContextKind": "org",
            "trackEvents": True,
        }
    )
    assert [rule.id for rule in made] == ["r0", made[1].id, "r1"]
    assert made[1].rollout == rollout(25_000, 75_000, bucket_by="name", context_kind="org")
    assert made[1].clauses[0].negate
    assert made[1].clauses[0].context_kind == "org"
    assert made[1].track_events


def test_a_clause_about_segments_has_no_context_kind() -> None:
    clause = {"op": "segmentMatch", "values": ["beta"]}
    made = rules({"kind": "addRule", "variationId": "id-0", "clauses": [clause]})
    assert made[2].clauses[0] == Clause("", "segmentMatch", ("beta",), id=made[2].clauses[0].id)


def test_a_rule_is_removed_and_one_that_is_gone_stays_gone() -> None:
    assert rules({"kind": "removeRule", "ruleId": "r0"}) == (SECOND,)
    assert rules({"kind": "removeRule", "ruleId": "nobody"}) == (FIRST, SECOND)


def test_rules_are_put_in_another_order() -> None:
    assert rules({"kind": "reorderRules", "ruleIds": ["r1", "r0"]}) == (SECOND, FIRST)


@pytest.mark.parametrize("wanted", [["r0"], ["r0", "r0"], ["r0", "r1", "r2"], [], ["r0", "r1", "r1"]])
def test_an_order_must_name_every_rule_once(wanted: list[str]) -> None:
    assert "every rule once" in refusal({"kind": "reorderRules", "ruleIds": wanted}, before=BEFORE)


def test_all_rules_are_replaced() -> None:
    made = rules({"kind": "replaceRules", "rules": [{"variationId": "id-1", "clauses": [CLAUSE]}]})
    assert [(rule.variation, rule.clauses[0].values) for rule in made] == [(1, ("de",))]
    assert made[0].id not in ("r0", "r1", "")
    assert rules({"kind": "replaceRules", "rules": []}) == ()


def test_clauses_are_added_and_removed() -> None:
    made = rules({"kind": "addClauses", "ruleId": "r1", "clauses": [CLAUSE, CLAUSE]})
    assert made[0] == FIRST
    assert [clause.attribute for clause in made[1].clauses] == ["plan", "country", "country"]
    assert len({clause.id for clause in made[1].clauses}) == 3
    (kept,) = rules({"kind": "removeClauses", "ruleId": "r0", "clauseIds": ["c0"]})[0].clauses
    assert kept.id == "c1"


def test_a_clause_is_replaced_and_keeps_its_id() -> None:
    made = rules({"kind": "updateClause", "ruleId": "r0", "clauseId": "c1", "clause": CLAUSE})
    assert made[0].clauses[0] == FIRST.clauses[0]
    assert made[0].clauses[1] == Clause("country", "in", ("de",), context_kind="user", id="c1")


def test_values_come_and_go_each_once_and_true_is_not_one() -> None:
    place = {"ruleId": "r1", "clauseId": "c2"}
    made = rules({"kind": "addValuesToClause", **place, "values": ["pro", "free", True]})
    assert made[1].clauses[0].values == ("pro", 1, "free", True)
    made = rules({"kind": "removeValuesFromClause", **place, "values": ["pro", True, "never"]})
    assert made[1].clauses[0].values == (1,)


def test_what_a_rule_serves_is_changed_and_changed_back() -> None:
    kind = "updateRuleVariationOrRollout"
    spread = {"kind": kind, "ruleId": "r0", "rolloutWeights": {"id-0": 10_000, "id-2": 90_000}}
    made = rules(spread)
    assert (made[0].variation, made[1]) == (None, SECOND)
    assert made[0].rollout is not None
    assert [entry.variation for entry in made[0].rollout.variations] == [0, 2]
    again = rules(spread, {"kind": kind, "ruleId": "r0", "variationId": "id-1"})
    assert again[0] == replace(FIRST, variation=1)


def test_new_weights_of_a_rule_keep_its_seed_and_its_unit() -> None:
    seeded = rollout(50_000, 50_000, seed=7, kind="experiment", context_kind="org")
    before = config(rules=(replace(FIRST, variation=None, rollout=seeded),))
    weights = {"id-0": 20_000, "id-1": 80_000}
    instruction = {"kind": "updateRuleVariationOrRollout", "ruleId": "r0", "rolloutWeights": weights}
    (made,) = production(instruction, before=before).rules
    assert made.rollout == replace(seeded, variations=rollout(20_000, 80_000).variations)


def test_a_rule_is_described_and_tracked() -> None:
    made = rules(
        {"kind": "updateRuleDescription", "ruleId": "r0", "description": "first"},
        {"kind": "updateRuleTrackEvents", "ruleId": "r1", "trackEvents": True},
    )
    assert made == (replace(FIRST, description="first"), replace(SECOND, track_events=True))


@pytest.mark.parametrize(
    "instruction",
    [
        {"kind": "addRule", "clauses": [CLAUSE]},
        {"kind": "addRule", "variationId": "id-0"},
        {"kind": "addRule", "variationId": "id-9", "clauses": [CLAUSE]},
        {"kind": "addRule", "variationId": "id-0", "rolloutWeights": {"id-0": 100_000}, "clauses": [CLAUSE]},
        {"kind": "addRule", "variationId": "id-0", "clauses": [CLAUSE], "beforeRuleId": "nobody"},
        {"kind": "addRule", "variationId": "id-0", "clauses": ["country"]},
        {"kind": "addRule", "variationId": "id-0", "clauses": [{"attribute": "a", "op": "in"}]},
        {"kind": "addRule", "variationId": "id-0", "clauses": [{"op": "in", "values": [1]}]},
        {"kind": "addRule", "variationId": "id-0", "clauses": [{**CLAUSE, "negate": "no"}]},
        {"kind": "removeRule"},
        {"kind": "replaceRules", "rules": {}},
        {"kind": "addClauses", "ruleId": "nobody", "clauses": [CLAUSE]},
        {"kind": "removeClauses", "ruleId": "r0", "clauseIds": ["c2"]},
        {"kind": "updateClause", "ruleId": "r0", "clauseId": "c2", "clause": CLAUSE},
        {"kind": "updateClause", "ruleId": "r0", "clauseId": "c0"},
        {"kind": "addValuesToClause", "ruleId": "r0", "clauseId": "c0", "values": "de"},
        {"kind": "removeValuesFromClause", "ruleId": "r0", "clauseId": "nobody", "values": []},
        {"kind": "updateRuleVariationOrRollout", "ruleId": "r0"},
        {"kind": "updateRuleVariationOrRollout", "variationId": "id-0"},
        {"kind": "updateRuleDescription", "ruleId": "r0"},
        {"kind": "updateRuleTrackEvents", "ruleId": "r0", "trackEvents": 1},
    ],
)
def test_what_can_not_be_done_to_a_rule_is_refused_by_name(instruction: dict[str, Any]) -> None:
    said = refusal(instruction, before=BEFORE)
    assert said.startswith(f"instructions[0] {instruction['kind']}: ")
