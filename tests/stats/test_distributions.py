"""The two distributions against scipy.stats, and their coordinates at the extremes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.stats.distributions import Beta, Distribution, Normal

parameters = st.floats(0.05, 5_000)
scores = np.linspace(-7, 7, 29)


def value_at(distribution: Distribution, coordinates: np.ndarray) -> np.ndarray:
    return coordinates if isinstance(distribution, Normal) else 1 / (1 + np.exp(-coordinates))


@settings(deadline=None, max_examples=60)
@given(alpha=parameters, beta=parameters)
def test_a_beta_has_the_moments_and_quantiles_of_scipy(alpha: float, beta: float) -> None:
    ours, theirs = Beta(alpha, beta), stats.beta(alpha, beta)
    assert ours.mean == pytest.approx(theirs.mean(), rel=1e-12)
    assert ours.deviation == pytest.approx(theirs.std(), rel=1e-9)
    assert ours.quantile(0.3) == pytest.approx(theirs.ppf(0.3), rel=1e-9)


def test_a_normal_has_the_moments_and_quantiles_of_scipy() -> None:
    ours, theirs = Normal(3.0, 0.5), stats.norm(3.0, 0.5)
    assert (ours.mean, ours.deviation) == (3.0, 0.5)
    assert ours.quantile(0.3) == pytest.approx(theirs.ppf(0.3), rel=1e-12)
    np.testing.assert_allclose(ours.density(scores), theirs.pdf(scores), rtol=1e-12)


@pytest.mark.parametrize("distribution", [Normal(-2, 3), Beta(3, 40), Beta(0.3, 12), Beta(900, 0.7)])
def test_a_coordinate_has_the_probability_of_its_score_below_it(distribution: Distribution) -> None:
    at = distribution.coordinates(scores)
    np.testing.assert_allclose(distribution.below(at), stats.norm.cdf(scores), rtol=1e-8, atol=1e-14)
    np.testing.assert_allclose(distribution.above(at), stats.norm.sf(scores), rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("distribution", [Normal(-2, 3), Beta(3, 40), Beta(0.3, 12), Beta(900, 0.7)])
def test_the_density_is_the_slope_of_the_probability_along_the_coordinate(distribution: Distribution) -> None:
    at = distribution.coordinates(np.linspace(-3, 3, 13))
    step = 1e-5 * float(np.ptp(at))
    slopes = (distribution.below(at + step) - distribution.below(at - step)) / (2 * step)
    np.testing.assert_allclose(distribution.density(at), slopes, rtol=1e-5)


@pytest.mark.parametrize("distribution", [Normal(-2, 3), Beta(3, 40), Beta(5, 5)])
def test_the_slope_turns_steps_of_the_coordinate_into_steps_of_the_value(distribution: Distribution) -> None:
    at = distribution.coordinates(np.linspace(-3, 3, 13))
    slopes = (value_at(distribution, at + 1e-6) - value_at(distribution, at - 1e-6)) / 2e-6
    np.testing.assert_allclose(distribution.slope(at), slopes, rtol=1e-6)


def test_a_beta_pressed_against_one_keeps_finite_coordinates() -> None:
    assert np.all(np.isfinite(Beta(1e4, 0.01).coordinates(np.array([-8.0, 0.0, 8.0]))))


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        (Normal, (0.0, 0.0)),
        (Normal, (float("nan"), 1.0)),
        (Normal, (0.0, float("inf"))),
        (Beta, (0.0, 1.0)),
        (Beta, (1.0, -1.0)),
        (Beta, (float("inf"), 1.0)),
    ],
)
def test_an_improper_distribution_can_not_be_made(
    kind: type[Normal] | type[Beta], numbers: tuple[float, float]
) -> None:
    with pytest.raises(ValueError, match="not a proper"):
        kind(*numbers)
