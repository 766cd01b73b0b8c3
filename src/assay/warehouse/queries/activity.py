"""What arrived lately, told by keys, kinds and counts: never by attributes."""

from assay.warehouse.engine import Query

MOST_KEYS = 200

# So many kinds of context an event may have, for the latest events to be found by their latest rows.
MOST_KINDS = 20


def event_keys(environment: str, since_ms: int) -> Query:
    """One row per key and kind of metric events received since: how many, of units, with values; the latest."""
    sql = f"""select event_key, kind, count(distinct (seq, n)) as events,
    count(distinct unit_key) as units, count(value) as valued, max(received_ms) as latest,
    coalesce(string_agg(distinct unit_kind, ', ' order by unit_kind), '') as unit_kinds
from metric_events
where environment = $environment and received_ms >= $since_ms
group by event_key, kind
order by events desc, event_key
limit {MOST_KEYS}"""
    return Query(sql, {"environment": environment, "since_ms": since_ms})


def event_days(environment: str, event_key: str, *, kind: str, since_ms: int, day_ms: int) -> Query:
    """One row per day of metric events with this key: when it began, and how many events."""
    sql = """select cast(floor(at_ms / $day_ms) as bigint) * $day_ms as day, count(distinct (seq, n)) as events
from metric_events
where environment = $environment and event_key = $event_key and kind = $kind and at_ms >= $since_ms
group by day
order by day"""
    parameters = {"environment": environment, "event_key": event_key, "kind": kind}
    return Query(sql, {**parameters, "since_ms": since_ms, "day_ms": day_ms})


def event_units(environment: str, event_key: str, *, kind: str, since_ms: int) -> Query:
    """One row per unit kind of such events: its events, units, those with a value; the sum and mean of values."""
    sql = """select coalesce(unit_kind, '') as unit_kind, count(*) as events, count(distinct unit_key) as units,
    count(value) as valued, sum(value) as total, avg(value) as mean, min(value) as least, max(value) as most
from metric_events
where environment = $environment and event_key = $event_key and kind = $kind and at_ms >= $since_ms
group by unit_kind
order by events desc, unit_kind"""
    parameters = {"environment": environment, "event_key": event_key, "kind": kind}
    return Query(sql, {**parameters, "since_ms": since_ms})


def latest_events(environment: str, since_ms: int, limit: int) -> Query:
    """One row per event, the latest first: when, its kind and key, the variation and reason, the unit kinds.

    Only payloads of the latest rows are looked at: fewer than `limit` where events have more than `MOST_KINDS`.
    """
    sql = """with lately as (
    -- one row per event and context kind, of each table at least the latest rows
    select received_ms, seq, n, 'feature' as kind, flag as key, variation, reason_kind, unit_kind
    from flag_events
    where environment = $environment and received_ms >= $since_ms and seq >= (
        select min(seq) from (
            select seq from flag_events where environment = $environment and received_ms >= $since_ms
            order by seq desc limit $rows
        )
    )
    union all
    select received_ms, seq, n, kind, event_key, null, null, unit_kind
    from metric_events
    where environment = $environment and received_ms >= $since_ms and seq >= (
        select min(seq) from (
            select seq from metric_events where environment = $environment and received_ms >= $since_ms
            order by seq desc limit $rows
        )
    )
)
select min(received_ms) as received_ms, min(kind) as kind, min(key) as key, min(variation) as variation,
    coalesce(min(reason_kind), '') as reason_kind,
    coalesce(string_agg(distinct unit_kind, ', ' order by unit_kind), '') as unit_kinds
from lately
group by seq, n
order by seq desc, n desc
limit $limit"""
    rows = limit * MOST_KINDS
    return Query(sql, {"environment": environment, "since_ms": since_ms, "limit": limit, "rows": rows})


def received_buckets(environment: str, since_ms: int, bucket_ms: int) -> Query:
    """One row per bucket of the time of receipt: evaluations sent one by one, metric events, quarantined ones."""
    sql = """with arrived as (
    select received_ms, 1 as evaluated, 0 as measured, 0 as bad from flag_events
    where environment = $environment and received_ms >= $since_ms
    union all
    select received_ms, 0, 1, 0 from metric_events where environment = $environment and received_ms >= $since_ms
    union all
    select received_ms, 0, 0, 1 from quarantine where environment = $environment and received_ms >= $since_ms
)
select cast(floor(received_ms / $bucket_ms) as bigint) * $bucket_ms as bucket, cast(sum(evaluated) as bigint),
    cast(sum(measured) as bigint), cast(sum(bad) as bigint)
from arrived
group by bucket
order by bucket"""
    return Query(sql, {"environment": environment, "since_ms": since_ms, "bucket_ms": bucket_ms})


def quarantine_reasons(environment: str, since_ms: int) -> Query:
    """One row per reason: how many events were quarantined since, and when the latest arrived."""
    sql = """select reason, count(*) as events, max(received_ms) as latest
from quarantine
where environment = $environment and received_ms >= $since_ms
group by reason
order by events desc, reason"""
    return Query(sql, {"environment": environment, "since_ms": since_ms})
