"""No event, whatever it holds, may stop the loader or its neighbours: from bytes to rows, nothing is lost."""

import json
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.events.kinds import KINDS, METRIC_KINDS
from assay.events.payload import decode_payload
from assay.events.rows import Envelope, EventRow, encode_rows
from live import exposure, tracked
from warehouse.tables import RECEIVED_MS, Tables

TEXT = st.text(st.characters(exclude_categories=[])) | st.sampled_from(
    ["\x00", "\ud800", "\udfff", "\u2028", "null", "'", '"', "\\", "\n", "NaN", "1", "\ufeff", "k" * 5_000]
)
NUMBERS = (
    st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.sampled_from([2**31, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 1e308, 5e-324, -0.0, 1.5])
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
CONTEXTS = st.fixed_dictionaries({"kind": TEXT, "key": TEXT | NUMBERS}) | st.builds(
    lambda parts: {**parts, "kind": "multi"},
    st.dictionaries(TEXT, st.fixed_dictionaries({"key": TEXT}), max_size=3),
)


def mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(usual, usual, usual, ANY_JSON)


EVENTS = st.fixed_dictionaries(
    {"kind": mostly(st.sampled_from(sorted(KINDS)))},
    optional={
        "key": mostly(TEXT),
        "creationDate": mostly(st.floats(0, 2e12) | st.integers(0, 3 * 10**12)),
        "version": mostly(st.integers(0, 2**53)),
        "variation": mostly(st.integers(0, 2**31 - 1)),
        "reason": mostly(
            st.fixed_dictionaries({}, optional={"kind": TEXT, "ruleId": TEXT, "inExperiment": st.booleans()})
        ),
        "metricValue": mostly(NUMBERS),
        "context": mostly(CONTEXTS),
        "contextKeys": mostly(st.dictionaries(TEXT, TEXT, max_size=3)),
        "user": mostly(st.fixed_dictionaries({"key": TEXT | NUMBERS})),
        "userKey": mostly(TEXT | NUMBERS),
        "data": ANY_JSON,
    },
)

_EXPOSURES = """select n, flag, at_ms, skewed, version, variation, in_experiment, reason_kind, rule_id,
    unit_kind, unit_key from flag_events"""
_METRICS = "select n, event_key, at_ms, skewed, kind, value, unit_kind, unit_key from metric_events"


def units_of(row: EventRow) -> list[tuple[str | None, str | None]]:
    return [(unit.kind, unit.key) for unit in row.units] or [(None, None)]


def expected_exposures(rows: list[EventRow]) -> Counter[tuple[Any, ...]]:
    return Counter(
        (
            *(row.n, row.key, row.at_ms, row.skewed, row.version, row.variation),
            *(row.in_experiment, row.reason_kind, row.rule_id, *unit),
        )
        for row in rows
        if row.kind == "feature"
        for unit in units_of(row)
    )


def expected_metrics(rows: list[EventRow]) -> Counter[tuple[Any, ...]]:
    return Counter(
        (row.n, row.key, row.at_ms, row.skewed, row.kind, row.value, *unit)
        for row in rows
        if row.kind in METRIC_KINDS
        for unit in units_of(row)
    )


def check(tables: Tables, body: bytes, sent: int) -> None:
    """Every event sent is a line, every line its rows, and they hold what the line holds."""
    events = decode_payload(body)
    written, counts = encode_rows(events, Envelope("env", None, 1, RECEIVED_MS))
    rows = [msgspec.json.decode(line, type=EventRow) for line in written.splitlines()]
    assert len(events) == sent
    assert len(rows) + counts.diagnostics == sent
    assert sum(counts.accepted.values()) + sum(counts.quarantined.values()) == len(rows)
    tables.empty()
    tables.load(written)
    assert Counter(tables.rows(_EXPOSURES)) == expected_exposures(rows)
    assert Counter(tables.rows(_METRICS)) == expected_metrics(rows)
    assert dict(tables.rows("select n, reason from quarantine")) == {
        row.n: row.bad for row in rows if row.bad
    }
    assert tables.count("quarantine") == sum(counts.quarantined.values())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(EVENTS | ANY_JSON, max_size=6))
def test_whatever_json_arrives_every_event_is_a_row_or_in_quarantine(
    tables: Tables, events: list[Any]
) -> None:
    check(tables, json.dumps(events).encode(), len(events))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(EVENTS, min_size=1, max_size=4), data=st.data())
def test_damaged_text_inside_an_event_costs_only_that_event(
    tables: Tables, events: list[Any], data: st.DataObject
) -> None:
    damage = data.draw(st.binary(max_size=8)).translate(None, b'"\\' + bytes(range(32)))
    damaged = b'{"kind":"custom","key":"m","creationDate":1,"userKey":"' + damage + b'u"}'
    body = json.dumps(events).encode()
    check(tables, body[:-1] + b"," + damaged + b"]", len(events) + 1)
    assert (len(events),) in tables.rows("select n from metric_events")


HOSTILE: list[Any] = [
    tracked("u", 5, data={"a\x00b": ["\x00"] * 10}),
    tracked("\x00", 5),
    tracked("u", 5, key="\x00"),
    tracked("u", 5, data=10**400),
    tracked("u", 5, data=-(2**70)),
    tracked("u", 5, metricValue=10**400),
    tracked("u", 5, metricValue=1e308),
    tracked("u", 10**400),
    tracked("u", -8.64e15),
    tracked("u", 8.64e15),
    tracked("k" * 900_000, 5),
    tracked("u", 5, data="x" * 1_200_000),
    tracked("u", 5, data={"k" * 900_000: 1}),
    tracked("u", 5, data=["\u2028\u2029\r\n\t\x0b\x7f\ufeff'\"\\"]),
    {**tracked("u", 5), "context": {"kind": "multi", **{f"k{n}": {"key": "u"} for n in range(10_000)}}},
    {**tracked("u", 5), "context": {"kind": "multi", **{f"k{n}": {"key": "u" * 19_000} for n in range(50)}}},
    exposure("u", 2**31 - 1, 5, version=2**53),
    exposure("u", 0, 5, reason={"kind": "\x00", "ruleId": "'; drop table loaded"}),
    {"kind": "\x00"},
    {},
    [],
    None,
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_event_leaves_its_neighbours_alone(tables: Tables, number: int) -> None:
    events = [exposure("first", 0, 5), HOSTILE[number], tracked("last", 6)]
    check(tables, json.dumps(events).encode(), 3)
    assert ("first",) in tables.rows("select unit_key from flag_events")
    assert ("last",) in tables.rows("select unit_key from metric_events")


def test_all_hostile_events_fit_into_one_payload(tables: Tables) -> None:
    check(tables, json.dumps(HOSTILE).encode(), len(HOSTILE))


def test_tokens_that_are_no_json_become_null_and_the_event_counts(tables: Tables) -> None:
    event = b'{"kind":"custom","key":"m","creationDate":1,"userKey":"u","metricValue":%s}'
    check(
        tables, b"[" + b",".join(event % token for token in (b"NaN", b"-Infinity", b"1e400", b"1")) + b"]", 4
    )
    assert tables.rows("select value from metric_events order by n") == [(None,), (None,), (None,), (1.0,)]
