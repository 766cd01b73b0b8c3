"""When the disk fails: what was acked stays, what failed doesn't appear, and the next append works."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.errors import LogUnavailable
from assay.events import log as module
from assay.events.log import EventLog, segments
from events.logs import append, kept, opened, payload

ERRORS = [errno.ENOSPC, errno.EIO, errno.EDQUOT]


class FaultyDisk:
    """The os module, with some functions that fail as often as they are told."""

    def __init__(self) -> None:
        self.faults: dict[str, list[Callable[..., Any]]] = {}

    def fail(self, function: str, number: int, times: int = 1) -> None:
        def fault(*_: Any) -> None:
            raise OSError(number, os.strerror(number))

        self.faults.setdefault(function, []).extend([fault] * times)

    def write_some(self, share: float) -> None:
        self.faults.setdefault("write", []).append(
            lambda fd, view: os.write(fd, view[: int(len(view) * share)])
        )

    def __getattr__(self, name: str) -> Any:
        def function(*given: Any) -> Any:
            faults = self.faults.get(name)
            return faults.pop(0)(*given) if faults else getattr(os, name)(*given)

        return function if callable(getattr(os, name)) else getattr(os, name)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FaultyDisk:
    faulty = FaultyDisk()
    monkeypatch.setattr(module, "os", faulty)
    return faulty


def refused(log: EventLog, lines: bytes) -> str:
    with pytest.raises(LogUnavailable) as error:
        log.submit(lines).result(10)
    return str(error.value)


@pytest.mark.parametrize("number", ERRORS)
@pytest.mark.parametrize("function", ["write", "fdatasync", "fstat"])
def test_a_failed_group_is_refused_and_leaves_no_trace(
    tmp_path: Path, disk: FaultyDisk, function: str, number: int
) -> None:
    with opened(tmp_path) as log:
        append(log, payload(1))
        before = log.durable
        disk.fail(function, number)
        assert os.strerror(number) in refused(log, payload(2))
        assert log.durable == before
        assert kept(tmp_path) == payload(1)
        append(log, payload(3))
    assert kept(tmp_path) == payload(1) + payload(3)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_write_that_takes_only_a_part_goes_on_with_the_rest(
    tmp_path: Path, disk: FaultyDisk, share: float
) -> None:
    with opened(tmp_path) as log:
        disk.write_some(share)
        disk.write_some(share)
        append(log, payload(1, 5))
        assert kept(tmp_path) == payload(1, 5)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_disk_that_fills_up_within_a_payload_leaves_no_part_of_it(
    tmp_path: Path, disk: FaultyDisk, share: float
) -> None:
    with opened(tmp_path) as log:
        append(log, payload(1))
        disk.write_some(share)
        disk.fail("write", errno.ENOSPC)
        refused(log, payload(2, 3))
        append(log, payload(3))
    assert kept(tmp_path) == payload(1) + payload(3)


def test_what_can_not_be_taken_back_at_once_is_taken_back_before_the_next_write(
    tmp_path: Path, disk: FaultyDisk
) -> None:
    with opened(tmp_path) as log:
        append(log, payload(1))
        disk.fail("fdatasync", errno.EIO)
        disk.fail("ftruncate", errno.EIO)
        refused(log, payload(2))
        append(log, payload(3))
    assert kept(tmp_path) == payload(1) + payload(3)


def test_as_long_as_it_can_not_be_taken_back_nothing_is_acked(tmp_path: Path, disk: FaultyDisk) -> None:
    with opened(tmp_path) as log:
        append(log, payload(1))
        disk.fail("fdatasync", errno.EIO)
        disk.fail("ftruncate", errno.EIO, times=3)
        refused(log, payload(2))
        refused(log, payload(3))
        append(log, payload(4))
    assert kept(tmp_path) == payload(1) + payload(4)


def test_a_payload_that_failed_does_not_appear_after_a_restart(tmp_path: Path, disk: FaultyDisk) -> None:
    with opened(tmp_path) as log:
        append(log, payload(1))
        disk.fail("fdatasync", errno.EIO)
        refused(log, payload(2))
    with opened(tmp_path):
        assert kept(tmp_path) == payload(1)


@pytest.mark.parametrize("function", ["open", "fsync", "close"])
def test_a_segment_that_can_not_be_begun_or_closed_fails_one_group_and_loses_none(
    tmp_path: Path, disk: FaultyDisk, function: str
) -> None:
    with opened(tmp_path, segment_bytes=1) as log:
        append(log, payload(1))
        disk.fail(function, errno.ENOSPC)
        refused(log, payload(2))
        append(log, payload(3), payload(4))
    assert kept(tmp_path) == payload(1) + payload(3) + payload(4)
    assert segments(tmp_path)[:2] == [1, 2]


def test_segments_that_can_not_be_begun_leave_no_file_open(tmp_path: Path, disk: FaultyDisk) -> None:
    with opened(tmp_path, segment_bytes=1) as log:
        append(log, payload(1))
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(5):
            disk.fail("fsync", errno.EIO)
            refused(log, payload(2))
        assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_all_that_waited_for_a_failed_write_hear_of_it(tmp_path: Path, disk: FaultyDisk) -> None:
    with opened(tmp_path) as log:
        disk.fail("fdatasync", errno.EIO, times=1_000)
        waiting = [log.submit(payload(seq)) for seq in range(1, 50)]
        assert all(isinstance(future.exception(10), LogUnavailable) for future in waiting)
        disk.faults.clear()
        append(log, payload(99))
    assert kept(tmp_path) == payload(99)


def test_listeners_hear_nothing_of_what_failed(tmp_path: Path, disk: FaultyDisk) -> None:
    heard: list[int] = []
    with opened(tmp_path) as log:
        log.on_durable(lambda: heard.append(1))
        disk.fail("write", errno.EIO)
        refused(log, payload(1))
        assert heard == []
        append(log, payload(2))
        assert heard == [1]
