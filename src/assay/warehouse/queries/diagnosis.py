"""What keeps a metric from counting: exposures and events of a flag and a metric, side by side."""

from assay.warehouse.engine import Query


def exposure_units(environment: str, flag: str, since_ms: int) -> Query:
    """One row per unit kind of a flag's evaluations that were sent one by one: how many, and of how many units."""
    sql = """select coalesce(unit_kind, '') as unit_kind, count(*) as events, count(distinct unit_key) as units,
    sum(cast(reason_kind = 'OFF' as bigint)) as while_off
from flag_events
where environment = $environment and flag = $flag and at_ms >= $since_ms
group by unit_kind
order by events desc, unit_kind"""
    return Query(sql, {"environment": environment, "flag": flag, "since_ms": since_ms})


def evaluation_total(environment: str, flag: str, since_ms: int) -> Query:
    """One row: how often the flag was evaluated, summaries included, and how often by SDKs that didn't know it."""
    sql = """select coalesce(cast(sum(times) as bigint), 0),
    coalesce(cast(sum(case when unknown then times else 0 end) as bigint), 0)
from evaluations
where environment = $environment and flag = $flag and end_ms >= $since_ms"""
    return Query(sql, {"environment": environment, "flag": flag, "since_ms": since_ms})


def meeting(
    environment: str, flag: str, event_key: str, *, kind: str, unit_kind: str, since_ms: int
) -> Query:
    """One row: events of the metric by units of the kind that were never exposed, exposed later, exposed before."""
    sql = """with exposed as (
    -- one row per unit
    select unit_key, min(at_ms) as first_exposed_at
    from flag_events
    where environment = $environment and flag = $flag and unit_kind = $unit_kind and at_ms >= $since_ms
    group by unit_key
)
select count(*) - count(e.unit_key) as never,
    coalesce(sum(cast(m.at_ms < e.first_exposed_at as bigint)), 0) as too_early,
    coalesce(sum(cast(m.at_ms >= e.first_exposed_at as bigint)), 0) as counted
from metric_events m
left join exposed e on e.unit_key = m.unit_key
where m.environment = $environment and m.event_key = $event_key and m.kind = $kind
  and m.unit_kind = $unit_kind and m.at_ms >= $since_ms"""
    parameters = {"environment": environment, "flag": flag, "event_key": event_key, "kind": kind}
    return Query(sql, {**parameters, "unit_kind": unit_kind, "since_ms": since_ms})
