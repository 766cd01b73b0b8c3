"""From the units' values to what each arm estimates, by the metric's estimator, adjusted or not."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from assay.analysis.cells import accumulated, cell_moments, variables
from assay.analysis.experiment_results import ArmFigures, Estimator
from assay.analysis.results import Estimated, MaybeInterval
from assay.stats.adjustment import adjusted_estimates, covariates_with_missing
from assay.stats.contrasts import ArmEstimates, mean_estimates, student_interval
from assay.stats.estimate import Estimate, NotEstimable, Status
from assay.stats.fixed_horizon import wilson_interval
from assay.stats.moments import Floats, Integers, JointMoments
from assay.stats.ratio import denominator_status, linearized, ratio_estimates

NO_COVARIATE = NotEstimable("there is no covariate from before the exposure")


@dataclass(frozen=True, slots=True, eq=False)
class UnitTable:
    """One row per exposed unit with a value, in a fixed order; `arm` is its treatment's position.

    `first_exposed_ms` places the unit in time, `slice` in one value of an attribute. A covariate may be NaN, for
    units without a past.
    """

    arm: Integers
    value: Floats
    denominator: Floats | None = None
    covariate: Floats | None = None
    first_exposed_ms: Integers | None = None
    slice: NDArray[np.object_] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """The arms with and without the covariate's help, and the moments that both come from.

    Shape (..., arms) throughout; the moments' variables are the value (linearized where it is a ratio) and the
    covariates.
    """

    moments: JointMoments
    plain: ArmEstimates
    adjusted: ArmEstimates | None

    @property
    def best(self) -> ArmEstimates:
        """Adjusted where there is a covariate: by plan, never because it looks better."""
        return self.plain if self.adjusted is None else self.adjusted


def columns_of(table: UnitTable) -> list[Floats]:
    """The variables of the units' joint moments."""
    columns = [table.value] if table.denominator is None else [table.value, table.denominator]
    return columns + covariate_columns(table.covariate)


def covariate_columns(covariate: Floats | None) -> list[Floats]:
    """None (nor where it tells no unit from another), one, or where some units have no past two: the value and
    whether it is missing.
    """
    if covariate is None or not np.isfinite(covariate).any():
        return []
    if np.isfinite(covariate).all():
        return [covariate] if covariate.min() < covariate.max() else []
    return list(covariates_with_missing(covariate))


def by_arm(table: UnitTable, arms: int) -> JointMoments:
    """Moments of shape (arms,)."""
    return cell_moments(table.arm, (arms,), columns_of(table))


def by_place(table: UnitTable, places: Integers, shape: tuple[int, int]) -> JointMoments:
    """Moments of shape (places, arms)."""
    return cell_moments(places * shape[1] + table.arm, shape, columns_of(table))


def so_far(table: UnitTable, places: Integers, shape: tuple[int, int]) -> JointMoments:
    """Moments of shape (places, arms), each of all units until then."""
    return accumulated(by_place(table, places, shape))


def estimates(moments: JointMoments, estimator: Estimator) -> Estimates:
    """Means or ratios of moments whose variables are those of `columns_of`."""
    if estimator == "mean":
        return _estimates(moments, mean_estimates(variables(moments, [0])), None)
    linear = linearized(moments)
    return _estimates(linear, ratio_estimates(variables(moments, [0, 1])), denominator_status(moments))


def _estimates(moments: JointMoments, plain: ArmEstimates, status: NDArray[np.int8] | None) -> Estimates:
    if moments.variables == 1:
        return Estimates(moments, plain, None)
    adjusted = adjusted_estimates(moments)
    return Estimates(moments, plain, adjusted if status is None else adjusted.with_status(status))


def figures(
    found: Estimates, level: float, *, totals: Sequence[float], is_share: bool
) -> tuple[ArmFigures, ...]:
    """Each arm's own figures, of estimates of shape (arms,); `is_share`: its values are zeros and ones."""
    return tuple(
        ArmFigures(
            units=int(found.plain.n[index]),
            total=float(total),
            value=point(found.plain, index),
            interval=share_interval(found.plain, index, level)
            if is_share
            else interval(found.plain, index, level),
            deviation=_deviation(found.moments, index),
            adjusted=NO_COVARIATE if found.adjusted is None else point(found.adjusted, index),
        )
        for index, total in enumerate(totals)
    )


def point(arms: ArmEstimates, index: int) -> Estimated:
    """An arm's value."""
    status = Status(int(arms.status[index]))
    if status in (Status.NO_UNITS, Status.ZERO_DENOMINATOR):
        return status.not_estimable()
    return float(arms.value[index])


def interval(arms: ArmEstimates, index: int, level: float) -> MaybeInterval:
    """Student's interval of an arm's value."""
    status = Status(int(arms.status[index]))
    if status != Status.OK:
        return status.not_estimable()
    error = sqrt(float(arms.squared_error[index]))
    return student_interval(Estimate(float(arms.value[index]), error, float(arms.freedom[index])), level)


def share_interval(arms: ArmEstimates, index: int, level: float) -> MaybeInterval:
    """Wilson's interval of a conversion rate."""
    n = int(arms.n[index])
    return wilson_interval(round(float(arms.value[index]) * n), n, level)


def _deviation(moments: JointMoments, index: int) -> Estimated:
    n = int(moments.n[index])
    if n < 2:
        return Status.FEWER_THAN_TWO_UNITS.not_estimable()
    return sqrt(float(moments.products[index, 0, 0]) / (n - 1))
