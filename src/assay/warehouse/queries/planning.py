"""What an experiment could count on: the units of the last days, and what a metric came to for them."""

from assay.experiments.experiment import FALLTHROUGH
from assay.experiments.metric import Measure
from assay.warehouse.engine import Query

# One row per unit that met the flag's rule, or any of its rules while it was off.
_MET = f"""seen as (
    select unit_key, min(at_ms) as first_ms
    from flag_events
    where environment = $environment and flag = $flag and unit_kind = $unit_kind and at_ms >= $since_ms
      and case when $rule = '{FALLTHROUGH}' then reason_kind in ('FALLTHROUGH', 'OFF') or reason_kind is null
          else rule_id = $rule end
    group by unit_key
)"""

# One row per unit of the kind that any event told of.
_ANYBODY = """seen as (
    select key as unit_key, $since_ms as first_ms
    from contexts
    where environment = $environment and kind = $unit_kind and last_seen_ms >= $since_ms
)"""


def units_met(environment: str, flag: str, rule: str, *, unit_kind: str, since_ms: int) -> Query:
    """One row: how many units met the rule since, and when the first of them did."""
    sql = f"with {_MET}\nselect count(*), min(first_ms) from seen"
    parameters = {"environment": environment, "flag": flag, "rule": rule, "unit_kind": unit_kind}
    return Query(sql, {**parameters, "since_ms": since_ms})


def units_seen(environment: str, *, unit_kind: str, since_ms: int) -> Query:
    """One row: how many units of the kind were seen since, and when the first event since then happened."""
    sql = f"""with {_ANYBODY}
select count(*), least(
    (select min(at_ms) from metric_events where environment = $environment and at_ms >= $since_ms),
    (select min(start_ms) from evaluations where environment = $environment and start_ms >= $since_ms),
    (select min(at_ms) from flag_events where environment = $environment and at_ms >= $since_ms))
from seen"""
    return Query(sql, {"environment": environment, "unit_kind": unit_kind, "since_ms": since_ms})


def unit_moments(
    environment: str,
    measure: Measure,
    *,
    unit_kind: str,
    since_ms: int,
    flag: str = "",
    rule: str = "",
) -> Query:
    """One row: units, mean and variance of their values, and how many had any event of the metric.

    Of units that met the flag's rule, their events since then; without a flag of all that were seen. A unit
    without events counts as 0. Takes no account of filters, windows, properties and winsorization.
    """
    sql = f"""with {_MET if flag else _ANYBODY},
valued as (
    -- one row per unit
    select seen.unit_key, count(m.seq) as events, count(m.value) as numbers, sum(m.value) as total
    from seen
    left join metric_events m on m.environment = $environment and m.event_key = $event_key and m.kind = $kind
      and m.unit_kind = $unit_kind and m.unit_key = seen.unit_key and m.at_ms >= seen.first_ms
    group by seen.unit_key
),
measured as (
    select events, cast(case $value_of when 'conversion' then least(events, 1) when 'count' then events
        when 'sum' then coalesce(total, 0) else coalesce(total / nullif(numbers, 0), 0) end as double) as value
    from valued
)
select count(*), avg(value), var_samp(value), count(*) filter (events > 0) from measured"""
    parameters = {"environment": environment, "event_key": measure.event_key, "kind": measure.kind}
    where = {"flag": flag, "rule": rule} if flag else {}
    return Query(
        sql,
        {**parameters, **where, "value_of": measure.value_of, "unit_kind": unit_kind, "since_ms": since_ms},
    )
