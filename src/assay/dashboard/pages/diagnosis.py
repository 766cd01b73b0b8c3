"""Why does my metric show nothing? A flag and a metric are chosen, and what is between them is looked at."""

from dataclasses import dataclass

from assay.api import flag_listing, metrics
from assay.dashboard.addresses import PLACE
from assay.dashboard.diagnosis import Finding, diagnose
from assay.dashboard.perform import check
from assay.dashboard.visit import Page, Shown, View, Visit


@dataclass(frozen=True, slots=True)
class DiagnosisPage:
    """`flags` and `metrics` as (key, name)."""

    flags: tuple[tuple[str, str], ...]
    metrics: tuple[tuple[str, str], ...]
    flag: str
    metric: str
    findings: tuple[Finding, ...]
    live: str


def show_diagnosis(visit: Visit) -> Shown:
    project = visit.project.key
    check(visit, flag_listing.list_flags, project=project)
    check(visit, metrics.list_metrics, project=project)
    flag, metric = visit.query.text("flag"), visit.query.text("metric")
    findings: tuple[Finding, ...] = ()
    if flag and metric:
        findings = diagnose(visit, visit.state.flag(project, flag), visit.state.metric(project, metric))
    page = DiagnosisPage(
        flags=tuple((one.key, one.name) for one in visit.state.all("flag", project).values()),
        metrics=tuple((one.key, one.name) for one in visit.state.all("metric", project).values()),
        flag=flag,
        metric=metric,
        findings=findings,
        live=visit.here("live"),
    )
    return Page("diagnosis.html", "Why does my metric show nothing?", page)


VIEWS = (View("GET", PLACE + "/live/why", show_diagnosis, "live"),)
