"""What looking early does to a Bayesian rule: the share of A/A tests in which it ever names a winner.

Under no effect the standardized difference seen at looks with information t_1 < … < t_K is a Brownian motion
B(t_k)/√t_k. A rule "P(beats the baseline) > threshold" is a bound on it at every look. The probability of
ever crossing follows by integrating the density of B from look to look over what has not crossed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, sqrt

import numpy as np
from scipy import special

from assay.stats.distributions import Array

REACH = 8.0  # standard scores beyond which Brownian motion is taken never to go
NODES_PER_STEP = 2  # Gauss–Legendre nodes for each standard deviation that B moves between looks
MOST_NODES = 4_000


@dataclass(frozen=True, slots=True)
class PeekingError:
    """Shares of A/A tests in which the treatment ever seems to beat the baseline, and either the other."""

    treatment_wins: float
    either_wins: float


def peeking_error(information: Sequence[float], bounds: Sequence[float]) -> PeekingError:
    """Probability that |z| or z ever exceeds its bound at K looks of an A/A test.

    `information`: 1/se² of the effect at each look, increasing, in any unit. `bounds`: standard scores, from
    one of the functions below. Deterministic, error below 1e-6. Assumes an asymptotically normal effect and
    a rule that treats gains and losses alike. Raises ValueError for looks out of order or too close together.
    Source: Armitage, McPherson & Rowe (1969), JRSS A 132:235, section 3.
    """
    times = np.asarray(information, dtype=np.float64)
    limits = np.asarray(bounds, dtype=np.float64)
    if times.shape != limits.shape or times.size == 0 or times[0] <= 0 or np.any(np.diff(times) <= 0):
        raise ValueError("peeking needs one bound for each look, and looks with growing information")
    return PeekingError(
        _ever_crosses(times, np.full_like(limits, -REACH), limits), _ever_crosses(times, -limits, limits)
    )


def flat_bounds(looks: int, threshold: float = 0.95) -> list[float]:
    """Bounds on z of the rule P(beats) > `threshold` under the flat prior: one one-sided test, repeated."""
    return [float(special.ndtri(threshold))] * looks


def effect_prior_bounds(
    information: Sequence[float], prior_variance: float, threshold: float = 0.95
) -> list[float]:
    """Bounds on z under a prior N(0, `prior_variance`) on the effect (or on the lift, with its information).

    P(effect > 0) = Φ(z √(x / (1 + x))) with x = prior variance × information.
    Source: Spiegelhalter, Freedman & Parmar (1994), JRSS A 157:357, section 4.
    """
    z = float(special.ndtri(threshold))
    return [z * sqrt(1 + 1 / (prior_variance * t)) for t in information]


def documented_bounds(
    treatment_errors: Sequence[float],
    baseline_errors: Sequence[float],
    spread: float,
    threshold: float = 0.95,
) -> list[float]:
    """Bounds on z under the documented model, whose prior is centred on the baseline's own data.

    The errors are σ̂²/(n ȳ_0²), an arm's squared standard error as a fraction of the squared baseline, at each
    look; `spread` as in the priors. With v and v_0 for them and s = spread + v_0 for the prior's variance the
    effect's posterior mean is w·d, w = s/(s + v), with variance w·v + v_0. Own derivation from the model.
    """
    z = float(special.ndtri(threshold))
    pairs = zip(treatment_errors, baseline_errors, strict=True)
    return [z * _documented_factor(v, v0, spread + v0) for v, v0 in pairs]


def _documented_factor(error: float, baseline_error: float, prior_variance: float) -> float:
    weight = prior_variance / (prior_variance + error)
    return sqrt(weight * error + baseline_error) / (weight * sqrt(error + baseline_error))


def _ever_crosses(times: Array, lower: Array, upper: Array) -> float:
    """1 minus the mass that stays inside; `lower` and `upper` are standard scores at each look."""
    steps = np.sqrt(np.diff(times, prepend=0.0))
    roots = np.sqrt(times)
    before, mass = np.zeros(1), np.ones(1)
    for step, low, high in zip(steps, lower * roots, upper * roots, strict=True):
        points, weights = _quadrature(low, high, step)
        moves = (points[:, None] - before) / step
        density = np.exp(-0.5 * moves * moves) @ mass / (step * sqrt(2 * np.pi))
        before, mass = points, weights * density
    return float(1 - mass.sum())


def _quadrature(low: float, high: float, step: float) -> tuple[Array, Array]:
    count = 40 + ceil(NODES_PER_STEP * (high - low) / step)
    if count > MOST_NODES:
        raise ValueError("looks lie too close together to integrate between them")
    nodes, weights = _legendre(-(-count // 16) * 16)
    half = (high - low) / 2
    return (low + high) / 2 + half * nodes, half * weights


@lru_cache(maxsize=64)
def _legendre(count: int) -> tuple[Array, Array]:
    nodes, weights = special.roots_legendre(count)
    return nodes, weights
