"""Operator filters: what they mean, and that whatever is typed is an answer or a 400."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.api.operator_filters import (
    DEEPEST,
    Condition,
    Joined,
    Test,
    by_text,
    by_values,
    filtered,
    parse_filter,
)
from assay.errors import InvalidRequest

ROWS: list[dict[str, Any]] = [
    {"key": "revenue", "tags": ["money", "week"], "numeric": True, "owner": ["ann"]},
    {"key": "clicks", "tags": ["week"], "numeric": False, "owner": []},
    {"key": "Visits", "tags": [], "numeric": False, "owner": ["bob"]},
]
FIELDS: dict[str, Test[dict[str, Any]]] = {
    "query": by_text(lambda row: (row["key"],)),
    "tags": by_values(lambda row: row["tags"]),
    "numeric": by_values(lambda row: [row["numeric"]]),
    "owner": by_values(lambda row: row["owner"]),
}


def keys(text: str | None) -> list[str]:
    return [row["key"] for row in filtered(text, ROWS, FIELDS)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ["revenue", "clicks", "Visits"]),
        ("  ", ["revenue", "clicks", "Visits"]),
        ('query equals "VISIT"', ["Visits"]),
        ("query notEquals visit", ["revenue", "clicks"]),
        ("numeric equals true", ["revenue"]),
        ("numeric notEquals true", ["clicks", "Visits"]),
        ('tags contains ["week"]', ["revenue", "clicks"]),
        ('tags contains ["week", "money"]', ["revenue"]),
        ("tags contains week", ["revenue", "clicks"]),
        ('tags contains "wee"', []),
        ("tags contains []", ["revenue", "clicks", "Visits"]),
        ("tags anyOf [money, other]", ["revenue"]),
        ('tags anyOf ["mo,ney","week"]', ["revenue", "clicks"]),
        ("tags anyOf []", []),
        ("owner exists", ["revenue", "Visits"]),
        ("owner exists true", ["revenue", "Visits"]),
        ("owner exists false", ["clicks"]),
        ("owner exists, numeric equals false", ["Visits"]),
        ("owner startsWith an", ["revenue"]),
        ("owner endsWith b", ["Visits"]),
        ("numeric equals false and tags contains week", ["clicks"]),
        ("numeric equals true | owner equals bob", ["revenue", "Visits"]),
        ("numeric equals true or owner equals bob", ["revenue", "Visits"]),
        ("owner equals bob | owner equals ann , tags contains week", ["revenue", "Visits"]),
        ("(owner equals bob | owner equals ann) , tags contains week", ["revenue"]),
        ("((owner equals bob))", ["Visits"]),
    ],
)
def test_a_filter_means_what_it_says(text: str | None, expected: list[str]) -> None:
    assert keys(text) == expected


def test_a_filter_is_a_tree_of_conditions() -> None:
    assert parse_filter('a equals "x y\\"z",(b.c anyOf [1, "p]q"]|*.d exists)') == Joined(
        "all",
        (
            Condition("a", "equals", 'x y"z'),
            Joined("any", (Condition("b.c", "anyOf", ["1", "p]q"]), Condition("*.d", "exists", True))),
        ),
    )


@pytest.mark.parametrize(
    "text",
    [
        "numeric",
        "numeric equals",
        "numeric is true",
        "numeric equals ,",
        "numeric equals true tags",
        "numeric equals true,",
        "|",
        "(numeric equals true",
        "numeric equals true)",
        'numeric equals "true',
        "tags anyOf [a",
        "tags anyOf [a[b]]",
        '"numeric" equals true',
        'query equals "\\x"',
        "unknown equals 1",
        "owner before 5",
        "(" * (DEEPEST + 1) + "numeric equals true" + ")" * (DEEPEST + 1),
    ],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        keys(text)


@given(st.text(alphabet='()[],|" \\abtrue\x00é\ud800', max_size=40) | st.text(max_size=40))
def test_whatever_is_typed_is_an_answer_or_refused(text: str) -> None:
    for typed in (text, f"query equals {text}", f"tags anyOf [{text}]"):
        with contextlib.suppress(InvalidRequest):
            assert set(keys(typed)) <= {row["key"] for row in ROWS}


def test_a_long_filter_is_read_in_time_that_grows_with_its_length() -> None:
    for text in ("(" * 10_000, "[" * 10_000, '"' * 9_999, '["' + "a" * 10_000, " " * 10_000 + "("):
        with pytest.raises(InvalidRequest):
            keys(text)
    assert keys(",".join(["numeric equals true"] * 500)) == ["revenue"]
