"""How often flags were evaluated: all that was sent, once, in whatever pieces it arrives."""

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.events.rows import Envelope, encode_rows
from assay.warehouse.queries.evaluations import evaluation_counts, requests
from live import exposure
from warehouse.tables import RECEIVED_MS, Tables, lines, open_engine


def summary(
    *counters: tuple[int | None, int], flag: str = "flag", end: int = 9, **feature: Any
) -> dict[str, Any]:
    """A summary of (variation, count) pairs."""
    found = [{"variation": variation, "version": 4, "count": count} for variation, count in counters]
    return {
        "kind": "summary",
        "startDate": 5,
        "endDate": end,
        "features": {flag: {"counters": found, **feature}},
    }


def counts(tables: Tables, flag: str = "flag", start: int = 0, end: int = 2**62) -> list[tuple[Any, ...]]:
    query = evaluation_counts("env", flag, variations=2, start_ms=start, end_ms=end, bucket_ms=10)
    return tables.engine.rows(query)


def asked(tables: Tables, since: int = 0, flag: str | None = None) -> list[tuple[Any, ...]]:
    return tables.engine.rows(requests("env", since, flag))


def test_a_row_holds_what_a_counter_says(tables: Tables) -> None:
    tables.load(lines([summary((1, 3), default=[1])], 7))
    assert tables.rows("select * from evaluations") == [
        ("env", "flag", 7, 0, RECEIVED_MS, 5, 9, False, 1, 4, False, 3, "[1]")
    ]


def test_a_summary_whose_start_lies_after_its_end_starts_at_its_end(tables: Tables) -> None:
    tables.load(lines([{**summary((1, 3), end=3)}], 1))
    assert tables.rows("select start_ms, end_ms from evaluations") == [(3, 3)]


def test_evaluations_stand_in_the_bucket_of_their_end_by_variation(tables: Tables) -> None:
    events = [
        summary((0, 3), (1, 4)),
        summary((0, 5), end=10),
        summary((1, 1), (None, 2), (2, 6), end=25),
        summary((0, 9), flag="other"),
    ]
    tables.load(lines(events, 1), lines([summary((0, 1))], 2, env="elsewhere"))
    assert counts(tables) == [(0, 0, 3), (0, 1, 4), (1, 0, 5), (2, -1, 8), (2, 1, 1)]
    assert counts(tables, start=10, end=25) == [(1, 0, 5)]
    assert counts(tables, "nobody") == []


def test_a_flag_that_was_never_asked_for_has_no_row(tables: Tables) -> None:
    tables.load(lines([summary((0, 0), flag="zero"), exposure("u", 0, 5)], 1))
    assert asked(tables) == []


def test_a_request_is_known_by_its_last_time_its_outcomes_and_its_latest_default(tables: Tables) -> None:
    events = [
        summary((0, 1), end=10, default="old"),
        summary((1, 1), (1, 5), end=20, default="new"),
        summary((None, 1), end=30),
        summary((0, 1), flag="other", end=40),
    ]
    tables.load(lines(events, 1))
    assert asked(tables) == [
        ("flag", 30, RECEIVED_MS, 3, '"new"'),
        ("other", 40, RECEIVED_MS, 1, None),
    ]
    assert asked(tables, since=20, flag="flag") == [("flag", 30, RECEIVED_MS, 2, '"new"')]
    assert asked(tables, since=31, flag="flag") == [("flag", 30, RECEIVED_MS, 0, '"new"')]


def test_an_evaluation_of_an_unknown_flag_is_a_request_without_an_outcome(tables: Tables) -> None:
    event = summary()
    event["features"]["flag"]["counters"] = [{"unknown": True, "count": 2}]
    tables.load(lines([event], 1))
    assert asked(tables) == [("flag", 9, RECEIVED_MS, 0, None)]


def test_lines_from_before_evaluations_were_counted_still_load(tables: Tables) -> None:
    line = b'{"env":"env","seq":1,"n":0,"of":1,"received_ms":1,"kind":"summary","at_ms":1,"event":{}}\n'
    assert tables.load(line) == 0
    assert (tables.count("evaluations"), tables.count("quarantine")) == (0, 0)


def test_a_repeat_of_unsummarized_evaluations_counts_once(tables: Tables) -> None:
    for seq in (1, 2):
        envelope = Envelope("env", "p", seq, RECEIVED_MS, unsummarized=True)
        tables.load(encode_rows([exposure("u", 0, 5), exposure("v", 0, 5)], envelope)[0])
    assert counts(tables) == [(0, 0, 2)]
    assert tables.count("flag_events") == 2


@settings(max_examples=25, deadline=None)
@given(
    data=st.data(),
    sent=st.dictionaries(
        st.sampled_from(["p", "q", "r"]),
        st.lists(
            st.lists(st.tuples(st.sampled_from([None, 0, 1]), st.integers(0, 2**32)), min_size=1, max_size=4),
            min_size=1,
            max_size=3,
        ),
        min_size=1,
    ),
)
def test_the_counts_are_what_was_sent_in_any_pieces_with_any_repeats(
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    sent: dict[str, list[list[tuple[int | None, int]]]],
) -> None:
    order = data.draw(
        st.permutations([*sent, *data.draw(st.lists(st.sampled_from(sorted(sent)), max_size=3))])
    )
    content = [
        line
        for seq, payload_id in enumerate(order, 1)
        for line in lines([summary(*one) for one in sent[payload_id]], seq, payload_id).splitlines(True)
    ]
    cuts = sorted(data.draw(st.sets(st.integers(0, len(content)), max_size=4)) | {0, len(content)})
    folder = tmp_path_factory.mktemp("tables")
    tables = Tables(folder, open_engine(folder / "tables.duckdb"))
    expected: Counter[int] = Counter()
    for summaries in sent.values():
        for variation, count in (counter for one in summaries for counter in one):
            expected[-1 if variation is None else variation] += count
    try:
        for start, end in pairwise(cuts):
            tables.load(*content[start:end])
        assert {served: times for _, served, times in counts(tables)} == dict(+expected)
    finally:
        tables.engine.close()
