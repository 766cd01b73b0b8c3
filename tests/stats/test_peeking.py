"""How often a Bayesian rule errs when it is looked at again and again: a published table, and simulation."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from assay.stats.bayesian import flat_prior, mean_posteriors, standings
from assay.stats.direction import Direction
from assay.stats.moments import Moments
from assay.stats.peeking import documented_bounds, effect_prior_bounds, flat_bounds, peeking_error


def tolerance(share: float, runs: int) -> float:
    return 4 * sqrt(share * (1 - share) / runs)


@pytest.mark.parametrize(
    ("looks", "error"),
    [(1, 0.050), (2, 0.083), (3, 0.107), (4, 0.126), (5, 0.142), (10, 0.193), (20, 0.248), (50, 0.320)],
)
def test_repeated_tests_at_five_percent_err_as_published(looks: int, error: float) -> None:
    """Armitage, McPherson & Rowe (1969), table 2: normal data, two-sided 5 %."""
    found = peeking_error(range(1, looks + 1), flat_bounds(looks, 0.975))
    assert round(found.either_wins, 3) == error


def test_one_look_errs_as_often_as_the_threshold_says() -> None:
    once = peeking_error([1.0], flat_bounds(1, 0.95))
    assert once.treatment_wins == pytest.approx(0.05, abs=1e-10)
    assert once.either_wins == pytest.approx(0.10, abs=1e-10)


def test_four_weeks_of_daily_looks_with_a_flat_prior_err_in_almost_half_of_all_tests() -> None:
    assert 0.45 < peeking_error(range(1, 29), flat_bounds(28)).either_wins < 0.47


def test_fifty_looks_err_in_half_of_all_tests_when_flat_and_a_third_with_a_prior_on_the_lift() -> None:
    """50,000 units per arm at the end, 5 % conversion, lift ~ N(0, 0.1²): 52 % and 33 % in simulation."""
    information = [1 / (2 * 0.95 / 0.05 / (1_000 * look)) for look in range(1, 51)]
    flat = peeking_error(information, flat_bounds(50))
    proper = peeking_error(information, effect_prior_bounds(information, 0.1**2))
    assert flat.either_wins == pytest.approx(0.52, abs=0.01)
    assert proper.either_wins == pytest.approx(0.33, abs=0.01)


@pytest.mark.parametrize("bound_shape", ["flat", "falling"])
def test_the_integral_agrees_with_simulated_walks(bound_shape: str) -> None:
    looks, runs = 12, 200_000
    information = np.cumsum(np.linspace(3, 1, looks))  # looks at uneven distances
    bounds = np.full(looks, 1.7) if bound_shape == "flat" else 1.7 * np.sqrt(1 + 4 / information)
    rng = np.random.default_rng(9)
    steps = rng.standard_normal((runs, looks)) * np.sqrt(np.diff(information, prepend=0))
    z = np.cumsum(steps, axis=1) / np.sqrt(information)
    found = peeking_error(list(information), list(bounds))
    either, one = (np.abs(z) > bounds).any(axis=1).mean(), (z > bounds).any(axis=1).mean()
    assert found.either_wins == pytest.approx(either, abs=tolerance(either, runs))
    assert found.treatment_wins == pytest.approx(one, abs=tolerance(one, runs))


def test_the_documented_model_errs_as_its_own_posteriors_do_when_simulated() -> None:
    """Normal revenue, 20 looks at 50 units per arm: the rule runs on real posteriors, not on bounds."""
    looks, size, runs, mean, deviation, spread = 20, 50, 1_500, 4.0, 6.0, 0.16
    rng = np.random.default_rng(12)
    wins = 0
    for _ in range(runs):
        arms, won = [Moments(0, 0.0, 0.0)] * 2, False
        for _ in range(looks):
            values = rng.normal(mean, deviation, (2, size))
            arms = [
                arm + Moments(size, float(v.mean()), float(((v - v.mean()) ** 2).sum()))
                for arm, v in zip(arms, values, strict=True)
            ]
            baseline, treatment = mean_posteriors(arms, spread=spread, prior_of_baseline=flat_prior)
            assert not hasattr(baseline, "reason")
            difference = treatment.distribution.mean - baseline.distribution.mean  # type: ignore[union-attr]
            error = np.hypot(treatment.distribution.deviation, baseline.distribution.deviation)  # type: ignore[union-attr]
            won = won or abs(special.ndtr(difference / error) - 0.5) > 0.45
        wins += won
    errors = [deviation**2 / (size * look) / mean**2 for look in range(1, looks + 1)]
    bounds = documented_bounds(errors, errors, spread)
    share = peeking_error([1 / (2 * e) for e in errors], bounds).either_wins
    assert wins / runs == pytest.approx(share, abs=tolerance(share, runs) + 0.01)


def test_the_bounds_are_where_the_posteriors_reach_the_threshold() -> None:
    samples = [Moments(200, 4.0, 199 * 36.0), Moments(300, 4.9, 299 * 30.0)]
    baseline, treatment = samples
    v0, v = baseline.variance / 200, treatment.variance / 300
    standing = standings(mean_posteriors(samples, prior_of_baseline=flat_prior), Direction.HIGHER_IS_BETTER)[
        1
    ]
    probability = standing.probability_beats_baseline  # type: ignore[union-attr]
    assert probability is not None
    (bound,) = documented_bounds([v / 16], [v0 / 16], 0.16, threshold=probability)
    assert bound == pytest.approx(0.9 / sqrt(v + v0), rel=1e-7)


@settings(deadline=None, max_examples=25)
@given(
    steps=st.lists(st.floats(0.2, 5), min_size=1, max_size=8),
    scale=st.floats(1e-3, 1e6),
    threshold=st.floats(0.8, 0.99),
)
def test_only_the_proportions_of_the_information_count_and_more_looks_err_more(
    steps: list[float], scale: float, threshold: float
) -> None:
    information = np.cumsum(steps)
    bounds = flat_bounds(len(steps), threshold)
    found = peeking_error(list(information), bounds)
    scaled = peeking_error(list(information * scale), bounds)
    assert scaled.either_wins == pytest.approx(found.either_wins, abs=1e-9)
    fewer = peeking_error(list(information[:-1]), bounds[:-1]) if len(steps) > 1 else None
    assert fewer is None or fewer.either_wins <= found.either_wins + 1e-12
    assert found.treatment_wins <= found.either_wins <= 2 * found.treatment_wins + 1e-12


def test_a_vaguer_prior_approaches_the_flat_one() -> None:
    information = [float(t) for t in range(1, 11)]
    flat = peeking_error(information, flat_bounds(10)).either_wins
    errors = [
        peeking_error(information, effect_prior_bounds(information, variance)).either_wins
        for variance in (0.1, 1.0, 100.0, 1e8)
    ]
    assert errors == sorted(errors)
    assert errors[-1] == pytest.approx(flat, abs=1e-7)


@pytest.mark.parametrize(
    ("information", "bounds"),
    [
        ([], []),
        ([1.0, 2.0], [1.0]),
        ([2.0, 1.0], [1.0, 1.0]),
        ([0.0, 1.0], [1.0, 1.0]),
        ([1.0, 1.0], [1.0, 1.0]),
    ],
)
def test_looks_out_of_order_are_refused(information: list[float], bounds: list[float]) -> None:
    with pytest.raises(ValueError, match="growing information"):
        peeking_error(information, bounds)


def test_looks_that_all_but_coincide_are_refused() -> None:
    with pytest.raises(ValueError, match="too close"):
        peeking_error([1.0, 1.0 + 1e-9], [2.0, 2.0])
