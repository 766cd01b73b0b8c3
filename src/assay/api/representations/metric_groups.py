"""Metric groups as clients read them."""

from typing import Any, Required, TypedDict

from assay.api.links import Links, link
from assay.api.representations.members import MemberSummary, member_summary
from assay.api.representations.metrics import DependentExperimentRep, version_id
from assay.experiments.metric_group import GroupedMetric, MetricGroup
from assay.store.records import Member
from assay.store.state import State


class MaintainerRep(TypedDict, total=False):
    key: Required[str]
    kind: Required[str]
    _member: MemberSummary


class MetricInGroupRep(TypedDict, total=False):
    key: Required[str]
    _versionId: str
    name: Required[str]
    kind: Required[str]
    isNumeric: bool
    unitAggregationType: str
    analysisType: str
    eventKey: str
    nameInGroup: Required[str]
    randomizationUnits: list[str]
    analysisUnits: list[str]
    _links: Required[Links]


class MetricGroupRep(TypedDict, total=False):
    _id: Required[str]
    _versionId: Required[str]
    _version: Required[int]
    key: Required[str]
    name: Required[str]
    kind: Required[str]
    description: str
    _links: Required[Links]
    tags: Required[list[str]]
    _creationDate: Required[int]
    _lastModified: Required[int]
    maintainer: Required[MaintainerRep]
    metrics: Required[list[MetricInGroupRep]]
    experiments: list[DependentExperimentRep]
    experimentCount: int
    activeExperimentCount: int
    activeGuardedRolloutCount: int


class MetricGroupsRep(TypedDict):
    items: list[MetricGroupRep]
    totalCount: int
    _links: Links


def metric_group_rep(state: State, project: str, group: MetricGroup) -> MetricGroupRep:
    """A metric group with its metrics, in its order."""
    body: MetricGroupRep = {
        "_id": group.id,
        "_versionId": version_id(group),
        "_version": group.version,
        "key": group.key,
        "name": group.name,
        "kind": group.kind,
        "_links": {
            "self": link("projects", project, "metric-groups", group.key),
            "parent": link("projects", project, "metric-groups"),
        },
        "tags": list(group.tags),
        "_creationDate": group.creation_date,
        "_lastModified": group.last_modified,
        "maintainer": _maintainer_rep(state, group.maintainer_id),
        "metrics": [_metric_in_group(state, project, grouped) for grouped in group.metrics],
    }
    if group.description:
        body["description"] = group.description
    return body


def _maintainer_rep(state: State, member_id: str) -> MaintainerRep:
    """Whoever was named, with what is known of them."""
    body: MaintainerRep = {"key": member_id, "kind": "member"}
    member: Member | None = state.find(("member", "", member_id))
    if member is not None:
        body["_member"] = member_summary(member)
    return body


def _metric_in_group(state: State, project: str, grouped: GroupedMetric) -> MetricInGroupRep:
    metric = state.metric(project, grouped.key)
    units = list(metric.analysis_units or metric.randomization_units)
    body: MetricInGroupRep = {
        "key": metric.key,
        "_versionId": version_id(metric),
        "name": metric.name,
        "kind": metric.kind,
        "isNumeric": metric.is_numeric,
        "analysisType": metric.analysis_type or "mean",
        "nameInGroup": grouped.name_in_group or metric.name,
        "_links": {"self": link("metrics", project, metric.key)},
    }
    optional: dict[str, Any] = {
        "eventKey": metric.event_key,
        "unitAggregationType": metric.unit_aggregation_type,
        "randomizationUnits": units,
        "analysisUnits": units,
    }
    return body | {name: value for name, value in optional.items() if value}  # type: ignore[return-value]
