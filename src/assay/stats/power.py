"""How many units a test needs: sizes, detectable effects and durations, for every method and its real looks.

One number carries a method: its drift, the z that the effect must be expected to have at the planned size.
A fixed test's is z₁₋α/₂ + z_power; one with looks pays for them by a larger one, found by the same recursion
that its boundaries come from. Then units = variance · (drift / effect)², for whatever is normal in the end.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, sqrt
from typing import Literal

import numpy as np
from scipy import special

from assay.stats.estimate import NotEstimable
from assay.stats.group_sequential import (
    Spending,
    crossing_drift,
    crossing_probabilities,
    hwang_shih_decani_spending,
    look_boundaries,
    obrien_fleming_spending,
    pocock_spending,
)
from assay.stats.hybrid import hybrid_multiplier
from assay.stats.moments import Floats, Moments
from assay.stats.sequential import radius_multiplier

Method = Literal["fixed", "hybrid", "sequence", "obrien_fleming", "pocock", "hwang_shih_decani"]

_SPENDING: dict[str, Spending] = {
    "obrien_fleming": obrien_fleming_spending,
    "pocock": pocock_spending,
    "hwang_shih_decani": hwang_shih_decani_spending(-4.0),
}

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
    if baseline.n < 2 or baseline.mean == 0 or baseline.variance == 0:
        return NotEstimable("the baseline has no mean or no variance to plan with")
    return _units(2 * baseline.variance, baseline.mean * lift, power, alpha)


def _units(variance: float, effect: float, power: float, alpha: float) -> int | NotEstimable:
    z = float(special.ndtri(1 - alpha / 2) + special.ndtri(power))
    standardized = abs(effect) / sqrt(variance)
    if standardized < SMALLEST_EFFECT:
        return NotEstimable("the effect is too small beside the variance to be found by any number of units")
    return max(1, ceil((z / standardized) ** 2))


@dataclass(frozen=True, slots=True)
class LookingPlan:
    """How a test is to be judged: `looks` equally spaced up to the planned size, and what it must find.

    `sides` is 1 for a one-sided question such as non-inferiority, whose effect is the distance of the
    expected one from the margin. `treatments` share alpha evenly (Bonferroni), each against the same
    baseline. The sequence is tuned at the planned size. Raises ValueError for numbers that are no plan.
    """

    method: Method = "hybrid"
    looks: int = 28
    alpha: float = 0.05
    power: float = 0.8
    sides: Literal[1, 2] = 2
    treatments: int = 1

    def __post_init__(self) -> None:
        if not (0 < self.alpha < 0.5 <= self.power < 1) or self.looks < 1 or self.treatments < 1:
            raise ValueError(f"not a plan: {self}")


def drift(plan: LookingPlan) -> float:
    """The expected z at the planned size with which the plan's power is reached by then."""
    return _drift(plan)


@lru_cache(maxsize=256)
def _drift(plan: LookingPlan) -> float:
    times, boundaries = look_schedule(plan)
    if plan.method == "fixed":
        return float(boundaries[-1] + special.ndtri(plan.power))
    return crossing_drift(times, boundaries, power=plan.power)


def inflation(plan: LookingPlan) -> float:
    """Planned units as a multiple of the fixed test's with the same alpha, sides, treatments and power."""
    return (drift(plan) / drift(replace(plan, method="fixed"))) ** 2


def expected_share(plan: LookingPlan) -> float:
    """The share of the planned units after which the test ends on average, if the planned effect is there."""
    times, boundaries = look_schedule(plan)
    if plan.method == "fixed":
        return 1.0
    stops = crossing_probabilities(times, boundaries, drift=drift(plan))
    return float(stops @ times + (1 - stops.sum()) * times[-1])


def effect_variance(
    treatment: float, baseline: float, *, treatment_share: float = 0.5, explained: float = 0.0
) -> float:
    """Squared standard error of the difference, times the units of both arms together.

    `treatment`, `baseline`: the units' variances: of values, of a ratio's linearized values, or p (1 − p).
    `explained`: the share ρ² of the variance that covariates take away. For a lift, give the variances of the
    contrast m_T − (1 + lift) m_B: the baseline's times (1 + lift)².
    Source: Kohavi, Tang & Xu (2020), chapter 15; Deng, Xu, Kohavi & Walker (2013), section 3.1, for 1 − ρ².
    """
    if not 0 < treatment_share < 1 or not 0 <= explained < 1:
        raise ValueError("shares lie between 0 and 1")
    return (treatment / treatment_share + baseline / (1 - treatment_share)) * (1 - explained)


def sample_size(plan: LookingPlan, *, effect: float, variance: float) -> int | NotEstimable:
    """Units of both arms together with which the plan finds an `effect`; `variance` of `effect_variance`."""
    if effect == 0 or variance <= 0:
        return NotEstimable("no effect or no variance to plan with")
    return ceil(variance * (drift(plan) / effect) ** 2)


def detectable_effect(plan: LookingPlan, *, units: float, variance: float) -> float | NotEstimable:
    """The smallest effect that the plan finds with `units` of both arms together; positive."""
    if units <= 0 or variance <= 0:
        return NotEstimable("no units or no variance to plan with")
    return drift(plan) * sqrt(variance / units)


def duration_days(
    plan: LookingPlan, *, effect: float, variance: float, units_per_day: float, looks_per_day: int = 1
) -> int | NotEstimable:
    """Whole days until the plan's size is reached, looked at as often as a test that long is looked at.

    The plan's own `looks` are replaced: more days mean more looks, which cost a little more time.
    """
    if units_per_day <= 0:
        return NotEstimable("no units arrive")
    days = 1
    for _ in range(20):
        looked = replace(plan, looks=min(days * looks_per_day, _MOST_LOOKS))
        size = sample_size(looked, effect=effect, variance=variance)
        if isinstance(size, NotEstimable):
            return size
        needed = ceil(size / units_per_day)
        if needed <= days:
            break
        days = needed
    return days


_MOST_LOOKS = 1_000  # beyond it one more look changes nothing that is worth its time


def look_schedule(plan: LookingPlan) -> tuple[Floats, Floats]:
    """Shares of the planned size at the looks, and critical values of |Z|; one-sided at twice the alpha."""
    alpha = plan.alpha * (2 if plan.sides == 1 else 1) / plan.treatments
    times = np.arange(1, plan.looks + 1) / plan.looks
    if plan.method == "fixed":
        return np.ones(1), np.array([-special.ndtri(alpha / 2)])
    if plan.method == "hybrid":
        return times, hybrid_multiplier(times, horizon=1.0, pause=1 / plan.looks, alpha=alpha)
    if plan.method == "sequence":
        return times, radius_multiplier(times, tuned_at=1.0, alpha=alpha)
    return times, look_boundaries(times.tolist(), 1.0, spending=_SPENDING[plan.method], alpha=alpha)
