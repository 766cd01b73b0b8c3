"""Metric values: one number per exposed unit and metric, and how it grew over time."""

from dataclasses import dataclass

from assay.errors import InvalidRequest
from assay.experiments.metric import Measure, Metric, UnitValueOf
from assay.warehouse.engine import Parameters, Query, bound
from assay.warehouse.queries.exposures import EXPOSURES, ExposureScope, scope_parameters

NO_END = 2**62

# How a unit's events so far become its value.
VALUE = {
    "conversion": "1.0",
    "count": "cast(events_so_far as double)",
    "sum": "sum_so_far",
    "average": "sum_so_far / events_so_far",
}

# One row per metric event that belongs to an exposed unit: at or after its first exposure, inside the window.
COUNTED = f"""{EXPOSURES},
counted as (
    select e.unit_key, e.variation, m.at_ms, m.seq, m.n, m.value, m.skewed
    from exposures e
    join metric_events m on m.unit_key = e.unit_key
    where m.environment = $environment and m.event_key = $event_key and m.kind = $metric_kind
      and m.unit_kind = $unit_kind and m.seq > $after_seq and m.at_ms < $end_ms
      and m.at_ms >= e.first_exposed_at + $window_start and m.at_ms < e.first_exposed_at + $window_end
)"""


@dataclass(frozen=True, slots=True)
class MetricScope:
    """Which events of exposed units make which value."""

    scope: ExposureScope
    event_key: str
    kind: str
    value_of: UnitValueOf
    window_start: int
    window_end: int


def metric_scope(scope: ExposureScope, metric: Metric) -> MetricScope:
    """Raises `InvalidRequest` where the metric asks for more than flag-scoped experiments can give."""
    if not metric.plain:
        raise InvalidRequest(
            f"the metric {metric.key!r} asks for more than an experiment of a flag can give: make an experiment "
            "of its own"
        )
    measure = metric.measure
    end = NO_END if measure.window_end is None else measure.window_end
    return MetricScope(scope, measure.event_key, measure.kind, measure.value_of, measure.window_start, end)


def value_changes(wanted: MetricScope, bucket_ms: int) -> Query:
    """One row per unit and bucket in which its value changed: the value at the bucket's end, and before (or null)."""
    numeric = wanted.value_of in ("sum", "average")
    once = "where previous is null" if wanted.value_of == "conversion" else ""
    sql = f"""with {COUNTED},
unit_buckets as (
    -- one row per unit and bucket with events; sums in ascending order, so that they are always the same
    select variation, unit_key, cast(floor(at_ms / $bucket_ms) as bigint) as bucket, count(*) as events,
        list_sum(list_sort(list(value))) as value_sum
    from counted
    {"where value is not null" if numeric else ""}
    group by variation, unit_key, bucket
),
running as (
    select variation, unit_key, bucket, events,
        sum(events) over so_far as events_so_far, sum(value_sum) over so_far as sum_so_far
    from unit_buckets
    window so_far as (partition by unit_key order by bucket)
),
valued as (
    select variation, bucket, events, {VALUE[wanted.value_of]} as value,
        lag({VALUE[wanted.value_of]}) over (partition by unit_key order by bucket) as previous
    from running
)
select variation, bucket, {"1" if once else "events"} as events, value, previous
from valued
{once}"""
    return bound(sql, _parameters(wanted), {"bucket_ms": bucket_ms})


def event_extent(wanted: MetricScope) -> Query:
    """One row: the last metric event's time inside the scope, and when the latest arrived; null without any."""
    sql = """select max(at_ms), max(received_ms) from metric_events
where environment = $environment and event_key = $event_key and kind = $metric_kind
  and unit_kind = $unit_kind and seq > $after_seq and at_ms >= $start_ms and at_ms < $end_ms"""
    scope = wanted.scope
    return Query(
        sql,
        {
            **_event_parameters(wanted),
            "unit_kind": scope.unit_kind,
            "after_seq": scope.after_seq,
            "start_ms": scope.start_ms,
            "end_ms": scope.end_ms,
        },
    )


def event_health(wanted: MetricScope) -> Query:
    """One row: events of exposed units that lack a value, and those whose clock was ahead."""
    sql = f"""with {COUNTED}
select count(*) - count(value), coalesce(sum(cast(skewed as bigint)), 0)
from counted"""
    return bound(sql, _parameters(wanted))


def metric_seen(wanted: MetricScope) -> Query:
    """One row: when the latest event of this metric happened, of whichever unit; null if never."""
    sql = """select max(at_ms) from metric_events
where environment = $environment and event_key = $event_key and kind = $metric_kind"""
    return Query(sql, _event_parameters(wanted))


def metric_last_seen(environments: list[str], measure: Measure) -> Query:
    """One row: when the latest event of a measure happened in any of the environments; null if never."""
    sql = """select max(at_ms) from metric_events
where environment in (select unnest(cast($environments as varchar[]))) and event_key = $event_key
  and kind = $metric_kind"""
    return Query(
        sql, {"environments": environments, "event_key": measure.event_key, "metric_kind": measure.kind}
    )


def _event_parameters(wanted: MetricScope) -> Parameters:
    return {
        "environment": wanted.scope.environment,
        "event_key": wanted.event_key,
        "metric_kind": wanted.kind,
    }


def _parameters(wanted: MetricScope) -> Parameters:
    window = {"window_start": wanted.window_start, "window_end": wanted.window_end}
    return {**scope_parameters(wanted.scope), **_event_parameters(wanted), **window}
