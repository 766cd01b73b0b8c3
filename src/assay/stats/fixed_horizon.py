"""Tests and intervals that hold at one look, planned in advance."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from scipy import special

from assay.stats.contrasts import ArmEstimates, effect, mean_estimates
from assay.stats.estimate import Alternative, Effect, Interval, Lift, NotEstimable
from assay.stats.lift import lift
from assay.stats.moments import JointMoments, Moments


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """Pearson's statistic, its degrees of freedom and its p-value."""

    statistic: float
    degrees_of_freedom: int
    p_value: float


def wilson_interval(successes: int, n: int, level: float = 0.95) -> Interval | NotEstimable:
    """Score interval of a proportion. Source: Wilson (1927), JASA 22:209–212."""
    if n == 0:
        return NotEstimable("no units")
    z = _two_sided_z(level)
    share = successes / n
    scale = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / scale
    lower = 0.0 if successes == 0 else max(0.0, centre - half)
    upper = 1.0 if successes == n else min(1.0, centre + half)
    return Interval(lower, upper, level)


def mean_interval(moments: Moments, level: float = 0.95) -> Interval | NotEstimable:
    """Student's interval of a mean, in the metric's unit. Source: Student (1908), Biometrika 6:1–25."""
    if moments.n < 2:
        return NotEstimable("fewer than two units")
    half = float(special.stdtrit(moments.n - 1, (1 + level) / 2)) * sqrt(moments.variance / moments.n)
    return Interval(moments.mean - half, moments.mean + half, level)


def two_proportion_test(successes: tuple[int, int], units: tuple[int, int]) -> float | NotEstimable:
    """Two-sided p-value of equal proportions, pooled standard error, no continuity correction.

    Its square is Pearson's chi-square of the 2 × 2 table. Source: Fleiss, Levin & Paik (2003), eq. 3.6.
    """
    result = pearson_chi_square(successes, units)
    return result if isinstance(result, NotEstimable) else result.p_value


def pearson_chi_square(successes: Sequence[int], units: Sequence[int]) -> ChiSquare | NotEstimable:
    """Homogeneity of k proportions; both sequences of length k. Source: Pearson (1900), Phil. Mag. 50:157."""
    if len(successes) < 2 or min(units) == 0:
        return NotEstimable("a variation has no units")
    total, hits = sum(units), sum(successes)
    if hits in (0, total):
        return NotEstimable("all units have the same value")
    pooled = hits / total
    statistic = sum(
        (s - n * pooled) ** 2 / (n * pooled * (1 - pooled)) for s, n in zip(successes, units, strict=True)
    )
    freedom = len(units) - 1
    return ChiSquare(statistic, freedom, float(special.chdtrc(freedom, statistic)))


def welch_test(treatment: Moments, baseline: Moments) -> float | NotEstimable:
    """Two-sided p-value of equal means with unequal variances. Source: Welch (1947), Biometrika 34:28–35."""
    result = welch_effect(treatment, baseline)
    return result if isinstance(result, NotEstimable) else result.p_value


def welch_effect(
    treatment: Moments,
    baseline: Moments,
    *,
    margin: float = 0.0,
    level: float = 0.95,
    alternative: Alternative = "two-sided",
) -> Effect | NotEstimable:
    """Difference of means in the metric's unit, its interval, and the p-value of a difference of `margin`.

    Assumes independent units and samples large enough for their skew. "greater" is evidence for a
    difference above the margin, with a lower bound alone. Source: Welch (1947), Biometrika 34:28–35.
    """
    return effect(_pair(treatment, baseline), margin=margin, level=level, alternative=alternative)


def welch_lift(
    treatment: Moments, baseline: Moments, *, level: float = 0.95, alternative: Alternative = "two-sided"
) -> Lift | NotEstimable:
    """Difference of means as a fraction of the baseline's size, by inversion of the same test.

    Source: Fieller (1954), JRSS-B 16:175–185, with Welch's degrees of freedom.
    """
    return lift(_pair(treatment, baseline), level=level, alternative=alternative)


def welch_anova(samples: Sequence[Moments]) -> float | NotEstimable:
    """p-value of k equal means with unequal variances. Source: Welch (1951), Biometrika 38:330–336."""
    if len(samples) < 2 or min(sample.n for sample in samples) < 2:
        return NotEstimable("a variation has fewer than two units")
    if min(sample.squares for sample in samples) == 0:
        return NotEstimable("a variation has no variance")
    k = len(samples)
    weights = [sample.n / sample.variance for sample in samples]
    total = sum(weights)
    mean = sum(w * sample.mean for w, sample in zip(weights, samples, strict=True)) / total
    between = sum(w * (sample.mean - mean) ** 2 for w, sample in zip(weights, samples, strict=True)) / (k - 1)
    spread = sum((1 - w / total) ** 2 / (sample.n - 1) for w, sample in zip(weights, samples, strict=True))
    f = between / (1 + 2 * (k - 2) * spread / (k * k - 1))
    return float(special.fdtrc(k - 1, (k * k - 1) / (3 * spread), f))


def _two_sided_z(level: float) -> float:
    return float(special.ndtri((1 + level) / 2))


def _pair(treatment: Moments, baseline: Moments) -> ArmEstimates:
    return mean_estimates(JointMoments.of_one([baseline, treatment]))
