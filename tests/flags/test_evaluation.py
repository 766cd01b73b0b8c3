"""Which answer a flag gives and why: written cases, on each of which the official SDK agrees."""

from typing import Any

import pytest

from flags.documents import Document, by_key, clause, flag, multi, rule, user
from flags.official import Answer, both

ANN = user("ann", country="NL")
OFF = {"kind": "OFF"}
FALLTHROUGH = {"kind": "FALLTHROUGH"}
TARGET = {"kind": "TARGET_MATCH"}
MALFORMED = {"kind": "ERROR", "errorKind": "MALFORMED_FLAG"}
IN_NL = clause("country", "in", "NL")
IN_DE = clause("country", "in", "DE")


def matched(index: int, identifier: str = "rule-id", **more: Any) -> Document:
    return {"kind": "RULE_MATCH", "ruleIndex": index, "ruleId": identifier} | more


def failed(key: str) -> Document:
    return {"kind": "PREREQUISITE_FAILED", "prerequisiteKey": key}


def answer(*flags: Document, context: Document = ANN, segments: tuple[Document, ...] = ()) -> Answer:
    """What the first of `flags` says, on which the official SDK agrees."""
    own, official = both(by_key(*flags), flags[0]["key"], context, by_key(*segments))
    assert own == official
    return own


@pytest.mark.parametrize(
    ("parts", "variation", "reason"),
    [
        ({}, 2, FALLTHROUGH),
        ({"on": False}, 0, OFF),
        ({"on": False, "offVariation": None}, None, OFF),
        ({"on": False, "offVariation": 3}, None, MALFORMED),
        ({"on": False, "offVariation": -1}, None, MALFORMED),
        ({"on": None}, 0, OFF),
        ({"fallthrough": {"variation": 9}}, None, MALFORMED),
        ({"fallthrough": {"variation": -1}}, None, MALFORMED),
        ({"fallthrough": {}}, None, MALFORMED),
        ({"fallthrough": None}, None, MALFORMED),
        ({"fallthrough": {"rollout": {"variations": []}}}, None, MALFORMED),
        ({"fallthrough": {"rollout": {"variations": [{"variation": 8, "weight": 1}]}}}, None, MALFORMED),
        ({"fallthrough": {"variation": 1, "rollout": {"variations": []}}}, 1, FALLTHROUGH),
        ({"variations": []}, None, MALFORMED),
        ({"rules": [rule(IN_NL)]}, 1, matched(0)),
        ({"rules": [rule(IN_DE), rule(IN_NL)]}, 1, matched(1)),
        ({"rules": [rule(IN_DE)]}, 2, FALLTHROUGH),
        ({"rules": [rule(IN_NL, IN_DE)]}, 2, FALLTHROUGH),
        ({"rules": [rule()]}, 1, matched(0)),
        ({"rules": [rule(IN_NL) | {"id": None}]}, 1, {"kind": "RULE_MATCH", "ruleIndex": 0}),
        ({"rules": [rule(IN_NL, variation=7)]}, None, MALFORMED),
        ({"rules": [rule(IN_NL, variation=None)]}, None, MALFORMED),
        ({"rules": [rule(IN_DE, variation=7)]}, 2, FALLTHROUGH),
        ({"targets": [{"variation": 1, "values": ["ann"]}], "rules": [rule(IN_NL, variation=0)]}, 1, TARGET),
        ({"targets": [{"variation": 1, "values": ["bob"]}]}, 2, FALLTHROUGH),
        ({"targets": [{"variation": 1, "values": []}, {"variation": 0, "values": ["ann"]}]}, 0, TARGET),
        ({"targets": [{"variation": 1, "values": ["ann"]}, {"variation": 0, "values": ["ann"]}]}, 1, TARGET),
        ({"targets": [{"variation": 5, "values": ["ann"]}]}, None, MALFORMED),
    ],
)
def test_a_flag_answers_a_user(parts: Document, variation: int | None, reason: Document) -> None:
    own = answer(flag(**parts))
    assert (own.variation, own.reason) == (variation, reason)
    assert own.value == (None if variation is None else "abc"[variation])


@pytest.mark.parametrize(
    ("clause_parts", "context", "matches"),
    [
        ({}, ANN, True),
        ({"contextKind": "user"}, ANN, True),
        ({"contextKind": ""}, ANN, True),
        ({"contextKind": "org"}, ANN, False),
        ({"contextKind": "org", "negate": True}, ANN, False),
        ({"negate": True}, ANN, False),
        ({"negate": True}, user(country="DE"), True),
        ({"negate": True}, user(), False),
        ({"negate": True}, user(country=None), False),
        ({"negate": True}, user(country=[]), True),
        ({}, user(country=["DE", "NL"]), True),
        ({"negate": True}, user(country=["DE", "NL"]), False),
        ({}, {"kind": "org", "key": "o", "country": "NL"}, False),
        ({}, multi(user={"key": "ann"}, org={"key": "o", "country": "NL"}), False),
        ({"contextKind": "org"}, multi(user={"key": "ann"}, org={"key": "o", "country": "NL"}), True),
    ],
)
def test_a_clause_matches_one_part_of_a_context(
    clause_parts: Document, context: Document, matches: bool
) -> None:
    own = answer(flag(rules=[rule(IN_NL | clause_parts)]), context=context)
    assert own.reason == (matched(0) if matches else FALLTHROUGH)


@pytest.mark.parametrize(
    ("values", "negate", "context", "matches"),
    [
        (["org"], False, multi(user={"key": "a"}, org={"key": "o"}), True),
        (["org"], True, multi(user={"key": "a"}, org={"key": "o"}), False),
        (["org"], True, user(), True),
        (["multi"], False, multi(user={"key": "a"}, org={"key": "o"}), False),
        (["user"], False, {"kind": "multi", "user": {"key": "a"}}, True),
    ],
)
def test_the_attribute_kind_is_every_kind_of_the_context(
    values: list[str], negate: bool, context: Document, matches: bool
) -> None:
    own = answer(flag(rules=[rule(clause("kind", "in", *values, negate=negate))]), context=context)
    assert own.reason == (matched(0) if matches else FALLTHROUGH)


def test_an_operator_that_nobody_knows_matches_only_negated() -> None:
    unknown = clause("country", "resembles", "NL")
    assert answer(flag(rules=[rule(unknown)])).reason == FALLTHROUGH
    assert answer(flag(rules=[rule(unknown | {"negate": True})])).reason == matched(0)


@pytest.mark.parametrize("context", [ANN, {"kind": "org", "key": "o"}])
def test_a_faulty_reference_is_a_fault_only_where_it_is_read(context: Document) -> None:
    own = answer(flag(rules=[rule(clause("//", "in", 1, contextKind="user"))]), context=context)
    assert own.reason == (MALFORMED if context["kind"] == "user" else FALLTHROUGH)


TARGETS: Document = {
    "targets": [{"variation": 0, "values": ["ann"]}, {"variation": 1, "values": ["bob"]}],
    "contextTargets": [
        {"contextKind": "user", "variation": 1, "values": []},
        {"contextKind": "org", "variation": 2, "values": ["acme"]},
        {"contextKind": "user", "variation": 0, "values": ["ignored"]},
    ],
    "fallthrough": {"variation": 2},
}


@pytest.mark.parametrize(
    ("context", "variation"),
    [
        (user("ann"), 0),
        (user("bob"), 1),
        ({"kind": "org", "key": "acme"}, 2),
        (multi(user={"key": "ann"}, org={"key": "acme"}), 2),
        (multi(user={"key": "bob"}, org={"key": "acme"}), 1),
        (multi(user={"key": "ann"}, org={"key": "other"}), 0),
    ],
)
def test_context_targets_keep_their_order_among_the_user_targets(context: Document, variation: int) -> None:
    own = answer(flag(**TARGETS), context=context)
    assert (own.variation, own.reason) == (variation, TARGET)


@pytest.mark.parametrize("context", [user("ignored"), user("acme"), {"kind": "org", "key": "ann"}])
def test_what_no_context_target_names_falls_through(context: Document) -> None:
    assert answer(flag(**TARGETS), context=context).reason == FALLTHROUGH


def test_user_targets_without_their_marks_do_not_count() -> None:
    own = answer(
        flag(targets=TARGETS["targets"], contextTargets=[TARGETS["contextTargets"][1]]), context=user("ann")
    )
    assert own.reason == FALLTHROUGH


def test_a_mark_points_only_to_the_first_user_target_of_its_variation() -> None:
    users = [{"variation": 0, "values": ["bob"]}, {"variation": 0, "values": ["ann"]}]
    mark = {"contextKind": "user", "variation": 0, "values": []}
    targets: Document = {"targets": users, "contextTargets": [mark]}
    assert answer(flag(**targets), context=user("bob")).reason == TARGET
    assert answer(flag(**targets), context=user("ann")).reason == FALLTHROUGH


def wants(*pairs: tuple[str, int]) -> list[Document]:
    return [{"key": key, "variation": variation} for key, variation in pairs]


@pytest.mark.parametrize(
    ("prerequisites", "reason", "evaluated"),
    [
        ([("p", 2)], FALLTHROUGH, ["p"]),
        ([("p", 1)], failed("p"), ["p"]),
        ([("off", 0)], failed("off"), ["off"]),
        ([("absent", 0)], failed("absent"), ["absent"]),
        ([("faulty", 0)], failed("faulty"), ["faulty"]),
        ([("p", 2), ("q", 1)], FALLTHROUGH, ["p", "q"]),
        ([("p", 2), ("q", 0)], failed("q"), ["p", "q"]),
        ([("p", 0), ("q", 0)], failed("p"), ["p"]),
        ([("deep", 2)], FALLTHROUGH, ["deep"]),
        ([("deep", 2), ("deep", 0)], failed("deep"), ["deep", "deep"]),
        ([("flag", 2)], MALFORMED, []),
        ([("p", 2), ("flag", 2)], MALFORMED, ["p"]),
        ([("circle", 2)], MALFORMED, ["circle"]),
        ([("p", 0), ("circle", 2)], failed("p"), ["p"]),
    ],
)
def test_prerequisites_come_first_and_in_order(
    prerequisites: list[tuple[str, int]], reason: Document, evaluated: list[str]
) -> None:
    own = answer(
        flag(prerequisites=wants(*prerequisites)),
        flag("p"),
        flag("q", fallthrough={"variation": 1}),
        flag("off", on=False),
        flag("faulty", fallthrough={}),
        flag("deep", prerequisites=wants(("p", 2), ("q", 1))),
        flag("circle", prerequisites=wants(("half", 2))),
        flag("half", prerequisites=wants(("circle", 2))),
    )
    assert (own.reason, own.prerequisites) == (reason, evaluated)


def test_a_circle_through_a_flag_that_is_off_is_none() -> None:
    own = answer(
        flag(prerequisites=wants(("other", 2))), flag("other", on=False, prerequisites=wants(("flag", 2)))
    )
    assert own.reason == failed("other")


def test_an_off_flag_asks_for_no_prerequisites() -> None:
    own = answer(flag(on=False, prerequisites=wants(("p", 2))), flag("p"))
    assert (own.reason, own.prerequisites) == (OFF, [])


def test_a_fault_inside_a_prerequisite_is_the_flag_s_fault() -> None:
    faulty = flag("p", rules=[rule(clause("", "in", 1))])
    own = answer(flag(prerequisites=wants(("p", 2), ("q", 1))), faulty, flag("q"))
    assert (own.reason, own.prerequisites) == (MALFORMED, ["p"])


def test_a_fault_after_the_prerequisites_lists_them_all() -> None:
    own = answer(flag(prerequisites=wants(("p", 2)), rules=[rule(clause("", "in", 1))]), flag("p"))
    assert (own.reason, own.prerequisites) == (MALFORMED, ["p"])


ALL: Document = {"variations": [{"variation": 1, "weight": 100_000}]}


@pytest.mark.parametrize(
    ("parts", "reason", "counts"),
    [
        ({}, FALLTHROUGH, False),
        ({"trackEvents": True}, FALLTHROUGH, False),
        ({"trackEventsFallthrough": True}, FALLTHROUGH, True),
        ({"trackEventsFallthrough": True, "on": False}, OFF, False),
        ({"trackEventsFallthrough": True, "fallthrough": {}}, MALFORMED, False),
        ({"trackEventsFallthrough": True, "rules": [rule(IN_NL)]}, matched(0), False),
        ({"rules": [rule(IN_NL, variation=1, trackEvents=True)]}, matched(0), True),
        ({"fallthrough": {"rollout": ALL}}, FALLTHROUGH, False),
        (
            {"fallthrough": {"rollout": ALL | {"kind": "experiment"}}},
            FALLTHROUGH | {"inExperiment": True},
            True,
        ),
        (
            {"rules": [rule(IN_NL, rollout=ALL | {"kind": "experiment"})]},
            matched(0, inExperiment=True),
            True,
        ),
        (
            {"rules": [rule(IN_NL, rollout=ALL | {"kind": "experiment", "contextKind": "org"})]},
            matched(0),
            False,
        ),
    ],
)
def test_an_evaluation_counts_for_an_experiment_or_not(
    parts: Document, reason: Document, counts: bool
) -> None:
    own = answer(flag(**parts))
    assert (own.reason, own.experiment) == (reason, counts)
