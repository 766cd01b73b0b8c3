"""A clause that could never match, or that an SDK would stumble over, is refused with what is wrong."""

from typing import Any

import pytest

from assay.errors import InvalidRequest
from assay.flags.clause_validation import OPERATORS, check_clause
from assay.flags.model import Clause, Rule, Target
from assay.flags.validation import check_flag
from flags.flags import flag, in_production

TEXTS = ("startsWith", "endsWith", "contains", "segmentMatch")
NUMBERS = ("lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual")
VERSIONS = ("semVerEqual", "semVerLessThan", "semVerGreaterThan")


def refusal(clause: Clause) -> str:
    with pytest.raises(InvalidRequest) as refused:
        check_clause(clause, "here")
    return str(refused.value)


GOOD: list[tuple[str, Any]] = [
    ("in", ("a", 1, 1.5, True, False)),
    ("in", ()),
    ("matches", (r"^a+\d{2,3}(?:x|y)$", "", "[a-z]")),
    *((op, ("a", "")) for op in TEXTS),
    *((op, (0, -1, 2.5, 10**15)) for op in NUMBERS),
    *((op, ("1", "1.2", "1.2.3", "1.0.0-rc.1+build")) for op in VERSIONS),
    *(
        (op, (0, 1_700_000_000_000.5, "2024-02-29T12:00:00Z", "2024-01-01T00:00:00+02:00"))
        for op in ("before", "after")
    ),
]

BAD: list[tuple[str, Any]] = [
    ("in", None),
    ("in", ["a"]),
    ("in", {"a": 1}),
    ("in", float("inf")),
    ("matches", "("),
    ("matches", "a{2,1}"),
    ("matches", "[z-a]"),
    ("matches", "*"),
    ("matches", 5),
    ("matches", None),
    *((op, 5) for op in TEXTS),
    *((op, None) for op in TEXTS),
    *((op, "5") for op in NUMBERS),
    *((op, True) for op in NUMBERS),
    *((op, "one") for op in VERSIONS),
    *((op, 1) for op in VERSIONS),
    *((op, "01.2.3") for op in VERSIONS),
    *((op, "yesterday") for op in ("before", "after")),
    *((op, "2024-01-01T00:00:00") for op in ("before", "after")),
    *((op, False) for op in ("before", "after")),
]


@pytest.mark.parametrize(("op", "values"), GOOD)
def test_values_of_the_operators_type_are_good(op: str, values: tuple[Any, ...]) -> None:
    check_clause(Clause("a", op, values), "here")


@pytest.mark.parametrize(("op", "value"), BAD)
def test_a_value_that_the_operator_can_not_compare_is_named(op: str, value: Any) -> None:
    said = refusal(Clause("a", op, (value,)))
    assert said.startswith(f"here: {op} compares with ")


def test_every_operator_is_tried_above() -> None:
    assert {op for op, _ in GOOD} == {op for op, _ in BAD} == set(OPERATORS)


@pytest.mark.parametrize("op", ["", "IN", "equals", "regex", "semverEqual"])
def test_an_operator_that_no_sdk_knows_is_refused(op: str) -> None:
    assert "unknown operator" in refusal(Clause("a", op, ()))


@pytest.mark.parametrize(
    ("attribute", "kind", "good"),
    [
        ("email", "", True),
        ("email", "user", True),
        ("/address/city", "org", True),
        ("/a~1b/c~0d", "org", True),
        ("/a~2", "", True),
        ("", "", False),
        ("", "user", False),
        ("/", "user", False),
        ("//", "user", False),
        ("/a~2", "user", False),
        ("a", "no kind", False),
        ("a", "multi", False),
        ("a", "kind", False),
        ("a", "x" * 65, False),
    ],
)
def test_an_attribute_is_a_name_or_with_a_kind_a_reference(attribute: str, kind: str, good: bool) -> None:
    clause = Clause(attribute, "in", ("a",), context_kind=kind)
    if good:
        check_clause(clause, "here")
    else:
        assert refusal(clause).startswith("here: ")


def test_a_segment_needs_no_attribute() -> None:
    check_clause(Clause("", "segmentMatch", ("beta",)), "here")


def test_the_place_of_a_bad_clause_is_told() -> None:
    good, bad = Clause("a", "in", (1,)), Clause("a", "matches", ("(",))
    made = in_production(rules=(Rule((good,), variation=0, id="r"), Rule((good, bad), variation=0, id="s")))
    with pytest.raises(InvalidRequest, match=r"environments.production.rules\[1\].clauses\[1\]: matches"):
        check_flag(made)


@pytest.mark.parametrize(
    ("targets", "context_targets", "said"),
    [
        ((Target(("a",), 0), Target(("a",), 1)), (), "two variations"),
        ((), (Target(("a",), 0, "org"), Target(("b", "a"), 1, "org")), "two variations"),
        ((Target(("a",), 0),), (Target(("a",), 1, "user"),), "two variations"),
        ((), (Target(("a",), 0, "no kind"),), "no context kind"),
        ((), (Target(("a",), 0, "multi"),), "no context kind"),
    ],
)
def test_targets_that_contradict_one_another_are_refused(
    targets: tuple[Target, ...], context_targets: tuple[Target, ...], said: str
) -> None:
    with pytest.raises(InvalidRequest, match=said):
        check_flag(in_production(targets=targets, context_targets=context_targets))


def test_the_same_key_of_two_kinds_are_two_targets() -> None:
    check_flag(in_production(targets=(Target(("a",), 0),), context_targets=(Target(("a",), 1, "org"),)))


@pytest.mark.parametrize(
    "held",
    [5, None, [], {}, {"name": "N"}, {"value": []}, {"name": "N", "value": [1]}, {"name": 1, "value": []}],
)
def test_a_custom_property_has_a_name_and_texts(held: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"customProperties\.p"):
        check_flag(flag(custom_properties={"p": held}))
    check_flag(flag(custom_properties={"p": {"name": "N", "value": ["a"]}}))
