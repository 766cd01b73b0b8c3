"""What arrived lately, and where exposures and events of a metric meet."""

from typing import Any

import pytest

from assay.warehouse.queries import activity, diagnosis
from live import exposure, tracked
from warehouse.tables import RECEIVED_MS, Tables, lines

DAY_MS = 86_400_000
BOTH = {"kind": "multi", "user": {"key": "u1"}, "organization": {"key": "o1"}}


@pytest.fixture
def filled(tables: Tables) -> Tables:
    """Two events of two kinds of context, one of one; an exposure before and one after its unit's event."""
    at = RECEIVED_MS - 1000
    first: list[dict[str, Any]] = [
        exposure("u1", 1, at - 500),
        tracked("u1", at, key="buy", metricValue=5, context=BOTH),
        tracked("u2", at, key="buy"),
        tracked("u3", at - DAY_MS, key="buy", metricValue=7),
    ]
    second = [exposure("u2", 0, at + 500), exposure("u4", 0, at, reason={"kind": "OFF"}), {"kind": "odd"}]
    tables.load(lines(first, 1), lines(second, 2, received_ms=RECEIVED_MS + 10))
    return tables


def test_keys_are_counted_by_event_not_by_context(filled: Tables) -> None:
    ((key, kind, events, units, valued, latest, kinds),) = filled.engine.rows(activity.event_keys("env", 0))
    assert (key, kind, events, units, valued) == ("buy", "custom", 3, 3, 2)
    assert (latest, kinds) == (RECEIVED_MS, "organization, user")
    assert filled.engine.rows(activity.event_keys("elsewhere", 0)) == []
    assert filled.engine.rows(activity.event_keys("env", RECEIVED_MS + 1)) == []


def test_days_and_units_of_a_key(filled: Tables) -> None:
    days = activity.event_days("env", "buy", kind="custom", since_ms=0, day_ms=DAY_MS)
    assert [number for _, number in filled.engine.rows(days)] == [1, 2]
    rows = filled.engine.rows(activity.event_units("env", "buy", kind="custom", since_ms=0))
    assert [row[:5] for row in rows] == [("user", 3, 3, 2, 12.0), ("organization", 1, 1, 1, 5.0)]


def test_the_latest_come_first_and_once(filled: Tables) -> None:
    rows = filled.engine.rows(activity.latest_events("env", 0, 10))
    assert [(kind, key) for _, kind, key, *_ in rows] == [
        ("feature", "flag"),
        ("feature", "flag"),
        ("custom", "buy"),
        ("custom", "buy"),
        ("custom", "buy"),
        ("feature", "flag"),
    ]
    assert [row[3] for row in rows] == [0, 0, None, None, None, 1]
    assert rows[4][5] == "organization, user"
    assert len(filled.engine.rows(activity.latest_events("env", 0, 2))) == 2


def test_quarantined_events_are_counted_by_reason(filled: Tables) -> None:
    rows = filled.engine.rows(activity.quarantine_reasons("env", 0))
    assert rows == [("unknown_kind", 1, RECEIVED_MS + 10)]


def test_exposures_are_told_by_kind_of_unit(filled: Tables) -> None:
    assert filled.engine.rows(diagnosis.exposure_units("env", "flag", 0)) == [("user", 3, 3, 1)]


def test_events_are_told_by_whether_their_unit_was_exposed_before(filled: Tables) -> None:
    query = diagnosis.meeting("env", "flag", "buy", kind="custom", unit_kind="user", since_ms=0)
    ((never, too_early, counted),) = filled.engine.rows(query)
    assert (never, too_early, counted) == (1, 1, 1)
