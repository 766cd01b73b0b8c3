"""Arrivals: what came in for an iteration and how well it fits together, counted; nothing here becomes a result."""

from dataclasses import dataclass

from assay.experiments.metric import Measure
from assay.warehouse.engine import Parameters, Query, Reader, bound
from assay.warehouse.queries.exposed_units import LATE_MS, ExposedUnits
from assay.warehouse.queries.exposures import EXPOSURE_EVENTS, ExposureScope, scope_parameters
from assay.warehouse.queries.measured_events import events_of


@dataclass(frozen=True, slots=True)
class ExposureArrivals:
    """Exposure events: how many, from when to when, the latest arrival, and how many were late; units left out."""

    events: int
    first_ms: int | None
    last_ms: int | None
    received_ms: int | None
    late: int


@dataclass(frozen=True, slots=True)
class MetricArrivals:
    """A metric's events, whoever's: how many, when the last one was, how many name no unit of the kind.

    Of those that do: how many are of exposed units, of these how many before the first exposure, without a value,
    with a clock ahead, and late. `received_ms`: the latest arrival.
    """

    events: int
    last_ms: int | None
    received_ms: int | None
    unit_missing: int
    of_exposed: int
    before_exposure: int
    value_missing: int
    clock_skew: int
    late: int


def exposure_arrivals(reader: Reader, scope: ExposureScope) -> ExposureArrivals:
    """What exposed units in the scope."""
    sql = f"""with {EXPOSURE_EVENTS}
select count(*), min(at_ms), max(at_ms), max(received_ms),
    coalesce(sum(cast(received_ms - at_ms > {LATE_MS} as bigint)), 0)
from exposure_events"""
    ((events, first, last, received, late),) = reader.rows(bound(sql, scope_parameters(scope)))
    return ExposureArrivals(events, first, last, received, int(late))


def metric_arrivals(exposed: ExposedUnits, measure: Measure, table: str, since_ms: int) -> MetricArrivals:
    """What came in for a measure since a time, and before the scope's end; `table` keeps its exposed units' events."""
    scope, snapshot = exposed.scope, exposed.snapshot
    named = events_of(scope.environment, measure)
    anybody = f"{named.sql} and m.at_ms >= $since_ms and m.at_ms < $end_ms"
    every = f"""select max(m.at_ms), max(m.received_ms), count(*),
    count(*) filter (where coalesce(m.unit_kind = $unit_kind, false))
from metric_events m
where {anybody}"""
    since: Parameters = {"since_ms": since_ms}
    parameters = (scope_parameters(scope), named.parameters, since)
    ((last, received, rows, with_unit),) = snapshot.rows(bound(every, *parameters))
    missing = 0
    if rows > with_unit:
        # An event with several context kinds has a row for each.
        others = f"""select count(*) from (
    select seq, n from metric_events m where {anybody}
    group by seq, n having not bool_or(coalesce(unit_kind = $unit_kind, false))
)"""
        ((missing,),) = snapshot.rows(bound(others, *parameters))
    own = f"""select count(*), count(*) filter (where after_ms < 0),
    count(*) filter (where value is null and after_ms >= 0), count(*) filter (where skewed),
    count(*) filter (where late)
from {table}
where at_ms >= $since_ms"""
    ((of_exposed, before, valueless, skewed, late),) = snapshot.rows(Query(own, since))
    return MetricArrivals(
        events=with_unit + missing,
        last_ms=last,
        received_ms=received,
        unit_missing=missing,
        of_exposed=of_exposed,
        before_exposure=before,
        value_missing=valueless if measure.numeric and not measure.property_name else 0,
        clock_skew=skewed,
        late=late,
    )
