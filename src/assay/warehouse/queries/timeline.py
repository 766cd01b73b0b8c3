"""The timeline: for each variation, bucket by bucket, who was exposed and what their values add up to."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.stats.moments import Moments
from assay.warehouse.engine import Columns, Engine, whole
from assay.warehouse.queries.exposures import exposure_timeline
from assay.warehouse.queries.metric_values import MetricScope, value_changes


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


def timeline(engine: Engine, wanted: MetricScope, buckets: range, bucket_ms: int) -> list[list[Slice]]:
    """A list of slices for each variation, one for each of `buckets`; sums are exactly rounded, so always the same."""
    exposed = _exposed(engine.columns(exposure_timeline(wanted.scope, bucket_ms)))
    cells, centre = _cells(engine.columns(value_changes(wanted, bucket_ms)))
    return [
        _slices(variation, buckets, exposed, cells, centre) for variation in range(wanted.scope.variations)
    ]


def _exposed(columns: Columns) -> dict[tuple[int, int], int]:
    rows = zip(columns["variation"], columns["bucket"], columns["units"], strict=True)
    return {(int(variation), int(bucket)): int(units) for variation, bucket, units in rows}


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
