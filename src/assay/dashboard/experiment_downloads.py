"""What an experiment's page offers to take away: a report, a notebook, and tables in three formats."""

from collections.abc import Iterator
from dataclasses import dataclass

from assay.analysis.experiment_results import IterationResults, MetricResults
from assay.api import exports
from assay.dashboard.addresses import with_query
from assay.dashboard.perform import may
from assay.dashboard.visit import Visit

FORMATS = {"csv": "CSV", "parquet": "Parquet", "ndjson": "NDJSON"}


@dataclass(frozen=True, slots=True)
class TableDownload:
    """A table: what its rows are, and for each format its name and address."""

    name: str
    rows: str
    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Downloads:
    """What the visitor may have; `report` and `notebook` are addresses."""

    report: str
    notebook: str
    tables: tuple[TableDownload, ...]
    personal: bool


def downloads_of(visit: Visit, key: str, iteration_id: str, results: IterationResults) -> Downloads:
    """Those of one iteration of the experiment `key`."""
    here = visit.here("experiments", key, "download")
    place = {"project": visit.project.key, "environment": visit.environment.key, "experiment": key}
    personal = may(visit, exports.export_metric_values, **place)
    slice_by = visit.query.text("slice")
    return Downloads(
        report=with_query(f"{here}/report", iteration=iteration_id, slice=slice_by),
        notebook=with_query(f"{here}/notebook", iteration=iteration_id),
        tables=tuple(
            TableDownload(
                name,
                rows,
                tuple(
                    (word, with_query(f"{here}/{what}", iteration=iteration_id, format=kind, metric=metric))
                    for kind, word in FORMATS.items()
                ),
            )
            for what, metric, name, rows in _tables(
                results, may(visit, exports.export_results, **place), personal
            )
        ),
        personal=personal,
    )


def _tables(results: IterationResults, whole: bool, personal: bool) -> Iterator[tuple[str, str, str, str]]:
    """What, of which metric, its name, its rows."""
    if whole:
        yield "results", "", "Results", "one row for each metric and treatment"
    if not personal:
        return
    yield "exposures", "", "Exposures", "one row for each unit: its key, treatment and first exposure"
    for one in results.metrics:
        if isinstance(one, MetricResults):
            rows = "event" if one.label.estimator == "percentile" else "unit"
            yield "metric-values", one.label.key, f"Values of {one.label.name}", f"one row for each {rows}"
