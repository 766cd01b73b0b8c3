"""The figures of flag-scoped results that hold at every look."""

import math

import numpy as np
import pytest

from assay.analysis.anytime import FORECAST_UNITS, anytime, compared
from assay.analysis.results import AnytimeComparison
from assay.stats.default_rule import DefaultRule
from assay.stats.estimate import Interval, NotEstimable
from assay.stats.moments import Moments

RULE = DefaultRule(alpha=0.05, forecast=FORECAST_UNITS)
EVEN = (0.5, 0.5)


def conversions(n: int, hits: int) -> Moments:
    return Moments(n, hits / n, hits * (n - hits) / n)


def one_look(n: int, hits: tuple[int, int]) -> AnytimeComparison:
    found = compared(RULE, [conversions(n, hits[1])], [conversions(n, hits[0])])
    assert isinstance(found, AnytimeComparison)
    return found


def test_the_interval_is_that_of_the_published_formula() -> None:
    """Half width = se √((1 + 1/x)(ln(1 + x) − 2 ln α)) with x = n ρ², ρ² = 8.21197 / n* (α = 0.05)."""
    found = one_look(5000, (1500, 1600))
    error = math.sqrt(2 * 0.3 * 0.7 / 5000 * 5000 / 4999 / 2 + 0.32 * 0.68 / 4999)
    x = 10_000 * 8.21197 / FORECAST_UNITS
    half = error * math.sqrt((1 + 1 / x) * (math.log(1 + x) - 2 * math.log(0.05)))
    assert found.effect == pytest.approx(0.02)
    assert found.interval.upper - found.effect == pytest.approx(half, rel=1e-5)


def test_a_clear_effect_is_significant_in_both_views() -> None:
    found = one_look(5000, (1500, 1800))
    assert found.is_significant
    assert isinstance(found.lift_interval, Interval)
    assert found.lift_interval.lower > 0
    assert found.p_value < 0.05
    assert found.lift == pytest.approx(0.2)


def test_what_a_fixed_test_just_calls_is_not_called_yet() -> None:
    found = one_look(5000, (1500, 1593))
    assert not found.is_significant
    assert found.p_value > 0.05


def test_swapping_the_variations_turns_the_effect_round() -> None:
    there, back = one_look(800, (200, 260)), one_look(800, (260, 200))
    assert there.effect == pytest.approx(-back.effect)
    assert there.p_value == pytest.approx(back.p_value)


def test_the_p_value_is_the_smallest_of_all_looks() -> None:
    strong, weak = (
        (conversions(5000, 1500), conversions(5000, 1800)),
        (conversions(9000, 2700), conversions(9000, 2750)),
    )
    found = compared(RULE, [strong[1], weak[1]], [strong[0], weak[0]])
    alone = compared(RULE, [weak[1]], [weak[0]])
    assert isinstance(found, AnytimeComparison)
    assert isinstance(alone, AnytimeComparison)
    assert found.p_value == one_look(5000, (1500, 1800)).p_value < alone.p_value
    assert found.interval == alone.interval


@pytest.mark.parametrize("hits", [(0, 0), (50, 50)])
def test_without_variance_nothing_is_said(hits: tuple[int, int]) -> None:
    found = compared(RULE, [conversions(50, hits[1])], [conversions(50, hits[0])])
    assert found == NotEstimable("no variance in either variation")


def test_without_two_units_nothing_is_said() -> None:
    assert isinstance(compared(RULE, [conversions(1, 1)], [conversions(9, 3)]), NotEstimable)
    assert isinstance(compared(RULE, [], []), NotEstimable)


def test_a_baseline_without_conversions_has_an_effect_but_no_lift() -> None:
    found = one_look(1000, (0, 60))
    assert found.is_significant
    assert isinstance(found.lift, NotEstimable)
    assert isinstance(found.lift_interval, NotEstimable)


def test_treatments_share_alpha() -> None:
    arms = [[conversions(1000, 300)], [conversions(1000, 330)], [conversions(1000, 310)]]
    found = anytime(arms, 0, (1 / 3, 1 / 3, 1 / 3))
    assert found.rule.alpha == 0.025
    assert isinstance(found.comparisons[0], NotEstimable)
    assert all(isinstance(comparison, AnytimeComparison) for comparison in found.comparisons[1:])


def test_a_split_that_was_not_planned_is_a_mismatch() -> None:
    balanced = anytime([[conversions(5000, 1)], [conversions(5010, 1)]], 0, EVEN).sample_ratio
    broken = anytime([[conversions(5000, 1)], [conversions(6000, 1)]], 0, EVEN).sample_ratio
    assert not isinstance(balanced, NotEstimable)
    assert not isinstance(broken, NotEstimable)
    assert balanced.mismatch_probability < 0.5 < 0.99 < broken.mismatch_probability


@pytest.mark.slow
def test_looking_every_day_calls_few_experiments_without_an_effect() -> None:
    """200 A/A tests of 28 looks on revenue with 5 % buyers: a peeking t-test would call a fifth or more."""
    chance, called, peeked = np.random.default_rng(11), 0, 0
    for _ in range(200):
        values = np.where(chance.random((2, 28, 200)) < 0.05, chance.lognormal(3, 1, (2, 28, 200)), 0.0)
        looks = [[_moments(arm[: day + 1].ravel()) for day in range(28)] for arm in values]
        found = compared(RULE, looks[1], looks[0])
        assert isinstance(found, AnytimeComparison)
        called += found.p_value <= 0.05
        peeked += any(_z(t, b) > 1.96 for t, b in zip(*looks, strict=True))
    assert called <= 10 + 3 * math.sqrt(200 * 0.05 * 0.95)
    assert peeked > 3 * called + 20


def _moments(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Moments:
    return Moments(len(values), float(values.mean()), float(((values - values.mean()) ** 2).sum()))


def _z(first: Moments, second: Moments) -> float:
    return abs(first.mean - second.mean) / math.sqrt(first.variance / first.n + second.variance / second.n)
