"""Experiments of an environment: /api/v2/projects/{project}/environments/{environment}/experiments."""

import secrets
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from assay.api.call import Answer, Call, Operation
from assay.api.enactment import enacted, surroundings
from assay.api.filters import expanded, known_filters
from assay.api.paging import paged
from assay.api.patching import SemanticPatch, converted, parse_patch
from assay.api.representations.experiments import (
    ExperimentRep,
    ExperimentsRep,
    IterationRep,
    experiment_rep,
    iteration_rep,
)
from assay.errors import InvalidRequest
from assay.experiments.admission import holdout_of
from assay.experiments.drafts import IterationInput, check_versions, drafted
from assay.experiments.experiment import AnalysisConfig, Experiment, check_experiment, experiment_address
from assay.experiments.instructions import apply_instructions, with_draft
from assay.flags.validation import require_key
from assay.store.store import require_absent

FILTERS = ("flagKey", "metricKey", "status")
STATUSES = ("not_started", "running", "stopped")
# What whoever writes an experiment wants to see of it, asked for or not.
WRITTEN = frozenset({"draftIteration"})


class ExperimentPost(msgspec.Struct, rename="camel"):
    """The body that creates an experiment with its first draft."""

    name: str
    key: str
    iteration: IterationInput
    description: str | None = None
    maintainer_id: str | None = None
    holdout_id: str | None = None
    tags: tuple[str, ...] | None = None
    methodology: Literal["bayesian", "frequentist", "export_only"] | None = None
    analysis_config: AnalysisConfig | None = None
    data_source: str | None = None
    type: Literal["experiment", "mab"] | None = None


class ExperimentPatch(msgspec.Struct, rename="camel"):
    """The body that changes an experiment by instructions."""

    instructions: list[dict[str, Any]]
    comment: str = ""


def list_experiments(call: Call) -> Answer:
    project, environment = call.path["project"], call.path["environment"]
    call.rooms.store.state.environment(project, environment)
    found = [one for one in _chosen(call, project) if one.environment_key == environment]
    return _listing(call, found, "projects", project, "environments", environment, "experiments")


def list_experiments_of_project(call: Call) -> Answer:
    project = call.path["project"]
    call.rooms.store.state.project(project)
    return _listing(call, _chosen(call, project), "projects", project, "experiments")


def get_experiment(call: Call) -> Answer:
    state, project = call.rooms.store.state, call.path["project"]
    experiment = state.experiment(project, call.path["environment"], call.path["experiment"])
    return Answer(body=_rep(call, experiment))


def create_experiment(call: Call) -> Answer:
    body = converted(call.object(), ExperimentPost)
    project, environment = call.path["project"], call.path["environment"]
    address = experiment_address(project, environment, require_key(body.key, "An experiment's"))
    with call.rooms.store.writing(call.actor) as transaction:
        state = transaction.state
        state.environment(project, environment)
        require_absent(state, address)
        around = surroundings(state, project, environment, transaction.now_ms)
        check_versions(body.iteration.flags, around)
        experiment = _experiment(call, body, environment, transaction.now_ms)
        holdout_of(around.holdouts, experiment)
        draft = drafted(body.iteration, around, kind=experiment.type)
        experiment = replace(experiment, iterations=(draft,))
        transaction.put(address, experiment, "createExperiment")
    return Answer(201, _rep(call, experiment, WRITTEN))


def patch_experiment(call: Call) -> Answer:
    patch = parse_patch(_spelled(call.body))
    if not isinstance(patch, SemanticPatch):
        raise InvalidRequest('an experiment is changed by {"instructions": [{"kind": "startIteration"}, …]}')
    project, environment = call.path["project"], call.path["environment"]
    with call.rooms.store.writing(call.actor, patch.comment) as transaction:
        before = transaction.state.experiment(project, environment, call.path["experiment"])
        around = surroundings(transaction.state, project, environment, transaction.now_ms)
        after = apply_instructions(before, around, patch.instructions)
        after = enacted(transaction, project, before, after)
        transaction.put(experiment_address(project, environment, before.key), after, "updateExperiment")
    return Answer(body=_rep(call, after, WRITTEN))


def create_iteration(call: Call) -> Answer:
    planned = converted(call.object(), IterationInput)
    project, environment = call.path["project"], call.path["environment"]
    with call.rooms.store.writing(call.actor) as transaction:
        before = transaction.state.experiment(project, environment, call.path["experiment"])
        around = surroundings(transaction.state, project, environment, transaction.now_ms)
        check_versions(planned.flags, around)
        draft = drafted(planned, around, kind=before.type)
        after = with_draft(before, draft)
        transaction.put(experiment_address(project, environment, before.key), after, "createIteration")
    state = call.rooms.store.state
    return Answer(
        body=iteration_rep(state, project, environment, draft, expand=expanded(call), modern=call.modern)
    )


def _spelled(body: Any) -> Any:
    """Clients 9.x send `Instructions`, with a capital."""
    if isinstance(body, dict) and "instructions" not in body and "Instructions" in body:
        return body | {"instructions": body["Instructions"]}
    return body


def _experiment(call: Call, body: ExperimentPost, environment: str, now_ms: int) -> Experiment:
    bandit = body.type == "mab"
    experiment = Experiment(
        id=secrets.token_hex(12),
        key=body.key,
        name=body.name,
        environment_key=environment,
        creation_date=now_ms,
        maintainer_id=body.maintainer_id or call.token.member_id or call.token.id,
        description=body.description or "",
        type=body.type or "experiment",
        methodology=body.methodology or ("bayesian" if bandit else "frequentist"),
        data_source=body.data_source or "launchdarkly",
        tags=tuple(dict.fromkeys(body.tags or ())),
        holdout_id=body.holdout_id or "",
        analysis_config=body.analysis_config or AnalysisConfig(),
    )
    check_experiment(experiment)
    return experiment


def _chosen(call: Call, project: str) -> list[Experiment]:
    """The project's experiments that the query asks for."""
    filters = known_filters(call.query.get("filter"), FILTERS)
    if filters.get("status", STATUSES[0]) not in STATUSES:
        raise InvalidRequest(f"status is one of {', '.join(STATUSES)}")
    states = set(call.query.get("lifecycleState", "active").split(","))
    if not states <= {"active", "archived"}:
        raise InvalidRequest("lifecycleState is active, archived, or both with a comma between them")
    return [
        one
        for one in call.rooms.store.state.all("experiment", project).values()
        if one.type != "holdout"
        and ("archived" if one.archived else "active") in states
        and _matches(one, filters)
    ]


def _matches(experiment: Experiment, filters: dict[str, str]) -> bool:
    status = experiment.current.status if experiment.current else "not_started"
    uses = [iteration for iteration in (experiment.current, experiment.draft) if iteration]
    flags = {key for one in uses for key in one.flags}
    metrics = {metric.key for one in uses for metric in one.metrics}
    return (
        filters.get("status") in (None, status)
        and ("flagKey" not in filters or filters["flagKey"] in flags)
        and ("metricKey" not in filters or filters["metricKey"] in metrics)
    )


def _listing(call: Call, experiments: list[Experiment], *path: str) -> Answer:
    body = paged(call, experiments, *path, default=20)
    items = [_rep(call, one) for one in body["items"]]
    return Answer(body=body | {"items": items, "total_count": body["totalCount"]})


def _rep(call: Call, experiment: Experiment, more: frozenset[str] = frozenset()) -> ExperimentRep:
    state, project = call.rooms.store.state, call.path["project"]
    return experiment_rep(state, project, experiment, expand=expanded(call) | more, modern=call.modern)


ALL = "/api/v2/projects/{project}/environments/{environment}/experiments"
ONE = ALL + "/{experiment}"
ANYWHERE = "/api/v2/projects/{project}/experiments"
QUERY = ("limit", "offset", "filter", "expand", "lifecycleState")

OPERATIONS = (
    Operation("GET", ALL, "reader", list_experiments, answer=ExperimentsRep, query=QUERY),
    Operation(
        "POST", ALL, "writer", create_experiment, status=201, body=ExperimentPost, answer=ExperimentRep
    ),
    Operation("GET", ANYWHERE, "reader", list_experiments_of_project, answer=ExperimentsRep, query=QUERY),
    Operation("GET", ONE, "reader", get_experiment, answer=ExperimentRep, query=("expand",)),
    Operation("PATCH", ONE, "writer", patch_experiment, body=ExperimentPatch, answer=ExperimentRep),
    Operation(
        "POST", ONE + "/iterations", "writer", create_iteration, body=IterationInput, answer=IterationRep
    ),
)
