"""Backups: taken while the server runs, whole or refused, and as good as the folder itself."""

import json
import stat
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.cli.backups import back_up, put_back, verified
from assay.errors import DataFolderError
from cli.commands import assay, assert_refused
from live import LiveServer, exposure, tracked


def restored(serve: Callable[..., LiveServer], tmp_path: Path, source: Path) -> LiveServer:
    done = assay("restore", source, "--data", tmp_path / "again")
    assert (done.returncode, done.stderr) == (0, "")
    return serve("again")


def test_a_restored_backup_answers_as_its_server_did(
    serve: Callable[..., LiveServer], server: LiveServer, tmp_path: Path
) -> None:
    server.create_experiment()
    units = [str(number) for number in range(40)]
    server.send([exposure(unit, int(unit) % 2) for unit in units] + [tracked(unit) for unit in units[:15]])
    done = assay("backup", tmp_path / "copy", "--data", server.folder)
    assert (done.returncode, done.stderr) == (0, "")
    again = restored(serve, tmp_path, tmp_path / "copy")
    assert again.token == server.token
    for path in ("/flags/default/flag", "/metrics/default", "/projects?expand=environments", "/tokens"):
        assert again.rest("GET", path).body == server.rest("GET", path).body
    assert again.results(query="?from=0")["totals"] == server.results(query="?from=0")["totals"]
    assert again.send([exposure("late", 0)]).status == 202
    assert again.results(query="?from=0")["totals"][0]["cumulativeImpressionCount"] == 21


def test_everything_acked_before_a_backup_is_in_it_while_more_comes_in(
    serve: Callable[..., LiveServer], server: LiveServer, tmp_path: Path
) -> None:
    server.create_experiment()
    sent, done = [0], threading.Event()

    def send() -> None:
        while not done.is_set():
            batch = [exposure(str(uuid.uuid4()), 0) for _ in range(50)]
            assert server.send(batch).status == 202
            sent[0] += len(batch)

    thread = threading.Thread(target=send)
    thread.start()
    least = [0]
    try:
        for number in range(3):
            least.append(sent[0])
            back_up(server.folder, tmp_path / f"copy-{number}")
            server.rest(
                "PATCH", "/flags/default/flag", [{"op": "replace", "path": "/name", "value": str(number)}]
            )
    finally:
        done.set()
        thread.join()
    again = restored(serve, tmp_path, tmp_path / "copy-2")
    counted = again.results(query="?from=0")["totals"][0]["cumulativeImpressionCount"]
    assert least[-1] <= counted <= sent[0]
    assert counted % 50 == 0, "a payload is in it whole or not at all"
    assert again.rest("GET", "/flags/default/flag").body["name"] == "1"


def test_a_backup_leaves_the_tables_out_and_is_for_its_owner_only(server: LiveServer, tmp_path: Path) -> None:
    server.send([exposure("a", 0)])
    contents = back_up(server.folder, tmp_path / "copy")
    assert set(contents.files) == {"metadata.sqlite", "admin-token", "log/000000000001.ndjson"}
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o700


def test_a_log_of_many_segments_is_copied_whole(serve: Callable[..., LiveServer], tmp_path: Path) -> None:
    server = serve(ASSAY_SEGMENT_BYTES="2000")
    server.create_experiment()
    for number in range(12):
        server.send([exposure(str(number), 0)])
    contents = back_up(server.folder, tmp_path / "copy")
    assert contents.segment >= 3
    again = restored(serve, tmp_path, tmp_path / "copy")
    assert again.results(query="?from=0")["totals"][0]["cumulativeImpressionCount"] == 12


def damage_log(copy: Path) -> None:
    with (copy / "log" / "000000000001.ndjson").open("r+b") as file:
        file.write(b"X")


def lose_metadata(copy: Path) -> None:
    (copy / "metadata.sqlite").unlink()


def cut_log(copy: Path) -> None:
    (copy / "log" / "000000000001.ndjson").write_bytes(b"")


def forget_contents(copy: Path) -> None:
    (copy / "backup.json").unlink()


def spoil_contents(copy: Path) -> None:
    (copy / "backup.json").write_text("{}")


@pytest.fixture
def copy(server: LiveServer, tmp_path: Path) -> Path:
    server.send([exposure("a", 0)])
    back_up(server.folder, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.mark.parametrize("harm", [damage_log, lose_metadata, cut_log, forget_contents, spoil_contents])
def test_a_backup_that_is_not_whole_is_refused_and_nothing_written(
    copy: Path, tmp_path: Path, harm: Callable[[Path], Any]
) -> None:
    harm(copy)
    with pytest.raises(DataFolderError):
        put_back(copy, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_backup_names_what_it_holds(copy: Path) -> None:
    shown = json.loads((copy / "backup.json").read_text())
    assert shown["segment"] == 1
    assert shown["offset"] == (copy / "log" / "000000000001.ndjson").stat().st_size
    assert verified(copy).files == shown["files"]


def test_a_backup_never_overwrites(copy: Path, server: LiveServer, tmp_path: Path) -> None:
    assert_refused(assay("backup", copy, "--data", server.folder), "not empty")
    assert_refused(assay("restore", copy, "--data", server.folder), "in use by another")
    assert server.stop() == 0
    before = sorted(path.name for path in server.folder.iterdir())
    assert_refused(assay("restore", copy, "--data", server.folder), "not empty")
    assert sorted(path.name for path in server.folder.iterdir()) == before
    assert_refused(assay("backup", tmp_path / "other", "--data", tmp_path / "nothing"), "no data folder")


def test_a_stopped_servers_folder_is_backed_up_too(
    serve: Callable[..., LiveServer], server: LiveServer, tmp_path: Path
) -> None:
    server.create_experiment()
    server.send([exposure("a", 1)])
    assert server.stop() == 0
    back_up(server.folder, tmp_path / "copy")
    again = restored(serve, tmp_path, tmp_path / "copy")
    assert again.results(query="?from=0")["totals"][1]["cumulativeImpressionCount"] == 1
