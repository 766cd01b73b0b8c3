"""A log on a temporary folder, and payloads to put into it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assay.events.log import EventLog, segment_path, segments
from assay.events.rows import Envelope, encode_rows
from live import tracked

ROOMY = 2**62


@contextmanager
def opened(
    folder: Path, segment_bytes: int = ROOMY, pending: int = ROOMY, floor: int = 0
) -> Iterator[EventLog]:
    log = EventLog(folder, segment_bytes=segment_bytes, max_pending_bytes=pending, floor_seq=floor)
    try:
        yield log
    finally:
        log.close()


def payload(seq: int, events: int = 2, **more: Any) -> bytes:
    """The lines of a payload numbered `seq`."""
    envelope = Envelope("env", f"payload-{seq}", seq, 1_800_000_000_000)
    return encode_rows([tracked(f"unit-{n}\u2028é", 1, **more) for n in range(events)], envelope)[0]


def kept(folder: Path) -> bytes:
    """All that the segments hold, in order."""
    return b"".join(segment_path(folder, segment).read_bytes() for segment in segments(folder))


def append(log: EventLog, *payloads: bytes) -> None:
    """Each in a write of its own, so that rotation is the same every time."""
    for lines in payloads:
        log.submit(lines).result(10)
