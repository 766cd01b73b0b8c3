"""Flags as clients read them, and as JSON Patch changes them."""

from collections.abc import Mapping
from typing import Any, Required, TypedDict

import msgspec

from assay.api.links import link
from assay.api.representations.flag_configs import FlagConfigRep, Shown, config_rep
from assay.api.representations.members import MemberSummary, member_summary
from assay.api.representations.metrics import MetricRep, metric_rep
from assay.experiments.flag_scoped import FlagExperiment, FlagExperiments, Period
from assay.flags.model import Flag
from assay.store.state import State


class VariationRep(TypedDict, total=False):
    _id: Required[str]
    value: Required[Any]
    name: str
    description: str


class AvailabilityRep(TypedDict):
    usingMobileKey: bool
    usingEnvironmentId: bool


class DefaultsRep(TypedDict):
    onVariation: int
    offVariation: int


class EnabledPeriodRep(TypedDict, total=False):
    startDate: Required[int]
    stopDate: int


class EnvironmentSettingRep(TypedDict, total=False):
    startDate: Required[int]
    stopDate: int
    enabledPeriods: Required[list[EnabledPeriodRep]]


class AttachedMetricRep(TypedDict, total=False):
    metricKey: Required[str]
    environments: Required[list[str]]
    _environmentSettings: Required[dict[str, EnvironmentSettingRep]]
    _metric: MetricRep


class FlagExperimentsRep(TypedDict):
    baselineIdx: int
    items: list[AttachedMetricRep]


class FlagRep(TypedDict, total=False):
    """A flag; its environments are left out of today's listings that don't name any."""

    _links: Required[dict[str, dict[str, str]]]
    key: Required[str]
    name: Required[str]
    kind: Required[str]
    description: Required[str]
    _version: Required[int]
    creationDate: Required[int]
    includeInSnippet: Required[bool]
    clientSideAvailability: Required[AvailabilityRep]
    variations: Required[list[VariationRep]]
    temporary: Required[bool]
    tags: Required[list[str]]
    archived: Required[bool]
    archivedDate: int
    deprecated: Required[bool]
    deprecatedDate: int
    maintainerId: str
    _maintainer: MemberSummary
    maintainerTeamKey: str
    _purpose: str
    variationJsonSchema: dict[str, Any]
    customProperties: Required[dict[str, Any]]
    defaults: Required[DefaultsRep]
    experiments: Required[FlagExperimentsRep]
    environments: dict[str, FlagConfigRep]


class FlagsRep(TypedDict, total=False):
    """A page of flags; how many differ between environments is said where it was asked for."""

    items: Required[list[FlagRep]]
    _links: Required[dict[str, dict[str, str]]]
    totalCount: Required[int]
    totalCountWithDifferences: int


def flag_rep(state: State, project: str, flag: Flag, shown: Shown) -> FlagRep:
    """A flag."""
    return flag_reps(state, project, [flag], shown)[0]


def flag_reps(state: State, project: str, flags: list[Flag], shown: Shown) -> list[FlagRep]:
    """Several flags of a project; what they have in common is looked up once."""
    names = {environment.key: environment.name for environment in state.project(project).environments}
    asked = names if shown.environments is None else shown.environments
    wanted = {key: name for key, name in names.items() if key in asked}
    uses = _uses(state, project)
    return [_flag_rep(state, project, flag, shown, wanted, uses) for flag in flags]


def _flag_rep(
    state: State,
    project: str,
    flag: Flag,
    shown: Shown,
    names: Mapping[str, str],
    uses: Mapping[str, list[str]],
) -> FlagRep:
    body: FlagRep = {
        "_links": {"self": link("flags", project, flag.key), "parent": link("flags", project)},
        "key": flag.key,
        "name": flag.name,
        "kind": flag.kind,
        "description": flag.description,
        "_version": flag.version,
        "creationDate": flag.creation_date,
        "includeInSnippet": flag.include_in_snippet,
        "clientSideAvailability": msgspec.to_builtins(flag.client_side_availability),
        "variations": [msgspec.to_builtins(variation) for variation in flag.variations],
        "temporary": flag.temporary,
        "tags": list(flag.tags),
        "archived": flag.archived,
        "deprecated": flag.deprecated,
        "customProperties": flag.custom_properties,
        "defaults": msgspec.to_builtins(flag.defaults),
        "experiments": _experiments_rep(state, project, flag.key, shown, uses),
    }
    if not shown.bare:
        body["environments"] = {
            key: config_rep(flag, config, link("flags", project, flag.key), names[key], shown)
            for key, config in flag.environments.items()
            if key in names
        }
    if shown.modern and flag.variation_json_schema is not None:
        body["variationJsonSchema"] = flag.variation_json_schema
    member = state.find(("member", "", flag.maintainer_id)) if flag.maintainer_id else None
    if member is not None:
        body["_maintainer"] = member_summary(member)
    _add_optional(body, flag)
    return body


def _add_optional(body: FlagRep, flag: Flag) -> None:
    if flag.archived_date is not None:
        body["archivedDate"] = flag.archived_date
    if flag.deprecated_date is not None:
        body["deprecatedDate"] = flag.deprecated_date
    if flag.maintainer_id:
        body["maintainerId"] = flag.maintainer_id
    if flag.maintainer_team_key:
        body["maintainerTeamKey"] = flag.maintainer_team_key
    if flag.purpose:
        body["_purpose"] = flag.purpose


def _experiments_rep(
    state: State, project: str, flag: str, shown: Shown, uses: Mapping[str, list[str]]
) -> FlagExperimentsRep:
    experiments = state.experiments(project, flag)
    items = [_attached_rep(state, project, item, shown, uses) for item in experiments.items]
    return {"baselineIdx": experiments.baseline, "items": items}


def _attached_rep(
    state: State, project: str, item: FlagExperiment, shown: Shown, uses: Mapping[str, list[str]]
) -> AttachedMetricRep:
    metric = state.find(("metric", project, item.metric_key))
    body: AttachedMetricRep = {
        "metricKey": item.metric_key,
        "environments": list(item.environments),
        "_environmentSettings": {
            environment: _settings_rep(periods) for environment, periods in item.periods.items() if periods
        },
    }
    if metric is not None:
        body["_metric"] = metric_rep(project, metric, uses[item.metric_key], modern=shown.modern)
    return body


def _settings_rep(periods: tuple[Period, ...]) -> EnvironmentSettingRep:
    """The first start, the latest stop where nothing runs, and every period."""
    body: EnvironmentSettingRep = {
        "startDate": periods[0].start_date,
        "enabledPeriods": [msgspec.to_builtins(period) for period in periods],
    }
    if periods[-1].stop_date is not None:
        body["stopDate"] = periods[-1].stop_date
    return body


def flags_with_metric(state: State, project: str, metric: str) -> list[str]:
    """The keys of the flags that a metric is attached to."""
    return _uses(state, project).get(metric, [])


def _uses(state: State, project: str) -> dict[str, list[str]]:
    """The keys of the flags that each metric is attached to."""
    shelf: Mapping[str, FlagExperiments] = state.all("experiments", project)
    found: dict[str, list[str]] = {}
    for flag, experiments in shelf.items():
        for item in experiments.items:
            found.setdefault(item.metric_key, []).append(flag)
    return found
