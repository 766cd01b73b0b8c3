"""Metric groups and funnels: those that there are, making and changing one."""

from dataclasses import dataclass
from typing import Any

from assay.api import metric_groups
from assay.api.metric_uses import experiments_by_group
from assay.dashboard.addresses import PLACE, place_address
from assay.dashboard.group_form import (
    KINDS,
    GroupForm,
    form_of_group,
    group_as_typed,
    group_body,
    stepped_group,
)
from assay.dashboard.pages.flags import key_of_name
from assay.dashboard.perform import check, may, perform
from assay.dashboard.stale import told, version_shown, version_test
from assay.dashboard.visit import Page, SeeOther, Shown, View, Visit
from assay.errors import AssayError
from assay.experiments.metric import Metric
from assay.experiments.metric_group import MetricGroup


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """A line of the list; `metrics` are the names of what it holds, in order."""

    name: str
    key: str
    href: str
    kind: str
    tags: tuple[str, ...]
    metrics: tuple[str, ...]
    used_by: int


@dataclass(frozen=True, slots=True)
class MetricChoice:
    """`step`: a funnel may hold it."""

    key: str
    name: str
    step: bool


@dataclass(frozen=True, slots=True)
class GroupPage:
    """`key` is empty for a group that is yet to be made."""

    key: str
    title: str
    form: GroupForm
    version: str
    kinds: dict[str, str]
    choices: tuple[MetricChoice, ...]
    used_by: tuple[tuple[str, str], ...]
    home: str
    list: str
    may_change: bool
    unsaved: bool


def listed_groups(visit: Visit) -> tuple[ListedGroup, ...]:
    """The project's groups; none for whoever may not see them."""
    project = visit.project.key
    if not may(visit, metric_groups.list_metric_groups, project=project):
        return ()
    return tuple(
        ListedGroup(
            name=group.name,
            key=group.key,
            href=visit.here("metric-groups", group.key),
            kind="Funnel" if group.kind == "funnel" else "Group",
            tags=group.tags,
            metrics=tuple(one.name_in_group or _name(visit, one.key) for one in group.metrics),
            used_by=len(experiments_by_group(visit.state, project, group.key)),
        )
        for group in visit.state.metric_groups(project).values()
    )


def new_group(visit: Visit) -> Shown:
    check(visit, metric_groups.create_metric_group, project=visit.project.key)
    return _page(visit, GroupForm())


def create_group(visit: Visit) -> Shown:
    check(visit, metric_groups.create_metric_group, project=visit.project.key)
    typed = group_as_typed(visit.form)
    if (stepped := stepped_group(typed, visit.form.text("do"))) is not None:
        return _page(visit, stepped, unsaved=True)
    try:
        body = {"key": typed.key or key_of_name(typed.name), **group_body(typed)}
        made = perform(visit, metric_groups.create_metric_group, body, project=visit.project.key)
    except AssayError as error:
        return _page(visit, typed, unsaved=True, error=error)
    return SeeOther(visit.here("metric-groups", made["key"]), f"{made['name']} is made.")


def show_group(visit: Visit) -> Shown:
    group = _viewed(visit)
    return _page(visit, form_of_group(group), group)


def change_group(visit: Visit) -> Shown:
    group, typed, step = _viewed(visit), group_as_typed(visit.form), visit.form.text("do", "save")
    project = visit.project.key
    if (stepped := stepped_group(typed, step)) is not None:
        return _page(visit, stepped, group, unsaved=True)
    try:
        if step == "delete":
            visit.form.check_confirmed(group.key, "group")
            perform(visit, metric_groups.delete_metric_group, project=project, group=group.key)
            return SeeOther(visit.here("metrics"), f"{group.name} is deleted.")
        body = {"patch": [*version_test(visit.form, "/_version"), *_patch(group, typed)]}
        perform(visit, metric_groups.patch_metric_group, body, project=project, group=group.key)
    except AssayError as error:
        shown = form_of_group(group) if step == "delete" else typed
        now = _viewed(visit)
        error = told(error, visit.form, now.version, "group")
        return _page(visit, shown, now, unsaved=step != "delete", error=error)
    return SeeOther(visit.here("metric-groups", group.key), "Saved.")


def _patch(group: MetricGroup, typed: GroupForm) -> list[dict[str, Any]]:
    """Only what the form changed."""
    before, after = group_body(form_of_group(group)), group_body(typed)
    return [
        {"op": "add", "path": f"/{name}", "value": value}
        for name, value in after.items()
        if before[name] != value
    ]


def _viewed(visit: Visit) -> MetricGroup:
    key = visit.path["group"]
    check(visit, metric_groups.get_metric_group, project=visit.project.key, group=key)
    return visit.state.metric_group(visit.project.key, key)


def _page(
    visit: Visit,
    form: GroupForm,
    group: MetricGroup | None = None,
    *,
    unsaved: bool = False,
    error: AssayError | None = None,
) -> Shown:
    key, project = group.key if group else "", visit.project.key
    page = GroupPage(
        key=key,
        title=group.name if group else "New group or funnel",
        form=form,
        version=version_shown(visit.form, group.version, error) if group else "",
        kinds=KINDS,
        choices=_choices(visit, form),
        used_by=_users(visit, key) if group else (),
        home=visit.here("metric-groups", key) if group else visit.here("new-metric-group"),
        list=visit.here("metrics"),
        may_change=group is None or may(visit, metric_groups.patch_metric_group, project=project, group=key),
        unsaved=unsaved,
    )
    status, text = (error.status, str(error)) if error else (200, "")
    return Page("metric_group.html", page.title, page, status, text[:1].upper() + text[1:])


def _choices(visit: Visit, form: GroupForm) -> tuple[MetricChoice, ...]:
    """The project's metrics; archived ones only where they are chosen."""
    chosen = {row.metric for row in form.rows}
    every: list[Metric] = list(visit.state.all("metric", visit.project.key).values())
    return tuple(
        MetricChoice(one.key, one.name, one.value_of == "conversion")
        for one in sorted(every, key=lambda one: one.name.lower())
        if not one.archived or one.key in chosen
    )


def _users(visit: Visit, group: str) -> tuple[tuple[str, str], ...]:
    """Names and addresses of the experiments that are measured by it."""
    project = visit.project.key
    return tuple(
        (one.name, place_address(project, one.environment_key, "experiments", one.key))
        for one in experiments_by_group(visit.state, project, group)
    )


def _name(visit: Visit, metric: str) -> str:
    found: Metric | None = visit.state.find(("metric", visit.project.key, metric))
    return found.name if found else metric


GROUP = PLACE + "/metric-groups/{group}"

VIEWS = (
    View("GET", PLACE + "/new-metric-group", new_group, "metrics"),
    View("POST", PLACE + "/new-metric-group", create_group, "metrics"),
    View("GET", GROUP, show_group, "metrics"),
    View("POST", GROUP, change_group, "metrics"),
)
