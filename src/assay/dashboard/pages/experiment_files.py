"""Files of an experiment: a report that needs nothing else, a notebook that computes again, tables of its export."""

from dataclasses import dataclass

import assay
from assay.analysis.experiment_results import IterationResults
from assay.analysis.iterations import IterationPromise
from assay.api import exports
from assay.dashboard.downloads import fetched
from assay.dashboard.notebook import notebook
from assay.dashboard.pages.experiment import (
    EXPERIMENT,
    TreatmentRow,
    chosen,
    promised,
    treatment_rows,
    viewed,
    winner_of,
)
from assay.dashboard.rendering import render_alone
from assay.dashboard.results_view import ResultsView, results_view
from assay.dashboard.static_files import static_text
from assay.dashboard.visit import Download, Shown, View, Visit
from assay.errors import NotFound
from assay.experiments.experiment import Experiment, Iteration

TABLES = {
    "results": exports.export_results,
    "exposures": exports.export_exposures,
    "metric-values": exports.export_metric_values,
}


@dataclass(frozen=True, slots=True)
class ReportPage:
    """What the report's template reads; `attributes` and `slice_address` are empty: a file can't be asked."""

    name: str
    description: str
    hypothesis: str
    place: str
    started_ms: int | None
    ended_ms: int | None
    unit: str
    treatments: tuple[TreatmentRow, ...]
    winner: str
    winning_reason: str
    results: ResultsView
    made_ms: int
    made_by: str
    iteration_id: str
    style: str
    slice_by: str
    attributes: tuple[str, ...] = ()
    slice_address: str = ""


def download_report(visit: Visit) -> Shown:
    """The results' page as one file."""
    experiment = viewed(visit)
    iteration = chosen(visit, experiment)
    _, results = _analysed(visit, experiment, iteration)
    page = ReportPage(
        name=experiment.name,
        description=experiment.description,
        hypothesis=iteration.hypothesis,
        place=f"{visit.project.name}, {visit.environment.name}",
        started_ms=iteration.started_at,
        ended_ms=iteration.ended_at,
        unit=iteration.randomization_unit,
        treatments=treatment_rows(visit, iteration),
        winner=winner_of(iteration),
        winning_reason=iteration.winning_reason,
        results=results_view(results),
        made_ms=visit.rooms.store.now_ms(),
        made_by=f"Assay {assay.__version__}",
        iteration_id=iteration.id,
        style=static_text("style.css"),
        slice_by=visit.query.text("slice"),
    )
    return Download(
        f"{experiment.key}-report.html", "text/html; charset=utf-8", render_alone("report.html", page)
    )


def download_notebook(visit: Visit) -> Shown:
    experiment = viewed(visit)
    iteration = chosen(visit, experiment)
    promise, results = _analysed(visit, experiment, iteration)
    body = notebook(experiment, iteration, promise, results)
    return Download(f"{experiment.key}.ipynb", "application/x-ipynb+json", body)


def download_table(visit: Visit) -> Shown:
    """A table as the REST API exports it."""
    handler = TABLES.get(visit.path["table"])
    if handler is None:
        raise NotFound("There is no such table")
    asked = {"iterationId": "iteration", "format": "format", "metric": "metric"}
    query = {name: visit.query.text(own) for name, own in asked.items() if visit.query.text(own)}
    place = {"project": visit.project.key, "environment": visit.environment.key}
    return fetched(visit, handler, query, **place, experiment=visit.path["experiment"])


def _analysed(
    visit: Visit, experiment: Experiment, iteration: Iteration
) -> tuple[IterationPromise, IterationResults]:
    """Of every event acked before, as the tables are: a file is kept, and compared with them."""
    promise = promised(visit, experiment, iteration)
    visit.rooms.await_events()
    return promise, visit.rooms.results.results(promise, visit.rooms.engine)


VIEWS = (
    View("GET", EXPERIMENT + "/download/report", download_report, "experiments"),
    View("GET", EXPERIMENT + "/download/notebook", download_notebook, "experiments"),
    View("GET", EXPERIMENT + "/download/{table}", download_table, "experiments"),
)
