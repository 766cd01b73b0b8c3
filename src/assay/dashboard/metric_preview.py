"""What a metric would count: the events seen in the last days, and what they come to, in words."""

import difflib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from assay.dashboard.asking import days_ago_ms, lately_rows, lately_together
from assay.dashboard.charts import BarChart, stacked_bars
from assay.dashboard.forms import parts_of
from assay.dashboard.metric_form import MetricForm
from assay.dashboard.numbers import whole
from assay.dashboard.visit import Visit
from assay.warehouse.queries.activity import event_days, event_keys, event_units

DAYS = 14
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class SeenKey:
    """A key of metric events seen lately."""

    key: str
    kind: str
    events: int
    units: int
    valued: int
    unit_kinds: str
    latest_ms: int


@dataclass(frozen=True, slots=True)
class UnitTally:
    """Such events by the kind of context that they carry; `meaning`: what the metric makes of them."""

    kind: str
    events: int
    units: int
    valued: int
    meaning: str


@dataclass(frozen=True, slots=True)
class MetricPreview:
    """`similar`: keys that were seen and look like the one asked for, where it was not seen."""

    event_key: str
    days: int
    events: int
    chart: BarChart
    units: tuple[UnitTally, ...]
    remarks: tuple[str, ...]
    similar: tuple[str, ...]


def seen_keys(visit: Visit, days: int = DAYS) -> tuple[SeenKey, ...]:
    """Keys of metric events in the page's environment, the most frequent first."""
    rows = lately_rows(visit, event_keys(visit.environment.id, days_ago_ms(days)))
    return tuple(
        SeenKey(key, kind, events, units, valued, unit_kinds, latest)
        for key, kind, events, units, valued, latest, unit_kinds in rows
    )


def preview_of(visit: Visit, typed: MetricForm, own_key: str = "") -> MetricPreview | None:
    """None where there is nothing to look for yet. `own_key`: the key of a metric of clicks or page views."""
    event_key = typed.event_key if typed.source == "custom" else own_key
    if not event_key:
        return None
    now_ms = time.time_ns() // 1_000_000
    since_ms = (now_ms // DAY_MS - DAYS + 1) * DAY_MS
    place, kind = visit.environment.id, typed.source
    days, tallies = lately_together(
        visit,
        event_days(place, event_key, kind=kind, since_ms=since_ms, day_ms=DAY_MS),
        event_units(place, event_key, kind=kind, since_ms=since_ms),
    )
    by_day: dict[int, int] = dict(days)
    units = tuple(_tally(typed, row[:6]) for row in tallies if row[0])
    events = sum(by_day.values())
    return MetricPreview(
        event_key=event_key,
        days=DAYS,
        events=events,
        chart=_chart(by_day, since_ms),
        units=units,
        remarks=tuple(_remarks(typed, events, units)),
        similar=() if events else _similar(visit, event_key),
    )


def _chart(by_day: dict[int, int], since_ms: int) -> BarChart:
    columns = []
    for place in range(DAYS):
        day = since_ms + place * DAY_MS
        number = by_day.get(day, 0)
        date = datetime.fromtimestamp(day / 1000, UTC).strftime("%Y-%m-%d")
        columns.append((f"{date}: {whole(number)}", [("", number)]))
    return stacked_bars(columns, f"Events on each of the last {DAYS} days")


def _tally(typed: MetricForm, row: tuple[Any, ...]) -> UnitTally:
    kind, events, units, valued, total, mean = row
    each = events / units if units else 0.0
    unit = f" {typed.unit}" if typed.unit else ""
    meanings = {
        "conversion": f"{whole(units)} {_plural(kind, units)} would count as converted",
        "count": f"{each:.2f} events for each {kind} that had any",
        "ratio": f"{each:.2f} events for each {kind} that had any",
    }
    if typed.measure == "sum" and valued:
        meaning = f"{(total or 0.0) / units:,.2f}{unit} for each {kind} that had any"
    elif typed.measure in ("average", "percentile") and valued:
        meaning = f"{mean or 0.0:,.2f}{unit} for an event"
    elif typed.measure in ("sum", "average", "percentile"):
        meaning = "no event has a value"
    else:
        meaning = meanings.get(typed.measure, f"{whole(units)} {_plural(kind, units)}")
    return UnitTally(kind, events, units, valued, meaning)


def _remarks(typed: MetricForm, events: int, units: tuple[UnitTally, ...]) -> list[str]:
    """What would surprise whoever reads the metric later."""
    remarks = []
    if events and (typed.filter_kept or any(row.attribute for row in typed.filters)):
        remarks.append(
            "All of its events are counted here; the metric counts those for which the conditions hold."
        )
    wanted = parts_of(typed.units) or ["user"]
    kinds = [tally.kind for tally in units]
    for kind in wanted:
        if events and kind not in kinds:
            found = " and ".join(kinds) or "nobody"
            remarks.append(f"No event carries a context of the kind {kind}; they carry {found}.")
    missing = sum(tally.events - tally.valued for tally in units if tally.kind in wanted)
    if typed.measure in ("sum", "average", "percentile") and missing:
        remarks.append(f"{whole(missing)} events have no value. They don't count.")
    if typed.measure in ("conversion", "count") and any(tally.valued for tally in units):
        remarks.append("The events carry values, which this measure leaves aside.")
    return remarks


def _similar(visit: Visit, event_key: str) -> tuple[str, ...]:
    keys = [seen.key for seen in seen_keys(visit) if seen.key != event_key]
    return tuple(difflib.get_close_matches(event_key, keys, n=3, cutoff=0.5))


def _plural(kind: str, number: int) -> str:
    return kind if number == 1 else f"{kind}s"
