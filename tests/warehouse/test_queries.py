"""The tables that the analysis asks for, row by row."""

from dataclasses import replace
from typing import Any

import pytest

from assay.experiments.metric import UnitValueOf
from assay.warehouse.engine import Query
from assay.warehouse.queries.exposures import (
    ExposureScope,
    evaluations,
    exposure_extent,
    exposure_timeline,
    units_in_several_variations,
)
from assay.warehouse.queries.metric_values import (
    NO_END,
    MetricScope,
    event_extent,
    event_health,
    metric_seen,
    value_changes,
)
from live import exposure, tracked
from warehouse.tables import RECEIVED_MS, Tables, lines

SCOPE = ExposureScope("env", "flag", "user", 2, 0, RECEIVED_MS * 2, 0)


def metric(value_of: UnitValueOf, scope: ExposureScope = SCOPE) -> MetricScope:
    return MetricScope(scope, "metric", "custom", value_of, 0, NO_END)


def answer(tables: Tables, query: Query) -> list[tuple[Any, ...]]:
    """Its rows, sorted."""
    return sorted(tables.engine.rows(query), key=repr)


def load(tables: Tables, *events: Any, seq: int = 1) -> None:
    tables.load(lines(list(events), seq))


def test_nothing_has_no_extent(tables: Tables) -> None:
    assert answer(tables, exposure_extent(SCOPE)) == [(None, None, None)]
    assert answer(tables, event_extent(metric("count"))) == [(None, None)]
    assert answer(tables, metric_seen(metric("count"))) == [(None,)]
    assert answer(tables, event_health(metric("count"))) == [(0, 0)]
    assert answer(tables, value_changes(metric("count"), 10)) == []
    assert answer(tables, units_in_several_variations(SCOPE)) == [(0,)]


def test_the_extent_is_of_exposures_that_may_count(tables: Tables) -> None:
    load(
        tables,
        exposure("a", 0, 5),
        exposure("b", 1, 9),
        exposure("c", 2, 99),
        exposure("d", 0, 1, flag="other"),
    )
    assert answer(tables, exposure_extent(SCOPE)) == [(5, 9, RECEIVED_MS)]
    assert answer(tables, exposure_extent(replace(SCOPE, start_ms=6))) == [(9, 9, RECEIVED_MS)]
    assert answer(tables, exposure_extent(replace(SCOPE, after_seq=1))) == [(None, None, None)]


def test_a_unit_stands_in_the_bucket_of_its_first_exposure(tables: Tables) -> None:
    load(tables, exposure("a", 0, 25), exposure("a", 0, 9), exposure("b", 0, 10), exposure("c", 1, 29))
    assert answer(tables, exposure_timeline(SCOPE, 10)) == [(0, 0, 1), (0, 1, 1), (1, 2, 1)]


@pytest.mark.parametrize(
    ("value_of", "expected"),
    [
        ("conversion", [(0, 0, 1, 1.0, None)]),
        ("count", [(0, 0, 2, 2.0, None), (0, 1, 1, 3.0, 2.0), (0, 3, 1, 4.0, 3.0)]),
        ("sum", [(0, 0, 1, 4.0, None), (0, 1, 1, 1.0, 4.0), (0, 3, 1, 1.5, 1.0)]),
        ("average", [(0, 0, 1, 4.0, None), (0, 1, 1, 0.5, 4.0), (0, 3, 1, 0.5, 0.5)]),
    ],
)
def test_a_unit_s_value_changes_in_the_buckets_of_its_events(
    tables: Tables, value_of: UnitValueOf, expected: list[tuple[Any, ...]]
) -> None:
    events = [tracked("a", at, metricValue=value) for at, value in ((1, 4), (2, None), (15, -3), (39, 0.5))]
    load(tables, exposure("a", 0, 1), *events)
    assert sorted(answer(tables, value_changes(metric(value_of), 10)), key=lambda row: row[1]) == expected


def test_a_bucket_ends_before_the_next_begins(tables: Tables) -> None:
    load(tables, exposure("a", 0, 0), tracked("a", 9), tracked("a", 10), tracked("a", 19))
    assert answer(tables, value_changes(metric("count"), 10)) == [(0, 0, 1, 1.0, None), (0, 1, 2, 3.0, 1.0)]


def test_the_health_of_events_is_that_of_those_that_count(tables: Tables) -> None:
    ahead = RECEIVED_MS + 60_001
    events = [tracked("a", 5), tracked("a", ahead, metricValue=1), tracked("b", 5), tracked("a", 1)]
    load(tables, exposure("a", 0, 2), *events)
    assert answer(tables, event_health(metric("sum"))) == [(1, 1)]


def test_a_metric_was_seen_whoever_it_was_about(tables: Tables) -> None:
    load(tables, {**tracked("", 7), "context": None}, tracked("x", 3), tracked("x", 99, key="other"))
    assert answer(tables, metric_seen(metric("count"))) == [(7,)]


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
    assert answer(tables, units_in_several_variations(SCOPE)) == [(2,)]
