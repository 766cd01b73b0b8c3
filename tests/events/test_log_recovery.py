"""After a crash: every whole payload is kept, none that is torn, wherever the disk stopped."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.events.log import Position, segment_path, segments
from events.logs import append, kept, opened, payload

WHOLE = [payload(1, 1), payload(2, 3), payload(3, 1), payload(4, 2)]


def prefix_of_whole_payloads(cut: int, payloads: list[bytes]) -> bytes:
    whole = b""
    for lines in payloads:
        if len(whole) + len(lines) > cut:
            break
        whole += lines
    return whole


def write_segment(folder: Path, segment: int, content: bytes) -> None:
    folder.mkdir(exist_ok=True)
    segment_path(folder, segment).write_bytes(content)


def test_a_log_cut_at_any_byte_keeps_its_whole_payloads_and_goes_on(tmp_path: Path) -> None:
    content = b"".join(WHOLE)
    for cut in range(len(content) + 1):
        folder = tmp_path / str(cut)
        write_segment(folder, 1, content[:cut])
        with opened(folder) as log:
            expected = prefix_of_whole_payloads(cut, WHOLE)
            assert kept(folder) == expected, cut
            assert log.durable == Position(1, len(expected))


def test_a_recovered_log_takes_the_next_payload_right_after_the_last_whole_one(tmp_path: Path) -> None:
    write_segment(tmp_path, 1, WHOLE[0] + WHOLE[1][:-1])
    with opened(tmp_path) as log:
        append(log, WHOLE[2])
    assert kept(tmp_path) == WHOLE[0] + WHOLE[2]


@pytest.mark.parametrize("torn", [b"", WHOLE[1][:40], WHOLE[1][:-1], b"\x00" * 4096, b"{", b"\n", b"\n\n\n"])
def test_a_new_segment_that_holds_nothing_whole_costs_the_earlier_one_nothing(
    tmp_path: Path, torn: bytes
) -> None:
    write_segment(tmp_path, 1, WHOLE[0] + WHOLE[1])
    write_segment(tmp_path, 2, torn)
    with opened(tmp_path, segment_bytes=1) as log:
        assert kept(tmp_path) == WHOLE[0] + WHOLE[1]
        append(log, WHOLE[2])
    assert kept(tmp_path) == WHOLE[0] + WHOLE[1] + WHOLE[2]


@pytest.mark.parametrize(
    "garbage", [b"\x00" * 5_000, b"\xff\xfe\n\x00\x00\n", b'{"seq":9}\n', b"null\n", b"[1]\n"]
)
def test_garbage_at_the_end_is_cut_off(tmp_path: Path, garbage: bytes) -> None:
    write_segment(tmp_path, 1, WHOLE[0] + WHOLE[1] + garbage)
    with opened(tmp_path):
        assert kept(tmp_path) == WHOLE[0] + WHOLE[1]


def test_two_payloads_of_one_line_each_are_both_whole(tmp_path: Path) -> None:
    write_segment(tmp_path, 1, payload(7, 1) + payload(8, 1))
    with opened(tmp_path):
        assert kept(tmp_path) == payload(7, 1) + payload(8, 1)


def test_a_payload_numbered_below_its_predecessor_is_no_less_whole(tmp_path: Path) -> None:
    content = payload(9, 2) + payload(3, 2)
    write_segment(tmp_path, 1, content + payload(9_999, 3)[:-5])
    with opened(tmp_path):
        assert kept(tmp_path) == content


def test_an_empty_folder_is_an_empty_log(tmp_path: Path) -> None:
    with opened(tmp_path / "new" / "log") as log:
        assert log.durable == Position(1, 0)
        assert segments(tmp_path / "new" / "log") == [1]


def test_opening_twice_changes_nothing(tmp_path: Path) -> None:
    write_segment(tmp_path, 1, b"".join(WHOLE)[:-3])
    contents = []
    for _ in range(3):
        with opened(tmp_path):
            contents.append(kept(tmp_path))
    assert contents == [b"".join(WHOLE[:3])] * 3


@settings(max_examples=60, deadline=None)
@given(data=st.data(), sizes=st.lists(st.integers(1, 4), min_size=1, max_size=6))
def test_any_payloads_cut_anywhere_are_whole_or_gone(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, sizes: list[int]
) -> None:
    order = data.draw(st.permutations(range(1, len(sizes) + 1)))
    payloads = [payload(seq, size) for seq, size in zip(order, sizes, strict=True)]
    cut = data.draw(st.integers(0, sum(map(len, payloads))))
    folder = tmp_path_factory.mktemp("log")
    write_segment(folder, 1, b"".join(payloads)[:cut])
    with opened(folder):
        assert kept(folder) == prefix_of_whole_payloads(cut, payloads)
