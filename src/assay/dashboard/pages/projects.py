"""Projects and their environments: names, keys and their rotation, what a change asks for."""

import time
from dataclasses import dataclass
from typing import Any

from assay.api import environments, projects
from assay.dashboard.addresses import PROJECT, address, place_address
from assay.dashboard.forms import Form
from assay.dashboard.pages.flags import key_of_name
from assay.dashboard.perform import check, may, perform
from assay.dashboard.visit import Page, SeeOther, Shown, View, Visit
from assay.errors import AssayError, InvalidRequest
from assay.store.records import Environment, Project

HOUR_MS = 3_600_000
GRACES = {"0": "at once", "1": "in an hour", "24": "in a day", "168": "in a week"}
TICKS = {
    "confirmChanges": ("Ask before a flag is switched", "A question in the way of a slip."),
    "requireComments": ("Demand a comment for changes of targeting", "It stands in the audit log."),
    "secureMode": (
        "Secure mode for browsers",
        "A browser must show a hash of its context that your server made.",
    ),
    "defaultTrackEvents": ("New flags send every evaluation", "Costs events; experiments don't need it."),
}


@dataclass(frozen=True, slots=True)
class ProjectRow:
    key: str
    name: str
    href: str
    environments: int
    flags: int


@dataclass(frozen=True, slots=True)
class ProjectsPage:
    rows: tuple[ProjectRow, ...]
    may_create: bool
    name: str
    key: str


@dataclass(frozen=True, slots=True)
class EnvironmentRow:
    key: str
    name: str
    colour: str
    href: str
    home: str


@dataclass(frozen=True, slots=True)
class ProjectPage:
    key: str
    name: str
    tags: str
    home: str
    rows: tuple[EnvironmentRow, ...]
    may_change: bool
    new_name: str
    new_key: str


@dataclass(frozen=True, slots=True)
class Tick:
    name: str
    label: str
    hint: str
    ticked: bool


@dataclass(frozen=True, slots=True)
class EnvironmentPage:
    """`former`: replaced keys that still work, as (their last characters, until when)."""

    key: str
    name: str
    colour: str
    typed_colour: str
    tags: str
    project: str
    project_name: str
    project_home: str
    home: str
    sdk_key: str
    mobile_key: str
    client_id: str
    ticks: tuple[Tick, ...]
    graces: tuple[tuple[str, str], ...]
    former: tuple[tuple[str, int], ...]
    may_change: bool


def list_projects(visit: Visit) -> Shown:
    check(visit, projects.list_projects)
    return _projects(visit)


def create_project(visit: Visit) -> Shown:
    form = visit.form
    body = {"name": form.text("name"), "key": form.text("key") or key_of_name(form.text("name"))}
    try:
        made = perform(visit, projects.create_project, body)
    except AssayError as error:
        return _projects(visit, error)
    return SeeOther(_project_home(made["key"]), f"{made['name']} is made, with two environments.")


def show_project(visit: Visit) -> Shown:
    check(visit, projects.get_project, project=visit.project.key)
    return _project(visit)


def change_project(visit: Visit) -> Shown:
    form, project = visit.form, visit.project
    try:
        if form.text("do") == "environment":
            name = form.text("name")
            body = {"name": name, "key": form.text("key") or key_of_name(name), "color": "417505"}
            made = perform(visit, environments.create_environment, body, project=project.key)
            return SeeOther(_project_home(project.key), f"{made['name']} is made.")
        if form.text("do") == "delete":
            form.check_confirmed(project.key, "project")
            perform(visit, projects.delete_project, project=project.key)
            return SeeOther("/settings/projects", f"{project.name} is deleted.")
        values = {"name": form.text("name"), "tags": form.words("tags")}
        perform(visit, projects.patch_project, {"patch": _replacing(values)}, project=project.key)
    except AssayError as error:
        return _project(visit, error)
    return SeeOther(_project_home(project.key), "Saved.")


def show_environment(visit: Visit) -> Shown:
    place = {"project": visit.project.key, "environment": visit.environment.key}
    check(visit, environments.get_environment, **place)
    return _environment(visit)


def change_environment(visit: Visit) -> Shown:
    form, project, environment = visit.form, visit.project, visit.environment
    place = {"project": project.key, "environment": environment.key}
    home = _environment_home(project.key, environment.key)
    step = form.text("do", "save")
    try:
        if step in ("rotate-sdk", "rotate-mobile"):
            return _rotated(visit, step, home)
        if step == "delete":
            form.check_confirmed(environment.key, "environment")
            _performed(visit, environments.delete_environment, None, place)
            return SeeOther(_project_home(project.key), f"{environment.name} is deleted.")
        _performed(visit, environments.patch_environment, {"patch": _replacing(_values(form))}, place)
    except AssayError as error:
        return _environment(visit, error)
    return SeeOther(home, "Saved.")


def _rotated(visit: Visit, step: str, home: str) -> Shown:
    grace = visit.form.text("grace", "0")
    if grace not in GRACES:
        raise InvalidRequest("choose until when the old key works")
    until = time.time_ns() // 1_000_000 + int(grace) * HOUR_MS
    handler = environments.reset_sdk_key if step == "rotate-sdk" else environments.reset_mobile_key
    place = {"project": visit.project.key, "environment": visit.environment.key}
    query = {"expiry": str(until)} if grace != "0" else {}
    perform(visit, handler, None, query=query, **place)
    return SeeOther(home, f"There is a new key. The old one stops working {GRACES[grace]}.")


def _performed(visit: Visit, handler: Any, body: Any, place: dict[str, str]) -> None:
    perform(visit, handler, body, query=None, **place)


def _values(form: Form) -> dict[str, Any]:
    colour = form.text("color").removeprefix("#")
    values: dict[str, Any] = {"name": form.text("name"), "color": colour, "tags": form.words("tags")}
    return values | {name: form.ticked(name) for name in TICKS}


def _replacing(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"op": "add", "path": f"/{name}", "value": value} for name, value in values.items()]


def _projects(visit: Visit, error: AssayError | None = None) -> Shown:
    shown = [
        project
        for project in visit.state.all("project").values()
        if may(visit, projects.get_project, project=project.key)
    ]
    page = ProjectsPage(
        rows=tuple(_project_row(visit, project) for project in shown),
        may_create=may(visit, projects.create_project),
        name=visit.form.text("name"),
        key=visit.form.text("key"),
    )
    return _shown("projects.html", "Projects", page, error)


def _project_row(visit: Visit, project: Project) -> ProjectRow:
    return ProjectRow(
        key=project.key,
        name=project.name,
        href=_project_home(project.key),
        environments=len(project.environments),
        flags=len(visit.state.all("flag", project.key)),
    )


def _project(visit: Visit, error: AssayError | None = None) -> Shown:
    project, form = visit.project, visit.form
    adding = form.text("do") == "environment"
    page = ProjectPage(
        key=project.key,
        name=form.text("name") if error and form.text("do") == "save" else project.name,
        tags=form.raw("tags") if error and form.text("do") == "save" else ", ".join(project.tags),
        home=_project_home(project.key),
        rows=tuple(
            EnvironmentRow(
                item.key,
                item.name,
                item.color,
                _environment_home(project.key, item.key),
                place_address(project.key, item.key),
            )
            for item in project.environments
        ),
        may_change=may(visit, projects.patch_project, project=project.key),
        new_name=form.text("name") if adding else "",
        new_key=form.text("key") if adding else "",
    )
    return _shown("project.html", project.name, page, error)


def _environment(visit: Visit, error: AssayError | None = None) -> Shown:
    project, item = visit.project, visit.environment
    typed = visit.form if error and visit.form.text("do", "save") == "save" else None
    settings = {
        "confirmChanges": item.confirm_changes,
        "requireComments": item.require_comments,
        "secureMode": item.secure_mode,
        "defaultTrackEvents": item.default_track_events,
    }
    page = EnvironmentPage(
        key=item.key,
        name=typed.text("name") if typed else item.name,
        colour=item.color,
        typed_colour=typed.text("color") if typed else item.color,
        tags=typed.raw("tags") if typed else ", ".join(item.tags),
        project=project.key,
        project_name=project.name,
        project_home=_project_home(project.key),
        home=_environment_home(project.key, item.key),
        sdk_key=item.sdk_key,
        mobile_key=item.mobile_key,
        client_id=item.id,
        ticks=tuple(
            Tick(name, *TICKS[name], typed.ticked(name) if typed else ticked)
            for name, ticked in settings.items()
        ),
        graces=tuple(GRACES.items()),
        former=_former(item),
        may_change=may(visit, environments.patch_environment, project=project.key, environment=item.key),
    )
    return _shown("environment.html", item.name, page, error)


def _former(environment: Environment) -> tuple[tuple[str, int], ...]:
    now_ms = time.time_ns() // 1_000_000
    former = {**environment.former_sdk_keys, **environment.former_mobile_keys}
    return tuple((f"{key[:4]}…{key[-4:]}", until) for key, until in former.items() if until > now_ms)


def _shown(template: str, title: str, page: Any, error: AssayError | None) -> Shown:
    status, text = (error.status, str(error)) if error else (200, "")
    return Page(template, title, page, status, text[:1].upper() + text[1:])


def _project_home(key: str) -> str:
    return address("settings", "projects", key)


def _environment_home(project: str, environment: str) -> str:
    return address("settings", "projects", project, "environments", environment)


ENVIRONMENT = PROJECT + "/environments/{environment}"

VIEWS = (
    View("GET", "/settings/projects", list_projects, "projects"),
    View("POST", "/settings/projects", create_project, "projects"),
    View("GET", PROJECT, show_project, "projects"),
    View("POST", PROJECT, change_project, "projects"),
    View("GET", ENVIRONMENT, show_environment, "projects"),
    View("POST", ENVIRONMENT, change_environment, "projects"),
)
