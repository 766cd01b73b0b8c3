"""Exposures: one row per exposed unit, with its variation and the time it first mattered."""

from dataclasses import dataclass

from assay.experiments.experiment import FALLTHROUGH
from assay.warehouse.engine import Parameters, Query, bound

NO_VERSION = 2**62
NO_BEGINNING = -(2**62)


@dataclass(frozen=True, slots=True)
class ExposureScope:
    """Whose exposures: a flag's in an environment, by unit kind, in `[start_ms, end_ms)`.

    Events numbered up to `after_seq` don't exist (a reset). Indexes from `variations` on are no variation.
    An iteration says which versions of the flag carried it, in `[first, end)` (without an end, all since),
    and by which rule (its id, or "fallthrough"): then the version decides, and `start_ms` only where an event
    lacks it. `end_ms` bounds all, and so does `from_ms`. `in_experiment_only`: evaluations that say so themselves.
    """

    environment: str
    flag: str
    unit_kind: str
    variations: int
    start_ms: int
    end_ms: int
    after_seq: int
    versions: tuple[int, int | None] | None = None
    rule: str = ""
    in_experiment_only: bool = False
    from_ms: int = NO_BEGINNING


# Of which flag, and since when, an evaluation is looked at.
LOOKED_AT = """environment = $environment and flag = $flag and variation < $variations
      and at_ms >= $from_ms and at_ms < $end_ms and seq > $after_seq
      and case when version is null or not $versioned then at_ms >= $start_ms
          else version >= $first_version and version < $end_version end"""

# One row per evaluation that may expose, for units of the kind.
EXPOSURE_EVENTS = f"""exposure_events as (
    select unit_key, variation, at_ms, received_ms, attributes
    from flag_events
    where {LOOKED_AT}
      and unit_kind = $unit_kind
      and (in_experiment or not $in_experiment_only)
      and ($rule = '' or case when $rule = '{FALLTHROUGH}' then reason_kind = 'FALLTHROUGH'
          else rule_id = $rule end)
)"""


def scope_parameters(scope: ExposureScope) -> Parameters:
    first, end = scope.versions or (0, None)
    return {
        "environment": scope.environment,
        "flag": scope.flag,
        "unit_kind": scope.unit_kind,
        "variations": scope.variations,
        "start_ms": scope.start_ms,
        "end_ms": scope.end_ms,
        "from_ms": scope.from_ms,
        "after_seq": scope.after_seq,
        "versioned": scope.versions is not None,
        "first_version": first,
        "end_version": NO_VERSION if end is None else end,
        "rule": scope.rule,
        "in_experiment_only": scope.in_experiment_only,
    }


def evaluations(scope: ExposureScope) -> Query:
    """One row per (version, reason, rule): how many evaluations, of how many a unit of the kind is missing."""
    sql = f"""with evaluations as (
    -- one row per feature event of the flag with a unit of the kind
    select version, reason_kind, rule_id, in_experiment, skewed, false as unit_missing
    from flag_events
    where {LOOKED_AT} and unit_kind = $unit_kind
    union all
    -- one row per feature event of the flag without: an event has a row for each of its context kinds
    select min(version), min(reason_kind), min(rule_id), bool_or(in_experiment), bool_or(skewed), true
    from flag_events
    where {LOOKED_AT} and (seq, n) in (
        select (seq, n) from flag_events where {LOOKED_AT} and unit_kind is distinct from $unit_kind)
    group by seq, n
    having not bool_or(coalesce(unit_kind = $unit_kind, false))
)
select coalesce(version, -1) as version, coalesce(reason_kind, '') as reason_kind,
    coalesce(rule_id, '') as rule_id, in_experiment, count(*) as events,
    sum(cast(unit_missing as bigint)) as unit_missing, sum(cast(skewed as bigint)) as skewed
from evaluations
group by version, reason_kind, rule_id, in_experiment
order by version, reason_kind, rule_id, in_experiment"""
    return bound(sql, scope_parameters(scope))
