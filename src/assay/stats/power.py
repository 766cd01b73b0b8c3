"""How many units a test needs: sample sizes for a stated effect, power and level."""

from math import ceil, sqrt

from scipy import special

from assay.stats.estimate import NotEstimable
from assay.stats.moments import Moments

# In standard deviations; finding less takes more units than a client's integers can count.
SMALLEST_EFFECT = 1e-6


def proportion_sample_size(
    baseline_rate: float, lift: float, *, power: float = 0.8, alpha: float = 0.05
) -> int | NotEstimable:
    """Units per variation for a two-sided test to find a relative `lift` of `baseline_rate`.

    Unpooled variances. Source: Fleiss, Levin & Paik (2003), section 4.2, without continuity correction.
    """
    if not 0 < baseline_rate < 1:
        return NotEstimable("the baseline's rate is 0 or 1")
    other = min(baseline_rate * (1 + lift), 1.0)
    variance = baseline_rate * (1 - baseline_rate) + other * (1 - other)
    return _units(variance, other - baseline_rate, power, alpha)


def mean_sample_size(
    baseline: Moments, lift: float, *, power: float = 0.8, alpha: float = 0.05
) -> int | NotEstimable:
    """Units per variation to find a relative `lift` of the baseline's mean, both with its variance.

    Source: Kohavi, Tang & Xu (2020), "Trustworthy Online Controlled Experiments", eq. 15.1.
    """
    if baseline.n < 2 or baseline.mean == 0 or baseline.squares == 0:
        return NotEstimable("the baseline has no mean or no variance to plan with")
    return _units(2 * baseline.variance, baseline.mean * lift, power, alpha)


def _units(variance: float, effect: float, power: float, alpha: float) -> int | NotEstimable:
    z = float(special.ndtri(1 - alpha / 2) + special.ndtri(power))
    standardized = abs(effect) / sqrt(variance)
    if standardized < SMALLEST_EFFECT:
        return NotEstimable("the effect is too small beside the variance to be found by any number of units")
    return ceil((z / standardized) ** 2)
