"""What is done to an experiment from its page: started, stopped, shipped, run again, put away, renamed."""

from dataclasses import replace
from typing import Any

from assay.api import experiments, feature_flags
from assay.dashboard.experiment_actions import off_flags
from assay.dashboard.forms import Form
from assay.dashboard.pages.experiment import EXPERIMENT, show_experiment, viewed
from assay.dashboard.perform import perform
from assay.dashboard.visit import Page, SeeOther, Shown, View, Visit
from assay.errors import AssayError, InvalidRequest
from assay.experiments.experiment import Experiment

Instructions = list[dict[str, Any]]

SIMPLE = {"archive": "archiveExperiment", "restore": "restoreExperiment"}
NOTICES = {
    "start": "Started. Results appear here as events arrive.",
    "stop": "Stopped. Nothing was shipped.",
    "ship": "Shipped: everybody gets it from now on.",
    "iterate": "A new iteration runs. It counts from now.",
    "archive": "Archived. Its results stay.",
    "restore": "Restored.",
    "rename": "Saved.",
}


def change_experiment(visit: Visit) -> Shown:
    """Does what the form's field `do` says, and goes back; where it is refused, says why beside the forms."""
    experiment, step = viewed(visit), visit.form.text("do")
    try:
        instructions = _instructions(step, visit.form)
        if step == "start" and visit.form.ticked("turn_on"):
            start_with_flags_on(visit, experiment, instructions)
        else:
            patch_experiment(visit, experiment.key, instructions)
    except AssayError as error:
        shown = show_experiment(visit)
        if not isinstance(shown, Page):
            return shown
        return replace(shown, status=error.status, error=spoken(error))
    return SeeOther(visit.here("experiments", experiment.key), NOTICES[step])


def patch_experiment(visit: Visit, key: str, instructions: Instructions) -> None:
    perform(
        visit,
        experiments.patch_experiment,
        {"instructions": instructions},
        project=visit.project.key,
        environment=visit.environment.key,
        experiment=key,
    )


def start_with_flags_on(visit: Visit, experiment: Experiment, instructions: Instructions) -> None:
    """Turns the experiment's flags on first, and off again where it can't start."""
    iteration = experiment.draft or experiment.current
    off = {one.key for one in off_flags(visit, iteration)} if iteration else set()
    turned: list[str] = []
    try:
        for key in sorted(off):
            _switch(visit, key, on=True)
            turned.append(key)
        patch_experiment(visit, experiment.key, instructions)
    except AssayError:
        for key in turned:
            _switch(visit, key, on=False)
        raise


def spoken(error: AssayError) -> str:
    """The error as a sentence."""
    text = str(error)
    return text[:1].upper() + text[1:]


def _switch(visit: Visit, key: str, *, on: bool) -> None:
    path = f"/environments/{visit.environment.key.replace('~', '~0').replace('/', '~1')}/on"
    body = {"patch": [{"op": "replace", "path": path, "value": on}]}
    perform(visit, feature_flags.patch_flag, body, project=visit.project.key, flag=key)


def _instructions(step: str, form: Form) -> Instructions:
    """What the REST API is asked for; `InvalidRequest` where the form leaves out what it takes."""
    if step in SIMPLE:
        return [{"kind": SIMPLE[step]}]
    why, reason = form.text("justification"), form.text("reason")
    if step == "start":
        return [{"kind": "startIteration", **({"changeJustification": why} if why else {})}]
    if step == "stop":
        return [{"kind": "stopIteration", "winningReason": reason}]
    if step == "ship":
        winner = form.text("treatment")
        if not winner:
            raise InvalidRequest("choose the treatment that everybody is to get")
        return [{"kind": "stopIteration", "winningTreatmentId": winner, "winningReason": reason}]
    if step == "iterate":
        return [_iterate(why, reshuffle=form.ticked("reshuffle"))]
    if step == "rename":
        described = {"kind": "updateDescription", "value": form.raw("description")}
        return [{"kind": "updateName", "value": form.text("name")}, described]
    raise InvalidRequest("choose what to do with the experiment")


def _iterate(why: str, *, reshuffle: bool) -> dict[str, Any]:
    if not why:
        raise InvalidRequest("say why a new iteration is started: what was learned, or what went wrong")
    changes = {"canReshuffleTraffic": {"operation": "update", "value": reshuffle}}
    return {"kind": "saveAndStartNewIteration", "changeJustification": why, "value": changes}


VIEWS = (View("POST", EXPERIMENT + "/do", change_experiment, "experiments"),)
