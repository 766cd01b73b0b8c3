"""Semantic patches: each instruction does what it says, to its environment only, or all are refused."""

from typing import Any

import pytest
from msgspec.structs import replace

from assay.errors import InvalidRequest
from assay.flags.model import Fallthrough
from flags.flags import config, flag, rollout
from flags.semantic import after, production, refusal


def test_no_instructions_change_nothing() -> None:
    assert after(flag(), environment=None) == flag()


def test_on_and_off_hold_for_one_environment() -> None:
    turned = after(flag(), {"kind": "turnFlagOn"})
    assert [turned.environments[key].on for key in ("production", "test")] == [True, False]
    assert not production({"kind": "turnFlagOn"}, {"kind": "turnFlagOff"}).on


def test_the_fallthrough_becomes_one_variation() -> None:
    kind = "updateFallthroughVariationOrRollout"
    assert production({"kind": kind, "variationId": "id-2"}).fallthrough == Fallthrough(variation=2)


@pytest.mark.parametrize("spelling", ["rolloutWeights", "rolloutweights", "ROLLOUTWEIGHTS"])
def test_the_fallthrough_becomes_a_rollout_in_the_order_of_the_variations(spelling: str) -> None:
    made = production(
        {
            "kind": "updateFallthroughVariationOrRollout",
            spelling: {"id-1": 70_000, "id-0": 30_000},
            "rolloutContextKind": "org",
            "rolloutBucketBy": "email",
        }
    )
    assert made.fallthrough.rollout == rollout(30_000, 70_000, context_kind="org", bucket_by="email")


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"variationId": None},
        {"variationId": "v0"},
        {"variationId": ["id-0"]},
        {"rolloutWeights": {"id-9": 100_000}},
        {"rolloutWeights": {"id-0": 100_000.0}},
        {"rolloutWeights": {"id-0": True}},
        {"rolloutWeights": {"id-0": "100000"}},
        {"rolloutWeights": [100_000]},
        {"rolloutWeights": {"id-0": 100_000}, "rolloutContextKind": 5},
        {"rolloutWeights": {"id-0": 100_000}, "rolloutBucketBy": ["key"]},
    ],
)
def test_a_fallthrough_that_makes_no_sense_is_refused(parameters: dict[str, Any]) -> None:
    assert refusal({"kind": "updateFallthroughVariationOrRollout", **parameters})


def test_the_off_variation_and_tracking_are_set() -> None:
    made = production(
        {"kind": "updateOffVariation", "variationId": "id-1"},
        {"kind": "updateTrackEvents", "trackEvents": True},
        {"kind": "updateTrackEventsFallthrough", "trackEvents": True},
    )
    assert (made.off_variation, made.track_events, made.track_events_fallthrough) == (1, True, True)


def test_names_and_tags_need_no_environment() -> None:
    made = after(
        flag(tags=("a", "b")),
        {"kind": "updateName", "value": "New"},
        {"kind": "updateDescription", "value": ""},
        {"kind": "addTags", "values": ["c", "a", "c"]},
        {"kind": "removeTags", "values": ["b", "never there"]},
        environment=None,
    )
    assert (made.name, made.description, made.tags) == ("New", "", ("a", "c"))


@pytest.mark.parametrize(
    "instruction",
    [
        None,
        "turnFlagOn",
        {},
        {"kind": None},
        {"kind": ["turnFlagOn"]},
        {"kind": ""},
        {"Kind": "turnFlagOn"},
        {"kind": "updateTrackEvents", "trackEvents": "true"},
        {"kind": "updateTrackEvents"},
        {"kind": "updateName", "value": None},
        {"kind": "addTags", "values": "abc"},
        {"kind": "addTags", "values": [1]},
        {"kind": "removeTags"},
    ],
)
def test_what_can_not_be_understood_is_refused(instruction: Any) -> None:
    assert refusal(instruction)


@pytest.mark.parametrize("environment", [None, "staging", ""])
def test_an_environment_that_is_not_there_is_refused(environment: str | None) -> None:
    assert "environmentKey" in refusal({"kind": "turnFlagOn"}, environment=environment)


def test_one_refused_instruction_refuses_all_and_leaves_the_flag_as_it_was() -> None:
    before = flag()
    with pytest.raises(InvalidRequest):
        after(before, {"kind": "turnFlagOn"}, {"kind": "unknown"})
    assert before == flag()


def test_new_weights_keep_the_seed_the_kind_and_the_unit() -> None:
    """Who is in which variation must not be drawn anew because the shares changed."""
    kind = "updateFallthroughVariationOrRollout"
    seeded = replace(rollout(50_000, 50_000), kind="experiment", seed=61, context_kind="org")
    instruction = {"kind": kind, "rolloutWeights": {"id-0": 10_000, "id-1": 90_000}}
    made = production(instruction, before=config(fallthrough=Fallthrough(rollout=seeded)))
    assert made.fallthrough.rollout == replace(seeded, variations=rollout(10_000, 90_000).variations)


@pytest.mark.parametrize("kind", ["turnflagon", "TURNFLAGON", "TurnFlagOn"])
def test_a_kind_is_known_in_any_spelling(kind: str) -> None:
    assert production({"kind": kind}).on


def test_a_refusal_names_the_instruction_by_its_place_and_kind() -> None:
    said = refusal({"kind": "turnFlagOn"}, {"kind": "updateName", "value": 5})
    assert said == "instructions[1] updateName: it needs a string as value"
    assert refusal({"kind": "turnFlagOn"}, 7).startswith("instructions[1] ")
