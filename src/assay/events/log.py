"""The append-only log of events: newline-delimited JSON segments, one `fdatasync` for all that wait.

A line is on the disk before `append` returns. The writer takes whatever came in while the last sync ran, so
that a group is as large as the disk is slow, and no timer is needed.
"""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import msgspec

from assay.errors import LogUnavailable

SUFFIX = ".ndjson"

# Payloads are numbered when they arrive and written when they are read: a small one may overtake a large one.
# So after a restart no number is given again that might have been given up to this long after the last one written.
OVERTAKING_NS = 60_000_000_000


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the log: all bytes of earlier segments and the first `offset` bytes of `segment`."""

    segment: int
    offset: int


class _Mark(msgspec.Struct):
    """The fields by which recovery tells a whole payload from a torn one."""

    seq: int
    n: int
    of: int


def segment_path(folder: Path, segment: int) -> Path:
    return folder / f"{segment:012d}{SUFFIX}"


def segments(folder: Path) -> list[int]:
    """The numbers of the segments in the folder, ascending."""
    return sorted(int(path.stem) for path in folder.glob(f"*{SUFFIX}"))


class EventLog:
    """The writing end. One process holds it at a time; the caller sees to that."""

    def __init__(
        self, folder: Path, *, segment_bytes: int, max_pending_bytes: int, floor_seq: int = 0
    ) -> None:
        """Opens the log and drops a torn last payload. `floor_seq`: no number up to this one is given again."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._max_pending_bytes = max_pending_bytes
        self._last_seq = max(floor_seq, _recover(folder) + OVERTAKING_NS)
        self._pending: list[tuple[bytes, Future[None]]] = []
        self._pending_bytes = 0
        self._changed = threading.Condition()
        self._closing = False
        self._listeners: list[Callable[[], None]] = []
        existing = segments(folder)
        self._file = _open_segment(folder, existing[-1] if existing else 1)
        self._durable = Position(existing[-1] if existing else 1, os.fstat(self._file).st_size)
        self._writer = threading.Thread(target=self._write_groups, name="event-log", daemon=True)
        self._writer.start()

    @property
    def durable(self) -> Position:
        """All before this place is on the disk."""
        return self._durable

    def stamp(self) -> int:
        """A number larger than that of every payload accepted before, smaller than every later one's."""
        with self._changed:
            self._last_seq = max(time.time_ns(), self._last_seq + 1)
            return self._last_seq

    def on_durable(self, listener: Callable[[], None]) -> None:
        """`listener` is called in the writer's thread each time `durable` has moved."""
        self._listeners.append(listener)

    async def append(self, lines: bytes) -> None:
        """Returns when `lines` (whole lines of one payload) are on the disk; else raises `LogUnavailable`."""
        await asyncio.wrap_future(self.submit(lines))

    def submit(self, lines: bytes) -> Future[None]:
        """The same for callers without an event loop."""
        written: Future[None] = Future()
        with self._changed:
            if self._closing:
                raise LogUnavailable("the event log is closed")
            if self._pending_bytes + len(lines) > self._max_pending_bytes:
                raise LogUnavailable("too many events are waiting to be written")
            self._pending.append((lines, written))
            self._pending_bytes += len(lines)
            self._changed.notify()
        return written

    def close(self) -> None:
        """Writes what is pending, then stops."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._writer.join()
        os.close(self._file)

    def _write_groups(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._closing)
                group, self._pending, self._pending_bytes = self._pending, [], 0
            if not group:
                return
            self._write_group(group)

    def _write_group(self, group: list[tuple[bytes, Future[None]]]) -> None:
        try:
            self._write(b"".join(lines for lines, _ in group))
        except OSError as error:
            # Nobody was told that these bytes are kept; if this fails too, the next write does it first.
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._durable.offset)
            for _, written in group:
                _settle(written, LogUnavailable(f"the event log can't be written: {error.strerror}"))
            return
        for _, written in group:
            _settle(written, None)
        for listener in self._listeners:
            listener()

    def _write(self, block: bytes) -> None:
        if self._durable.offset >= self._segment_bytes:
            self._next_segment()
        if os.fstat(self._file).st_size != self._durable.offset:
            # A group that failed left bytes behind, which must not stand before what comes next.
            os.ftruncate(self._file, self._durable.offset)
        view = memoryview(block)
        while view:
            view = view[os.write(self._file, view) :]
        os.fdatasync(self._file)
        self._durable = Position(self._durable.segment, self._durable.offset + len(block))

    def _next_segment(self) -> None:
        full, self._file = self._file, _open_segment(self._folder, self._durable.segment + 1)
        self._durable = Position(self._durable.segment + 1, 0)
        os.close(full)


def _settle(written: Future[None], error: Exception | None) -> None:
    """A waiter whose client went away has cancelled its future; the events are kept all the same."""
    if not written.set_running_or_notify_cancel():
        return
    if error is None:
        written.set_result(None)
    else:
        written.set_exception(error)


def _open_segment(folder: Path, segment: int) -> int:
    opened = os.open(segment_path(folder, segment), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        _sync_names(folder)
    except OSError:
        os.close(opened)
        raise
    return opened


def _sync_names(folder: Path) -> None:
    """Makes a new file's name survive a crash."""
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _recover(folder: Path) -> int:
    """Cuts a torn payload off the last segment that holds any; the last number given, or 0."""
    for segment in reversed(segments(folder)):
        path = segment_path(folder, segment)
        content = path.read_bytes()
        end, last_seq = _whole_payloads(content)
        if end < len(content):
            with path.open("r+b") as file:
                file.truncate(end)
                os.fsync(file.fileno())
        if end:
            return last_seq
    return 0


def _whole_payloads(content: bytes) -> tuple[int, int]:
    """Where the last whole payload ends, and its number; read from the end, so that a long log costs nothing."""
    end = content.rfind(b"\n") + 1
    torn_seq: int | None = None
    while end:
        start = content.rfind(b"\n", 0, end - 1) + 1
        mark = _mark(content[start:end])
        if mark is not None and mark.seq != torn_seq and mark.n == mark.of - 1:
            return end, mark.seq
        torn_seq = mark.seq if mark is not None else torn_seq
        end = start
    return 0, 0


def _mark(line: bytes) -> _Mark | None:
    try:
        return msgspec.json.decode(line, type=_Mark)
    except (ValueError, msgspec.DecodeError):
        return None
