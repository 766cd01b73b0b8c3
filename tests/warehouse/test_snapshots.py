"""A snapshot is one moment of the tables for one thread: nothing that is loaded or breaks meanwhile gets in or out."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from assay.errors import Unavailable
from assay.warehouse.duckdb import DuckDBEngine
from assay.warehouse.engine import Query, Snapshot
from live import exposure, tracked
from warehouse.tables import Tables, lines

# Takes minutes, if nobody interrupts it.
ENDLESS = Query("select sum(a.i * b.i) from range(1000000) a(i), range(1000000) b(i)", {})


def units(seq: int, count: int = 20) -> bytes:
    """As many exposures as metric events, so that what is half loaded shows."""
    events = [exposure(f"u{seq}-{index}", index % 2, 5) for index in range(count)]
    return lines([*events, *(tracked(f"u{seq}-{index}", 6) for index in range(count))], seq)


def counted(reader: Snapshot | DuckDBEngine) -> tuple[int, int]:
    sql = "select (select count(*) from flag_events), (select count(*) from metric_events)"
    ((exposures, tracks),) = reader.rows(Query(sql, {}))
    return exposures, tracks


def numbers(snapshot: Snapshot) -> list[int]:
    return [number for (number,) in snapshot.rows(Query("select n from kept order by n", {}))]


def test_what_is_loaded_meanwhile_is_not_in_it_and_is_afterwards(tables: Tables) -> None:
    tables.load(units(1))
    with tables.engine.snapshot() as snapshot:
        assert counted(snapshot) == (20, 20)
        with ThreadPoolExecutor(1) as other:
            other.submit(tables.load, units(2)).result(30)
        assert counted(tables.engine) == (40, 40)
        assert counted(snapshot) == (20, 20)
        snapshot.keep("kept", Query("select distinct unit_key from flag_events", {}))
        assert snapshot.rows(Query("select count(*) from kept", {})) == [(20,)]
    with tables.engine.snapshot() as later:
        assert counted(later) == (40, 40)


def test_each_of_many_loads_is_wholly_in_or_wholly_out(tables: Tables) -> None:
    loads, done = 12, threading.Event()

    def load() -> None:
        for seq in range(1, loads + 1):
            tables.load(units(seq))
        done.set()

    seen = []
    with ThreadPoolExecutor(1) as other:
        loading = other.submit(load)
        while not done.is_set() and not loading.done():
            with tables.engine.snapshot() as snapshot:
                first = counted(snapshot)
                ((exposures,),) = snapshot.rows(Query("select count(*) from flag_events", {}))
                ((tracks,),) = snapshot.rows(Query("select count(*) from metric_events", {}))
                seen.append((first, exposures, tracks))
        loading.result(30)
    for first, exposures, tracks in seen:
        assert first == (exposures, tracks)
        assert exposures == tracks
        assert exposures % 20 == 0
    assert counted(tables.engine) == (20 * loads, 20 * loads)


def test_kept_tables_of_two_snapshots_never_meet(tables: Tables) -> None:
    with tables.engine.snapshot() as one, tables.engine.snapshot() as other:
        one.keep("kept", Query("select 1 as n", {}))
        other.keep("kept", Query("select i as n from range($first, 5) r(i)", {"first": 3}))
        assert (numbers(one), numbers(other)) == ([1], [3, 4])
        one.keep("kept", Query("select 7 as n", {}))
        assert (numbers(one), numbers(other)) == ([7], [3, 4])


def test_what_was_kept_is_gone_at_the_end(tables: Tables) -> None:
    with tables.engine.snapshot() as snapshot:
        snapshot.keep("kept", Query("select 1 as n", {}))
    with tables.engine.snapshot() as snapshot, pytest.raises(duckdb.CatalogException):
        numbers(snapshot)
    with pytest.raises(duckdb.CatalogException):
        tables.rows("select n from kept")


def test_many_threads_keep_tables_of_one_name_at_once(tables: Tables) -> None:
    tables.load(units(1))
    together = threading.Barrier(6)

    def kept(number: int) -> list[int]:
        with tables.engine.snapshot() as snapshot:
            found = []
            for turn in range(5):
                together.wait(30)
                snapshot.keep("kept", Query("select $n as n from flag_events", {"n": number * 100 + turn}))
                found += sorted(set(numbers(snapshot)))
            return found

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(kept, range(6)))
    assert answers == [[number * 100 + turn for turn in range(5)] for number in range(6)]


def test_an_error_inside_leaves_the_engine_and_the_next_snapshot_whole(tables: Tables) -> None:
    tables.load(units(1))
    wrong = Query("select no_such_column from flag_events", {})
    with pytest.raises(duckdb.Error, match="no_such_column"), tables.engine.snapshot() as snapshot:
        snapshot.keep("kept", wrong)
    with pytest.raises(ZeroDivisionError), tables.engine.snapshot():
        _ = 1 / 0
    tables.load(units(2))
    with tables.engine.snapshot() as snapshot:
        assert counted(snapshot) == (40, 40)
        snapshot.keep("kept", Query("select 2 as n", {}))
        assert numbers(snapshot) == [2]


def test_a_timeout_inside_is_said_and_harms_nobody_else(tables: Tables) -> None:
    tables.load(units(1))
    tables.engine._query_timeout_s = 1
    with tables.engine.snapshot() as other:
        assert counted(other) == (20, 20)
        with pytest.raises(Unavailable, match="longer than 1 s"), tables.engine.snapshot() as snapshot:
            snapshot.keep("kept", ENDLESS)
        assert counted(other) == (20, 20)
    tables.load(units(2))
    with tables.engine.snapshot() as later:
        assert counted(later) == (40, 40)


def test_a_file_is_of_the_snapshots_moment_and_a_refused_one_harms_nothing(
    tables: Tables, tmp_path: Path
) -> None:
    tables.load(units(1, count=3))
    whose = Query("select unit_key from flag_events where variation = $v order by unit_key", {"v": 0})
    with tables.engine.snapshot() as snapshot:
        assert counted(snapshot) == (3, 3)
        tables.load(units(2, count=3))
        snapshot.write(whose, tmp_path / "it's.csv", "csv")
    assert (tmp_path / "it's.csv").read_text() == "unit_key\nu1-0\nu1-2\n"
    with pytest.raises(duckdb.Error), tables.engine.snapshot() as snapshot:
        snapshot.write(whose, tmp_path / "missing" / "file.csv", "csv")
    with tables.engine.snapshot() as snapshot:
        assert counted(snapshot) == (6, 6)
