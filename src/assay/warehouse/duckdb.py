"""The embedded engine: DuckDB, one file, no extensions."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from assay.errors import Unavailable
from assay.events.log import Position
from assay.warehouse import tables
from assay.warehouse.engine import Columns, FileFormat, Query, Snapshot

LARGEST_LINE_BYTES = 16_000_000

_COLUMNS = ", ".join(f"{name}: '{kind}'" for name, kind in (tables.LINE | {"event": "json"}).items())

_COPY: dict[FileFormat, str] = {
    "csv": "format csv, header, preserve_order true",
    "ndjson": "format json, preserve_order true",
    "parquet": "format parquet, compression zstd, preserve_order true",
}

# A repeat is a payload id that was loaded under another number, or that stands twice among the new lines.
_REPEATS = """
create or replace temp table repeats as
with arrived as (select distinct env, payload, seq, received_ms from staged where payload is not null),
known as (
    select environment as env, payload, seq, received_ms, true as loaded from payloads
    where received_ms >= (select min(received_ms) from arrived) - $remembered_ms
      and payload in (select payload from arrived)
    union all
    select env, payload, seq, received_ms, false as loaded from arrived
)
select distinct a.seq
from arrived a
join known k on k.env = a.env and k.payload = a.payload and k.seq <> a.seq
where (k.loaded or k.seq < a.seq) and a.received_ms - k.received_ms <= $remembered_ms
"""

# Twice as long as promised, so that a late load forgets nothing too early.
_FORGET = """
delete from payloads where received_ms < (select max(received_ms) from staged) - 2 * $remembered_ms
"""

# A line that is no row (the disk lost it before a crash, so nobody was told that it is kept) must not stop the rest.
_UNREADABLE = (
    """insert into quarantine
    select coalesce(env, ''), coalesce(seq, 0), coalesce(n, 0), coalesce(received_ms, 0), 'unreadable', event
    from staged where env is null or seq is null or n is null or received_ms is null or kind is null""",
    "delete from staged where env is null or seq is null or n is null or received_ms is null or kind is null",
)


# The events of the kinds {{kinds}}, once for each unit, with the attributes that the event tells of that unit (where
# the context's kind is the unit's), and what else came with the event. Users of the old schema keep the
# attributes of their own in `custom`. What is extracted before `unnest` would be copied for every unit.
_TOLD = f"""(
    select *, case
            when told[4] = '"multi"'
                then json_extract(told[1], '/' || replace(replace(unit.kind, '~', '~0'), '/', '~1'))
            when told[1] <> 'null' then told[1]
            when told[2] <> 'null' then json_merge_patch(
                coalesce(json_extract(told[2], '/custom'), '{{{{}}}}'),
                json_merge_patch(told[2], '{{{{"custom": null, "privateAttrs": null}}}}'))
        end as own, nullif(told[3], 'null') as data
    from (
        select *, case when strlen(event) <= {tables.LONGEST_TELLING_BYTES}
            then json_extract(event, ['/context', '/user', '/data', '/context/kind']) end as told
        from (
            select *, unnest(case when len(units) = 0 then [null] else units end) as unit
            from staged
            where kind in ({{kinds}}) and bad is null
        )
    )
)"""
_ATTRIBUTES = (
    """case when contains(own, '"_meta"') then json_merge_patch(own, '{"_meta": null}') else own end"""
)

_INSERTS = (
    """insert into payloads
    select distinct env, payload, seq, received_ms from staged s
    where payload is not null and not exists (
        select 1 from payloads p where p.environment = s.env and p.payload = s.payload and p.seq = s.seq)""",
    f"""insert into flag_events
    select env, key, seq, n, received_ms, at_ms, skewed, version, variation, in_experiment, reason_kind, rule_id,
        unit.kind, unit.key, {_ATTRIBUTES}
    from {_TOLD.format(kinds="'feature'")}""",
    f"""insert into metric_events
    select env, key, kind, seq, n, received_ms, at_ms, skewed, value, unit.kind, unit.key, {_ATTRIBUTES},
        data
    from {_TOLD.format(kinds="'custom', 'click', 'pageview'")}""",
    """insert into evaluations
    select env, tally.flag, seq, n, received_ms, least(coalesce(start_ms, at_ms), at_ms), at_ms, skewed,
        tally.variation, tally.version, coalesce(tally.unknown, false), tally.times, tally.code_default
    from (select *, unnest(tallies) as tally from staged where len(tallies) > 0)
    where bad is null""",
    """insert into quarantine
    select env, seq, n, received_ms, bad, event from staged where bad is not null""",
)

# Who was seen, and the latest that was told of each: the newest event that tells anything is looked up by its place
# before anything is extracted from it (each `seq` is a time in nanoseconds, so `seq + n` is the order of events).
# SDKs leave private attributes out; a context that still names some is kept by its key alone.
_CONTEXTS = (
    f"""create or replace temp table seen as
    select last.env, last.kind, last.key, last.last_seen_ms, s.event
    from (
        select env, unit.kind as kind, unit.key as key, max(received_ms) as last_seen_ms,
            arg_max(place, seq + n) filter (where place is not null) as place
        from (
            select env, seq, n, received_ms, unnest(units) as unit,
                case when strlen(event) <= {tables.LONGEST_TELLING_BYTES}
                    and (contains(event, '"context":{{') or contains(event, '"user":{{')) then rowid end as place
            from staged
            where kind in ('feature', 'custom', 'click', 'pageview', 'index', 'identify') and bad is null
        )
        group by env, unit.kind, unit.key
    ) last
    left join staged s on s.rowid = last.place""",
    f"""insert into contexts
    select env, kind, key, case
            when own is null then null
            when strlen(own) > {tables.LONGEST_ATTRIBUTES_BYTES} or contains(own, '"privateAttribute')
                then json_object('key', key)
            when contains(own, '"_meta"') then json_merge_patch(own, '{{"_meta": null}}')
            else own end,
        last_seen_ms
    from (
        select *, case
            when told[3] = '"multi"'
                then json_extract(told[1], '/' || replace(replace(kind, '~', '~0'), '/', '~1'))
            when told[1] <> 'null' then told[1]
            when told[2] <> 'null' then json_merge_patch(
                coalesce(json_extract(told[2], '/custom'), '{{}}'),
                json_merge_patch(told[2], '{{"custom": null, "privateAttrs": null}}')) end as own
        from (select *, json_extract(event, ['/context', '/user', '/context/kind']) as told from seen)
    )
    on conflict (environment, kind, key) do update set
        attributes = coalesce(excluded.attributes, contexts.attributes),
        last_seen_ms = greatest(excluded.last_seen_ms, contexts.last_seen_ms)""",
)


class DuckDBEngine:
    """Loads from one thread, answers from any; the file is locked against other processes while open."""

    def __init__(self, path: Path, *, memory_mb: int, threads: int, query_timeout_s: int) -> None:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{memory_mb}MB",
            "threads": threads,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": False,
        }
        self._connection = _open(path, config)
        self._query_timeout_s = query_timeout_s
        self._loading = threading.Lock()

    def position(self) -> Position:
        row = self._connection.cursor().execute("select segment, bytes from loaded").fetchone()
        return Position(*row) if row else Position(0, 0)

    def load(self, rows: Path, until: Position) -> int:
        with self._loading, self._connection.cursor() as cursor:
            cursor.execute("begin")
            try:
                repeats = _load(cursor, rows, until)
            except BaseException:
                cursor.execute("rollback")
                raise
            cursor.execute("commit")
            return repeats

    def columns(self, query: Query) -> Columns:
        with self._connection.cursor() as cursor:
            return self._reading(cursor).columns(query)

    def rows(self, query: Query) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            return self._reading(cursor).rows(query)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        with self._connection.cursor() as cursor:
            cursor.execute("begin")
            try:
                yield self._reading(cursor)
            finally:
                cursor.execute("rollback")

    def _reading(self, cursor: duckdb.DuckDBPyConnection) -> "_Reading":
        return _Reading(cursor, self._query_timeout_s)

    def close(self) -> None:
        self._connection.close()


class _Reading:
    """A connection's queries; one that takes longer than anybody should wait is interrupted."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, timeout_s: int) -> None:
        self._cursor = cursor
        self._timeout_s = timeout_s

    def columns(self, query: Query) -> Columns:
        with self._answered(query) as answer:
            return answer.fetchnumpy()

    def rows(self, query: Query) -> list[tuple[Any, ...]]:
        with self._answered(query) as answer:
            return answer.fetchall()

    def keep(self, name: str, query: Query) -> None:
        with self._answered(Query(f"create or replace temp table {name} as {query.sql}", query.parameters)):
            pass

    def write(self, query: Query, path: Path, file_format: FileFormat) -> None:
        place = str(path).replace("'", "''")
        sql = f"copy ({query.sql}) to '{place}' ({_COPY[file_format]})"
        with self._answered(Query(sql, query.parameters)):
            pass

    @contextlib.contextmanager
    def _answered(self, query: Query) -> Iterator[duckdb.DuckDBPyConnection]:
        watch = threading.Timer(self._timeout_s, self._cursor.interrupt)
        watch.start()
        try:
            yield self._cursor.execute(query.sql, dict(query.parameters))
        except duckdb.InterruptException:
            raise Unavailable(f"the query took longer than {self._timeout_s} s") from None
        finally:
            watch.cancel()


def _open(path: Path, config: dict[str, str | bool | int | float | list[str]]) -> duckdb.DuckDBPyConnection:
    """The tables in the file are derived: those of another version are thrown away and loaded anew."""
    connection = duckdb.connect(str(path), config=config)
    if _version(connection) != tables.VERSION:
        connection.close()
        for stale in (path, path.with_name(path.name + ".wal")):
            stale.unlink(missing_ok=True)
        connection = duckdb.connect(str(path), config=config)
        connection.execute("begin")
        for statement in tables.CREATE:
            connection.execute(statement)
        connection.execute("insert into loaded values (?, 0, 0)", [tables.VERSION])
        connection.execute("commit")
    path.chmod(0o600)
    return connection


def _version(connection: duckdb.DuckDBPyConnection) -> int | None:
    known = connection.execute("select 1 from duckdb_tables() where table_name = 'loaded'").fetchone()
    row = connection.execute("select version from loaded").fetchone() if known else None
    return int(row[0]) if row else None


def _load(cursor: duckdb.DuckDBPyConnection, rows: Path, until: Position) -> int:
    cursor.execute(
        f"create or replace temp table staged as select * replace ("
        "coalesce(skewed, false) as skewed, coalesce(in_experiment, false) as in_experiment, "
        "coalesce(units, []) as units) "
        f"from read_ndjson($rows, columns = {{{_COLUMNS}}}, maximum_object_size = {LARGEST_LINE_BYTES}, "
        "ignore_errors = true)",
        {"rows": str(rows)},
    )
    for statement in _UNREADABLE:
        cursor.execute(statement)
    cursor.execute(_REPEATS, {"remembered_ms": tables.REMEMBERED_MS})
    counted = cursor.execute("select count(*) from repeats").fetchone()
    cursor.execute("delete from staged where seq in (select seq from repeats)")
    for statement in (*_INSERTS, *_CONTEXTS):
        cursor.execute(statement)
    cursor.execute(_FORGET, {"remembered_ms": tables.REMEMBERED_MS})
    cursor.execute("update loaded set segment = ?, bytes = ?", [until.segment, until.offset])
    return int(counted[0]) if counted else 0
