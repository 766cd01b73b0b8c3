"""The first page of a project and environment: what runs, what changed, what arrives."""

import time
from dataclasses import dataclass

from assay.api import projects
from assay.dashboard.addresses import PLACE, place_address
from assay.dashboard.charts import BarChart
from assay.dashboard.pages.live import arrivals_chart
from assay.dashboard.perform import check, may
from assay.dashboard.running import BEING_COMPUTED, Running, running_experiments
from assay.dashboard.visit import Page, SeeOther, Shown, View, Visit
from assay.dashboard.words import served_words
from assay.flags.model import Flag
from assay.flags.status import RECENT_MS
from assay.warehouse.queries.activity import latest_events

LATELY = 6


@dataclass(frozen=True, slots=True)
class ChangedFlag:
    name: str
    href: str
    on: bool
    served: str
    changed_ms: int


@dataclass(frozen=True, slots=True)
class OverviewPage:
    running: tuple[Running, ...]
    flags: int
    flags_on: int
    metrics: int
    changed: tuple[ChangedFlag, ...]
    a_minute: int
    chart: BarChart
    connected: bool


def first_page(visit: Visit) -> Shown:
    every = list(visit.state.all("project").values())
    seen = [one for one in every if may(visit, projects.get_project, project=one.key)]
    project = (seen or every)[0]
    return SeeOther(place_address(project.key, project.environments[0].key))


def overview(visit: Visit) -> Shown:
    check(visit, projects.get_project, project=visit.project.key)
    environment = visit.environment.key
    flags: list[Flag] = [
        flag for flag in visit.state.all("flag", visit.project.key).values() if not flag.archived
    ]
    latest = sorted(flags, key=lambda flag: -_changed_ms(flag, environment))[:LATELY]
    now_s = time.time_ns() // 1_000_000_000
    arrived = visit.workplace.arrivals.recent(visit.environment.id)
    page = OverviewPage(
        running=running_experiments(visit),
        flags=len(flags),
        flags_on=sum(flag.environments[environment].on for flag in flags),
        metrics=len(visit.state.all("metric", visit.project.key)),
        changed=tuple(_changed(visit, flag) for flag in latest),
        a_minute=sum(one.events for one in arrived if one.at_s >= now_s - 60),
        chart=arrivals_chart(arrived, now_s),
        connected=bool(arrived) or _ever_connected(visit),
    )
    not_yet = any(row.verdict == BEING_COMPUTED for row in page.running)
    return Page("overview.html", "Overview", page, reload_s=int(not_yet))


def _ever_connected(visit: Visit) -> bool:
    since_ms = time.time_ns() // 1_000_000 - RECENT_MS
    return bool(visit.rooms.engine.rows(latest_events(visit.environment.id, since_ms, 1)))


def _changed_ms(flag: Flag, environment: str) -> int:
    return max(flag.environments[environment].last_modified, flag.creation_date)


def _changed(visit: Visit, flag: Flag) -> ChangedFlag:
    config = flag.environments[visit.path["environment"]]
    return ChangedFlag(
        name=flag.name,
        href=visit.here("flags", flag.key),
        on=config.on,
        served=served_words(flag, config),
        changed_ms=_changed_ms(flag, visit.path["environment"]),
    )


VIEWS = (View("GET", "/", first_page), View("GET", PLACE, overview, "overview"))
