"""Exports of an experiment: its exposures, its units' metric values and its results as CSV, NDJSON or Parquet.

Unit keys are personal data: rows of units take the role writer, as who may change an experiment; results are for
whoever may read them.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from assay.analysis.exports import write_exposures, write_metric_values, write_results
from assay.analysis.iterations import Funnel, IterationPromise, Measured
from assay.api.call import Answer, Call, Download, Operation
from assay.api.experiment_results import EXPERIMENT, promised
from assay.errors import InvalidRequest, NotFound
from assay.experiments.metric import Metric
from assay.warehouse.engine import FileFormat

MEDIA: dict[FileFormat, str] = {
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}


def export_exposures(call: Call) -> Answer:
    """One row per exposed unit: its key, treatment and first exposure."""
    promise, rooms = promised(call), call.rooms
    return _exported(call, "exposures", lambda path, kind: write_exposures(promise, rooms.engine, path, kind))


def export_metric_values(call: Call) -> Answer:
    """One row per exposed unit with a value of the metric; of a percentile, one per event."""
    promise, rooms = promised(call), call.rooms
    metric = _metric(promise, call.query.get("metric", ""))
    return _exported(
        call,
        f"metric-values-{metric.key}",
        lambda path, kind: write_metric_values(promise, metric, rooms.engine, path, kind),
    )


def export_results(call: Call) -> Answer:
    """One row per metric and treatment."""
    promise, rooms = promised(call), call.rooms

    def write(path: Path, kind: FileFormat) -> None:
        write_results(rooms.results.results(promise, rooms.engine), rooms.engine, path, kind)

    return _exported(call, "results", write)


def _exported(call: Call, what: str, write: Callable[[Path, FileFormat], None]) -> Answer:
    """A file that nobody else can read, and that is gone as soon as it was sent or nobody listens any more."""
    file_format = _format(call)
    call.rooms.await_events()
    with tempfile.TemporaryDirectory(prefix="assay-export-") as folder:
        path = Path(folder, "export")
        write(path, file_format)
        # Its name goes with the folder; what it holds, when it is closed.
        file = path.open("rb")
    name = f"{call.path['experiment']}-{what}.{file_format}"
    return Answer(download=Download(file, os.fstat(file.fileno()).st_size, MEDIA[file_format], name))


def _format(call: Call) -> FileFormat:
    asked = call.query.get("format", "csv")
    for known in MEDIA:
        if asked == known:
            return known
    raise InvalidRequest(f"format is one of {', '.join(MEDIA)}, not {asked[:40]!r}")


def _metric(promise: IterationPromise, key: str) -> Metric:
    if not key:
        raise InvalidRequest("metric names the metric whose values are wanted")
    for question in promise.questions:
        metrics = (
            (question.metric,)
            if isinstance(question, Measured)
            else question.steps
            if isinstance(question, Funnel)
            else ()
        )
        for metric in metrics:
            if metric.key == key:
                return metric
    raise NotFound(f"The iteration is not measured by the metric {key[:60]!r}")


_QUERY = ("iterationId", "from", "to", "format")
_MEDIA = tuple(MEDIA.values())

OPERATIONS = (
    Operation(
        "GET",
        EXPERIMENT + "/export/exposures",
        "writer",
        export_exposures,
        results=True,
        query=_QUERY,
        media=_MEDIA,
    ),
    Operation(
        "GET",
        EXPERIMENT + "/export/metric-values",
        "writer",
        export_metric_values,
        results=True,
        query=(*_QUERY, "metric"),
        media=_MEDIA,
    ),
    Operation(
        "GET",
        EXPERIMENT + "/export/results",
        "reader",
        export_results,
        results=True,
        query=_QUERY,
        media=_MEDIA,
    ),
)
