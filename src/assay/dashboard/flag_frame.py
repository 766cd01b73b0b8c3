"""What stands above every page of a flag: its name, its switch, the tabs."""

from collections.abc import Iterator
from dataclasses import dataclass

from assay.api import feature_flags
from assay.dashboard.perform import check, may
from assay.dashboard.visit import Visit
from assay.experiments.metric import Metric
from assay.flags.model import Flag, FlagConfig

TABS = (
    ("targeting", "Targeting", ()),
    ("preview", "Who gets what", ("preview",)),
    ("variations", "Variations", ("variations",)),
    ("history", "History", ("history",)),
    ("connect", "Connect", ("connect",)),
    ("about", "Settings", ("about",)),
)


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class FlagFrame:
    """`confirm`: what is asked before the switch is used, where the environment wants that."""

    key: str
    name: str
    description: str
    on: bool
    archived: bool
    tags: tuple[str, ...]
    home: str
    list: str
    may_change: bool
    confirm: str
    tabs: tuple[Tab, ...]
    changed_ms: int


def viewed_flag(visit: Visit) -> tuple[Flag, FlagConfig]:
    """The page's flag, and its configuration in the page's environment."""
    check(visit, feature_flags.get_flag, project=visit.path["project"], flag=visit.path["flag"])
    flag = visit.state.flag(visit.path["project"], visit.path["flag"])
    return flag, flag.environments[visit.environment.key]


def flag_frame(visit: Visit, tab: str) -> FlagFrame:
    flag, config = viewed_flag(visit)
    environment = visit.environment
    return FlagFrame(
        key=flag.key,
        name=flag.name,
        description=flag.description,
        on=config.on,
        archived=flag.archived,
        tags=flag.tags,
        home=visit.here("flags", flag.key),
        list=visit.here("flags"),
        may_change=may(visit, feature_flags.patch_flag, project=visit.path["project"], flag=flag.key),
        confirm=f"Turn it {'off' if config.on else 'on'} in {environment.name}?"
        if environment.confirm_changes
        else "",
        tabs=(
            *(Tab(label, visit.here("flags", flag.key, *path), name == tab) for name, label, path in TABS),
            *_experiments(visit, flag.key, tab),
        ),
        changed_ms=max(config.last_modified, flag.creation_date),
    )


def _experiments(visit: Visit, flag: str, tab: str) -> Iterator[Tab]:
    """A tab for each metric that was ever measured on the flag here."""
    for item in visit.state.experiments(visit.project.key, flag).items:
        if item.periods.get(visit.environment.key):
            metric: Metric | None = visit.state.find(("metric", visit.project.key, item.metric_key))
            if metric is not None:
                href = visit.here("flags", flag, "experiments", item.metric_key)
                yield Tab(f"Results: {metric.name}", href, tab == f"experiment {item.metric_key}")
