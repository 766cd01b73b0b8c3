"""What surrounds a page: the project and environment that are looked at, the navigation, who is signed in."""

from dataclasses import dataclass

from assay.access.sessions import csrf_token
from assay.api import environments, members, roles, tokens
from assay.dashboard.addresses import place_address
from assay.dashboard.perform import may
from assay.dashboard.rendering import Frame, NavigationLink, PlaceLink
from assay.dashboard.visit import Visit
from assay.store.records import Environment, Project


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the navigation: its section, label and icon, and where it leads below the place."""

    section: str
    label: str
    icon: str
    path: tuple[str, ...] = ()


PLACE_ENTRIES = (
    Entry("overview", "Overview", "overview"),
    Entry("flags", "Flags", "flag", ("flags",)),
    Entry("experiments", "Experiments", "experiment", ("experiments",)),
    Entry("segments", "Segments", "segment", ("segments",)),
    Entry("metrics", "Metrics", "metric", ("metrics",)),
    Entry("live", "Live events", "live", ("live",)),
)
ORGANIZATION_ENTRIES = (
    Entry("audit", "Audit log", "audit", ("audit",)),
    Entry("members", "Members", "people", ("settings", "members")),
    Entry("roles", "Roles", "role", ("settings", "roles")),
    Entry("tokens", "Access tokens", "key", ("settings", "tokens")),
    Entry("projects", "Projects", "settings", ("settings", "projects")),
)
# Entries that are left out for whoever may not see what they list.
LISTED_BY = {"members": members.list_members, "roles": roles.list_roles, "tokens": tokens.list_tokens}


def frame_of(
    visit: Visit, title: str, section: str, *, theme: str, last_place: str = "", notice: str = ""
) -> Frame:
    """`last_place`: the project and environment that a page without them is shown in, as `project/environment`."""
    project, environment = _place(visit, last_place)
    return Frame(
        title=title,
        theme=theme,
        csrf=csrf_token(visit.workplace.secret, visit.session_id),
        who=visit.token.name or f"Token …{visit.token.ending}",
        role=visit.token.role or "custom role",
        project=project.key,
        project_name=project.name,
        environment=environment.key,
        environment_name=environment.name,
        environment_colour=environment.color,
        projects=_projects(visit, project),
        environments=tuple(
            PlaceLink(
                item.name, _moved(visit, project, item), item.color, current=item.key == environment.key
            )
            for item in project.environments
        ),
        navigation=tuple(
            NavigationLink(
                entry.label,
                place_address(project.key, environment.key, *entry.path),
                entry.icon,
                entry.section == section,
            )
            for entry in PLACE_ENTRIES
        ),
        organization=_organization(visit, section),
        notice=notice,
        target=visit.target,
    )


def _organization(visit: Visit, section: str) -> tuple[NavigationLink, ...]:
    shown = [
        entry for entry in ORGANIZATION_ENTRIES if entry.section != "tokens" or may(visit, tokens.list_tokens)
    ]
    return tuple(
        NavigationLink(entry.label, "/" + "/".join(entry.path), entry.icon, entry.section == section)
        for entry in shown
    )


def _place(visit: Visit, last_place: str) -> tuple[Project, Environment]:
    named = f"{visit.path.get('project', '')}/{visit.path.get('environment', '')}"
    for place in (named, last_place):
        key, _, environment_key = place.partition("/")
        project: Project | None = visit.state.find(("project", "", key))
        if project is not None and project.environments:
            return project, project.environment(environment_key) or project.environments[0]
    every: list[Project] = list(visit.state.all("project").values())
    seen = [one for one in every if may(visit, environments.list_environments, project=one.key)]
    first = (seen or every)[0]
    return first, first.environments[0]


def _projects(visit: Visit, current: Project) -> tuple[PlaceLink, ...]:
    return tuple(
        PlaceLink(
            item.name, place_address(item.key, item.environments[0].key), current=item.key == current.key
        )
        for item in visit.state.all("project").values()
        if item.environments and may(visit, environments.list_environments, project=item.key)
    )


def _moved(visit: Visit, project: Project, environment: Environment) -> str:
    """The same page in another environment, where the page belongs to one."""
    if visit.path.get("project") != project.key or "environment" not in visit.path:
        return place_address(project.key, environment.key)
    here = place_address(project.key, visit.path["environment"])
    path = visit.target.partition("?")[0]
    return place_address(project.key, environment.key) + path.removeprefix(here)
