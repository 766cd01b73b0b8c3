"""A sum over a sum has the error of its clusters."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from assay.stats.contrasts import contrasts, effect, mean_estimates
from assay.stats.estimate import Effect, Status
from assay.stats.lift import lift_values
from assay.stats.moments import JointMoments
from assay.stats.ratio import linearized, ratio_estimates


def clusters(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    sizes = rng.poisson(6, n).astype(float)
    return rng.binomial(sizes.astype(int), rng.beta(2, 5, n)).astype(float), sizes


def arms(*seeds: int) -> JointMoments:
    parts = [clusters(seed) for seed in seeds]
    return JointMoments.stack([JointMoments.of(hits, denominator=sizes) for hits, sizes in parts])


def test_the_error_is_the_cluster_robust_one_of_regression() -> None:
    """statsmodels, errors clustered without its small-sample factor, times G/(G-1)."""
    hits, sizes = clusters(1)
    rows = np.concatenate([np.arange(size) < hit for hit, size in zip(hits, sizes, strict=True)]).astype(
        float
    )
    groups = np.repeat(np.arange(60), sizes.astype(int))
    fit = sm.OLS(rows, np.ones_like(rows)).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )
    estimate = ratio_estimates(arms(1))
    present = len(np.unique(groups))
    assert estimate.value[0] == pytest.approx(fit.params[0], rel=1e-12)
    # Clusters without a row don't appear in the regression; with us they stay in as units.
    assert estimate.squared_error[0] == pytest.approx(fit.bse[0] ** 2 * 60 / 59, rel=1e-12)
    assert present <= 60


def test_it_is_the_delta_method_written_out() -> None:
    hits, sizes = clusters(2)
    ratio = hits.sum() / sizes.sum()
    s = np.cov(hits, sizes)
    expected = (s[0, 0] - 2 * ratio * s[0, 1] + ratio**2 * s[1, 1]) / (60 * sizes.mean() ** 2)
    assert ratio_estimates(arms(2)).squared_error[0] == pytest.approx(expected, rel=1e-12)


def test_a_denominator_of_ones_gives_the_mean() -> None:
    values = np.random.default_rng(3).lognormal(size=50)
    moments = JointMoments.stack([JointMoments.of(values, denominator=np.ones(50))])
    plain = mean_estimates(JointMoments.stack([JointMoments.of(values)]))
    estimate = ratio_estimates(moments)
    assert_allclose(estimate.value, plain.value, rtol=1e-15)
    assert_allclose(estimate.squared_error, plain.squared_error, rtol=1e-12)


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_a_change_of_units_scales_a_ratio_by_their_quotient(top: float, bottom: float) -> None:
    pairs = [clusters(seed) for seed in (4, 5)]
    scaled = JointMoments.stack(
        [JointMoments.of(hits * top, denominator=sizes * bottom) for hits, sizes in pairs]
    )
    plain, changed = contrasts(ratio_estimates(arms(4, 5))), contrasts(ratio_estimates(scaled))
    assert_allclose(changed.effect, plain.effect * top / bottom, rtol=1e-9)
    assert_allclose(changed.variance, plain.variance * (top / bottom) ** 2, rtol=1e-9)
    assert_allclose(lift_values(changed), lift_values(plain), rtol=1e-9)


def test_swapping_the_variations_negates_the_effect() -> None:
    one, other = effect(ratio_estimates(arms(6, 7))), effect(ratio_estimates(arms(7, 6)))
    assert isinstance(one, Effect)
    assert isinstance(other, Effect)
    assert one.estimate.value == -other.estimate.value
    assert one.p_value == pytest.approx(other.p_value)


def test_a_ratio_of_proportional_sums_has_no_variance() -> None:
    sizes = clusters(8)[1]
    moments = JointMoments.stack([JointMoments.of(3.3 * sizes, denominator=sizes)] * 2)
    assert contrasts(ratio_estimates(moments)).status.tolist() == [Status.NO_VARIANCE]


def test_covariates_pass_through_the_linearization() -> None:
    hits, sizes = clusters(9)
    x = np.random.default_rng(9).normal(size=60)
    linear = linearized(JointMoments.of(hits, denominator=sizes, covariates=[x]))
    direct = (hits - hits.sum() / sizes.sum() * sizes) / sizes.mean()
    assert linear.mean[1] == pytest.approx(x.mean())
    assert_allclose(linear.products / 59, np.cov(direct, x), rtol=1e-10)


@pytest.mark.parametrize(
    ("sizes", "status"),
    [
        ([0.0] * 12, Status.ZERO_DENOMINATOR),
        ([1.0] * 9, Status.FEW_CLUSTERS),
        ([10.0] + [0.0] * 20, Status.UNSTABLE_DENOMINATOR),
        ([], Status.NO_UNITS),
        ([1.0, 2.0] * 6, Status.OK),
    ],
)
def test_a_denominator_that_carries_nothing_says_so(sizes: list[float], status: Status) -> None:
    hits = np.arange(len(sizes), dtype=float)
    estimate = ratio_estimates(JointMoments.stack([JointMoments.of(hits, denominator=sizes)]))
    assert estimate.status.tolist() == [status]
    assert np.isfinite(estimate.value).all()
