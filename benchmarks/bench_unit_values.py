"""How long each kind of metric takes to become unit values: 380,000 exposed units, 1,620,000 metric events."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assay.experiments.event_filter import ContextAttribute, EventProperty
from assay.experiments.metric import Denominator, Metric
from assay.warehouse.duckdb import DuckDBEngine
from assay.warehouse.engine import Query, Snapshot
from assay.warehouse.queries.exposed_units import ExposedUnits, exposed_units
from assay.warehouse.queries.exposures import ExposureScope
from assay.warehouse.queries.unit_values import event_values, funnel_steps, unit_values

UNITS = 380_000
EVENTS = 1_620_000
ROUNDS = 3
SCOPE = ExposureScope("env", "flag", "user", 2, 0, 2**60, 0, (3, None), "fallthrough", True)

FLAG_EVENTS = f"""insert into flag_events
select 'env', 'flag', i, 0, 1800000000000, 1790000000000 + i * 10, false, 3, cast(hash(i) % 2 as integer), true,
    'FALLTHROUGH', null, 'user', 'unit-' || i,
    '{{"kind":"user","key":"unit-' || i || '","plan":"' || ['free', 'pro', 'team'][1 + cast(hash(i * 7) % 3 as integer)]
        || '"}}'
from range({UNITS}) t(i)"""
METRIC_EVENTS = f"""insert into metric_events
select 'env', case when i % 2 = 0 then 'purchase' else 'visit' end, 'custom', {UNITS} + i, 0, 1800000000000,
    1790000000000 + cast(hash(i * 3) % 6000000 as bigint), false, round(cast(hash(i * 5) % 10000 as double) / 100, 2),
    'user', 'unit-' || cast(hash(i * 11) % {UNITS} as bigint),
    '{{"kind":"user","plan":"' || ['free', 'pro', 'team'][1 + cast(i % 3 as integer)]
        || '","email":"u' || (i % 300000) || '@example.com"}}',
    '{{"sku":"S' || (i % 1000) || '"}}'
from range({EVENTS}) t(i)"""

METRICS: dict[str, dict[str, Any]] = {
    "conversion": {},
    "count": {"unit_aggregation_type": "sum"},
    "sum": {"is_numeric": True},
    "average": {"is_numeric": True, "unit_aggregation_type": "average"},
    "count distinct": {"unit_aggregation_type": "count_distinct", "unit_aggregation_field": "sku"},
    "winsorized sum": {"is_numeric": True, "winsor_upper_percentile": 99.0},
    "ratio": {"is_numeric": True, "denominator": Denominator("visit", unit_aggregation_type="sum")},
    "sum, 3 plans": {"is_numeric": True, "filters": ContextAttribute("plan", "in", ("pro",))},
    "sum, 300,000 addresses": {
        "is_numeric": True,
        "filters": ContextAttribute("email", "endsWith", ("1@example.com",)),
    },
    "sum, 1,000 properties": {"is_numeric": True, "filters": EventProperty("sku", "in", ("S1", "S2"))},
}


def metric(**fields: Any) -> Metric:
    return Metric("id", "metric", "Metric", "custom", 0, **{"event_key": "purchase", **fields})


def timed(label: str, ask: Callable[[], object]) -> None:
    """The fastest of some rounds, by the wall and in processor time."""
    took = []
    for _ in range(ROUNDS):
        started, worked = time.perf_counter(), time.process_time()
        ask()
        took.append((time.perf_counter() - started, time.process_time() - worked))
    wall, processor = (min(times) for times in zip(*took, strict=True))
    print(f"{label:<28}{wall:>8.2f}{processor:>11.2f}")


def exposed_by(snapshot: Snapshot, slice_by: str | None = None) -> ExposedUnits:
    return exposed_units(snapshot, SCOPE, slice_by=slice_by)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = DuckDBEngine(Path(folder) / "tables.duckdb", memory_mb=1024, threads=2, query_timeout_s=120)
        for sql in (FLAG_EVENTS, METRIC_EVENTS):
            engine.rows(Query(sql, {}))
        revenue = metric(is_numeric=True)
        print(f"{'metric':<28}{'seconds':>8}{'processor':>11}")
        with engine.snapshot() as snapshot:
            timed("exposed units, by plan", lambda: exposed_by(snapshot, "plan"))
            timed("exposed units", lambda: exposed_by(snapshot))
            exposed = exposed_by(snapshot)
            for label, fields in METRICS.items():
                wanted = metric(**fields)
                timed(label, lambda wanted=wanted: unit_values(exposed, wanted))  # type: ignore[misc]
            timed("sum, with its covariate", lambda: unit_values(exposed, revenue, covariate_days=7))
            timed("events of a percentile", lambda: event_values(exposed, revenue))
            steps = [metric(event_key="visit"), metric()]
            timed("funnel of two steps", lambda: funnel_steps(exposed, steps))
        engine.close()


if __name__ == "__main__":
    main()
