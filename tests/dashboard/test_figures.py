"""Figures show what they are given, on one scale, and can't be broken by what stands in them."""

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.dashboard.figures import (
    Line,
    axis_figure,
    common_axis,
    histogram_figure,
    interval_figure,
    nice_ticks,
    trend_figure,
)

numbers = st.floats(-1e6, 1e6, allow_nan=False)


def attributes(figure: str, kind: str) -> list[dict[str, str]]:
    return [item.attrib for item in ElementTree.fromstring(figure).iter() if item.attrib.get("class") == kind]


def test_zero_lies_on_every_scale_and_intervals_lie_in_order_on_it() -> None:
    axis = common_axis([(0.02, 0.08), (0.1, 0.4)])
    assert axis.low <= 0 <= 0.4 <= axis.high
    assert axis.at(0.0) < axis.at(0.02) < axis.at(0.08) < axis.at(0.4)


def test_an_extremely_wide_interval_is_cut_off_with_an_arrow() -> None:
    axis = common_axis([(-0.02, 0.03), (-0.01, 0.04), (-50.0, 90.0)])
    assert axis.high < 1
    figure = interval_figure(axis, (-50.0, 90.0), 0.1, "quiet", "wide")
    assert len(attributes(figure, "more")) == 2
    assert attributes(interval_figure(axis, (-0.02, 0.03), 0.0, "quiet", "narrow"), "more") == []


def test_the_bar_spans_the_interval_and_the_point_lies_at_the_lift() -> None:
    axis = common_axis([(-0.1, 0.1)])
    figure = interval_figure(axis, (-0.05, 0.05), 0.01, "good", "title")
    (bar,) = attributes(figure, "bar")
    assert float(bar["x"]) == axis.at(-0.05)
    assert float(bar["x"]) + float(bar["width"]) == pytest.approx(axis.at(0.05))
    (point,) = attributes(figure, "point")
    assert float(point["cx"]) == axis.at(0.01)


def test_without_an_interval_only_the_scale_is_drawn() -> None:
    figure = interval_figure(common_axis([]), None, None, "quiet", "nothing yet")
    assert attributes(figure, "bar") == attributes(figure, "point") == []
    assert attributes(figure, "zero") != []


def test_hostile_titles_stay_text() -> None:
    figure = interval_figure(common_axis([]), None, None, "quiet", '"><script>alert(1)</script>')
    assert "<script" not in figure
    assert ElementTree.fromstring(figure).attrib["aria-label"] == '"><script>alert(1)</script>'


@given(numbers, st.floats(1e-9, 1e6), st.integers(1, 12))
def test_ticks_cover_the_range_in_even_steps(low: float, width: float, about: int) -> None:
    ticks = nice_ticks(low, low + width, about)
    assert len(ticks) <= 3 * about + 3
    if len(ticks) > 1 and width > 1e-6 * abs(low):
        assert ticks[0] <= low + 1e-6 * width + 1e-9
        assert ticks[-1] >= low + width - 1e-6 * width - 1e-9


@given(st.lists(st.tuples(numbers, numbers).map(lambda pair: (min(pair), max(pair))), max_size=12))
def test_any_intervals_make_a_drawable_scale(intervals: list[tuple[float, float]]) -> None:
    axis = common_axis(intervals)
    for bounds in intervals:
        text = str(interval_figure(axis, bounds, sum(bounds) / 2, "quiet", "any")) + str(axis_figure(axis))
        assert not re.search(r"\b(nan|inf)\b", text)
        assert all(0 <= axis.at(bound) <= axis.width for bound in bounds)


def test_a_trend_draws_a_line_and_a_band_for_each_treatment_that_has_them() -> None:
    days = [86_400_000 * day for day in range(10)]
    known = Line(
        1, "new", tuple(0.01 * day for day in range(10)), tuple((-1.0 / (day + 1), 0.3) for day in range(10))
    )
    unknown = Line(2, "none", (None,) * 10, (None,) * 10)
    figure = trend_figure(days, [known, unknown], "Lift by day")
    assert len(attributes(figure, "line v1")) == len(attributes(figure, "band v1")) == 1
    assert attributes(figure, "line v2") == []
    assert ">1 Jan<" in figure


def test_early_bands_do_not_set_the_scale() -> None:
    bands = ((-40.0, 40.0), *(((-0.05, 0.06),) * 9))
    figure = trend_figure([day * 86_400_000 for day in range(10)], [Line(0, "a", (0.0,) * 10, bands)], "t")
    labels = re.findall(r'class="y"[^>]*>([^<]*)<', figure)
    assert all(abs(float(re.sub(r"[^0-9.]", "", label) or 0)) <= 10 for label in labels)


def test_a_histogram_draws_shares_of_each_arm() -> None:
    figure = histogram_figure([0, 1, 2], [[30, 10], [1, 3]], "Values")
    first, second = (attributes(figure, f"step v{number}")[0]["d"] for number in (0, 1))
    heights = [float(height) for height in re.findall(r"V([0-9.]+)H", first + second)]
    assert heights[0] == heights[3] < heights[1] == heights[2]
    assert math.isfinite(sum(heights))
