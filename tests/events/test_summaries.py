"""What a summary event counts, and which lone evaluations are counted beside it."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from assay.events.rows import MOST_SKEW_MS, Envelope, EventRow, encode_rows
from assay.events.summaries import LONGEST_CODE_DEFAULT, LONGEST_FLAG_KEY, MOST_COUNTERS, Tally
from live import exposure, tracked

RECEIVED_MS = 1_800_000_000_000
ENVELOPE = Envelope("env", "payload", 1, RECEIVED_MS)
ALONE = replace(ENVELOPE, unsummarized=True)


def rows(*events: Any, envelope: Envelope = ENVELOPE) -> list[EventRow]:
    lines, _ = encode_rows(list(events), envelope)
    return [msgspec.json.decode(line, type=EventRow) for line in lines.splitlines()]


def summary(features: Any, **more: Any) -> dict[str, Any]:
    return {"kind": "summary", "startDate": 5, "endDate": 9, "features": features, **more}


def counted(features: Any) -> tuple[Tally, ...]:
    (row,) = rows(summary(features))
    assert row.bad is None
    return row.tallies


def test_every_counter_is_a_tally_with_its_outcome() -> None:
    counters = [
        {"variation": 1, "version": 11, "value": "b", "count": 4},
        {"version": 11, "value": "fallback", "count": 2},
        {"unknown": True, "value": "fallback", "count": 1},
    ]
    features = {"flag": {"default": "fallback", "contextKinds": ["user"], "counters": counters}}
    assert counted(features) == (
        Tally("flag", 4, 1, 11, code_default='"fallback"'),
        Tally("flag", 2, None, 11),
        Tally("flag", 1, unknown=True),
    )


def test_a_summary_is_of_its_end_and_keeps_its_start() -> None:
    (row,) = rows(summary({}, startDate=5.9, endDate=9.9))
    assert (row.start_ms, row.at_ms, row.skewed) == (5, 9, False)


def test_a_summary_that_ends_in_the_future_is_of_the_time_it_was_received() -> None:
    (row,) = rows(summary({}, endDate=RECEIVED_MS + MOST_SKEW_MS + 1))
    assert (row.at_ms, row.skewed) == (RECEIVED_MS, True)


def test_the_summary_of_a_client_is_about_its_context_and_counts_alike() -> None:
    features = {"flag": {"counters": [{"variation": 0, "version": 1, "count": 3}]}}
    (row,) = rows(summary(features, context={"kind": "user", "key": "u"}))
    assert [unit.key for unit in row.units] == ["u"]
    assert row.tallies == (Tally("flag", 3, 0, 1),)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"features": []}, "features_invalid"),
        ({"features": {"flag": 5}}, "features_invalid"),
        ({"features": {"flag": {"counters": {}}}}, "features_invalid"),
        ({"features": {"flag": {"counters": [{}]}}}, "features_invalid"),
        ({"features": {"flag": {"counters": [{"count": "1"}]}}}, "features_invalid"),
        ({"features": {"flag": {"counters": [{"count": -1}]}}}, "features_invalid"),
        ({"features": {"flag": {"counters": [{"count": 2**32 + 1}]}}}, "features_invalid"),
        ({"features": {"flag": {"counters": [{"count": 1, "variation": -1}]}}}, "features_invalid"),
        ({"features": {"flag": {"counters": [{"count": 1, "version": "1"}]}}}, "features_invalid"),
        ({"features": {"flag": {"counters": [{"count": 1, "unknown": 1}]}}}, "features_invalid"),
        ({"startDate": "5"}, "start_date_invalid"),
        ({"endDate": 8.65e15}, "end_date_invalid"),
    ],
)
def test_a_bad_counter_costs_its_summary_and_none_of_the_neighbours(
    change: dict[str, Any], reason: str
) -> None:
    good = summary({"flag": {"counters": [{"count": 1}]}})
    made = rows(tracked("a"), summary({}) | change, good)
    assert [row.bad for row in made] == [None, reason, None]
    assert [len(row.tallies) for row in made] == [0, 0, 1]


def test_fields_that_only_summaries_have_may_hold_anything_elsewhere() -> None:
    assert rows(tracked("a", features=5, startDate="x"))[0].bad is None


def test_as_many_counters_as_allowed_are_taken_and_one_more_is_not() -> None:
    def counters(number: int) -> Any:
        return {"flag": {"default": "d" * 900, "counters": [{"count": 1}] * number}}

    fits, too_many = rows(summary(counters(MOST_COUNTERS)), summary(counters(MOST_COUNTERS + 1)))
    assert (len(fits.tallies), fits.bad, too_many.bad) == (MOST_COUNTERS, None, "too_many_counters")


@pytest.mark.parametrize("key", ["", "k" * (LONGEST_FLAG_KEY + 1)])
def test_keys_that_no_flag_can_have_are_passed_over_and_their_neighbours_count(key: str) -> None:
    counters = {"counters": [{"count": 2}]}
    longest = "k" * LONGEST_FLAG_KEY
    assert counted({key: counters, longest: counters}) == (Tally(longest, 2),)
    assert rows(exposure("u", 0, flag=key or "k" * 300), envelope=ALONE)[0].tallies == ()


def test_a_counter_of_nothing_is_no_tally() -> None:
    counters = [{"count": 0, "version": 1}, {"count": 3, "version": 2}]
    assert counted({"flag": {"default": False, "counters": counters}}) == (
        Tally("flag", 3, None, 2, code_default="false"),
    )


def test_a_default_too_large_to_keep_is_left_out() -> None:
    for size, kept in ((LONGEST_CODE_DEFAULT - 2, True), (LONGEST_CODE_DEFAULT - 1, False)):
        (tally,) = counted({"flag": {"default": "x" * size, "counters": [{"count": 1}]}})
        assert (tally.code_default is not None) is kept


def test_a_feature_event_is_counted_only_where_the_sender_summarizes_nothing() -> None:
    event = exposure("u", 1, 7, version=3, default="d")
    (beside,), (alone,) = rows(event), rows(event, envelope=ALONE)
    assert beside.tallies == ()
    assert alone.tallies == (Tally("flag", 1, 1, 3, code_default='"d"'),)
    assert (alone.at_ms, alone.start_ms) == (7, None)


def test_a_lone_evaluation_of_an_unknown_flag_says_so() -> None:
    event = {key: value for key, value in exposure("u", 1).items() if key != "variation"}
    (row,) = rows(event, envelope=ALONE)
    assert row.tallies == (Tally("flag", 1, unknown=True),)


@pytest.mark.parametrize(
    "event",
    [exposure("u", 1, kind="debug"), exposure("u", 1, excludeFromSummaries=True), tracked("u")],
    ids=["debug", "excluded", "custom"],
)
def test_what_is_no_evaluation_to_count_is_not_counted(event: dict[str, Any]) -> None:
    assert rows(event, envelope=ALONE)[0].tallies == ()
