"""The edges of the rules, one by one, from events to results."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace as changed

from analysis.test_against_oracle import BASE_MS, load, promise
from assay.analysis.pipeline import Promise, analyse
from assay.analysis.results import FlagExperimentResults
from assay.analysis.windows import DAY_MS, HOUR_MS, Window
from assay.stats.estimate import NotEstimable
from live import exposure, tracked
from warehouse.tables import RECEIVED_MS, Tables, lines, open_engine

ALL = Window(0, RECEIVED_MS + DAY_MS)
ANYTIME = (None, None)


def bought(unit: str, at_ms: float, value: float | None = None) -> dict[str, Any]:
    return tracked(unit, at_ms, key="bought", metricValue=value)


def results(tables: Tables, wanted: Promise, *events: Any) -> FlagExperimentResults:
    load(tables, [(1, list(events))])
    return analyse(wanted, tables.engine)


def counts(found: FlagExperimentResults) -> list[tuple[int, float]]:
    return [(total.exposed, total.measured.value) for total in found.totals]


@pytest.mark.parametrize(("after_ms", "counted"), [(-1, 0), (0, 1), (1, 1)])
def test_the_same_millisecond_counts_as_after_the_exposure(
    tables: Tables, after_ms: int, counted: int
) -> None:
    events = exposure("a", 0, BASE_MS), bought("a", BASE_MS + after_ms)
    assert counts(results(tables, promise("count", ALL, ANYTIME), *events))[0] == (1, counted)


@pytest.mark.parametrize(("after_ms", "counted"), [(9, 0), (10, 1), (19, 1), (20, 0)])
def test_a_metric_s_window_is_half_open_after_the_first_exposure(
    tables: Tables, after_ms: int, counted: int
) -> None:
    events = exposure("a", 0, BASE_MS + 5), exposure("a", 0, BASE_MS), bought("a", BASE_MS + after_ms)
    assert counts(results(tables, promise("count", ALL, (10, 20)), *events))[0] == (1, counted)


@pytest.mark.parametrize(("at_ms", "exposed"), [(-1, 0), (0, 1), (99, 1), (100, 0)])
def test_the_window_of_exposures_is_half_open(tables: Tables, at_ms: int, exposed: int) -> None:
    wanted = promise("count", Window(BASE_MS, BASE_MS + 100), ANYTIME)
    assert counts(results(tables, wanted, exposure("a", 0, BASE_MS + at_ms)))[0] == (exposed, 0)


@pytest.mark.parametrize(("at_ms", "counted"), [(99, 1), (100, 0)])
def test_the_window_of_metric_events_is_half_open(tables: Tables, at_ms: int, counted: int) -> None:
    wanted = promise("count", Window(BASE_MS, BASE_MS + 100), ANYTIME)
    events = exposure("a", 0, BASE_MS), bought("a", BASE_MS + at_ms)
    assert counts(results(tables, wanted, *events))[0] == (1, counted)


@pytest.mark.parametrize(
    ("value_of", "value", "count"),
    [("conversion", 1, 1), ("count", 4, 4), ("sum", 6.0, 3), ("average", 2.0, 3)],
)
def test_each_kind_of_value_is_formed_from_the_unit_s_events(
    tables: Tables, value_of: str, value: float, count: int
) -> None:
    events = [bought("a", BASE_MS + n, number) for n, number in enumerate([1, 5.5, None, -0.5])]
    found = results(tables, promise(value_of, ALL, ANYTIME), exposure("a", 1, BASE_MS), *events)
    assert (found.totals[1].measured.value, found.totals[1].measured.count) == (value, count)
    assert found.health.value_missing == (1 if value_of in ("sum", "average") else 0)


def test_a_unit_in_two_variations_is_left_out_and_counted(tables: Tables) -> None:
    events = [exposure("a", 0, BASE_MS), exposure("a", 2, BASE_MS + DAY_MS), exposure("b", 2, BASE_MS)]
    found = results(tables, promise("count", ALL, ANYTIME), *events, bought("a", BASE_MS + DAY_MS))
    assert counts(found) == [(0, 0), (0, 0), (1, 0)]
    assert found.health.multiple_variations == 1


def test_an_empty_window_is_a_result_with_zero_counts(tables: Tables) -> None:
    found = results(tables, promise("sum", Window(1, 1), ANYTIME), exposure("a", 0, BASE_MS))
    assert counts(found) == [(0, 0), (0, 0), (0, 0)]
    assert (found.series, found.buckets, found.counted_through_ms) == ((), (), None)
    assert found.overall.winner is None
    assert isinstance(found.overall.p_value, NotEstimable)


@pytest.mark.parametrize(
    "other", [{"key": "other"}, {"kind": "click"}, {"context": {"kind": "org", "key": "a"}}]
)
def test_an_event_of_another_key_kind_or_unit_kind_is_not_the_metric_s(
    tables: Tables, other: dict[str, Any]
) -> None:
    event = {**bought("a", BASE_MS), **other}
    assert counts(results(tables, promise("count", ALL, ANYTIME), exposure("a", 0, BASE_MS), event))[0] == (
        1,
        0,
    )


def test_events_of_another_environment_do_not_exist_here(tables: Tables) -> None:
    tables.load(lines([exposure("a", 0, BASE_MS), bought("a", BASE_MS)], 1, env="elsewhere"))
    tables.load(lines([exposure("b", 0, BASE_MS), bought("a", BASE_MS)], 2))
    assert counts(analyse(promise("count", ALL, ANYTIME), tables.engine))[0] == (1, 0)


def test_a_reset_hides_what_was_accepted_up_to_it_and_nothing_later(tables: Tables) -> None:
    for seq in (1, 2, 3):
        tables.load(lines([exposure(f"u{seq}", 0, BASE_MS), bought(f"u{seq}", BASE_MS)], seq))
    tables.load(lines([bought("u1", BASE_MS + 1)], 4))
    for after_seq, expected in ((0, (3, 4)), (1, (2, 2)), (2, (1, 1)), (3, (0, 0)), (4, (0, 0))):
        assert counts(analyse(promise("count", ALL, ANYTIME, after_seq), tables.engine))[0] == expected


def test_a_late_exposure_makes_earlier_arrived_events_count(tables: Tables) -> None:
    wanted = promise("count", ALL, ANYTIME)
    tables.load(lines([bought("a", BASE_MS + 5)], 1))
    assert counts(analyse(wanted, tables.engine))[0] == (0, 0)
    tables.load(lines([exposure("a", 0, BASE_MS)], 2))
    assert counts(analyse(wanted, tables.engine))[0] == (1, 1)


def test_an_event_from_before_1970_never_makes_a_window_of_millions_of_buckets(tables: Tables) -> None:
    wanted = promise("count", Window(-(2**63), 2**63 - 1), ANYTIME)
    found = results(
        tables, wanted, exposure("old", 0, -8.64e15), exposure("a", 0, 0), exposure("b", 0, BASE_MS)
    )
    assert counts(found)[0] == (2, 0)
    assert found.granularity == "monthly"
    assert len(found.buckets) < 1_000


@pytest.mark.parametrize(
    ("span_ms", "granularity"),
    [(0, "hourly"), (2 * DAY_MS, "hourly"), (2 * DAY_MS + 1, "daily"), (1000 * DAY_MS + 1, "monthly")],
)
def test_the_buckets_suit_the_time_that_the_data_spans(
    tables: Tables, span_ms: int, granularity: str
) -> None:
    first = RECEIVED_MS - 1001 * DAY_MS
    found = results(
        tables, promise("count", ALL, ANYTIME), exposure("a", 0, first), exposure("b", 0, first + span_ms)
    )
    assert found.granularity == granularity
    assert found.buckets[0] <= first
    assert found.series[-1][0].so_far.value == 0


def test_the_series_ends_in_the_totals(tables: Tables) -> None:
    events = [exposure(f"u{n}", n % 2, BASE_MS + n * HOUR_MS) for n in range(10)]
    events += [bought(f"u{n}", BASE_MS + (n + 3) * HOUR_MS, 0.1 * n) for n in range(10)]
    found = results(tables, promise("sum", ALL, ANYTIME), *events)
    assert [row.so_far for row in found.series[-1]] == [total.measured for total in found.totals]


@pytest.mark.parametrize("extreme", [1e30, -1e30, 1e300, 1e-30, 1e-80, 1e-90, 1e-120, 1e-160, 5e-324, -0.0])
@pytest.mark.parametrize("others", [1.0, 0.0])
@pytest.mark.parametrize("value_of", ["sum", "average", "conversion"])
def test_no_metric_value_can_break_the_results(
    tables: Tables, extreme: float, others: float, value_of: str
) -> None:
    events: list[Any] = [exposure(f"u{n}", n % 3, BASE_MS) for n in range(12)]
    events += [bought(f"u{n % 12}", BASE_MS + n, extreme * (1 + n * n % 11 / 7)) for n in range(60)]
    events += [bought("u0", BASE_MS, -extreme), bought("u1", BASE_MS, others)]
    found = results(tables, promise(value_of, ALL, ANYTIME), *events)
    assert b"null" not in msgspec.json.encode([found.totals, found.series]).replace(b'"winner":null', b"")
    sizes = [total.sample_size for total in found.totals]
    assert all(isinstance(size, NotEstimable) or 0 < size < 2**53 for size in sizes)


def test_the_same_events_give_the_same_bytes_however_they_were_loaded(tables: Tables) -> None:
    events: list[Any] = []
    for n in range(60):
        events.append(exposure(f"u{n % 30}", n % 30 % 3, BASE_MS + n % 7))
        events.extend(
            bought(f"u{n % 30}", BASE_MS + 10 + n * k * HOUR_MS // 9, 0.1 * n + k / 3) for k in range(9)
        )
    written = [lines([event], seq) for seq, event in enumerate(events, 1)]
    other = Tables(tables.folder, open_engine(tables.folder / "other.duckdb", threads=4))
    tables.load(*written)
    for start in range(0, 600, 150):
        other.load(*reversed(written[start : start + 150]))
    for value_of in ("conversion", "count", "sum", "average"):
        wanted = promise(value_of, ALL, ANYTIME)
        first = msgspec.json.encode(analyse(wanted, tables.engine))
        assert first == msgspec.json.encode(analyse(wanted, tables.engine))
        assert first == msgspec.json.encode(analyse(wanted, other.engine))
    other.engine.close()


def test_a_page_view_metric_is_found_by_its_own_key(tables: Tables) -> None:
    wanted = promise("conversion", ALL, ANYTIME)
    metric = changed(wanted.metric, kind="pageview", event_key="", key="goal")
    event = {"kind": "pageview", "key": "goal", "creationDate": BASE_MS, "contextKeys": {"user": "a"}}
    found = results(tables, replace(wanted, metric=metric), exposure("a", 1, BASE_MS), event)
    assert counts(found)[1] == (1, 1)


@pytest.mark.parametrize(
    ("version", "reason", "by_chance"),
    [
        (1, {"kind": "FALLTHROUGH"}, True),
        (2, {"kind": "FALLTHROUGH"}, False),
        (2, {"kind": "RULE_MATCH", "ruleId": "r"}, True),
        (2, {"kind": "RULE_MATCH", "ruleId": "s"}, False),
        (1, {"kind": "TARGET_MATCH"}, False),
        (9, {"kind": "OFF"}, False),
        (9, {"kind": "FALLTHROUGH"}, True),
        (2, {"kind": "FALLTHROUGH", "inExperiment": True}, True),
    ],
)
def test_exposures_that_no_rollout_chose_are_told_apart(
    tables: Tables, version: int, reason: dict[str, Any], by_chance: bool
) -> None:
    known = {1: frozenset({""}), 2: frozenset({"r"})}
    wanted = replace(promise("count", ALL, ANYTIME), randomized=known)
    found = results(tables, wanted, exposure("a", 0, BASE_MS, version=version, reason=reason))
    assert found.health.not_randomized == (0 if by_chance else 1)
