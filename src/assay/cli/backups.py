"""Commands that copy a data folder while its server runs, and put the copy back.

The log is copied before the metadata, so that whatever an event refers to is in the copy too. The tables follow
from the log and are left out.
"""

import contextlib
import hashlib
import os
import shutil
import sqlite3
import time
from pathlib import Path

import click
import msgspec

from assay import __version__
from assay.app import lock_folder
from assay.cli.options import data_option, reported_errors, settings_of
from assay.errors import DataFolderError
from assay.events.log import EventLog, Position, segment_path, segments

METADATA, ADMIN_TOKEN, CONTENTS = "metadata.sqlite", "admin-token", "backup.json"


class Contents(msgspec.Struct, frozen=True, rename="camel"):
    """What a backup holds: SHA-256 by file's name. It is written last: a copy without it isn't whole."""

    assay: str
    at_ms: int
    segment: int
    offset: int
    files: dict[str, str]


@click.command()
@data_option
@click.argument("destination", type=click.Path(path_type=Path))
def backup(data: Path | None, destination: Path) -> None:
    """Copy the data folder into a new folder DESTINATION. The server may run."""
    with reported_errors():
        contents = back_up(settings_of({"data": data}).data, destination)
    click.echo(
        f"Backed up {len(contents.files)} files, events up to segment {contents.segment}, byte {contents.offset}."
    )


@click.command()
@data_option
@click.argument("source", type=click.Path(path_type=Path))
def restore(data: Path | None, source: Path) -> None:
    """Put the backup SOURCE into an empty data folder. The server must be stopped."""
    with reported_errors():
        contents = put_back(source, settings_of({"data": data}).data)
    click.echo(f"Restored {len(contents.files)} files; the first start loads the tables from the log.")


def back_up(folder: Path, destination: Path) -> Contents:
    """Copies what a server on `folder` has promised to keep by now; what is acked meanwhile may be in it or not."""
    if not (folder / METADATA).exists():
        raise DataFolderError(f"{folder} is no data folder")
    _make_empty(destination)
    end = _copy_log(folder / "log", destination / "log")
    _copy_database(folder / METADATA, destination / METADATA)
    with contextlib.suppress(FileNotFoundError):
        _copy(folder / ADMIN_TOKEN, destination / ADMIN_TOKEN)
    contents = Contents(
        __version__, time.time_ns() // 1_000_000, end.segment, end.offset, _digests(destination)
    )
    _write(destination / CONTENTS, msgspec.json.format(msgspec.json.encode(contents)))
    return contents


def put_back(source: Path, folder: Path) -> Contents:
    """Copies a whole and unchanged backup into a folder that holds nothing yet."""
    contents = verified(source)
    lock = _locked_empty(folder)
    (folder / "log").mkdir(mode=0o700)
    for name in contents.files:
        _copy(source / name, folder / name)
    os.close(lock)
    return contents


def verified(source: Path) -> Contents:
    """What a backup says of itself, after a look at every byte; `DataFolderError` where it isn't whole."""
    try:
        contents = msgspec.json.decode((source / CONTENTS).read_bytes(), type=Contents)
    except (OSError, msgspec.DecodeError):
        raise DataFolderError(f"{source} is no whole backup: it has no readable {CONTENTS}") from None
    found = _digests(source)
    for name, digest in contents.files.items():
        if found.get(name) != digest:
            raise DataFolderError(f"{source / name} is not what was backed up")
    return contents


def _copy_log(source: Path, destination: Path) -> Position:
    """Copies the segments, the last one as far as it got; a payload in the middle of being written is cut off."""
    destination.mkdir(mode=0o700)
    for segment in segments(source):
        _copy(segment_path(source, segment), segment_path(destination, segment))
    copied = EventLog(destination, segment_bytes=2**62, max_pending_bytes=0)
    copied.close()
    return copied.durable


def _copy_database(source: Path, destination: Path) -> None:
    """SQLite's own copy: one moment of the database, whatever its server writes meanwhile."""
    _write(destination, b"")
    reading = sqlite3.connect(f"file:{source.resolve()}?mode=ro", uri=True, timeout=10)
    writing = sqlite3.connect(destination)
    with contextlib.closing(reading), contextlib.closing(writing):
        reading.backup(writing)
        writing.execute("pragma journal_mode=delete")
        if writing.execute("pragma integrity_check").fetchone() != ("ok",):
            raise DataFolderError(f"{source} is damaged: SQLite's integrity check says so")


def _copy(source: Path, destination: Path) -> None:
    descriptor = os.open(destination, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with source.open("rb") as read, os.fdopen(descriptor, "wb") as written:
        shutil.copyfileobj(read, written, 1 << 20)
        written.flush()
        os.fsync(written.fileno())


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file but the list of them, by its name below the folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != CONTENTS:
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _make_empty(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        occupied = any(folder.iterdir())
    except OSError as error:
        raise DataFolderError(f"{folder} can't take a backup: {error.strerror}") from None
    if occupied:
        raise DataFolderError(f"{folder} is not empty; a backup goes into a folder of its own")


def _locked_empty(folder: Path) -> int:
    lock = lock_folder(folder)
    if any(path.name != "lock" for path in folder.iterdir()):
        os.close(lock)
        raise DataFolderError(f"{folder} is not empty; a backup is restored into an empty folder")
    return lock
