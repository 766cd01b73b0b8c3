"""Every setting in one table: name, type, default, unit and help; read once, at start."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.errors import AssayError


class InvalidSetting(AssayError):
    """A setting has a value of the wrong type or outside its range; it is never repaired silently."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. `least` and `most` bound the value, for numbers."""

    name: str
    kind: type
    default: str | int
    unit: str
    help: str
    least: int = 0
    most: int = 2**63 - 1

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"ASSAY_{self.name.upper()}"


TABLE = (
    Setting("data", str, "assay-data", "folder", "where everything is kept: metadata, event log, tables"),
    Setting("host", str, "127.0.0.1", "address", "the address to listen on; 0.0.0.0 for every interface"),
    Setting("port", int, 8030, "port", "the one port of everything; 0 takes a free one", most=65_535),
    Setting("admin_token", str, "", "token", "presets the first admin token; empty makes a random one"),
    Setting("log_level", str, "info", "level", "debug, info, warning or error"),
    Setting("rate_limit", int, 5000, "requests in 10 s", "REST requests allowed for each access token", 1),
    Setting("results_rate_limit", int, 500, "requests in 10 s", "results requests allowed for each token", 1),
    Setting("max_body_bytes", int, 5_000_000, "bytes", "the largest body of a REST request", 1000),
    Setting("max_payload_bytes", int, 64_000_000, "bytes", "the largest payload of events, inflated", 1000),
    Setting(
        "max_pending_bytes",
        int,
        512_000_000,
        "bytes",
        "events in memory before they are on disk; more get a 503",
    ),
    Setting("segment_bytes", int, 64_000_000, "bytes", "an event log segment is closed at this size", 1000),
    Setting("heartbeat_s", int, 30, "seconds", "between two comments on an idle stream", 1),
    Setting("stream_backlog", int, 256, "messages", "a stream this far behind is closed", 1),
    Setting("duckdb_memory_mb", int, 1024, "megabytes", "memory DuckDB may use before it spills to disk", 64),
    Setting("duckdb_threads", int, 2, "threads", "threads DuckDB may use", 1),
    Setting("query_timeout_s", int, 60, "seconds", "a query of the tables that takes longer is a 503", 1),
)

LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Settings:
    """The values in force, one field for each row of `TABLE`."""

    data: Path
    host: str
    port: int
    admin_token: str
    log_level: str
    rate_limit: int
    results_rate_limit: int
    max_body_bytes: int
    max_payload_bytes: int
    max_pending_bytes: int
    segment_bytes: int
    heartbeat_s: int
    stream_backlog: int
    duckdb_memory_mb: int
    duckdb_threads: int
    query_timeout_s: int

    def __repr__(self) -> str:
        return f"Settings(data={self.data}, host={self.host}, port={self.port})"


def read_settings(
    given: Mapping[str, object] | None = None, environ: Mapping[str, str] = os.environ
) -> Settings:
    """The settings: what was `given` (a command's options) before the environment before the default."""
    options = {name: value for name, value in (given or {}).items() if value is not None}
    unknown = options.keys() - {row.name for row in TABLE}
    if unknown:
        raise InvalidSetting(f"unknown settings: {', '.join(sorted(unknown))}")
    values = {
        row.name: _value(row, options.get(row.name, environ.get(row.variable, row.default))) for row in TABLE
    }
    if values["log_level"] not in LOG_LEVELS:
        raise InvalidSetting(f"log_level is one of {', '.join(LOG_LEVELS)}, not {values['log_level']!r}")
    values["data"] = Path(str(values["data"]))
    return Settings(**values)  # type: ignore[arg-type]  # the table and the fields are held together by a test


def _value(row: Setting, raw: object) -> str | int | Path:
    if row.kind is str:
        return str(raw)
    try:
        number = int(str(raw))
    except ValueError:
        raise InvalidSetting(f"{row.variable} is a whole number, not {raw!r}") from None
    if number < row.least:
        raise InvalidSetting(f"{row.variable} is at least {row.least}, not {number}")
    if number > row.most:
        raise InvalidSetting(f"{row.variable} is at most {row.most}, not {number}")
    return number
