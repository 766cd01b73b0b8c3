"""Few units: the pooled error as a floor, and sequences that are exact."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from assay.stats.estimate import Interval, NotEstimable
from assay.stats.sequential import mixture_information
from assay.stats.small_samples import (
    bounded_mean_interval,
    cautious_squared_errors,
    conversion_lift_interval,
    log_bounded_e_value,
    log_conversion_e_value,
)

errors = st.floats(0, 100)
units = st.integers(2, 10_000)


@given(first=errors, second=errors, n=units)
def test_with_equal_arms_the_errors_stay_as_they_are(first: float, second: float, n: int) -> None:
    found = cautious_squared_errors(first, second, units=(n, n))
    assert found[0] + found[1] == pytest.approx(first + second, rel=1e-9)


@given(first=errors, second=errors, n=units, m=units)
def test_the_sum_is_the_larger_of_the_pooled_and_the_separate_one(
    first: float, second: float, n: int, m: int
) -> None:
    pooled = ((n - 1) * n * first + (m - 1) * m * second) / (n + m - 2) * (1 / n + 1 / m)
    found = cautious_squared_errors(first, second, units=(n, m))
    assert found[0] + found[1] == pytest.approx(max(pooled, first + second), rel=1e-9)
    assert found[0] >= first
    assert found[1] >= second


@given(first=errors, second=errors, n=units, m=units)
def test_swapping_the_arms_swaps_the_errors(first: float, second: float, n: int, m: int) -> None:
    one = cautious_squared_errors(first, second, units=(n, m))
    other = cautious_squared_errors(second, first, units=(m, n))
    if n != m:
        assert (one[0], one[1]) == pytest.approx((other[1], other[0]), rel=1e-12)


def test_a_small_arm_without_a_conversion_has_an_error_all_the_same() -> None:
    """0 of 40 against 4 of 360: the separate error of the small arm is 0."""
    rate, n = 4 / 360, 360
    large = rate * (1 - rate) / (n - 1)
    small, unchanged = cautious_squared_errors(0.0, large, units=(40, n))
    assert unchanged == large
    assert rate / np.sqrt(small + unchanged) < 1
    assert rate / np.sqrt(large) > 1.95


def test_single_units_without_variance_break_nothing() -> None:
    assert [float(error) for error in cautious_squared_errors(0.0, 0.0, units=(1, 1))] == [0.0, 0.0]


def test_a_larger_variance_in_the_smaller_arm_needs_no_floor() -> None:
    assert [float(error) for error in cautious_squared_errors(9.0, 0.01, units=(10, 1_000))] == [9.0, 0.01]


@pytest.mark.parametrize(("hits", "n", "null"), [(3, 10, 0.5), (0, 20, 0.1), (7, 9, 0.3)])
def test_the_evidence_is_the_beta_mixture_of_likelihood_ratios(hits: int, n: int, null: float) -> None:
    """By quadrature over the mixing density, independently of the closed form."""
    weight = 1 / float(mixture_information(1.0, tuned_at=50.0))
    prior = stats.beta(weight * null, weight * (1 - null))
    mixed, _ = integrate.quad(
        lambda q: prior.pdf(q) * (q / null) ** hits * ((1 - q) / (1 - null)) ** (n - hits), 0, 1, limit=200
    )
    assert log_bounded_e_value(hits, n, null=null, tuned_at=50.0) == pytest.approx(np.log(mixed), abs=1e-6)


@pytest.mark.parametrize("null", [0.01, 0.3, 0.5])
def test_the_evidence_is_a_fair_bet_on_conversions(null: float) -> None:
    hits = np.arange(31)
    evidence = log_bounded_e_value(hits, 30, null=null, tuned_at=100.0)
    assert np.sum(stats.binom.pmf(hits, 30, null) * np.exp(evidence)) == pytest.approx(1, rel=1e-9)


def test_the_evidence_is_at_best_a_fair_bet_on_values_between() -> None:
    """Every sequence of four values in {0, ½, 1} with mean 0.4, enumerated."""
    values, chances = np.array([0.0, 0.5, 1.0]), np.array([0.4, 0.4, 0.2])
    worth = 0.0
    for draw in product(range(3), repeat=4):
        evidence = log_bounded_e_value(values[list(draw)].sum(), 4, null=0.4, tuned_at=20.0)
        worth += float(np.prod(chances[list(draw)]) * np.exp(evidence))
    assert worth <= 1


@given(hits=st.integers(0, 60), rest=st.integers(0, 60), tuned=st.floats(5, 5_000))
def test_the_interval_of_a_share_leaves_out_exactly_the_nulls_with_strong_evidence(
    hits: int, rest: int, tuned: float
) -> None:
    n = hits + rest
    found = bounded_mean_interval(hits, n, tuned_at=tuned)
    if n == 0:
        assert found == NotEstimable("no units")
        return
    assert isinstance(found, Interval)
    assert found.lower <= hits / n <= found.upper
    for end in (found.lower, found.upper):
        if 0 < end < 1:
            assert log_bounded_e_value(hits, n, null=end, tuned_at=tuned) == pytest.approx(
                np.log(20), abs=1e-4
            )


def test_an_arm_with_no_conversion_against_eighteen_is_no_tie() -> None:
    """0 of 1,131 against 18 of 1,129: a real vaccine trial that a peer reports as p = 1, interval [0, 0]."""
    found = conversion_lift_interval((18, 0), share=1129 / 2260, tuned_at=18)
    assert isinstance(found, Interval)
    assert found.lower > 0
    assert found.upper > 20
    assert np.exp(-log_conversion_e_value((18, 0), share=1129 / 2260, tuned_at=18)) < 0.001


def test_without_conversions_no_lift_is_said() -> None:
    assert conversion_lift_interval((0, 0), share=0.5, tuned_at=10) == NotEstimable("no conversions")


def test_uneven_shares_are_accounted_for() -> None:
    found = conversion_lift_interval((90, 10), share=0.9, tuned_at=100)
    assert isinstance(found, Interval)
    assert found.lower < 0 < found.upper


def test_the_lift_of_rare_conversions_is_covered_at_every_look() -> None:
    """1 % against 1.5 %, 20 units an arm and look, 100 looks: far too few for any normal approximation."""
    rng = np.random.default_rng(3)
    shape = (3_000, 100)
    treated = np.cumsum(rng.binomial(20, 0.015, shape), axis=1)
    rest = np.cumsum(rng.binomial(20, 0.010, shape), axis=1)
    split = 0.015 / 0.025
    evidence = log_bounded_e_value(treated, treated + rest, null=split, tuned_at=50.0)
    assert np.mean(np.any(evidence >= np.log(20), axis=1)) <= 0.05
    tripled = log_conversion_e_value((3 * rest, rest), share=0.5, tuned_at=50.0)
    assert np.mean(tripled[:, -1] >= np.log(20)) > 0.8
