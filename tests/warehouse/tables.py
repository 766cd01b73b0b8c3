"""Real tables on a temporary folder, loaded from lines as the log holds them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.events.log import Position
from assay.events.rows import Envelope, encode_rows
from assay.experiments.metric import Metric
from assay.warehouse.duckdb import DuckDBEngine
from assay.warehouse.engine import Query
from assay.warehouse.loading import load_piece
from assay.warehouse.queries.exposed_units import exposed_units
from assay.warehouse.queries.exposures import ExposureScope
from assay.warehouse.queries.unit_values import (
    EventValues,
    FunnelSteps,
    UnitValues,
    event_values,
    funnel_steps,
    unit_values,
)

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

    def exposed_counts(self, scope: ExposureScope) -> tuple[tuple[int, ...], int]:
        """The units of each variation, and how many were left out."""
        with self.engine.snapshot() as snapshot:
            exposed = exposed_units(snapshot, scope)
            return exposed.counts(), exposed.left_out

    def unit_values(
        self, scope: ExposureScope, metric: Metric, *, covariate_days: int = 0, slice_by: str | None = None
    ) -> UnitValues:
        with self.engine.snapshot() as snapshot:
            exposed = exposed_units(snapshot, scope, slice_by=slice_by)
            return unit_values(exposed, metric, covariate_days=covariate_days)

    def event_values(
        self, scope: ExposureScope, metric: Metric, *, slice_by: str | None = None
    ) -> EventValues:
        with self.engine.snapshot() as snapshot:
            return event_values(exposed_units(snapshot, scope, slice_by=slice_by), metric)

    def funnel_steps(self, scope: ExposureScope, metrics: Sequence[Metric]) -> FunnelSteps:
        with self.engine.snapshot() as snapshot:
            return funnel_steps(exposed_units(snapshot, scope), metrics)

    def reopen(self) -> None:
        self.engine.close()
        self.engine = open_engine(self.folder / "tables.duckdb")
