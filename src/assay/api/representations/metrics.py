"""Metrics as clients read them."""

from datetime import UTC, datetime
from typing import Any, Required, TypedDict

import msgspec

from assay.api.links import Links, link
from assay.api.representations.members import MemberSummary
from assay.experiments.experiment import Experiment
from assay.experiments.metric import Denominator, Metric
from assay.experiments.metric_group import MetricGroup
from assay.store.state import State


class ModificationRep(TypedDict):
    date: str


class DataSourceRep(TypedDict, total=False):
    key: Required[str]
    environmentKey: str


class EventDefaultRep(TypedDict):
    disabled: bool
    value: float


class FilterRep(TypedDict, total=False):
    """A group holds filters in `values`; a condition, what it compares with."""

    type: Required[str]
    op: Required[str]
    values: Required[list[Any]]
    negate: Required[bool]
    attribute: str
    contextKind: str


class DenominatorRep(TypedDict, total=False):
    eventName: Required[str]
    isNumeric: Required[bool]
    unitAggregationType: str
    unitAggregationField: str
    valueColumn: str
    dataSource: DataSourceRep
    filters: FilterRep
    windowStartOffset: int
    windowEndOffset: int
    winsorLowerPercentile: float
    winsorUpperPercentile: float
    winsorIncludeImputed: bool


class FeatureRep(TypedDict):
    """A flag that a metric is attached to."""

    key: str
    name: str
    _links: Links
    _site: dict[str, str]


class DependentExperimentRep(TypedDict, total=False):
    key: Required[str]
    name: Required[str]
    environmentId: Required[str]
    environmentKey: Required[str]
    creationDate: Required[int]
    archivedDate: int
    _links: Required[Links]


class DependentGroupRep(TypedDict):
    key: str
    name: str
    kind: str
    _links: Links


class MetricRep(TypedDict, total=False):
    _id: Required[str]
    _versionId: Required[str]
    _version: Required[int]
    key: Required[str]
    name: Required[str]
    kind: Required[str]
    _links: Required[Links]
    tags: Required[list[str]]
    _creationDate: Required[int]
    lastModified: Required[ModificationRep]
    isNumeric: Required[bool]
    isActive: Required[bool]
    _attachedFlagCount: Required[int]
    eventKey: str
    unit: str
    description: str
    maintainerId: str
    selector: str
    urls: list[dict[str, Any]]
    unitAggregationType: str
    unitAggregationField: str
    valueColumn: str
    windowStartOffset: int
    windowEndOffset: int
    successCriteria: str
    dataSource: DataSourceRep
    analysisType: str
    percentileValue: int
    eventDefault: EventDefaultRep
    analysisUnits: list[str]
    randomizationUnits: list[str]
    filters: FilterRep
    denominator: DenominatorRep
    winsorLowerPercentile: float
    winsorUpperPercentile: float
    winsorIncludeImputed: bool
    archived: bool
    archivedAt: int
    lastSeen: int
    experimentCount: int
    activeExperimentCount: int
    activeGuardedRolloutCount: int
    metricGroupCount: int
    experiments: list[DependentExperimentRep]
    metricGroups: list[DependentGroupRep]
    lastUsedInExperiment: DependentExperimentRep
    _maintainer: MemberSummary
    _attachedFeatures: list[FeatureRep]


class MetricsRep(TypedDict):
    items: list[MetricRep]
    totalCount: int
    _links: Links


def metric_rep(project: str, metric: Metric, flags: list[str], *, modern: bool) -> MetricRep:
    """A metric; `flags` are the keys of the flags it is attached to."""
    body: MetricRep = {
        "_id": metric.id,
        "_versionId": version_id(metric),
        "_version": metric.version,
        "key": metric.key,
        "name": metric.name,
        "kind": metric.kind,
        "_links": {"self": link("metrics", project, metric.key), "parent": link("metrics", project)},
        "tags": list(metric.tags),
        "_creationDate": metric.creation_date,
        "lastModified": {"date": iso(metric.last_modified)},
        "isNumeric": metric.is_numeric,
        "isActive": metric.is_active,
        "_attachedFlagCount": len(flags),
    }
    optional = {
        "eventKey": metric.event_key,
        "unit": metric.unit,
        "description": metric.description,
        "maintainerId": metric.maintainer_id,
        "selector": metric.selector,
        "unitAggregationType": metric.unit_aggregation_type,
        "windowStartOffset": metric.window_start_offset,
        "windowEndOffset": metric.window_end_offset,
    }
    # Clients of the founding generation want an integer for the criterion, and can read no url at all.
    more = _modern(metric) if modern else {}
    return body | _present(optional | more)  # type: ignore[return-value]


def version_id(record: Metric | MetricGroup) -> str:
    """What an iteration pins: the record in this version."""
    return f"{record.id}-{record.version}"


def _modern(metric: Metric) -> dict[str, Any]:
    units = list(metric.analysis_units or metric.randomization_units)
    return {
        "successCriteria": metric.success_criteria,
        "dataSource": msgspec.to_builtins(metric.data_source),
        "urls": [dict(url) for url in metric.urls],
        "analysisType": metric.analysis_type or "mean",
        "percentileValue": metric.percentile_value,
        "eventDefault": msgspec.to_builtins(metric.event_default),
        "analysisUnits": units,
        "randomizationUnits": units,
        "filters": None if metric.filters is None else msgspec.to_builtins(metric.filters),
        "denominator": _denominator_rep(metric.denominator),
        "unitAggregationField": metric.unit_aggregation_field,
        "valueColumn": metric.value_column,
        "winsorLowerPercentile": metric.winsor_lower_percentile,
        "winsorUpperPercentile": metric.winsor_upper_percentile,
        "winsorIncludeImputed": metric.winsor_include_imputed,
        "archived": metric.archived,
        "archivedAt": metric.archived_at,
    }


def _denominator_rep(denominator: Denominator | None) -> DenominatorRep | None:
    if denominator is None:
        return None
    rep: DenominatorRep = _present(msgspec.to_builtins(denominator))  # type: ignore[assignment]
    return rep


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in ("", [], None)}


def attached_features(project: str, flags: list[tuple[str, str]]) -> list[FeatureRep]:
    """The flags a metric is attached to, as (key, name)."""
    return [
        {
            "name": name,
            "key": key,
            "_links": {"self": link("flags", project, key)},
            "_site": link("flags", project, key),
        }
        for key, name in flags
    ]


def dependent_experiments(
    state: State, project: str, experiments: list[Experiment]
) -> list[DependentExperimentRep]:
    """Experiments as that which they measure by shows them."""
    return [_dependent_experiment(state, project, experiment) for experiment in experiments]


def _dependent_experiment(state: State, project: str, experiment: Experiment) -> DependentExperimentRep:
    place = ("projects", project, "environments", experiment.environment_key, "experiments", experiment.key)
    environment = state.project(project).environment(experiment.environment_key)
    body: DependentExperimentRep = {
        "key": experiment.key,
        "name": experiment.name,
        "environmentId": environment.id if environment else "",
        "environmentKey": experiment.environment_key,
        "creationDate": experiment.creation_date,
        "_links": {"self": link(*place)},
    }
    if experiment.archived_date is not None:
        body["archivedDate"] = experiment.archived_date
    return body


def dependent_groups(project: str, groups: list[MetricGroup]) -> list[DependentGroupRep]:
    """The metric groups that a metric stands in."""
    return [
        {
            "key": group.key,
            "name": group.name,
            "kind": group.kind,
            "_links": {"self": link("projects", project, "metric-groups", group.key)},
        }
        for group in groups
    ]


def iso(epoch_ms: int) -> str:
    return (
        datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
