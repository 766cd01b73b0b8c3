"""Unit values: one number per exposed unit, in an order that is always the same, for the statistics to work on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.experiments.metric import Measure, Metric
from assay.stats.estimate import NotEstimable
from assay.stats.quantiles import quantile
from assay.warehouse.engine import Engine, Query, bound, real, whole
from assay.warehouse.queries.event_filters import Predicate
from assay.warehouse.queries.exposures import (
    EXPOSURES,
    ExposureScope,
    scope_parameters,
    units_in_several_variations,
)
from assay.warehouse.queries.measured_events import (
    IN_WINDOW,
    measured_events,
    value_of_event,
    window_parameters,
)
from assay.warehouse.queries.slices import Sliced, sliced_by

DAY_MS = 86_400_000

# How a unit's event values become its own. Sums in ascending order, so that they are always the same.
_SUM = "list_sum(list_sort(list(value)))"
_AGGREGATES = {
    "conversion": "1.0",
    "count": "cast(count(*) as double)",
    "sum": _SUM,
    "average": f"{_SUM} / count(*)",
    "count_distinct": "cast(count(distinct value) as double)",
}


@dataclass(frozen=True, slots=True, eq=False)
class UnitValues:
    """One row per exposed unit that has a value, by unit key.

    `variation` is the index that the unit was exposed to. `denominator`: of ratio metrics. `covariate`: the
    same metric in the days before the unit's first exposure (of a ratio, its numerator); NaN where the metric
    leaves out a unit without events. `slice`: the attribute's value at the first exposure that tells it.
    """

    variation: NDArray[np.int64]
    first_exposed_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    denominator: NDArray[np.float64] | None
    covariate: NDArray[np.float64] | None
    slice: NDArray[np.object_] | None


@dataclass(frozen=True, slots=True, eq=False)
class EventValues:
    """One row per event that counts of an exposed unit, by unit key and value; `unit` numbers the units from 0."""

    variation: NDArray[np.int64]
    value: NDArray[np.float64]
    unit: NDArray[np.int64]
    slice: NDArray[np.object_] | None


@dataclass(frozen=True, slots=True, eq=False)
class FunnelSteps:
    """One row per exposed unit, by unit key: how many of the steps it passed, each at or after the one before."""

    variation: NDArray[np.int64]
    first_exposed_ms: NDArray[np.int64]
    steps: NDArray[np.int64]
    slice: NDArray[np.object_] | None


def unit_values(
    engine: Engine,
    exposures: ExposureScope,
    metric: Metric,
    *,
    covariate_days: int = 0,
    slice_by: str | None = None,
) -> UnitValues:
    """The value of each exposed unit, winsorized where the metric says so; not of percentiles (`event_values`).

    Sums are made in ascending order of their terms, and percentiles to winsorize at are those of all units.
    """
    if metric.value_of == "percentile":
        raise ValueError("a percentile is of events, which event_values gives")
    parts = {"own": _Part(metric.measure)} | ({"below": _Part(metric.below)} if metric.below else {})
    if covariate_days:
        parts["before"] = _Part(metric.measure, covariate_days * DAY_MS)
    sliced = sliced_by(slice_by)
    columns = engine.columns(_values_query(engine, exposures, parts, sliced))
    found = {name: real(columns[name]) for name in parts}
    seen = ~np.isnan(found["own"]) | (~np.isnan(found["below"]) if metric.below else False)
    kept = seen if metric.event_default.disabled else np.ones_like(seen)
    values = {
        name: _imputed(found[name][kept], part.measure, _default(metric, name))
        for name, part in parts.items()
    }
    return UnitValues(
        variation=whole(columns["variation"])[kept],
        first_exposed_ms=whole(columns["first_exposed_at"])[kept],
        value=values["own"],
        denominator=values.get("below"),
        covariate=values.get("before"),
        slice=sliced.of(columns, kept),
    )


def event_values(
    engine: Engine, exposures: ExposureScope, metric: Metric, *, slice_by: str | None = None
) -> EventValues:
    """The values of exposed units' events, for percentiles; events without one don't count."""
    measure = metric.measure
    events = measured_events(engine, exposures.environment, exposures.unit_kind, measure, "own")
    value = value_of_event(measure, "own")
    sliced = sliced_by(slice_by)
    sql = f"""with {EXPOSURES}{sliced.tables},
valued as (
    -- one row per event with a value
    select e.unit_key, e.variation, {value.sql} as value{sliced.column}
    from exposures e
    join metric_events m on m.unit_key = e.unit_key{sliced.join}
    where {events.sql} and m.seq > $after_seq and {IN_WINDOW.format(name="own")}
)
select variation, value, dense_rank() over (order by unit_key) - 1 as unit{sliced.name}
from valued
where value is not null
order by unit_key, value"""
    window = window_parameters(measure, "own")
    columns = engine.columns(
        bound(
            sql, scope_parameters(exposures), events.parameters, value.parameters, window, sliced.parameters
        )
    )
    return EventValues(
        whole(columns["variation"]), real(columns["value"]), whole(columns["unit"]), sliced.of(columns)
    )


def funnel_steps(
    engine: Engine, exposures: ExposureScope, metrics: Sequence[Metric], *, slice_by: str | None = None
) -> FunnelSteps:
    """How many of the metrics, in their order, each exposed unit has an event of; the earliest one is a step's.

    A step's window counts from the first exposure. One event may be two steps, where both count it.
    """
    sliced = sliced_by(slice_by)
    steps = [_step(engine, exposures, metric.measure, number) for number, metric in enumerate(metrics, 1)]
    passed = "".join(
        f" + cast(step{number}.reached is not null as bigint)" for number in range(1, len(steps) + 1)
    )
    joins = "".join(
        f"\nleft join step{number} on step{number}.unit_key = e.unit_key"
        for number in range(1, len(steps) + 1)
    )
    sql = f"""with {EXPOSURES}{"".join(step.sql for step in steps)}{sliced.tables}
select e.variation, e.first_exposed_at, 0{passed} as steps{sliced.column}
from exposures e{joins}{sliced.join}
order by e.unit_key"""
    parameters = [step.parameters for step in steps]
    columns = engine.columns(bound(sql, scope_parameters(exposures), sliced.parameters, *parameters))
    return FunnelSteps(
        whole(columns["variation"]),
        whole(columns["first_exposed_at"]),
        whole(columns["steps"]),
        sliced.of(columns),
    )


def exposed_counts(engine: Engine, exposures: ExposureScope) -> tuple[tuple[int, ...], int]:
    """How many units each variation was shown to first and only, and how many were left out for having seen several."""
    sql = f"""with {EXPOSURES}
select variation, count(*) as units from exposures group by variation"""
    counts = dict(engine.rows(bound(sql, scope_parameters(exposures))))
    ((left_out,),) = engine.rows(units_in_several_variations(exposures))
    return tuple(counts.get(variation, 0) for variation in range(exposures.variations)), left_out


@dataclass(frozen=True, slots=True)
class _Part:
    """A number that is asked for of each unit. `days_ms`: of so long before its first exposure, not from then on."""

    measure: Measure
    before_ms: int = 0


def _default(metric: Metric, name: str) -> float:
    """What a unit without events has."""
    if name == "below" or (metric.event_default.disabled and name == "own"):
        return 0.0
    return np.nan if metric.event_default.disabled else metric.event_default.value


def unit_value_rows(
    engine: Engine, exposures: ExposureScope, metric: Metric, *, covariate_days: int = 0
) -> Query:
    """One row per exposed unit, by its key: `unit_key`, `variation`, `first_exposed_at`, and its values as `own`,
    of a ratio `below`, with covariate days `before`; null without events, and not winsorized.
    """
    parts = {"own": _Part(metric.measure)} | ({"below": _Part(metric.below)} if metric.below else {})
    if covariate_days:
        parts["before"] = _Part(metric.measure, covariate_days * DAY_MS)
    return _values_query(engine, exposures, parts, sliced_by(None), key="e.unit_key, ")


def event_value_rows(engine: Engine, exposures: ExposureScope, metric: Metric) -> Query:
    """One row per event with a value of an exposed unit, by unit key and value: `unit_key`, `variation`,
    `first_exposed_at` and `own`.
    """
    measure = metric.measure
    events = measured_events(engine, exposures.environment, exposures.unit_kind, measure, "own")
    value = value_of_event(measure, "own")
    sql = f"""with {EXPOSURES}
select unit_key, variation, first_exposed_at, own
from (
    select e.unit_key, e.variation, e.first_exposed_at, {value.sql} as own
    from exposures e
    join metric_events m on m.unit_key = e.unit_key
    where {events.sql} and m.seq > $after_seq and {IN_WINDOW.format(name="own")}
)
where own is not null
order by unit_key, own"""
    window = window_parameters(measure, "own")
    return bound(sql, scope_parameters(exposures), events.parameters, value.parameters, window)


def _values_query(
    engine: Engine,
    exposures: ExposureScope,
    parts: Mapping[str, _Part],
    sliced: Sliced,
    *,
    key: str = "",
) -> Query:
    """One row per exposed unit, by its key: its variation, and for each part its value or null."""
    tables = {name: _part(engine, exposures, name, part) for name, part in parts.items()}
    queries = "".join(f",\n{name} as ({table.sql})" for name, table in tables.items())
    joins = "".join(f"\nleft join {name} on {name}.unit_key = e.unit_key" for name in tables)
    columns = "".join(f", {name}.value as {name}" for name in tables)
    sql = f"""with {EXPOSURES}{queries}{sliced.tables}
select {key}e.variation, e.first_exposed_at{columns}{sliced.column}
from exposures e{joins}{sliced.join}
order by e.unit_key"""
    return bound(
        sql, scope_parameters(exposures), sliced.parameters, *(table.parameters for table in tables.values())
    )


def _part(engine: Engine, exposures: ExposureScope, name: str, part: _Part) -> Predicate:
    """SQL: one row per exposed unit with events that count."""
    measure = part.measure
    events = measured_events(engine, exposures.environment, exposures.unit_kind, measure, name)
    value = value_of_event(measure, name)
    where = (
        f"m.at_ms >= e.first_exposed_at - ${name}_before and m.at_ms < e.first_exposed_at"
        if part.before_ms
        else IN_WINDOW.format(name=name)
    )
    needs = " and value is not null" if measure.numeric or measure.property_name else ""
    sql = f"""
    -- one row per exposed unit with events that count
    select unit_key, {_AGGREGATES[measure.value_of]} as value
    from (
        select m.unit_key, {value.sql} as value
        from exposures e
        join metric_events m on m.unit_key = e.unit_key
        where {events.sql} and m.seq > $after_seq and {where}
    )
    where true{needs}
    group by unit_key
"""
    window = {**window_parameters(measure, name), f"{name}_before": part.before_ms}
    return Predicate(sql, {**events.parameters, **value.parameters, **window})


def _step(engine: Engine, exposures: ExposureScope, measure: Measure, number: int) -> Predicate:
    """SQL: one row per exposed unit that passed the step after all before it, with the earliest time it did."""
    name = f"step{number}"
    events = measured_events(engine, exposures.environment, exposures.unit_kind, measure, name)
    before = f"\n    join step{number - 1} p on p.unit_key = e.unit_key" if number > 1 else ""
    after = " and m.at_ms >= p.reached" if number > 1 else ""
    sql = f""",
{name} as (
    -- one row per exposed unit that passed this step and all before it
    select e.unit_key, min(m.at_ms) as reached
    from exposures e{before}
    join metric_events m on m.unit_key = e.unit_key
    where {events.sql} and m.seq > $after_seq{after} and {IN_WINDOW.format(name=name)}
    group by e.unit_key
)"""
    return Predicate(sql, {**events.parameters, **window_parameters(measure, name)})


def _imputed(found: NDArray[np.float64], measure: Measure, default: float) -> NDArray[np.float64]:
    """Values with the default where there is none, winsorized at percentiles of all, or of those that had events."""
    missing = np.isnan(found)
    values = np.where(missing, default, found)
    if measure.winsor_lower is None and measure.winsor_upper is None:
        return values
    if not len(values):
        return values
    counted = ~np.isnan(values) if measure.winsor_imputed else ~missing
    lower, upper = (
        _bound(values[counted], percent) for percent in (measure.winsor_lower, measure.winsor_upper)
    )
    return np.where(counted, np.clip(values, lower, upper), values)


def _bound(values: NDArray[np.float64], percent: float | None) -> float | None:
    """The percentile; none at 0 and 100, which are the values' own ends."""
    if percent is None or not 0 < percent < 100:
        return None
    found = quantile(values, percent / 100)
    return None if isinstance(found, NotEstimable) else found
