"""What a patch of an experiment asks for: each instruction is a pure function from an experiment to the next."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from assay.errors import Conflict, InvalidRequest
from assay.experiments.admission import admitting
from assay.experiments.drafts import Surroundings, check_runnable, pinned
from assay.experiments.editing import edited, text
from assay.experiments.experiment import Experiment, Iteration
from assay.experiments.rollout import fresh_slices, moved_slices, treatment_weights

Instruction = Mapping[str, Any]
Change = Callable[[Experiment, Surroundings, Instruction], Experiment]


def apply_instructions(experiment: Experiment, around: Surroundings, instructions: list[Any]) -> Experiment:
    """The experiment after all `instructions`, in order; none of them is applied where one is refused."""
    for raw in instructions:
        if not isinstance(raw, dict) or not isinstance(raw.get("kind"), str):
            raise InvalidRequest("an instruction is an object with a kind")
        change = CHANGES.get(raw["kind"].lower())
        if change is None:
            known = ", ".join(sorted(KINDS))
            raise InvalidRequest(f"unknown instruction {raw['kind'][:60]!r}; known are {known}")
        experiment = change(experiment, around, {name.lower(): value for name, value in raw.items()})
    return experiment


def with_draft(experiment: Experiment, draft: Iteration) -> Experiment:
    """The experiment with the draft, in place of the one it may have had."""
    _require_active(experiment)
    started = tuple(one for one in experiment.iterations if one.status != "not_started")
    return replace(experiment, iterations=(*started, draft))


def _start(experiment: Experiment, around: Surroundings, instruction: Instruction) -> Experiment:
    _require_active(experiment)
    draft, running = experiment.draft, experiment.running
    if draft is None:
        raise InvalidRequest(
            "there is no draft to start, and what has stopped can't start again: "
            "make one with POST …/iterations, or send saveAndStartNewIteration"
        )
    why = text(instruction, "changejustification", default="")
    if running is not None and not why:
        raise InvalidRequest("an iteration is running: changeJustification says why the new one replaces it")
    if running is not None:
        experiment = _with(experiment, _stopped(running, around))
    started = _started(replace(draft, change_justification=why), experiment, around)
    return _with(experiment, started)


def _started(draft: Iteration, experiment: Experiment, around: Surroundings) -> Iteration:
    """The draft as it runs: definitions frozen, units assigned to treatments."""
    check_runnable(draft, around)
    if not draft.metrics and experiment.methodology != "export_only":
        raise InvalidRequest("name at least one metric, unless the methodology is export_only")
    weights = treatment_weights(draft.treatments)
    if not any(weights.values()):
        raise InvalidRequest("no treatment gets any units: give at least one an allocationPercent above 0")
    for key in draft.flags:
        if not around.flags[key].environments[around.environment].on:
            raise InvalidRequest(f"the flag {key!r} is off in {around.environment}; turn it on first")
    draft = admitting(draft, experiment, around)
    before = experiment.current
    kept = before is not None and before.seed is not None and not draft.can_reshuffle_traffic
    baseline = draft.baseline
    return replace(
        draft,
        status="running",
        started_at=around.now_ms,
        metrics=pinned(draft.metrics, around),
        seed=before.seed if before and kept else around.new_seed(),
        slices=moved_slices(weights, before.slices)
        if before and kept
        else fresh_slices(weights, baseline.id if baseline else ""),
    )


def _stop(experiment: Experiment, around: Surroundings, instruction: Instruction) -> Experiment:
    running = experiment.running
    if running is None:
        raise InvalidRequest("no iteration is running, so there is none to stop")
    winner = text(instruction, "winningtreatmentid", default="")
    if winner and winner not in {one.id for one in running.treatments}:
        known = ", ".join(one.id for one in running.treatments)
        raise InvalidRequest(f"winningTreatmentId is one of {known}, not {winner[:60]!r}")
    reason = text(instruction, "winningreason", default="")
    stopped = replace(_stopped(running, around), winning_treatment_id=winner, winning_reason=reason)
    return _with(experiment, stopped)


def _stopped(running: Iteration, around: Surroundings) -> Iteration:
    return replace(running, status="stopped", ended_at=max(around.now_ms, running.started_at or 0))


def _save_and_start(experiment: Experiment, around: Surroundings, instruction: Instruction) -> Experiment:
    _require_active(experiment)
    source = experiment.draft or experiment.current
    if source is None:
        raise InvalidRequest("there is no iteration to start from; make one with POST …/iterations")
    if experiment.running is not None:
        experiment = _with(experiment, _stopped(experiment.running, around))
    if experiment.draft is None:
        experiment = with_draft(experiment, _copied(source, around))
    changes = instruction.get("value")
    if changes is not None:
        experiment = edited(experiment, around, changes)
    return _start(experiment, around, instruction)


def _copied(source: Iteration, around: Surroundings) -> Iteration:
    """A draft with the same definition; nothing of how it went."""
    return Iteration(
        id=around.new_id(),
        hypothesis=source.hypothesis,
        created_at=around.now_ms,
        can_reshuffle_traffic=source.can_reshuffle_traffic,
        randomization_unit=source.randomization_unit,
        treatments=source.treatments,
        metrics=source.metrics,
        flags={key: replace(use, first_version=None, end_version=None) for key, use in source.flags.items()},
        attributes=source.attributes,
        reallocation_frequency_millis=source.reallocation_frequency_millis,
        covariate_id=source.covariate_id,
        plan=source.plan,
    )


def _update_fields(experiment: Experiment, around: Surroundings, instruction: Instruction) -> Experiment:
    return edited(experiment, around, instruction.get("value"))


def _update_name(experiment: Experiment, around: Surroundings, instruction: Instruction) -> Experiment:
    return edited(experiment, around, {"name": {"operation": "update", "value": instruction.get("value")}})


def _update_description(experiment: Experiment, around: Surroundings, instruction: Instruction) -> Experiment:
    change = {"operation": "update", "value": instruction.get("value")}
    return edited(experiment, around, {"description": change})


def _archive(experiment: Experiment, around: Surroundings, instruction: Instruction) -> Experiment:
    if experiment.running is not None:
        raise Conflict("an iteration is running; stop it before the experiment is archived")
    return experiment if experiment.archived else replace(experiment, archived_date=around.now_ms)


def _restore(experiment: Experiment, around: Surroundings, instruction: Instruction) -> Experiment:
    return replace(experiment, archived_date=None)


KINDS: dict[str, Change] = {
    "startIteration": _start,
    "stopIteration": _stop,
    "saveAndStartNewIteration": _save_and_start,
    "updateExperimentFields": _update_fields,
    "updateName": _update_name,
    "updateDescription": _update_description,
    "archiveExperiment": _archive,
    "restoreExperiment": _restore,
}
CHANGES = {kind.lower(): change for kind, change in KINDS.items()}


def _require_active(experiment: Experiment) -> None:
    if experiment.archived:
        raise Conflict("the experiment is archived; send restoreExperiment first")


def _with(experiment: Experiment, iteration: Iteration) -> Experiment:
    """The experiment with the iteration in the place of the one with its id."""
    iterations = tuple(iteration if one.id == iteration.id else one for one in experiment.iterations)
    return replace(experiment, iterations=iterations)
