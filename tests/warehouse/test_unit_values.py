"""Unit values by hand: small sets of events whose every number can be counted on fingers."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace as with_fields

from assay.experiments.metric import Denominator, EventDefault, Metric
from assay.warehouse.queries.exposures import ExposureScope
from assay.warehouse.queries.unit_values import DAY_MS
from live import exposure, tracked
from warehouse.tables import RECEIVED_MS, Tables, lines

SCOPE = ExposureScope("env", "flag", "user", 2, 0, RECEIVED_MS * 2, 0)


def metric(**fields: Any) -> Metric:
    return Metric("id", "metric", "Metric", "custom", 0, **{"event_key": "metric", **fields})


def load(tables: Tables, *events: Any, seq: int = 1) -> None:
    tables.load(lines(list(events), seq))


def values(
    tables: Tables, wanted: Metric, scope: ExposureScope = SCOPE, **more: Any
) -> list[tuple[Any, ...]]:
    """The rows, with those of the columns that there are."""
    found = tables.unit_values(scope, wanted, **more)
    columns = (found.variation, found.value, found.denominator, found.covariate, found.slice)
    return list(zip(*(column.tolist() for column in columns if column is not None), strict=True))


EVENTS = (
    exposure("c", 1, 10),
    exposure("a", 0, 10),
    exposure("b", 1, 10),
    tracked("a", 10, metricValue=3, data={"sku": "x"}),
    tracked("a", 11, metricValue=1.5, data={"sku": "y"}),
    tracked("a", 12, metricValue=None, data={"sku": "x"}),
    tracked("a", 9, metricValue=100, data={"sku": "z"}),
    tracked("b", 10, metricValue=-2),
    tracked("nobody", 10, metricValue=50),
)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [1, 1, 0]),
        ({"unit_aggregation_type": "sum"}, [3, 1, 0]),
        ({"is_numeric": True}, [4.5, -2, 0]),
        ({"is_numeric": True, "unit_aggregation_type": "average"}, [2.25, -2, 0]),
        ({"unit_aggregation_type": "count_distinct", "unit_aggregation_field": "sku"}, [2, 0, 0]),
        ({"is_numeric": True, "event_default": EventDefault(value=7.5)}, [4.5, -2, 7.5]),
    ],
)
def test_a_unit_s_events_become_its_value(
    tables: Tables, fields: dict[str, Any], expected: list[float]
) -> None:
    load(tables, *EVENTS)
    assert values(tables, metric(**fields)) == list(zip((0, 1, 1), expected, strict=True))


def test_a_unit_without_events_is_left_out_where_it_has_no_default(tables: Tables) -> None:
    load(tables, *EVENTS)
    assert values(tables, metric(event_default=EventDefault(disabled=True))) == [(0, 1.0), (1, 1.0)]


def test_nobody_has_no_values(tables: Tables) -> None:
    assert values(tables, metric(winsor_upper_percentile=90), covariate_days=7, slice_by="plan") == []
    assert tables.event_values(SCOPE, metric(), slice_by="plan").value.tolist() == []
    assert tables.funnel_steps(SCOPE, [metric()]).steps.tolist() == []
    assert tables.exposed_counts(SCOPE) == ((0, 0), 0)


def test_units_are_counted_by_variation_and_those_of_several_are_left_out(tables: Tables) -> None:
    load(tables, *EVENTS, exposure("d", 0, 5), exposure("d", 1, 6), exposure("e", 2, 6))
    assert tables.exposed_counts(SCOPE) == ((1, 2), 1)
    assert len(values(tables, metric())) == 3


def test_a_ratio_divides_a_unit_s_values_of_two_kinds_of_events(tables: Tables) -> None:
    visits = [tracked("a", at, key="visit") for at in (9, 10, 50)] + [tracked("c", 10, key="visit")]
    load(tables, *EVENTS, *visits)
    below = Denominator("visit", unit_aggregation_type="sum")
    ratio = metric(is_numeric=True, denominator=below)
    assert values(tables, ratio) == [(0, 4.5, 2), (1, -2, 0), (1, 0, 1)]
    only_seen = metric(is_numeric=True, denominator=below, event_default=EventDefault(disabled=True))
    assert values(tables, only_seen) == [(0, 4.5, 2), (1, -2, 0), (1, 0, 1)]
    load(tables, exposure("d", 0, 1), seq=2)
    assert values(tables, ratio)[3:] == [(0, 0, 0)]
    assert values(tables, only_seen)[3:] == []
    windowed = replace_denominator(ratio, window_start_offset=0, window_end_offset=40)
    assert values(tables, windowed)[0] == (0, 4.5, 1)


def replace_denominator(ratio: Metric, **changes: Any) -> Metric:
    assert ratio.denominator is not None
    return with_fields(ratio, denominator=with_fields(ratio.denominator, **changes))


def test_the_covariate_is_the_same_metric_before_the_first_exposure(tables: Tables) -> None:
    at = 10 * DAY_MS
    times = (at - 7 * DAY_MS - 1, at - 7 * DAY_MS, at - 1, at)
    load(tables, exposure("a", 0, at), exposure("b", 1, at), *(tracked("a", t, metricValue=t) for t in times))
    wanted = metric(is_numeric=True)
    assert values(tables, wanted, covariate_days=7) == [(0, at, times[1] + times[2]), (1, 0, 0)]
    found = tables.unit_values(SCOPE, metric(event_default=EventDefault(disabled=True)), covariate_days=7)
    assert found.covariate is not None
    assert found.covariate.tolist() == [1.0]
    load(tables, tracked("b", at), seq=2)
    found = tables.unit_values(SCOPE, metric(event_default=EventDefault(disabled=True)), covariate_days=7)
    assert found.covariate is not None
    assert np.isnan(found.covariate).tolist() == [False, True]


def test_a_window_counts_from_the_first_exposure(tables: Tables) -> None:
    load(tables, exposure("a", 0, 10), exposure("a", 0, 5), *(tracked("a", at) for at in range(1, 20)))
    windowed = metric(unit_aggregation_type="sum", window_start_offset=2, window_end_offset=6)
    assert values(tables, windowed) == [(0, 4)]
    assert values(tables, windowed, replace(SCOPE, end_ms=9)) == [(0, 2)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [0, 0, 1, 2, 100]),
        ({"winsor_upper_percentile": 80}, [0, 0, 1, 2, 100]),
        ({"winsor_upper_percentile": 66}, [0, 0, 1, 2, 2]),
        ({"winsor_upper_percentile": 60, "winsor_include_imputed": True}, [0, 0, 1, 1, 1]),
        ({"winsor_lower_percentile": 50}, [0, 0, 2, 2, 100]),
        ({"winsor_lower_percentile": 61, "winsor_include_imputed": True}, [2, 2, 2, 2, 100]),
        ({"winsor_lower_percentile": 0, "winsor_upper_percentile": 100}, [0, 0, 1, 2, 100]),
    ],
)
def test_values_are_winsorized_at_percentiles_of_all_units(
    tables: Tables, fields: dict[str, Any], expected: list[float]
) -> None:
    exposed = [exposure(unit, place % 2, 1) for place, unit in enumerate("abcde")]
    load(
        tables,
        *exposed,
        *(tracked(unit, 2, metricValue=value) for unit, value in (("c", 1), ("d", 2), ("e", 100))),
    )
    assert [value for _, value in values(tables, metric(is_numeric=True, **fields))] == expected


def test_the_slice_is_what_the_first_exposure_that_tells_it_says(tables: Tables) -> None:
    def told(unit: str, at: int, **attributes: Any) -> dict[str, Any]:
        return exposure(unit, 0, at, context={"kind": "user", "key": unit, **attributes})

    load(
        tables,
        told("a", 9, plan="late"),
        told("a", 5),
        told("a", 7, plan="pro"),
        told("b", 1, plan=True, address={"city": "B"}),
        told("c", 1, plan=None),
        told("d", 1, plan="y"),
        told("d", 1, plan="x"),
    )
    assert [row[-1] for row in values(tables, metric(), slice_by="plan")] == ["pro", "true", None, "x"]
    assert [row[-1] for row in values(tables, metric(), slice_by="/address/city")] == [None, "B", None, None]


def test_a_percentile_is_of_events(tables: Tables) -> None:
    load(tables, *EVENTS)
    with pytest.raises(ValueError, match="event_values"):
        tables.unit_values(SCOPE, metric(is_numeric=True, analysis_type="percentile"))
    found = tables.event_values(SCOPE, metric(is_numeric=True, analysis_type="percentile"))
    assert found.variation.tolist() == [0, 0, 1]
    assert found.value.tolist() == [1.5, 3, -2]
    assert found.unit.tolist() == [0, 0, 1]
    assert found.slice is None


def test_a_funnel_s_steps_come_one_after_another(tables: Tables) -> None:
    load(
        tables,
        *(exposure(unit, 0, 10) for unit in "abcdef"),
        *(tracked("a", at, key=key) for at, key in ((10, "one"), (10, "two"), (12, "three"))),
        *(tracked("b", at, key=key) for at, key in ((11, "two"), (12, "one"), (13, "three"))),
        *(tracked("c", at, key=key) for at, key in ((9, "one"), (11, "two"))),
        *(tracked("d", at, key=key) for at, key in ((30, "one"), (20, "one"), (25, "two"), (22, "three"))),
        tracked("e", 11, key="three"),
    )
    steps = [metric(event_key=key) for key in ("one", "two", "three")]
    found = tables.funnel_steps(SCOPE, steps)
    assert found.steps.tolist() == [3, 1, 0, 2, 0, 0]
    assert found.variation.tolist() == [0] * 6


ITERATION = replace(SCOPE, versions=(3, 5), rule="fallthrough", in_experiment_only=True, start_ms=100)


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({"version": 3}, True),
        ({"version": 4}, True),
        ({"version": 2}, False),
        ({"version": 5}, False),
        ({"version": None}, True),
        ({"version": None, "creationDate": 99}, False),
        ({"version": 3, "creationDate": 99}, True),
        ({"version": 5, "creationDate": 150}, False),
        ({"version": 3, "creationDate": RECEIVED_MS * 2}, True),
        ({"version": 3, "reason": {"kind": "FALLTHROUGH"}}, False),
        ({"version": 3, "reason": {"kind": "FALLTHROUGH", "inExperiment": False}}, False),
        ({"version": 3, "reason": {"kind": "RULE_MATCH", "ruleId": "r", "inExperiment": True}}, False),
        ({"version": 3, "reason": None}, False),
    ],
)
def test_an_iteration_s_exposures_are_those_of_its_versions_and_rule(
    tables: Tables, fields: dict[str, Any], *, counts: bool
) -> None:
    load(tables, exposure("a", 0, 100, **{"reason": {"kind": "FALLTHROUGH", "inExperiment": True}, **fields}))
    assert tables.exposed_counts(ITERATION) == ((int(counts), 0), 0)


def test_a_rule_s_iteration_and_one_that_goes_on(tables: Tables) -> None:
    reason = {"kind": "RULE_MATCH", "ruleId": "r", "inExperiment": True}
    load(tables, exposure("a", 1, 100, version=9, reason=reason))
    for scope, units in (
        (replace(ITERATION, rule="r", versions=(3, None)), 1),
        (replace(ITERATION, rule="q", versions=(3, None)), 0),
        (replace(ITERATION, rule="", versions=(9, 10)), 1),
        (replace(ITERATION, rule="r", versions=(10, None)), 0),
        (replace(ITERATION, rule="r", versions=(3, None), end_ms=100), 0),
    ):
        assert tables.exposed_counts(scope) == ((0, units), 0)
