"""The documented Bayesian model: published posteriors, documented priors, and the edges."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from assay.stats.bayesian import (
    UNIFORM,
    Conversions,
    Posterior,
    Standing,
    beta_posterior,
    conversion_posteriors,
    flat_prior,
    highest_density_interval,
    lift_of,
    mean_posteriors,
    normal_posterior,
    standings,
    treatment_conversion_prior,
    treatment_prior,
    unit_information_prior,
)
from assay.stats.direction import Direction
from assay.stats.distributions import Beta, Normal
from assay.stats.estimate import Interval, NotEstimable
from assay.stats.moments import Moments

HIGHER, LOWER = Direction.HIGHER_IS_BETTER, Direction.LOWER_IS_BETTER


def known(answer: Posterior | NotEstimable) -> Posterior:
    assert isinstance(answer, Posterior)
    return answer


def placed(answer: Standing | NotEstimable) -> Standing:
    assert isinstance(answer, Standing)
    return answer


def normal(answer: Posterior | NotEstimable) -> Normal:
    distribution = known(answer).distribution
    assert isinstance(distribution, Normal)
    return distribution


# Published examples


@pytest.mark.parametrize(
    ("prior", "mean", "deviation"), [(Normal(900, 20), 890.0, 17.9), (Normal(800, 80), 840.0, 35.7)]
)
def test_two_physicists_learn_from_one_measurement(prior: Normal, mean: float, deviation: float) -> None:
    """Box & Tiao (1973), section 1.2.3: a measurement of 850 with standard error 40."""
    posterior = normal(normal_posterior(Moments(2, 850.0, 3200.0), prior))
    assert posterior.mu == pytest.approx(mean, abs=0.05)
    assert posterior.sigma == pytest.approx(deviation, abs=0.08)  # the book cuts 35.77 to 35.7


def test_girls_among_births_with_placenta_previa() -> None:
    """Gelman et al. (2013), section 2.4: 437 girls of 980, uniform prior: mean .446, deviation .016."""
    posterior = known(beta_posterior(Conversions(980, 437), UNIFORM))
    assert posterior.distribution == Beta(438, 544)
    assert round(posterior.distribution.mean, 3) == 0.446
    assert round(posterior.distribution.deviation, 3) == 0.016
    quantiles = [round(posterior.distribution.quantile(p), 3) for p in (0.025, 0.975)]
    assert quantiles == [0.415, 0.477]


# The documented priors


def test_the_prior_of_a_mean_is_the_documented_one() -> None:
    prior = treatment_prior(Moments(401, 20.0, 400 * 9.0), spread=0.15)
    assert prior.mu == 20.0
    assert prior.sigma**2 == pytest.approx(20.0**2 * 0.15 + 9.0 / 401)


def test_the_prior_of_a_rate_has_the_documented_mean_and_variance() -> None:
    prior = treatment_conversion_prior(Conversions(1_000, 80))
    assert prior.mean == pytest.approx(0.08)
    assert prior.deviation**2 == pytest.approx(0.08**2 * 0.04 + 0.08 * 0.92 / 1_000)


@pytest.mark.parametrize("conversions", [Conversions(1_000, 0), Conversions(1_000, 1_000), Conversions(3, 3)])
def test_the_prior_of_a_rate_is_proper_where_the_documented_one_does_not_exist(
    conversions: Conversions,
) -> None:
    prior = treatment_conversion_prior(conversions)
    assert prior.mean == pytest.approx((conversions.successes + 1) / (conversions.n + 2))
    assert prior.alpha + prior.beta >= 2


def test_the_posterior_mean_is_the_documented_shrinkage() -> None:
    prior = Normal(10.0, 2.0)
    posterior = known(normal_posterior(Moments(50, 13.0, 49 * 100.0), prior))
    assert posterior.data_weight == pytest.approx((1 / 2.0) / (1 / 2.0 + 1 / 4.0))
    assert posterior.distribution.mean == pytest.approx(
        posterior.data_weight * 13.0 + (1 - posterior.data_weight) * 10.0
    )
    assert posterior.data_deviation == pytest.approx(10.0)
    shrunk = known(beta_posterior(Conversions(90, 9), Beta(4, 6)))
    assert shrunk.data_weight == pytest.approx(0.9)
    assert shrunk.distribution.mean == pytest.approx(0.9 * 0.1 + 0.1 * 0.4)


def test_the_baselines_prior_is_proper_by_default_and_flat_on_request() -> None:
    samples = [Moments(100, 5.0, 99 * 4.0), Moments(100, 5.5, 99 * 4.0)]
    proper, flat = mean_posteriors(samples), mean_posteriors(samples, prior_of_baseline=flat_prior)
    assert known(proper[0]).prior == Normal(5.0, 2.0)
    assert known(proper[0]).data_weight == pytest.approx(100 / 101)
    assert known(flat[0]).prior is None
    assert known(flat[0]).data_weight == 1.0
    assert normal(flat[0]).sigma == pytest.approx(sqrt(4.0 / 100))
    assert proper[1] == flat[1]


def test_the_unit_information_prior_weighs_as_much_as_one_unit() -> None:
    data = Moments(10, 3.0, 18.0)
    posterior = normal(normal_posterior(data, unit_information_prior(data)))
    assert posterior.mu == pytest.approx(3.0)
    assert posterior.sigma**2 == pytest.approx(2.0 / 11)


# Intervals


@settings(deadline=None, max_examples=60)
@given(alpha=st.floats(1.01, 2_000), beta=st.floats(1.01, 2_000), level=st.floats(0.5, 0.99))
def test_no_interval_of_a_beta_is_shorter_than_the_densest(alpha: float, beta: float, level: float) -> None:
    interval = highest_density_interval(Beta(alpha, beta), level)
    theirs = stats.beta(alpha, beta)
    assert theirs.cdf(interval.upper) - theirs.cdf(interval.lower) == pytest.approx(level, abs=1e-9)

    def width(below: float) -> float:
        return float(theirs.ppf(below + level) - theirs.ppf(below))

    best = optimize.minimize_scalar(width, bounds=(0, 1 - level), method="bounded", options={"xatol": 1e-10})
    assert interval.upper - interval.lower <= best.fun * (1 + 1e-9)


def test_a_falling_density_starts_its_interval_at_zero_and_a_rising_one_ends_at_one() -> None:
    falling, rising = highest_density_interval(Beta(1, 30), 0.9), highest_density_interval(Beta(30, 0.8), 0.9)
    assert (falling.lower, rising.upper) == (0.0, 1.0)
    assert falling.upper == pytest.approx(stats.beta.ppf(0.9, 1, 30))
    assert rising.lower == pytest.approx(stats.beta.ppf(0.1, 30, 0.8))


def test_a_density_with_two_peaks_has_no_densest_interval() -> None:
    with pytest.raises(ValueError, match="no single"):
        highest_density_interval(Beta(0.5, 0.5))


def test_a_normals_densest_interval_is_the_central_one() -> None:
    interval = highest_density_interval(Normal(10, 2), 0.95)
    assert (interval.lower, interval.upper) == pytest.approx(
        (10 - 2 * 1.959963984540054, 10 + 2 * 1.959963984540054)
    )


# Lift


def test_the_lift_is_the_documented_delta_method() -> None:
    lift = lift_of(Normal(11, 0.3), Normal(10, 0.2), level=0.9)
    assert not isinstance(lift, NotEstimable)
    assert lift.distribution.mu == pytest.approx(0.1)
    assert lift.distribution.sigma**2 == pytest.approx((11 / 10) ** 2 * (0.3**2 / 11**2 + 0.2**2 / 10**2))
    assert lift.interval.lower == pytest.approx(0.1 - 1.6448536269514722 * lift.distribution.sigma)


def test_a_loss_halved_is_a_gain_of_a_half_not_a_fall() -> None:
    lift = lift_of(Normal(-1, 0.01), Normal(-2, 0.01))
    assert not isinstance(lift, NotEstimable)
    assert lift.distribution.mu == pytest.approx(0.5)


@pytest.mark.parametrize("baseline", [Normal(0.0, 1.0), Normal(0.19, 0.1), Beta(1, 1_132)])
def test_a_baseline_that_may_be_zero_has_no_lift(baseline: Normal | Beta) -> None:
    assert isinstance(lift_of(baseline, baseline), NotEstimable)


@settings(deadline=None, max_examples=50)
@given(scale=st.floats(1e-3, 1e3), mean=st.floats(5, 10), other=st.floats(5, 10))
def test_a_change_of_unit_changes_no_probability_and_no_lift(scale: float, mean: float, other: float) -> None:
    def in_unit(unit: float) -> Standing:
        samples = [Moments(50, m * unit, 49 * unit**2) for m in (mean, other)]
        return placed(standings(mean_posteriors(samples), HIGHER)[1])

    one, two = in_unit(1.0), in_unit(scale)
    assert two.probability_best == pytest.approx(one.probability_best, abs=1e-9)
    assert two.expected_loss == pytest.approx(one.expected_loss * scale, rel=1e-6, abs=1e-12 * scale)
    assert not isinstance(one.lift, NotEstimable) and one.lift is not None  # noqa: PT018
    assert not isinstance(two.lift, NotEstimable) and two.lift is not None  # noqa: PT018
    assert two.lift.distribution.mu == pytest.approx(one.lift.distribution.mu, abs=1e-9)


# Standings


def test_eighteen_against_no_conversions_is_a_clear_case_without_a_lift() -> None:
    """The trial of statistics.md section 12 on which another engine says p = 1, interval [0, 0]."""
    baseline, treatment = standings(
        conversion_posteriors([Conversions(1_131, 0), Conversions(1_129, 18)]), HIGHER
    )
    assert placed(baseline).interval.lower == 0.0
    assert placed(treatment).probability_best > 0.99
    assert isinstance(placed(treatment).lift, NotEstimable)


def test_no_conversions_in_any_arm_is_no_failure() -> None:
    answers = standings(conversion_posteriors([Conversions(500, 0), Conversions(500, 0)]), HIGHER)
    for answer in map(placed, answers):
        assert 0.2 < answer.probability_best < 0.8


def test_the_baseline_is_compared_with_nothing() -> None:
    baseline, treatment = map(
        placed, standings(conversion_posteriors([Conversions(900, 90), Conversions(900, 120)]), HIGHER)
    )
    assert (baseline.lift, baseline.probability_beats_baseline, baseline.expected_shortfall) == (None,) * 3
    assert treatment.probability_beats_baseline == pytest.approx(treatment.probability_best)
    assert treatment.expected_shortfall == pytest.approx(treatment.expected_loss)
    assert baseline.probability_best == pytest.approx(1 - treatment.probability_best)


def test_where_lower_is_better_the_lower_treatment_leads() -> None:
    samples = [Moments(400, 10.0, 400.0), Moments(400, 9.0, 400.0)]
    assert placed(standings(mean_posteriors(samples), LOWER)[1]).probability_best > 0.99
    assert placed(standings(mean_posteriors(samples), HIGHER)[1]).probability_best < 0.01


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        (Moments(0, 0.0, 0.0), "fewer than two units"),
        (Moments(1, 7.0, 0.0), "fewer than two units"),
        (Moments(9, 7.0, 0.0), "all units have the same value"),
    ],
)
def test_a_treatment_without_variance_is_absent_and_the_others_stand(sample: Moments, reason: str) -> None:
    sound = Moments(100, 5.0, 100.0)
    answers = standings(mean_posteriors([sound, sample, sound]), HIGHER)
    assert answers[1] == NotEstimable(reason)
    assert placed(answers[0]).probability_best + placed(answers[2]).probability_best == pytest.approx(1)


def test_without_a_baseline_nothing_stands() -> None:
    means = standings(mean_posteriors([Moments(1, 5.0, 0.0), Moments(100, 5.0, 100.0)]), HIGHER)
    rates = standings(conversion_posteriors([Conversions(0, 0), Conversions(10, 3)]), HIGHER)
    alone = known(normal_posterior(Moments(100, 5.0, 100.0), None))
    assert means == [
        NotEstimable("fewer than two units"),
        NotEstimable("the baseline can't be estimated: fewer than two units"),
    ]
    assert rates[1] == NotEstimable("the baseline can't be estimated: no units")
    assert standings([NotEstimable("why"), alone], HIGHER)[1] == NotEstimable(
        "the baseline can't be estimated: why"
    )


def test_a_treatment_without_units_is_absent() -> None:
    answers = standings(conversion_posteriors([Conversions(100, 10), Conversions(0, 0)]), HIGHER)
    assert answers[1] == NotEstimable("no units")


def test_one_unit_has_a_rate_but_no_deviation() -> None:
    assert isinstance(known(beta_posterior(Conversions(1, 1), UNIFORM)).data_deviation, NotEstimable)
    two = known(beta_posterior(Conversions(4, 2), UNIFORM)).data_deviation
    assert two == pytest.approx(np.std([0, 1, 0, 1], ddof=1))


def test_more_conversions_than_units_are_refused() -> None:
    with pytest.raises(ValueError, match="not a number of conversions"):
        Conversions(3, 4)


# Simulation


def test_credible_intervals_cover_when_the_truth_comes_from_the_prior() -> None:
    """A posterior is calibrated over its own prior: 90 % intervals cover 90 % (binomial tolerance)."""
    rng = np.random.default_rng(4)
    prior, runs, covered = Beta(4, 36), 2_000, 0
    for rate in rng.beta(prior.alpha, prior.beta, runs):
        data = Conversions(200, int(rng.binomial(200, rate)))
        interval: Interval = highest_density_interval(known(beta_posterior(data, prior)).distribution, 0.9)
        covered += interval.lower <= rate <= interval.upper
    assert covered / runs == pytest.approx(0.9, abs=4 * sqrt(0.9 * 0.1 / runs))
