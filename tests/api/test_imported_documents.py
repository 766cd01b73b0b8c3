"""Documents of an import that are odd: skipped with a reason or written, never the end of the whole import."""

from typing import Any

import pytest

from api.flags import Caller, own_project
from api.replies import fresh
from live import LiveServer

VARIATIONS = [{"_id": "on", "value": True}, {"_id": "off", "value": False}]
NEEDS_OTHER = {"production": {"on": True, "prerequisites": [{"key": "other", "variation": 0}]}}


@pytest.fixture
def caller(api: LiveServer) -> Caller:
    return own_project(api)


def imported(caller: Caller, **documents: Any) -> dict[str, tuple[str, list[str]]]:
    """Outcome and notes of each document, by what it is."""
    reply = caller.send("POST", "/import", {"project": {"key": caller.project}, **documents})
    assert reply.status == 200, reply.body
    return {f"{item['kind']} {item['key']}": (item["outcome"], item["notes"]) for item in reply.body["items"]}


def test_a_document_without_a_key_is_not_taken_for_one_that_is_called_none(caller: Caller) -> None:
    metric = {"key": "None", "name": "as it was", "kind": "custom", "eventKey": "e"}
    assert caller.send("POST", f"/metrics/{caller.project}", metric).status == 201
    assert caller.send("POST", f"/segments/{caller.project}/test", {"key": "None", "name": "N"}).status == 201
    documents = {"metrics": [{"name": "other"}], "segments": {"test": [{"name": "other"}]}, "flags": [{}]}
    outcomes = imported(caller, **documents)
    assert [outcome for outcome, _ in outcomes.values()] == ["unchanged", "skipped", "skipped", "skipped"]
    assert caller.get(f"/metrics/{caller.project}/None")["name"] == "as it was"
    assert caller.get(f"/segments/{caller.project}/test/None")["name"] == "N"


@pytest.mark.parametrize("key", [5, True, None, "", "a/b", "x" * 257, ["k"]])
def test_a_key_that_is_none_skips_its_document_alone(caller: Caller, key: object) -> None:
    metric = {"key": key, "kind": "custom", "eventKey": "e"}
    outcomes = imported(
        caller,
        metrics=[metric, {**metric, "key": "good"}],
        segments={"test": [{"key": key}, {"key": "good"}]},
        flags=[{"key": key, "variations": VARIATIONS}, {"key": "good", "variations": VARIATIONS}],
    )
    skipped = {name for name, (outcome, _) in outcomes.items() if outcome == "skipped"}
    made = {name for name, (outcome, _) in outcomes.items() if outcome == "created"}
    assert {name.split()[0] for name in skipped} == {"metric", "segment", "flag"}
    assert made == {
        f"metric {caller.project}/good",
        f"segment {caller.project}/test/good",
        f"flag {caller.project}/good",
    }
    assert all(notes for outcome, notes in outcomes.values() if outcome == "skipped")


@pytest.mark.parametrize("counts", ["x", 1, [1], {"includedCount": 0, "excludedCount": 0}, None])
def test_an_unbounded_segment_without_members_is_imported(caller: Caller, counts: object) -> None:
    document = {"key": "big", "name": "Big", "unbounded": True, "_unboundedMetadata": counts}
    outcomes = imported(caller, segments={"test": [document]})
    assert outcomes[f"segment {caller.project}/test/big"] == ("created", [])
    assert caller.get(f"/segments/{caller.project}/test/big")["unbounded"] is True


def test_an_unbounded_segment_with_members_is_skipped(caller: Caller) -> None:
    document = {"key": "big", "unbounded": True, "_unboundedMetadata": {"includedCount": 3}}
    outcome, notes = imported(caller, segments={"test": [document]})[f"segment {caller.project}/test/big"]
    assert (outcome, "members" in notes[0]) == ("skipped", True)


def test_segments_of_an_unknown_environment_are_skipped(caller: Caller) -> None:
    outcomes = imported(caller, segments={"nowhere": [{"key": "s"}], "test": [{"key": "s"}]})
    assert outcomes[f"segment {caller.project}/nowhere/s"][0] == "skipped"
    assert outcomes[f"segment {caller.project}/test/s"][0] == "created"


@pytest.mark.parametrize(
    "configs",
    [
        [1],
        {"production": 1},
        {"production": {"rules": [{"clauses": "x"}]}},
        {"production": {"salt": 5}},
        {"production": {"fallthrough": {"variation": 9}}},
        {"production": {"prerequisites": [{"key": "nowhere", "variation": 0}]}},
        {"production": {"targets": [{"variation": 7, "values": ["u"]}]}},
    ],
)
def test_a_flag_that_can_not_be_is_skipped_whole(caller: Caller, configs: object) -> None:
    flag = {"key": "odd", "variations": VARIATIONS, "environments": configs}
    outcomes = imported(caller, flags=[flag, {"key": "good", "variations": VARIATIONS}])
    assert outcomes[f"flag {caller.project}/odd"][0] == "skipped"
    assert outcomes[f"flag {caller.project}/good"][0] == "created"
    assert [flag["key"] for flag in caller.get(f"/flags/{caller.project}")["items"]] == ["good"]


def test_a_second_import_changes_nothing_and_a_third_only_what_differs(caller: Caller) -> None:
    rule = {
        "_id": "r",
        "clauses": [{"_id": "c", "attribute": "a", "op": "in", "values": [1]}],
        "variation": 1,
    }
    config = {
        "on": True,
        "salt": "pepper",
        "rules": [rule],
        "offVariation": 1,
        "fallthrough": {"variation": 0},
    }
    documents: dict[str, Any] = {
        "metrics": [{"key": "m", "name": "M", "kind": "custom", "eventKey": "e", "tags": ["t"]}],
        "segments": {"test": [{"key": "s", "name": "S", "included": ["u"], "salt": "sea"}]},
        "flags": [
            {"key": "other", "variations": VARIATIONS, "environments": {"production": config}},
            {"key": "needs", "variations": VARIATIONS, "environments": NEEDS_OTHER},
        ],
    }
    assert {outcome for outcome, _ in list(imported(caller, **documents).values())[1:]} == {"created"}
    before = caller.get(f"/flags/{caller.project}?env=production")
    assert {outcome for outcome, _ in imported(caller, **documents).values()} == {"unchanged"}
    assert caller.get(f"/flags/{caller.project}?env=production") == before
    documents["flags"][0]["environments"]["production"]["on"] = False
    changed = [name for name, (outcome, _) in imported(caller, **documents).items() if outcome == "changed"]
    assert changed == [f"flag {caller.project}/other"]


def test_a_rest_import_leaves_what_it_does_not_name(caller: Caller) -> None:
    kept = fresh("kept")
    caller.create(key=kept)
    before = caller.get(f"/flags/{caller.project}/{kept}")
    imported(caller, flags=[{"key": "new", "variations": VARIATIONS}])
    assert caller.get(f"/flags/{caller.project}/{kept}") == before
