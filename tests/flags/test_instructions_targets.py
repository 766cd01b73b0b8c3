"""Instructions about targets and prerequisites; targets end up where every SDK finds them."""

from typing import Any

import pytest

from assay.flags.delivery import delivered_flag
from assay.flags.evaluation import compile_set, evaluate
from assay.flags.model import FlagConfig, Prerequisite, Target
from assay.flags.targets import targeted, with_targets
from flags.flags import config, flag
from flags.semantic import production, refusal

KEYS = {("user", 0): ("ann", "bob"), ("org", 0): ("acme",), ("user", 1): ("cy",)}
BEFORE = with_targets(config(), KEYS)


def keys(*instructions: Any, before: FlagConfig = BEFORE) -> dict[tuple[str, int], tuple[str, ...]]:
    return targeted(production(*instructions, before=before))


def test_users_stand_in_one_list_and_their_places_in_the_other() -> None:
    assert BEFORE.targets == (Target(("ann", "bob"), 0, "user"), Target(("cy",), 1, "user"))
    assert BEFORE.context_targets == (
        Target((), 0, "user"),
        Target(("acme",), 0, "org"),
        Target((), 1, "user"),
    )
    assert targeted(BEFORE) == KEYS
    assert with_targets(BEFORE, targeted(BEFORE)) == BEFORE


def test_two_entries_for_one_variation_become_one() -> None:
    """An SDK looks at the first entry of a variation only."""
    made = config(targets=(Target(("a",), 0), Target(("b", "a"), 0)))
    assert with_targets(made, targeted(made)).targets == (Target(("a", "b"), 0),)


def test_a_user_counts_as_a_target_beside_targets_of_other_kinds() -> None:
    made = production(
        {"kind": "addUserTargets", "variationId": "id-1", "values": ["ann"]},
        {"kind": "addTargets", "variationId": "id-2", "values": ["acme"], "contextKind": "org"},
        {"kind": "turnFlagOn"},
    )
    compiled = compile_set({"flag": delivered_flag(flag(), made, tracked=False)}, {})
    for kind, key, expected in (("user", "ann", 1), ("org", "acme", 2), ("user", "zoe", 0)):
        found = evaluate(compiled, "flag", {kind: {"key": key}})
        assert found is not None
        assert found.variation == expected


def test_targets_are_added_once_and_removed() -> None:
    added = keys({"kind": "addTargets", "values": ["bob", "dee"], "variationId": "id-0"})
    assert added == {**KEYS, ("user", 0): ("ann", "bob", "dee")}
    kind = {"contextKind": "org", "variationId": "id-0"}
    assert keys({"kind": "addTargets", "values": ["b"], **kind})["org", 0] == ("acme", "b")
    removed = keys({"kind": "removeTargets", "values": ["acme", "never"], **kind})
    assert removed == {("user", 0): ("ann", "bob"), ("user", 1): ("cy",)}
    removed = keys({"kind": "removeUserTargets", "values": ["ann"], "variationId": "id-0"})
    assert removed == {**KEYS, ("user", 0): ("bob",)}


def test_a_variations_targets_are_cleared_of_all_kinds_or_of_users() -> None:
    assert keys({"kind": "clearTargets", "variationId": "id-0"}) == {("user", 1): ("cy",)}
    cleared = keys({"kind": "clearUserTargets", "variationId": "id-0"})
    assert cleared == {("org", 0): ("acme",), ("user", 1): ("cy",)}


def test_all_targets_are_replaced_or_those_of_users() -> None:
    wanted = [
        {"variationId": "id-2", "values": ["zoe"]},
        {"variationId": "id-2", "values": ["o"], "contextKind": "org"},
    ]
    assert keys({"kind": "replaceTargets", "targets": wanted}) == {("user", 2): ("zoe",), ("org", 2): ("o",)}
    replaced = keys({"kind": "replaceUserTargets", "targets": wanted[:1]})
    assert replaced == {("org", 0): ("acme",), ("user", 2): ("zoe",)}


def test_nobody_is_a_target_of_two_variations() -> None:
    said = refusal({"kind": "addUserTargets", "variationId": "id-1", "values": ["ann"]}, before=BEFORE)
    assert "'ann'" in said
    moved = keys(
        {"kind": "removeUserTargets", "variationId": "id-0", "values": ["ann"]},
        {"kind": "addUserTargets", "variationId": "id-1", "values": ["ann"]},
    )
    assert moved["user", 1] == ("cy", "ann")


def test_prerequisites_come_change_and_go() -> None:
    added = {"kind": "addPrerequisite", "key": "other", "variationId": "id-1"}
    assert production(added).prerequisites == (Prerequisite("other", 1),)
    changed = {"kind": "updatePrerequisite", "key": "other", "variationId": "id-2"}
    assert production(added, changed).prerequisites == (Prerequisite("other", 2),)
    assert production(added, {"kind": "removePrerequisite", "key": "other"}).prerequisites == ()
    assert production({"kind": "removePrerequisite", "key": "never"}).prerequisites == ()
    wanted = [{"key": "other", "variationId": "id-0"}]
    replaced = production(added, {"kind": "replacePrerequisites", "prerequisites": wanted})
    assert replaced.prerequisites == (Prerequisite("other", 0),)
    assert production(added, {"kind": "replacePrerequisites", "prerequisites": []}).prerequisites == ()


@pytest.mark.parametrize(
    "instruction",
    [
        {"kind": "addTargets", "values": ["a"]},
        {"kind": "addTargets", "variationId": "id-0"},
        {"kind": "addTargets", "variationId": "id-0", "values": [5]},
        {"kind": "addTargets", "variationId": "id-0", "values": ["a"], "contextKind": 5},
        {"kind": "removeTargets", "variationId": "nobody", "values": ["a"]},
        {"kind": "clearTargets"},
        {"kind": "replaceTargets", "targets": {}},
        {"kind": "replaceUserTargets", "targets": [{"values": ["a"]}]},
        {"kind": "addPrerequisite", "key": "unknown", "variationId": "id-0"},
        {"kind": "addPrerequisite", "key": "other", "variationId": "id-9"},
        {"kind": "addPrerequisite", "key": "other"},
        {"kind": "updatePrerequisite", "key": "other", "variationId": "id-0"},
        {"kind": "replacePrerequisites", "prerequisites": ["other"]},
    ],
)
def test_what_can_not_be_a_target_or_a_prerequisite_is_refused_by_name(instruction: dict[str, Any]) -> None:
    assert refusal(instruction).startswith(f"instructions[0] {instruction['kind']}: ")


def test_a_prerequisite_is_added_once() -> None:
    added = {"kind": "addPrerequisite", "key": "other", "variationId": "id-1"}
    assert refusal(added, added).startswith("instructions[1] addPrerequisite: ")
