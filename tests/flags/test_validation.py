"""A flag that would keep SDKs from starting, or make them disagree, is refused with what is wrong."""

from typing import Any

import pytest

from assay.errors import InvalidRequest
from assay.flags.model import Clause, Defaults, Fallthrough, Flag, Rule, Target, Variation
from assay.flags.validation import LARGEST_SEED, MOST_VARIATIONS, check_flag, require_key
from flags.flags import config, flag, in_production, rollout, spread

CLAUSES = (Clause("plan", "in", ("pro",)),)


def refusal(made: Flag) -> str:
    with pytest.raises(InvalidRequest) as refused:
        check_flag(made)
    return str(refused.value)


@pytest.mark.parametrize("key", ["a", "A9", "0", "a.b_c-d", "x" * 256])
def test_a_key_of_letters_digits_and_a_few_signs_is_taken(key: str) -> None:
    assert require_key(key, "flag") == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        ".a",
        "-a",
        "_a",
        "a b",
        "a/b",
        "a%2Fb",
        "ä",
        "a\n",
        "a\x00",
        "x" * 257,
        None,
        5,
        True,
        ["a"],
        "a٣",
        "..",
        ".",
    ],
)
def test_any_other_key_is_refused(key: object) -> None:
    with pytest.raises(InvalidRequest, match="flag key"):
        require_key(key, "flag")


def test_ordinary_flags_are_good() -> None:
    check_flag(flag())
    check_flag(flag(2, environments={}))
    check_flag(flag(MOST_VARIATIONS))
    check_flag(in_production(fallthrough=spread(0, 33_333, 66_667, kind="experiment", seed=LARGEST_SEED)))


@pytest.mark.parametrize("count", [0, 1, MOST_VARIATIONS + 1])
def test_too_few_and_too_many_variations_are_refused(count: int) -> None:
    assert f"not {count}" in refusal(flag(count))


def test_two_variations_with_one_id_are_refused() -> None:
    assert "same _id" in refusal(flag(variations=(Variation(1, id="x"), Variation(2, id="x"))))


@pytest.mark.parametrize("index", [-1, 3])
def test_an_index_without_a_variation_is_refused_wherever_it_stands(index: int) -> None:
    places: list[Flag] = [
        flag(defaults=Defaults(index, 0)),
        flag(defaults=Defaults(0, index)),
        in_production(off_variation=index),
        in_production(fallthrough=Fallthrough(variation=index)),
        in_production(rules=(Rule(CLAUSES, variation=index),)),
        in_production(targets=(Target(("a",), index),)),
        in_production(context_targets=(Target(("a",), index, "org"),)),
    ]
    assert all(f"there is no variation {index}" in refusal(place) for place in places)


def test_a_rollout_to_a_variation_that_is_not_there_is_refused() -> None:
    assert "there is no variation 3" in refusal(in_production(fallthrough=spread(0, 0, 0, 100_000)))


@pytest.mark.parametrize(
    "weights", [(), (99_999,), (100_001,), (50_000, 50_001), (200_000, -100_000), (0, 0)]
)
def test_weights_that_do_not_make_the_whole_are_refused(weights: tuple[int, ...]) -> None:
    assert "weight" in refusal(in_production(fallthrough=spread(*weights)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 0}, "seed"),
        ({"seed": -1}, "seed"),
        ({"seed": LARGEST_SEED + 1}, "seed"),
        ({"kind": "Experiment"}, "kind"),
        ({"kind": ""}, "kind"),
        ({"context_kind": ""}, "context kind"),
        ({"context_kind": "a b"}, "context kind"),
        ({"context_kind": "x" * 65}, "context kind"),
        ({"context_kind": "org", "bucket_by": "/"}, "names no attribute"),
        ({"context_kind": "org", "bucket_by": "/a~2"}, "names no attribute"),
    ],
)
def test_a_rollout_that_sdks_read_differently_is_refused(change: dict[str, Any], said: str) -> None:
    assert said in refusal(in_production(fallthrough=spread(100_000, **change)))
    rule = Rule(CLAUSES, rollout=rollout(100_000, **change))
    assert said in refusal(in_production(rules=(rule,)))


def test_a_place_needs_a_variation_or_a_rollout_and_not_both() -> None:
    for place in (Fallthrough(), Fallthrough(0, rollout(100_000))):
        assert "either" in refusal(in_production(fallthrough=place))
    for rule in (Rule(CLAUSES), Rule(CLAUSES, 0, rollout(100_000))):
        assert "rules[0]" in refusal(in_production(rules=(rule,)))


def test_a_rule_without_clauses_is_refused() -> None:
    assert "no clauses" in refusal(in_production(rules=(Rule((), variation=0),)))


def test_an_operator_that_no_sdk_knows_is_refused() -> None:
    assert "'equals'" in refusal(in_production(rules=(Rule((Clause("a", "equals", (1,)),), variation=0),)))


def test_two_rules_with_one_id_are_refused() -> None:
    rules = (Rule(CLAUSES, variation=0, id="r"), Rule(CLAUSES, variation=1, id="r"))
    assert "same _id" in refusal(in_production(rules=rules))


def test_the_environment_with_the_mistake_is_named() -> None:
    environments = {"production": config(), "test": config(off_variation=9)}
    assert "environments.test.offVariation" in refusal(flag(environments=environments))
