"""The log while all goes well: durable before it answers, in segments, numbered upwards for ever."""

import asyncio
import threading
import time
from pathlib import Path

import pytest

from assay.errors import LogUnavailable
from assay.events.log import EventLog, Position, segment_path, segments
from events.logs import append, kept, opened, payload


def test_what_was_appended_is_in_the_file_when_append_returns(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        asyncio.run(log.append(payload(1)))
        assert kept(tmp_path) == payload(1)
        assert log.durable == Position(1, len(payload(1)))


def test_payloads_stand_in_the_order_in_which_they_were_submitted(tmp_path: Path) -> None:
    wanted = [payload(seq, 1 + seq % 3) for seq in range(1, 200)]
    with opened(tmp_path) as log:
        for future in [log.submit(lines) for lines in wanted]:
            future.result(10)
        assert kept(tmp_path) == b"".join(wanted)


def test_lines_of_many_threads_never_mix(tmp_path: Path) -> None:
    def send(log: EventLog, first: int) -> None:
        append(log, *(payload(seq, 3) for seq in range(first, first + 50)))

    with opened(tmp_path, segment_bytes=5_000) as log:
        threads = [threading.Thread(target=send, args=(log, 1_000 * n)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    content = kept(tmp_path)
    for first in range(0, 4_000, 1_000):
        assert all(payload(seq, 3) in content for seq in range(first, first + 50))
    assert content.count(b"\n") == 4 * 50 * 3


def test_a_full_segment_is_followed_by_the_next_and_no_payload_is_split(tmp_path: Path) -> None:
    lines = payload(1)
    with opened(tmp_path, segment_bytes=2 * len(lines) - 1) as log:
        append(log, *[lines] * 5)
        assert segments(tmp_path) == [1, 2, 3]
        assert log.durable == Position(3, len(lines))
    sizes = [segment_path(tmp_path, segment).stat().st_size for segment in segments(tmp_path)]
    assert sizes == [2 * len(lines), 2 * len(lines), len(lines)]


def test_a_log_that_is_opened_again_goes_on_where_it_ended(tmp_path: Path) -> None:
    with opened(tmp_path, segment_bytes=300) as log:
        append(log, payload(1), payload(2))
    with opened(tmp_path, segment_bytes=300) as log:
        before = log.durable
        append(log, payload(3))
        assert log.durable > before
    assert kept(tmp_path) == payload(1) + payload(2) + payload(3)


def test_a_waiter_that_went_away_does_not_stop_the_others(tmp_path: Path) -> None:
    async def two(log: EventLog) -> None:
        gone = asyncio.ensure_future(log.append(payload(1)))
        await asyncio.sleep(0)
        gone.cancel()
        await log.append(payload(2))

    with opened(tmp_path) as log:
        asyncio.run(two(log))
        assert payload(2) in kept(tmp_path)


def test_a_closed_log_takes_nothing_more_but_keeps_what_was_pending(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        waiting = [log.submit(payload(seq)) for seq in range(1, 100)]
    assert all(future.result(0) is None for future in waiting)
    assert kept(tmp_path).count(b"\n") == 198
    with pytest.raises(LogUnavailable, match="closed"):
        log.submit(payload(100))


def test_more_than_may_wait_is_refused_and_there_is_room_again_later(tmp_path: Path) -> None:
    lines = payload(1)
    with opened(tmp_path, pending=len(lines)) as log:
        with pytest.raises(LogUnavailable, match="waiting"):
            log.submit(lines + lines)
        append(log, lines, lines)
        assert kept(tmp_path) == lines + lines


def test_listeners_hear_after_the_position_has_moved(tmp_path: Path) -> None:
    heard: list[Position] = []
    with opened(tmp_path) as log:
        log.on_durable(lambda: heard.append(log.durable))
        append(log, payload(1), payload(2))
    assert heard == [Position(1, len(payload(1))), Position(1, len(payload(1) + payload(2)))]


def test_numbers_only_grow_whatever_the_clock_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([500, 400, 400, 10**20, 3])
    with opened(tmp_path) as log:
        monkeypatch.setattr(time, "time_ns", lambda: 10**15 + next(times))
        numbers = [log.stamp() for _ in range(5)]
    assert numbers == sorted(set(numbers))


def test_numbers_grow_across_a_restart_with_a_clock_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [10**18]
    monkeypatch.setattr(time, "time_ns", lambda: now[0])
    with opened(tmp_path) as log:
        slow, quick = log.stamp(), log.stamp()
        append(log, payload(quick), payload(slow))
    now[0] = 5
    with opened(tmp_path) as log:
        assert log.stamp() > quick


def test_no_number_up_to_the_latest_reset_is_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 5)
    with opened(tmp_path, floor=10**19) as log:
        assert log.stamp() == 10**19 + 1


def test_segments_are_readable_by_nobody_else(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        append(log, payload(1))
    assert segment_path(tmp_path, 1).stat().st_mode & 0o077 == 0
