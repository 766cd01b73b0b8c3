"""An iteration as a rollout: exact weights, few moves, and the official evaluator's own answer."""

import itertools
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from assay.experiments.experiment import Iteration, Parameter, Slice, Treatment
from assay.experiments.rollout import (
    WHOLE,
    carrying,
    fresh_slices,
    moved_slices,
    released,
    treatment_weights,
)
from assay.flags.delivery import delivered_flag
from assay.flags.evaluation import compile_set
from assay.flags.model import Flag
from experiments.plans import around, flag_on, running
from flags.flags import rollout
from flags.official import Official, ours

NAMES = st.sampled_from("abcde")


@st.composite
def allocations(draw: st.DrawFn) -> dict[str, int]:
    """Weights that add up to the whole at most."""
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    left, weights = WHOLE, {}
    for name in names:
        weights[name] = draw(st.integers(0, left))
        left -= weights[name]
    return weights


def treatments(*percents: str) -> tuple[Treatment, ...]:
    return tuple(Treatment(str(number), percent, id=str(number)) for number, percent in enumerate(percents))


def delivered(flag: Flag) -> dict[str, dict[str, Any]]:
    return {flag.key: delivered_flag(flag, flag.environments["production"], tracked=False)}


def current(iteration: Iteration | None) -> Iteration:
    assert iteration is not None
    return iteration


@pytest.mark.parametrize(
    ("percents", "weights"),
    [
        (("50", "50"), [50_000, 50_000]),
        (("33.3333333333", "33.3333333333", "33.3333333333"), [33_334, 33_333, 33_333]),
        (("33.33", "33.33", "33.34"), [33_330, 33_330, 33_340]),
        (("0.001", "0"), [1, 0]),
        (("0.0004", "0.0004", "0.0004"), [1, 0, 0]),
        (("12.3456", "12.3454"), [12_346, 12_345]),
    ],
)
def test_weights_are_the_nearest_that_add_up(percents: tuple[str, ...], weights: list[int]) -> None:
    assert list(treatment_weights(treatments(*percents)).values()) == weights


@given(st.lists(st.decimals(0, 20, places=6), min_size=1, max_size=5))
def test_no_weight_is_a_whole_thousandth_off(percents: list[Decimal]) -> None:
    weights = treatment_weights(treatments(*(f"{percent:f}" for percent in percents)))
    for percent, weight in zip(percents, weights.values(), strict=True):
        assert abs(weight - percent * 1000) < 1


def test_the_rest_comes_first_and_then_the_baseline() -> None:
    assert fresh_slices({"a": 30_000, "b": 20_000, "c": 0}, "b") == (
        Slice(50_000),
        Slice(20_000, "b"),
        Slice(30_000, "a"),
    )


def by_bucket(slices: tuple[Slice, ...]) -> list[tuple[int, str]]:
    """Where each slice ends, with its treatment."""
    ends, end = [], 0
    for one in slices:
        end += one.weight
        ends.append((end, one.treatment_id))
    return ends


def at(slices: tuple[Slice, ...], bucket: int) -> str:
    return next(name for end, name in by_bucket(slices) if bucket < end)


def moves(before: tuple[Slice, ...], after: tuple[Slice, ...]) -> Counter[tuple[str, str]]:
    """How many thousandths went from what to what."""
    edges = sorted({0} | {end for slices in (before, after) for end, _ in by_bucket(slices)})
    found: Counter[tuple[str, str]] = Counter()
    for start, end in itertools.pairwise(edges):
        if at(before, start) != at(after, start):
            found[at(before, start), at(after, start)] += end - start
    return found


@given(allocations(), st.lists(allocations(), min_size=1, max_size=4))
def test_a_new_allocation_has_its_weights_and_a_treatment_keeps_all_it_can(
    first: dict[str, int], later: list[dict[str, int]]
) -> None:
    slices, weights = fresh_slices(first, min(first)), first
    for wanted in later:
        after = moved_slices(wanted, slices)
        assert sum(one.weight for one in after) == WHOLE
        held = Counter[str]()
        for one in after:
            held[one.treatment_id] += one.weight
        assert {name: held[name] for name in wanted} == wanted
        changes = moves(slices, after)
        for name in {*wanted, *weights}:
            was, now = weights.get(name, 0), wanted.get(name, 0)
            assert sum(count for (source, _), count in changes.items() if source == name) == max(0, was - now)
            assert sum(count for (_, target), count in changes.items() if target == name) == max(0, now - was)
        slices, weights = after, wanted


@given(allocations(), allocations())
def test_nobody_goes_from_one_treatment_to_another_while_untouched_units_are_left(
    first: dict[str, int], wanted: dict[str, int]
) -> None:
    before = fresh_slices(first, min(first))
    changes = moves(before, moved_slices(wanted, before))
    switched = sum(count for (source, target), count in changes.items() if source and target)
    from_outside = sum(count for (source, target), count in changes.items() if not source and target)
    assert switched == 0 or from_outside == WHOLE - sum(first.values())


def test_the_official_evaluator_marks_exactly_the_treatments_units() -> None:
    among = around(flag_on(), first_seed=77)
    iteration = current(running("30", "20", "10", among=among).running)
    flag = carrying(flag_on(), "production", replace(iteration))
    documents = delivered(flag)
    official, compiled = Official(documents, {}), compile_set(documents, {})
    counts: Counter[tuple[int | None, bool]] = Counter()
    for number in range(20_000):
        context = {"kind": "user", "key": f"unit-{number}"}
        answer = official.answer("flag", context)
        assert answer == ours(compiled, "flag", context)
        counts[answer.variation, answer.reason.get("inExperiment", False)] += 1
    expected = {(0, False): 0.4, (0, True): 0.3, (1, True): 0.2, (2, True): 0.1}
    assert counts.keys() == expected.keys()
    for place, share in expected.items():
        # Five standard deviations of a share of 20,000 are below 0.018.
        assert abs(counts[place] / 20_000 - share) < 0.018


def test_whoever_is_not_of_the_randomized_kind_gets_what_is_outside_the_experiment() -> None:
    iteration = current(running("30", "30", randomizationUnit="device").running)
    documents = delivered(carrying(flag_on(), "production", iteration))
    answer = Official(documents, {}).answer("flag", {"kind": "user", "key": "somebody"})
    assert (answer.variation, "inExperiment" in answer.reason) == (0, False)


def test_a_unit_falls_into_the_same_treatment_on_every_flag() -> None:
    flags = (flag_on("one"), flag_on("two"))
    iteration = current(running("40", "40", flags=("one", "two"), among=around(*flags)).running)
    documents = {
        key: body for one in flags for key, body in delivered(carrying(one, "production", iteration)).items()
    }
    official = Official(documents, {})
    for number in range(2_000):
        context = {"kind": "user", "key": f"unit-{number}"}
        first, second = official.answer("one", context), official.answer("two", context)
        assert (first.variation, first.reason) == (second.variation, second.reason)


def test_the_same_seed_keeps_a_growing_experiments_units() -> None:
    among = around(first_seed=9)
    first = running("10", "10", among=among)
    bigger = replace(
        current(first.running),
        slices=moved_slices({"id-0": 30_000, "id-1": 30_000}, current(first.running).slices),
    )
    before, after = (
        Official(delivered(carrying(flag_on(), "production", one)), {})
        for one in (current(first.running), bigger)
    )
    for number in range(3_000):
        context = {"kind": "user", "key": f"unit-{number}"}
        answer = before.answer("flag", context)
        if "inExperiment" in answer.reason:
            assert after.answer("flag", context) == answer


def test_after_the_end_everybody_gets_the_winner_or_what_was_outside() -> None:
    iteration = current(running("50", "50").running)
    outside = replace(
        iteration,
        flags={"flag": replace(iteration.flags["flag"], not_in_experiment_variation_id="id-3")},
    )
    won = replace(outside, winning_treatment_id="id-1")
    assert released(flag_on(), "production", won).environments["production"].fallthrough.variation == 1
    assert released(flag_on(), "production", outside).environments["production"].fallthrough.variation == 3
    assert released(flag_on(), "production", iteration).environments["production"].fallthrough.variation == 0


def test_treatments_of_several_flags_may_mix_their_variations() -> None:
    iteration = current(
        running("50", "50", flags=("one", "two"), among=around(flag_on("one"), flag_on("two"))).running
    )
    crossed = replace(
        iteration.treatments[1], parameters=(Parameter("one", "id-1"), Parameter("two", "id-0"))
    )
    iteration = replace(iteration, treatments=(iteration.treatments[0], crossed))
    weights = carrying(flag_on("two"), "production", iteration).environments["production"].fallthrough.rollout
    assert weights is not None
    assert [entry.variation for entry in weights.variations] == [0, 0]
    assert weights.seed == iteration.seed
    assert rollout(1).kind != weights.kind
