"""The timeline's moments are those of the values themselves, also where digits are easily lost."""

import random
import statistics
from fractions import Fraction

import pytest

from assay.experiments.metric import Metric
from assay.warehouse.queries.exposed_units import OWN_EVENTS, exposed_units, keep_events
from assay.warehouse.queries.exposures import ExposureScope
from assay.warehouse.queries.timeline import Slice, timeline
from live import exposure, tracked
from warehouse.tables import RECEIVED_MS, Tables, lines

SCOPE = ExposureScope("env", "flag", "user", 2, 0, RECEIVED_MS, 0)
SUM = Metric("id", "metric", "Metric", "custom", 0, event_key="metric", is_numeric=True).measure


def sums(tables: Tables, buckets: int) -> list[list[Slice]]:
    """With ten milliseconds to a bucket."""
    with tables.engine.snapshot() as snapshot:
        exposed = exposed_units(snapshot, SCOPE)
        keep_events(exposed, SUM, OWN_EVENTS)
        return timeline(exposed, SUM, range(buckets), 10)


def slices(tables: Tables, values: dict[str, list[tuple[int, float]]], buckets: int = 4) -> list[Slice]:
    """Of one variation; every unit is exposed at 0."""
    events = [exposure(unit, 0, 0) for unit in values]
    events += [tracked(unit, at, metricValue=one) for unit, own in values.items() for at, one in own]
    tables.load(lines(events, 1))
    found, other = sums(tables, buckets)
    assert all(piece.exposed == 0 and piece.so_far.n == 0 for piece in other)
    return found


def test_no_buckets_are_no_slices(tables: Tables) -> None:
    assert sums(tables, 0) == [[], []]


@pytest.mark.parametrize("offset", [0.0, 1e6, 1e9, -1e12])
def test_the_variance_keeps_its_digits_under_a_large_offset(tables: Tables, offset: float) -> None:
    chance = random.Random(1)
    numbers = [offset + chance.randrange(1_000) for _ in range(200)]
    last = slices(tables, {f"u{n}": [(1, one)] for n, one in enumerate(numbers)})[-1]
    assert last.so_far.mean == pytest.approx(statistics.fmean(numbers), rel=1e-12)
    assert last.so_far.variance == pytest.approx(float(statistics.variance(map(Fraction, numbers))), rel=1e-6)


def test_sums_are_exact_where_plain_addition_is_not(tables: Tables) -> None:
    found = slices(tables, {f"u{n}": [(1, one)] for n, one in enumerate([1e16, 1.0, -1e16, 1.0] * 5)})
    assert found[-1].total == 10.0


def test_a_value_that_moves_leaves_no_trace_of_where_it_was(tables: Tables) -> None:
    moved = slices(tables, {"a": [(1, 1e6), (11, -1e6), (21, 2.0)], "b": [(1, 4.0)]})
    assert [(piece.total, piece.change) for piece in moved] == [
        (1_000_004.0, 1_000_004.0),
        (4.0, -1e6),
        (6.0, 2.0),
        (6.0, 0.0),
    ]
    assert moved[-1].so_far.mean == 3.0
    assert moved[-1].so_far.squares == pytest.approx(2.0, abs=1e-3)


def test_a_unit_stands_in_the_bucket_of_its_first_exposure(tables: Tables) -> None:
    tables.load(
        lines([exposure("a", 0, 25), exposure("a", 0, 9), exposure("b", 0, 10), exposure("c", 1, 29)], 1)
    )
    assert [[piece.exposed for piece in own] for own in sums(tables, 4)] == [[1, 2, 2, 2], [0, 0, 1, 1]]


def test_units_without_a_value_count_as_zero(tables: Tables) -> None:
    last = slices(tables, {"a": [(1, 6.0)], "b": [], "c": []})[-1]
    assert (last.exposed, last.so_far.n, last.so_far.mean) == (3, 3, 2.0)
    assert last.so_far.variance == pytest.approx(12.0)


def test_equal_values_have_no_variance_at_all(tables: Tables) -> None:
    last = slices(tables, {f"u{n}": [(1, 0.1)] for n in range(50)})[-1]
    assert last.so_far.squares == pytest.approx(0.0, abs=1e-15)


def test_growth_within_a_bucket_is_of_all_units_exposed_by_its_end(tables: Tables) -> None:
    found = slices(tables, {"a": [(1, 1.0), (12, 5.0)], "b": []})
    assert [(piece.within.n, piece.within.mean, piece.events) for piece in found[:3]] == [
        (2, 0.5, 1),
        (2, 2.5, 1),
        (2, 0.0, 0),
    ]
