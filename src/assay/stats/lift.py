"""Relative lift by Fieller's theorem: the effect's own test, inverted over fractions of the baseline.

The interval holds the fractions δ at which treatment − (1 + δ) · baseline is not refuted. At δ = 0 that is
the test of the effect itself, so that the relative view and the absolute one can't disagree.
"""

from dataclasses import dataclass
from math import inf, nan
from typing import Any

import numpy as np

from assay.stats.contrasts import ArmEstimates, Contrasts, Statuses, contrasts, t_quantile
from assay.stats.estimate import Alternative, Interval, Lift, NotEstimable, Status
from assay.stats.moments import Floats


@dataclass(frozen=True, slots=True, eq=False)
class LiftBounds:
    """Ends of the lifts' intervals, as fractions, NaN wherever `status` isn't OK."""

    lower: Floats
    upper: Floats
    status: Statuses


def lift_values(contrast: Contrasts) -> Floats:
    """Effects as fractions of the baseline's size, so that a rise is positive under a negative baseline too.

    NaN where the baseline is zero, or so near it that no number holds the fraction.
    """
    with np.errstate(all="ignore"):
        fraction = contrast.effect / np.abs(contrast.baseline)
    return np.where(np.isfinite(fraction), fraction, nan)


def lift_bounds(contrast: Contrasts, multiplier: Any) -> LiftBounds:
    """Fieller's interval of the lift where the effect's is effect ± multiplier · standard error.

    The multiplier is Student's quantile for a fixed horizon and the boundary of a confidence sequence for
    one; it broadcasts. Where the baseline can't be told from zero at that multiplier the set is no bounded
    interval, and the status says so. Source: Fieller (1954), JRSS-B 16:175–185, section 3.
    """
    size, flipped = np.abs(contrast.baseline), np.where(contrast.baseline < 0, -1.0, 1.0)
    d, covariance, c2 = contrast.effect, contrast.covariance * flipped, np.square(multiplier)
    # The roots of a δ² − 2 b δ + c: their product c / a has the sign of the effect's own verdict.
    a = size * size - c2 * contrast.baseline_variance
    b = size * d - c2 * covariance
    c = (np.abs(d) - multiplier * contrast.standard_error) * (
        np.abs(d) + multiplier * contrast.standard_error
    )
    reach = multiplier * np.sqrt(np.maximum(_discriminant(contrast, covariance, c2), 0.0))
    with np.errstate(all="ignore"):
        outer = b + np.where(b < 0, -reach, reach)
        near, far = c / outer, outer / a
    bounded = (a > 0) & np.isfinite(near) & np.isfinite(far)
    status = _lift_status(contrast, bounded)
    held = status == Status.OK
    return LiftBounds(
        np.where(held, np.minimum(near, far), nan), np.where(held, np.maximum(near, far), nan), status
    )


def lift(
    arms: ArmEstimates, *, level: float = 0.95, alternative: Alternative = "two-sided"
) -> Lift | NotEstimable:
    """The lift of a pair of variations with the baseline first, with Welch's multiplier.

    A zero baseline has no lift; one that can't be told from zero has a value but no interval.
    """
    contrast = contrasts(arms)
    value = lift_values(contrast).item()
    if contrast.status.item() in (Status.NO_UNITS, Status.ZERO_DENOMINATOR):
        return Status(contrast.status.item()).not_estimable()
    if np.isnan(value):
        return Status.ZERO_BASELINE.not_estimable()
    tail = (1 - level) / 2 if alternative == "two-sided" else 1 - level
    bounds = lift_bounds(contrast, -t_quantile(tail, contrast.freedom))
    status = Status(bounds.status.item())
    if status != Status.OK:
        return Lift(value, status.not_estimable())
    lower = -inf if alternative == "less" else bounds.lower.item()
    upper = inf if alternative == "greater" else bounds.upper.item()
    return Lift(value, Interval(lower, upper, level))


def _discriminant(contrast: Contrasts, covariance: Any, c2: Any) -> Any:
    """(b² − a c) / multiplier², written out so that nothing large cancels."""
    d, m = contrast.effect, np.abs(contrast.baseline)
    spread = m * m * contrast.variance - 2 * d * m * covariance + d * d * contrast.baseline_variance
    return spread - c2 * (contrast.variance * contrast.baseline_variance - covariance * covariance)


def _lift_status(contrast: Contrasts, bounded: Any) -> Statuses:
    shaky = np.where(bounded, np.int8(Status.OK), np.int8(Status.BASELINE_NEAR_ZERO))
    shaky = np.where(contrast.baseline != 0, shaky, np.int8(Status.ZERO_BASELINE))
    return np.where(contrast.status != Status.OK, contrast.status, shaky).astype(np.int8)
