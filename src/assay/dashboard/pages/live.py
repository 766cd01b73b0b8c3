"""Live events: what arrives now, what arrived last, what was quarantined and why."""

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from assay.api import environments
from assay.dashboard.addresses import PLACE
from assay.dashboard.charts import BarChart, stacked_bars
from assay.dashboard.numbers import whole
from assay.dashboard.perform import check
from assay.dashboard.visit import Page, Shown, View, Visit
from assay.dashboard.words import variation_label
from assay.sdk.arrivals import KEPT_S, STEP_S, Arrived
from assay.warehouse.queries.activity import latest_events, quarantine_reasons

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
SHOWN = 20

# Why an event is kept aside, and what to do about it.
REMEDIES = {
    "not_an_object": "An event must be a JSON object. Something other than an SDK sends here.",
    "unknown_kind": "No SDK sends such a kind. Is something else posting to this address?",
    "key_missing": "The event has no key: track() was called with an empty one.",
    "creation_date_missing": "The event doesn't say when it happened.",
    "too_large": "The event holds more than 1 MB. Send less data with it.",
    "nested_too_deeply": "The event's data is nested too deeply to be read again.",
    "number_out_of_range": "A number in it is larger than JSON can carry safely.",
    "unreadable": "A line of the log was lost in a crash, before anybody was told that it was kept.",
}


@dataclass(frozen=True, slots=True)
class Sender:
    """What one SDK sent of one kind in the last minutes."""

    sdk: str
    kind: str
    events: int


@dataclass(frozen=True, slots=True)
class LatestEvent:
    at_ms: int
    kind: str
    key: str
    href: str
    detail: str
    unit_kinds: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    reason: str
    events: int
    latest_ms: int
    remedy: str


@dataclass(frozen=True, slots=True)
class LivePage:
    """`a_minute`: events of the last full minute."""

    a_minute: int
    lately: int
    bad: int
    chart: BarChart
    senders: tuple[Sender, ...]
    latest: tuple[LatestEvent, ...]
    quarantined: tuple[Quarantined, ...]
    ever: bool
    why: str
    connect: str


def live_events(visit: Visit) -> Shown:
    environment = visit.environment
    place = {"project": visit.project.key, "environment": environment.key}
    check(visit, environments.get_environment, **place)
    now_ms = time.time_ns() // 1_000_000
    arrived = visit.workplace.arrivals.recent(environment.id)
    engine = visit.rooms.engine
    rows = engine.rows(latest_events(environment.id, now_ms - WEEK_MS, SHOWN))
    reasons = engine.rows(quarantine_reasons(environment.id, now_ms - WEEK_MS))
    latest = tuple(_latest(visit, row) for row in rows)
    page = LivePage(
        a_minute=sum(one.events for one in arrived if one.at_s * 1000 >= now_ms - 60_000),
        lately=sum(one.events for one in arrived),
        bad=sum(events for _, events, _ in reasons),
        chart=arrivals_chart(arrived, now_ms // 1000),
        senders=tuple(_senders(arrived)),
        latest=latest,
        quarantined=tuple(Quarantined(r, n, at, REMEDIES.get(r, field_remedy(r))) for r, n, at in reasons),
        ever=bool(arrived or latest or reasons),
        why=visit.here("live", "why"),
        connect=visit.here("connect"),
    )
    return Page("live.html", "Live events", page)


def arrivals_chart(arrived: list[Arrived], now_s: int) -> BarChart:
    """The last minutes in steps; quarantined events on top."""
    counts: dict[int, dict[str, int]] = defaultdict(lambda: {"": 0, "bad": 0})
    for one in arrived:
        counts[one.at_s]["bad" if one.kind == "quarantined" else ""] += one.events
    first = now_s // STEP_S * STEP_S - KEPT_S + STEP_S
    columns = []
    for at_s in range(first, now_s + 1, STEP_S):
        layers = counts.get(at_s, {"": 0, "bad": 0})
        ago = now_s - at_s
        columns.append((f"{ago} s ago: {whole(sum(layers.values()))} events", list(layers.items())))
    return stacked_bars(
        columns, f"Events received in the last {KEPT_S // 60} minutes, every {STEP_S} seconds"
    )


def field_remedy(reason: str) -> str:
    """For a reason that names a field."""
    return f"The event's field is not what SDKs send there: {reason.replace('_', ' ')}."


def _senders(arrived: list[Arrived]) -> list[Sender]:
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for one in arrived:
        counts[one.sdk, one.kind] += one.events
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Sender(sdk, kind, events) for (sdk, kind), events in ordered]


def _latest(visit: Visit, row: tuple[Any, ...]) -> LatestEvent:
    at_ms, kind, key, variation, reason, unit_kinds = row
    if kind != "feature":
        return LatestEvent(at_ms, kind, key, "", "", unit_kinds)
    flag = visit.state.find(("flag", visit.project.key, key))
    served = variation_label(flag, variation) if flag else "of an unknown flag"
    detail = f"{served}, {reason.lower().replace('_', ' ')}" if reason else served
    return LatestEvent(at_ms, "evaluation", key, visit.here("flags", key) if flag else "", detail, unit_kinds)


VIEWS = (View("GET", PLACE + "/live", live_events, "live"),)
