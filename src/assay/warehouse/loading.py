"""From the log to the tables: a thread that loads whatever has become durable, in order, exactly once."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from assay.events.log import Position, segment_path, segments
from assay.warehouse.engine import Engine

CHUNK_BYTES = 32_000_000
FIRST_RETRY_S = 0.5

# A load costs some twenty milliseconds however small it is, so small ones are gathered, unless somebody waits.
GATHER_S = 0.5
LONGEST_RETRY_S = 30.0

Report = Callable[[str, dict[str, object]], None]


class Loader:
    """Follows the log's durable end. `report(event, fields)` hears of what was loaded and what failed."""

    def __init__(
        self, folder: Path, engine: Engine, *, durable: Callable[[], Position], report: Report
    ) -> None:
        self._folder = folder
        self._engine = engine
        self._durable = durable
        self._report = report
        self._loaded = engine.position()
        self._changed = threading.Condition()
        self._closing = False
        self._wanted = 0
        self._thread = threading.Thread(target=self._run, name="loader", daemon=True)

    @property
    def loaded(self) -> Position:
        """All before this place is in the tables."""
        return self._loaded

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is more to load."""
        with self._changed:
            self._changed.notify_all()

    def wait_until(self, position: Position, timeout_s: float) -> bool:
        """Waits until the tables hold all before `position`; False where that took too long."""
        with self._changed:
            self._wanted += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: self._loaded >= position, timeout_s)
            finally:
                self._wanted -= 1

    def close(self) -> None:
        """Finishes the piece in hand and stops; the rest is loaded after the next start."""
        self._closing = True
        self.wake()
        self._thread.join()

    def _run(self) -> None:
        retry_s = FIRST_RETRY_S
        while not self._closing:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._loaded < self._durable())
            try:
                self._load_pieces()
                retry_s = FIRST_RETRY_S
                self._gather()
            except Exception as error:  # the loop must outlive whatever the engine meets
                self._report("loading_failed", {"error": repr(error), "retry_s": retry_s})
                self._pause(retry_s)  # however many wait: a load that fails is not asked for more often
                retry_s = min(2 * retry_s, LONGEST_RETRY_S)

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing, seconds)

    def _gather(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._waited_for(), GATHER_S)

    def _waited_for(self) -> bool:
        return self._wanted > 0 and self._loaded < self._durable()

    def _load_pieces(self) -> None:
        while not self._closing and self._loaded < (durable := self._durable()):
            started = time.monotonic()
            piece, until = next_piece(self._folder, self._loaded, durable)
            repeats = load_piece(self._folder, self._engine, piece, until)
            with self._changed:
                self._loaded = until
                self._changed.notify_all()
            took_s = round(time.monotonic() - started, 4)
            self._report("loaded", {"bytes": len(piece), "repeats": repeats, "took_s": took_s})


def next_piece(folder: Path, loaded: Position, durable: Position) -> tuple[bytes, Position]:
    """The next whole lines after `loaded`, and where they end; empty at the end of a segment."""
    if loaded.segment < durable.segment and loaded.offset >= _size(folder, loaded.segment):
        later = [segment for segment in segments(folder) if segment > loaded.segment]
        return b"", Position(later[0], 0)
    end = durable.offset if loaded.segment == durable.segment else _size(folder, loaded.segment)
    with segment_path(folder, loaded.segment).open("rb") as file:
        file.seek(loaded.offset)
        piece = file.read(min(CHUNK_BYTES, end - loaded.offset))
    piece = piece[: piece.rfind(b"\n") + 1]
    return piece, Position(loaded.segment, loaded.offset + len(piece))


def load_piece(folder: Path, engine: Engine, piece: bytes, until: Position) -> int:
    """Hands lines to the engine by a file, the only way that it reads them fast."""
    # A name of its own for each piece: an engine may remember what it read from a path.
    for stale in folder.parent.glob("loading*.ndjson"):
        stale.unlink()
    rows = folder.parent / f"loading-{until.segment}-{until.offset}.ndjson"
    rows.write_bytes(piece)
    try:
        return engine.load(rows, until)
    finally:
        rows.unlink()


def _size(folder: Path, segment: int) -> int:
    path = segment_path(folder, segment)
    return path.stat().st_size if path.exists() else 0
