"""Which of several uncertain values is the best, and what choosing another costs: exact up to quadrature.

Every integral here runs over one grid: the quantiles of every distribution at whole standard scores cut
the line into panels, and each panel gets Gauss–Legendre nodes. Inside a panel no distribution moves by more
than one standard score, so that a narrow posterior beside a wide one costs no accuracy, and the same
posteriors give the same bytes, which draws would not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from assay.stats.direction import Direction
from assay.stats.distributions import Array, Distribution

SCORES = np.arange(-8.0, 9.0)  # beyond 8 standard scores lies 1e-15 of the probability
NODES, WEIGHTS = special.roots_legendre(12)


def probabilities_best(arms: Sequence[Distribution], direction: Direction) -> Array:
    """P(best) of each of k independent distributions of one kind: shape (k,), sums to 1.

    ∫ Π_{j≠i} P(arm j is worse than x) f_i(x) dx, with an error below 1e-10. Source: Russo (2020),
    "Simple Bayesian algorithms for best-arm identification", Operations Research 68:1625, section 3.
    """
    grid = _grid(arms)
    worse = _worse(arms, direction, grid.points)
    density = np.array([arm.density(grid.points) for arm in arms])
    return np.asarray((density * _products_of_others(worse)) @ grid.weights)


def probability_beats(arm: Distribution, rival: Distribution, direction: Direction) -> float:
    """P(the arm's value is better than the rival's), both independent."""
    return float(probabilities_best((arm, rival), direction)[0])


def expected_losses(arms: Sequence[Distribution], direction: Direction) -> Array:
    """What choosing each arm is expected to lose against the best of all, in the metric's unit: shape (k,).

    |E[θ_best] − E[θ_i]| = ∫ (F_i − Π F_j) dx where higher is better. Source: Stucchio (2015), "Bayesian A/B
    testing at VWO", section 4, here for k arms.
    """
    grid = _grid(arms)
    worse = _worse(arms, direction, grid.points)
    by_value = grid.weights * arms[0].slope(grid.points)
    return np.asarray((worse * (1 - _products_of_others(worse))) @ by_value)


def expected_shortfall(arm: Distribution, baseline: Distribution, direction: Direction) -> float:
    """What the arm is expected to lose against the baseline, in the metric's unit: E[(θ_0 − θ)⁺] ≥ 0.

    Where lower is better, E[(θ − θ_0)⁺]. Source: Stucchio (2015), section 4.
    """
    return float(expected_losses((arm, baseline), direction)[0])


@dataclass(frozen=True, slots=True)
class _Grid:
    points: Array
    weights: Array


def _grid(arms: Sequence[Distribution]) -> _Grid:
    if len({type(arm) for arm in arms}) != 1:
        raise ValueError("the arms of one metric share one kind of distribution")
    marks = np.concatenate([arm.coordinates(SCORES) for arm in arms])
    bends = arms[0].bends()
    cuts = np.unique(np.concatenate([marks, bends[(bends > marks.min()) & (bends < marks.max())]]))
    half = np.diff(cuts) / 2
    centre = (cuts[:-1] + cuts[1:]) / 2
    return _Grid((centre[:, None] + half[:, None] * NODES).ravel(), (half[:, None] * WEIGHTS).ravel())


def _worse(arms: Sequence[Distribution], direction: Direction, points: Array) -> Array:
    if direction is Direction.HIGHER_IS_BETTER:
        return np.array([arm.below(points) for arm in arms])
    return np.array([arm.above(points) for arm in arms])


def _products_of_others(factors: Array) -> Array:
    """Π_{j≠i} of the rows, without a division that a zero would spoil."""
    ones = np.ones_like(factors[:1])
    before = np.cumprod(np.concatenate([ones, factors[:-1]]), axis=0)
    after = np.cumprod(np.concatenate([ones, factors[:0:-1]]), axis=0)[::-1]
    return before * after
