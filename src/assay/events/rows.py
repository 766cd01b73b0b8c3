"""The row that each event becomes in the log: what the tables need, and the event itself, whole."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from assay.events.kinds import BadEvent, UnitKey, WireEvent, read_event, units
from assay.events.payload import DEEPEST_NESTING
from assay.events.summaries import Tally, lone_tally, read_summary, summary_tallies

MOST_SKEW_MS = 60_000
LARGEST_EVENT_BYTES = 1_000_000
KEPT_OF_A_BAD_EVENT = 10_000
LARGEST_VALUE = 1e30


class EventRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the log.

    `seq` numbers accepted payloads, always upwards; the row is number `n` of the `of` rows of its payload, by
    which a torn payload is known after a crash. `at_ms` is the event's time, or the time it was received
    where it claims to come from the future (`skewed`); a summary's is its end, and `start_ms` its start.
    `tallies`: the evaluations that it counts.
    """

    env: str
    seq: int
    n: int
    of: int
    received_ms: int
    kind: str
    payload: str | None = None
    key: str | None = None
    at_ms: int | None = None
    skewed: bool = False
    version: int | None = None
    variation: int | None = None
    reason_kind: str | None = None
    rule_id: str | None = None
    in_experiment: bool = False
    value: float | None = None
    units: tuple[UnitKey, ...] = ()
    start_ms: int | None = None
    tallies: tuple[Tally, ...] = ()
    bad: str | None = None
    event: Any = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is the same for all events of a payload. `unsummarized`: its feature events are in no summary."""

    environment: str
    payload_id: str | None
    seq: int
    received_ms: int
    unsummarized: bool = False


@dataclass(slots=True)
class Counts:
    """What a payload held, for the counters: events by kind, quarantined ones by reason, dropped diagnostics."""

    accepted: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    diagnostics: int = 0


_encoder = msgspec.json.Encoder()


def encode_rows(events: list[Any], envelope: Envelope) -> tuple[bytes, Counts]:
    """The log lines of a payload, and what it held; empty where nothing in it is to be kept."""
    counts = Counts()
    kept = [event for event in events if not _is_diagnostic(event)]
    counts.diagnostics = len(events) - len(kept)
    rows = (_row(event, envelope, n, len(kept)) for n, event in enumerate(kept))
    return b"".join(_counted(rows, counts)), counts


def _counted(rows: Iterable[EventRow], counts: Counts) -> Iterable[bytes]:
    for row in rows:
        group, name = (counts.quarantined, row.bad) if row.bad else (counts.accepted, row.kind)
        group[name] = group.get(name, 0) + 1
        yield _encoder.encode(row)
        yield b"\n"


def _is_diagnostic(event: Any) -> bool:
    kind = event.get("kind") if isinstance(event, dict) else None
    return isinstance(kind, str) and kind.startswith("diagnostic")


def _row(raw: Any, envelope: Envelope, n: int, of: int) -> EventRow:
    try:
        event = read_event(raw)
        row = _good_row(event, raw, envelope, n, of)
        _check_extent(raw)
        return row
    except BadEvent as bad:
        return _bad_row(bad.reason, raw, envelope, n, of)
    except (msgspec.EncodeError, OverflowError):
        return _bad_row("number_out_of_range", raw, envelope, n, of)
    except RecursionError:
        return _bad_row("nested_too_deeply", raw, envelope, n, of)


def _check_extent(raw: Any) -> None:
    """What is on the disk must be readable again, by a reader with less room than this one has."""
    encoded = _encoder.encode(raw)
    if len(encoded) > LARGEST_EVENT_BYTES:
        raise BadEvent("too_large")
    # Counting costs next to nothing, and lets all but a few events pass.
    if encoded.count(b"[") + encoded.count(b"{") > DEEPEST_NESTING and _nests_deeper(raw, DEEPEST_NESTING):
        raise BadEvent("nested_too_deeply")


def _nests_deeper(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return any(isinstance(value, dict | list) for value in level)


def _good_row(event: WireEvent, raw: Any, envelope: Envelope, n: int, of: int) -> EventRow:
    start_ms: int | None = None
    tallies: tuple[Tally, ...] = ()
    end = event.creation_date
    if event.kind == "summary":
        start_ms, end, tallies = _summed_up(raw)
    elif envelope.unsummarized and event.kind == "feature":
        tallies = lone_tally(event, raw)
    created = envelope.received_ms if end is None else int(end // 1)
    skewed = created > envelope.received_ms + MOST_SKEW_MS
    reason = event.reason
    return EventRow(
        env=envelope.environment,
        seq=envelope.seq,
        n=n,
        of=of,
        received_ms=envelope.received_ms,
        kind=event.kind,
        payload=envelope.payload_id,
        key=event.key,
        at_ms=envelope.received_ms if skewed else created,
        skewed=skewed,
        version=event.version,
        variation=event.variation,
        reason_kind=reason.kind if reason else None,
        rule_id=reason.rule_id if reason else None,
        in_experiment=bool(reason and reason.in_experiment),
        value=_counted_value(event.metric_value),
        units=units(event),
        start_ms=start_ms,
        tallies=tallies,
        event=raw,
    )


def _summed_up(raw: Any) -> tuple[int | None, float | None, tuple[Tally, ...]]:
    """When a summary began and ended, and what it counts."""
    summary = read_summary(raw)
    start_ms = None if summary.start_date is None else int(summary.start_date // 1)
    return start_ms, summary.end_date, summary_tallies(summary)


def _counted_value(value: float | None) -> float | None:
    """The value, unless it is so large that its square is beyond floating point, and with it every result."""
    return value if value is not None and abs(value) <= LARGEST_VALUE else None


def _bad_row(reason: str, raw: Any, envelope: Envelope, n: int, of: int) -> EventRow:
    """A quarantined event; kept as text, cut to a size that can't hurt."""
    return EventRow(
        env=envelope.environment,
        seq=envelope.seq,
        n=n,
        of=of,
        received_ms=envelope.received_ms,
        kind="quarantined",
        payload=envelope.payload_id,
        bad=reason,
        event=_excerpt(raw),
    )


def _excerpt(raw: Any) -> str:
    try:
        return repr(raw)[:KEPT_OF_A_BAD_EVENT]
    except RecursionError:
        return "nested too deeply to be shown"
