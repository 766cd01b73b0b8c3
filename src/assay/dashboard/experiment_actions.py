"""What can be done to an experiment now, and the words for it."""

from dataclasses import dataclass
from typing import Literal

from assay.api import experiments
from assay.dashboard.experiment_draft_form import only_flag
from assay.dashboard.numbers import percent, whole
from assay.dashboard.perform import may
from assay.dashboard.running import metric_name
from assay.dashboard.visit import Visit
from assay.dashboard.words import variation_label
from assay.experiments.experiment import Experiment, Iteration, Treatment
from assay.flags.model import Flag

ExperimentState = Literal["draft", "running", "stopped", "archived"]


@dataclass(frozen=True, slots=True)
class TreatmentChoice:
    """A treatment that can be shipped; `serves` is what everybody at its rules would get."""

    id: str
    index: int
    name: str
    baseline: bool
    serves: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class OffFlag:
    """A flag that must be on before the draft can start."""

    key: str
    name: str
    href: str


@dataclass(frozen=True, slots=True)
class ExperimentActions:
    """`reason`, `justification`, `name` and `description` are as they were typed where a form was refused.

    `edit`: where the draft's design can be changed; empty where there is none, or the form couldn't show it.
    """

    href: str
    edit: str
    state: ExperimentState
    may_change: bool
    has_draft: bool
    planned: tuple[tuple[str, str], ...]
    off: tuple[OffFlag, ...]
    choices: tuple[TreatmentChoice, ...]
    rest: str
    reshuffles: bool
    reason: str
    justification: str
    title: str
    name: str
    description: str


def experiment_actions(visit: Visit, experiment: Experiment) -> ExperimentActions:
    """The forms of the experiment's page."""
    place = {"project": visit.project.key, "environment": visit.environment.key, "experiment": experiment.key}
    draft, running = experiment.draft, experiment.running
    next_one = draft or experiment.current
    form = visit.form
    renaming = form.text("do") == "rename"
    return ExperimentActions(
        href=visit.here("experiments", experiment.key, "do"),
        edit=visit.here("experiments", experiment.key, "edit") if draft and only_flag(draft) else "",
        state=state_of(experiment),
        may_change=may(visit, experiments.patch_experiment, **place),
        has_draft=draft is not None,
        planned=_planned(visit, draft) if draft else (),
        off=off_flags(visit, next_one) if next_one and not running else (),
        choices=tuple(_choices(visit, running)) if running else (),
        rest=_rest(visit, running) if running else "",
        reshuffles=next_one is not None and next_one.can_reshuffle_traffic,
        reason=form.raw("reason"),
        justification=form.raw("justification"),
        title=experiment.name,
        name=form.text("name") if renaming else experiment.name,
        description=form.raw("description") if renaming else experiment.description,
    )


def state_of(experiment: Experiment) -> ExperimentState:
    """In one word: a draft is what never ran."""
    if experiment.archived:
        return "archived"
    if experiment.running is not None:
        return "running"
    return "stopped" if experiment.current is not None else "draft"


def off_flags(visit: Visit, iteration: Iteration) -> tuple[OffFlag, ...]:
    """The iteration's flags that are off in the page's environment."""
    flags: list[Flag] = [
        flag
        for key in iteration.flags
        if (flag := visit.state.find(("flag", visit.project.key, key))) is not None
    ]
    return tuple(
        OffFlag(flag.key, flag.name, visit.here("flags", flag.key))
        for flag in flags
        if not flag.environments[visit.environment.key].on
    )


def served_by(visit: Visit, treatment: Treatment) -> tuple[str, ...]:
    """What the treatment's units get, one label for each flag that still has the variation."""
    return tuple(
        label
        for parameter in treatment.parameters
        if (label := _label(visit, parameter.flag_key, parameter.variation_id))
    )


def _planned(visit: Visit, draft: Iteration) -> tuple[tuple[str, str], ...]:
    """What it is measured by and for how long, in words."""
    names = {one.key: metric_name(visit, one) for one in draft.metrics}
    others = [names[one.key] for one in draft.metrics if not one.primary and not one.guardrail]
    guardrails = [names[one.key] for one in draft.metrics if one.guardrail]
    plan = draft.plan
    length = "Open-ended" if plan.horizon_units is None else f"Up to {whole(plan.horizon_units)} units"
    found = f"{length}; to find a lift of {percent(plan.minimum_lift)} with {percent(plan.power, 0)} power"
    rows = (
        ("Decided by", names[draft.primary.key] if draft.primary else ""),
        ("Also measured", ", ".join(others)),
        ("Guardrails", ", ".join(guardrails)),
        ("Sliced by", ", ".join(draft.attributes)),
        ("Plan", found),
    )
    return tuple((name, text) for name, text in rows if text)


def _choices(visit: Visit, running: Iteration) -> list[TreatmentChoice]:
    return [
        TreatmentChoice(
            id=one.id,
            index=index,
            name=one.name,
            baseline=one.baseline,
            serves=", ".join(served_by(visit, one)),
            chosen=visit.form.text("treatment") == one.id,
        )
        for index, one in enumerate(running.treatments)
    ]


def _rest(visit: Visit, running: Iteration) -> str:
    """What everybody gets where it is stopped and nothing shipped."""
    baseline = running.baseline
    labels = [
        _label(visit, key, use.not_in_experiment_variation_id)
        for key, use in running.flags.items()
        if use.not_in_experiment_variation_id
    ]
    return ", ".join(filter(None, labels)) or (", ".join(served_by(visit, baseline)) if baseline else "")


def _label(visit: Visit, flag_key: str, variation_id: str) -> str:
    flag: Flag | None = visit.state.find(("flag", visit.project.key, flag_key))
    ids = [variation.id for variation in flag.variations] if flag else []
    return variation_label(flag, ids.index(variation_id)) if flag and variation_id in ids else ""
