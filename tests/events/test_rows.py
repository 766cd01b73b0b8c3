"""From events to lines of the log: every event is one line, whatever it holds."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.events.payload import DEEPEST_NESTING, decode_payload
from assay.events.rows import (
    KEPT_OF_A_BAD_EVENT,
    LARGEST_EVENT_BYTES,
    MOST_SKEW_MS,
    Envelope,
    EventRow,
    encode_rows,
)
from live import exposure, tracked

RECEIVED_MS = 1_800_000_000_000
ENVELOPE = Envelope("env-1", "payload-1", 42, RECEIVED_MS)


def rows(*events: Any) -> list[EventRow]:
    lines, _ = encode_rows(list(events), ENVELOPE)
    return [msgspec.json.decode(line, type=EventRow) for line in lines.splitlines()]


def deep(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_a_line_holds_the_payload_its_number_and_how_many_there_are() -> None:
    made = rows(exposure("a", 1), tracked("a"), 5)
    assert [(row.env, row.payload, row.seq, row.n, row.of, row.received_ms) for row in made] == [
        ("env-1", "payload-1", 42, n, 3, RECEIVED_MS) for n in range(3)
    ]


def test_an_exposure_keeps_what_the_analysis_asks_for() -> None:
    reason = {"kind": "RULE_MATCH", "ruleIndex": 0, "ruleId": "r", "inExperiment": True}
    (row,) = rows(exposure("a", 1, 1_700_000_000_000.9, version=7, reason=reason))
    assert (row.kind, row.key, row.version, row.variation) == ("feature", "flag", 7, 1)
    assert (row.reason_kind, row.rule_id, row.in_experiment) == ("RULE_MATCH", "r", True)
    assert row.at_ms == 1_700_000_000_000
    assert [(unit.kind, unit.key) for unit in row.units] == [("user", "a")]


def test_the_whole_event_is_kept_beside_what_was_read() -> None:
    event = tracked("a", data={"sku": ["x", None, 1.5]}, url="http://x/?a=b#c", metricValue=0)
    assert rows(event)[0].event == event


@pytest.mark.parametrize(
    ("ahead_ms", "at_ms", "skewed"),
    [
        (0, RECEIVED_MS, False),
        (MOST_SKEW_MS, RECEIVED_MS + MOST_SKEW_MS, False),
        (MOST_SKEW_MS + 1, RECEIVED_MS, True),
        (10**14, RECEIVED_MS, True),
        (-RECEIVED_MS, 0, False),
        (-RECEIVED_MS - 1, -1, False),
    ],
)
def test_only_an_event_from_the_future_is_taken_at_its_received_time(
    ahead_ms: int, at_ms: int, skewed: bool
) -> None:
    (row,) = rows(tracked("a", RECEIVED_MS + ahead_ms))
    assert (row.at_ms, row.skewed) == (at_ms, skewed)


def test_an_event_that_needs_no_time_is_taken_at_its_received_time() -> None:
    (row,) = rows({"kind": "summary", "features": {}})
    assert (row.at_ms, row.skewed) == (RECEIVED_MS, False)


def test_a_bad_event_is_kept_with_its_reason_between_its_neighbours() -> None:
    made = rows(tracked("a"), {"kind": "custom"}, tracked("b"))
    assert [(row.kind, row.bad) for row in made] == [
        ("custom", None),
        ("quarantined", "key_missing"),
        ("custom", None),
    ]
    assert made[1].event == "{'kind': 'custom'}"


def test_a_large_bad_event_is_cut() -> None:
    (row,) = rows({"kind": "custom", "data": "x" * 1_000_000})
    assert len(row.event) == KEPT_OF_A_BAD_EVENT


def test_an_event_beyond_the_largest_size_is_quarantined_and_one_of_that_size_is_not() -> None:
    event = tracked("a", 1, data="")
    room = LARGEST_EVENT_BYTES - len(msgspec.json.encode(event))
    fits, too_large = rows({**event, "data": "x" * room}, {**event, "data": "x" * (room + 1)})
    assert (fits.bad, too_large.bad) == (None, "too_large")


def test_an_event_nested_deeper_than_allowed_is_quarantined_and_one_as_deep_as_allowed_is_not() -> None:
    fits, too_deep = rows(
        tracked("a", data=deep(DEEPEST_NESTING - 1)), tracked("a", data=deep(DEEPEST_NESTING))
    )
    assert (fits.bad, too_deep.bad) == (None, "nested_too_deeply")


def test_many_shallow_parts_are_not_deep() -> None:
    assert rows(tracked("a", data=[[[]]] * 1_000))[0].bad is None


@pytest.mark.parametrize("depth", range(900, 1_000))
def test_an_event_at_the_edge_of_what_python_can_follow_is_one_line_all_the_same(depth: int) -> None:
    event = b'{"kind":"custom","key":"m","creationDate":1,"data":' + b"[" * depth + b"]" * depth + b"}"
    lines, counts = encode_rows(decode_payload(b"[" + event + b',{"kind":"index"}]'), ENVELOPE)
    assert lines.count(b"\n") == 2
    assert counts.accepted == {"index": 1}
    assert sum(counts.quarantined.values()) == 1


def test_a_bad_event_too_deep_to_be_shown_is_one_line_all_the_same() -> None:
    (row,) = rows({"kind": 5, "data": deep(20_000)})
    assert (row.bad, row.event) == ("kind_invalid", "nested too deeply to be shown")


def test_diagnostics_are_counted_and_not_kept() -> None:
    lines, counts = encode_rows([{"kind": "diagnostic-init"}, {"kind": "diagnostic"}], ENVELOPE)
    assert (lines, counts.diagnostics, counts.accepted, counts.quarantined) == (b"", 2, {}, {})


def test_a_diagnostic_among_events_leaves_them_numbered_without_a_gap() -> None:
    made = rows(tracked("a"), {"kind": "diagnostic"}, tracked("b"))
    assert [(row.n, row.of) for row in made] == [(0, 2), (1, 2)]


@pytest.mark.parametrize("kind", [["diagnostic"], {"diagnostic": 1}, 5, None])
def test_what_is_no_text_is_no_diagnostic(kind: Any) -> None:
    assert rows({"kind": kind})[0].bad == "kind_invalid"


def test_the_counts_are_the_lines() -> None:
    events = [exposure("a", 0), exposure("b", 1), tracked("a"), None, {"kind": "x"}, {"kind": "y"}]
    _, counts = encode_rows(events, ENVELOPE)
    assert counts.accepted == {"feature": 2, "custom": 1}
    assert counts.quarantined == {"not_an_object": 1, "unknown_kind": 2}


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**70), 10**400])
def test_a_number_beyond_64_bits_never_stops_a_payload(number: int) -> None:
    made = rows(
        tracked("a", data=number), tracked("b", number), tracked("c", metricValue=number), tracked("d")
    )
    assert len(made) == 4
    assert made[3].bad is None


@given(st.text(), st.text(), st.text())
def test_any_text_stays_on_its_line_and_comes_back(key: str, unit: str, payload_id: str) -> None:
    event = {"kind": "custom", "key": "m" + key, "creationDate": 1, "contextKeys": {"k": "u" + unit}}
    lines, _ = encode_rows([event, event], Envelope("e", payload_id, 1, 1))
    assert lines.count(b"\n") == 2
    assert lines.endswith(b"\n")
    first = json.loads(lines.split(b"\n")[0])
    assert (first["key"], first["units"][0]["key"], first["payload"]) == ("m" + key, "u" + unit, payload_id)


@pytest.mark.parametrize(
    ("value", "counted"),
    [(1e30, 1e30), (5e-324, 5e-324), (0, 0.0), (1.1e30, None), (-1e300, None)],
)
def test_a_value_whose_square_no_float_can_hold_is_missing_and_the_event_counts(
    value: float, counted: float | None
) -> None:
    (row,) = rows(tracked("a", metricValue=value))
    assert (row.bad, row.value) == (None, counted)
