"""A lift's interval is the effect's test turned round, so that both views give one verdict."""

from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize

from assay.stats.contrasts import contrasts, effect, mean_estimates, relative_variance, t_quantile
from assay.stats.estimate import Alternative, Effect, Interval, Lift, NotEstimable, Status
from assay.stats.fixed_horizon import welch_effect, welch_lift
from assay.stats.lift import lift_bounds, lift_values
from assay.stats.moments import JointMoments, Moments

MOMENTS = st.builds(
    Moments, st.integers(2, 5_000), st.floats(-100, 100), st.floats(0.1, 1e5, allow_subnormal=False)
)


def known(result: Lift | NotEstimable) -> Lift:
    assert isinstance(result, Lift)
    return result


def bounded(result: Lift | NotEstimable) -> Interval:
    interval = known(result).interval
    assert isinstance(interval, Interval)
    return interval


def effect_of(first: Moments, second: Moments) -> Effect:
    result = welch_effect(first, second)
    assert isinstance(result, Effect)
    return result


@given(MOMENTS, MOMENTS)
def test_absolute_and_relative_significance_agree(treatment: Moments, baseline: Moments) -> None:
    assume(abs(baseline.mean) > 1e-6)
    result = known(welch_lift(treatment, baseline))
    absolute = effect_of(treatment, baseline).interval
    if isinstance(result.interval, Interval):
        assert (result.interval.lower > 0) == (absolute.lower > 0)
        assert (result.interval.upper < 0) == (absolute.upper < 0)
        assert result.interval.lower <= result.value <= result.interval.upper


@given(MOMENTS, MOMENTS)
def test_the_interval_has_the_fractions_that_the_test_does_not_refute(
    treatment: Moments, baseline: Moments
) -> None:
    assume(abs(baseline.mean) > 1e-6)
    pair = contrasts(mean_estimates(JointMoments.of_one([baseline, treatment])))
    interval = known(welch_lift(treatment, baseline)).interval
    assume(isinstance(interval, Interval))
    assert isinstance(interval, Interval)
    side = np.sign(baseline.mean)
    critical = -t_quantile(0.025, pair.freedom)
    for end in (interval.lower, interval.upper):
        refused = pair.effect - side * end * pair.baseline
        half = critical * np.sqrt(relative_variance(pair, side * end))
        assert abs(refused.item()) == pytest.approx(half.item(), rel=1e-6)


def test_the_ends_are_found_by_an_independent_search() -> None:
    treatment, baseline = Moments(400, 11.0, 400 * 90.0), Moments(350, 10.0, 350 * 80.0)
    freedom = effect_of(treatment, baseline).estimate.degrees_of_freedom
    critical = -t_quantile(0.025, freedom)

    def distance(fraction: float) -> float:
        ratio = 1 + fraction
        error = treatment.variance / 400 + ratio**2 * baseline.variance / 350
        return float((treatment.mean - ratio * baseline.mean) ** 2 - critical**2 * error)

    interval = bounded(welch_lift(treatment, baseline))
    assert interval.lower == pytest.approx(optimize.brentq(distance, -1, 0.1, xtol=1e-14), rel=1e-9)
    assert interval.upper == pytest.approx(optimize.brentq(distance, 0.1, 2, xtol=1e-14), rel=1e-9)


def test_under_a_sure_baseline_it_is_the_delta_interval() -> None:
    """gbstats and others use the delta interval; both meet where the baseline is well determined."""
    treatment, baseline = Moments(10**6, 10.1, 10**6 * 4.0), Moments(10**6, 10.0, 10**6 * 4.0)
    interval = bounded(welch_lift(treatment, baseline))
    error = sqrt(4.0 / 1e6 / 100 * (1 + 1.01**2))
    assert interval.lower == pytest.approx(0.01 - 1.959964 * error, rel=1e-4)
    assert interval.upper == pytest.approx(0.01 + 1.959964 * error, rel=1e-4)


@given(MOMENTS, MOMENTS, st.floats(1e-2, 1e2))
def test_a_change_of_unit_changes_no_lift(treatment: Moments, baseline: Moments, scale: float) -> None:
    assume(abs(baseline.mean) > 1e-6)
    scaled = [Moments(m.n, m.mean * scale, m.squares * scale**2) for m in (treatment, baseline)]
    one, other = known(welch_lift(treatment, baseline)), known(welch_lift(*scaled))
    assert other.value == pytest.approx(one.value, rel=1e-6)
    if isinstance(one.interval, Interval) and isinstance(other.interval, Interval):
        width = one.interval.upper - one.interval.lower
        assume(width < 1e3)
        assert other.interval.lower == pytest.approx(one.interval.lower, rel=1e-6, abs=1e-6 * width)


@given(MOMENTS, MOMENTS)
def test_under_the_negated_metric_the_lift_is_negated(treatment: Moments, baseline: Moments) -> None:
    assume(abs(baseline.mean) > 1e-6)
    negated = [Moments(m.n, -m.mean, m.squares) for m in (treatment, baseline)]
    one, other = known(welch_lift(treatment, baseline)), known(welch_lift(*negated))
    assert other.value == -one.value
    if isinstance(one.interval, Interval):
        assert isinstance(other.interval, Interval)
        assert other.interval.lower == pytest.approx(-one.interval.upper, rel=1e-9)


def test_a_rise_from_a_negative_baseline_is_a_positive_lift() -> None:
    """-2 to -1: gbstats 0.8.0 reports -50 % with p = 1e-5."""
    treatment, baseline = Moments(500, -1.0, 500.0), Moments(500, -2.0, 500.0)
    result = known(welch_lift(treatment, baseline))
    assert result.value == 0.5
    assert bounded(result).lower > 0


def test_a_zero_baseline_has_an_effect_but_no_lift() -> None:
    treatment, baseline = Moments.of_successes(18, 1129), Moments.of_successes(0, 1131)
    assert welch_lift(treatment, baseline) == NotEstimable("the baseline is zero")
    assert effect_of(treatment, baseline).interval.lower > 0


@pytest.mark.parametrize("treated", [0.5, 40.0])
def test_a_baseline_that_may_be_zero_has_a_lift_without_an_interval(treated: float) -> None:
    """With 0.5 the set holds every fraction, with 40 all but a bounded stretch; neither is an interval."""
    result = known(welch_lift(Moments(100, treated, 9900.0), Moments(100, 0.5, 9900.0)))
    assert result.interval == Status.BASELINE_NEAR_ZERO.not_estimable()
    assert result.value == pytest.approx(treated / 0.5 - 1)


def test_two_constants_have_a_lift_without_an_interval() -> None:
    result = known(welch_lift(Moments(5, 3.0, 0.0), Moments(5, 2.0, 0.0)))
    assert result.value == 0.5
    assert result.interval == NotEstimable("no variance in either variation")


def test_a_variation_without_units_has_no_lift() -> None:
    assert isinstance(welch_lift(Moments(0, 0.0, 0.0), Moments(5, 2.0, 1.0)), NotEstimable)


@pytest.mark.parametrize("alternative", ["greater", "less"])
def test_one_sided_lifts_agree_with_one_sided_effects(alternative: Alternative) -> None:
    for mean in np.linspace(9.5, 10.5, 41):
        treatment, baseline = Moments(200, float(mean), 800.0), Moments(200, 10.0, 800.0)
        pair = mean_estimates(JointMoments.of_one([baseline, treatment]))
        absolute = effect(pair, alternative=alternative)
        interval = bounded(welch_lift(treatment, baseline, alternative=alternative))
        assert isinstance(absolute, Effect)
        if alternative == "greater":
            assert interval.upper == inf
            assert (interval.lower > 0) == (absolute.p_value < 0.05)
        else:
            assert interval.lower == -inf
            assert (interval.upper < 0) == (absolute.p_value < 0.05)


def test_a_wider_multiplier_gives_a_wider_interval_until_none_is_left() -> None:
    pair = contrasts(mean_estimates(JointMoments.of_one([Moments(50, 3.0, 450.0), Moments(50, 4.0, 450.0)])))
    multipliers = np.array([1.0, 2.0, 3.0, 6.0, 8.0])
    bounds = lift_bounds(pair, multipliers)
    assert bounds.status.tolist() == [0, 0, 0, 0, Status.BASELINE_NEAR_ZERO]
    assert np.all(np.diff(bounds.upper[:4]) > 0)
    assert np.all(np.diff(bounds.lower[:4]) < 0)
    assert np.isnan(bounds.upper[4])
    assert lift_values(pair).item() == pytest.approx(1 / 3)
