"""The flag as SDKs get it: no null where a list is wanted, whole numbers, tracking where an experiment runs."""

from typing import Any

import msgspec
import pytest

from assay.flags.delivery import delivered_flag
from assay.flags.model import (
    Clause,
    ClientSideAvailability,
    Flag,
    Prerequisite,
    Rule,
    Target,
    WeightedVariation,
)
from flags.flags import config, flag, rollout, spread

PLAN = Clause("plan", "in", ("pro", 1, 1.5, True), id="c")


def delivered(made: Flag | None = None, tracked: bool = False, **changes: Any) -> dict[str, Any]:
    body = delivered_flag(made or flag(), config(**changes), tracked=tracked)
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
    assert decoded == body
    return body


def test_a_plain_flag_has_every_field_that_sdks_want() -> None:
    assert delivered(version=7) == {
        "key": "flag",
        "version": 7,
        "on": False,
        "variations": ["v0", "v1", "v2"],
        "fallthrough": {"variation": 0},
        "prerequisites": [],
        "targets": [],
        "contextTargets": [],
        "rules": [],
        "salt": "salt",
        "trackEvents": False,
        "trackEventsFallthrough": False,
        "clientSideAvailability": {"usingMobileKey": True, "usingEnvironmentId": False},
        "clientSide": False,
    }


def test_what_is_not_set_is_absent_and_never_null() -> None:
    assert not {"offVariation", "debugEventsUntilDate", "deleted"} & delivered().keys()
    body = delivered(off_variation=0, debug_events_until_date=0)
    assert (body["offVariation"], body["debugEventsUntilDate"]) == (0, 0)


def test_old_sdks_learn_of_client_side_use_too() -> None:
    body = delivered(flag(client_side_availability=ClientSideAvailability(False, True)))
    assert body["clientSideAvailability"] == {"usingMobileKey": False, "usingEnvironmentId": True}
    assert body["clientSide"] is True


def test_a_rollout_says_only_what_it_was_told() -> None:
    assert delivered(fallthrough=spread(40_000, 60_000))["fallthrough"] == {
        "rollout": {
            "kind": "rollout",
            "variations": [{"variation": 0, "weight": 40_000}, {"variation": 1, "weight": 60_000}],
        }
    }
    full = spread(100_000, kind="experiment", seed=61, bucket_by="email", context_kind="org")
    body = delivered(fallthrough=full)["fallthrough"]["rollout"]
    assert (body["kind"], body["seed"], body["bucketBy"], body["contextKind"]) == (
        "experiment",
        61,
        "email",
        "org",
    )


def test_untracked_entries_are_marked_and_no_others() -> None:
    entries = (WeightedVariation(0, 50_000), WeightedVariation(1, 50_000, untracked=True))
    place = msgspec.structs.replace(spread(), rollout=msgspec.structs.replace(rollout(), variations=entries))
    assert delivered(fallthrough=place)["fallthrough"]["rollout"]["variations"] == [
        {"variation": 0, "weight": 50_000},
        {"variation": 1, "weight": 50_000, "untracked": True},
    ]


def test_a_running_experiment_makes_every_place_report_with_its_reason() -> None:
    rules = (Rule((PLAN,), variation=1, id="r"), Rule((PLAN,), variation=1, track_events=True, id="s"))
    body = delivered(tracked=True, rules=rules)
    assert body["trackEvents"] is body["trackEventsFallthrough"] is True
    assert [rule["trackEvents"] for rule in body["rules"]] == [True, True]
    without = delivered(rules=rules)
    assert [rule["trackEvents"] for rule in without["rules"]] == [False, True]


@pytest.mark.parametrize(
    ("field", "name"),
    [("track_events", "trackEvents"), ("track_events_fallthrough", "trackEventsFallthrough")],
)
def test_tracking_that_was_asked_for_needs_no_experiment(field: str, name: str) -> None:
    changes: dict[str, Any] = {field: True}
    assert delivered(**changes)[name] is True


def test_a_clause_has_its_attribute_even_where_it_needs_none() -> None:
    clause = Clause("", "segmentMatch", ("beta",), negate=True)
    (rule,) = delivered(rules=(Rule((clause,), variation=0, id="r"),))["rules"]
    assert rule["clauses"] == [{"attribute": "", "op": "segmentMatch", "values": ["beta"], "negate": True}]


def test_a_context_kind_makes_the_attribute_a_reference_so_it_is_sent_only_where_it_was_given() -> None:
    clauses = (PLAN, Clause("/a/b", "in", (1,), context_kind="org"))
    (rule,) = delivered(rules=(Rule(clauses, variation=0, id="r"),))["rules"]
    assert [clause.get("contextKind") for clause in rule["clauses"]] == [None, "org"]


def test_targets_and_prerequisites_are_lists_of_exact_types() -> None:
    body = delivered(
        targets=(Target(("a", "b"), 1),),
        context_targets=(Target((), 1), Target(("o",), 2, "org")),
        prerequisites=(Prerequisite("other", 1),),
    )
    assert body["targets"] == [{"variation": 1, "values": ["a", "b"]}]
    assert body["contextTargets"] == [
        {"variation": 1, "values": [], "contextKind": "user"},
        {"variation": 2, "values": ["o"], "contextKind": "org"},
    ]
    assert body["prerequisites"] == [{"key": "other", "variation": 1}]
