"""Intervals hold as often as they say: short simulations with fixed seeds and a binomial tolerance."""

from collections.abc import Callable
from math import exp

import numpy as np
import pytest

from assay.stats.adjustment import adjusted_estimates, cuped_estimates
from assay.stats.contrasts import ArmEstimates, contrasts, mean_estimates, t_quantile
from assay.stats.lift import lift_bounds
from assay.stats.moments import Floats, JointMoments
from assay.stats.proportions import ProportionComparison, compare_proportions, newcombe_interval
from assay.stats.quantiles import Sample, quantile_estimates
from assay.stats.ratio import linearized, ratio_estimates

REPETITIONS = 2000
pytestmark = pytest.mark.slow

Draw = Callable[[np.random.Generator, int, int], Floats]


def moments_of(data: Floats) -> JointMoments:
    """Of `data[repetitions, variations, units, variables]`."""
    mean = data.mean(axis=-2)
    centred = data - mean[..., None, :]
    return JointMoments(
        np.full(mean.shape[:-1], data.shape[-2]), mean, np.swapaxes(centred, -1, -2) @ centred
    )


def missed(arms: ArmEstimates, *, effect: float, fraction: float) -> tuple[float, float]:
    """How often the effect's and the lift's 95 % intervals miss the truth."""
    pair = contrasts(arms)
    critical = -t_quantile(0.025, pair.freedom)
    bounds = lift_bounds(pair, critical)
    outside = np.abs(pair.effect - effect) > critical * pair.standard_error
    apart = (bounds.lower > fraction) | (bounds.upper < fraction)
    return float(outside.mean()), float(apart.mean())


def near(share: float, nominal: float = 0.05, bias: float = 0.0) -> bool:
    """Within four binomial standard deviations of the nominal share, and the method's own known bias."""
    return bool(abs(share - nominal) <= 4 * (nominal * (1 - nominal) / REPETITIONS) ** 0.5 + bias)


def conversion(rng: np.random.Generator, arm: int, n: int) -> Floats:
    return (rng.random((REPETITIONS, n)) < (0.30, 0.33)[arm]).astype(float)


def count(rng: np.random.Generator, arm: int, n: int) -> Floats:
    return rng.poisson((2.0, 2.2)[arm], (REPETITIONS, n)).astype(float)


def revenue(rng: np.random.Generator, arm: int, n: int) -> Floats:
    return rng.lognormal(0, 0.8, (REPETITIONS, n)) * (rng.random((REPETITIONS, n)) < (0.30, 0.33)[arm])


@pytest.mark.parametrize(("draw", "base"), [(conversion, 0.30), (count, 2.0), (revenue, 0.30 * exp(0.32))])
@pytest.mark.parametrize("units", [(200, 200), (400, 200)])
def test_means_and_their_lifts_are_covered(draw: Draw, base: float, units: tuple[int, int]) -> None:
    rng = np.random.default_rng(11)
    arms = [moments_of(draw(rng, arm, n)[:, None, :, None]) for arm, n in enumerate(units)]
    joined = JointMoments.stack([arm[:, 0] for arm in arms])
    absolute, relative = missed(mean_estimates(joined), effect=0.1 * base, fraction=0.1)
    assert near(absolute)
    assert near(relative)


def test_without_an_effect_both_views_cry_equally_often_and_on_the_same_draws() -> None:
    rng = np.random.default_rng(12)
    data = np.stack([revenue(rng, 0, 300) for _ in (0, 1)], axis=1)[..., None]
    pair = contrasts(mean_estimates(moments_of(data)))
    critical = -t_quantile(0.025, pair.freedom)
    bounds = lift_bounds(pair, critical)
    absolute = np.abs(pair.effect) > critical * pair.standard_error
    assert near(float(absolute.mean()))
    np.testing.assert_array_equal(absolute, (bounds.lower > 0) | (bounds.upper < 0))


def test_fieller_covers_where_the_delta_method_does_not() -> None:
    """With a baseline only three standard errors from zero."""
    rng = np.random.default_rng(13)
    data = rng.normal(0.3, 1, (REPETITIONS, 2, 100, 1))
    pair = contrasts(mean_estimates(moments_of(data)))
    critical = -t_quantile(0.025, pair.freedom)
    bounds = lift_bounds(pair, critical)
    apart = (bounds.lower > 0) | (bounds.upper < 0)
    bounded = bounds.status == 0
    fraction = pair.effect / pair.baseline
    own = pair.variance + pair.covariance
    delta = np.sqrt(own + (1 + fraction) ** 2 * pair.baseline_variance) / np.abs(pair.baseline)
    assert 0.75 < bounded.mean() < 0.95
    assert near(float(np.where(bounded, apart, np.abs(pair.effect) > critical * pair.standard_error).mean()))
    assert float((np.abs(fraction) > critical * delta).mean()) > 0.06


def test_ratios_are_covered_where_events_of_a_unit_go_together() -> None:
    rng = np.random.default_rng(14)
    sizes = rng.poisson(5, (REPETITIONS, 2, 200)).astype(float)
    rate = rng.beta(2, 3, (REPETITIONS, 2, 200))
    data = np.stack([rng.binomial(sizes.astype(int), rate).astype(float), sizes], axis=-1)
    absolute, relative = missed(ratio_estimates(moments_of(data)), effect=0.0, fraction=0.0)
    assert near(absolute)
    assert absolute == relative


@pytest.mark.parametrize("method", [adjusted_estimates, cuped_estimates])
@pytest.mark.parametrize("tilt", [0.0, 2.0])
def test_adjusted_means_are_covered_even_where_the_slopes_differ(
    method: Callable[[JointMoments], ArmEstimates], tilt: float
) -> None:
    rng = np.random.default_rng(15)
    x = rng.normal(3, 1, (REPETITIONS, 2, 150, 1))
    slope = np.array([1.0, 1.0 + tilt])[:, None, None]
    y = 10 + slope * (x - 3) + rng.normal(0, 1, x.shape)
    moments = moments_of(np.concatenate([y, x], axis=-1))
    absolute, relative = missed(method(moments), effect=0.0, fraction=0.0)
    assert near(absolute)
    assert absolute == relative


def test_adjusted_ratios_are_covered() -> None:
    rng = np.random.default_rng(16)
    before = rng.gamma(3, 1, (REPETITIONS, 2, 300))
    visits = rng.poisson(before + 1).astype(float)
    orders = rng.binomial(visits.astype(int), np.minimum(0.2 + 0.05 * before, 1.0)).astype(float)
    moments = moments_of(np.stack([orders, visits, before], axis=-1))
    absolute, _ = missed(adjusted_estimates(linearized(moments)), effect=0.0, fraction=0.0)
    assert near(absolute, bias=0.005)


@pytest.mark.parametrize(("n", "share"), [(100, 0.02), (300, 0.05)])
def test_small_counts_are_covered_by_both_score_intervals(n: int, share: float) -> None:
    rng = np.random.default_rng(17)
    draws = [(int(a), int(b)) for a, b in rng.binomial(n, share, (REPETITIONS, 2))]
    seen = {draw: _covers_zero(draw, n) for draw in set(draws)}
    covered = np.mean([seen[draw] for draw in draws], axis=0)
    assert (covered >= 0.95 - 4 * (0.05 * 0.95 / REPETITIONS) ** 0.5).all()


def _covers_zero(successes: tuple[int, int], n: int) -> tuple[bool, bool]:
    score, hybrid = compare_proportions(successes, (n, n)), newcombe_interval(successes, (n, n))
    assert isinstance(score, ProportionComparison)
    ends = [(i.lower, i.upper) for i in (score.effect_interval, hybrid)]  # type: ignore[union-attr]
    return ends[0][0] <= 0 <= ends[0][1], ends[1][0] <= 0 <= ends[1][1]


@pytest.mark.parametrize(("q", "per_unit"), [(0.5, 1), (0.9, 1), (0.5, 5)])
def test_percentiles_are_covered_with_the_units_as_clusters(q: float, per_unit: int) -> None:
    rng = np.random.default_rng(18)
    repetitions, n = 600, 400
    hits = 0
    for _ in range(repetitions):
        samples = []
        for _arm in range(2):
            level = np.repeat(rng.normal(size=n), per_unit)
            values = np.exp(level + (0.3 * rng.normal(size=n * per_unit) if per_unit > 1 else 0))
            samples.append(Sample(values, np.repeat(np.arange(n), per_unit) if per_unit > 1 else None))
        hits += missed(quantile_estimates(samples, q), effect=0.0, fraction=0.0)[0] == 0
    assert abs(hits / repetitions - 0.95) <= 4 * (0.05 * 0.95 / repetitions) ** 0.5 + 0.01
