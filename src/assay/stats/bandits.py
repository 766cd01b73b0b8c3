"""How a bandit shares out its next units, and what may be concluded from units shared out that way.

A bandit's shares depend on the outcomes so far, so the arms' plain means are biased and their z-tests are
not valid. Every estimate here weighs a unit by the share its arm had when the unit came, and so needs the
shares of every batch, recorded as they were.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

from assay.stats.best import probabilities_best
from assay.stats.direction import Direction
from assay.stats.distributions import Array, Distribution
from assay.stats.estimate import Interval, NotEstimable
from assay.stats.moments import Moments

FEWEST_PER_BATCH = 10
"""Units per arm below which a batch is left out of batched least squares, as its authors advise."""
FEWEST_UNITS = 100
"""Units per arm before an asymptotic sequence may be looked at."""


@dataclass(frozen=True, slots=True)
class Batches:
    """T batches of units for k arms, in order: all arrays are (T, k), all but `shares` are moments.

    `shares` are the probabilities by which a batch's units were assigned, above 0 and known before it began.
    """

    shares: Array
    n: NDArray[np.int64]
    means: Array
    squares: Array

    def __post_init__(self) -> None:
        if len({self.shares.shape, self.n.shape, self.means.shape, self.squares.shape}) != 1:
            raise ValueError("shares and moments of batches have one shape")
        if np.any(self.shares <= 0) or not np.allclose(self.shares.sum(axis=1), 1):
            raise ValueError("a batch's shares are above 0 and sum to 1")

    @classmethod
    def of(cls, shares: Sequence[Sequence[float]], moments: Sequence[Sequence[Moments]]) -> "Batches":
        """From each batch's shares and its moments by arm."""
        return cls(
            np.array(shares, dtype=np.float64),
            np.array([[arm.n for arm in batch] for batch in moments]),
            np.array([[arm.mean for arm in batch] for batch in moments], dtype=np.float64),
            np.array([[arm.squares for arm in batch] for batch in moments], dtype=np.float64),
        )


@dataclass(frozen=True, slots=True)
class BanditEstimate:
    """An effect, or an arm's mean, in the metric's unit, with its standard error and interval."""

    value: float
    standard_error: float
    interval: Interval


Estimated = BanditEstimate | NotEstimable


def thompson_shares(
    arms: Sequence[Distribution], direction: Direction, *, minimum_share: float = 0.01
) -> Array:
    """Each arm's share of the next batch: its P(best), over the minimum. Source: Thompson (1933)."""
    return with_minimum(probabilities_best(arms, direction), minimum_share)


def top_two_shares(
    arms: Sequence[Distribution], direction: Direction, *, minimum_share: float = 0.01, first: float = 0.5
) -> Array:
    """Shares that find the best arm sooner: play the best with probability `first`, else the best of the others.

    Σ over the leader j of P(j best): first·1{i = j} + (1 − first)·P(i best)/(1 − P(j best)).
    Source: Russo (2020), Operations Research 68:1625, section 3.3, "top-two Thompson sampling".
    """
    best = probabilities_best(arms, direction)
    runner_up = _shares_among_others(best)
    return with_minimum(first * best + (1 - first) * best @ runner_up, minimum_share)


def with_minimum(shares: Array, minimum_share: float) -> Array:
    """`minimum_share` for every arm, and what is left by `shares`: shape (k,), sums to 1.

    Every inference below rests on it: an arm with a share near 0 has an error without bound.
    """
    k = shares.size
    if not 0 <= minimum_share * k <= 1:
        raise ValueError(f"{k} arms can't each have at least {minimum_share}")
    return minimum_share + (1 - k * minimum_share) * shares / shares.sum()


def adaptively_weighted_mean(batches: Batches, arm: int, *, level: float = 0.95) -> Estimated:
    """Mean of an arm at the planned end, by adaptively weighted augmented inverse-propensity scores.

    Scores Γ = m̂ + 1{arm}(y − m̂)/e with m̂ the arm's mean in earlier batches, weights √e, which keep the
    variance of each unit's term even. Assumes one mean throughout, minimum shares, and one look. Source:
    Hadad, Hirshberg, Zhan, Wager & Athey (2021), PNAS 118:e2014602118, eq. 5, 11 and "constant allocation".
    """
    scores = _scores(batches, np.sqrt(batches.shares))
    return _normal_estimate(scores.value[arm], sqrt(scores.cross[arm, arm]), level)


def adaptively_weighted_effect(
    batches: Batches, treatment: int, baseline: int = 0, *, level: float = 0.95
) -> Estimated:
    """Difference of two arms' adaptively weighted means; the standard error knows that they share units.

    Source: Hadad et al. (2021), section "Estimating treatment effects", the difference of two estimators.
    """
    return _effect(_scores(batches, np.sqrt(batches.shares)), (treatment, baseline), level)


def batched_least_squares_effect(
    batches: Batches, treatment: int, baseline: int = 0, *, level: float = 0.95
) -> Estimated:
    """Effect from batches that each give one z, all counted alike: Z = Σ_t (Δ_t − Δ)/(se_t √T) ~ N(0, 1).

    Robust to a baseline that drifts from batch to batch, as the effect doesn't. Assumes one look; each arm's
    variance is the same in all batches. Batches with fewer than ten units in either arm are left out.
    Source: Zhang, Janson & Murphy (2020), NeurIPS 33, "Inference for batched bandits", theorem 3.
    """
    arms = [treatment, baseline]
    n = batches.n[:, arms]
    counted = n.min(axis=1) >= FEWEST_PER_BATCH
    if not counted.any():
        return NotEstimable("no batch has ten units in both arms")
    variances = batches.squares[counted][:, arms].sum(axis=0) / (n[counted] - 1).sum(axis=0)
    if not variances.sum() > 0:
        return NotEstimable("all units of an arm have the same value in every batch")
    errors = np.sqrt((variances / n[counted]).sum(axis=1))
    effects = batches.means[counted, treatment] - batches.means[counted, baseline]
    information = np.sum(1 / errors)
    return _normal_estimate(
        float(np.sum(effects / errors) / information), float(sqrt(counted.sum()) / information), level
    )


def anytime_effect(
    batches: Batches, treatment: int, baseline: int = 0, *, planned_units: int, level: float = 0.95
) -> Estimated:
    """Effect averaged over all units so far, with a confidence sequence: valid after every batch, for ever.

    Asymptotic sequence for the martingale of unweighted scores, normal mixture, narrowest near
    `planned_units` (all arms together). Its tuning is frozen after the first batch with enough units. Assumes
    bounded fourth moments and minimum shares, and an effect that may drift. `standard_error` is that of the
    average score. Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), Annals of Statistics
    52:2613, theorem 2.5 and section 4.
    """
    start = _first_look(batches, (treatment, baseline))
    if isinstance(start, NotEstimable):
        return start
    arms = (treatment, baseline)
    first, now = (_effect(_unweighted(batches, stop), arms, level) for stop in (start, batches.n.shape[0]))
    if isinstance(first, NotEstimable) or isinstance(now, NotEstimable):
        return first if isinstance(first, NotEstimable) else now
    early, late = (float(batches.n[:stop].sum()) for stop in (start, batches.n.shape[0]))
    variance_per_unit = first.standard_error**2 * early
    mixture = _tightest(1 - level) / (variance_per_unit * planned_units)
    x = mixture * (now.standard_error * late) ** 2
    half = now.standard_error * sqrt((1 + 1 / x) * (log(1 + x) - 2 * log(1 - level)))
    return BanditEstimate(now.value, now.standard_error, Interval(now.value - half, now.value + half, level))


@dataclass(frozen=True, slots=True)
class _Scores:
    """Weighted averages of the arms' scores, (k,), and the sums of products of their deviations, (k, k)."""

    value: Array
    cross: Array


def _scores(batches: Batches, weights: Array) -> _Scores:
    """Every unit gives each arm a score, and a batch's moments are all that their sums need."""
    guesses = _earlier_means(batches)
    units = batches.n.sum(axis=1)
    totals = (weights * units[:, None]).sum(axis=0)
    corrections = batches.n * (batches.means - guesses) / batches.shares
    value = (weights * (units[:, None] * guesses + corrections)).sum(axis=0) / totals
    return _Scores(value, _cross_products(batches, weights / totals, guesses, value))


def _cross_products(batches: Batches, weights: Array, guesses: Array, value: Array) -> Array:
    """Σ over units of h_i(Γ_i − Q_i)·h_j(Γ_j − Q_j), where a unit of arm w has Γ_j = m̂_j for j ≠ w."""
    idle = weights * (guesses - value)
    jump = weights * (batches.means - guesses) / batches.shares
    units = batches.n.sum(axis=1)
    cross = np.einsum("t,ti,tj->ij", units, idle, idle)
    moved = np.einsum("ti,ti,tj->ij", batches.n, jump, idle)
    own = (batches.n * jump**2 + batches.squares * (weights / batches.shares) ** 2).sum(axis=0)
    return np.asarray(cross + moved + moved.T + np.diag(own))


def _earlier_means(batches: Batches) -> Array:
    """m̂ for each batch and arm: the arm's mean in earlier batches; in the first batch its own.

    The first batch's shares depend on no outcome, so its own mean does no harm there and keeps the estimate
    free of the choice of a zero. An arm without units so far gets the mean of all units so far.
    """
    n = np.cumsum(batches.n, axis=0)
    sums = np.cumsum(batches.n * batches.means, axis=0)
    overall = sums.sum(axis=1, keepdims=True) / np.maximum(n.sum(axis=1, keepdims=True), 1)
    means = np.where(n > 0, sums / np.maximum(n, 1), overall)
    return np.concatenate([means[:1], means[:-1]])


def _effect(scores: _Scores, arms: tuple[int, int], level: float) -> Estimated:
    i, j = arms
    variance = scores.cross[i, i] + scores.cross[j, j] - 2 * scores.cross[i, j]
    return _normal_estimate(float(scores.value[i] - scores.value[j]), sqrt(max(variance, 0.0)), level)


def _normal_estimate(value: float, standard_error: float, level: float) -> Estimated:
    if not standard_error > 0:
        return NotEstimable("no variance in the scores")
    half = float(special.ndtri((1 + level) / 2)) * standard_error
    return BanditEstimate(float(value), standard_error, Interval(value - half, value + half, level))


def _first_look(batches: Batches, arms: tuple[int, int]) -> int | NotEstimable:
    """The number of batches after which both arms first had enough units."""
    enough = (np.cumsum(batches.n[:, list(arms)], axis=0) >= FEWEST_UNITS).all(axis=1)
    if not enough.any():
        return NotEstimable(f"fewer than {FEWEST_UNITS} units in an arm so far")
    return int(np.argmax(enough)) + 1


def _unweighted(batches: Batches, stop: int) -> _Scores:
    first = Batches(batches.shares[:stop], batches.n[:stop], batches.means[:stop], batches.squares[:stop])
    return _scores(first, np.ones_like(first.shares))


def _tightest(alpha: float) -> float:
    """x = ρ²V at which a normal mixture's boundary is narrowest. Source: Howard et al. (2021), eq. 20."""
    return float(-special.lambertw(-alpha * alpha / np.e, -1).real - 1)


def _shares_among_others(best: Array) -> Array:
    """(k, k): row j has P(i best)/(1 − P(j best)) for i ≠ j; equal parts where only j can be best."""
    others = np.where(np.eye(best.size, dtype=bool), 0.0, best)
    sums = others.sum(axis=1, keepdims=True)
    equal = (1 - np.eye(best.size)) / max(best.size - 1, 1)
    return np.where(sums > 0, others / np.where(sums > 0, sums, 1.0), equal)
