"""Real tables on a temporary folder, loaded from lines as the log holds them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.events.log import Position
from assay.events.rows import Envelope, encode_rows
from assay.warehouse.duckdb import DuckDBEngine
from assay.warehouse.engine import Query
from assay.warehouse.loading import load_piece

RECEIVED_MS = 1_800_000_000_000
COUNTED = ("flag_events", "metric_events", "quarantine", "payloads")


def open_engine(path: Path, threads: int = 1) -> DuckDBEngine:
    return DuckDBEngine(path, memory_mb=256, threads=threads, query_timeout_s=60)


def lines(
    events: list[Any],
    seq: int,
    payload_id: str | None = None,
    env: str = "env",
    received_ms: int = RECEIVED_MS,
) -> bytes:
    return encode_rows(events, Envelope(env, payload_id, seq, received_ms))[0]


@dataclass
class Tables:
    """An engine and how far it was loaded."""

    folder: Path
    engine: DuckDBEngine
    offset: int = 0

    def load(self, *payloads: bytes) -> int:
        """Loads the payloads in one piece; how many were repeats."""
        piece = b"".join(payloads)
        self.offset += len(piece)
        return load_piece(self.folder / "log", self.engine, piece, Position(1, self.offset))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.engine.rows(Query(sql, {}))

    def count(self, table: str) -> int:
        number: int = self.rows(f"select count(*) from {table}")[0][0]
        return number

    def counts(self) -> dict[str, int]:
        return {table: self.count(table) for table in COUNTED}

    def empty(self) -> None:
        """As new."""
        for table in COUNTED:
            self.rows(f"delete from {table}")

    def reopen(self) -> None:
        self.engine.close()
        self.engine = open_engine(self.folder / "tables.duckdb")
