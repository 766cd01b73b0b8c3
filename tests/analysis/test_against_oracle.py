"""Any events, in any order and any pieces, give the figures that the rules give in plain Python."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis import oracle
from assay.analysis.pipeline import Promise, analyse
from assay.analysis.results import FlagExperimentResults, Measured
from assay.analysis.windows import DAY_MS, HOUR_MS, Window
from assay.experiments.metric import Metric
from assay.stats.estimate import NotEstimable
from warehouse.tables import RECEIVED_MS, Tables, lines

BASE_MS = RECEIVED_MS - 40 * DAY_MS
WIDTHS = {"hourly": HOUR_MS, "daily": DAY_MS, "monthly": 30 * DAY_MS}
VALUE_KINDS: dict[str, dict[str, Any]] = {
    "conversion": {},
    "count": {"unit_aggregation_type": "sum"},
    "sum": {"is_numeric": True},
    "average": {"is_numeric": True, "unit_aggregation_type": "average"},
}
VARIATIONS = 3

UNITS = st.sampled_from(["a", "b", "c", "d", "e"])
CONTEXTS = st.one_of(
    st.builds(lambda key: {"kind": "user", "key": key}, UNITS),
    st.builds(lambda key: {"kind": "user", "key": key}, UNITS),
    st.builds(lambda key: {"kind": "org", "key": key}, UNITS),
    st.builds(lambda u, o: {"kind": "multi", "user": {"key": u}, "org": {"key": o}}, UNITS, UNITS),
)
# Few different steps, so that events often share a millisecond, an hour or a window's edge.
TIMES = st.one_of(
    st.builds(
        lambda step, ms: BASE_MS + step * HOUR_MS // 2 + ms, st.integers(0, 12), st.sampled_from([0, 1, 0.5])
    ),
    st.builds(lambda day: BASE_MS + day * DAY_MS - 1, st.integers(0, 39)),
    st.sampled_from([RECEIVED_MS + 60_000, RECEIVED_MS + 60_001, RECEIVED_MS + DAY_MS]),
)
VALUES = st.sampled_from([None, 0, 1, 2.5, -3, 0.1, 1e6, 1e-9])
EVENTS = st.one_of(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["feature", "feature", "feature", "debug"]),
            "key": st.sampled_from(["flag", "flag", "flag", "other"]),
            "creationDate": TIMES,
            "variation": st.sampled_from([0, 1, 0, 1, 2, VARIATIONS, None]),
            "context": CONTEXTS,
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["custom", "custom", "custom", "click"]),
            "key": st.sampled_from(["bought", "bought", "bought", "other"]),
            "creationDate": TIMES,
            "metricValue": VALUES,
            "context": CONTEXTS,
        }
    ),
)
PAYLOADS = st.lists(st.lists(EVENTS, min_size=1, max_size=6), min_size=1, max_size=8)
EDGES = st.sampled_from([BASE_MS, BASE_MS + HOUR_MS, BASE_MS + 4 * HOUR_MS + 1, BASE_MS + 30 * DAY_MS])
WINDOWS = st.one_of(
    st.just(Window(0, RECEIVED_MS + DAY_MS)),
    st.builds(lambda one, other: Window(min(one, other), max(one, other)), EDGES, EDGES),
)
OFFSETS = st.sampled_from([(None, None), (None, None), (0, HOUR_MS), (1, None), (HOUR_MS, 2 * DAY_MS)])


def promise(
    value_of: str, window: Window, offsets: tuple[int | None, int | None], after_seq: int = 0
) -> Promise:
    start, end = offsets
    kind = VALUE_KINDS[value_of]
    metric = Metric(
        id="1", key="m", name="m", kind="custom", creation_date=0, event_key="bought", window_start_offset=start,
        window_end_offset=end, **kind,
    )  # fmt: skip
    return Promise(
        "env", "flag", VARIATIONS, 0, metric, "user", window, after_seq, {}, NotEstimable("no plan")
    )


def load(tables: Tables, payloads: list[tuple[int, list[dict[str, Any]]]], pieces: int = 1) -> None:
    tables.empty()
    written = [lines(events, seq) for seq, events in payloads]
    size = -(-len(written) // pieces)
    for start in range(0, len(written), size):
        tables.load(*written[start : start + size])


def check_measured(measured: Measured, expected: oracle.Figures, over: int) -> None:
    assert measured.count == expected.count
    assert measured.value == pytest.approx(float(expected.total), rel=1e-9, abs=1e-9)
    if over:
        assert measured.rate == pytest.approx(float(expected.total / over), rel=1e-9, abs=1e-9)
    else:
        assert isinstance(measured.rate, NotEstimable)


def check_series(results: FlagExperimentResults, units: dict[str, oracle.Unit], wanted: Promise) -> None:
    width = WIDTHS[results.granularity]
    for start, row in zip(results.buckets, results.series, strict=True):
        for variation, bucket in enumerate(row):
            before = oracle.figures(units, wanted, variation, start)
            so_far = oracle.figures(units, wanted, variation, start + width)
            within = oracle.growth(units, wanted, variation, (start, start + width))
            check_measured(bucket.so_far, so_far, so_far.exposed)
            left = so_far.exposed - (before.count if wanted.metric.value_of == "conversion" else 0)
            check_measured(bucket.within, within, left)


def check(tables: Tables, payloads: list[tuple[int, list[dict[str, Any]]]], wanted: Promise) -> None:
    results = analyse(wanted, tables.engine)
    events = oracle.accepted(payloads, RECEIVED_MS)
    units, several = oracle.with_metric_events(events, wanted)
    for variation, total in enumerate(results.totals):
        expected = oracle.figures(units, wanted, variation, float("inf"))
        assert total.exposed == expected.exposed
        check_measured(total.measured, expected, expected.exposed)
    assert results.health.multiple_variations == several
    for name, number in oracle.health(events, units, wanted).items():
        assert getattr(results.health, name) == number, name
    check_series(results, units, wanted)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=PAYLOADS,
    value_of=st.sampled_from(sorted(VALUE_KINDS)),
    window=WINDOWS,
    offsets=OFFSETS,
    after_seq=st.integers(0, 4),
    kind=st.sampled_from(["user", "user", "org"]),
    pieces=st.integers(1, 3),
    data=st.data(),
)
def test_results_are_what_the_rules_say(
    tables: Tables,
    batches: list[list[dict[str, Any]]],
    value_of: str,
    window: Window,
    offsets: tuple[int | None, int | None],
    after_seq: int,
    kind: str,
    pieces: int,
    data: st.DataObject,
) -> None:
    payloads = data.draw(st.permutations(list(enumerate(batches, 1))))
    load(tables, payloads, pieces)
    check(tables, payloads, replace(promise(value_of, window, offsets, after_seq), unit_kind=kind))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=PAYLOADS, value_of=st.sampled_from(sorted(VALUE_KINDS)), seed=st.integers(0, 100))
def test_the_order_of_arrival_never_matters(
    tables: Tables, batches: list[list[dict[str, Any]]], value_of: str, seed: int
) -> None:
    wanted = promise(value_of, Window(0, RECEIVED_MS + DAY_MS), (None, None))
    load(tables, list(enumerate(batches, 1)))
    first = analyse(wanted, tables.engine)
    events = [event for batch in batches for event in batch]
    random.Random(seed).shuffle(events)
    load(tables, [(seq, [event]) for seq, event in enumerate(events, 1)], pieces=2)
    second = analyse(wanted, tables.engine)
    assert second.health == first.health
    assert second.buckets == first.buckets
    for one, other in zip(first.totals, second.totals, strict=True):
        assert (one.exposed, one.measured.count) == (other.exposed, other.measured.count)
        assert one.measured.value == pytest.approx(other.measured.value, rel=1e-12, abs=1e-12)
