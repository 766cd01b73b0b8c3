"""Percentiles of event values, exact from order statistics, with the units as clusters of events.

A unit's events resemble one another; treated as independent they make a median's interval hold a third less
often than it says. Errors therefore come from the share of each unit's events below the percentile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from assay.stats.contrasts import ArmEstimates
from assay.stats.estimate import Estimate, Interval, NotEstimable, Status
from assay.stats.moments import Floats, JointMoments
from assay.stats.ratio import ratio_estimates

# The percentile's error is read off the sample this many standard errors of rank to both sides.
REACH = 1.959963984540054


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A variation's event values, and for each the number of the unit it belongs to; None where each is a unit's own.

    Numbers count from 0, and may leave some out.
    """

    values: Floats
    units: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or not np.isfinite(self.values).all():
            raise ValueError("a sample is a flat array of finite numbers")
        if self.units is not None and self.units.shape != self.values.shape:
            raise ValueError("every value needs its unit")


def quantile(values: ArrayLike, q: float) -> float | NotEstimable:
    """The smallest value that at least a share `q` of the values doesn't exceed, in the values' unit.

    Source: Hyndman & Fan (1996), American Statistician 50:361–365, definition 1.
    """
    _check(q)
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    return _inverse(ordered, q) if len(ordered) else Status.NO_UNITS.not_estimable()


def quantile_interval(sample: Sample, q: float, level: float = 0.95) -> Interval | NotEstimable:
    """Interval of a percentile between two of the sample's values.

    Independent values: binomial ranks, exact for every distribution and at least `level`. Clustered: the
    normal approximation of the rank with the clusters' error, widened to whole ranks.
    Source: David & Nagaraja (2003), "Order Statistics", section 7.1; Deng, Knoblich & Lu (2018), section 4.
    """
    _check(q)
    ordered = np.sort(sample.values)
    tail = (1 - level) / 2
    ranks = _exact_ranks(len(ordered), q, tail) if sample.units is None else _outer_ranks(sample, q, tail)
    if isinstance(ranks, NotEstimable):
        return ranks
    lower, upper = ranks
    if lower < 1 or upper > len(ordered):
        return Status.SHORT_TAIL.not_estimable()
    return Interval(float(ordered[lower - 1]), float(ordered[upper - 1]), level)


def quantile_estimate(sample: Sample, q: float) -> Estimate | NotEstimable:
    """A percentile and its standard error, in the values' unit, with one degree of freedom less than units.

    The error is the distance between the values 1.96 standard errors of rank above and below, over 2 · 1.96:
    no density is estimated. Assumes independent units, and values on both sides that far out.
    Source: Deng, Knoblich & Lu (2018), KDD, section 4.2; Woodruff (1952), JASA 47:635–646.
    """
    _check(q)
    rank_error = _rank_error(sample, q)
    if isinstance(rank_error, NotEstimable):
        return rank_error
    reach = REACH * rank_error.standard_error
    if not (reach < q and reach < 1 - q):
        return Status.SHORT_TAIL.not_estimable()
    ordered = np.sort(sample.values)
    low, high = np.quantile(ordered, [q - reach, q + reach])
    if low == high:
        return Status.POINT_MASS.not_estimable()
    error = float(high - low) / (2 * REACH)
    return Estimate(_inverse(ordered, q), error, rank_error.degrees_of_freedom)


def quantile_estimates(samples: Sequence[Sample], q: float) -> ArmEstimates:
    """A percentile in each variation, as every other estimate; see `quantile_estimate` for the error."""
    estimates = [quantile_estimate(sample, q) for sample in samples]
    points = [quantile(sample.values, q) for sample in samples]
    known = [e if isinstance(e, Estimate) else Estimate(0.0, 0.0, 1.0) for e in estimates]
    return ArmEstimates.independent(
        np.array([_units(sample) for sample in samples], dtype=np.int64),
        np.array([0.0 if isinstance(point, NotEstimable) else point for point in points]),
        squared_error=np.array([e.standard_error**2 for e in known]),
        freedom=np.array([e.degrees_of_freedom for e in known]),
        status=np.array([_status(e) for e in estimates], dtype=np.int8),
    )


def _check(q: float) -> None:
    if not 0 < q < 1:
        raise ValueError(f"a percentile is given as a share between 0 and 1, not {q}")


def _units(sample: Sample) -> int:
    return len(sample.values) if sample.units is None else int(np.count_nonzero(np.bincount(sample.units)))


def _status(estimate: Estimate | NotEstimable) -> Status:
    if isinstance(estimate, Estimate):
        return Status.OK
    return next(status for status in Status if status.reason == estimate.reason)


def _inverse(ordered: Floats, q: float) -> float:
    # Rounding must not lift n·q over a whole rank: 10 · 0.7 is 7.000000000000001 in some orders.
    rank = ceil(len(ordered) * q * (1 - 1e-15))
    return float(ordered[max(rank, 1) - 1])


def _rank_error(sample: Sample, q: float) -> Estimate | NotEstimable:
    """The share of values at or below the percentile, with its error."""
    n = len(sample.values)
    if n < 2:
        return (Status.NO_UNITS if n == 0 else Status.FEWER_THAN_TWO_UNITS).not_estimable()
    if sample.units is None:
        return Estimate(q, sqrt(q * (1 - q) / n), float(n - 1))
    below = sample.values <= _inverse(np.sort(sample.values), q)
    events = np.bincount(sample.units)
    present = events > 0
    hits = np.bincount(sample.units, weights=below)[present]
    moments = JointMoments.of(hits, denominator=events[present].astype(np.float64))
    share = ratio_estimates(JointMoments.stack([moments]))
    status = Status(int(share.status[0]))
    if status != Status.OK:
        return status.not_estimable()
    return Estimate(q, sqrt(float(share.squared_error[0])), float(share.freedom[0]))


def _exact_ranks(n: int, q: float, tail: float) -> tuple[int, int] | NotEstimable:
    """The narrowest symmetric-tailed ranks with at most `tail` probability beyond each."""
    if n == 0:
        return Status.NO_UNITS.not_estimable()
    # Twelve standard errors to both sides hold every tail in use; of many millions the rest would cost.
    reach = ceil(12 * sqrt(n * q * (1 - q))) + 12
    ranks = np.arange(max(floor(n * q) - reach, 0), min(floor(n * q) + reach, n))
    below = special.bdtr(ranks, n, q)
    lower = int(np.searchsorted(below, tail, side="right"))
    upper = int(np.searchsorted(below, 1 - tail, side="left")) + 1
    return int(ranks[0]) + lower, int(ranks[0]) + upper


def _outer_ranks(sample: Sample, q: float, tail: float) -> tuple[int, int] | NotEstimable:
    error = _rank_error(sample, q)
    if isinstance(error, NotEstimable):
        return error
    n, reach = len(sample.values), -float(special.ndtri(tail)) * error.standard_error
    return floor(n * (q - reach)), ceil(n * (q + reach) + 1)
