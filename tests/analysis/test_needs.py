"""Units still needed, held against the textbook's formula; and when a horizon is reached."""

from math import ceil
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.iterations import design, measured, number, plan, results
from assay.analysis.arms import UnitTable
from assay.analysis.comparisons import Design
from assay.analysis.experiment_results import Compared, Needed
from assay.analysis.judging import Moment, judged
from assay.analysis.needs import DAY_MS, Pace, looking_plan, needed
from assay.stats.estimate import NotEstimable

FIXED: dict[str, Any] = {"horizon": 10_000, "always_valid": False}


def alternating(*arms: tuple[int, float, float]) -> UnitTable:
    """For each arm so many units, half of them `spread` above the mean and half below."""
    arm = np.repeat(np.arange(len(arms)), [count for count, _, _ in arms])
    value = np.concatenate([np.resize([mean - spread, mean + spread], count) for count, mean, spread in arms])
    return UnitTable(arm, value)


def units_needed(table: UnitTable, of: Design, pace: Pace) -> tuple[Needed | NotEstimable, ...]:
    metric = measured(table, arms=len(of.shares))
    (found,) = results(metric, of=of)
    return needed(of, metric.found.best, found.comparisons, pace)


def by_hand(
    baseline: tuple[float, float], treatment: float, *, lift: float, power: float, alpha: float, share: float
) -> float:
    """Units of a pair: baseline mean and variance, the treatment's variance and its share of the two."""
    z = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)
    mean, variance = baseline
    return z**2 * (treatment / share + variance / (1 - share)) / (lift * mean) ** 2


def variance(count: int, spread: float) -> float:
    """Of half above, half below, with n − 1."""
    return spread**2 * count / (count - 1)


@pytest.mark.parametrize("lift", [0.02, 0.1])
@pytest.mark.parametrize("power", [0.8, 0.95])
def test_a_fixed_test_needs_what_the_textbook_says(lift: float, power: float) -> None:
    own = design(minimum_lift=lift, power=power, **FIXED)
    (_, found) = units_needed(alternating((50, 10.0, 2.0), (80, 10.0, 3.0)), own, Pace(130, 10 * DAY_MS))
    assert isinstance(found, Needed)
    exact = by_hand(
        (10.0, variance(50, 2.0)), variance(80, 3.0), lift=lift, power=power, alpha=0.05, share=0.5
    )
    assert found.units == pytest.approx(exact, abs=2)
    assert found.missing == max(0, found.units - 130)
    assert found.days == ceil(found.missing / 13)


def test_unequal_shares_cost_units_and_are_counted_over_all_treatments() -> None:
    own = Design(plan(minimum_lift=0.01, correction="bonferroni", **FIXED), (0.6, 0.3, 0.1), 0)
    table = alternating((60, 10.0, 2.0), (60, 10.0, 3.0), (60, 10.0, 1.0))
    _, second, third = units_needed(table, own, Pace(180, DAY_MS))
    for found, spread, share in ((second, 3.0, 0.3), (third, 1.0, 0.1)):
        assert isinstance(found, Needed)
        pair = by_hand(
            (10.0, variance(60, 2.0)),
            variance(60, spread),
            lift=0.01,
            power=0.8,
            alpha=0.025,
            share=share / (share + 0.6),
        )
        assert found.units == pytest.approx(pair / (share + 0.6), abs=3)


def test_the_baselines_place_changes_no_need() -> None:
    arms = ((60, 10.0, 2.0), (60, 11.0, 3.0), (60, 9.0, 1.0))
    first = units_needed(alternating(*arms), Design(plan(), (0.5, 0.3, 0.2), 0), Pace(180, DAY_MS))
    last = units_needed(
        alternating(arms[1], arms[2], arms[0]), Design(plan(), (0.3, 0.2, 0.5), 2), Pace(180, DAY_MS)
    )
    assert first[1:] == last[:2]
    assert isinstance(first[0], NotEstimable)
    assert isinstance(last[2], NotEstimable)


def test_looking_often_needs_more_than_looking_once_and_a_smaller_alpha_more_again() -> None:
    table = alternating((50, 10.0, 2.0), (50, 10.0, 2.0))
    sizes = []
    for changes in (
        FIXED,
        {"horizon": 10_000},
        {},
        {"alpha": 0.01},
    ):
        (_, found) = units_needed(table, design(minimum_lift=0.01, **changes), Pace(100, DAY_MS))
        assert isinstance(found, Needed)
        sizes.append(found.units)
    assert sizes == sorted(set(sizes))
    assert [looking_plan(plan(**one), 0.05).method for one in (FIXED, {"horizon": 9}, {})] == [
        "fixed",
        "hybrid",
        "sequence",
    ]


def test_without_a_pace_no_days_are_told_and_with_enough_units_none_are_missing() -> None:
    table = alternating((50, 10.0, 2.0), (50, 10.0, 2.0))
    (_, found) = units_needed(table, design(minimum_lift=0.01), Pace(100, 0))
    assert isinstance(found, Needed)
    assert isinstance(found.days, NotEstimable)
    (_, enough) = units_needed(table, design(minimum_lift=0.01), Pace(10**9, 0))
    assert isinstance(enough, Needed)
    assert (enough.missing, enough.days) == (0, 0)
    assert enough.units == found.units


@pytest.mark.parametrize("mean", [0.0, 1e-200])
def test_a_lift_of_next_to_nothing_can_not_be_planned(mean: float) -> None:
    (_, found) = units_needed(alternating((50, mean, 2.0), (50, 1.0, 2.0)), design(), Pace(100, DAY_MS))
    assert isinstance(found, NotEstimable)


@pytest.mark.parametrize("changes", [{"power": 0.3}, {"alpha": 0.5}, {"alpha": 0.5, "horizon": 100}])
def test_a_plan_that_no_size_follows_from_costs_the_size_and_nothing_else(changes: dict[str, Any]) -> None:
    metric = measured(alternating((50, 10.0, 2.0), (50, 12.0, 2.0)))
    (found,) = results(metric, of=design(**changes))
    reason = found.needed[1]
    assert isinstance(reason, NotEstimable)
    assert "power of 0.5" in reason.reason
    assert isinstance(found.comparisons[1], Compared)
    assert found.comparisons[1].effect == pytest.approx(2.0)


SHARES = st.lists(st.integers(1, 99_999), min_size=2, max_size=6)


@given(SHARES, st.integers(2, 10_000))
def test_a_pairs_horizon_is_reached_with_its_exact_part_of_the_units(weights: list[int], times: int) -> None:
    total = sum(weights)
    own = Design(plan(horizon=total * times), tuple(weight / total for weight in weights), 0)
    for treatment in own.treatments:
        exact = (weights[0] + weights[treatment]) * times
        assert own.is_at_horizon(treatment, exact)
        assert not own.is_at_horizon(treatment, exact - 1)


def test_a_fixed_test_counts_from_the_horizon_on_and_not_one_unit_before() -> None:
    shares = (0.1, 0.2, 0.7)
    own = Design(plan(horizon=1000, always_valid=False), shares, 0)
    words = []
    for n in (199, 200):
        table = alternating((100, 10.0, 2.0), (n, 13.0, 2.0), (700, 10.0, 2.0))
        (found,) = judged([measured(table, arms=3)], own, Moment(is_over=False, pace=Pace(1000, DAY_MS)))
        one = found.comparisons[1]  # type: ignore[union-attr]
        assert isinstance(one, Compared)
        assert number(one.fixed.p_value) < 1e-9
        words.append(one.verdict.word)
    assert words == ["not_yet", "better"]
