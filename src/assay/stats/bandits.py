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

from assay.stats.best import rank
from assay.stats.direction import Direction
from assay.stats.distributions import Array, Distribution
from assay.stats.estimate import Interval, NotEstimable
from assay.stats.moments import Moments


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

    def first(self, count: int) -> "Batches":
        """The first `count` batches."""
        return Batches(self.shares[:count], self.n[:count], self.means[:count], self.squares[:count])


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
    return with_minimum(rank(arms, direction).best, minimum_share)


def top_two_shares(
    arms: Sequence[Distribution], direction: Direction, *, minimum_share: float = 0.01, first: float = 0.5
) -> Array:
    """Shares that find the best arm sooner: the likely best at `first`, else the best of the others.

    Σ over the leader j of P(j best): first·1{i = j} + (1 − first)·P(i best)/(1 − P(j best)).
    Source: Russo (2020), Operations Research 68:1625, section 3.3, "top-two Thompson sampling".
    """
    best = rank(arms, direction).best
    runner_up = _shares_among_others(best)
    return with_minimum(first * best + (1 - first) * best @ runner_up, minimum_share)


def with_minimum(shares: Array, minimum_share: float) -> Array:
    """`minimum_share` for every arm, and what is left by `shares`: shape (k,), sums to 1.

    Every inference below rests on it: an arm with a share near 0 has an error without bound.
    """
    k = shares.size
    if not 0 <= minimum_share * k <= 1:
        raise ValueError(f"{k} arms can't each have at least {minimum_share}")
    return np.asarray(minimum_share + (1 - k * minimum_share) * shares / shares.sum())


def adaptively_weighted_mean(batches: Batches, arm: int, *, level: float = 0.95) -> Estimated:
    """Mean of an arm at the planned end, by adaptively weighted augmented inverse-propensity scores.

    Scores Γ = m̂ + 1{arm}(y − m̂)/e with m̂ the arm's mean in earlier batches, weights √e, which keep the
    variance of each unit's term even. Assumes one mean throughout, minimum shares, and one look. Source:
    Hadad, Hirshberg, Zhan, Wager & Athey (2021), PNAS 118:e2014602118, with its
    constant-allocation weights.
    """
    if batches.n[:, arm].sum() < 2:
        return NotEstimable("an arm has fewer than two units")
    scores = _scores(batches, np.sqrt(batches.shares))
    return _normal_estimate(scores.value[arm], sqrt(max(scores.covariance[arm, arm], 0.0)), level)


def adaptively_weighted_effect(
    batches: Batches, treatment: int, baseline: int = 0, *, level: float = 0.95
) -> Estimated:
    """Difference of two arms' adaptively weighted means; the standard error knows that they share units.

    Source: Hadad et al. (2021), on treatment effects: the difference of two estimators.
    """
    if batches.n[:, [treatment, baseline]].sum(axis=0).min() < 2:
        return NotEstimable("an arm has fewer than two units")
    return _effect(_scores(batches, np.sqrt(batches.shares)), (treatment, baseline), level)


def batched_least_squares_effect(
    batches: Batches, treatment: int, baseline: int = 0, *, level: float = 0.95
) -> Estimated:
    """Effect from batches that each give one z, all counted alike: Z = Σ_t (Δ_t − Δ)/(se_t √T) ~ N(0, 1).

    Robust to a baseline that drifts from batch to batch, as the effect doesn't. Assumes one look; each arm's
    variance is the same in all batches. T counts every batch with units, one that left an arm out as z = 0:
    not to count it would let the bandit stop the count when it is sure of itself.
    Source: Zhang, Janson & Murphy (2020), NeurIPS 33, "Inference for batched bandits", section 4.
    """
    arms = [treatment, baseline]
    both = batches.n[:, arms].min(axis=1) > 0
    n = batches.n[both][:, arms]
    freedom = (n - 1).sum(axis=0)
    if not both.any() or freedom.min() < 1:
        return NotEstimable("no batch has enough units in both arms")
    errors = np.sqrt((batches.squares[both][:, arms].sum(axis=0) / freedom / n).sum(axis=1))
    if not errors[0] > 0:
        return NotEstimable("all units have the same value in every batch")
    effects = batches.means[both, treatment] - batches.means[both, baseline]
    information = float(np.sum(1 / errors))
    count = np.count_nonzero(batches.n.sum(axis=1))
    return _normal_estimate(float(np.sum(effects / errors)) / information, sqrt(count) / information, level)


def anytime_effect(
    batches: Batches,
    treatment: int,
    baseline: int = 0,
    *,
    planned_units: int,
    fewest_units: int = 100,
    level: float = 0.95,
) -> Estimated:
    """Effect averaged over all units so far, with a confidence sequence: valid after every batch, for ever.

    Asymptotic sequence for the martingale of unweighted scores, normal mixture, narrowest near
    `planned_units` (all arms together). It begins, its tuning frozen, when both arms have `fewest_units`; for
    conversions that should be enough for ten in each arm. Assumes bounded fourth moments and minimum shares;
    the baseline and the effect may drift. `standard_error`: of the average score. Source: Waudby-Smith,
    Arbour, Sinha, Kennedy & Ramdas (2024), Annals of Statistics 52:2613, martingales of changing variance.
    """
    arms = (treatment, baseline)
    start = _first_look(batches, arms, fewest_units)
    if isinstance(start, NotEstimable):
        return start
    first, now = (_effect(_unweighted(part), arms, level) for part in (start, batches))
    if isinstance(first, NotEstimable):
        return first
    if isinstance(now, NotEstimable):
        return now
    variance_per_unit = first.standard_error**2 * float(start.n.sum())
    mixture = _tightest(1 - level) / (variance_per_unit * planned_units)
    x = mixture * (now.standard_error * float(batches.n.sum())) ** 2
    half = now.standard_error * sqrt((1 + 1 / x) * (log(1 + x) - 2 * log(1 - level)))
    return BanditEstimate(now.value, now.standard_error, Interval(now.value - half, now.value + half, level))


@dataclass(frozen=True, slots=True)
class _Scores:
    """Weighted averages of the arms' scores, (k,), and their covariances, (k, k)."""

    value: Array
    covariance: Array


def _scores(batches: Batches, weights: Array) -> _Scores:
    """Every unit gives each arm a score, and a batch's moments are all that their sums need."""
    guesses = _earlier_means(batches)
    units = batches.n.sum(axis=1)
    totals = (weights * units[:, None]).sum(axis=0)
    corrections = batches.n * (batches.means - guesses) / batches.shares
    value = (weights * (units[:, None] * guesses + corrections)).sum(axis=0) / totals
    return _Scores(value, _conditional_variances(batches, weights / totals, guesses, value))


def _conditional_variances(batches: Batches, weights: Array, guesses: Array, value: Array) -> Array:
    """(k, k): Σ over units of the covariances of h_i Γ_i and h_j Γ_j given what came before.

    Var Γ_i = E(y − m̂_i)²/e_i − (μ_i − m̂_i)², Cov(Γ_i, Γ_j) = −(μ_i − m̂_i)(μ_j − m̂_j), with the arm's variance
    over all batches plugged in. The authors' sum of squared scores estimates the same; but where a small
    share meets rare conversions it waits for the first one, and the interval is far too short until then.
    """
    units = batches.n.sum(axis=1)
    gaps = value - guesses
    moments = (_variances(batches) + gaps**2) / batches.shares
    cross = -np.einsum("t,ti,tj->ij", units, weights * gaps, weights * gaps)
    return np.asarray(cross + np.diag((units[:, None] * weights**2 * moments).sum(axis=0)))


def _variances(batches: Batches) -> Array:
    """Each arm's sample variance over all its units; 0 for fewer than two."""
    n = batches.n.sum(axis=0)
    means = (batches.n * batches.means).sum(axis=0) / np.maximum(n, 1)
    squares = (batches.squares + batches.n * (batches.means - means) ** 2).sum(axis=0)
    return np.asarray(squares / np.maximum(n - 1, 1))


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
    variance = scores.covariance[i, i] + scores.covariance[j, j] - 2 * scores.covariance[i, j]
    return _normal_estimate(float(scores.value[i] - scores.value[j]), sqrt(max(variance, 0.0)), level)


def _normal_estimate(value: float, standard_error: float, level: float) -> Estimated:
    if not standard_error > 0:
        return NotEstimable("no variance in the scores")
    half = float(special.ndtri((1 + level) / 2)) * standard_error
    return BanditEstimate(float(value), standard_error, Interval(value - half, value + half, level))


def _first_look(batches: Batches, arms: tuple[int, int], fewest_units: int) -> Batches | NotEstimable:
    """The batches after which both arms first had enough units."""
    enough = (np.cumsum(batches.n[:, list(arms)], axis=0) >= fewest_units).all(axis=1)
    if not enough.any():
        return NotEstimable(f"fewer than {fewest_units} units in an arm so far")
    return batches.first(int(np.argmax(enough)) + 1)


def _unweighted(batches: Batches) -> _Scores:
    return _scores(batches, np.ones_like(batches.shares))


def _tightest(alpha: float) -> float:
    """x = ρ²V at which a normal mixture's boundary is narrowest. Source: Howard et al. (2021), eq. 20."""
    return float(-special.lambertw(-alpha * alpha / np.e, -1).real - 1)


def _shares_among_others(best: Array) -> Array:
    """(k, k): row j has P(i best)/(1 − P(j best)) for i ≠ j; equal parts where only j can be best."""
    others = np.where(np.eye(best.size, dtype=bool), 0.0, best)
    sums = others.sum(axis=1, keepdims=True)
    equal = (1 - np.eye(best.size)) / max(best.size - 1, 1)
    return np.where(sums > 0, others / np.where(sums > 0, sums, 1.0), equal)
