"""Buckets of time and bins of values: short at every extreme, and no unit lost or counted twice."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analysis.iterations import START
from assay.analysis.arms import UnitTable
from assay.analysis.experiment_results import Histogram
from assay.analysis.histograms import BINS, MOST_SINGLE_VALUES, histogram
from assay.analysis.trends import MOST_POINTS, Course, buckets_of, course_of
from assay.analysis.windows import DAY_MS, HOUR_MS
from assay.stats.estimate import NotEstimable

FAR = 2**53
TIMES = st.integers(-FAR, FAR)
VALUES = st.lists(st.floats(-1e150, 1e150), min_size=1, max_size=80)


@given(TIMES, TIMES, st.lists(st.floats(0, 1), max_size=10))
@example(-FAR, FAR, [0.5])
@example(START, START, [])
@example(0, (MOST_POINTS - 1) * 365 * DAY_MS, [1.0])
def test_every_time_lies_in_one_of_few_buckets_whatever_clocks_claim(
    one: int, other: int, between: list[float]
) -> None:
    first, last = min(one, other), max(one, other)
    buckets = buckets_of(first, last)
    times = [first, last, *(min(last, first + int((last - first) * part)) for part in between)]
    places = buckets.of(np.array(times)).tolist()
    assert 1 <= buckets.count <= MOST_POINTS
    assert (places[0], places[1]) == (0, buckets.count - 1)
    for time, place in zip(times, places, strict=True):
        assert buckets.end_ms(place) - buckets.width_ms <= time < buckets.end_ms(place)


@pytest.mark.parametrize(
    ("span_ms", "granularity", "count"),
    [
        (0, "hourly", 1),
        (119 * HOUR_MS, "hourly", 120),
        (120 * HOUR_MS, "six-hourly", 21),
        (30 * DAY_MS - 1, "six-hourly", 120),
        (30 * DAY_MS, "daily", 31),
        (120 * DAY_MS, "weekly", 18),
        (120 * 365 * DAY_MS, "longer", 119),
    ],
)
def test_the_first_width_that_is_short_enough_cuts_the_time(
    span_ms: int, granularity: str, count: int
) -> None:
    buckets = buckets_of(0, span_ms)
    assert (buckets.granularity, buckets.count) == (granularity, count)


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 2), st.integers(-9, 9)), min_size=1, max_size=60)
)
def test_each_point_of_a_course_has_the_units_until_then_and_the_last_has_all(
    units: list[tuple[int, int, int]],
) -> None:
    hours, arms, values = (np.array(column) for column in zip(*units, strict=True))
    times = START + hours * HOUR_MS
    buckets = buckets_of(int(times.min()), int(times.max()))
    course = course_of(UnitTable(arms, values.astype(float), first_exposed_ms=times), buckets, 3)
    for index in range(buckets.count):
        for arm in range(3):
            own = [
                v
                for t, a, v in zip(times, arms, values, strict=True)
                if a == arm and t < buckets.end_ms(index)
            ]
            assert course.moments.n[index, arm] == len(own)
            assert course.moments.mean[index, arm, 0] == pytest.approx(sum(own) / max(1, len(own)), abs=1e-12)


def counted(*hours: int) -> Course:
    times = START + np.array(hours) * HOUR_MS
    buckets = buckets_of(int(times.min()), int(times.max()))
    return course_of(
        UnitTable(np.zeros(len(hours), dtype=int), times * 1.0, first_exposed_ms=times), buckets, 1
    )


def test_the_look_before_the_last_is_known_only_once_it_is_over() -> None:
    course = counted(0, 0, 1, 2, 2, 2)
    assert course.previous_units(is_over=True).tolist() == [3]
    assert course.previous_units(is_over=False).tolist() == [6]
    assert counted(0, 0).previous_units(is_over=True).tolist() == [0]


def bins(arms: list[int], values: list[float], count: int = 2) -> Histogram:
    found = histogram(np.array(arms), np.array(values), count)
    assert isinstance(found, Histogram)
    return found


@given(VALUES, st.data())
def test_a_histogram_has_every_unit_once_in_the_bin_that_holds_its_value(
    values: list[float], data: st.DataObject
) -> None:
    arms = data.draw(st.lists(st.integers(0, 1), min_size=len(values), max_size=len(values)))
    found = bins(arms, values)
    edges = found.edges
    assert list(edges) == sorted(edges)
    assert len(edges) - 1 == len(found.counts[0]) <= BINS + 2
    for arm in (0, 1):
        own = [value for value, place in zip(values, arms, strict=True) if place == arm]
        assert sum(found.counts[arm]) == len(own)
        for index, count in enumerate(found.counts[arm][:-1]):
            assert count == sum(edges[index] <= value < edges[index + 1] for value in own)


def test_few_values_have_a_bin_each_and_many_share_bins_of_one_width() -> None:
    few = bins([0, 0, 1, 1, 1], [0.0, 2.0, 2.0, 5.0, -0.0])
    assert few.counts == ((1, 1, 0), (1, 1, 1))
    assert len(bins([0] * 12, [float(i) for i in range(MOST_SINGLE_VALUES)]).counts[0]) == MOST_SINGLE_VALUES
    many = bins([0] * 1000, [float(i) for i in range(1000)])
    widths = np.diff(many.edges[1:-1])
    assert widths == pytest.approx(np.full(BINS, widths[0]))
    assert sum(many.counts[0]) == 1000


def test_a_far_value_lies_in_the_last_bin_and_widens_no_other() -> None:
    found = bins([0] * 1000 + [1], [float(i) for i in range(1000)] + [1e9])
    assert found.edges[-1] == 1e9
    assert found.edges[-2] < 1000
    assert found.counts[1][-1] == 1


def test_without_units_or_with_values_too_far_apart_there_is_a_reason() -> None:
    assert isinstance(histogram(np.array([], dtype=int), np.array([]), 2), NotEstimable)
    far = np.linspace(-1, 1, 40) * 1.7e308
    assert isinstance(histogram(np.zeros(40, dtype=int), far, 1), NotEstimable)
