"""Adjustment takes away what was known before, and nothing else."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from assay.stats.adjustment import (
    adjusted_estimates,
    covariates_with_missing,
    cuped_estimates,
    is_adjusted,
    post_stratified_estimates,
    variance_factor,
)
from assay.stats.contrasts import ArmEstimates, contrasts, effect, mean_estimates
from assay.stats.estimate import Effect, Lift, Status
from assay.stats.lift import lift, lift_bounds
from assay.stats.moments import Floats, JointMoments
from assay.stats.ratio import linearized, ratio_estimates


def units(seed: int, n: int, *, tilt: float = 0.0) -> tuple[Floats, Floats]:
    """Values and two covariates, the value's slope on the first being 2 + tilt."""
    rng = np.random.default_rng(seed)
    x = rng.normal([3, -1], [1, 2], (n, 2))
    return (2 + tilt) * x[:, 0] - 0.5 * x[:, 1] + rng.normal(0, 1, n) + 10, x


def moments_of(parts: list[tuple[Floats, Floats]], covariates: int = 2) -> JointMoments:
    return JointMoments.stack(
        [JointMoments.of(y, covariates=[x[:, i] for i in range(covariates)]) for y, x in parts]
    )


PAIR = [units(1, 300), units(2, 150, tilt=0.7)]


def test_the_values_are_the_predictions_of_separate_regressions_at_the_common_mean() -> None:
    """statsmodels OLS per variation, with the standard error of the prediction's mean."""
    estimate = adjusted_estimates(moments_of(PAIR))
    common = np.concatenate([x for _, x in PAIR]).mean(axis=0)
    for arm, (y, x) in enumerate(PAIR):
        prediction = sm.OLS(y, sm.add_constant(x)).fit().get_prediction([[1.0, *common]])
        assert estimate.value[arm] == pytest.approx(prediction.predicted_mean[0], rel=1e-10)
        assert estimate.squared_error[arm] == pytest.approx(prediction.se_mean[0] ** 2, rel=1e-9)
        assert estimate.freedom[arm] == len(y) - 3


def test_the_effect_is_the_coefficient_of_lins_regression() -> None:
    """Lin (2013): the value on treatment, centred covariates and their products, by statsmodels."""
    y, x = (np.concatenate(part) for part in zip(*PAIR, strict=True))
    treated = np.repeat([0.0, 1.0], [300, 150])
    centred = x - x.mean(axis=0)
    design = np.column_stack([np.ones(450), treated, centred, treated[:, None] * centred])
    fit = sm.OLS(y, design).fit(cov_type="HC2")
    result = effect(adjusted_estimates(moments_of(PAIR)))
    assert isinstance(result, Effect)
    assert result.estimate.value == pytest.approx(fit.params[1], rel=1e-10)
    # HC2 leaves out what differing slopes do to the common mean, and estimates the rest otherwise.
    tilt = fit.params[4:] @ np.cov(x.T) @ fit.params[4:] / 450
    assert result.estimate.standard_error**2 == pytest.approx(fit.bse[1] ** 2 + tilt, rel=0.03)


def test_one_slope_for_all_is_that_of_all_units() -> None:
    """Deng, Xu, Kohavi & Walker (2013), eq. 4: theta = cov(y, x) / var(x), by numpy."""
    y, x = (np.concatenate(part) for part in zip(*PAIR, strict=True))
    theta = np.cov(y, x[:, 0])[0, 1] / x[:, 0].var(ddof=1)
    result = effect(cuped_estimates(moments_of(PAIR, 1)))
    remainders = [part_y - theta * part_x[:, 0] for part_y, part_x in PAIR]
    assert isinstance(result, Effect)
    assert result.estimate.value == pytest.approx(remainders[1].mean() - remainders[0].mean(), rel=1e-10)
    expected = sum(r.var(ddof=1) / len(r) for r in remainders)
    assert result.estimate.standard_error**2 == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("method", [adjusted_estimates, cuped_estimates])
@pytest.mark.parametrize("constant", [0.0, 7.0])
def test_a_covariate_that_is_always_the_same_changes_nothing(method: object, constant: float) -> None:
    plain = mean_estimates(JointMoments.stack([JointMoments.of(y) for y, _ in PAIR]))
    with_it = JointMoments.stack(
        [JointMoments.of(y, covariates=[np.full(len(y), constant)]) for y, _ in PAIR]
    )
    adjusted: ArmEstimates = method(with_it)  # type: ignore[operator]
    assert_array_equal(adjusted.value, plain.value)
    assert_allclose(adjusted.squared_error, plain.squared_error, rtol=1e-14)
    assert_array_equal(adjusted.freedom, plain.freedom)


@pytest.mark.parametrize("method", [adjusted_estimates, cuped_estimates])
def test_a_copy_of_a_covariate_adds_nothing(method: object) -> None:
    once = moments_of([(y, x[:, :1]) for y, x in PAIR], 1)
    twice = moments_of([(y, np.column_stack([x[:, 0], -2 * x[:, 0] + 5])) for y, x in PAIR])
    one, two = (contrasts(method(m)) for m in (once, twice))  # type: ignore[operator]
    assert_allclose(two.effect, one.effect, rtol=1e-9)
    assert_allclose(two.variance, one.variance, rtol=1e-9)
    assert_allclose(two.freedom, one.freedom, rtol=1e-9)


@given(st.floats(0.01, 100), st.floats(-1e3, 1e3), st.floats(0.01, 100))
def test_the_units_of_a_covariate_do_not_matter_and_those_of_the_value_scale(
    scale: float, offset: float, size: float
) -> None:
    changed = moments_of([(y * size, x * scale + offset) for y, x in PAIR])
    one, other = contrasts(adjusted_estimates(moments_of(PAIR))), contrasts(adjusted_estimates(changed))
    assert_allclose(other.effect, one.effect * size, rtol=1e-6)
    assert_allclose(other.variance, one.variance * size**2, rtol=1e-6)


def test_swapping_the_variations_negates_the_effect() -> None:
    one, other = (effect(adjusted_estimates(moments_of(part))) for part in (PAIR, PAIR[::-1]))
    assert isinstance(one, Effect)
    assert isinstance(other, Effect)
    assert one.estimate.value == pytest.approx(-other.estimate.value)
    assert one.p_value == pytest.approx(other.p_value)


def test_merged_shards_adjust_as_the_whole() -> None:
    shards = [moments_of([(y[i::3], x[i::3]) for y, x in PAIR]) for i in range(3)]
    merged, whole = shards[0] + shards[1] + shards[2], moments_of(PAIR)
    assert_allclose(adjusted_estimates(merged).value, adjusted_estimates(whole).value, rtol=1e-12)


def test_what_is_left_of_the_variance_is_one_minus_r_squared() -> None:
    y, x = units(3, 20_000)
    moments = moments_of([(y, x), units(4, 20_000)])
    factor = variance_factor(adjusted_estimates(moments), mean_estimates(moments))
    assert factor[0] == pytest.approx(1 - sm.OLS(y, sm.add_constant(x)).fit().rsquared, rel=1e-3)


def test_a_covariate_that_tells_all_leaves_no_variance() -> None:
    x = np.random.default_rng(5).normal(size=(100, 1))
    moments = moments_of([(3 * x[:, 0] + 1, x), (3 * x[:, 0] + 2, x)], 1)
    assert contrasts(adjusted_estimates(moments)).status.tolist() == [Status.NO_VARIANCE]


def test_small_samples_stay_unadjusted() -> None:
    small = moments_of([units(6, 39), units(7, 100)])
    assert not is_adjusted(small).any()
    assert_allclose(adjusted_estimates(small).value, mean_estimates(small).value)
    assert_allclose(cuped_estimates(small).squared_error, mean_estimates(small).squared_error)
    assert is_adjusted(moments_of([units(6, 40), units(7, 100)])).all()


def test_a_variation_without_units_leaves_the_others_adjusted() -> None:
    empty = JointMoments(np.array(0), np.zeros(3), np.zeros((3, 3)))
    three = JointMoments.stack([moments_of(PAIR)[0], moments_of(PAIR)[1], empty])
    result = contrasts(adjusted_estimates(three))
    assert result.status.tolist() == [Status.OK, Status.NO_UNITS]
    assert_allclose(result.variance[0], contrasts(adjusted_estimates(moments_of(PAIR))).variance[0])


@pytest.mark.parametrize("method", [adjusted_estimates, cuped_estimates])
def test_the_adjusted_lift_agrees_with_the_adjusted_effect(method: object) -> None:
    for shift in np.linspace(-0.6, 0.6, 25):
        moments = moments_of([PAIR[0], (PAIR[1][0] - 2.1 + shift, PAIR[1][1])])
        arms: ArmEstimates = method(moments)  # type: ignore[operator]
        absolute, relative = effect(arms), lift(arms)
        assert isinstance(absolute, Effect)
        assert isinstance(relative, Lift)
        assert not hasattr(relative.interval, "reason")
        assert (relative.interval.lower > 0) == (absolute.interval.lower > 0)
        assert (relative.interval.upper < 0) == (absolute.interval.upper < 0)


def test_the_lift_knows_that_both_adjusted_means_share_the_covariates_noise() -> None:
    """Two variations on the line y = 4 x with lifts near 0.5: the delta variance with its third term."""
    moments = moments_of([PAIR[0], (PAIR[1][0] * 1.5, PAIR[1][1])])
    arms = cuped_estimates(moments)
    pair = contrasts(arms)
    (a0, a1), (w0, w1) = arms.value, arms.squared_error
    theta, n = arms.slopes[0], moments.n.sum()
    common = moments.total().products[1:, 1:] / (n - 1)
    fraction = a1 / a0 - 1
    delta = w1 / a0**2 + a1**2 * w0 / a0**4 + theta @ common @ theta / n * fraction**2 / a0**2
    bounds = lift_bounds(pair, 1e-3)
    assert (bounds.upper - bounds.lower).item() / 2e-3 == pytest.approx(delta**0.5, rel=1e-5)


def test_ratios_adjust_through_their_linearization() -> None:
    rng = np.random.default_rng(8)
    parts = []
    for scale in (1.0, 1.1):
        before = rng.gamma(2, 2, 2000)
        visits = rng.poisson(before + 1).astype(float)
        parts.append((rng.poisson(visits * scale * 2).astype(float), visits, before))
    moments = JointMoments.stack([JointMoments.of(y, denominator=d, covariates=[x]) for y, d, x in parts])
    plain, adjusted = ratio_estimates(moments), adjusted_estimates(linearized(moments))
    for arm, (y, d, x) in enumerate(parts):
        linear = (y - y.sum() / d.sum() * d) / d.mean() + y.sum() / d.sum()
        common = np.concatenate([part[2] for part in parts]).mean()
        prediction = sm.OLS(linear, sm.add_constant(x)).fit().get_prediction([[1.0, common]])
        assert adjusted.value[arm] == pytest.approx(prediction.predicted_mean[0], rel=1e-9)
        assert adjusted.squared_error[arm] == pytest.approx(prediction.se_mean[0] ** 2, rel=1e-9)
    assert (variance_factor(adjusted, plain) <= 1.001).all()


@pytest.mark.parametrize("both", [True, False])
def test_units_without_a_pre_period_stay_in_and_what_replaces_the_gap_does_not_matter(both: bool) -> None:
    rng = np.random.default_rng(9)
    y, x = units(10, 500)
    gappy = np.where(rng.random(500) < 0.3, np.nan, x[:, 0])
    filled, missing = covariates_with_missing(gappy)
    assert missing.sum() == np.isnan(gappy).sum()
    other = PAIR[0][0], PAIR[0][1][:, 0]
    results = []
    for stand_in in (0.0, 123.0):
        first = JointMoments.of(y, covariates=[np.where(missing > 0, stand_in, filled), missing])
        gone = np.arange(300.0) < (60 if both else 0)
        second = JointMoments.of(other[0], covariates=[np.where(gone, stand_in, other[1]), gone])
        results.append(contrasts(adjusted_estimates(JointMoments.stack([second, first]))))
    assert_allclose(results[0].effect, results[1].effect, rtol=1e-9)
    assert_allclose(results[0].variance, results[1].variance, rtol=1e-8)


def strata(seed: int, sizes: list[int], lift: float) -> list[Floats]:
    rng = np.random.default_rng(seed)
    return [rng.normal(5 * (i + 1) * (1 + lift), 1, size) for i, size in enumerate(sizes)]


def stratified(*parts: list[Floats]) -> JointMoments:
    each = [JointMoments.stack([JointMoments.of(part[i]) for part in parts]) for i in range(len(parts[0]))]
    return JointMoments(
        np.stack([e.n for e in each]), np.stack([e.mean for e in each]), np.stack([e.products for e in each])
    )


def test_post_stratification_is_the_weighted_sum_written_out() -> None:
    """Miratrix, Sekhon & Yu (2013), eq. 4 and 6, plus the shares' own error."""
    one, other = strata(1, [40, 90, 25], 0.0), strata(2, [60, 80, 30], 0.1)
    result = contrasts(post_stratified_estimates(stratified(one, other)))
    counts = np.array([len(a) + len(b) for a, b in zip(one, other, strict=True)])
    weights = counts / counts.sum()
    effects = np.array([b.mean() - a.mean() for a, b in zip(one, other, strict=True)])
    errors = np.array(
        [a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b) for a, b in zip(one, other, strict=True)]
    )
    between = weights @ effects**2 - (weights @ effects) ** 2
    assert result.effect.item() == pytest.approx(weights @ effects)
    assert result.variance.item() == pytest.approx(weights**2 @ errors + between / counts.sum())


def test_a_single_stratum_is_the_plain_comparison() -> None:
    one, other = strata(3, [50], 0.0), strata(4, [70], 0.2)
    moments = stratified(one, other)
    result, plain = contrasts(post_stratified_estimates(moments)), contrasts(mean_estimates(moments[0]))
    for name in ("effect", "variance", "freedom", "baseline_variance", "covariance"):
        assert_allclose(getattr(result, name), getattr(plain, name), rtol=1e-9, err_msg=name)


def test_strata_take_away_the_variance_between_them() -> None:
    one, other = strata(5, [500, 500], 0.0), strata(6, [480, 520], 0.0)
    moments = stratified(one, other)
    plain = mean_estimates(JointMoments.stack([(moments[0] + moments[1])[k] for k in (0, 1)]))
    assert (post_stratified_estimates(moments).squared_error < 0.3 * plain.squared_error).all()


def test_strata_too_small_for_a_variance_are_joined() -> None:
    one, other = strata(7, [40, 1, 30, 0], 0.0), strata(8, [40, 5, 1, 3], 0.0)
    moments = stratified(one, other)
    # Of 40+40, 1+5, 30+1 and 0+3 units, the last three fall short and hold 31 and 9 together.
    joined = stratified([one[0], np.concatenate(one[1:])], [other[0], np.concatenate(other[1:])])
    result, expected = post_stratified_estimates(moments), post_stratified_estimates(joined)
    assert_allclose(result.value, expected.value, rtol=1e-12)
    assert_allclose(result.squared_error, expected.squared_error, rtol=1e-12)
    assert result.n.tolist() == [71, 49]


def test_strata_without_enough_units_altogether_say_so() -> None:
    result = post_stratified_estimates(stratified([np.ones(1), np.zeros(0)], [np.ones(3), np.ones(2)]))
    assert contrasts(result).status.tolist() == [Status.FEWER_THAN_TWO_UNITS]
