"""Exposed units: those of a scope, numbered once and kept, so that the events of every metric join numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.experiments.metric import Measure
from assay.warehouse.engine import Query, Snapshot, bound, texts, whole
from assay.warehouse.queries.exposures import EXPOSURE_EVENTS, ExposureScope, scope_parameters
from assay.warehouse.queries.measured_events import measured_events, value_of_event
from assay.warehouse.queries.slices import slices

# An event that came in so long after it happened is late; results change when it does.
LATE_MS = 86_400_000

# The tables of a metric's events that a snapshot keeps, until the next metric's take their place.
OWN_EVENTS = "own_events"
BELOW_EVENTS = "below_events"


@dataclass(frozen=True, slots=True, eq=False)
class ExposedUnits:
    """One row per exposed unit, in the order of the keys; a unit's place in it is its number.

    `variation` is the index that the unit was exposed to; `left_out` counts units that were seen in several.
    `slice`: the attribute's value at the first exposure that tells it, None where none does. The snapshot holds the
    same as its table `exposures` (`unit`, `unit_key`, `variation`, `first_exposed_at`).
    """

    snapshot: Snapshot
    scope: ExposureScope
    variation: NDArray[np.int64]
    first_exposed_ms: NDArray[np.int64]
    slice: NDArray[np.object_] | None
    left_out: int

    def counts(self) -> tuple[int, ...]:
        """How many units each variation was shown to first and only."""
        counted: list[int] = np.bincount(self.variation, minlength=self.scope.variations).tolist()
        return tuple(counted)


def exposed_units(snapshot: Snapshot, scope: ExposureScope, *, slice_by: str | None = None) -> ExposedUnits:
    """Of the scope, in a snapshot of the tables."""
    snapshot.keep("exposed", _exposed(scope))
    snapshot.keep("exposures", _numbered())
    ((left_out,),) = snapshot.rows(Query("select count(*) from exposed where variation < last_variation", {}))
    columns = snapshot.columns(_in_order(scope, slice_by))
    return ExposedUnits(
        snapshot=snapshot,
        scope=scope,
        variation=whole(columns["variation"]),
        first_exposed_ms=whole(columns["first_exposed_at"]),
        slice=texts(columns["slice"]) if slice_by is not None else None,
        left_out=left_out,
    )


def _exposed(scope: ExposureScope) -> Query:
    sql = f"""-- one row per unit that was exposed
with {EXPOSURE_EVENTS}
select unit_key, min(variation) as variation, max(variation) as last_variation, min(at_ms) as first_exposed_at
from exposure_events
group by unit_key"""
    return bound(sql, scope_parameters(scope))


def _numbered() -> Query:
    sql = """-- one row per exposed unit; a unit seen in two variations is left out
select row_number() over (order by unit_key) - 1 as unit, unit_key, variation, first_exposed_at
from exposed
where variation = last_variation"""
    return Query(sql, {})


def _in_order(scope: ExposureScope, slice_by: str | None) -> Query:
    if slice_by is None:
        return Query("select variation, first_exposed_at from exposures order by unit", {})
    told = slices(slice_by)
    sql = f"""with {EXPOSURE_EVENTS},
slices as ({told.sql})
select e.variation, e.first_exposed_at, s.slice
from exposures e
left join slices s on s.unit_key = e.unit_key
order by e.unit"""
    return bound(sql, scope_parameters(scope), told.parameters)


def exposure_rows() -> Query:
    """One row per exposed unit, by its key: `unit_key`, `variation` and `first_exposed_at`."""
    return Query("select unit_key, variation, first_exposed_at from exposures order by unit", {})


def keep_events(exposed: ExposedUnits, measure: Measure, table: str) -> None:
    """Keeps, under a name of its own, one row per event that a measure counts of an exposed unit, at whatever time.

    `unit`: the unit's number. `at_ms`: when it happened; `after_ms`: how long after the unit's first exposure,
    negative before it. `value`: the event's value or property, null where it has none. `skewed`, `late`: of its
    arrival.
    """
    scope = exposed.scope
    events = measured_events(exposed.snapshot, scope.environment, scope.unit_kind, measure)
    value = value_of_event(measure)
    sql = f"""-- one row per event of an exposed unit
select e.unit, m.at_ms, m.at_ms - e.first_exposed_at as after_ms, {value.sql} as value, m.skewed,
    m.received_ms - m.at_ms > {LATE_MS} as late
from exposures e
join metric_events m on m.unit_key = e.unit_key
where {events.sql} and m.seq > $after_seq and m.at_ms < $end_ms"""
    exposed.snapshot.keep(table, bound(sql, scope_parameters(scope), events.parameters, value.parameters))
