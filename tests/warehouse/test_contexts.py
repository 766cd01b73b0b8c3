"""What is known of contexts: whom events told of, the newest attributes, and nothing that is private."""

import json
from typing import Any

import pytest

from assay.errors import InvalidRequest
from assay.warehouse import tables as declared
from assay.warehouse.queries.contexts import (
    Where,
    attribute_names,
    attribute_values,
    condition,
    count_contexts,
    found_contexts,
    seen_kinds,
)
from warehouse.tables import RECEIVED_MS, Tables, lines

ANN = {
    "kind": "user",
    "key": "ann",
    "plan": "pro",
    "address": {"city": "Delft"},
    "langs": ["nl", "en"],
    "age": 30,
}
BOB = {"kind": "user", "key": "bob", "name": "Bob B.", "plan": "free", "beta": True}


def index(context: Any, **more: Any) -> dict[str, Any]:
    return {"kind": "index", "creationDate": RECEIVED_MS, "context": context, **more}


def feature(**more: Any) -> dict[str, Any]:
    return {"kind": "feature", "creationDate": RECEIVED_MS, "key": "f", "version": 1, "variation": 0, **more}


def known(tables: Tables) -> dict[tuple[str, str], Any]:
    rows = tables.engine.rows(found_contexts("env", Where(), limit=1000, offset=0))
    return {(kind, key): None if told is None else json.loads(told) for kind, key, told, _ in rows}


def found(tables: Tables, *asked: tuple[str, str, list[str]]) -> set[str]:
    wheres = [condition(name, op, values, f"f{n}") for n, (name, op, values) in enumerate(asked)]
    where = Where(
        " and ".join(each.sql for each in wheres),
        {name: value for each in wheres for name, value in each.parameters.items()},
    )
    rows = tables.engine.rows(found_contexts("env", where, limit=1000, offset=0))
    assert tables.engine.rows(count_contexts("env", where)) == [(len(rows),)]
    return {row[1] for row in rows}


@pytest.mark.parametrize("kind", ["index", "identify", "custom", "feature"])
def test_events_tell_of_their_contexts(tables: Tables, kind: str) -> None:
    tables.load(lines([feature(context=ANN) | {"kind": kind}], 1))
    assert known(tables) == {("user", "ann"): ANN}


def test_each_part_of_a_multi_context_is_one(tables: Tables) -> None:
    multi = {"kind": "multi", "user": {"key": "ann", "plan": "pro"}, "org": {"key": "o", "size": 3}}
    tables.load(lines([index(multi)], 1))
    assert known(tables) == {
        ("user", "ann"): {"key": "ann", "plan": "pro"},
        ("org", "o"): {"key": "o", "size": 3},
    }


def test_a_kind_with_odd_characters_is_found_in_its_multi_context(tables: Tables) -> None:
    tables.load(lines([index({"kind": "multi", "a~b/c": {"key": "k", "x": 1}})], 1))
    assert known(tables) == {("a~b/c", "k"): {"key": "k", "x": 1}}


def test_a_user_of_old_has_the_attributes_of_its_own_at_the_top(tables: Tables) -> None:
    user = {
        "key": "old",
        "email": "a@x.org",
        "custom": {"plan": "pro", "email": "hidden"},
        "privateAttrs": ["ip"],
    }
    tables.load(lines([{"kind": "index", "creationDate": 1, "user": user}], 1))
    assert known(tables) == {("user", "old"): {"key": "old", "email": "a@x.org", "plan": "pro"}}


def test_the_newest_event_counts_in_one_piece_and_across_pieces(tables: Tables) -> None:
    def told(plan: str) -> dict[str, Any]:
        return index({"kind": "user", "key": "ann", "plan": plan})

    tables.load(lines([told("a"), told("b")], 1), lines([told("c"), told("d")], 10))
    assert known(tables)["user", "ann"]["plan"] == "d"
    tables.load(lines([told("e")], 20))
    assert known(tables)["user", "ann"]["plan"] == "e"


def test_an_event_with_keys_alone_moves_the_time_and_keeps_what_was_told(tables: Tables) -> None:
    tables.load(lines([index(ANN), feature(contextKeys={"user": "ann"})], 1))
    tables.load(lines([feature(contextKeys={"user": "ann"})], 2, received_ms=RECEIVED_MS + 5000))
    ((_, _, told, last_seen_ms),) = tables.engine.rows(found_contexts("env", Where(), limit=9, offset=0))
    assert (json.loads(told), last_seen_ms) == (ANN, RECEIVED_MS + 5000)


def test_a_context_known_by_its_key_alone_is_known(tables: Tables) -> None:
    tables.load(lines([feature(contextKeys={"user": "ann"})], 1))
    assert known(tables) == {("user", "ann"): None}


def test_private_attributes_are_not_kept(tables: Tables) -> None:
    names_some = {**ANN, "_meta": {"privateAttributes": ["plan"]}}
    redacted = {"kind": "user", "key": "bob", "_meta": {"redactedAttributes": ["plan"]}}
    of_old = {"key": "eve", "secret": 1, "privateAttributeNames": ["secret"]}
    tables.load(
        lines([index(names_some), index(redacted), {"kind": "index", "creationDate": 1, "user": of_old}], 1)
    )
    assert known(tables) == {("user", name): {"key": name} for name in ("ann", "eve")} | {
        ("user", "bob"): {"kind": "user", "key": "bob"}
    }


def test_a_context_of_many_words_is_kept_by_its_key(tables: Tables) -> None:
    for n, size in enumerate((declared.LONGEST_ATTRIBUTES_BYTES, declared.LONGEST_TELLING_BYTES)):
        tables.load(lines([index({"kind": "user", "key": f"k{n}", "text": "x" * size})], n + 1))
    assert known(tables) == {("user", "k0"): {"key": "k0"}, ("user", "k1"): None}


def test_a_repeat_and_a_bad_event_tell_nothing(tables: Tables) -> None:
    tables.load(lines([index(ANN)], 1, "p"))
    tables.load(lines([index({**ANN, "plan": "later"})], 2, "p"))
    tables.load(lines([feature(context={"kind": "user", "key": "x"}, version="bad")], 3))
    assert known(tables) == {("user", "ann"): ANN}


@pytest.fixture
def people(tables: Tables) -> Tables:
    tables.load(lines([index(ANN), index(BOB), index({"kind": "org", "key": "o", "plan": "pro"})], 1))
    return tables


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (("kind", "equals", ["org"]), {"o"}),
        (("kind", "notEquals", ["org"]), {"ann", "bob"}),
        (("key", "startsWith", ["a"]), {"ann"}),
        (("key", "anyOf", ["ann", "o"]), {"ann", "o"}),
        (("kindKeys", "equals", ["user:ann"]), {"ann"}),
        (("kindKeys", "contains", ["user:ann"]), {"ann"}),
        (("query", "equals", ["bob B"]), {"bob"}),
        (("name", "endsWith", ["B."]), {"bob"}),
        (("user.plan", "equals", ["pro"]), {"ann"}),
        (("*.plan", "equals", ["pro"]), {"ann", "o"}),
        (("user.plan", "anyOf", ["pro", "free"]), {"ann", "bob"}),
        (("*.plan", "notEquals", ["pro"]), {"bob"}),
        (("user.beta", "equals", ["true"]), {"bob"}),
        (("user.age", "equals", ["30"]), {"ann"}),
        (("user.age", "exists", ["true"]), {"ann"}),
        (("user.age", "exists", ["false"]), {"bob"}),
        (("user./address/city", "startsWith", ["De"]), {"ann"}),
        (("user.langs", "contains", ["nl", "en"]), {"ann"}),
        (("user.langs", "contains", ["nl", "fr"]), set()),
        (("user.langs", "startsWith", ["e"]), {"ann"}),
        (("user.no~such/thing", "equals", ["x"]), set()),
        (("user.'; drop table contexts; --", "equals", ["x"]), set()),
    ],
)
def test_contexts_are_found_by_what_they_are(
    people: Tables, asked: tuple[str, str, list[str]], expected: set[str]
) -> None:
    assert found(people, asked) == expected


def test_conditions_hold_together(people: Tables) -> None:
    assert found(people, ("*.plan", "equals", ["pro"]), ("kind", "equals", ["user"])) == {"ann"}


@pytest.mark.parametrize(("name", "op"), [("plan", "equals"), ("user.", "equals"), ("kind", "before")])
def test_what_can_not_be_asked_is_refused(name: str, op: str) -> None:
    with pytest.raises(InvalidRequest):
        condition(name, op, ["x"], "f")


def test_attributes_and_their_values_are_counted(people: Tables) -> None:
    names = people.engine.rows(attribute_names("env", "user", "", 100))
    assert names[:2] == [("user", "key", 2), ("user", "plan", 2)]
    assert {row[1] for row in names} == {"key", "plan", "address", "langs", "age", "name", "beta"}
    assert people.engine.rows(attribute_names("env", None, "pl", 1)) == [("user", "plan", 2)]
    assert people.engine.rows(attribute_values("env", "user", "plan", "", 9)) == [('"free"', 1), ('"pro"', 1)]
    assert people.engine.rows(attribute_values("env", "user", "plan", "p", 9)) == [('"pro"', 1)]
    assert people.engine.rows(attribute_values("env", "user", "beta", "", 9)) == [("true", 1)]
    assert people.engine.rows(attribute_values("other", "user", "plan", "", 9)) == []


def test_kinds_are_seen_by_environment(people: Tables) -> None:
    people.load(lines([index(ANN)], 2, env="other", received_ms=RECEIVED_MS + 1))
    assert people.engine.rows(seen_kinds(["env", "other"])) == [
        ("env", "org", RECEIVED_MS),
        ("env", "user", RECEIVED_MS),
        ("other", "user", RECEIVED_MS + 1),
    ]
