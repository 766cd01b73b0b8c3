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
from assay.sdk.arrivals import Arrivals
from assay.sdk.credentials import FindPlace
from assay.sdk.endpoint import Exchange, Handler
from assay.sdk.wire import Budget, Receive, decode_base64, inflate, read_body

LONGEST_PAYLOAD_ID = 64

# Schemas of events that know no summaries.
BEFORE_SUMMARIES = ("1", "2")

# A transparent GIF of one pixel.
ONE_PIXEL = bytes.fromhex(
    "47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b"
)

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
    """The handlers of every endpoint that events arrive at."""

    def __init__(self, log: EventLog, budget: Budget, arrivals: Arrivals, *, max_payload_bytes: int) -> None:
        self._log = log
        self._arrivals = arrivals
        self._max_payload_bytes = max_payload_bytes
        self._budget = budget
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)

    def events(self, find_place: FindPlace) -> Handler:
        """Payloads of events from SDKs that show their environment by `find_place`."""

        async def handle(exchange: Exchange) -> None:
            try:
                _, environment = find_place(exchange)
                async with self._body(exchange.receive) as body:
                    with ACK_S.time():
                        await self._keep(exchange, body, environment.id)
            except AssayError as error:
                PAYLOADS.labels(str(error.status)).inc()
                raise
            PAYLOADS.labels("202").inc()
            await exchange.answer(202)

        return handle

    def diagnostic(self, find_place: FindPlace) -> Handler:
        """Read to the end and dropped: it describes the SDK, not the units."""

        async def handle(exchange: Exchange) -> None:
            find_place(exchange)
            async with self._body(exchange.receive):
                DIAGNOSTICS.inc()
            await exchange.answer(202)

        return handle

    def image(self, find_place: FindPlace) -> Handler:
        """Events in the query of an image's address, from browsers that can post to their own origin only."""

        async def handle(exchange: Exchange) -> None:
            _, environment = find_place(exchange)
            body = decode_base64(exchange.query("d") or "")
            await self._keep(exchange, body, environment.id)
            await exchange.answer(200, [(b"content-type", b"image/gif")], ONE_PIXEL)

        return handle

    @contextlib.asynccontextmanager
    async def _body(self, receive: Receive) -> AsyncIterator[bytes]:
        """The body, counted against the budget for as long as it is needed."""
        body = await read_body(receive, self._max_payload_bytes, self._budget)
        try:
            yield body
        finally:
            self._budget.give_back(len(body))

    async def _keep(self, exchange: Exchange, body: bytes, environment_id: str) -> None:
        encoding = exchange.header(b"content-encoding")
        envelope = Envelope(
            environment=environment_id,
            payload_id=_payload_id(exchange.header(b"x-launchdarkly-payload-id")),
            seq=self._log.stamp(),
            received_ms=time.time_ns() // 1_000_000,
            unsummarized=_unsummarized(exchange),
        )
        if len(body) > INLINE_BYTES:
            async with self._large:
                lines, counts = await asyncio.to_thread(self._lines, body, encoding, envelope)
        else:
            lines, counts = self._lines(body, encoding, envelope)
        if lines:
            await self._log.append(lines)
        _count(counts)
        quarantined = {"quarantined": sum(counts.quarantined.values())} if counts.quarantined else {}
        self._arrivals.add(environment_id, _sdk(exchange), counts.accepted | quarantined)

    def _lines(self, body: bytes, encoding: str | None, envelope: Envelope) -> tuple[bytes, Counts]:
        inflated = inflate(body, encoding and encoding.strip().lower(), self._max_payload_bytes)
        return encode_rows(decode_payload(inflated), envelope)


def _sdk(exchange: Exchange) -> str:
    """The sender's name for itself; pages can't set the header that others use."""
    given = exchange.header(b"x-launchdarkly-user-agent") or exchange.header(b"user-agent") or "unnamed"
    return given.partition(" ")[0]


def _payload_id(given: str | None) -> str | None:
    if given and len(given) > LONGEST_PAYLOAD_ID:
        return hashlib.sha256(given.encode()).hexdigest()
    return given or None


def _unsummarized(exchange: Exchange) -> bool:
    """Whether the sender says that it summarizes nothing: PHP by a header, SDKs of old by their schema."""
    schema = exchange.header(b"x-launchdarkly-event-schema")
    return schema in BEFORE_SUMMARIES or exchange.header(b"x-launchdarkly-unsummarized") == "true"


def _count(counts: Counts) -> None:
    for kind, number in counts.accepted.items():
        ACCEPTED.labels(kind).inc(number)
    for reason, number in counts.quarantined.items():
        QUARANTINED.labels(reason).inc(number)
    DIAGNOSTICS.inc(counts.diagnostics)
