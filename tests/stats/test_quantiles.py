"""Percentiles come from order statistics, their errors from the clusters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.stats.contrasts import contrasts, effect
from assay.stats.estimate import Effect, Estimate, Interval, NotEstimable, Status
from assay.stats.quantiles import Sample, quantile, quantile_estimate, quantile_estimates, quantile_interval

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


def drawn(seed: int, n: int = 2000, *, per_unit: int = 1) -> Sample:
    rng = np.random.default_rng(seed)
    level = np.repeat(rng.normal(size=n // per_unit), per_unit)
    units = np.repeat(np.arange(n // per_unit), per_unit) if per_unit > 1 else None
    return Sample(np.exp(level + 0.5 * rng.normal(size=n)), units)


def test_the_median_of_twenty_lies_between_the_sixth_and_the_fifteenth() -> None:
    """David & Nagaraja (2003), section 7.1: ranks 6 and 15, with probability 0.9586."""
    interval = quantile_interval(Sample(np.arange(1.0, 21.0)), 0.5)
    assert isinstance(interval, Interval)
    assert (interval.lower, interval.upper) == (6.0, 15.0)
    assert stats.binom.cdf(14, 20, 0.5) - stats.binom.cdf(5, 20, 0.5) == pytest.approx(0.9586, abs=5e-5)


@pytest.mark.parametrize(("n", "q"), [(100, 0.5), (200, 0.9), (500, 0.99), (5000, 0.95)])
def test_exact_ranks_hold_at_least_the_level_and_no_narrower_ones_do(n: int, q: float) -> None:
    interval = quantile_interval(Sample(np.arange(1.0, n + 1)), q)
    assert isinstance(interval, Interval)
    lower, upper = int(interval.lower), int(interval.upper)
    assert stats.binom.cdf(lower - 1, n, q) <= 0.025 < stats.binom.cdf(lower, n, q)
    assert stats.binom.sf(upper - 1, n, q) <= 0.025 < stats.binom.sf(upper - 2, n, q)


@given(VALUES, st.floats(0.01, 0.99))
def test_a_percentile_is_numpys_inverse_of_the_distribution(values: list[float], q: float) -> None:
    assert quantile(values, q) == np.quantile(values, q, method="inverted_cdf")


@given(VALUES, st.floats(0.01, 0.99), st.floats(0.1, 10))
def test_percentiles_go_with_the_unit_of_the_values(values: list[float], q: float, scale: float) -> None:
    assert quantile([value * scale for value in values], q) == pytest.approx(quantile(values, q) * scale)  # type: ignore[operator]


def test_the_error_of_a_median_is_the_one_of_theory() -> None:
    """sqrt(q(1-q)/n) over the density; for a lognormal median exp(0), density 1/(sigma sqrt(2 pi))."""
    sample = Sample(np.random.default_rng(1).lognormal(sigma=0.7, size=200_000))
    estimate = quantile_estimate(sample, 0.5)
    assert isinstance(estimate, Estimate)
    assert estimate.standard_error == pytest.approx(0.5 / 200_000**0.5 * 0.7 * (2 * np.pi) ** 0.5, rel=0.05)


def test_one_event_per_unit_is_the_independent_case() -> None:
    values = drawn(2).values
    one = quantile_estimate(Sample(values), 0.9)
    other = quantile_estimate(Sample(values, np.arange(2000)), 0.9)
    assert isinstance(one, Estimate)
    assert isinstance(other, Estimate)
    assert other.standard_error == pytest.approx(one.standard_error, rel=0.01)


def test_events_that_repeat_count_once() -> None:
    """Every event five times over adds no information."""
    values = drawn(3, 1000).values
    once = quantile_estimate(Sample(values, np.arange(1000)), 0.5)
    often = quantile_estimate(Sample(np.repeat(values, 5), np.repeat(np.arange(1000), 5)), 0.5)
    naive = quantile_estimate(Sample(np.repeat(values, 5)), 0.5)
    assert isinstance(once, Estimate)
    assert isinstance(often, Estimate)
    assert isinstance(naive, Estimate)
    assert often.standard_error == pytest.approx(once.standard_error, rel=0.01)
    assert naive.standard_error < 0.6 * often.standard_error


def test_a_clustered_interval_is_wider_than_the_one_that_ignores_clusters() -> None:
    sample = drawn(4, per_unit=10)
    clustered, naive = quantile_interval(sample, 0.5), quantile_interval(Sample(sample.values), 0.5)
    assert isinstance(clustered, Interval)
    assert isinstance(naive, Interval)
    assert clustered.lower < naive.lower
    assert clustered.upper > naive.upper


@pytest.mark.parametrize(("q", "fewest"), [(0.99, 381), (0.95, 73), (0.9, 35), (0.1, 35)])
def test_a_tail_needs_its_values(q: float, fewest: int) -> None:
    values = np.random.default_rng(5).normal(size=fewest)
    assert isinstance(quantile_estimate(Sample(values), q), Estimate)
    assert quantile_estimate(Sample(values[:-1]), q) == Status.SHORT_TAIL.not_estimable()


def test_equal_values_around_the_percentile_have_no_error() -> None:
    values = np.concatenate([np.zeros(900), np.ones(100)])
    assert quantile_estimate(Sample(values), 0.5) == Status.POINT_MASS.not_estimable()
    interval = quantile_interval(Sample(values), 0.5)
    assert isinstance(interval, Interval)
    assert (interval.lower, interval.upper) == (0.0, 0.0)


@pytest.mark.parametrize(("count", "status"), [(0, Status.NO_UNITS), (1, Status.FEWER_THAN_TWO_UNITS)])
def test_too_few_values_say_so(count: int, status: Status) -> None:
    assert quantile_estimate(Sample(np.zeros(count)), 0.5) == status.not_estimable()
    assert isinstance(quantile_interval(Sample(np.zeros(count)), 0.5), NotEstimable)


def test_few_clusters_say_so() -> None:
    sample = Sample(np.arange(90.0), np.repeat(np.arange(9), 10))
    assert quantile_estimate(sample, 0.5) == Status.FEW_CLUSTERS.not_estimable()
    assert quantile_interval(sample, 0.5) == Status.FEW_CLUSTERS.not_estimable()


def test_percentiles_of_two_variations_are_compared_as_means_are() -> None:
    one, other = drawn(6, per_unit=4), drawn(7, per_unit=4)
    forward = effect(quantile_estimates([one, other], 0.5))
    backward = effect(quantile_estimates([other, one], 0.5))
    assert isinstance(forward, Effect)
    assert isinstance(backward, Effect)
    medians = (
        np.quantile(other.values, 0.5, method="inverted_cdf"),
        np.quantile(one.values, 0.5, method="inverted_cdf"),
    )
    assert forward.estimate.value == pytest.approx(medians[0] - medians[1])
    assert forward.estimate.value == -backward.estimate.value
    assert quantile_estimates([one, other], 0.5).n.tolist() == [500, 500]


def test_a_short_tail_keeps_the_point_and_withholds_the_interval() -> None:
    arms = quantile_estimates([drawn(8), Sample(np.arange(20.0))], 0.99)
    assert arms.value[1] == 19.0
    assert contrasts(arms).status.tolist() == [Status.SHORT_TAIL]


@pytest.mark.parametrize("q", [0.0, 1.0, -0.5, 95.0])
def test_a_percentile_is_a_share(q: float) -> None:
    with pytest.raises(ValueError, match="share"):
        quantile([1.0], q)


def test_a_sample_is_flat_finite_and_wholly_attributed() -> None:
    for values, units in [([[1.0]], None), ([np.nan], None), ([1.0], [1, 2])]:
        with pytest.raises(ValueError):
            Sample(np.array(values), None if units is None else np.array(units))
