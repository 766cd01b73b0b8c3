"""Layers of a project: /api/v2/projects/{project}/layers."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Required, TypedDict

import msgspec
from msgspec.structs import replace

from assay.api.call import Answer, Call, Operation
from assay.api.filters import known_filters
from assay.api.links import Links
from assay.api.paging import paged
from assay.api.patching import SemanticPatch, converted, parse_patch
from assay.errors import Conflict, InvalidRequest
from assay.experiments.admission import layer_of
from assay.experiments.experiment import Experiment
from assay.experiments.layers import (
    Layer,
    Reservation,
    keeper,
    layer_address,
    layer_segments,
    reserved,
    without_reservation,
)
from assay.flags.validation import require_key
from assay.store.store import require_absent
from assay.store.transaction import Transaction


class LayerPost(msgspec.Struct):
    """The body that makes a layer."""

    key: str
    name: str
    description: str = ""


class LayerPatch(msgspec.Struct, rename="camel"):
    """The body that changes a layer by instructions; reservations are those of one environment."""

    instructions: list[dict[str, Any]]
    comment: str = ""
    environment_key: str | None = None


class ReservationRep(TypedDict):
    experimentKey: str
    flagKey: str
    reservationPercent: int


class ReservationsRep(TypedDict):
    reservations: list[ReservationRep]


class LayerRep(TypedDict, total=False):
    key: Required[str]
    name: Required[str]
    description: Required[str]
    createdAt: Required[int]
    randomizationUnit: str
    environments: Required[dict[str, ReservationsRep]]


class LayersRep(TypedDict):
    items: list[LayerRep]
    totalCount: int
    _links: Links


def list_layers(call: Call) -> Answer:
    state, project = call.rooms.store.state, call.path["project"]
    state.project(project)
    wanted = known_filters(call.query.get("filter"), ("query", "randomizationUnit"))
    query, unit = wanted.get("query", "").casefold(), wanted.get("randomizationUnit")
    found = [
        layer
        for layer in state.all("layer", project).values()
        if query in f"{layer.key} {layer.name}".casefold() and unit in (None, layer.randomization_unit)
    ]
    body = paged(call, found, "projects", project, "layers")
    return Answer(body=body | {"items": [_rep(layer) for layer in body["items"]]})


def create_layer(call: Call) -> Answer:
    body, project = converted(call.object(), LayerPost), call.path["project"]
    address = layer_address(project, require_key(body.key, "A layer's"))
    with call.rooms.store.writing(call.actor) as transaction:
        transaction.state.project(project)
        require_absent(transaction.state, address)
        layer = Layer(secrets.token_hex(12), body.key, body.name, body.description, transaction.now_ms)
        transaction.put(address, layer, "createLayer")
    return Answer(201, _rep(layer))


def patch_layer(call: Call) -> Answer:
    patch = parse_patch(call.body)
    if not isinstance(patch, SemanticPatch):
        raise InvalidRequest('a layer is changed by {"instructions": [{"kind": "updateName", …}]}')
    project = call.path["project"]
    with call.rooms.store.writing(call.actor, patch.comment) as transaction:
        layer = before = transaction.state.layer(project, call.path["layer"])
        for raw in patch.instructions:
            layer = _applied(transaction, (project, patch.environment), layer, raw)
        transaction.put(layer_address(project, layer.key), layer, "updateLayer")
        for environment in layer.environments:
            put_segments(transaction, (project, environment), before, layer)
    return Answer(body=_rep(layer))


def put_segments(transaction: Transaction, place: tuple[str, str], before: Layer, after: Layer) -> None:
    """Makes the segments of an environment those of the layer as it is, and takes away those left over."""
    wanted = layer_segments(after, place[1])
    for segment in wanted:
        transaction.put_segment(*place, segment, "updateLayer", by=keeper(after))
    kept = {segment.key for segment in wanted}
    for segment in layer_segments(before, place[1]):
        if segment.key not in kept:
            transaction.delete_segment(*place, segment.key, by=keeper(after))


Place = tuple[str, str | None]
Change = Callable[[Transaction, Place, Layer, Mapping[str, Any]], Layer]


def _applied(transaction: Transaction, place: Place, layer: Layer, raw: Any) -> Layer:
    if not isinstance(raw, dict) or not isinstance(raw.get("kind"), str):
        raise InvalidRequest("an instruction is an object with a kind")
    change = CHANGES.get(raw["kind"].lower())
    if change is None:
        raise InvalidRequest(f"unknown instruction {raw['kind'][:60]!r}; known are {', '.join(KINDS)}")
    return change(transaction, place, layer, {name.lower(): value for name, value in raw.items()})


def _update_name(
    transaction: Transaction, place: Place, layer: Layer, instruction: Mapping[str, Any]
) -> Layer:
    return replace(layer, name=_text(instruction, "name"))


def _update_description(
    transaction: Transaction, place: Place, layer: Layer, instruction: Mapping[str, Any]
) -> Layer:
    return replace(layer, description=_text(instruction, "description"))


def _reserve(transaction: Transaction, place: Place, layer: Layer, instruction: Mapping[str, Any]) -> Layer:
    experiment = _experiment(transaction, place, instruction)
    layers = tuple(transaction.state.all("layer", place[0]).values())
    other = layer_of(layers, experiment)
    if other is not None and other[0].key != layer.key:
        raise Conflict(f"the experiment {experiment.key!r} is in the layer {other[0].key!r}; remove it there")
    percent = instruction.get("reservationpercent")
    if type(percent) is not int:
        raise InvalidRequest("reservationPercent is a whole number")
    iteration = experiment.draft or experiment.current
    flags = list(iteration.flags) if iteration else []
    unit = iteration.randomization_unit if iteration else "user"
    wanted = Reservation(experiment.id, experiment.key, flags[0] if flags else "", percent, ())
    return reserved(layer, experiment.environment_key, wanted, unit)


def _remove(transaction: Transaction, place: Place, layer: Layer, instruction: Mapping[str, Any]) -> Layer:
    experiment = _experiment(transaction, place, instruction)
    if layer.reservation(experiment.environment_key, experiment.key) is None:
        raise InvalidRequest(f"the experiment {experiment.key!r} is not in the layer {layer.key!r}")
    return without_reservation(layer, experiment.environment_key, experiment.key)


def _experiment(transaction: Transaction, place: Place, instruction: Mapping[str, Any]) -> Experiment:
    project, environment = place
    if environment is None:
        raise InvalidRequest(f"{instruction['kind']} needs the environmentKey beside the instructions")
    key = _text(instruction, "experimentkey")
    experiment = transaction.state.experiment(project, environment, key)
    if experiment.running is not None:
        raise Conflict(f"the experiment {key!r} is running with the share it has; stop its iteration first")
    return experiment


def _text(instruction: Mapping[str, Any], name: str) -> str:
    value = instruction.get(name)
    if not isinstance(value, str) or (not value and name != "description"):
        raise InvalidRequest(f"{instruction['kind']} needs {name}, a string")
    return value


KINDS: dict[str, Change] = {
    "updateName": _update_name,
    "updateDescription": _update_description,
    "updateExperimentReservation": _reserve,
    "removeExperiment": _remove,
}
CHANGES = {kind.lower(): change for kind, change in KINDS.items()}


def _rep(layer: Layer) -> LayerRep:
    environments: dict[str, ReservationsRep] = {
        key: {
            "reservations": [
                {
                    "experimentKey": one.experiment_key,
                    "flagKey": one.flag_key,
                    "reservationPercent": one.reservation_percent,
                }
                for one in reservations
            ]
        }
        for key, reservations in layer.environments.items()
    }
    rep: LayerRep = {
        "key": layer.key,
        "name": layer.name,
        "description": layer.description,
        "createdAt": layer.created_at,
        "environments": environments,
    }
    if layer.randomization_unit:
        rep["randomizationUnit"] = layer.randomization_unit
    return rep


LAYERS = "/api/v2/projects/{project}/layers"

OPERATIONS = (
    Operation("GET", LAYERS, "reader", list_layers, answer=LayersRep, query=("filter", "limit", "offset")),
    Operation("POST", LAYERS, "writer", create_layer, status=201, body=LayerPost, answer=LayerRep),
    Operation("PATCH", LAYERS + "/{layer}", "writer", patch_layer, body=LayerPatch, answer=LayerRep),
)
