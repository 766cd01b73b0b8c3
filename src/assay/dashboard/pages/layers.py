"""Layers and holdouts on one page: what keeps experiments apart, and what is in it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from assay.api import holdouts, layers
from assay.api.representations.holdouts import related, status_of
from assay.dashboard.addresses import PLACE
from assay.dashboard.forms import Form
from assay.dashboard.layer_places import (
    change_layer,
    environment_holdouts,
    project_layers,
    reserve,
    share_left,
)
from assay.dashboard.pages.flags import key_of_name
from assay.dashboard.perform import check, may, perform
from assay.dashboard.visit import Page, SeeOther, Shown, View, Visit
from assay.errors import AssayError, InvalidRequest
from assay.experiments.admission import layer_of
from assay.experiments.experiment import Experiment
from assay.experiments.holdouts import Holdout
from assay.experiments.layers import BUCKETS, Layer
from assay.experiments.metric import Metric


@dataclass(frozen=True, slots=True)
class Member:
    """An experiment of a layer or a holdout; `percent` only in a layer. While it runs it can't be taken out."""

    key: str
    name: str
    href: str
    running: bool
    percent: int = 0


@dataclass(frozen=True, slots=True)
class LayerRow:
    """`left`: percent that are free in the page's environment."""

    key: str
    name: str
    description: str
    unit: str
    left: int
    members: tuple[Member, ...]
    may_change: bool


@dataclass(frozen=True, slots=True)
class HoldoutRow:
    """`href`: the page of the experiment that measures it."""

    key: str
    name: str
    description: str
    amount: str
    unit: str
    status: str
    href: str
    members: tuple[Member, ...]
    may_end: bool


@dataclass(frozen=True, slots=True)
class LayersPage:
    """`free`: experiments that a layer can take, by key and name; `typed`: what a refused form held."""

    layers: tuple[LayerRow, ...]
    holdouts: tuple[HoldoutRow, ...]
    free: tuple[tuple[str, str], ...]
    units: tuple[str, ...]
    metrics: tuple[tuple[str, str], ...]
    may_layer: bool
    may_hold_out: bool
    home: str
    list: str
    typed: Form


def show_layers(visit: Visit) -> Shown:
    check(visit, layers.list_layers, project=visit.project.key)
    check(visit, holdouts.list_holdouts, project=visit.project.key, environment=visit.environment.key)
    return _page(visit, Form())


def change_layers(visit: Visit) -> Shown:
    """Does what the form's field `do` says."""
    check(visit, layers.list_layers, project=visit.project.key)
    step = STEPS.get(visit.form.text("do"))
    try:
        if step is None:
            raise InvalidRequest("choose what to do")
        notice = step(visit, visit.form)
    except AssayError as error:
        return _page(visit, visit.form, error)
    return SeeOther(visit.here("layers"), notice)


def _make_layer(visit: Visit, form: Form) -> str:
    body = _named(form) | {"description": form.raw("description")}
    perform(visit, layers.create_layer, body, project=visit.project.key)
    return f"{body['name']} is made. Now give experiments their shares of it."


def _make_holdout(visit: Visit, form: Form) -> str:
    metric = form.text("metric")
    body = _named(form) | {
        "description": form.raw("description"),
        "holdoutamount": form.percent("amount"),
        "randomizationunit": form.text("unit") or None,
    }
    if metric:
        body |= {"primarymetrickey": metric, "metrics": [{"key": metric}]}
    project, environment = visit.project.key, visit.environment.key
    perform(visit, holdouts.create_holdout, body, project=project, environment=environment)
    return f"{body['name']} is made. It holds out whoever it draws from each experiment that names it."


def _reserve(visit: Visit, form: Form) -> str:
    percent = form.percent("percent")
    if not percent.isdecimal() or len(percent) > 3:
        raise InvalidRequest(f"a share is a whole number of percent, from 1 to {BUCKETS}")
    reserve(visit, form.text("layer"), form.text("experiment"), int(percent))
    return "Saved. The share counts when the experiment is started."


def _take_out(visit: Visit, form: Form) -> str:
    instruction: dict[str, object] = {"kind": "removeExperiment", "experimentKey": form.text("experiment")}
    change_layer(visit, form.text("layer"), instruction)
    return "Taken out. Its share is free."


def _leave_holdout(visit: Visit, form: Form) -> str:
    _change_holdout(visit, form, {"kind": "removeExperiment", "experimentKey": form.text("experiment")})
    return "Taken out. From its next start it takes everybody."


def _end_holdout(visit: Visit, form: Form) -> str:
    _change_holdout(visit, form, {"kind": "endHoldout"})
    return "Ended. From now on nobody is held out."


STEPS: dict[str, Callable[[Visit, Form], str]] = {
    "make-layer": _make_layer,
    "make-holdout": _make_holdout,
    "reserve": _reserve,
    "take-out": _take_out,
    "leave-holdout": _leave_holdout,
    "end-holdout": _end_holdout,
}


def _change_holdout(visit: Visit, form: Form, instruction: dict[str, Any]) -> None:
    perform(
        visit,
        holdouts.patch_holdout,
        {"instructions": [instruction]},
        project=visit.project.key,
        environment=visit.environment.key,
        holdout=form.text("holdout"),
    )


def _named(form: Form) -> dict[str, Any]:
    name = form.text("name")
    if not name:
        raise InvalidRequest("give it a name")
    return {"name": name, "key": form.text("key") or key_of_name(name)}


def _page(visit: Visit, typed: Form, error: AssayError | None = None) -> Shown:
    project, environment = visit.project.key, visit.environment.key
    every = _experiments(visit)
    page = LayersPage(
        layers=tuple(_layer_row(visit, one, every) for one in project_layers(visit)),
        holdouts=tuple(_holdout_row(visit, one) for one in environment_holdouts(visit)),
        free=tuple((one.key, one.name) for one in every.values() if _is_free(visit, one)),
        units=visit.state.experimentation_settings(project).names,
        metrics=_metrics(visit),
        may_layer=may(visit, layers.create_layer, project=project),
        may_hold_out=may(visit, holdouts.create_holdout, project=project, environment=environment),
        home=visit.here("layers"),
        list=visit.here("experiments"),
        typed=typed,
    )
    status, text = (error.status, str(error)) if error else (200, "")
    return Page("layers.html", "Layers and holdouts", page, status, text[:1].upper() + text[1:])


def _experiments(visit: Visit) -> dict[str, Experiment]:
    """The environment's experiments by key."""
    every: list[Experiment] = list(visit.state.all("experiment", visit.project.key).values())
    here = visit.environment.key
    return {one.key: one for one in every if one.environment_key == here and one.type != "holdout"}


def _is_free(visit: Visit, experiment: Experiment) -> bool:
    if experiment.archived or experiment.running is not None:
        return False
    return layer_of(project_layers(visit), experiment) is None


def _member(visit: Visit, experiment: Experiment, percent: int = 0) -> Member:
    return Member(
        key=experiment.key,
        name=experiment.name,
        href=visit.here("experiments", experiment.key),
        running=experiment.running is not None,
        percent=percent,
    )


def _layer_row(visit: Visit, layer: Layer, every: dict[str, Experiment]) -> LayerRow:
    environment = visit.environment.key
    return LayerRow(
        key=layer.key,
        name=layer.name,
        description=layer.description,
        unit=layer.randomization_unit,
        left=share_left(layer, environment),
        members=tuple(
            _member(visit, every[one.experiment_key], one.reservation_percent)
            for one in layer.environments.get(environment, ())
            if one.experiment_key in every
        ),
        may_change=may(visit, layers.patch_layer, project=visit.project.key, layer=layer.key),
    )


def _holdout_row(visit: Visit, holdout: Holdout) -> HoldoutRow:
    project, inside = visit.project.key, related(visit.state, visit.project.key, holdout)
    place = {"project": project, "environment": visit.environment.key, "holdout": holdout.key}
    return HoldoutRow(
        key=holdout.key,
        name=holdout.name,
        description=holdout.description,
        amount=holdout.holdout_amount,
        unit=holdout.randomization_unit,
        status=status_of(holdout, inside),
        href=visit.here("experiments", holdout.flag_key),
        members=tuple(_member(visit, one) for one in inside),
        may_end=may(visit, holdouts.patch_holdout, **place),
    )


def _metrics(visit: Visit) -> tuple[tuple[str, str], ...]:
    every: list[Metric] = list(visit.state.all("metric", visit.project.key).values())
    names = ((one.key, one.name) for one in every if not one.archived)
    return tuple(sorted(names, key=lambda one: one[1].lower()))


VIEWS = (
    View("GET", PLACE + "/layers", show_layers, "experiments"),
    View("POST", PLACE + "/layers", change_layers, "experiments"),
)
