"""A design on one page, with what it takes: a new experiment's, or a draft's that is edited."""

from dataclasses import dataclass, replace
from typing import Any

from assay.api import experiments, feature_flags
from assay.dashboard.addresses import PLACE
from assay.dashboard.experiment_forecast import Forecast, forecast_of
from assay.dashboard.experiment_form import (
    GROUP,
    PLANS,
    ROLES,
    DesignForm,
    design_as_typed,
    design_faults,
    fitted,
    horizon_units,
    iteration_body,
)
from assay.dashboard.experiment_links import rule_owners
from assay.dashboard.layer_places import (
    environment_holdouts,
    place_in_layer,
    project_layers,
    share_left,
)
from assay.dashboard.pages.experiment_changes import patch_experiment, spoken, start_with_flags_on
from assay.dashboard.pages.flags import key_of_name
from assay.dashboard.perform import check, may, perform
from assay.dashboard.visit import Page, SeeOther, Shown, View, Visit
from assay.dashboard.words import place_words, rule_words
from assay.errors import AssayError
from assay.experiments.experiment import FALLTHROUGH, Experiment
from assay.experiments.metric import Metric
from assay.flags.model import Flag
from assay.warehouse.queries.contexts import attribute_names

MOST_ATTRIBUTES = 12


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class MetricChoice:
    """A metric or a group of them. `unfit`: says that its events aren't said to carry the experiment's unit."""

    key: str
    name: str
    better: str
    role: str
    primary: bool
    unfit: str
    may_decide: bool = True


@dataclass(frozen=True, slots=True)
class DesignPage:
    """`faults` stand beside their fields; `off`: the flag is off; `version`: the flag's, as it is shown.

    `edited` is the name of the experiment whose draft it is; empty for a new one.
    """

    edited: str
    form: DesignForm
    faults: dict[str, str]
    flags: tuple[Choice, ...]
    places: tuple[Choice, ...]
    taken_by: str
    units: tuple[Choice, ...]
    layers: tuple[Choice, ...]
    holdouts: tuple[Choice, ...]
    sharing: str
    metrics: tuple[MetricChoice, ...]
    roles: dict[str, str]
    plans: dict[str, str]
    seen_attributes: tuple[str, ...]
    forecast: Forecast | None
    flag_name: str
    flag_href: str
    off: bool
    version: int
    home: str
    back: str
    list: str
    new_flag: str
    new_metric: str


def new_experiment(visit: Visit) -> Shown:
    _check_may(visit)
    return design_page(
        visit,
        DesignForm(flag=visit.query.text("flag"), primary=visit.query.text("metric"), turn_on=True),
    )


def create_experiment(visit: Visit) -> Shown:
    _check_may(visit)
    form, step = visit.form, visit.form.text("do")
    typed = fitted_form(visit, design_as_typed(form))
    if step not in ("create", "start"):
        return design_page(visit, typed, checked=step == "check")
    if design_faults(typed):
        return design_page(visit, typed, checked=True)
    try:
        key = _created(visit, typed)
    except AssayError as error:
        return design_page(visit, typed, checked=True, error=error)
    href = visit.here("experiments", key)
    try:
        place_in_layer(visit, _experiment(visit, key), typed)
    except AssayError as error:
        return SeeOther(href, f"It is made, but not in the layer, and not started. {spoken(error)}.")
    if step == "create":
        return SeeOther(href, "It is made. Nothing happens before it is started.")
    try:
        _start(visit, key, turn_on=typed.turn_on)
    except AssayError as error:
        return SeeOther(href, f"It is made, but not started. {spoken(error)}.")
    return SeeOther(href, "Started. Results appear here as events arrive.")


def _check_may(visit: Visit) -> None:
    place = {"project": visit.project.key, "environment": visit.environment.key}
    check(visit, experiments.create_experiment, **place)


def planned_iteration(visit: Visit, typed: DesignForm) -> dict[str, Any]:
    """The design as the REST API takes it; a horizon left empty is the size that is needed."""
    horizon = horizon_units(typed)
    if typed.plan == "horizon" and horizon is None:
        found = forecast_of(visit, typed, _metric(visit, typed.primary))
        horizon = found.size if found else None
    return iteration_body(typed, visit.form.version(), horizon=horizon)


def _created(visit: Visit, typed: DesignForm) -> str:
    iteration = planned_iteration(visit, typed)
    body: dict[str, Any] = {"name": typed.name, "key": typed.key or key_of_name(typed.name)}
    body |= {"iteration": iteration, "holdoutId": typed.holdout}
    perform(
        visit,
        experiments.create_experiment,
        body,
        project=visit.project.key,
        environment=visit.environment.key,
    )
    return str(body["key"])


def _start(visit: Visit, key: str, *, turn_on: bool) -> None:
    instructions = [{"kind": "startIteration"}]
    if not turn_on:
        patch_experiment(visit, key, instructions)
        return
    start_with_flags_on(visit, _experiment(visit, key), instructions)


def _experiment(visit: Visit, key: str) -> Experiment:
    return visit.state.experiment(visit.project.key, visit.environment.key, key)


def fitted_form(visit: Visit, typed: DesignForm) -> DesignForm:
    """The form with the rows of its flag, and a unit that the project knows."""
    settings = visit.state.experimentation_settings(visit.project.key)
    typed = replace(typed, unit=typed.unit if typed.unit in settings.names else settings.default)
    flag = flag_of(visit, typed.flag)
    if flag is None:
        return replace(typed, flag="", treatments=())
    return fitted(typed, flag, flag.environments[visit.environment.key])


def design_page(
    visit: Visit,
    typed: DesignForm,
    *,
    edited: Experiment | None = None,
    checked: bool = False,
    error: AssayError | None = None,
) -> Shown:
    """The form as it was typed; `edited`: the experiment whose draft it is."""
    typed = fitted_form(visit, typed)
    flag = flag_of(visit, typed.flag)
    back = visit.here("experiments", *((edited.key,) if edited else ()))
    config = flag.environments[visit.environment.key] if flag else None
    faults = design_faults(typed) if checked else {}
    text = spoken(error) if error else "Some fields need another look." if faults else ""
    page = DesignPage(
        edited=edited.name if edited else "",
        form=typed,
        faults=faults,
        flags=tuple(_flags(visit, typed)),
        places=tuple(_places(visit, flag, typed)) if flag else (),
        taken_by=_owner(visit, flag, typed.rule) if flag else "",
        units=tuple(_units(visit, typed)),
        layers=tuple(_layers(visit, typed, edited)),
        holdouts=tuple(_holdouts(visit, typed)),
        sharing=visit.here("layers"),
        metrics=(*_metrics(visit, typed), *_groups(visit, typed)),
        roles=ROLES,
        plans=PLANS,
        seen_attributes=_attributes(visit, typed.unit),
        forecast=forecast_of(visit, typed, _metric(visit, typed.primary)),
        flag_name=flag.name if flag else "",
        flag_href=visit.here("flags", flag.key) if flag else "",
        off=config is not None and not config.on,
        version=config.version if config else 0,
        home=visit.here("experiments", edited.key, "edit") if edited else visit.here("new-experiment"),
        back=back,
        list=visit.here("experiments"),
        new_flag=visit.here("new-flag")
        if may(visit, feature_flags.create_flag, project=visit.project.key)
        else "",
        new_metric=visit.here("new-metric"),
    )
    status = error.status if error else 400 if faults else 200
    title = f"Edit {edited.name}" if edited else "New experiment"
    return Page("experiment_design.html", title, page, status, text)


def flag_of(visit: Visit, key: str) -> Flag | None:
    """The flag, where there is one that isn't archived."""
    flag: Flag | None = visit.state.find(("flag", visit.project.key, key)) if key else None
    return None if flag is None or flag.archived else flag


def _metric(visit: Visit, key: str) -> Metric | None:
    metric: Metric | None = visit.state.find(("metric", visit.project.key, key)) if key else None
    return metric


def _flags(visit: Visit, typed: DesignForm) -> list[Choice]:
    flags: list[Flag] = list(visit.state.all("flag", visit.project.key).values())
    shown = sorted((one for one in flags if not one.archived), key=lambda one: one.name.lower())
    return [
        Choice(one.key, one.name if one.name == one.key else f"{one.name} ({one.key})", one.key == typed.flag)
        for one in shown
    ]


def _places(visit: Visit, flag: Flag, typed: DesignForm) -> list[Choice]:
    config = flag.environments[visit.environment.key]
    rest = f"Everybody else: the default rule (now: {place_words(flag, config.fallthrough)})"
    choices = [Choice(FALLTHROUGH, rest, typed.rule == FALLTHROUGH)]
    for number, rule in enumerate(config.rules, 1):
        label = f"Rule {number}: {rule.description or rule_words(rule)} (now: {place_words(flag, rule)})"
        choices.append(Choice(rule.id, label, typed.rule == rule.id))
    return choices


def _owner(visit: Visit, flag: Flag, rule_id: str) -> str:
    """The name of the experiment that runs at the rule."""
    owners = rule_owners(visit, flag.key, flag.environments[visit.environment.key])
    return next((one.name for one in owners if one.rule_id == rule_id), "")


def _units(visit: Visit, typed: DesignForm) -> list[Choice]:
    settings = visit.state.experimentation_settings(visit.project.key)
    return [Choice(name, name, name == typed.unit) for name in settings.names]


def _layers(visit: Visit, typed: DesignForm, edited: Experiment | None) -> list[Choice]:
    """`edited`: whose own share of a layer counts as free."""
    but, here = edited.key if edited else "", visit.environment.key
    return [
        Choice(one.key, f"{one.name} ({share_left(one, here, but=but)} % free)", one.key == typed.layer)
        for one in project_layers(visit)
    ]


def _holdouts(visit: Visit, typed: DesignForm) -> list[Choice]:
    return [
        Choice(one.id, f"{one.name} ({one.holdout_amount} %)", one.id == typed.holdout)
        for one in environment_holdouts(visit)
        if one.ended_at is None or one.id == typed.holdout
    ]


def _metrics(visit: Visit, typed: DesignForm) -> list[MetricChoice]:
    chosen = {typed.primary, *(key for key, role in typed.roles if role)}
    every: list[Metric] = [
        one
        for one in visit.state.all("metric", visit.project.key).values()
        if not one.archived or one.key in chosen
    ]
    return [
        MetricChoice(
            key=one.key,
            name=one.name,
            better="lower is better" if one.lower_is_better else "higher is better",
            role=typed.role(one.key),
            primary=one.key == typed.primary,
            unfit="" if typed.unit in one.units else f"its events are of {', '.join(one.units)}",
        )
        for one in sorted(every, key=lambda one: one.name.lower())
    ]


def _groups(visit: Visit, typed: DesignForm) -> list[MetricChoice]:
    """Of groups, only a funnel can decide."""
    every = sorted(visit.state.metric_groups(visit.project.key).values(), key=lambda one: one.name.lower())
    return [
        MetricChoice(
            key=GROUP + one.key,
            name=one.name,
            better=f"a {'funnel' if one.kind == 'funnel' else 'group'} of {len(one.metrics)} metrics",
            role=typed.role(GROUP + one.key),
            primary=GROUP + one.key == typed.primary,
            unfit="",
            may_decide=one.kind == "funnel",
        )
        for one in every
    ]


def _attributes(visit: Visit, unit: str) -> tuple[str, ...]:
    rows = visit.rooms.engine.rows(attribute_names(visit.environment.id, unit, "", MOST_ATTRIBUTES))
    return tuple(name for _, name, _ in rows if name not in ("key", "anonymous"))


VIEWS = (
    View("GET", PLACE + "/new-experiment", new_experiment, "experiments"),
    View("POST", PLACE + "/new-experiment", create_experiment, "experiments"),
)
