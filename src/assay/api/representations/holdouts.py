"""Holdouts as clients read them."""

from collections.abc import Set
from typing import Any, Required, TypedDict

from assay.api.links import Links
from assay.api.representations.experiments import ExperimentRep, experiment_rep
from assay.experiments.experiment import Experiment
from assay.experiments.holdouts import Holdout, HoldoutStatus
from assay.store.state import State


class RelatedRep(TypedDict):
    key: str
    name: str
    environment: str


class HoldoutRep(TypedDict, total=False):
    _id: Required[str]
    status: Required[HoldoutStatus]
    description: str
    holdoutAmount: Required[str]
    createdAt: Required[int]
    updatedAt: Required[int]
    baseExperiment: Required[ExperimentRep]
    experiments: Required[list[RelatedRep]]


class HoldoutDetailRep(TypedDict, total=False):
    _id: Required[str]
    status: Required[HoldoutStatus]
    description: str
    holdoutAmount: Required[str]
    isDirty: Required[bool]
    createdAt: Required[int]
    updatedAt: Required[int]
    baseExperiment: Required[ExperimentRep]
    relatedExperiments: Required[list[ExperimentRep]]


class ListedHoldoutRep(TypedDict):
    _id: str
    key: str
    name: str
    status: HoldoutStatus
    createdAt: int
    updatedAt: int
    experiments: list[RelatedRep]


class HoldoutsRep(TypedDict):
    items: list[ListedHoldoutRep]
    totalCount: int
    total_count: int
    _links: Links


def related(state: State, project: str, holdout: Holdout) -> list[Experiment]:
    """The experiments that leave the holdout's units alone."""
    return [one for one in state.all("experiment", project).values() if one.holdout_id == holdout.id]


def status_of(holdout: Holdout, experiments: list[Experiment]) -> HoldoutStatus:
    """Enabled by an experiment that uses it, running with one that runs."""
    if holdout.ended_at is not None:
        return "ended"
    if any(one.running for one in experiments):
        return "running"
    return "enabled" if experiments else "created"


def holdout_rep(state: State, project: str, holdout: Holdout, *, modern: bool) -> HoldoutRep:
    base = _base(state, project, holdout)
    rep: HoldoutRep = _common(state, project, holdout) | {
        "baseExperiment": experiment_rep(state, project, base, expand=frozenset(), modern=modern),
        "experiments": _related_reps(state, project, holdout),
    }
    return rep


def holdout_detail_rep(
    state: State, project: str, holdout: Holdout, *, expand: Set[str], modern: bool
) -> HoldoutDetailRep:
    """With its experiments whole; what `expand` names with the prefix `rel-` is about those."""
    experiments = related(state, project, holdout)
    theirs = {name.removeprefix("rel-") for name in expand if name.startswith("rel-")}
    base = _base(state, project, holdout)
    rep: HoldoutDetailRep = _common(state, project, holdout) | {
        "isDirty": base.running is not None and any(one.running for one in experiments),
        "baseExperiment": experiment_rep(state, project, base, expand=expand, modern=modern),
        "relatedExperiments": [
            experiment_rep(state, project, one, expand=theirs, modern=modern) for one in experiments
        ],
    }
    return rep


def listed_holdout_rep(state: State, project: str, holdout: Holdout) -> ListedHoldoutRep:
    return {
        "_id": holdout.id,
        "key": holdout.key,
        "name": holdout.name,
        "status": status_of(holdout, related(state, project, holdout)),
        "createdAt": holdout.created_at,
        "updatedAt": holdout.updated_at,
        "experiments": _related_reps(state, project, holdout),
    }


def _common(state: State, project: str, holdout: Holdout) -> Any:
    body = {
        "_id": holdout.id,
        "status": status_of(holdout, related(state, project, holdout)),
        "holdoutAmount": holdout.holdout_amount,
        "createdAt": holdout.created_at,
        "updatedAt": holdout.updated_at,
    }
    return body | ({"description": holdout.description} if holdout.description else {})


def _related_reps(state: State, project: str, holdout: Holdout) -> list[RelatedRep]:
    return [
        {"key": one.key, "name": one.name, "environment": one.environment_key}
        for one in related(state, project, holdout)
    ]


def _base(state: State, project: str, holdout: Holdout) -> Experiment:
    return state.experiment(project, holdout.environment_key, holdout.flag_key)
