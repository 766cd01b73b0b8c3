"""Flags and changes in words."""

from typing import Any

import msgspec
import pytest

from assay.dashboard.changes import Change, changes_of
from assay.dashboard.words import (
    clause_words,
    place_words,
    reason_words,
    served_words,
    value_text,
    variation_label,
)
from assay.flags.delivery import delivered_flag
from assay.flags.evaluation import compile_set, evaluate
from assay.flags.model import Clause, Flag, FlagConfig, Variation
from assay.store.history import Entry

DOCUMENT: dict[str, Any] = {
    "key": "f",
    "name": "F",
    "creationDate": 1,
    "variations": [{"value": True, "name": "Yes", "_id": "y"}, {"value": False, "_id": "n"}],
}


NAMED = tuple(Variation(name, id=name, name=name) for name in "ABC")


def flag(**config: Any) -> Flag:
    settings = {"salt": "s", "sel": "s", "on": True, "offVariation": 1, **config}
    return msgspec.convert(DOCUMENT | {"environments": {"production": settings}}, Flag)


def config_of(one: Flag) -> FlagConfig:
    return one.environments["production"]


def test_a_variation_is_called_by_its_name_else_by_its_value() -> None:
    one = flag()
    assert variation_label(one, 0) == "Yes"
    assert variation_label(one, 1) == "false"
    assert variation_label(one, None) == "the caller's default"
    assert variation_label(one, 9) == "the caller's default"
    assert value_text({"a": "é"}) == '{"a": "é"}'
    assert len(value_text("x" * 1000)) == 60


def test_what_is_served_fits_a_line() -> None:
    rollout = {"variations": [{"variation": 0, "weight": 12_345}, {"variation": 1, "weight": 87_655}]}
    spread = flag(fallthrough={"rollout": rollout}, targets=[{"values": ["a", "b"], "variation": 0}])
    assert served_words(spread, config_of(spread)) == "12.345 % Yes / 87.655 % false, 2 targets"
    thirds = [{"variation": n, "weight": weight} for n, weight in enumerate((33_333, 33_333, 33_334))]
    even = msgspec.structs.replace(flag(fallthrough={"rollout": {"variations": thirds}}), variations=NAMED)
    assert served_words(even, config_of(even)) == "A / B / C, evenly"
    off = flag(on=False)
    assert served_words(off, config_of(off)) == "false"
    by = {"rollout": rollout | {"contextKind": "org", "bucketBy": "team"}}
    one = flag(fallthrough=by)
    assert place_words(one, config_of(one).fallthrough).endswith("of orgs by team")


@pytest.mark.parametrize(
    ("clause", "words"),
    [
        ({"attribute": "country", "op": "in", "values": ["DE", "AT"]}, "country is one of DE, AT"),
        ({"attribute": "age", "op": "lessThan", "values": [18], "negate": True}, "age not: is less than 18"),
        ({"attribute": "k", "op": "in", "values": list(range(7))}, "k is one of 0, 1, 2, 3, 4 and 2 more"),
        ({"attribute": "", "op": "segmentMatch", "values": ["beta"]}, "in the segment beta"),
        (
            {"attribute": "plan", "op": "contains", "values": ["x"], "contextKind": "org"},
            "org plan contains x",
        ),
    ],
)
def test_a_clause_reads_as_a_condition(clause: dict[str, Any], words: str) -> None:
    assert clause_words(msgspec.convert(clause, Clause)) == words


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"on": False}, "The flag is off"),
        ({"targets": [{"values": ["u"], "variation": 0}]}, "among the targets"),
        (
            {
                "rules": [
                    {
                        "_id": "r",
                        "description": "Mine",
                        "variation": 0,
                        "clauses": [{"attribute": "key", "op": "in", "values": ["u"]}],
                    }
                ]
            },
            "Rule 1 “Mine” matched: key is one of u.",
        ),
        ({"prerequisites": [{"key": "other", "variation": 0}]}, "The prerequisite other isn't on"),
        ({}, "the default rule decides"),
        ({"fallthrough": {"variation": 99}}, "An error: the flag can't be evaluated"),
    ],
)
def test_a_reason_is_a_sentence(config: dict[str, Any], words: str) -> None:
    one = flag(**config)
    compiled = compile_set({"f": delivered_flag(one, config_of(one), tracked=False)}, {})
    found = evaluate(compiled, "f", {"user": {"key": "u"}})
    assert found is not None
    assert words in reason_words(config_of(one), found)


def entry(before: Any, after: Any, target: str = "flag/default/f") -> Entry:
    encoded = [None if document is None else msgspec.json.encode(document) for document in (before, after)]
    return Entry(1, 1, "token/x", "updateFlag", target, "", *encoded)


def changed(**config: Any) -> tuple[Change, ...]:
    return changes_of(entry(flag(), flag(**config)))


RULE = {"_id": "r", "variation": 0, "clauses": [{"attribute": "a", "op": "in", "values": ["1"]}]}


def test_changes_of_targeting_are_told_in_its_own_words() -> None:
    assert changed(on=False) == (Change("Targeting in production", "on", "off"),)
    assert changed(rules=[RULE]) == (Change("Rule 1 in production", "", "if a is one of 1, serve Yes"),)
    assert changed(fallthrough={"variation": 1}) == (Change("Default rule in production", "Yes", "false"),)
    assert changed(offVariation=0) == (Change("While off in production", "false", "Yes"),)
    targets = [{"values": ["ada"], "variation": 0}]
    assert changed(targets=targets) == (Change("Targets (user) of Yes in production", "", "ada"),)
    assert changed(trackEvents=True) == (Change("production / trackEvents", "no", "yes"),)


def test_changed_removed_and_moved_rules_are_told_apart() -> None:
    other = RULE | {"_id": "s", "variation": 1}
    both = flag(rules=[RULE, other])
    gone = changes_of(entry(both, flag(rules=[other])))
    assert gone == (Change("Rule 1 in production", "if a is one of 1, serve Yes", ""),)
    moved = changes_of(entry(both, flag(rules=[other, RULE])))
    assert moved == (Change("Order of rules in production", "1, 2", "2, 1"),)
    edited = changes_of(entry(both, flag(rules=[RULE, other | {"variation": 0}])))
    assert [change.where for change in edited] == ["Rule 2 in production"]


def test_numbers_that_count_up_by_themselves_are_no_change() -> None:
    assert changes_of(entry(flag(), flag(version=5, lastModified=7))) == ()


def test_whatever_else_changes_is_told_by_its_place() -> None:
    found = changes_of(entry({"a": {"b": 1}, "version": 1}, {"a": {"b": 2}, "version": 2}, "project/default"))
    assert found == (Change("a / b", "1", "2"),)
    assert changes_of(entry(None, {"a": 1}, "project/default")) == ()


def test_a_flag_of_another_version_of_assay_is_told_by_its_fields() -> None:
    found = changes_of(entry({"key": "f", "on": 1}, {"key": "f", "on": 2}))
    assert found == (Change("on", "1", "2"),)
