"""Metrics: the list, making and changing one, with what it would count."""

from dataclasses import dataclass, replace
from typing import Any

from assay.api import metric_groups, metrics
from assay.dashboard.addresses import PLACE, with_query
from assay.dashboard.experiment_links import experiments_measuring
from assay.dashboard.listings import Pager, page_of
from assay.dashboard.metric_filters import (
    CONTEXT,
    EVENT,
    FILTER_OPERATORS,
    JOINS,
    filter_words,
    stepped_rows,
)
from assay.dashboard.metric_form import (
    MEASURES,
    SOURCES,
    URL_KINDS,
    MetricForm,
    form_as_typed,
    form_of_metric,
    metric_body,
)
from assay.dashboard.metric_preview import MetricPreview, SeenKey, preview_of, seen_keys
from assay.dashboard.pages.flags import key_of_name
from assay.dashboard.pages.metric_groups import ListedGroup, listed_groups
from assay.dashboard.perform import check, may, perform
from assay.dashboard.stale import told, version_shown, version_test
from assay.dashboard.visit import Page, SeeOther, Shown, View, Visit
from assay.errors import AssayError
from assay.experiments.flag_scoped import FlagExperiments
from assay.experiments.metric import Metric

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class MetricRow:
    key: str
    name: str
    href: str
    event: str
    measure: str
    better: str
    tags: tuple[str, ...]
    used_by: int
    seen_ms: int | None


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """`unmeasured`: events that arrive and that no metric counts, with the address that makes one of them."""

    pager: Pager[MetricRow]
    query: str
    exists: bool
    may_create: bool
    new: str
    groups: tuple[ListedGroup, ...]
    may_group: bool
    new_group: str
    unmeasured: tuple[tuple[SeenKey, str], ...]


@dataclass(frozen=True, slots=True)
class MetricPage:
    """`key` is empty for a metric that is yet to be made; `kept_filter`: in words, a filter that rows can't show."""

    key: str
    title: str
    form: MetricForm
    version: str
    preview: MetricPreview | None
    seen: tuple[SeenKey, ...]
    measures: dict[str, str]
    sources: dict[str, str]
    url_kinds: dict[str, str]
    home: str
    list: str
    may_change: bool
    used_by: tuple[tuple[str, str], ...]
    changed_ms: int | None
    kept_filter: str
    operators: dict[str, str]
    joins: dict[str, str]
    places: dict[str, str]
    unsaved: bool


def list_metrics(visit: Visit) -> Shown:
    project = visit.project.key
    check(visit, metrics.list_metrics, project=project)
    every: list[Metric] = [one for one in visit.state.all("metric", project).values() if not one.archived]
    query = visit.query.text("q")
    wanted = [metric for metric in every if _fits(metric, query.lower())]
    seen = seen_keys(visit)
    latest = {(one.kind, one.key): one.latest_ms for one in seen}
    page = MetricsPage(
        pager=page_of(visit, [_row(visit, metric, latest) for metric in wanted], PAGE_SIZE, q=query),
        query=query,
        exists=bool(every),
        may_create=may(visit, metrics.create_metric, project=project),
        new=visit.here("new-metric"),
        groups=listed_groups(visit),
        may_group=may(visit, metric_groups.create_metric_group, project=project),
        new_group=visit.here("new-metric-group"),
        unmeasured=tuple(_unmeasured(visit, every, seen)),
    )
    return Page("metrics.html", "Metrics", page)


def new_metric(visit: Visit) -> Shown:
    check(visit, metrics.create_metric, project=visit.project.key)
    event_key = visit.query.text("event_key")
    return _page(visit, MetricForm(name=event_key, event_key=event_key))


def create_metric(visit: Visit) -> Shown:
    typed = form_as_typed(visit.form)
    step = visit.form.text("do")
    rows = stepped_rows(typed.filters, step)
    if rows is not None or step == "preview":
        return _page(visit, typed if rows is None else replace(typed, filters=rows), unsaved=True)
    try:
        fields = {name: value for name, value in metric_body(typed).items() if value is not None}
        body = {"key": typed.key or key_of_name(typed.name), **fields}
        created = perform(visit, metrics.create_metric, body, project=visit.project.key)
    except AssayError as error:
        return _page(visit, typed, error=error)
    return SeeOther(visit.here("metrics", created["key"]), f"{created['name']} is made.")


def show_metric(visit: Visit) -> Shown:
    metric = _viewed(visit)
    return _page(visit, form_of_metric(metric), metric)


def change_metric(visit: Visit) -> Shown:
    metric, typed, step = _viewed(visit), form_as_typed(visit.form), visit.form.text("do", "save")
    project = visit.project.key
    try:
        rows = stepped_rows(typed.filters, step)
        if rows is not None or step == "preview":
            typed = typed if rows is None else replace(typed, filters=rows)
            return _page(visit, typed, metric, unsaved=True)
        if step == "delete":
            visit.form.check_confirmed(metric.key, "metric")
            perform(visit, metrics.delete_metric, project=project, metric=metric.key)
            return SeeOther(visit.here("metrics"), f"{metric.name} is deleted.")
        body = {"patch": [*version_test(visit.form, "/_version"), *_patch(metric, typed)]}
        perform(visit, metrics.patch_metric, body, project=project, metric=metric.key)
    except AssayError as error:
        shown = form_of_metric(metric) if step == "delete" else typed
        now = _viewed(visit)
        return _page(visit, shown, now, error=told(error, visit.form, now.version, "metric"))
    return SeeOther(visit.here("metrics", metric.key), "Saved.")


def _patch(metric: Metric, typed: MetricForm) -> list[dict[str, Any]]:
    """Only what the form changed: what it can't show stays as it was."""
    before, after = metric_body(form_of_metric(metric)), metric_body(typed)
    return [
        {"op": "add", "path": f"/{name}", "value": value}
        for name, value in after.items()
        if name not in before or before[name] != value
    ]


def _viewed(visit: Visit) -> Metric:
    check(visit, metrics.get_metric, project=visit.project.key, metric=visit.path["metric"])
    return visit.state.metric(visit.project.key, visit.path["metric"])


def _page(
    visit: Visit,
    form: MetricForm,
    metric: Metric | None = None,
    *,
    unsaved: bool = False,
    error: AssayError | None = None,
) -> Shown:
    place = {"project": visit.project.key}
    handler = metrics.create_metric if metric is None else metrics.patch_metric
    key = "" if metric is None else metric.key
    page = MetricPage(
        key=key,
        title="New metric" if metric is None else metric.name,
        form=form,
        version="" if metric is None else version_shown(visit.form, metric.version, error),
        preview=preview_of(visit, form, key),
        seen=seen_keys(visit),
        measures=MEASURES,
        sources=SOURCES,
        url_kinds=URL_KINDS,
        home=visit.here("metrics", key) if key else visit.here("new-metric"),
        list=visit.here("metrics"),
        may_change=may(visit, handler, **place, **({"metric": key} if key else {})),
        used_by=() if metric is None else _users(visit, key),
        changed_ms=None if metric is None else metric.last_modified or metric.creation_date,
        kept_filter=filter_words(metric.filters) if metric and metric.filters and form.filter_kept else "",
        operators=FILTER_OPERATORS,
        joins=JOINS,
        places=_places(visit, form),
        unsaved=unsaved,
    )
    status, text = (error.status, str(error)) if error else (200, "")
    return Page("metric.html", page.title, page, status, text[:1].upper() + text[1:])


def _places(visit: Visit, form: MetricForm) -> dict[str, str]:
    """What a condition may be about: the event itself, or a context of one of the kinds that are known here."""
    kinds = [*visit.state.experimentation_settings(visit.project.key).names]
    kinds += [row.where.removeprefix(CONTEXT) for row in form.filters if row.where.startswith(CONTEXT)]
    return {EVENT: "the event's"} | {CONTEXT + kind: f"the {kind}'s" for kind in kinds}


def _users(visit: Visit, metric: str) -> tuple[tuple[str, str], ...]:
    """Names and addresses of the experiments that it measures, those of the first generation by their flags."""
    return (*experiments_measuring(visit, metric), *_flags(visit, metric))


def _flags(visit: Visit, metric: str) -> tuple[tuple[str, str], ...]:
    """Names and addresses of the flags that it is measured on."""
    shelf: dict[str, FlagExperiments] = dict(visit.state.all("experiments", visit.project.key))
    keys = [key for key, experiments in shelf.items() if experiments.item(metric) is not None]
    return tuple((key, visit.here("flags", key)) for key in keys)


def _fits(metric: Metric, query: str) -> bool:
    words = f"{metric.key} {metric.name} {metric.description} {metric.event_key} {' '.join(metric.tags)}"
    return all(word in words.lower() for word in query.split())


def _row(visit: Visit, metric: Metric, latest: dict[tuple[str, str], int]) -> MetricRow:
    event = metric.event_key if metric.kind == "custom" else metric.key
    return MetricRow(
        key=metric.key,
        name=metric.name,
        href=visit.here("metrics", metric.key),
        event=metric.event_key or SOURCES.get(metric.kind, metric.kind),
        measure=MEASURES[metric.value_of],
        better="Lower is better" if metric.lower_is_better else "Higher is better",
        tags=metric.tags,
        used_by=len(_users(visit, metric.key)),
        seen_ms=latest.get((metric.kind, event)),
    )


def _unmeasured(visit: Visit, every: list[Metric], seen: tuple[SeenKey, ...]) -> list[tuple[SeenKey, str]]:
    measured = {metric.event_key for metric in every if metric.kind == "custom"}
    rest = [one for one in seen if one.kind == "custom" and one.key not in measured]
    return [(one, with_query(visit.here("new-metric"), event_key=one.key)) for one in rest[:6]]


METRIC = PLACE + "/metrics/{metric}"

VIEWS = (
    View("GET", PLACE + "/metrics", list_metrics, "metrics"),
    View("GET", PLACE + "/new-metric", new_metric, "metrics"),
    View("POST", PLACE + "/new-metric", create_metric, "metrics"),
    View("GET", METRIC, show_metric, "metrics"),
    View("POST", METRIC, change_metric, "metrics"),
)
