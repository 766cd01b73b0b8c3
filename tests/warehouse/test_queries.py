"""The tables that the analysis asks for, row by row."""

from dataclasses import replace
from typing import Any

import pytest

from assay.experiments.metric import Measure, Metric
from assay.warehouse.engine import Query
from assay.warehouse.queries.arrivals import exposure_arrivals
from assay.warehouse.queries.exposed_units import OWN_EVENTS, exposed_units, keep_events
from assay.warehouse.queries.exposures import ExposureScope, evaluations
from assay.warehouse.queries.metric_values import event_extent, event_health, metric_seen, value_changes
from live import exposure, tracked
from warehouse.tables import RECEIVED_MS, Tables, lines

SCOPE = ExposureScope("env", "flag", "user", 2, 0, RECEIVED_MS * 2, 0)


def measure(**fields: Any) -> Measure:
    return Metric("id", "metric", "Metric", "custom", 0, event_key="metric", **fields).measure


COUNT = measure(unit_aggregation_type="sum")
SUM = measure(is_numeric=True)


def answer(tables: Tables, query: Query) -> list[tuple[Any, ...]]:
    """Its rows, sorted."""
    return sorted(tables.engine.rows(query), key=repr)


def kept_answer(tables: Tables, query: Query, of: Measure) -> list[tuple[Any, ...]]:
    """The sorted rows of a query about the events of exposed units."""
    with tables.engine.snapshot() as snapshot:
        keep_events(exposed_units(snapshot, SCOPE), of, OWN_EVENTS)
        return sorted(snapshot.rows(query), key=repr)


def extent(tables: Tables, scope: ExposureScope = SCOPE) -> tuple[int | None, int | None, int | None]:
    found = exposure_arrivals(tables.engine, scope)
    return found.first_ms, found.last_ms, found.received_ms


def load(tables: Tables, *events: Any, seq: int = 1) -> None:
    tables.load(lines(list(events), seq))


def test_nothing_has_no_extent(tables: Tables) -> None:
    assert extent(tables) == (None, None, None)
    assert answer(tables, event_extent(SCOPE, COUNT)) == [(None, None)]
    assert answer(tables, metric_seen("env", COUNT)) == [(None,)]
    assert kept_answer(tables, event_health(COUNT), COUNT) == [(0, 0)]
    assert kept_answer(tables, value_changes(COUNT, 10), COUNT) == []
    assert tables.exposed_counts(SCOPE) == ((0, 0), 0)


def test_the_extent_is_of_exposures_that_may_count(tables: Tables) -> None:
    load(
        tables,
        exposure("a", 0, 5),
        exposure("b", 1, 9),
        exposure("c", 2, 99),
        exposure("d", 0, 1, flag="other"),
    )
    assert extent(tables) == (5, 9, RECEIVED_MS)
    assert extent(tables, replace(SCOPE, start_ms=6)) == (9, 9, RECEIVED_MS)
    assert extent(tables, replace(SCOPE, after_seq=1)) == (None, None, None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [(0, 0, 1, 1.0, None)]),
        ({"unit_aggregation_type": "sum"}, [(0, 0, 2, 2.0, None), (0, 1, 1, 3.0, 2.0), (0, 3, 1, 4.0, 3.0)]),
        ({"is_numeric": True}, [(0, 0, 1, 4.0, None), (0, 1, 1, 1.0, 4.0), (0, 3, 1, 1.5, 1.0)]),
        (
            {"is_numeric": True, "unit_aggregation_type": "average"},
            [(0, 0, 1, 4.0, None), (0, 1, 1, 0.5, 4.0), (0, 3, 1, 0.5, 0.5)],
        ),
    ],
)
def test_a_unit_s_value_changes_in_the_buckets_of_its_events(
    tables: Tables, fields: dict[str, Any], expected: list[tuple[Any, ...]]
) -> None:
    events = [tracked("a", at, metricValue=value) for at, value in ((1, 4), (2, None), (15, -3), (39, 0.5))]
    load(tables, exposure("a", 0, 1), *events)
    found = kept_answer(tables, value_changes(measure(**fields), 10), measure(**fields))
    assert sorted(found, key=lambda row: row[1]) == expected


def test_a_bucket_ends_before_the_next_begins(tables: Tables) -> None:
    load(tables, exposure("a", 0, 0), tracked("a", 9), tracked("a", 10), tracked("a", 19))
    assert kept_answer(tables, value_changes(COUNT, 10), COUNT) == [(0, 0, 1, 1.0, None), (0, 1, 2, 3.0, 1.0)]


def test_the_health_of_events_is_that_of_those_that_count(tables: Tables) -> None:
    ahead = RECEIVED_MS + 60_001
    events = [tracked("a", 5), tracked("a", ahead, metricValue=1), tracked("b", 5), tracked("a", 1)]
    load(tables, exposure("a", 0, 2), *events)
    assert kept_answer(tables, event_health(SUM), SUM) == [(1, 1)]


def test_a_metric_was_seen_whoever_it_was_about(tables: Tables) -> None:
    load(tables, {**tracked("", 7), "context": None}, tracked("x", 3), tracked("x", 99, key="other"))
    assert answer(tables, metric_seen("env", COUNT)) == [(7,)]


def test_an_evaluation_is_one_however_many_context_kinds_it_names(tables: Tables) -> None:
    both = {"kind": "multi", "user": {"key": "u"}, "org": {"key": "o"}}
    org = {"kind": "org", "key": "o"}
    reason = {"kind": "RULE_MATCH", "ruleId": "r"}
    load(
        tables,
        exposure("", 0, 5, version=3, reason=reason, context=both),
        exposure("", 1, RECEIVED_MS + 60_001, version=3, reason=reason, context=org),
        exposure("u", 1, 5, version=None, reason=None),
        exposure("u", 7, 5),
    )
    assert answer(tables, evaluations(SCOPE)) == [
        (-1, "", "", False, 1, 0, 0),
        (3, "RULE_MATCH", "r", False, 2, 1, 1),
    ]


def test_units_in_several_variations_are_counted_once_each(tables: Tables) -> None:
    load(tables, *(exposure(unit, variation, 5) for unit in "ab" for variation in (0, 1, 0)))
    load(tables, exposure("c", 1, 5), exposure("d", 0, 5), exposure("d", 2, 5), seq=2)
    assert tables.exposed_counts(SCOPE) == ((1, 1), 2)
