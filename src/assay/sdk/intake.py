"""Events in: authenticate, inflate, read, write to the log, and only then say 202."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator

from prometheus_client import Counter, Histogram

from assay.errors import AssayError
from assay.events.log import EventLog
from assay.events.payload import decode_payload
from assay.events.rows import Counts, Envelope, encode_rows
from assay.sdk.credentials import server_place
from assay.sdk.wire import (
    Budget,
    Disconnected,
    Receive,
    Scope,
    Send,
    answer,
    answer_error,
    header,
    inflate,
    read_body,
)
from assay.store.store import Store

LONGEST_PAYLOAD_ID = 64

# Bodies above this are read in a thread, so that one large payload doesn't hold up everybody's streams.
INLINE_BYTES = 100_000

# A payload of the largest size takes ten times its bytes while it is read.
LARGE_AT_ONCE = 2

PAYLOADS = Counter("assay_payloads_total", "Payloads of events, by the status they got", ["status"])
ACCEPTED = Counter("assay_events_accepted_total", "Events written to the log", ["kind"])
QUARANTINED = Counter(
    "assay_events_quarantined_total", "Events kept aside because they can't count", ["reason"]
)
DIAGNOSTICS = Counter("assay_diagnostics_total", "Diagnostic events, which are not kept")
ACK_S = Histogram("assay_intake_seconds", "From a payload's last byte to its 202")


class EventIntake:
    """The ASGI callables behind `/bulk` and `/diagnostic`."""

    def __init__(self, store: Store, log: EventLog, *, max_payload_bytes: int, max_held_bytes: int) -> None:
        self._store = store
        self._log = log
        self._max_payload_bytes = max_payload_bytes
        self._budget = Budget(max_held_bytes)
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)

    async def events(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            _, environment = server_place(self._store, scope)
            async with self._body(receive) as body:
                with ACK_S.time():
                    await self._keep(scope, body, environment.id)
        except Disconnected:
            return
        except AssayError as error:
            PAYLOADS.labels(str(error.status)).inc()
            await answer_error(send, error)
            return
        PAYLOADS.labels("202").inc()
        await answer(send, 202)

    async def diagnostic(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read to the end and dropped: it describes the SDK, not the units."""
        try:
            server_place(self._store, scope)
            async with self._body(receive):
                DIAGNOSTICS.inc()
        except Disconnected:
            return
        except AssayError as error:
            await answer_error(send, error)
            return
        await answer(send, 202)

    @contextlib.asynccontextmanager
    async def _body(self, receive: Receive) -> AsyncIterator[bytes]:
        """The body, counted against the budget for as long as it is needed."""
        body = await read_body(receive, self._max_payload_bytes, self._budget)
        try:
            yield body
        finally:
            self._budget.give_back(len(body))

    async def _keep(self, scope: Scope, body: bytes, environment_id: str) -> None:
        encoding = header(scope, b"content-encoding")
        envelope = Envelope(
            environment=environment_id,
            payload_id=_payload_id(scope),
            seq=self._log.stamp(),
            received_ms=time.time_ns() // 1_000_000,
        )
        if len(body) > INLINE_BYTES:
            async with self._large:
                lines, counts = await asyncio.to_thread(self._lines, body, encoding, envelope)
        else:
            lines, counts = self._lines(body, encoding, envelope)
        if lines:
            await self._log.append(lines)
        _count(counts)

    def _lines(self, body: bytes, encoding: str | None, envelope: Envelope) -> tuple[bytes, Counts]:
        inflated = inflate(body, encoding and encoding.strip().lower(), self._max_payload_bytes)
        return encode_rows(decode_payload(inflated), envelope)


def _payload_id(scope: Scope) -> str | None:
    given = header(scope, b"x-launchdarkly-payload-id")
    if given and len(given) > LONGEST_PAYLOAD_ID:
        return hashlib.sha256(given.encode()).hexdigest()
    return given or None


def _count(counts: Counts) -> None:
    for kind, number in counts.accepted.items():
        ACCEPTED.labels(kind).inc(number)
    for reason, number in counts.quarantined.items():
        QUARANTINED.labels(reason).inc(number)
    DIAGNOSTICS.inc(counts.diagnostics)
