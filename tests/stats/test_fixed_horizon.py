"""Tests at one planned look agree with the published figures and with independent software."""

from math import inf

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.oneway import anova_oneway
from statsmodels.stats.proportion import proportion_confint, proportions_ztest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from assay.stats.contrasts import effect, mean_estimates, relative_margin_effect
from assay.stats.estimate import Alternative, Effect, Estimate, Interval, NotEstimable
from assay.stats.fixed_horizon import (
    mean_interval,
    pearson_chi_square,
    two_proportion_test,
    welch_anova,
    welch_effect,
    welch_test,
    wilson_interval,
)
from assay.stats.moments import JointMoments, Moments

# Student (1908), Biometrika 6:1-25: hours of sleep gained with two drugs, ten patients each.
SLEEP = (
    Moments.of([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]),
    Moments.of([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]),
)
MOMENTS = st.builds(
    Moments, st.integers(2, 10_000), st.floats(-1e3, 1e3), st.floats(0.1, 1e4, allow_subnormal=False)
)


def estimated(result: Effect | NotEstimable) -> Effect:
    assert isinstance(result, Effect)
    return result


def test_the_sleep_data_give_the_figures_of_r() -> None:
    """R: t.test(extra ~ group, sleep): t = -1.8608, df = 17.776, p = 0.07939, -3.3654832 0.2054832."""
    result = estimated(welch_effect(SLEEP[0], SLEEP[1]))
    assert result.estimate.value / result.estimate.standard_error == pytest.approx(-1.8608, abs=5e-5)
    assert result.estimate.degrees_of_freedom == pytest.approx(17.776, abs=5e-4)
    assert result.p_value == pytest.approx(0.07939, abs=5e-6)
    assert (result.interval.lower, result.interval.upper) == pytest.approx((-3.3654832, 0.2054832), abs=5e-8)


@pytest.mark.parametrize(
    ("successes", "n", "lower", "upper"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_are_those_of_newcombe_1998(
    successes: int, n: int, lower: float, upper: float
) -> None:
    """Newcombe (1998), Statistics in Medicine 17:857-872, table I, method 3."""
    interval = wilson_interval(successes, n)
    assert isinstance(interval, Interval)
    assert (interval.lower, interval.upper) == pytest.approx((lower, upper), abs=5e-5)


@given(st.integers(1, 5000), st.floats(0, 1), st.sampled_from([0.8, 0.95, 0.999]))
def test_wilson_intervals_agree_with_statsmodels(n: int, share: float, level: float) -> None:
    successes = round(n * share)
    interval = wilson_interval(successes, n, level)
    assert isinstance(interval, Interval)
    expected = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    assert (interval.lower, interval.upper) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_mean_has_students_interval() -> None:
    values = [3.1, 4.1, 5.9, 2.6, 5.3]
    interval = mean_interval(Moments.of(values), 0.9)
    expected = stats.t.interval(0.9, 4, np.mean(values), stats.sem(values))
    assert isinstance(interval, Interval)
    assert (interval.lower, interval.upper) == pytest.approx(expected, rel=1e-12)


@given(MOMENTS, MOMENTS, st.sampled_from(["two-sided", "greater", "less"]))
def test_welch_tests_agree_with_scipy(first: Moments, second: Moments, alternative: Alternative) -> None:
    result = estimated(welch_effect(first, second, alternative=alternative))
    expected = stats.ttest_ind_from_stats(
        *(first.mean, first.variance**0.5, first.n),
        *(second.mean, second.variance**0.5, second.n),
        equal_var=False,
        alternative=alternative,
    )
    assert result.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-300)


@pytest.mark.parametrize(
    ("alternative", "name"), [("two-sided", "two-sided"), ("greater", "larger"), ("less", "smaller")]
)
def test_welch_intervals_agree_with_statsmodels_on_every_side(alternative: Alternative, name: str) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.gamma(2, 3, 80), rng.gamma(2, 2.5, 120)
    interval = estimated(welch_effect(Moments.of(x), Moments.of(y), alternative=alternative)).interval
    expected = CompareMeans(DescrStatsW(x), DescrStatsW(y)).tconfint_diff(alternative=name, usevar="unequal")
    assert (interval.lower, interval.upper) == pytest.approx(expected, rel=1e-9)


def test_a_one_sided_upper_bound_lies_above_the_estimate() -> None:
    """gbstats 0.8.0's one-sided "lesser" test puts it below."""
    result = estimated(welch_effect(SLEEP[0], SLEEP[1], alternative="less"))
    assert result.interval.lower == -inf
    assert result.interval.upper > result.estimate.value
    assert result.interval.upper < estimated(welch_effect(SLEEP[0], SLEEP[1])).interval.upper


@given(MOMENTS, MOMENTS)
def test_exactly_one_side_of_a_one_sided_pair_holds_the_evidence(first: Moments, second: Moments) -> None:
    greater = estimated(welch_effect(first, second, alternative="greater"))
    less = estimated(welch_effect(first, second, alternative="less"))
    assert greater.p_value + less.p_value == pytest.approx(1)
    assert (greater.interval.lower > 0) == (greater.p_value < 0.05)
    assert (less.interval.upper < 0) == (less.p_value < 0.05)


@given(MOMENTS, MOMENTS)
def test_swapping_the_variations_negates_the_effect(first: Moments, second: Moments) -> None:
    one, other = estimated(welch_effect(first, second)), estimated(welch_effect(second, first))
    assert one.estimate.value == -other.estimate.value
    assert one.p_value == pytest.approx(other.p_value, rel=1e-12)
    assert one.interval.lower == pytest.approx(-other.interval.upper, rel=1e-12, abs=1e-9)


@given(MOMENTS, MOMENTS, st.floats(1e-3, 1e3))
def test_a_change_of_unit_scales_the_effect_and_keeps_the_p_value(
    first: Moments, second: Moments, scale: float
) -> None:
    scaled = [Moments(m.n, m.mean * scale, m.squares * scale**2) for m in (first, second)]
    one, other = estimated(welch_effect(first, second)), estimated(welch_effect(*scaled))
    assert other.estimate.value == pytest.approx(one.estimate.value * scale, rel=1e-9)
    assert other.estimate.standard_error == pytest.approx(one.estimate.standard_error * scale, rel=1e-9)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-6)


def test_welchs_error_is_the_hc2_error_of_regression() -> None:
    """Samii & Aronow (2012), Statistics & Probability Letters 82:365-370."""
    rng = np.random.default_rng(2)
    y, treated = rng.lognormal(size=150), np.repeat([0.0, 1.0], [100, 50])
    fit = sm.OLS(y, sm.add_constant(treated)).fit(cov_type="HC2")
    result = estimated(welch_effect(Moments.of(y[100:]), Moments.of(y[:100])))
    assert result.estimate.value == pytest.approx(fit.params[1], rel=1e-12)
    assert result.estimate.standard_error == pytest.approx(fit.bse[1], rel=1e-12)


def test_one_variation_without_variance_leaves_the_others_degrees_of_freedom() -> None:
    result = estimated(welch_effect(Moments(50, 2.0, 100.0), Moments(40, 1.0, 0.0)))
    assert result.estimate.degrees_of_freedom == pytest.approx(49)


def test_no_conversions_against_eighteen_is_an_effect_and_a_significant_one() -> None:
    """0 of 1131 against 18 of 1129: gbstats 0.8.0 says p = 1 with the interval [0, 0]."""
    result = estimated(welch_effect(Moments.of_successes(18, 1129), Moments.of_successes(0, 1131)))
    assert result.estimate.value == pytest.approx(18 / 1129)
    assert result.interval.lower > 0
    assert result.p_value < 1e-4


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (Moments(0, 0.0, 0.0), Moments(5, 1.0, 1.0), "no units"),
        (Moments(1, 2.0, 0.0), Moments(5, 1.0, 1.0), "fewer than two units"),
        (Moments(5, 1.0, 1.0), Moments(1, 2.0, 0.0), "fewer than two units"),
        (Moments(5, 1.0, 0.0), Moments(5, 2.0, 0.0), "no variance"),
    ],
)
def test_what_has_no_error_has_no_effect(first: Moments, second: Moments, reason: str) -> None:
    for result in (welch_effect(first, second), welch_test(first, second)):
        assert isinstance(result, NotEstimable)
        assert reason in result.reason


def test_tiny_errors_do_not_underflow_into_a_wrong_freedom() -> None:
    small = estimated(welch_effect(Moments(10, 2e-90, 1e-180), Moments(20, 1e-90, 1e-180)))
    large = estimated(welch_effect(Moments(10, 2.0, 1.0), Moments(20, 1.0, 1.0)))
    assert small.p_value == pytest.approx(large.p_value)
    assert small.estimate.degrees_of_freedom == pytest.approx(large.estimate.degrees_of_freedom)


@given(MOMENTS, MOMENTS, st.floats(-50, 50))
def test_a_margin_shifts_the_null_as_adding_it_to_the_baseline_would(
    first: Moments, second: Moments, margin: float
) -> None:
    shifted = Moments(second.n, second.mean + margin, second.squares)
    one = estimated(welch_effect(first, second, margin=margin, alternative="greater"))
    other = estimated(welch_effect(first, shifted, alternative="greater"))
    assert one.p_value == pytest.approx(other.p_value, rel=1e-6, abs=1e-12)
    assert (one.interval.lower > margin) == (other.interval.lower > 0) or abs(other.interval.lower) < 1e-9


@given(MOMENTS, MOMENTS, st.floats(-0.5, 0.5))
def test_a_relative_margin_is_a_test_against_the_scaled_baseline(
    first: Moments, second: Moments, margin: float
) -> None:
    """Hasler, Vonk & Hothorn (2008): Welch's test of x - (1 + margin) y, here by scaling y itself."""
    part = margin if second.mean >= 0 else -margin
    scaled = Moments(second.n, second.mean * (1 + part), second.squares * (1 + part) ** 2)
    pair = mean_estimates(JointMoments.of_one([second, first]))
    one = estimated(relative_margin_effect(pair, margin=margin))
    other = estimated(welch_effect(first, scaled, alternative="greater"))
    assert one.estimate.degrees_of_freedom == pytest.approx(other.estimate.degrees_of_freedom, rel=1e-9)
    assert one.p_value == pytest.approx(other.p_value, rel=1e-6, abs=1e-12)


def test_non_inferiority_by_a_relative_margin_holds_where_the_baseline_is_near_zero() -> None:
    pair = mean_estimates(JointMoments.of_one([Moments(100, 0.01, 900.0), Moments(100, 5.0, 900.0)]))
    assert estimated(relative_margin_effect(pair, margin=-0.02)).interval.lower > 0


def test_an_effect_needs_a_pair() -> None:
    three = mean_estimates(JointMoments.of_one([SLEEP[0]] * 3))
    with pytest.raises(ValueError):
        effect(three)


@given(st.integers(1, 500), st.integers(1, 500), st.floats(0, 1), st.floats(0, 1))
def test_the_two_proportion_test_is_the_pooled_z_test(n: int, m: int, p: float, q: float) -> None:
    successes = round(n * p), round(m * q)
    result = two_proportion_test(successes, (n, m))
    if sum(successes) in (0, n + m):
        assert result == NotEstimable("all units have the same value")
    else:
        assert result == pytest.approx(proportions_ztest(successes, (n, m))[1], rel=1e-9)


def test_chi_square_of_many_proportions_agrees_with_scipy() -> None:
    result = pearson_chi_square((12, 30, 25), (100, 150, 130))
    expected = stats.chi2_contingency([[12, 30, 25], [88, 120, 105]], correction=False)
    assert not isinstance(result, NotEstimable)
    assert (result.statistic, result.p_value) == pytest.approx((expected.statistic, expected.pvalue))
    assert result.degrees_of_freedom == 2


def test_welchs_analysis_of_variance_agrees_with_statsmodels() -> None:
    rng = np.random.default_rng(3)
    samples = [rng.normal(m, s, n) for m, s, n in [(0, 1, 20), (0.4, 2, 35), (0.8, 0.5, 15)]]
    result = welch_anova([Moments.of(sample) for sample in samples])
    assert result == pytest.approx(anova_oneway(samples, use_var="unequal").pvalue, rel=1e-9)


@pytest.mark.parametrize("bad", [(1.0, -1.0, 5.0), (float("nan"), 1.0, 5.0), (1.0, 1.0, 0.0)])
def test_an_estimate_without_a_number_or_an_error_is_refused(bad: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError):
        Estimate(*bad)


@pytest.mark.parametrize("bad", [(2.0, 1.0, 0.95), (1.0, 2.0, 1.0), (float("nan"), 1.0, 0.95)])
def test_an_interval_the_wrong_way_round_is_refused(bad: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError):
        Interval(*bad)
