"""A payload counts once for each environment and id, however often and in whatever pieces it arrives."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.warehouse.tables import REMEMBERED_MS
from live import tracked
from warehouse.tables import RECEIVED_MS, Tables, lines, open_engine

DAY_MS = 86_400_000


def payload(
    seq: int, payload_id: str | None, env: str = "env", received_ms: int = RECEIVED_MS, size: int = 2
) -> bytes:
    return lines([tracked(f"u{n}", 5) for n in range(size)], seq, payload_id, env, received_ms)


def test_a_repeat_in_the_same_piece_counts_once(tables: Tables) -> None:
    assert tables.load(payload(1, "p"), payload(2, "p"), payload(3, "p")) == 2
    assert tables.rows("select distinct seq from metric_events") == [(1,)]
    assert tables.counts()["metric_events"] == 2


def test_a_repeat_in_a_later_piece_counts_once(tables: Tables) -> None:
    assert [tables.load(payload(seq, "p")) for seq in (1, 2, 3)] == [0, 1, 1]
    assert tables.rows("select distinct seq from metric_events") == [(1,)]


def test_a_repeat_after_a_restart_counts_once(tables: Tables) -> None:
    tables.load(payload(1, "p"))
    tables.reopen()
    assert tables.load(payload(2, "p")) == 1
    assert tables.count("metric_events") == 2


def test_the_bad_events_of_a_repeat_are_not_counted_again_either(tables: Tables) -> None:
    tables.load(lines([{}, tracked("u", 5)], 1, "p"), lines([{}, tracked("u", 5)], 2, "p"))
    assert (tables.count("quarantine"), tables.count("metric_events")) == (1, 1)


def test_payloads_without_an_id_all_count(tables: Tables) -> None:
    assert tables.load(payload(1, None), payload(2, None)) == 0
    assert tables.load(payload(3, None)) == 0
    assert tables.count("metric_events") == 6


def test_an_id_means_nothing_in_another_environment(tables: Tables) -> None:
    assert tables.load(payload(1, "p", "one"), payload(2, "p", "two")) == 0
    assert tables.load(payload(3, "p", "three")) == 0
    assert tables.count("metric_events") == 6


@pytest.mark.parametrize("other", ["P", "p ", "p\x00", "ṕ", ""])
def test_ids_are_compared_exactly(tables: Tables, other: str) -> None:
    assert tables.load(payload(1, "p"), payload(2, other)) == 0


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_payload_cut_in_two_pieces_is_no_repeat_of_itself(tables: Tables, cut: int) -> None:
    whole = payload(1, "p", size=6).splitlines(keepends=True)
    assert tables.load(*whole[:cut]) == 0
    assert tables.load(*whole[cut:]) == 0
    assert (tables.count("metric_events"), tables.count("payloads")) == (6, 1)


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_repeat_of_a_payload_cut_in_two_pieces_counts_once(tables: Tables, cut: int) -> None:
    whole = payload(1, "p", size=6).splitlines(keepends=True)
    repeat = payload(2, "p", size=6).splitlines(keepends=True)
    assert tables.load(*whole[:cut]) == 0
    assert tables.load(*whole[cut:], *repeat[:cut]) == 1
    assert tables.load(*repeat[cut:]) == 1
    assert tables.rows("select seq, count(*) from metric_events group by seq") == [(1, 6)]


def test_a_repeat_that_overtook_its_original_counts_in_its_place(tables: Tables) -> None:
    assert tables.load(payload(2, "p")) == 0
    assert tables.load(payload(1, "p")) == 1
    assert tables.rows("select distinct seq from metric_events") == [(2,)]


def test_an_id_is_remembered_for_seven_days(tables: Tables) -> None:
    tables.load(payload(1, "p"))
    for days, seq in ((1, 2), (3, 3), (6, 4)):
        tables.load(payload(seq, f"other-{seq}", received_ms=RECEIVED_MS + days * DAY_MS))
    assert tables.load(payload(5, "p", received_ms=RECEIVED_MS + REMEMBERED_MS)) == 1


def test_a_load_that_is_late_forgets_nothing_too_early(tables: Tables) -> None:
    tables.load(payload(1, "p"), payload(2, "newer", received_ms=RECEIVED_MS + REMEMBERED_MS))
    assert tables.load(payload(3, "p", received_ms=RECEIVED_MS + REMEMBERED_MS)) == 1


def test_ids_are_forgotten_in_the_end(tables: Tables) -> None:
    tables.load(payload(1, "p"))
    tables.load(payload(2, "q", received_ms=RECEIVED_MS + 3 * REMEMBERED_MS))
    assert tables.rows("select payload from payloads") == [("q",)]
    assert tables.count("metric_events") == 4


@settings(max_examples=25, deadline=None)
@given(data=st.data(), ids=st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=10))
def test_any_sequence_of_payloads_in_any_pieces_counts_each_id_once(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, ids: list[str | None]
) -> None:
    sizes = {"a": 1, "b": 2, "c": 3, None: 1}
    content = [
        line
        for seq, payload_id in enumerate(ids, 1)
        for line in payload(seq, payload_id, size=sizes[payload_id]).splitlines(keepends=True)
    ]
    cuts = sorted(data.draw(st.sets(st.integers(0, len(content)), max_size=4)) | {0, len(content)})
    with_folder = _tables(tmp_path_factory)
    try:
        for start, end in pairwise(cuts):
            with_folder.load(*content[start:end])
        expected = sum(sizes[one] for one in set(ids) - {None}) + ids.count(None)
        assert with_folder.count("metric_events") == expected
        assert with_folder.rows("select count(distinct (seq, n)) from metric_events") == [(expected,)]
    finally:
        with_folder.engine.close()


def _tables(factory: pytest.TempPathFactory) -> Tables:
    folder: Path = factory.mktemp("tables")
    return Tables(folder, open_engine(folder / "tables.duckdb"))
