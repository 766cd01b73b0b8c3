"""What the editors of flags and segments show, saved as it stands, changes nothing: not even what is odd."""

from typing import Any

import pytest

from api.replies import fresh
from assay.dashboard.targeting import (
    DraftClause,
    draft_of_flag,
    even_weights,
    parsed_line,
    value_line,
)
from assay.dashboard.targeting_patch import clause_bodies, percent_weight, targeting_patch
from assay.errors import InvalidRequest
from assay.flags.model import Clause
from dashboard.test_targeting import flag_with
from dashboard.visitor import Visitor, text_of
from live import LiveServer

PLACE = "/p/default/production"

ODD_VALUES: list[list[Any]] = [
    [5, "5", 5.5, True, "true", None, "null"],
    ["", " ", " Ltd", "Ltd ", "two\nlines", "\ttab", "\r\n"],
    ['"quoted"', '"', "{", "[1]", '{"a": 1}', {"a": [1, {"b": None}]}, [1, "x"]],
    ["1e999", "NaN", "Infinity", "-0", "007", "1_000", "١٢"],
    ["日本語 🎉", "\u202eevil\u202c", "שלום", "é", "\u2028", "\x00"],
    [2**53 + 1, -(2**63), 1e300, 5e-324, -0.5],
    ["a", "a", "a"],
    [],
]
ATTRIBUTES = ["key", "country", "plan", "/address/city", "a b", "日本"]


def rule_with(clauses: list[dict[str, Any]], **serve: Any) -> dict[str, Any]:
    return {"clauses": clauses, **(serve or {"variation": 0})}


def clause_of(attribute: str, values: list[Any], op: str = "in", kind: str = "user") -> dict[str, Any]:
    return {"attribute": attribute, "op": op, "values": values, "contextKind": kind, "negate": False}


@pytest.mark.parametrize("values", ODD_VALUES, ids=str)
@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_a_condition_that_nobody_touched_is_sent_as_it_was(attribute: str, values: list[Any]) -> None:
    clause = {**clause_of(attribute, values), "_id": "own"}
    flag = flag_with(rules=[{**rule_with([clause]), "_id": "r"}], offVariation=0)
    draft = draft_of_flag(flag, flag.environments["production"])
    operations = targeting_patch(draft, flag, "production")
    sent = next(row["value"] for row in operations if row["path"].endswith("/rules"))[0]["clauses"][0]
    assert sent["values"] == values
    assert [type(value) for value in sent["values"]] == [type(value) for value in values]
    assert sent["_id"] == "own"


@pytest.mark.parametrize("text_only", [True, False])
@pytest.mark.parametrize(
    "text",
    ["", " ", " Ltd", "Ltd ", "two\nlines", '"quoted"', '"', "5", "true", "null", "{}", "日本", "\u2028"],
)
def test_every_text_has_a_line_of_its_own_that_is_read_back(text: str, text_only: bool) -> None:
    line = value_line(text, text_only=text_only)
    assert "\n" not in line
    assert line
    assert line == line.strip()
    assert parsed_line(line, text_only=text_only) == text


@pytest.mark.parametrize("line", ["NaN", "Infinity", "-Infinity", "1e999", "null", '"\\ud800"', "[" * 20_000])
def test_what_is_no_json_of_ours_is_a_text(line: str) -> None:
    assert parsed_line(line, text_only=False) == line


def test_one_condition_that_is_changed_leaves_the_others_as_they_were() -> None:
    before = (
        Clause("key", "in", (5, None), context_kind="user", id="odd"),
        Clause("plan", "in", ("pro",), context_kind="user", id="plain"),
    )
    kept, changed = clause_bodies(
        (DraftClause("user", "key", "in", "5\nnull"), DraftClause("user", "plan", "in", "free")),
        before,
        "rule 1",
    )
    assert (kept["values"], kept["_id"]) == ([5, None], "odd")
    assert changed["values"] == ["free"]


def flag_of(site: LiveServer, rules: list[dict[str, Any]], **more: Any) -> tuple[str, str]:
    """A flag with the rules: its page, and its address in the REST API."""
    key = fresh("kept")
    variations = [{"value": n, "name": f"Number {n}"} for n in range(3)]
    body = {"key": key, "name": f"{key} \u202eשלום 🎉" + "x" * 150, "variations": variations}
    assert site.rest("POST", "/flags/default", body).status == 201
    changes = {"rules": rules, **more}
    patch = [
        {"op": "add", "path": f"/environments/production/{name}", "value": value}
        for name, value in changes.items()
    ]
    reply = site.rest("PATCH", f"/flags/default/{key}", patch)
    assert reply.status == 200, reply.body
    return f"{PLACE}/flags/{key}", f"/flags/default/{key}"


def production(site: LiveServer, one: str) -> dict[str, Any]:
    """What the flag does in production, without what every save counts up."""
    config: dict[str, Any] = site.rest("GET", one).body["environments"]["production"]
    counted = ("version", "lastModified", "_summary")
    return {name: value for name, value in config.items() if name not in counted}


def test_a_flag_with_a_hundred_rules_is_shown_and_saved_as_it_is(site: LiveServer, admin: Visitor) -> None:
    rules = [
        rule_with([clause_of("plan", [f"plan-{n}", n]), clause_of("org", [str(n)], "startsWith", "org")])
        | {"variation": n % 3, "description": f"Rule {n} 🎉"}
        for n in range(100)
    ]
    page, one = flag_of(site, rules)
    before = production(site, one)
    fields = admin.form_of(page)
    assert fields["rule.99.description"] == ["Rule 99 🎉"]
    assert admin.post(page, {**fields, "do": "save"}).status_code == 200
    assert production(site, one) == before
    swapped = admin.post(page, {**admin.form_of(page), "do": "up.99"})
    assert text_of(swapped.text).count("Not saved yet") == 1
    assert production(site, one) == before


def test_rollouts_targets_prerequisites_and_kinds_are_saved_as_they_are(
    site: LiveServer, admin: Visitor
) -> None:
    other = fresh("before")
    assert site.rest("POST", "/flags/default", {"key": other, "name": other}).status == 201
    thirds = [{"variation": n, "weight": weight} for n, weight in enumerate((33_333, 33_333, 33_334))]
    rollout = {"variations": thirds, "contextKind": "org", "bucketBy": "city", "seed": 61}
    odd = rule_with([clause_of("name", ["", " a ", "x\ny"])], rollout=rollout)
    page, one = flag_of(
        site,
        [odd, rule_with([{"attribute": "", "op": "segmentMatch", "values": ["nobody"], "negate": True}])],
        fallthrough={"rollout": {"variations": thirds}},
        offVariation=2,
        prerequisites=[{"key": other, "variation": 1}],
        targets=[{"variation": 1, "values": ["שלום", "a b", "🎉"]}],
        contextTargets=[{"variation": 2, "values": ["acme"], "contextKind": "org"}],
    )
    before = production(site, one)
    assert admin.post(page, {**admin.form_of(page), "do": "save"}).status_code == 200
    assert production(site, one) == before


def test_a_segments_odd_conditions_are_saved_as_they_are(site: LiveServer, admin: Visitor) -> None:
    key = fresh("kept")
    one, page = f"/segments/default/production/{key}", f"{PLACE}/segments/{key}"
    assert site.rest("POST", "/segments/default/production", {"key": key, "name": key}).status == 201
    taken = [[value for value in values if isinstance(value, str | float | int)] for values in ODD_VALUES]
    rules = [
        {"clauses": [clause_of("name", values)], "weight": 12_345, "bucketBy": "city"}
        for values in taken
        if values
    ]
    patch = [{"op": "add", "path": "/rules", "value": rules}]
    reply = site.rest("PATCH", one, patch)
    assert reply.status == 200, reply.body
    before = reply.body["rules"]
    assert admin.post(page, {**admin.form_of(page), "do": "save"}).status_code == 200
    assert site.rest("GET", one).body["rules"] == before


@pytest.mark.parametrize(
    ("text", "weight"), [("0", 0), ("", 0), ("100", 100_000), ("33,333", 33_333), ("0.001", 1)]
)
def test_percentages_are_read_to_a_thousandth(text: str, weight: int) -> None:
    assert percent_weight(text, "rule 1") == weight


@pytest.mark.parametrize("text", ["-1", "1e2", "0.0001", "1000", "١٢", "NaN", "5 %", "1.2.3"])
def test_what_is_no_percentage_is_named(text: str) -> None:
    with pytest.raises(InvalidRequest, match="rule 1"):
        percent_weight(text, "rule 1")


@pytest.mark.parametrize("count", [1, 2, 3, 6, 7, 100])
def test_even_shares_are_a_whole(count: int) -> None:
    weights = [percent_weight(text, "here") for text in even_weights(count)]
    assert len(weights) == count
    assert sum(weights) == 100_000
    assert max(weights) - min(weights) <= count
