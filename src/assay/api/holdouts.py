"""Holdouts of an environment: /api/v2/projects/{project}/environments/{environment}/holdouts."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from assay.api.call import Answer, Call, Operation
from assay.api.enactment import enacted, surroundings
from assay.api.filters import expanded
from assay.api.flag_creation import fresh_config
from assay.api.paging import paged
from assay.api.patching import SemanticPatch, converted, parse_patch
from assay.api.representations.holdouts import (
    HoldoutDetailRep,
    HoldoutRep,
    HoldoutsRep,
    holdout_detail_rep,
    holdout_rep,
    listed_holdout_rep,
    related,
)
from assay.errors import Conflict, InvalidRequest, NotFound
from assay.experiments.drafts import MetricInput, Surroundings, measured
from assay.experiments.experiment import (
    Experiment,
    FlagUse,
    Iteration,
    Parameter,
    Slice,
    Treatment,
    experiment_address,
)
from assay.experiments.flag_scoped import FlagExperiments
from assay.experiments.holdouts import Holdout, check_holdout, held_out, holdout_address, keeper
from assay.experiments.instructions import apply_instructions
from assay.flags.model import Defaults, Flag, Variation
from assay.flags.validation import require_key
from assay.store.state import segments_shelf
from assay.store.store import require_absent
from assay.store.transaction import Transaction


class HoldoutPost(msgspec.Struct, rename="camel"):
    """The body that makes a holdout; four of its names are written without capitals."""

    key: str
    name: str | None = None
    description: str | None = None
    randomization_unit: str | None = msgspec.field(name="randomizationunit", default=None)
    attributes: tuple[str, ...] | None = None
    holdout_amount: str = msgspec.field(name="holdoutamount", default="5")
    primary_metric_key: str | None = msgspec.field(name="primarymetrickey", default=None)
    metrics: tuple[MetricInput, ...] | None = None
    prerequisite_flag_key: str | None = msgspec.field(name="prerequisiteflagkey", default=None)
    maintainer_id: str | None = None


class HoldoutPatch(msgspec.Struct):
    """The body that changes a holdout by instructions."""

    instructions: list[dict[str, Any]]
    comment: str = ""


def list_holdouts(call: Call) -> Answer:
    state, place = call.rooms.store.state, (call.path["project"], call.path["environment"])
    state.environment(*place)
    holdouts = [one for one in state.all("holdout", place[0]).values() if one.environment_key == place[1]]
    path = ("projects", place[0], "environments", place[1], "holdouts")
    body = paged(call, holdouts, *path, default=20)
    items = [listed_holdout_rep(state, place[0], one) for one in body["items"]]
    return Answer(body=body | {"items": items, "total_count": body["totalCount"]})


def get_holdout(call: Call) -> Answer:
    state, project = call.rooms.store.state, call.path["project"]
    holdout = state.holdout(project, call.path["environment"], call.path["holdout"])
    return Answer(body=holdout_detail_rep(state, project, holdout, expand=expanded(call), modern=call.modern))


def get_holdout_by_id(call: Call) -> Answer:
    state, project, environment = call.rooms.store.state, call.path["project"], call.path["environment"]
    state.environment(project, environment)
    for holdout in state.all("holdout", project).values():
        if holdout.id == call.path["id"] and holdout.environment_key == environment:
            return Answer(body=_rep(call, holdout))
    raise NotFound(f"Unknown holdout _id {call.path['id']!r}")


def create_holdout(call: Call) -> Answer:
    body = converted(call.object(), HoldoutPost)
    project, environment = call.path["project"], call.path["environment"]
    key = require_key(body.key, "A holdout's")
    flag_key = require_key(body.prerequisite_flag_key or f"holdout-{key}", "The holdout's flag's")
    with call.rooms.store.writing(call.actor) as transaction:
        state = transaction.state
        state.environment(project, environment)
        require_absent(state, holdout_address(project, environment, key))
        require_absent(state, experiment_address(project, environment, flag_key))
        require_absent(state, ("flag", project, flag_key))
        require_absent(state, ("segment", segments_shelf(project, environment), flag_key))
        around = surroundings(state, project, environment, transaction.now_ms)
        holdout = _holdout(body, flag_key, around)
        flag = _put_flag(transaction, project, holdout)
        transaction.put_segment(project, environment, held_out(holdout), "createHoldout")
        transaction.put(holdout_address(project, environment, key), holdout, "createHoldout")
        base = _base(call, body, holdout, flag, around)
        _put_base(transaction, project, replace(base, iterations=()), base)
    return Answer(201, _rep(call, holdout))


def patch_holdout(call: Call) -> Answer:
    patch = parse_patch(call.body)
    if not isinstance(patch, SemanticPatch):
        raise InvalidRequest('a holdout is changed by {"instructions": [{"kind": "endHoldout"}, …]}')
    project, environment = call.path["project"], call.path["environment"]
    with call.rooms.store.writing(call.actor, patch.comment) as transaction:
        holdout = transaction.state.holdout(project, environment, call.path["holdout"])
        for raw in patch.instructions:
            if not isinstance(raw, dict) or not isinstance(raw.get("kind"), str):
                raise InvalidRequest("an instruction is an object with a kind")
            change = CHANGES.get(raw["kind"].lower())
            if change is None:
                raise InvalidRequest(
                    f"unknown instruction {raw['kind'][:60]!r}; known are {', '.join(KINDS)}"
                )
            holdout = change(
                transaction, project, holdout, {name.lower(): value for name, value in raw.items()}
            )
            holdout = replace(holdout, updated_at=transaction.now_ms)
        check_holdout(holdout)
        transaction.put(holdout_address(project, environment, holdout.key), holdout, "updateHoldout")
    return Answer(body=_rep(call, holdout))


def _holdout(body: HoldoutPost, flag_key: str, around: Surroundings) -> Holdout:
    unit = body.randomization_unit or around.settings.default
    if unit not in around.settings.names:
        raise InvalidRequest(f"randomizationunit is one of {', '.join(around.settings.names)}")
    holdout = Holdout(
        id=around.new_id(),
        key=body.key,
        name=body.name if body.name is not None else body.key,
        environment_key=around.environment,
        flag_key=flag_key,
        holdout_amount=body.holdout_amount,
        randomization_unit=unit,
        salt=secrets.token_hex(16),
        created_at=around.now_ms,
        updated_at=around.now_ms,
        description=body.description or "",
    )
    check_holdout(holdout)
    return holdout


def _put_flag(transaction: Transaction, project: str, holdout: Holdout) -> Flag:
    """The holdout's flag, on in its environment with the holdout's salt."""
    defaults = Defaults(on_variation=1, off_variation=1)
    configs = {
        one.key: fresh_config(defaults, one) for one in transaction.state.project(project).environments
    }
    own = replace(configs[holdout.environment_key], on=True, salt=holdout.salt)
    flag = Flag(
        key=holdout.flag_key,
        name=f"Holdout {holdout.name}",
        description="Whether a unit is held out of all experiments of the holdout.",
        variations=(
            Variation(True, id=secrets.token_hex(12), name="held out"),
            Variation(False, id=secrets.token_hex(12), name="not held out"),
        ),
        creation_date=transaction.now_ms,
        temporary=False,
        defaults=defaults,
        environments=configs | {holdout.environment_key: own},
    )
    return transaction.put_flag(project, flag, FlagExperiments(), "createHoldout")


def _base(call: Call, body: HoldoutPost, holdout: Holdout, flag: Flag, around: Surroundings) -> Experiment:
    """The experiment that measures the holdout: it runs from the start, with the hash of the segment."""
    treatments = tuple(
        Treatment(
            name=variation.name,
            allocation_percent=percent,
            id=variation.id,
            baseline=variation.value is True,
            parameters=(Parameter(flag.key, variation.id),),
        )
        for variation, percent in zip(flag.variations, _percents(holdout), strict=True)
    )
    iteration = Iteration(
        id=around.new_id(),
        hypothesis=f"What the experiments of {holdout.name} do together",
        created_at=around.now_ms,
        status="running",
        started_at=around.now_ms,
        randomization_unit=holdout.randomization_unit,
        treatments=treatments,
        metrics=measured(body.metrics or (), body.primary_metric_key, around),
        flags={flag.key: FlagUse(not_in_experiment_variation_id=flag.variations[1].id)},
        attributes=body.attributes or (),
        slices=(
            Slice(holdout.weight, treatments[0].id),
            Slice(100_000 - holdout.weight, treatments[1].id),
        ),
    )
    return Experiment(
        id=around.new_id(),
        key=holdout.flag_key,
        name=holdout.name,
        environment_key=holdout.environment_key,
        creation_date=around.now_ms,
        maintainer_id=body.maintainer_id or call.token.member_id or call.token.id,
        description=holdout.description,
        type="holdout",
        iterations=(iteration,),
    )


def _percents(holdout: Holdout) -> tuple[str, str]:
    """The shares held out and not, to the thousandth of a percent."""
    return f"{holdout.weight / 1000:g}", f"{(100_000 - holdout.weight) / 1000:g}"


def _put_base(transaction: Transaction, project: str, before: Experiment, after: Experiment) -> None:
    after = enacted(transaction, project, before, after)
    address = experiment_address(project, after.environment_key, after.key)
    transaction.put(address, after, "updateHoldout")


Change = Callable[[Transaction, str, Holdout, Mapping[str, Any]], Holdout]


def _end(transaction: Transaction, project: str, holdout: Holdout, instruction: Mapping[str, Any]) -> Holdout:
    """From now on nobody is held out; experiments that run take the units as they come."""
    if holdout.ended_at is not None:
        raise Conflict("the holdout has ended")
    environment = holdout.environment_key
    ended = replace(holdout, ended_at=transaction.now_ms)
    base = transaction.state.experiment(project, environment, holdout.flag_key)
    around = surroundings(transaction.state, project, environment, transaction.now_ms)
    _put_base(transaction, project, base, apply_instructions(base, around, [{"kind": "stopIteration"}]))
    transaction.put_segment(project, environment, held_out(ended), "endHoldout", by=keeper(holdout))
    return ended


def _remove(
    transaction: Transaction, project: str, holdout: Holdout, instruction: Mapping[str, Any]
) -> Holdout:
    key = _text(instruction, "experimentkey")
    experiment = transaction.state.experiment(project, holdout.environment_key, key)
    if experiment not in related(transaction.state, project, holdout):
        raise InvalidRequest(f"the experiment {key!r} is not in the holdout {holdout.key!r}")
    if experiment.running is not None:
        raise Conflict(f"the experiment {key!r} is running without the units held out; stop it first")
    address = experiment_address(project, holdout.environment_key, key)
    transaction.put(address, replace(experiment, holdout_id=""), "updateExperiment")
    return holdout


def _update_name(
    transaction: Transaction, project: str, holdout: Holdout, instruction: Mapping[str, Any]
) -> Holdout:
    return replace(holdout, name=_text(instruction, "value"))


def _update_description(
    transaction: Transaction, project: str, holdout: Holdout, instruction: Mapping[str, Any]
) -> Holdout:
    return replace(holdout, description=_text(instruction, "value"))


KINDS: dict[str, Change] = {
    "endHoldout": _end,
    "removeExperiment": _remove,
    "updateName": _update_name,
    "updateDescription": _update_description,
}
CHANGES = {kind.lower(): change for kind, change in KINDS.items()}


def _text(instruction: Mapping[str, Any], name: str) -> str:
    value = instruction.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"{instruction['kind']} needs {name}, a string")
    return value


def _rep(call: Call, holdout: Holdout) -> HoldoutRep:
    state, project = call.rooms.store.state, call.path["project"]
    return holdout_rep(state, project, holdout, modern=call.modern)


ALL = "/api/v2/projects/{project}/environments/{environment}/holdouts"
ONE = ALL + "/{holdout}"

OPERATIONS = (
    Operation("GET", ALL, "reader", list_holdouts, answer=HoldoutsRep, query=("limit", "offset")),
    Operation("POST", ALL, "writer", create_holdout, status=201, body=HoldoutPost, answer=HoldoutRep),
    Operation("GET", ALL + "/id/{id}", "reader", get_holdout_by_id, answer=HoldoutRep),
    Operation("GET", ONE, "reader", get_holdout, answer=HoldoutDetailRep, query=("expand",)),
    Operation("PATCH", ONE, "writer", patch_holdout, body=HoldoutPatch, answer=HoldoutRep),
)
