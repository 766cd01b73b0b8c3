"""Experiments and their iterations as clients read them."""

from collections.abc import Set
from typing import Any, Required, TypedDict

import msgspec

from assay.api.links import Links, link
from assay.experiments.editing import MUTABLE
from assay.experiments.experiment import Experiment, FlagUse, Iteration, MeasuredBy
from assay.experiments.rollout import rule_of
from assay.flags.model import Rule
from assay.store.state import State


class FlagUseRep(TypedDict, total=False):
    _links: Required[Links]
    targetingRule: Required[str]
    targetingRuleDescription: str
    targetingRuleClauses: list[dict[str, Any]]
    flagConfigVersion: Required[int]
    notInExperimentVariationId: str


class ParameterRep(TypedDict):
    flagKey: str
    variationId: str


class TreatmentRep(TypedDict):
    _id: str
    name: str
    allocationPercent: str
    baseline: bool
    parameters: list[ParameterRep]


class MeasuredByRep(TypedDict, total=False):
    _links: Required[Links]
    _versionId: Required[str]
    key: Required[str]
    name: Required[str]
    kind: Required[str]
    isGroup: Required[bool]
    isNumeric: bool
    eventKey: str
    unitAggregationType: str
    analysisType: str


class LayerSnapshotRep(TypedDict):
    key: str
    name: str
    reservationPercent: int
    otherReservationPercent: int


class PlanRep(TypedDict, total=False):
    horizonUnits: int
    power: Required[float]
    minimumLift: Required[float]
    covariateDays: Required[int]
    guardrails: Required[list[str]]
    seed: int
    changeJustification: str
    firstVersions: dict[str, int]
    endVersions: dict[str, int]


class IterationRep(TypedDict, total=False):
    _id: Required[str]
    hypothesis: Required[str]
    status: Required[str]
    createdAt: Required[int]
    startedAt: int
    endedAt: int
    winningTreatmentId: str
    winningReason: str
    canReshuffleTraffic: Required[bool]
    flags: Required[dict[str, FlagUseRep]]
    reallocationFrequencyMillis: int
    version: Required[int]
    primaryMetric: MeasuredByRep
    primarySingleMetric: MeasuredByRep
    primaryFunnel: MeasuredByRep
    randomizationUnit: Required[str]
    attributes: list[str]
    treatments: Required[list[TreatmentRep]]
    secondaryMetrics: list[MeasuredByRep]
    metrics: list[MeasuredByRep]
    layerSnapshot: LayerSnapshotRep
    assay: Required[PlanRep]


class AnalysisConfigRep(TypedDict, total=False):
    bayesianThreshold: Required[str]
    significanceThreshold: Required[str]
    testDirection: Required[str]
    multipleComparisonCorrectionMethod: str
    multipleComparisonCorrectionScope: str
    sequentialTestingEnabled: Required[bool]


class ExperimentRep(TypedDict, total=False):
    _id: Required[str]
    _maintainerId: Required[str]
    _creationDate: Required[int]
    _links: Required[Links]
    key: Required[str]
    name: Required[str]
    description: str
    environmentKey: Required[str]
    methodology: Required[str]
    dataSource: Required[str]
    archivedDate: int
    tags: Required[list[str]]
    holdoutId: str
    type: Required[str]
    analysisConfig: Required[AnalysisConfigRep]
    currentIteration: IterationRep
    draftIteration: IterationRep
    previousIterations: list[IterationRep]
    mutableFieldsByStatus: dict[str, dict[str, list[str]]]


class ExperimentsRep(TypedDict):
    _links: Links
    items: list[ExperimentRep]
    totalCount: int
    total_count: int


def experiment_rep(
    state: State, project: str, experiment: Experiment, *, expand: Set[str], modern: bool
) -> ExperimentRep:
    """An experiment with its current iteration, and with what `expand` names.

    Clients of the founding generation know no draft: theirs is the current iteration until one has started.
    """
    base = ("projects", project, "environments", experiment.environment_key)
    body: Any = {
        "_id": experiment.id,
        "key": experiment.key,
        "name": experiment.name,
        "_maintainerId": experiment.maintainer_id,
        "_creationDate": experiment.creation_date,
        "environmentKey": experiment.environment_key,
        "methodology": experiment.methodology,
        "dataSource": experiment.data_source,
        "type": experiment.type,
        "tags": list(experiment.tags),
        "analysisConfig": _present(
            msgspec.to_builtins(experiment.analysis_config) | _judged(experiment), drop=("",)
        ),
        "_links": {
            "self": link(*base, "experiments", experiment.key),
            "parent": link(*base, "experiments"),
            "environment": link(*base),
        },
    }
    optional = {
        "description": experiment.description,
        "archivedDate": experiment.archived_date,
        "holdoutId": experiment.holdout_id,
    }
    body |= _present(optional, drop=("", None))
    body |= _iterations(state, project, experiment, expand=expand, modern=modern)
    if "mutableFieldsByStatus" in expand:
        body["mutableFieldsByStatus"] = {
            status: {field: list(operations) for field, operations in fields.items()}
            for status, fields in MUTABLE.items()
        }
    rep: ExperimentRep = body
    return rep


def iteration_rep(
    state: State, project: str, environment: str, iteration: Iteration, *, expand: Set[str], modern: bool
) -> IterationRep:
    """An iteration; its secondary metrics where `expand` names them."""
    body: Any = {
        "_id": iteration.id,
        "hypothesis": iteration.hypothesis,
        "status": iteration.status,
        "createdAt": iteration.created_at,
        "canReshuffleTraffic": iteration.can_reshuffle_traffic,
        "randomizationUnit": iteration.randomization_unit,
        "version": iteration.version,
        "flags": {
            key: _flag_use_rep(state, project, environment, key, use) for key, use in iteration.flags.items()
        },
        "treatments": [
            msgspec.to_builtins(one) | {"parameters": [msgspec.to_builtins(each) for each in one.parameters]}
            for one in iteration.treatments
        ],
        "assay": _plan_rep(iteration),
    }
    optional = {
        "startedAt": iteration.started_at,
        "endedAt": iteration.ended_at,
        "winningTreatmentId": iteration.winning_treatment_id,
        "winningReason": iteration.winning_reason,
        "reallocationFrequencyMillis": iteration.reallocation_frequency_millis,
        "attributes": list(iteration.attributes) or None,
        "layerSnapshot": msgspec.to_builtins(iteration.layer_snapshot),
    }
    body |= _present(optional, drop=("", None))
    body |= _metrics_rep(state, project, iteration, expand=expand, modern=modern)
    rep: IterationRep = body
    return rep


def _judged(experiment: Experiment) -> dict[str, Any]:
    """The defaults too: a client should see what its experiment is judged by."""
    config = experiment.analysis_config
    return {
        "bayesianThreshold": config.bayesian_threshold,
        "significanceThreshold": config.significance_threshold,
        "testDirection": config.test_direction,
        "sequentialTestingEnabled": config.sequential_testing_enabled,
    }


def _iterations(
    state: State, project: str, experiment: Experiment, *, expand: Set[str], modern: bool
) -> dict[str, Any]:
    def rep(iteration: Iteration) -> IterationRep:
        return iteration_rep(
            state, project, experiment.environment_key, iteration, expand=expand, modern=modern
        )

    body: dict[str, Any] = {}
    current, draft = experiment.current, experiment.draft
    if current is None and not modern:
        current = draft
    if current is not None:
        body["currentIteration"] = rep(current)
    if draft is not None and "draftIteration" in expand:
        body["draftIteration"] = rep(draft)
    if "previousIterations" in expand:
        earlier = [one for one in experiment.iterations if one not in (current, draft)]
        body |= {"previousIterations": [rep(one) for one in earlier]} if earlier else {}
    return body


def _metrics_rep(
    state: State, project: str, iteration: Iteration, *, expand: Set[str], modern: bool
) -> dict[str, Any]:
    body: dict[str, Any] = {}
    primary = iteration.primary
    if primary is not None:
        rep = measured_by_rep(state, project, primary)
        body["primaryMetric"] = rep
        body["primaryFunnel" if primary.is_group else "primarySingleMetric"] = rep
    if modern:
        body["metrics"] = [measured_by_rep(state, project, one) for one in iteration.metrics]
    if "secondaryMetrics" in expand:
        others = [measured_by_rep(state, project, one) for one in iteration.metrics if not one.primary]
        body |= {"secondaryMetrics": others} if others else {}
    return body


def measured_by_rep(state: State, project: str, measured: MeasuredBy) -> MeasuredByRep:
    """A metric or a group as an iteration uses it, in the version it is measured by."""
    shelf, path = ("metric_group", "metric-groups") if measured.is_group else ("metric", "metrics")
    record = state.find((shelf, project, measured.key))
    place = ("projects", project, path, measured.key) if measured.is_group else (path, project, measured.key)
    body: Any = {
        "key": measured.key,
        "name": getattr(record, "name", measured.key),
        "kind": getattr(record, "kind", "funnel" if measured.is_group else "custom"),
        "isGroup": measured.is_group,
        "_versionId": f"{getattr(record, 'id', measured.key)}-{measured.version or getattr(record, 'version', 1)}",
        "_links": {"self": link(*place)},
    }
    if not measured.is_group and record is not None:
        optional = {"eventKey": record.event_key, "unitAggregationType": record.unit_aggregation_type}
        body |= {"isNumeric": record.is_numeric} | _present(optional, drop=("",))
    rep: MeasuredByRep = body
    return rep


def _flag_use_rep(state: State, project: str, environment: str, key: str, use: FlagUse) -> dict[str, Any]:
    body: dict[str, Any] = {
        "targetingRule": use.rule_id,
        "flagConfigVersion": use.flag_config_version,
        "_links": {"self": link("flags", project, key)},
    }
    if use.not_in_experiment_variation_id:
        body["notInExperimentVariationId"] = use.not_in_experiment_variation_id
    flag = state.find(("flag", project, key))
    config = flag.environments.get(environment) if flag else None
    place = rule_of(config, use.rule_id) if config else None
    if isinstance(place, Rule):
        body["targetingRuleDescription"] = place.description
        body["targetingRuleClauses"] = [msgspec.to_builtins(clause) for clause in place.clauses]
    return body


def _plan_rep(iteration: Iteration) -> dict[str, Any]:
    """What Assay adds; numbers, texts and lists of texts, which every client can read."""
    uses = iteration.flags.items()
    plan = iteration.plan
    optional = {
        "horizonUnits": plan.horizon_units,
        "seed": iteration.seed,
        "changeJustification": iteration.change_justification,
        "firstVersions": {k: use.first_version for k, use in uses if use.first_version is not None},
        "endVersions": {k: use.end_version for k, use in uses if use.end_version is not None},
    }
    return {
        "power": plan.power,
        "minimumLift": plan.minimum_lift,
        "covariateDays": plan.covariate_days,
        "guardrails": [one.key for one in iteration.metrics if one.guardrail],
    } | _present(optional, drop=("", None, {}))


def _present(document: dict[str, Any], *, drop: tuple[Any, ...]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value not in drop}
