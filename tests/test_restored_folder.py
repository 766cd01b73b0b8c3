"""Folders put back from a backup: the tables follow the log, never the other way round."""

import shutil
from pathlib import Path

from assay.app import House, open_house
from assay.events.log import Position
from assay.settings import read_settings
from assay.warehouse.engine import Query
from events.logs import append, payload


def house(folder: Path) -> House:
    return open_house(read_settings({"data": str(folder)}, {}))


def metric_rows(opened: House) -> int:
    number: int = opened.rooms.engine.rows(Query("select count(*) from metric_events", {}))[0][0]
    return number


def loaded(opened: House) -> House:
    opened.rooms.loader.start()
    assert opened.rooms.loader.wait_until(opened.rooms.log.durable, 10)
    return opened


def test_tables_ahead_of_a_restored_log_are_loaded_anew(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = loaded(house(folder))
    append(first.rooms.log, payload(1))
    assert first.rooms.loader.wait_until(first.rooms.log.durable, 10)
    shutil.copytree(folder / "log", tmp_path / "backup")
    append(first.rooms.log, payload(2, 30))
    assert first.rooms.loader.wait_until(first.rooms.log.durable, 10)
    assert metric_rows(first) == 32
    first.close()

    shutil.rmtree(folder / "log")
    shutil.copytree(tmp_path / "backup", folder / "log")
    again = loaded(house(folder))
    assert metric_rows(again) == 2
    append(again.rooms.log, payload(3))
    assert again.rooms.loader.wait_until(again.rooms.log.durable, 10)
    assert metric_rows(again) == 4
    again.close()


def test_a_log_that_is_gone_takes_its_tables_with_it(tmp_path: Path) -> None:
    first = loaded(house(tmp_path))
    append(first.rooms.log, payload(1))
    assert first.rooms.loader.wait_until(first.rooms.log.durable, 10)
    first.close()
    shutil.rmtree(tmp_path / "log")
    again = loaded(house(tmp_path))
    assert metric_rows(again) == 0
    again.close()


def test_an_ordinary_restart_keeps_the_tables(tmp_path: Path) -> None:
    first = loaded(house(tmp_path))
    append(first.rooms.log, payload(1))
    assert first.rooms.loader.wait_until(first.rooms.log.durable, 10)
    first.close()
    again = house(tmp_path)
    assert again.rooms.engine.position() == again.rooms.log.durable > Position(1, 0)
    assert metric_rows(again) == 2
    again.rooms.loader.start()
    again.close()
