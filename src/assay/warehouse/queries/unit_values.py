"""Unit values: one number per exposed unit, in an order that is always the same, for the statistics to work on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.experiments.metric import Measure, Metric
from assay.stats.estimate import NotEstimable
from assay.stats.quantiles import quantile
from assay.warehouse.engine import Query, real, whole
from assay.warehouse.queries.exposed_units import BELOW_EVENTS, OWN_EVENTS, ExposedUnits, keep_events
from assay.warehouse.queries.measured_events import in_window

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


def unit_values(exposed: ExposedUnits, metric: Metric, *, covariate_days: int = 0) -> UnitValues:
    """The value of each exposed unit, winsorized where the metric says so; not of percentiles (`event_values`).

    Sums are made in ascending order of their terms, and percentiles to winsorize at are those of all units.
    """
    if metric.value_of == "percentile":
        raise ValueError("a percentile is of events, which event_values gives")
    parts = _kept_parts(exposed, metric, covariate_days)
    found = {part.name: _found(exposed, part) for part in parts}
    seen = ~np.isnan(found["own"]) | (~np.isnan(found["below"]) if metric.below else False)
    kept = np.flatnonzero(seen) if metric.event_default.disabled else slice(None)
    values = {
        part.name: _imputed(found[part.name][kept], part.measure, _default(metric, part.name))
        for part in parts
    }
    return UnitValues(
        variation=exposed.variation[kept],
        first_exposed_ms=exposed.first_exposed_ms[kept],
        value=values["own"],
        denominator=values.get("below"),
        covariate=values.get("before"),
        slice=None if exposed.slice is None else exposed.slice[kept],
    )


def event_values(exposed: ExposedUnits, metric: Metric) -> EventValues:
    """The values of exposed units' events, for percentiles; events without one don't count."""
    keep_events(exposed, metric.measure, OWN_EVENTS)
    sql = f"""select unit, value
from {OWN_EVENTS}
where value is not null and {in_window(metric.measure)}
order by unit, value"""
    columns = exposed.snapshot.columns(Query(sql, {}))
    unit = whole(columns["unit"])
    return EventValues(
        variation=exposed.variation[unit],
        value=real(columns["value"]),
        unit=_renumbered(unit),
        slice=None if exposed.slice is None else exposed.slice[unit],
    )


def _renumbered(unit: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ascending numbers as those from 0 without gaps."""
    if not len(unit):
        return unit
    changes = np.diff(unit, prepend=unit[0]) > 0
    return np.cumsum(changes, dtype=np.int64)


def funnel_steps(exposed: ExposedUnits, metrics: Sequence[Metric]) -> FunnelSteps:
    """How many of the metrics, in their order, each exposed unit has an event of; the earliest one is a step's.

    A step's window counts from the first exposure. One event may be two steps, where both count it.
    """
    steps = np.zeros(len(exposed.variation), dtype=np.int64)
    for number, metric in enumerate(metrics, 1):
        keep_events(exposed, metric.measure, step_events(number))
        exposed.snapshot.keep(f"step{number}", _step(metric.measure, number))
        passed = exposed.snapshot.columns(Query(f"select unit from step{number}", {}))
        steps[whole(passed["unit"])] = number
    return FunnelSteps(exposed.variation, exposed.first_exposed_ms, steps, exposed.slice)


@dataclass(frozen=True, slots=True)
class _Part:
    """A number that is asked for of each unit, and the kept table of events that it is made from.

    `before_ms`: of so long before the unit's first exposure, not from then on.
    """

    name: str
    table: str
    measure: Measure
    before_ms: int = 0


def _kept_parts(exposed: ExposedUnits, metric: Metric, covariate_days: int) -> tuple[_Part, ...]:
    """The numbers of a metric, their events kept."""
    keep_events(exposed, metric.measure, OWN_EVENTS)
    parts = [_Part("own", OWN_EVENTS, metric.measure)]
    if metric.below:
        keep_events(exposed, metric.below, BELOW_EVENTS)
        parts.append(_Part("below", BELOW_EVENTS, metric.below))
    if covariate_days:
        parts.append(_Part("before", OWN_EVENTS, metric.measure, covariate_days * DAY_MS))
    return tuple(parts)


def _default(metric: Metric, name: str) -> float:
    """What a unit without events has."""
    if name == "below" or (metric.event_default.disabled and name == "own"):
        return 0.0
    return np.nan if metric.event_default.disabled else metric.event_default.value


def unit_value_rows(exposed: ExposedUnits, metric: Metric, *, covariate_days: int = 0) -> Query:
    """One row per exposed unit, by its key: `unit_key`, `variation`, `first_exposed_at`, and its values as `own`,
    of a ratio `below`, with covariate days `before`; null without events, and not winsorized.
    """
    parts = {part.name: _aggregated(part) for part in _kept_parts(exposed, metric, covariate_days)}
    columns = "".join(f", {name}.value as {name}" for name in parts)
    joins = "".join(f"\nleft join ({sql}) {name} on {name}.unit = e.unit" for name, sql in parts.items())
    sql = f"""select e.unit_key, e.variation, e.first_exposed_at{columns}
from exposures e{joins}
order by e.unit"""
    return Query(sql, {})


def event_value_rows(exposed: ExposedUnits, metric: Metric) -> Query:
    """One row per event with a value of an exposed unit, by unit key and value: `unit_key`, `variation`,
    `first_exposed_at` and `own`.
    """
    keep_events(exposed, metric.measure, OWN_EVENTS)
    sql = f"""select e.unit_key, e.variation, e.first_exposed_at, value as own
from {OWN_EVENTS}
join exposures e using (unit)
where value is not null and {in_window(metric.measure)}
order by unit, own"""
    return Query(sql, {})


def _found(exposed: ExposedUnits, part: _Part) -> NDArray[np.float64]:
    """A part's number of each unit; NaN without events that count."""
    columns = exposed.snapshot.columns(Query(_aggregated(part), {}))
    values = np.full(len(exposed.variation), np.nan)
    values[whole(columns["unit"])] = real(columns["value"])
    return values


def _aggregated(part: _Part) -> str:
    """SQL: one row per exposed unit with events that count, `unit` and `value`."""
    measure = part.measure
    times = f"after_ms >= -{part.before_ms} and after_ms < 0" if part.before_ms else in_window(measure)
    valued = " and value is not null" if measure.numeric or measure.property_name else ""
    return f"""-- one row per exposed unit with events that count
select unit, {_AGGREGATES[measure.value_of]} as value
from {part.table}
where {times}{valued}
group by unit"""


def step_events(number: int) -> str:
    """The kept table of a funnel's step, counted from 1."""
    return f"step{number}_events"


def _step(measure: Measure, number: int) -> Query:
    """One row per exposed unit that passed the step after all before it, with the earliest time it did."""
    before = f"\njoin step{number - 1} p using (unit)" if number > 1 else ""
    after = " and at_ms >= p.reached" if number > 1 else ""
    sql = f"""-- one row per exposed unit that passed this step and all before it
select unit, min(at_ms) as reached
from {step_events(number)}{before}
where {in_window(measure)}{after}
group by unit"""
    return Query(sql, {})


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
