"""The two-arm figures against numbers that can be worked out by hand, and sample sizes that stay countable."""

from math import isfinite, sqrt

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assay.stats.estimate import NotEstimable
from assay.stats.fixed_horizon import pearson_chi_square, two_proportion_test, welch_test, wilson_interval
from assay.stats.moments import Moments
from assay.stats.power import mean_sample_size, proportion_sample_size

# Standard normal quantiles at 0.975 and 0.8.
Z_ALPHA, Z_POWER = 1.959963984540054, 0.8416212335729143


def test_pearson_s_statistic_of_a_two_by_two_table() -> None:
    found = pearson_chi_square((20, 30), (100, 100))
    assert not isinstance(found, NotEstimable)
    assert found.statistic == pytest.approx(200 * (20 * 70 - 30 * 80) ** 2 / (100 * 100 * 50 * 150))


def test_the_two_proportion_test_looks_both_ways_alike() -> None:
    assert two_proportion_test((20, 30), (100, 120)) == two_proportion_test((30, 20), (120, 100))


def test_wilson_s_interval_solves_its_own_equation() -> None:
    found = wilson_interval(7, 50)
    assert not isinstance(found, NotEstimable)
    for edge in (found.lower, found.upper):
        assert abs(7 / 50 - edge) / sqrt(edge * (1 - edge) / 50) == pytest.approx(Z_ALPHA)


@given(st.integers(1, 10**12), st.data())
def test_wilson_s_interval_never_leaves_zero_to_one(n: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    found = wilson_interval(hits, n)
    assert not isinstance(found, NotEstimable)
    assert 0 <= found.lower <= hits / n <= found.upper <= 1


@given(st.integers(2, 10**9), st.integers(2, 10**9), st.floats(-1e6, 1e6), st.floats(0, 1e12))
def test_a_welch_p_value_is_a_probability_or_there_is_none(
    n: int, m: int, mean: float, squares: float
) -> None:
    found = welch_test(Moments(n, mean, squares), Moments(m, 0.0, 1.0))
    assert isinstance(found, float)
    assert 0 <= found <= 1


def test_sample_sizes_are_the_textbook_s() -> None:
    p, q = 0.1, 0.11
    wanted = (Z_ALPHA + Z_POWER) ** 2 * (p * (1 - p) + q * (1 - q)) / (q - p) ** 2
    found = proportion_sample_size(p, 0.1)
    assert not isinstance(found, NotEstimable)
    assert found - 1 < wanted <= found + 1e-6
    moments = Moments(101, 5.0, 400.0)  # variance 4
    size = mean_sample_size(moments, 0.1)
    assert not isinstance(size, NotEstimable)
    assert size - 1 < (Z_ALPHA + Z_POWER) ** 2 * 2 * 4 / 0.25 <= size + 1e-6


@pytest.mark.parametrize("mean", [2.7e-17, -1e-160, 5e-324])
def test_a_mean_that_only_rounding_left_is_no_plan(mean: float) -> None:
    assert isinstance(mean_sample_size(Moments(10, mean, 1.0), 0.1), NotEstimable)


@example(0.0, 1.0, 5e-324)
@example(0.5, 1e30, 1e-300)
@given(st.floats(0, 1), st.floats(-1e30, 1e30), st.floats(0, 1e60))
def test_a_sample_size_can_always_be_counted(rate: float, mean: float, squares: float) -> None:
    for found in (proportion_sample_size(rate, 0.1), mean_sample_size(Moments(9, mean, squares), 0.1)):
        assert isinstance(found, NotEstimable) or (found > 0 and isfinite(found) and found < 2**53)
