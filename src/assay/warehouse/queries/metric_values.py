"""Metric values over time: how each exposed unit's number grew, from the events that a snapshot keeps of it."""

from assay.experiments.metric import Measure
from assay.warehouse.engine import Parameters, Query, bound
from assay.warehouse.queries.exposed_units import OWN_EVENTS
from assay.warehouse.queries.exposures import ExposureScope, scope_parameters
from assay.warehouse.queries.measured_events import events_of, in_window

# How a unit's events so far become its value.
VALUE = {
    "conversion": "1.0",
    "count": "cast(events_so_far as double)",
    "sum": "sum_so_far",
    "average": "sum_so_far / events_so_far",
}


def value_changes(measure: Measure, bucket_ms: int) -> Query:
    """One row per unit and bucket in which its value changed: the value at the bucket's end, and before (or null)."""
    value = VALUE[measure.value_of]
    once = "where previous is null" if measure.value_of == "conversion" else ""
    valued = " and value is not null" if measure.numeric else ""
    sql = f"""with unit_buckets as (
    -- one row per unit and bucket with events; sums in ascending order, so that they are always the same
    select unit, cast(floor(at_ms / $bucket_ms) as bigint) as bucket, count(*) as events,
        list_sum(list_sort(list(value))) as value_sum
    from {OWN_EVENTS}
    where {in_window(measure)}{valued}
    group by unit, bucket
),
running as (
    select unit, bucket, events, sum(events) over so_far as events_so_far, sum(value_sum) over so_far as sum_so_far
    from unit_buckets
    window so_far as (partition by unit order by bucket)
),
valued as (
    select unit, bucket, events, {value} as value,
        lag({value}) over (partition by unit order by bucket) as previous
    from running
)
select e.variation, bucket, {"1" if once else "events"} as events, value, previous
from valued
join exposures e using (unit)
{once}"""
    return Query(sql, {"bucket_ms": bucket_ms})


def event_health(measure: Measure) -> Query:
    """One row: events of exposed units that lack a value, and those whose clock was ahead."""
    sql = f"""select count(*) - count(value), coalesce(sum(cast(skewed as bigint)), 0)
from {OWN_EVENTS}
where {in_window(measure)}"""
    return Query(sql, {})


def event_extent(scope: ExposureScope, measure: Measure) -> Query:
    """One row: the last metric event's time inside the scope, and when the latest arrived; null without any."""
    events = events_of(scope.environment, measure)
    sql = f"""select max(at_ms), max(received_ms) from metric_events m
where {events.sql} and unit_kind = $unit_kind and seq > $after_seq and at_ms >= $start_ms and at_ms < $end_ms"""
    return bound(sql, scope_parameters(scope), events.parameters)


def metric_seen(environment: str, measure: Measure) -> Query:
    """One row: when the latest event of a measure happened, of whichever unit; null if never."""
    events = events_of(environment, measure)
    return Query(f"select max(at_ms) from metric_events m where {events.sql}", events.parameters)


def metric_last_seen(environments: list[str], measure: Measure) -> Query:
    """One row: when the latest event of a measure happened in any of the environments; null if never."""
    sql = """select max(at_ms) from metric_events
where environment in (select unnest(cast($environments as varchar[]))) and event_key = $event_key
  and kind = $metric_kind"""
    parameters: Parameters = {
        "environments": environments,
        "event_key": measure.event_key,
        "metric_kind": measure.kind,
    }
    return Query(sql, parameters)
