"""From one metric's rows to what is needed to judge it: estimates over all units, over time and by slice."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.analysis.arms import Estimates, UnitTable, by_arm, by_place, estimates
from assay.analysis.experiment_results import Estimator, Histogram, MetricLabel
from assay.analysis.histograms import histogram
from assay.analysis.trends import Buckets, Course, course_of
from assay.stats.estimate import NotEstimable
from assay.stats.moments import Floats, Integers, JointMoments
from assay.stats.quantiles import Sample, quantile_estimates

# Slices by their number of units, largest first; what comes after these is left out.
MOST_SLICES = 20

NO_COURSE = NotEstimable("a percentile has no series")


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """The units with one value of an attribute."""

    value: str
    found: Estimates
    totals: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A metric in all arms before it is judged; `is_share` where a unit's value is 0 or 1."""

    label: MetricLabel
    found: Estimates
    totals: tuple[float, ...]
    is_share: bool
    course: Course | NotEstimable
    histogram: Histogram | NotEstimable
    slices: tuple[Slice, ...]


@dataclass(frozen=True, slots=True, eq=False)
class EventTable:
    """One row per event of an exposed unit, for percentiles: its value, and which unit it belongs to."""

    arm: Integers
    unit: Integers
    value: Floats
    slice: NDArray[np.object_] | None = None


@np.errstate(all="ignore")  # what overflows is no moment of any sample, and is refused as such
def measured_units(
    label: MetricLabel, table: UnitTable, arms: int, *, buckets: Buckets | None, is_share: bool
) -> Measured:
    """A metric of one number per unit. Raises `InvalidMomentsError` where the numbers can't be summed."""
    course: Course | NotEstimable = NotEstimable("no units")
    if buckets is not None and table.first_exposed_ms is not None:
        course = course_of(table, buckets, arms)
    moments = by_arm(table, arms) if isinstance(course, NotEstimable) else course.last
    return Measured(
        label=label,
        found=estimates(moments, label.estimator),
        totals=_sums(table.arm, table.value, arms),
        is_share=is_share,
        course=course,
        histogram=histogram(table.arm, table.value, arms),
        slices=_unit_slices(table, arms, label.estimator),
    )


@np.errstate(all="ignore")
def measured_events(label: MetricLabel, table: EventTable, arms: int, q: float) -> Measured:
    """A percentile of event values, the units as clusters."""
    return Measured(
        label=label,
        found=_quantiles(table, np.arange(len(table.value)), arms, q),
        totals=_sums(table.arm, table.value, arms),
        is_share=False,
        course=NO_COURSE,
        histogram=histogram(table.arm, table.value, arms),
        slices=_event_slices(table, arms, q),
    )


def _unit_slices(table: UnitTable, arms: int, estimator: Estimator) -> tuple[Slice, ...]:
    values, places = _largest(table.slice)
    if not values:
        return ()
    kept = np.flatnonzero(places < len(values))
    part = UnitTable(
        table.arm[kept],
        table.value[kept],
        None if table.denominator is None else table.denominator[kept],
        None if table.covariate is None else table.covariate[kept],
    )
    moments = by_place(part, places[kept], (len(values), arms))
    totals = _sums(places[kept] * arms + part.arm, part.value, len(values) * arms)
    return tuple(
        Slice(value, estimates(moments[index], estimator), totals[index * arms : (index + 1) * arms])
        for index, value in enumerate(values)
    )


def _event_slices(table: EventTable, arms: int, q: float) -> tuple[Slice, ...]:
    values, places = _largest(table.slice)
    found = []
    for index, value in enumerate(values):
        rows = np.flatnonzero(places == index)
        totals = _sums(table.arm[rows], table.value[rows], arms)
        found.append(Slice(value, _quantiles(table, rows, arms, q), totals))
    return tuple(found)


def _largest(slices: NDArray[np.object_] | None) -> tuple[list[str], Integers]:
    """The values of the largest slices, and for each row the position of its own; others lie beyond the list.

    A unit that no event told the attribute of (None) is in no slice.
    """
    if slices is None:
        return [], np.zeros(0, dtype=np.int64)
    told = np.array([value is not None for value in slices], dtype=bool)
    if not told.any():
        return [], np.zeros(0, dtype=np.int64)
    names, codes = np.unique(slices[told].astype(str), return_inverse=True)
    counts = np.bincount(codes)
    order = sorted(range(len(names)), key=lambda code: (-int(counts[code]), str(names[code])))
    position = np.empty(len(names), dtype=np.int64)
    position[order] = np.arange(len(names))
    places = np.full(len(slices), MOST_SLICES, dtype=np.int64)
    places[told] = np.minimum(position[codes], MOST_SLICES)
    return [str(names[code]) for code in order[:MOST_SLICES]], places


def _quantiles(table: EventTable, rows: NDArray[np.intp], arms: int, q: float) -> Estimates:
    samples, moments = [], []
    for arm in range(arms):
        own = rows[table.arm[rows] == arm]
        samples.append(Sample(table.value[own], table.unit[own]))
        moments.append(JointMoments.of(table.value[own]))
    return Estimates(JointMoments.stack(moments), quantile_estimates(samples, q), None)


def _sums(cells: Integers, values: Floats, count: int) -> tuple[float, ...]:
    with np.errstate(over="ignore"):
        return tuple(np.bincount(cells, weights=values, minlength=count).tolist())
