"""The Bayesian view of a metric: LaunchDarkly's documented model on the same estimates."""

from collections.abc import Sequence
from typing import Literal, TypeVar

import numpy as np

from assay.stats.bayesian import Conversions, Standing, conversion_posteriors, mean_posteriors, standings
from assay.stats.contrasts import ArmEstimates
from assay.stats.direction import Direction
from assay.stats.estimate import NotEstimable, Status
from assay.stats.moments import Moments

T = TypeVar("T")
Model = Literal["beta", "normal"]


def conversion_standings(
    arms: ArmEstimates, baseline: int, *, direction: Direction, level: float
) -> tuple[Standing | NotEstimable, ...]:
    """Beta-binomial standings by arm, of rates that no covariate has adjusted; arms of shape (arms,)."""
    samples = [
        Conversions(int(n), round(float(rate) * int(n))) for n, rate in zip(arms.n, arms.value, strict=True)
    ]
    ordered = conversion_posteriors(_baseline_first(samples, baseline))
    return _placed(standings(ordered, direction, level=level), baseline)


def mean_standings(
    arms: ArmEstimates, baseline: int, *, direction: Direction, level: float
) -> tuple[Standing | NotEstimable, ...]:
    """Normal-normal standings by arm of whatever estimate is normal: means, ratios, percentiles, adjusted or not."""
    samples = [_as_moments(arms, index) for index in range(len(arms.n))]
    ordered = mean_posteriors(_baseline_first(samples, baseline))
    return _placed(standings(ordered, direction, level=level), baseline)


def _as_moments(arms: ArmEstimates, index: int) -> Moments:
    """Moments of a sample of the same size whose mean has the estimate's value and error."""
    n, error = int(arms.n[index]), float(arms.squared_error[index])
    if int(arms.status[index]) != Status.OK or n < 2 or not np.isfinite(error * n * (n - 1)):
        return Moments(0, 0.0, 0.0)
    return Moments(n, float(arms.value[index]), error * n * (n - 1))


def _baseline_first(items: Sequence[T], baseline: int) -> list[T]:
    return [items[baseline], *items[:baseline], *items[baseline + 1 :]]


def _placed(items: Sequence[T], baseline: int) -> tuple[T, ...]:
    """The other way round."""
    first, *others = items
    return (*others[:baseline], first, *others[baseline:])
