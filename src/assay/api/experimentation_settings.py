"""A project's randomization units: /api/v2/projects/{project}/experimentation-settings."""

from typing import Required, TypedDict

import msgspec
from msgspec.structs import replace

from assay.api.call import Answer, Call, Operation
from assay.api.links import Links, link
from assay.api.patching import converted
from assay.errors import Conflict
from assay.experiments.units import ExperimentationSettings, RandomizationUnit, settings_address, with_units
from assay.store.records import Project
from assay.store.state import State


class SettingsPut(msgspec.Struct, rename="camel"):
    """All units of the project; those left out are gone."""

    randomization_units: tuple[RandomizationUnit, ...]


class RandomizationUnitRep(TypedDict, total=False):
    randomizationUnit: Required[str]
    default: Required[bool]
    standardRandomizationUnit: str
    _hidden: Required[bool]
    _displayName: Required[str]


class SettingsRep(TypedDict):
    _projectId: str
    _projectKey: str
    _creationDate: int
    _links: Links
    randomizationUnits: list[RandomizationUnitRep]


def get_settings(call: Call) -> Answer:
    state = call.rooms.store.state
    project = state.project(call.path["project"])
    return Answer(body=_rep(project, state.experimentation_settings(project.key)))


def put_settings(call: Call) -> Answer:
    units = converted(call.object(), SettingsPut).randomization_units
    with call.rooms.store.writing(call.actor) as transaction:
        project = transaction.state.project(call.path["project"])
        before = transaction.state.experimentation_settings(project.key)
        after = with_units(before, units)
        after = replace(after, creation_date=before.creation_date or transaction.now_ms)
        _check_unused(transaction.state, project.key, set(before.names) - set(after.names))
        transaction.put(settings_address(project.key), after, "updateExperimentationSettings")
    return Answer(body=_rep(project, after))


def _check_unused(state: State, project: str, gone: set[str]) -> None:
    for experiment in state.all("experiment", project).values():
        if experiment.running and experiment.running.randomization_unit in gone:
            raise Conflict(
                f"the running experiment {experiment.key!r} randomizes "
                f"{experiment.running.randomization_unit!r}; stop it first"
            )


def _rep(project: Project, settings: ExperimentationSettings) -> SettingsRep:
    return {
        "_projectId": project.id,
        "_projectKey": project.key,
        "_creationDate": settings.creation_date,
        "_links": {"self": link("projects", project.key, "experimentation-settings")},
        "randomizationUnits": [_unit_rep(unit) for unit in settings.randomization_units],
    }


def _unit_rep(unit: RandomizationUnit) -> RandomizationUnitRep:
    rep: RandomizationUnitRep = {
        "randomizationUnit": unit.randomization_unit,
        "default": unit.default,
        "_hidden": False,
        "_displayName": unit.randomization_unit,
    }
    if unit.standard_randomization_unit:
        rep["standardRandomizationUnit"] = unit.standard_randomization_unit
    return rep


PATH = "/api/v2/projects/{project}/experimentation-settings"

OPERATIONS = (
    Operation("GET", PATH, "reader", get_settings, answer=SettingsRep),
    Operation("PUT", PATH, "admin", put_settings, body=SettingsPut, answer=SettingsRep),
)
