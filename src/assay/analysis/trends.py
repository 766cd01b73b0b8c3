"""The comparison over time: at each bucket's end, over the units first exposed until then.

Their values are those known now, so the last point is the result itself, and a point moves where late events
arrive. Units come one after the other into such a sequence, which is what the always-valid band rests on.
"""

from dataclasses import dataclass

import numpy as np

from assay.analysis.arms import UnitTable, estimates, so_far
from assay.analysis.comparisons import Design, intervals, pair_units, paired
from assay.analysis.experiment_results import IS_BASELINE, Estimator, Point, Trend
from assay.analysis.results import Estimated, MaybeInterval
from assay.analysis.windows import DAY_MS, HOUR_MS
from assay.stats.comparison import Comparison
from assay.stats.contrasts import ArmEstimates
from assay.stats.estimate import Status
from assay.stats.moments import Floats, Integers, JointMoments

# The first width that cuts the time into no more points than these.
MOST_POINTS = 120
WIDTHS = (
    ("hourly", HOUR_MS),
    ("six-hourly", 6 * HOUR_MS),
    ("daily", DAY_MS),
    ("weekly", 7 * DAY_MS),
    ("monthly", 30 * DAY_MS),
    ("yearly", 365 * DAY_MS),
)


@dataclass(frozen=True, slots=True)
class Buckets:
    """Buckets of time from the first exposure to the last: bucket i ends at (first + i + 1) · width_ms."""

    granularity: str
    width_ms: int
    first: int
    count: int

    def of(self, times: Integers) -> Integers:
        """The bucket that each time lies in."""
        return np.asarray(times // self.width_ms - self.first, dtype=np.int64)

    def end_ms(self, index: int) -> int:
        """Where a bucket ends."""
        return (self.first + index + 1) * self.width_ms


def buckets_of(first_ms: int, last_ms: int) -> Buckets:
    """Buckets no more than `MOST_POINTS`, so that whatever times clients claim, a trend stays short."""
    for word, width in WIDTHS:
        first, last = first_ms // width, last_ms // width
        if last - first < MOST_POINTS:
            return Buckets(word, width, first, last - first + 1)
    width = (last_ms - first_ms) // (MOST_POINTS - 1) + 1
    first = first_ms // width
    return Buckets("longer", width, first, last_ms // width - first + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Joint moments of shape (buckets, arms), each of all units until the bucket's end."""

    buckets: Buckets
    moments: JointMoments

    @property
    def last(self) -> JointMoments:
        """Of all units, of shape (arms,)."""
        return self.moments[-1]

    def previous_units(self, *, is_over: bool) -> Integers:
        """By arm, the units at the look before the last.

        Looks are taken at the buckets' ends, and when the iteration stops. A moment in between is a look at any
        moment, which follows no schedule: its look before is itself.
        """
        n = self.moments.n
        before: Integers = n[-1] if not is_over else n[-2] if len(n) > 1 else np.zeros_like(n[-1])
        return before


def course_of(table: UnitTable, buckets: Buckets, arms: int) -> Course:
    """The units of a table by bucket of first exposure."""
    assert table.first_exposed_ms is not None  # noqa: S101
    shape = (buckets.count, arms)
    return Course(buckets, so_far(table, buckets.of(table.first_exposed_ms), shape))


def trend_of(course: Course, estimator: Estimator, design: Design, alphas: Floats, *, is_over: bool) -> Trend:
    """The points of a course; `alphas` by treatment are those of the result."""
    found = estimates(course.moments, estimator)
    before = _units_before(course, is_over=is_over)
    own = dict(zip(design.treatments, alphas.tolist(), strict=True))
    columns = [
        _baseline(course.buckets.count)
        if arm == design.baseline
        else _column(
            paired(design, found.best, arm, alpha=own[arm], previous=pair_units(before, design, arm)),
            own[arm],
        )
        for arm in range(len(design.shares))
    ]
    points = tuple(
        Point(
            at_ms=course.buckets.end_ms(index),
            units=tuple(found.plain.n[index].tolist()),
            values=_values(found.plain, index),
            lifts=tuple(column.lifts[index] for column in columns),
            effects=tuple(column.effects[index] for column in columns),
            lift_bands=tuple(column.lift_bands[index] for column in columns),
            effect_bands=tuple(column.effect_bands[index] for column in columns),
        )
        for index in range(course.buckets.count)
    )
    return Trend(course.buckets.granularity, points)


def _units_before(course: Course, *, is_over: bool) -> Integers:
    n = course.moments.n
    before = np.concatenate([np.zeros_like(n[:1]), n[:-1]])
    before[-1] = course.previous_units(is_over=is_over)
    return before


@dataclass(frozen=True, slots=True)
class _Column:
    """One arm's cells at every point."""

    lifts: tuple[Estimated, ...]
    effects: tuple[Estimated, ...]
    lift_bands: tuple[MaybeInterval, ...]
    effect_bands: tuple[MaybeInterval, ...]


def _baseline(points: int) -> _Column:
    return _Column(*[(IS_BASELINE,) * points] * 4)


def _column(comparison: Comparison, alpha: float) -> _Column:
    statuses, level = comparison.status[:, 0].tolist(), 1 - alpha
    lift_statuses = comparison.sequential_lift_status[:, 0].tolist()
    lower, upper = comparison.sequential_lift_lower[:, 0], comparison.sequential_lift_upper[:, 0]
    return _Column(
        lifts=_cells(comparison.lift[:, 0], [status or Status.ZERO_BASELINE for status in statuses]),
        effects=_cells(comparison.effect[:, 0], statuses),
        lift_bands=intervals(lower, upper, lift_statuses, level),
        effect_bands=intervals(
            comparison.sequential_lower[:, 0], comparison.sequential_upper[:, 0], statuses, level
        ),
    )


def _cells(values: Floats, statuses: list[int]) -> tuple[Estimated, ...]:
    cells = zip(values.tolist(), statuses, strict=True)
    return tuple(value if np.isfinite(value) else Status(status).not_estimable() for value, status in cells)


def _values(arms: ArmEstimates, index: int) -> tuple[Estimated, ...]:
    none = (Status.NO_UNITS, Status.ZERO_DENOMINATOR)
    cells = zip(arms.value[index].tolist(), arms.status[index].tolist(), strict=True)
    return tuple(Status(status).not_estimable() if status in none else value for value, status in cells)
