"""What arrived lately, told by keys, kinds and counts: never by attributes."""

from assay.warehouse.engine import Query

MOST_KEYS = 200
KINDS_OF_AN_EVENT = 8


def event_keys(environment: str, since_ms: int) -> Query:
    """One row per key and kind of metric events received since: how many, of units, with values; the latest.

    Where only some events carry several context kinds, these are the figures of the most frequent one.
    """
    sql = f"""with by_unit_kind as (
    -- one row per key, kind and context kind
    select event_key, kind, coalesce(unit_kind, '') as unit_kind, count(*) as events,
        count(distinct unit_key) as units, count(value) as valued, max(received_ms) as latest
    from metric_events
    where environment = $environment and received_ms >= $since_ms
    group by event_key, kind, unit_kind
)
select event_key, kind, max(events) as events, max(units) as units, max(valued) as valued, max(latest) as latest,
    string_agg(unit_kind, ', ' order by unit_kind) as unit_kinds
from by_unit_kind
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
    """One row per event, the latest first: when, its kind and key, the variation and reason, the unit kinds."""
    # An event has a row for each of its context kinds, which are few.
    rows = KINDS_OF_AN_EVENT * limit
    sql = f"""with lately as (
    -- one row per event and context kind
    (select received_ms, seq, n, 'feature' as kind, flag as key, variation, reason_kind, unit_kind
    from flag_events where environment = $environment and received_ms >= $since_ms
    order by seq desc, n desc limit {rows})
    union all
    (select received_ms, seq, n, kind, event_key, null, null, unit_kind
    from metric_events where environment = $environment and received_ms >= $since_ms
    order by seq desc, n desc limit {rows})
)
select min(received_ms) as received_ms, min(kind) as kind, min(key) as key, min(variation) as variation,
    coalesce(min(reason_kind), '') as reason_kind,
    coalesce(string_agg(distinct unit_kind, ', ' order by unit_kind), '') as unit_kinds
from lately
group by seq, n
order by seq desc, n desc
limit {limit}"""
    return Query(sql, {"environment": environment, "since_ms": since_ms})


def quarantine_reasons(environment: str, since_ms: int) -> Query:
    """One row per reason: how many events were quarantined since, and when the latest arrived."""
    sql = """select reason, count(*) as events, max(received_ms) as latest
from quarantine
where environment = $environment and received_ms >= $since_ms
group by reason
order by events desc, reason"""
    return Query(sql, {"environment": environment, "since_ms": since_ms})
