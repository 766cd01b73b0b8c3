"""A store with one project of two environments, and what most tests do with it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from assay.experiments.flag_scoped import FlagExperiment, FlagExperiments, Period
from assay.flags.model import Flag
from assay.store.records import Environment, Project
from assay.store.store import Store
from flags.flags import flag

NOW_MS = 1_800_000_000_000


def environment(key: str) -> Environment:
    return Environment(f"id-{key}", key, key, f"sdk-{key}", f"mob-{key}")


def open_store(folder: Path, now_ms: Callable[[], int] = lambda: NOW_MS) -> Store:
    return Store(folder / "metadata.sqlite", now_ms)


def new_store(folder: Path) -> Store:
    store = open_store(folder)
    project = Project(
        "p", "default", "Default", environments=(environment("production"), environment("test"))
    )
    with store.writing("setup") as transaction:
        transaction.put(("project", "", "default"), project, "createProject")
    return store


def put_flag(store: Store, made: Flag | None = None, experiments: FlagExperiments | None = None) -> Flag:
    with store.writing("tester") as transaction:
        return transaction.put_flag("default", made or flag(), experiments or FlagExperiments(), "updateFlag")


def running(*environments: str, metric: str = "m") -> FlagExperiments:
    periods: dict[str, Any] = {key: (Period(1),) for key in environments}
    return FlagExperiments(0, (FlagExperiment(metric, periods),))


def versions(store: Store) -> dict[str, int]:
    found = store.state.flag("default", "flag").environments
    return {key: config.version for key, config in found.items()}
