"""Which flags need a flag, in all environments or in one."""

from typing import TypedDict

from assay.api.call import Answer, Call, Operation
from assay.api.links import link
from assay.flags.model import Flag
from assay.flags.prerequisites import dependents

Links = dict[str, dict[str, str]]


class DependentPlaceRep(TypedDict):
    key: str
    name: str
    _links: Links
    _site: dict[str, str]


class DependentRep(TypedDict):
    key: str
    name: str
    environments: list[DependentPlaceRep]


class DependentsRep(TypedDict):
    items: list[DependentRep]
    _links: Links
    _site: dict[str, str]


class DependentsThereRep(TypedDict):
    """The same in one environment, where a flag is as flat as an environment is above."""

    items: list[DependentPlaceRep]
    _links: Links
    _site: dict[str, str]


def get_dependent_flags(call: Call) -> Answer:
    """The flags that need it anywhere, each with the environments in which it does."""
    state, project = call.rooms.store.state, call.path["project"]
    key = state.flag(project, call.path["flag"]).key
    names = {environment.key: environment.name for environment in state.project(project).environments}
    items: dict[str, DependentRep] = {}
    for flag, environment in dependents(key, state.all("flag", project)):
        item = items.setdefault(flag.key, {"key": flag.key, "name": flag.name, "environments": []})
        item["environments"].append(_place(project, flag, environment, names[environment]))
    body: DependentsRep = {
        "items": list(items.values()),
        "_links": {
            "self": link("flags", project, key, "dependent-flags"),
            "parent": link("flags", project, key),
        },
        "_site": link("flags", project, key),
    }
    return Answer(body=body)


def get_dependent_flags_there(call: Call) -> Answer:
    """The flags that need it in one environment."""
    state, project = call.rooms.store.state, call.path["project"]
    environment = state.environment(project, call.path["environment"]).key
    key = state.flag(project, call.path["flag"]).key
    body: DependentsThereRep = {
        "items": [
            {**_place(project, flag, environment, flag.name), "key": flag.key}
            for flag, where in dependents(key, state.all("flag", project))
            if where == environment
        ],
        "_links": {
            "self": link("flags", project, environment, key, "dependent-flags"),
            "parent": link("flags", project, key),
        },
        "_site": link("flags", project, key),
    }
    return Answer(body=body)


def _place(project: str, flag: Flag, environment: str, name: str) -> DependentPlaceRep:
    here = link("flags", project, flag.key)
    return {"key": environment, "name": name, "_links": {"self": here}, "_site": here}


OPERATIONS = (
    Operation(
        "GET",
        "/api/v2/flags/{project}/{flag}/dependent-flags",
        "reader",
        get_dependent_flags,
        answer=DependentsRep,
    ),
    Operation(
        "GET",
        "/api/v2/flags/{project}/{environment}/{flag}/dependent-flags",
        "reader",
        get_dependent_flags_there,
        answer=DependentsThereRep,
    ),
)
