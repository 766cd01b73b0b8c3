"""Figures as SVG, drawn here: they need no script, print well, and say in words what they show.

Colours come from classes in the style sheet. Whatever stands in a figure stands in a table too; a figure's
`title` is its text for whoever can't see it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeGuard

from markupsafe import Markup, escape

from assay.dashboard.numbers import percent, plain, signed_percent

Bounds = tuple[float, float]

# An interval this many times wider than the middle one is drawn cut off, so that the others can be seen.
WIDEST = 3.5

# No scale reaches so far: its ticks would overflow.
BEYOND = 1e100
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Axis:
    """A common scale of figures from `low` to `high`, drawn `width` wide, with marks at `ticks`."""

    low: float
    high: float
    ticks: tuple[float, ...]
    width: int = 284
    margin: int = 12

    def at(self, value: float) -> float:
        """Where a value lies, at an end where it is beyond."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.margin + share * (self.width - 2 * self.margin), 1)


def common_axis(intervals: Sequence[Bounds], *, width: int = 284) -> Axis:
    """A scale with 0 on it that shows the intervals, but for ends of extremely wide ones."""
    finite = [one for one in intervals if all(abs(bound) < BEYOND for bound in one)]
    reaches = sorted(max(abs(low), abs(high)) for low, high in finite)
    most = WIDEST * reaches[len(reaches) // 2] if reaches else 0.0
    low = min([-0.01, *(max(low, -most) for low, _ in finite)])
    high = max([0.01, *(min(high, most) for _, high in finite)])
    ticks = nice_ticks(low, high, 4)
    return Axis(min(low, ticks[0]), max(high, ticks[-1]), ticks, width)


def nice_ticks(low: float, high: float, about: int) -> tuple[float, ...]:
    """Round numbers that cover `low` to `high`, some `about` of them."""
    rough = (high - low) / max(1, about)
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(number * step, 12) for number in range(first, last + 1))


def axis_figure(axis: Axis) -> Markup:
    """The scale itself, for the head of a column of intervals."""
    marks = [
        Markup('<text x="{}" y="12">{}</text>').format(axis.at(tick), _tick_label(tick, axis.ticks))
        for tick in _labelled(axis)
    ]
    return _svg("scale", axis.width, 16, "The scale of lift", Markup("").join(marks))


def interval_figure(
    axis: Axis, interval: Bounds | None, point: float | None, tone: str, title: str
) -> Markup:
    """One interval with its point on the common scale; `tone` is good, bad or quiet."""
    middle, height = 14, 28
    parts = [_vertical(axis.at(tick), height, "grid") for tick in axis.ticks]
    parts.append(_vertical(axis.at(0.0), height, "zero"))
    if interval is not None:
        left, right = axis.at(interval[0]), axis.at(interval[1])
        parts.append(
            Markup('<rect class="bar" x="{}" y="{}" width="{}" height="8" rx="4"/>').format(
                left, middle - 4, round(max(2.0, right - left), 1)
            )
        )
        if interval[0] < axis.low:
            parts.append(Markup('<path class="more" d="M{} 14l6-5v10z"/>').format(round(left - 9, 1)))
        if interval[1] > axis.high:
            parts.append(Markup('<path class="more" d="M{} 14l-6-5v10z"/>').format(round(right + 9, 1)))
    if point is not None and axis.low <= point <= axis.high:
        parts.append(Markup('<circle class="point" cx="{}" cy="{}" r="4.5"/>').format(axis.at(point), middle))
    return _svg(f"interval {tone}", axis.width, height, title, Markup("").join(parts))


@dataclass(frozen=True, slots=True)
class Line:
    """A treatment over time: its colour's number, and at each time the point and the band, where they are known."""

    colour: int
    name: str
    points: tuple[float | None, ...]
    bands: tuple[Bounds | None, ...]


WIDE, TALL = 760, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 12, 28


def trend_figure(times_ms: Sequence[int], lines: Sequence[Line], title: str) -> Markup:
    """Lift over time with its always-valid bands; early bands wider than the picture are cut off at its edge."""
    low, high = _shown_range(lines)
    ticks = nice_ticks(low, high, 5)
    scale = _Scale(times_ms, min(low, ticks[0]), max(high, ticks[-1]))
    parts = [_horizontal(scale.y(tick), "zero" if tick == 0 else "grid") for tick in ticks]
    parts += [
        Markup('<text class="y" x="{}" y="{}">{}</text>').format(
            LEFT - 8, round(scale.y(tick) + 4, 1), _tick_label(tick, ticks)
        )
        for tick in ticks
    ]
    parts += [
        Markup('<text class="x" x="{}" y="{}">{}</text>').format(
            scale.x(at_ms), TALL - 8, _day(at_ms, times_ms)
        )
        for at_ms in _some(times_ms, 7)
    ]
    parts += [_band(scale, times_ms, line) for line in lines]
    parts += [_stroke(scale, times_ms, line) for line in lines]
    return _svg("trend", WIDE, TALL, title, Markup("").join(parts))


def histogram_figure(edges: Sequence[float], counts: Sequence[Sequence[int]], title: str) -> Markup:
    """The share of each arm's units by bin, as outlines over one another."""
    shares = [[count / max(1, sum(own)) for count in own] for own in counts]
    most = max([0.0001, *(share for own in shares for share in own)])
    ticks = nice_ticks(0.0, most, 4)
    bottom, top = TALL - BOTTOM, ticks[-1]
    across = (WIDE - LEFT - RIGHT) / max(1, len(edges) - 1)

    def up(share: float) -> float:
        return round(bottom - share / top * (bottom - TOP), 1)

    parts = [_horizontal(up(tick), "zero" if tick == 0 else "grid") for tick in ticks]
    parts += [
        Markup('<text class="y" x="{}" y="{}">{}</text>').format(
            LEFT - 8, round(up(tick) + 4, 1), percent(tick)
        )
        for tick in ticks
    ]
    for number in _some(range(len(edges)), 8):
        where = round(LEFT + number * across, 1)
        parts.append(
            Markup('<text class="x" x="{}" y="{}">{}</text>').format(where, TALL - 8, plain(edges[number], 3))
        )
    for colour, own in enumerate(shares):
        path = [f"M{LEFT} {bottom}"]
        for number, share in enumerate(own):
            path.append(f"V{up(share)}H{round(LEFT + (number + 1) * across, 1)}")
        path.append(f"V{bottom}z")
        parts.append(Markup('<path class="step v{}" d="{}"/>').format(colour % 8, "".join(path)))
    return _svg("histogram", WIDE, TALL, title, Markup("").join(parts))


class _Scale:
    """From times and values to places in a wide figure."""

    def __init__(self, times_ms: Sequence[int], low: float, high: float) -> None:
        self._first, self._last = (times_ms[0], times_ms[-1]) if times_ms else (0, 1)
        self._low, self._high = low, high

    def x(self, at_ms: int) -> float:
        span = max(1, self._last - self._first)
        return round(LEFT + (at_ms - self._first) / span * (WIDE - LEFT - RIGHT), 1)

    def shows(self, value: float | None) -> TypeGuard[float]:
        """Whether there is a value, and the picture reaches so far."""
        return value is not None and self._low <= value <= self._high

    def y(self, value: float) -> float:
        inside = min(max(value, self._low), self._high)
        share = (inside - self._low) / (self._high - self._low)
        return round(TALL - BOTTOM - share * (TALL - BOTTOM - TOP), 1)


def _shown_range(lines: Sequence[Line]) -> Bounds:
    """What the later half of the bands needs, and every point; the first looks are far too wide to set the scale."""
    later = [band for line in lines for band in line.bands[len(line.bands) // 2 :] if band is not None]
    points = [point for line in lines for point in line.points[len(line.points) // 4 :] if point is not None]
    values = [0.0, *points, *(bound for band in later for bound in band)]
    values = [value for value in values if math.isfinite(value)]
    low, high = min(values), max(values)
    return (low, high) if high - low > 1e-9 else (low - 0.01, high + 0.01)


def _band(scale: _Scale, times_ms: Sequence[int], line: Line) -> Markup:
    known = [(at, band) for at, band in zip(times_ms, line.bands, strict=True) if band is not None]
    if len(known) < 2:
        return Markup("")
    upper = [f"{scale.x(at)} {scale.y(band[1])}" for at, band in known]
    lower = [f"{scale.x(at)} {scale.y(band[0])}" for at, band in reversed(known)]
    return Markup('<path class="band v{}" d="M{}z"/>').format(line.colour % 8, "L".join([*upper, *lower]))


def _stroke(scale: _Scale, times_ms: Sequence[int], line: Line) -> Markup:
    known = [(at, one) for at, one in zip(times_ms, line.points, strict=True) if scale.shows(one)]
    if not known:
        return Markup("")
    path = "L".join(f"{scale.x(at)} {scale.y(one)}" for at, one in known)
    at, last = known[-1]
    return Markup(
        '<path class="line v{0}" d="M{1}"/><circle class="end v{0}" cx="{2}" cy="{3}" r="3.5"/>'
    ).format(line.colour % 8, path, scale.x(at), scale.y(last))


def _svg(kind: str, width: int, height: int, title: str, inside: Markup) -> Markup:
    return Markup(
        '<svg class="figure {}" viewBox="0 0 {} {}" role="img" aria-label="{}" preserveAspectRatio="none"'
        ' width="{}" height="{}"><title>{}</title>{}</svg>'
    ).format(kind, width, height, title, width, height, title, inside)


def _vertical(x: float, height: int, kind: str) -> Markup:
    return Markup('<path class="{}" d="M{} 0V{}"/>').format(kind, x, height)


def _horizontal(y: float, kind: str) -> Markup:
    return Markup('<path class="{}" d="M{} {}H{}"/>').format(kind, LEFT, y, WIDE - RIGHT)


def _labelled(axis: Axis) -> tuple[float, ...]:
    """Every tick, or every second where they would touch."""
    ticks = axis.ticks
    return (
        ticks
        if len(ticks) <= 5
        else tuple(tick for tick in ticks if round(tick / (ticks[1] - ticks[0])) % 2 == 0)
    )


def _tick_label(tick: float, ticks: Sequence[float]) -> str:
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    decimals = 0 if step >= 0.01 else 1 if step >= 0.001 else 2
    return "0" if tick == 0 else signed_percent(tick, decimals)


def _some(items: Sequence[int], most: int) -> list[int]:
    step = max(1, math.ceil(len(items) / most))
    return list(items)[::step]


def _day(at_ms: int, times_ms: Sequence[int]) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    short = times_ms[-1] - times_ms[0] < 3 * DAY_MS
    return str(escape(f"{moment:%H:%M}" if short else f"{moment.day} {moment:%b}"))
