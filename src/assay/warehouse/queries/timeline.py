"""The timeline: for each variation, bucket by bucket, who was exposed and what their values add up to."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.experiments.metric import Measure
from assay.stats.moments import Moments
from assay.warehouse.engine import Columns, whole
from assay.warehouse.queries.exposed_units import ExposedUnits
from assay.warehouse.queries.metric_values import value_changes


@dataclass(frozen=True, slots=True)
class Slice:
    """One bucket of one variation. `events`: conversions or events in it; `change`: growth of the values in it.

    `total`: the sum of the values at its end; `so_far`: the moments of the values of all units exposed by its
    end; `within`: those of the growth.
    """

    events: int
    change: float
    total: float
    exposed: int
    so_far: Moments
    within: Moments


@dataclass(frozen=True, slots=True)
class _Cell:
    """The sums of one bucket: over units whose value changed in it, and over those that had none before."""

    events: int
    entered: int
    change: float
    change_squares: float
    shifted_squares: float


_NOTHING = _Cell(0, 0, 0.0, 0.0, 0.0)


def timeline(units: ExposedUnits, measure: Measure, buckets: range, bucket_ms: int) -> list[list[Slice]]:
    """A list of slices for each variation, one for each of `buckets`; sums are exactly rounded, so always the same.

    The snapshot keeps the measure's events as `OWN_EVENTS`.
    """
    exposed = _exposed(units, bucket_ms)
    cells, centre = _cells(units.snapshot.columns(value_changes(measure, bucket_ms)))
    return [
        _slices(variation, buckets, exposed, cells, centre) for variation in range(units.scope.variations)
    ]


def _exposed(units: ExposedUnits, bucket_ms: int) -> dict[tuple[int, int], int]:
    """How many units were first exposed, by variation and bucket."""
    bucket = units.first_exposed_ms // bucket_ms
    if not len(bucket):
        return {}
    first, width = int(bucket.min()), int(np.ptp(bucket)) + 1
    counts = np.bincount(units.variation * width + bucket - first)
    places = np.flatnonzero(counts)
    return {
        (place // width, place % width + first): count
        for place, count in zip(places.tolist(), counts[places].tolist(), strict=True)
    }


def _cells(columns: Columns) -> tuple[dict[tuple[int, int], _Cell], float]:
    """The sums of each (variation, bucket), and the centre that the shifted squares are taken about."""
    value, previous = _filled(columns["value"]), columns["previous"]
    entered = np.ma.getmaskarray(previous) | np.isnan(_filled(previous))
    before = np.where(entered, 0.0, _filled(previous))
    change = value - before
    centre = math.fsum(change.tolist()) / max(1, int(entered.sum()))
    # A value that moves from b to v moves Σ(value − centre)² by (v − b)(v + b − 2 centre).
    shifted = np.where(entered, (value - centre) ** 2, change * (value + before - 2 * centre))
    variation, bucket = whole(columns["variation"]), whole(columns["bucket"])
    events = whole(columns["events"])
    cells = {}
    for rows in _runs(variation, bucket):
        cells[int(variation[rows[0]]), int(bucket[rows[0]])] = _Cell(
            events=int(events[rows].sum()),
            entered=int(entered[rows].sum()),
            change=math.fsum(change[rows].tolist()),
            change_squares=math.fsum((change[rows] ** 2).tolist()),
            shifted_squares=math.fsum(shifted[rows].tolist()),
        )
    return cells, centre


def _runs(variation: NDArray[np.int64], bucket: NDArray[np.int64]) -> list[NDArray[np.intp]]:
    """The row numbers of each (variation, bucket) that has any."""
    order = np.lexsort((bucket, variation))
    moved = (np.diff(variation[order]) != 0) | (np.diff(bucket[order]) != 0)
    return [rows for rows in np.split(order, np.flatnonzero(moved) + 1) if len(rows)]


def _filled(column: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.ma.filled(np.ma.asarray(column, dtype=np.float64), np.nan)


def _slices(
    variation: int,
    buckets: range,
    exposed: dict[tuple[int, int], int],
    cells: dict[tuple[int, int], _Cell],
    centre: float,
) -> list[Slice]:
    slices: list[Slice] = []
    units = valued = 0
    squares = 0.0
    own = [cells.get((variation, bucket), _NOTHING) for bucket in buckets]
    for index, (bucket, cell) in enumerate(zip(buckets, own, strict=True)):
        units += exposed.get((variation, bucket), 0)
        valued += cell.entered
        total = math.fsum(earlier.change for earlier in own[: index + 1])
        squares += cell.shifted_squares
        so_far = _about(valued, total, squares, centre) + Moments(units - valued, 0.0, 0.0)
        within = _about(units, cell.change, cell.change_squares, 0.0)
        slices.append(Slice(cell.events, cell.change, total, units, so_far, within))
    return slices


def _about(n: int, total: float, squares: float, centre: float) -> Moments:
    """Moments from a sum and from squares about `centre`, which lies near the mean."""
    if n == 0:
        return Moments(0, 0.0, 0.0)
    mean = total / n
    return Moments(n, mean, max(0.0, squares - n * (mean - centre) ** 2))
