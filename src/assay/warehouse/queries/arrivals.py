"""Arrivals: what came in for an iteration and how well it fits together, counted; nothing here becomes a result."""

from dataclasses import dataclass

from assay.experiments.metric import Measure
from assay.warehouse.engine import Engine, Parameters, bound
from assay.warehouse.queries.exposures import EXPOSURE_EVENTS, EXPOSURES, ExposureScope, scope_parameters
from assay.warehouse.queries.measured_events import measured_events

# An event that came in so long after it happened is late; results change when it does.
LATE_MS = 86_400_000


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


def exposure_arrivals(engine: Engine, scope: ExposureScope) -> ExposureArrivals:
    """What exposed units in the scope."""
    sql = f"""with {EXPOSURE_EVENTS}
select count(*), min(at_ms), max(at_ms), max(received_ms),
    coalesce(sum(cast(received_ms - at_ms > {LATE_MS} as bigint)), 0)
from exposure_events"""
    ((events, first, last, received, late),) = engine.rows(bound(sql, scope_parameters(scope)))
    return ExposureArrivals(events, first, last, received, int(late))


def metric_arrivals(engine: Engine, scope: ExposureScope, measure: Measure, since_ms: int) -> MetricArrivals:
    """What came in for a measure since a time, and before the scope's end."""
    named = measured_events(engine, scope.environment, scope.unit_kind, measure, "own")
    since: Parameters = {"since_ms": since_ms}
    anybody = """m.environment = $environment and m.event_key = $own_event_key and m.kind = $own_kind
      and m.at_ms >= $since_ms and m.at_ms < $end_ms"""
    every = f"""select max(m.at_ms), max(m.received_ms), count(*),
    count(*) filter (where coalesce(m.unit_kind = $unit_kind, false))
from metric_events m
where {anybody}"""
    parameters = (scope_parameters(scope), named.parameters, {"unit_kind": scope.unit_kind}, since)
    ((last, received, rows, with_unit),) = engine.rows(bound(every, *parameters))
    missing = 0
    if rows > with_unit:
        # An event with several context kinds has a row for each.
        others = f"""select count(*) from (
    select seq, n from metric_events m where {anybody}
    group by seq, n having not bool_or(coalesce(unit_kind = $unit_kind, false))
)"""
        ((missing,),) = engine.rows(bound(others, *parameters))
    own = f"""with {EXPOSURES}
select count(*), count(*) filter (where m.at_ms < e.first_exposed_at),
    count(*) filter (where m.value is null and m.at_ms >= e.first_exposed_at),
    count(*) filter (where m.skewed), count(*) filter (where m.received_ms - m.at_ms > {LATE_MS})
from metric_events m
join exposures e on e.unit_key = m.unit_key
where {named.sql} and m.at_ms >= $since_ms and m.at_ms < $end_ms"""
    ((of_exposed, before, valueless, skewed, late),) = engine.rows(bound(own, *parameters))
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
