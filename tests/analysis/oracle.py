"""The rules of what the numbers mean in plain Python, a unit at a time, to hold the SQL against."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from assay.analysis.pipeline import Promise

MOST_AHEAD_MS = 60_000


@dataclass(frozen=True)
class Seen:
    """One event as it was accepted: the payload's number, its place in it, the time taken for it."""

    seq: int
    n: int
    at_ms: int
    skewed: bool
    event: dict[str, Any]


@dataclass
class Unit:
    """An exposed unit: its variation, first exposure, and the metric events that count for it."""

    variation: int
    first_ms: int
    events: list[Seen] = field(default_factory=list)


def accepted(payloads: list[tuple[int, list[dict[str, Any]]]], received_ms: int) -> list[Seen]:
    found = []
    for seq, events in payloads:
        for n, event in enumerate(events):
            created = int(event["creationDate"])
            skewed = created > received_ms + MOST_AHEAD_MS
            found.append(Seen(seq, n, received_ms if skewed else created, skewed, event))
    return found


def key_of(event: dict[str, Any], kind: str) -> str | None:
    context = event["context"]
    if context["kind"] == "multi":
        key: str | None = context.get(kind, {}).get("key")
        return key
    return context["key"] if context["kind"] == kind else None


def evaluations(events: list[Seen], promise: Promise) -> list[Seen]:
    return [
        seen
        for seen in events
        if seen.event["kind"] == "feature"
        and seen.event["key"] == promise.flag
        and seen.event.get("variation") is not None
        and seen.event["variation"] < promise.variations
        and promise.window.start_ms <= seen.at_ms < promise.window.end_ms
        and seen.seq > promise.after_seq
    ]


def exposed_units(events: list[Seen], promise: Promise) -> tuple[dict[str, Unit], int]:
    """The units by key, and how many were left out for having been seen in several variations."""
    seen_by_unit: dict[str, list[Seen]] = {}
    for seen in evaluations(events, promise):
        key = key_of(seen.event, promise.unit_kind)
        if key is not None:
            seen_by_unit.setdefault(key, []).append(seen)
    units, several = {}, 0
    for key, own in seen_by_unit.items():
        variations = {seen.event["variation"] for seen in own}
        if len(variations) > 1:
            several += 1
        else:
            units[key] = Unit(variations.pop(), min(seen.at_ms for seen in own))
    return units, several


def with_metric_events(events: list[Seen], promise: Promise) -> tuple[dict[str, Unit], int]:
    units, several = exposed_units(events, promise)
    metric = promise.metric
    for seen in events:
        if seen.event["kind"] != metric.kind or seen.event["key"] != metric.event_key:
            continue
        unit = units.get(key_of(seen.event, promise.unit_kind) or "")
        if unit is None or seen.seq <= promise.after_seq or seen.at_ms >= promise.window.end_ms:
            continue
        since = seen.at_ms - unit.first_ms
        until = metric.window_end_offset
        if since >= (metric.window_start_offset or 0) and (until is None or since < until):
            unit.events.append(seen)
    return units, several


def valued(unit: Unit, promise: Promise, until_ms: float) -> list[Seen]:
    """The unit's events that count before a time."""
    numeric = promise.metric.value_of in ("sum", "average")
    return [
        seen
        for seen in unit.events
        if seen.at_ms < until_ms and (not numeric or seen.event.get("metricValue") is not None)
    ]


def value(unit: Unit, promise: Promise, until_ms: float) -> Fraction:
    counted = valued(unit, promise, until_ms)
    total = sum((Fraction(seen.event.get("metricValue") or 0) for seen in counted), Fraction(0))
    by_kind: dict[str, Callable[[], Fraction]] = {
        "conversion": lambda: Fraction(bool(counted)),
        "count": lambda: Fraction(len(counted)),
        "sum": lambda: total,
        "average": lambda: total / len(counted) if counted else Fraction(0),
    }
    return by_kind[promise.metric.value_of]()


@dataclass(frozen=True)
class Figures:
    """What the results must say of one variation at one time."""

    exposed: int
    total: Fraction
    count: int
    mean: Fraction
    squares: Fraction


def figures(units: dict[str, Unit], promise: Promise, variation: int, until_ms: float) -> Figures:
    """Of all units of the variation exposed before a time."""
    own = [unit for unit in units.values() if unit.variation == variation and unit.first_ms < until_ms]
    counts = [len(valued(unit, promise, until_ms)) for unit in own]
    if promise.metric.value_of == "conversion":
        counts = [min(1, count) for count in counts]
    return summed([value(unit, promise, until_ms) for unit in own], sum(counts))


def growth(units: dict[str, Unit], promise: Promise, variation: int, span: tuple[float, float]) -> Figures:
    """Of what the values of the units exposed by the span's end grew by within it."""
    own = [unit for unit in units.values() if unit.variation == variation and unit.first_ms < span[1]]
    grown = [value(unit, promise, span[1]) - value(unit, promise, span[0]) for unit in own]
    counts = [len(valued(unit, promise, span[1])) - len(valued(unit, promise, span[0])) for unit in own]
    if promise.metric.value_of == "conversion":
        counts = [int(step) for step in grown]
    return summed(grown, sum(counts))


def summed(values: list[Fraction], count: int) -> Figures:
    total = sum(values, Fraction(0))
    mean = total / len(values) if values else Fraction(0)
    squares = sum(((one - mean) ** 2 for one in values), Fraction(0))
    return Figures(len(values), total, count, mean, squares)


def health(events: list[Seen], units: dict[str, Unit], promise: Promise) -> dict[str, int]:
    looked_at = evaluations(events, promise)
    numeric = promise.metric.value_of in ("sum", "average")
    counted = [seen for unit in units.values() for seen in unit.events]
    return {
        "unit_missing": sum(key_of(seen.event, promise.unit_kind) is None for seen in looked_at),
        "value_missing": sum(numeric and seen.event.get("metricValue") is None for seen in counted),
        "clock_skew": sum(seen.skewed for seen in (*looked_at, *counted)),
    }
