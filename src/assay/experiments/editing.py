"""Edits of single fields of an experiment and its draft: which are possible when, and what they mean."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from assay.errors import InvalidRequest
from assay.experiments.admission import holdout_of
from assay.experiments.drafts import IterationInput, Surroundings, check_versions, drafted, planned_again
from assay.experiments.experiment import Experiment, check_experiment

T = TypeVar("T")

ALWAYS = {"name": ("update",), "description": ("update",), "tags": ("add", "update", "remove")}
ALWAYS |= {"maintainerId": ("update",)}
BEFORE_START = {"methodology": ("update",), "analysisConfig": ("update",), "holdoutId": ("update", "remove")}
OF_DRAFT = {
    **dict.fromkeys(("hypothesis", "randomizationUnit", "canReshuffleTraffic", "assay"), ("update",)),
    **dict.fromkeys(("primarySingleMetricKey", "primaryFunnelKey"), ("update",)),
    **dict.fromkeys(("reallocationFrequencyMillis", "covariateId"), ("update", "remove")),
    **dict.fromkeys(("metrics", "treatments", "flags", "attributes"), ("add", "update", "remove")),
}
MUTABLE: dict[str, dict[str, tuple[str, ...]]] = {
    "not_started": ALWAYS | BEFORE_START | OF_DRAFT,
    "running": ALWAYS,
    "stopped": ALWAYS | BEFORE_START,
}
# What tells one item of a list from another, where its items are objects.
ITEM_KEY = {"metrics": "key", "treatments": "name"}


def edited(experiment: Experiment, around: Surroundings, changes: Any) -> Experiment:
    """The experiment after `{field: {"operation": add, update or remove, "value": …}}`."""
    if not isinstance(changes, dict) or not all(isinstance(one, dict) for one in changes.values()):
        raise InvalidRequest('value is an object {field: {"operation": "update", "value": …}}')
    for name, change in changes.items():
        _check_allowed(experiment, name, change.get("operation"))
    own = {name: change for name, change in changes.items() if name not in OF_DRAFT}
    planned = {name: change for name, change in changes.items() if name in OF_DRAFT}
    experiment = _with_own(experiment, own) if own else experiment
    holdout_of(around.holdouts, experiment)
    return _with_planned(experiment, around, planned) if planned else experiment


def mutable_fields(experiment: Experiment) -> dict[str, tuple[str, ...]]:
    """The fields that may be edited now, with what may be done to them."""
    running = MUTABLE["running"] if experiment.running else MUTABLE["stopped"]
    return running | OF_DRAFT if experiment.draft else running


def text(instruction: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """A parameter that is a string; the default where it is absent or null."""
    value = instruction.get(name)
    value = default if value is None else value
    if not isinstance(value, str):
        raise InvalidRequest(f"{instruction['kind']}: {name} is a string")
    return value


def _check_allowed(experiment: Experiment, name: str, operation: object) -> None:
    allowed = mutable_fields(experiment)
    if name not in allowed:
        hint = "; saveAndStartNewIteration can" if name in OF_DRAFT | BEFORE_START else ""
        raise InvalidRequest(f"{name[:60]!r} can't be edited now{hint}; {', '.join(sorted(allowed))} can")
    if operation not in allowed[name]:
        raise InvalidRequest(f"the operation on {name} is one of {', '.join(allowed[name])}")


def _with_own(experiment: Experiment, changes: Mapping[str, Any]) -> Experiment:
    document = msgspec.json.decode(msgspec.json.encode(experiment))
    document["maintainerId"] = document["_maintainerId"]
    document = _applied(document, changes)
    document["_maintainerId"] = document.pop("maintainerId", "")
    after = converted(document, Experiment)
    after = replace(after, tags=tuple(dict.fromkeys(after.tags)))
    check_experiment(after)
    return after


def _with_planned(experiment: Experiment, around: Surroundings, changes: Mapping[str, Any]) -> Experiment:
    draft = experiment.draft
    if draft is None:
        raise InvalidRequest("there is no draft to edit; make one with POST …/iterations")
    document = planned_again(draft)
    if {"primarySingleMetricKey", "primaryFunnelKey"} & changes.keys():
        for metric in document["metrics"]:
            metric["primary"] = False
    document = _applied(document, changes)
    planned = converted(document, IterationInput)
    if "flags" in changes:
        named = changes["flags"].get("value")
        told = named if isinstance(named, dict) else {}
        check_versions({key: use for key, use in planned.flags.items() if key in told}, around)
    again = drafted(planned, around, kind=experiment.type)
    again = replace(again, id=draft.id, created_at=draft.created_at)
    iterations = tuple(again if one.id == draft.id else one for one in experiment.iterations)
    return replace(experiment, iterations=iterations)


def _applied(document: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    after = dict(document)
    for name, change in changes.items():
        after[name] = _changed(name, after.get(name), change["operation"], change.get("value"))
        if after[name] is None:
            del after[name]
    return after


def _changed(name: str, before: Any, operation: str, value: Any) -> Any:
    if isinstance(before, list) and operation != "update":
        items = value if isinstance(value, list) else [value]
        return [*_without(name, before, items), *(items if operation == "add" else [])]
    if isinstance(before, dict) and operation == "add" and isinstance(value, dict):
        return before | value
    if isinstance(before, dict) and operation == "remove" and isinstance(value, list | dict | str):
        gone = [value] if isinstance(value, str) else list(value)
        return {key: one for key, one in before.items() if key not in gone}
    return value if operation != "remove" else None


def _without(name: str, before: list[Any], gone: list[Any]) -> list[Any]:
    """The items that `gone` doesn't name, by their key where they are objects."""
    by = ITEM_KEY.get(name)
    named = [one.get(by) if isinstance(one, dict) and by else one for one in gone]
    return [one for one in before if (one.get(by) if isinstance(one, dict) and by else one) not in named]


def converted(document: Any, kind: type[T]) -> T:
    """The document as a record; `InvalidRequest` names the first field of a wrong type."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(str(error)) from None
