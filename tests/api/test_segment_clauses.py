"""Rules and clauses of segments by instructions: right, wrong and odd parameters."""

from typing import Any

import pytest

from api.replies import assert_refused, fresh
from live import LiveServer, Reply

HERE = "/segments/default/production"
CLAUSE = {"attribute": "plan", "op": "in", "values": [1], "contextKind": "user"}


def instruct(api: LiveServer, key: str, kind: str, **parameters: Any) -> Reply:
    body = {"environmentKey": "production", "instructions": [{"kind": kind, **parameters}]}
    return api.rest("PATCH", f"{HERE}/{key}", body)


@pytest.fixture
def ruled(api: LiveServer) -> tuple[str, str, str]:
    """A segment with a rule of one clause: its key, the rule's id, the clause's id."""
    key = fresh("ruled")
    made = api.rest("POST", HERE, {"key": key, "name": key, "rules": [{"clauses": [CLAUSE]}]}).body
    rule = made["rules"][0]
    return key, rule["_id"], rule["clauses"][0]["_id"]


def rules(api: LiveServer, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.rest("GET", f"{HERE}/{key}").body["rules"]
    return found


def test_true_is_added_beside_one_and_taken_away_alone(api: LiveServer, ruled: tuple[str, str, str]) -> None:
    key, rule, clause = ruled
    place = {"ruleId": rule, "clauseId": clause}
    after = instruct(api, key, "addValuesToClause", **place, values=[True, 1]).body
    assert repr(after["rules"][0]["clauses"][0]["values"]) == "[1, True]"
    after = instruct(api, key, "removeValuesFromClause", **place, values=[1]).body
    assert repr(after["rules"][0]["clauses"][0]["values"]) == "[True]"


def test_values_that_are_added_twice_are_held_once(api: LiveServer, ruled: tuple[str, str, str]) -> None:
    key, rule, clause = ruled
    reply = instruct(api, key, "addValuesToClause", ruleId=rule, clauseId=clause, values=["a", "a", "b"])
    assert reply.body["rules"][0]["clauses"][0]["values"] == [1, "a", "b"]


def test_an_added_clause_has_an_id_of_its_own(api: LiveServer, ruled: tuple[str, str, str]) -> None:
    key, rule, clause = ruled
    instruct(api, key, "addClauses", ruleId=rule, clauses=[{**CLAUSE, "_id": clause, "attribute": "country"}])
    first, second = rules(api, key)[0]["clauses"]
    assert first["_id"] == clause
    assert second["_id"] not in ("", clause)
    instruct(api, key, "updateClause", ruleId=rule, clauseId=clause, clause={**CLAUSE, "values": [2]})
    assert [one["attribute"] for one in rules(api, key)[0]["clauses"]] == ["plan", "country"]


def test_rules_that_are_added_from_a_copy_have_clauses_of_their_own(
    api: LiveServer, ruled: tuple[str, str, str]
) -> None:
    key, rule, clause = ruled
    added = instruct(api, key, "addRule", clauses=[{**CLAUSE, "_id": clause}], beforeRuleId=rule)
    new, old = added.body["rules"]
    assert (old["_id"], old["clauses"][0]["_id"]) == (rule, clause)
    assert new["clauses"][0]["_id"] != clause


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("removeClauses", {"clauseIds": ["nowhere"]}),
        ("removeClauses", {"clauseIds": "nowhere"}),
        ("removeClauses", {}),
        ("addClauses", {"clauses": [{"op": "in", "values": [1]}]}),
        ("addClauses", {"clauses": [{**CLAUSE, "op": "within"}]}),
        ("addClauses", {"clauses": [{**CLAUSE, "values": [{}]}]}),
        ("addClauses", {"clauses": [{**CLAUSE, "contextKind": "multi"}]}),
        ("addClauses", {"clauses": [{**CLAUSE, "op": "matches", "values": ["("]}]}),
        ("addClauses", {"clauses": [{**CLAUSE, "op": "before", "values": ["noon"]}]}),
        ("addClauses", {"clauses": [{**CLAUSE, "attribute": "/a/~2"}]}),
        ("addClauses", {"clauses": [{**CLAUSE, "attribute": ""}]}),
        ("addClauses", {"clauses": {}}),
        ("updateClause", {"clauseId": "nowhere", "clause": CLAUSE}),
        ("addValuesToClause", {"clauseId": "nowhere", "values": ["x"]}),
        ("updateRuleDescription", {"description": 5}),
        ("updateRuleDescription", {"description": "x", "ruleId": "nowhere"}),
        ("updateRuleRolloutAndContextKind", {"weight": 100_001}),
        ("updateRuleRolloutAndContextKind", {"weight": -1}),
        ("updateRuleRolloutAndContextKind", {"weight": "1.5"}),
        ("updateRuleRolloutAndContextKind", {"weight": True}),
        ("updateRuleRolloutAndContextKind", {"weight": 10, "contextKind": "multi"}),
        ("reorderRules", {"ruleIds": []}),
        ("addRule", {"clauses": []}),
        ("addRule", {"clauses": [CLAUSE], "beforeRuleId": "nowhere"}),
        ("addRule", {"clauses": [CLAUSE], "beforeRuleId": []}),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(
    api: LiveServer, ruled: tuple[str, str, str], kind: str, parameters: dict[str, Any]
) -> None:
    key, rule, _ = ruled
    before = rules(api, key)
    assert_refused(instruct(api, key, kind, **{"ruleId": rule, **parameters}), 400, "invalid_request")
    assert rules(api, key) == before


def test_the_last_clause_of_a_rule_stays(api: LiveServer, ruled: tuple[str, str, str]) -> None:
    key, rule, clause = ruled
    assert_refused(
        instruct(api, key, "removeClauses", ruleId=rule, clauseIds=[clause]), 400, "invalid_request"
    )
    assert rules(api, key)[0]["clauses"][0]["_id"] == clause


def test_a_share_is_given_in_thousandths_of_a_percent_as_a_number_or_its_digits(
    api: LiveServer, ruled: tuple[str, str, str]
) -> None:
    key, rule, _ = ruled
    for weight in (0, "25000", 100_000):
        reply = instruct(
            api, key, "updateRuleRolloutAndContextKind", ruleId=rule, weight=weight, contextKind="org"
        )
        assert (reply.status, reply.body["rules"][0]["weight"]) == (200, int(weight))
    assert rules(api, key)[0]["rolloutContextKind"] == "org"


def test_keys_are_not_both_included_and_excluded(api: LiveServer) -> None:
    key = fresh("both")
    api.rest("POST", HERE, {"key": key, "name": key})
    assert instruct(api, key, "addIncludedTargets", contextKind="org", values=["acme"]).status == 200
    refused = instruct(api, key, "addExcludedTargets", contextKind="org", values=["acme"])
    assert_refused(refused, 400, "invalid_request")
    # The same key of another kind is somebody else.
    assert instruct(api, key, "addExcludedUsers", values=["acme"]).body["excluded"] == ["acme"]
    assert instruct(api, key, "removeIncludedTargets", contextKind="org", values=["acme", "x"]).status == 200
    assert instruct(api, key, "addExcludedTargets", contextKind="org", values=["acme"]).status == 200
