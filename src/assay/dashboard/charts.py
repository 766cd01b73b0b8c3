"""Numbers as shapes: what templates draw as SVG. Every number in a chart also stands in a table or a text."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600.0, 72.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A column of a chart in its own units; `title` is what a pointer sees."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class BarChart:
    """`label` says for those who can't see it what it shows."""

    bars: tuple[Bar, ...]
    label: str
    most: int
    width: float = WIDTH
    height: float = HEIGHT


def stacked_bars(columns: Sequence[tuple[str, Sequence[tuple[str, int]]]], label: str) -> BarChart:
    """Columns of equal width; each is its title and its layers from the bottom, as (kind, number)."""
    most = max((sum(number for _, number in layers) for _, layers in columns), default=0)
    step = WIDTH / max(1, len(columns))
    bars = []
    for place, (title, layers) in enumerate(columns):
        bottom = HEIGHT
        for kind, number in layers:
            height = round(HEIGHT * number / most, 2) if most else 0.0
            if not number:
                continue
            bottom -= height
            bars.append(
                Bar(round(place * step, 2), round(bottom, 2), round(step * 0.82, 2), height, kind, title)
            )
    return BarChart(tuple(bars), label, most)
