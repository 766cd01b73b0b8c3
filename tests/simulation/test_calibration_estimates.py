"""The calibration's vectorized estimates are the product's own."""

import numpy as np
import pytest
from benchmarks.calibration.estimates import adjusted_z_score, arm, raw_z_score, z_score
from benchmarks.calibration.populations import Population, Revenue, Sums, conversion, counts

from assay.stats.adjustment import adjusted_estimates
from assay.stats.contrasts import contrasts
from assay.stats.moments import JointMoments


def moments(*arms: Sums) -> JointMoments:
    """Value and covariate of each arm at each look."""
    parts = []
    for sums in arms:
        yx = sums.yx - sums.y * sums.x / sums.n
        rows = [[sums.yy - sums.y**2 / sums.n, yx], [yx, sums.xx - sums.x**2 / sums.n]]
        parts.append(np.moveaxis(np.array(rows), (0, 1), (-2, -1)))
    return JointMoments(
        np.stack([sums.n for sums in arms], axis=-1).astype(np.int64),
        np.stack([np.stack([sums.y / sums.n, sums.x / sums.n], axis=-1) for sums in arms], axis=-2),
        np.stack(parts, axis=-3),
    )


@pytest.mark.parametrize("population", [conversion(0.3), counts(), Revenue("revenue", buyers=0.09)])
def test_adjusted_scores_are_those_of_the_adjusted_estimates(population: Population) -> None:
    rng = np.random.default_rng(1)
    baseline = population.draw(rng, (20, 5), 400, lifted=False)
    treatment = population.draw(rng, (20, 5), 400, lifted=True)
    found = contrasts(adjusted_estimates(moments(baseline, treatment)))
    expected = (found.effect / found.standard_error)[..., 0]
    assert adjusted_z_score(treatment, baseline) == pytest.approx(expected, rel=1e-6)


def test_with_equal_arms_the_floor_changes_nothing() -> None:
    rng = np.random.default_rng(2)
    population = Revenue("revenue")
    first, second = (arm(population.draw(rng, (50, 10), 100, lifted=False)) for _ in range(2))
    assert z_score(first, second) == pytest.approx(raw_z_score(first, second), rel=1e-9)


@pytest.mark.parametrize("population", [conversion(0.05), counts(), Revenue("revenue")])
def test_populations_have_the_lift_they_claim(population: Population) -> None:
    rng = np.random.default_rng(3)
    plain = population.draw(rng, (400, 1), 4_000, lifted=False)
    lifted = population.draw(rng, (400, 1), 4_000, lifted=True)
    assert lifted.y.sum() / plain.y.sum() == pytest.approx(1.2, abs=0.03)
