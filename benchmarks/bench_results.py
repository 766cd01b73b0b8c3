"""What the results of an iteration cost: five metrics on two million events, and the same question again.

Reference: the same engine counting the same events by unit and summing their values, once for each metric.
"""

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from assay.analysis.experiment_results import Arm
from assay.analysis.iterations import NO_END, IterationPromise, Measured
from assay.analysis.plans import AnalysisPlan
from assay.analysis.refresh import ResultsCache
from assay.events.log import Position
from assay.events.rows import Envelope, encode_rows
from assay.experiments.metric import Denominator, Metric
from assay.stats.multiplicity import Scope
from assay.warehouse.duckdb import DuckDBEngine
from assay.warehouse.engine import Query
from assay.warehouse.loading import load_piece
from assay.warehouse.queries.exposures import ExposureScope

UNITS = 400_000
EVENTS = 1_600_000
PAYLOAD = 20_000
DAY_MS = 86_400_000
START_MS = 1_800_000_000_000


def metric(key: str, **fields: object) -> Metric:
    given = {"id": key, "key": key, "name": key, "kind": "custom", "creation_date": 0, "event_key": "buy"}
    return Metric(**{**given, **fields})  # type: ignore[arg-type]


METRICS = (
    metric("conversion"),
    metric("count", unit_aggregation_type="sum"),
    metric("sum", is_numeric=True),
    metric("average", is_numeric=True, unit_aggregation_type="average"),
    metric("ratio", is_numeric=True, denominator=Denominator("buy", unit_aggregation_type="sum")),
)


def events(rng: random.Random) -> list[dict[str, object]]:
    reason = {"kind": "FALLTHROUGH", "inExperiment": True}
    return [
        {
            "kind": "feature",
            "key": "flag",
            "creationDate": START_MS + rng.randrange(14 * DAY_MS),
            "variation": number % 2,
            "version": 1,
            "reason": reason,
            "context": {"kind": "user", "key": f"unit-{number}"},
        }
        for number in range(UNITS)
    ] + [
        {
            "kind": "custom",
            "key": "buy",
            "creationDate": START_MS + rng.randrange(-7 * DAY_MS, 14 * DAY_MS),
            "metricValue": rng.random() * 100,
            "context": {"kind": "user", "key": f"unit-{rng.randrange(UNITS)}"},
        }
        for _ in range(EVENTS)
    ]


def loaded(folder: Path) -> DuckDBEngine:
    engine = DuckDBEngine(folder / "tables.duckdb", memory_mb=1024, threads=2, query_timeout_s=600)
    (folder / "log").mkdir()
    everything, offset = events(random.Random(1)), 0
    for start in range(0, len(everything), PAYLOAD):
        envelope = Envelope("env", None, start + 1, START_MS + 15 * DAY_MS)
        piece = encode_rows(everything[start : start + PAYLOAD], envelope)[0]
        offset += len(piece)
        load_piece(folder / "log", engine, piece, Position(1, offset))
    return engine


def promise() -> IterationPromise:
    return IterationPromise(
        iteration_id="iteration",
        scope=ExposureScope(
            "env", "flag", "user", 2, START_MS, NO_END, 0, (1, None), "fallthrough", in_experiment_only=True
        ),
        arms=(Arm("a", "a", 0, 0.5, True), Arm("b", "b", 1, 0.5, False)),
        plan=AnalysisPlan(0.05, "bonferroni", Scope.VARIATIONS, None, True, 0.8, 0.05, 0.95, 7),
        questions=tuple(Measured(one, "secondary") for one in METRICS),
        started_ms=START_MS,
        ended_ms=None,
        is_over=False,
        as_of_ms=START_MS + 15 * DAY_MS,
        flag_is_on=True,
    )


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = loaded(Path(folder))
        cache, asked = ResultsCache(), promise()
        grouped = Query(
            "select unit_key, count(*), sum(value) from metric_events group by unit_key order by unit_key", {}
        )
        reference = sum(seconds(lambda: engine.columns(grouped)) for _ in METRICS)
        first = seconds(lambda: cache.results(asked, engine))
        again = seconds(lambda: cache.results(asked, engine))
        engine.close()
    print(f"grouping the events by unit, {len(METRICS)} times: {reference:.2f} s")
    print(
        f"results of {len(METRICS)} metrics, {UNITS + EVENTS:,} events: {first:.2f} s, {first / reference:.1f} times"
    )
    print(f"the same question again: {again * 1000:.1f} ms")


if __name__ == "__main__":
    main()
