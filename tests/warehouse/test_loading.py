"""From the log to the tables: in order, exactly once, across pieces, segments, failures and restarts."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assay.events.log import EventLog, Position
from assay.warehouse import loading
from assay.warehouse.duckdb import DuckDBEngine
from assay.warehouse.loading import Loader, load_piece, next_piece
from events.logs import append, opened
from live import exposure, tracked
from warehouse.tables import Tables, lines, open_engine


def payload(seq: int) -> bytes:
    """Three lines about a unit of its own."""
    unit = f"unit-{seq}"
    events = [exposure(unit, seq % 2, seq), tracked(unit, seq, metricValue=seq), tracked(unit, seq + 1)]
    return lines(events, seq, f"payload-{seq}")


def rows(tables: Tables) -> list[list[tuple[object, ...]]]:
    return [tables.rows(f"select * from {name} order by all") for name in ("flag_events", "metric_events")]


@contextmanager
def loading_from(
    folder: Path, engine: DuckDBEngine, log: EventLog
) -> Iterator[tuple[Loader, list[tuple[str, dict[str, object]]]]]:
    reports: list[tuple[str, dict[str, object]]] = []
    loader = Loader(folder, engine, durable=lambda: log.durable, report=lambda *said: reports.append(said))
    log.on_durable(loader.wake)
    loader.start()
    try:
        yield loader, reports
    finally:
        loader.close()


def load_everything(folder: Path, tables: Tables, log: EventLog) -> None:
    """What a replay does, in the caller's thread."""
    position = tables.engine.position()
    while position < log.durable:
        piece, position = next_piece(folder, position, log.durable)
        load_piece(folder, tables.engine, piece, position)


def test_what_is_durable_is_soon_in_the_tables(tables: Tables) -> None:
    folder = tables.folder / "log"
    with opened(folder) as log, loading_from(folder, tables.engine, log) as (loader, _):
        for seq in range(1, 6):
            append(log, payload(seq))
            assert loader.wait_until(log.durable, 10)
            assert tables.count("flag_events") == seq
        assert loader.loaded == tables.engine.position() == log.durable


def test_waiting_for_what_is_never_written_ends(tables: Tables) -> None:
    folder = tables.folder / "log"
    with opened(folder) as log, loading_from(folder, tables.engine, log) as (loader, _):
        assert not loader.wait_until(Position(9, 9), 0.05)


@pytest.mark.parametrize("chunk", [200, 700, 1_500, 10_000_000])
@pytest.mark.parametrize("segment", [1, 2_000, 10_000_000])
def test_pieces_and_segments_of_any_size_give_the_same_rows(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, chunk: int, segment: int
) -> None:
    folder = tables.folder / "log"
    with opened(folder, segment_bytes=segment) as log:
        append(log, *(payload(seq) for seq in range(1, 9)))
        monkeypatch.setattr(
            loading, "CHUNK_BYTES", max(chunk, len(payload(1).splitlines(keepends=True)[0]) + 200)
        )
        load_everything(folder, tables, log)
    assert tables.counts() == {"flag_events": 8, "metric_events": 16, "quarantine": 0, "payloads": 8}
    assert sorted(tables.rows("select seq, n from metric_events")) == [
        (s, n) for s in range(1, 9) for n in (1, 2)
    ]


def test_loading_goes_on_after_a_restart_between_any_two_pieces(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "CHUNK_BYTES", 900)
    folder = tables.folder / "log"
    with opened(folder, segment_bytes=3_000) as log:
        append(log, *(payload(seq) for seq in range(1, 9)))
        steps = 0
        while tables.engine.position() < log.durable:
            piece, until = next_piece(folder, tables.engine.position(), log.durable)
            load_piece(folder, tables.engine, piece, until)
            tables.reopen()
            steps += 1
    assert steps > 8
    assert tables.counts() == {"flag_events": 8, "metric_events": 16, "quarantine": 0, "payloads": 8}


def test_a_replay_gives_the_rows_that_loading_payload_by_payload_gave(tables: Tables) -> None:
    folder = tables.folder / "log"
    with opened(folder, segment_bytes=1_000) as log:
        for seq in range(1, 12):
            append(log, payload(seq if seq % 4 else seq - 1))
            load_everything(folder, tables, log)
        replayed = Tables(tables.folder, open_engine(tables.folder / "replayed.duckdb", threads=2))
        load_everything(folder, replayed, log)
    assert rows(replayed) == rows(tables)
    assert replayed.engine.position() == tables.engine.position()
    replayed.engine.close()


def test_the_loader_outlives_an_engine_that_fails_and_loads_everything_once(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tables.folder / "log"
    monkeypatch.setattr(loading, "FIRST_RETRY_S", 0.01)
    monkeypatch.setattr(tables.engine, "load", failing(tables.engine.load, times=3))
    with opened(folder) as log, loading_from(folder, tables.engine, log) as (loader, reports):
        append(log, payload(1), payload(2))
        assert loader.wait_until(log.durable, 10)
    assert [name for name, _ in reports].count("loading_failed") == 3
    assert tables.counts()["metric_events"] == 4


def test_a_load_that_committed_without_the_loader_knowing_is_not_made_again(tables: Tables) -> None:
    folder = tables.folder / "log"
    with opened(folder) as log:
        append(log, payload(1))
        load_everything(folder, tables, log)  # as if the process had died right after the commit
        tables.reopen()
        with loading_from(folder, tables.engine, log) as (loader, _):
            append(log, payload(2))
            assert loader.wait_until(log.durable, 10)
    assert tables.counts()["metric_events"] == 4


def test_a_piece_left_by_a_killed_process_does_not_get_in_the_way(tables: Tables) -> None:
    (tables.folder / "loading.ndjson").write_bytes(payload(99) * 50)
    folder = tables.folder / "log"
    with opened(folder) as log:
        append(log, payload(1))
        load_everything(folder, tables, log)
    assert tables.counts()["flag_events"] == 1
    assert not (tables.folder / "loading.ndjson").exists()


def test_bytes_that_are_not_durable_yet_are_not_loaded(tables: Tables) -> None:
    folder = tables.folder / "log"
    with opened(folder) as log:
        append(log, payload(1), payload(2))
        middle = Position(1, len(payload(1)))
        piece, until = next_piece(folder, Position(1, 0), middle)
    assert (piece, until) == (payload(1), middle)


def test_a_stop_waits_for_the_piece_in_hand_only(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tables.folder / "log"
    begun, go_on = threading.Event(), threading.Event()
    load = tables.engine.load

    def slow(rows: Path, until: Position) -> int:
        begun.set()
        go_on.wait(10)
        return load(rows, until)

    monkeypatch.setattr(loading, "CHUNK_BYTES", len(payload(1)))
    monkeypatch.setattr(tables.engine, "load", slow)
    with opened(folder) as log:
        append(log, payload(1), payload(2), payload(3))
        loader = Loader(folder, tables.engine, durable=lambda: log.durable, report=lambda *_: None)
        loader.start()
        begun.wait(10)
        closing = threading.Thread(target=loader.close)
        closing.start()
        while not loader._closing:
            threading.Event().wait(0.001)
        go_on.set()
        closing.join(10)
    assert tables.engine.position() < log.durable


def failing(load: Callable[[Path, Position], int], times: int) -> Callable[[Path, Position], int]:
    left = [times]

    def attempt(rows: Path, until: Position) -> int:
        if left[0]:
            left[0] -= 1
            raise OSError("no space left on device")
        return load(rows, until)

    return attempt
