"""A draft as the design form shows it, and what the form changes of it."""

from typing import Any

from assay.dashboard.experiment_form import GROUP, DesignForm, TreatmentForm
from assay.dashboard.words import variation_label
from assay.experiments.experiment import Experiment, Iteration, MeasuredBy
from assay.flags.model import Flag


def only_flag(draft: Iteration) -> str:
    """The key of the draft's flag; empty where it uses several, which the form can't show."""
    keys = list(draft.flags)
    return keys[0] if len(keys) == 1 else ""


def form_of_draft(experiment: Experiment, draft: Iteration, flag: Flag | None) -> DesignForm:
    """`flag` is the draft's only one; None where it is gone, so that another is to be chosen."""
    primary, plan, baseline = draft.primary, draft.plan, draft.baseline
    return DesignForm(
        name=experiment.name,
        key=experiment.key,
        hypothesis=draft.hypothesis,
        flag=flag.key if flag else "",
        rule=draft.flags[flag.key].rule_id if flag else "",
        unit=draft.randomization_unit,
        treatments=_rows(draft, flag) if flag else (),
        baseline=baseline.parameters[0].variation_id if baseline and baseline.parameters else "",
        primary=_reference(primary) if primary else "",
        roles=tuple(
            (_reference(one), "guardrail" if one.guardrail else "secondary")
            for one in draft.metrics
            if not one.primary
        ),
        attributes=", ".join(draft.attributes),
        plan="open" if plan.horizon_units is None else "horizon",
        horizon="" if plan.horizon_units is None else str(plan.horizon_units),
        power=f"{100 * plan.power:.10g}",
        lift=f"{100 * plan.minimum_lift:.10g}",
    )


def draft_changes(draft: Iteration, name: str, planned: dict[str, Any]) -> dict[str, Any]:
    """`value` of the instruction updateExperimentFields; what the form can't show stays as it was."""
    plan = planned["assay"] | {"covariateDays": draft.plan.covariate_days}
    flags = {
        key: use | _kept_of_flag(draft, key) if key in draft.flags else use
        for key, use in planned["flags"].items()
    }
    values = {"name": name} | planned | {"assay": plan, "flags": flags}
    return {field: {"operation": "update", "value": value} for field, value in values.items()}


def _kept_of_flag(draft: Iteration, key: str) -> dict[str, Any]:
    outside = draft.flags[key].not_in_experiment_variation_id
    return {"notInExperimentVariationId": outside} if outside else {}


def _reference(metric: MeasuredBy) -> str:
    return f"{GROUP if metric.is_group else ''}{metric.key}"


def _rows(draft: Iteration, flag: Flag) -> tuple[TreatmentForm, ...]:
    """A row for each of the flag's variations, with what the draft plans of it."""
    planned = {one.parameters[0].variation_id: one for one in draft.treatments if one.parameters}
    rows = []
    for index, variation in enumerate(flag.variations):
        label, one = variation_label(flag, index), planned.get(variation.id)
        rows.append(
            TreatmentForm(
                variation_id=variation.id,
                label=label,
                name=one.name if one else label,
                percent=one.allocation_percent if one else "0",
                taken=one is not None,
            )
        )
    return tuple(rows)
