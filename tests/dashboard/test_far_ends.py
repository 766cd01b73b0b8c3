"""Numbers, figures and words at their far ends: nothing, hardly anything, far too much."""

import math
import re

import msgspec
import pytest

from assay.dashboard.figures import (
    Line,
    axis_figure,
    common_axis,
    histogram_figure,
    interval_figure,
    nice_ticks,
    trend_figure,
)
from assay.dashboard.forms import Form, parsed_json, read_form
from assay.dashboard.numbers import chance, p_value, percent, plain, signed, signed_percent, whole
from assay.dashboard.rendering import counted, moment
from assay.dashboard.words import rollout_words, served_words, value_text, variation_label
from assay.errors import InvalidRequest
from assay.flags.model import Rollout
from dashboard.test_targeting import flag_with

FAR = [0.0, -0.0, 5e-324, -1e-300, 1e-7, 0.5, 1.0, 999_999.6, 1e15, -1e15, 1e300, -1.7e308]
NO_FIGURE = re.compile(r"\b(nan|inf|None)\b")


@pytest.mark.parametrize("value", [*FAR, math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("words", [plain, percent, signed, signed_percent])
def test_a_figure_is_short_and_never_a_word_of_python(words: object, value: float) -> None:
    assert callable(words)
    text = words(value)
    assert NO_FIGURE.search(text) is None
    assert 0 < len(text) < 30
    assert "-" not in text
    assert not text.startswith(("+0\u202f", "−0\u202f", "+beyond"))


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.4, "0"), (0.5, "0"), (1.5, "2"), (-1_234.6, "−1\u202f235"), (1e6, "1\u202f000\u202f000")],
)
def test_whole_numbers_have_no_minus_without_a_number(value: float, text: str) -> None:
    assert whole(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "< 0.0001"), (0.0001, "0.0001"), (0.09999, "0.1000"), (0.1, "0.10"), (1.0, "1.00")],
)
def test_p_values_have_as_many_digits_as_count(value: float, text: str) -> None:
    assert p_value(value) == text


@pytest.mark.parametrize("value", [0.0, 1e-300, 0.9999, 1.0])
def test_no_chance_is_certain(value: float) -> None:
    assert chance(value)[0] in "<>"


@pytest.mark.parametrize(("value", "text"), [(0.001, "0.1\u202f%"), (0.999, "99.9\u202f%")])
def test_chances_beside_the_ends_are_figures(value: float, text: str) -> None:
    assert chance(value) == text


def test_one_is_one_and_others_are_many() -> None:
    assert counted(1, "unit") == "1 unit"
    assert counted(0, "unit") == "0 units"
    assert counted(2, "query", "queries") == "2 queries"


@pytest.mark.parametrize("at", [10**18, -(10**18), 253_402_300_800_000])
def test_a_moment_beyond_the_calendar_is_at_no_time(at: int) -> None:
    assert "at no time" in moment(at)


def test_the_first_moment_is_one_and_none_is_never() -> None:
    assert "1970-01-01 00:00" in moment(0)
    assert "never" in moment(None)


INTERVALS = [
    [],
    [(0.0, 0.0)],
    [(-math.inf, math.inf)],
    [(-1e308, 1.7e308)],
    [(1e300, 1.7e308), (0.1, 0.2)],
    [(1e-300, 1e-299)],
    [(0.5, 0.5)] * 6,
    [(-1e99, 1e99)],
    [(-1.0, -0.9)],
]


@pytest.mark.parametrize("intervals", INTERVALS, ids=str)
def test_a_scale_shows_zero_and_every_interval_lies_on_it(intervals: list[tuple[float, float]]) -> None:
    axis = common_axis(intervals)
    assert axis.low <= 0 <= axis.high
    assert math.isfinite(axis.low)
    assert math.isfinite(axis.high)
    assert 2 <= len(axis.ticks) < 20
    drawn = [axis_figure(axis), *(interval_figure(axis, one, one[0], "quiet", "t") for one in intervals)]
    for figure in drawn:
        assert NO_FIGURE.search(figure) is None
        places = [float(found) for found in re.findall(r' (?:x|cx)="([^"]+)"', figure)]
        assert all(0 <= place <= axis.width for place in places)


def test_an_interval_without_end_is_drawn_cut_off_on_both_sides() -> None:
    axis = common_axis([(-0.1, 0.1)])
    assert interval_figure(axis, (-math.inf, math.inf), None, "quiet", "t").count('class="more"') == 2
    assert interval_figure(axis, (-0.1, 0.1), 0.0, "quiet", "t").count('class="more"') == 0
    assert "bar" not in interval_figure(axis, None, None, "quiet", "t")


def test_what_a_figure_is_called_is_text() -> None:
    figure = interval_figure(common_axis([]), None, None, "good", "</title><script>")
    assert "<script>" not in figure
    assert "&lt;script&gt;" in figure


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (-1e90, 1e90), (0.3, 0.30001)])
def test_ticks_cover_what_they_are_for(low: float, high: float) -> None:
    ticks = nice_ticks(low, high, 4)
    assert ticks[0] <= low + 1e-9
    assert ticks[-1] >= high * (1 - 1e-9)
    assert list(ticks) == sorted(ticks)


@pytest.mark.parametrize(
    "line",
    [
        Line(0, "<b>", (None, None), (None, None)),
        Line(7, "flat", (0.0, 0.0), ((0.0, 0.0), (0.0, 0.0))),
        Line(1, "late", (None, 0.1), (None, (-0.5, 0.7))),
    ],
)
def test_a_trend_is_drawn_from_whatever_is_known(line: Line) -> None:
    figure = trend_figure([0, 3_600_000], [line], "Lift")
    assert NO_FIGURE.search(figure) is None
    assert "<b>" not in figure


@pytest.mark.parametrize(
    ("edges", "counts"), [([0.0, 1.0], [[0], [0]]), ([0.0, 0.0], [[5]]), ([0.0, 1.0, 2.0], [[1, 2]])]
)
def test_a_histogram_of_nothing_is_drawn_flat(edges: list[float], counts: list[list[int]]) -> None:
    figure = histogram_figure(edges, counts, "Values")
    assert NO_FIGURE.search(figure) is None
    assert figure.count('class="step ') == len(counts)


def test_words_of_a_variation_that_is_gone_and_of_a_long_value() -> None:
    flag = flag_with()
    assert variation_label(flag, None) == variation_label(flag, 99) == "the caller's default"
    assert value_text("x" * 100).endswith("…")
    assert len(value_text({"a": "🎉" * 100})) == 60
    assert served_words(flag, flag.environments["production"]) == "a"


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([100_000], "100 % a"),
        ([50_000, 50_000], "50 % a / 50 % b"),
        ([33_333, 33_333, 33_334], "a / b / c, evenly"),
        ([0, 99_999, 1], "99.999 % b / 0.001 % c"),
    ],
)
def test_a_rollout_says_its_shares(weights: list[int], words: str) -> None:
    entries = [{"variation": n, "weight": weight} for n, weight in enumerate(weights)]
    rollout = msgspec.convert({"variations": entries, "contextKind": "org", "bucketBy": "city"}, Rollout)
    assert rollout_words(flag_with(), rollout) == f"{words} of orgs by city"


@pytest.mark.parametrize(
    "text", ["", "NaN", "-Infinity", "1e999", '"\\ud800"', "[" * 50_000, '{"a":' * 5_000, "01", "{}x"]
)
def test_what_is_no_json_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidRequest, match="the policy is no JSON"):
        parsed_json(text, "the policy")


def test_a_form_takes_what_is_typed_twice_and_what_is_typed_oddly() -> None:
    form = read_form(b"tags=a,%20b%0A%0Aa&name=%20x%20&name=y&share=%2012,5%20%25&row.0.a=1&row..a=2")
    assert form.words("tags") == ["a", "b"]
    assert form.text("name") == "y"
    assert form.percent("share") == "12.5"
    assert [row.text("a") for row in form.numbered("row")] == ["1"]
    assert Form().lines("none") == []
