"""A draft that is designed anew: the design form, filled with what is planned."""

from assay.api import experiments
from assay.dashboard.experiment_draft_form import draft_changes, form_of_draft, only_flag
from assay.dashboard.experiment_form import design_as_typed, design_faults
from assay.dashboard.pages.experiment import EXPERIMENT
from assay.dashboard.pages.experiment_changes import patch_experiment
from assay.dashboard.pages.experiment_design import design_page, fitted_form, flag_of, planned_iteration
from assay.dashboard.perform import check
from assay.dashboard.visit import SeeOther, Shown, View, Visit
from assay.errors import AssayError, InvalidRequest, NotFound
from assay.experiments.experiment import Experiment, Iteration


def show_draft(visit: Visit) -> Shown:
    experiment, draft = _edited(visit)
    flag = flag_of(visit, only_flag(draft))
    return design_page(visit, form_of_draft(experiment, draft, flag), edited=experiment)


def change_draft(visit: Visit) -> Shown:
    experiment, draft = _edited(visit)
    typed = fitted_form(visit, design_as_typed(visit.form))
    step = visit.form.text("do")
    if step != "save" or design_faults(typed):
        return design_page(visit, typed, edited=experiment, checked=step in ("save", "check"))
    try:
        planned = planned_iteration(visit, typed)
        changes = draft_changes(draft, typed.name, planned)
        patch_experiment(visit, experiment.key, [{"kind": "updateExperimentFields", "value": changes}])
    except AssayError as error:
        return design_page(visit, typed, edited=experiment, checked=True, error=error)
    return SeeOther(visit.here("experiments", experiment.key), "Saved. Nothing happens before it is started.")


def _edited(visit: Visit) -> tuple[Experiment, Iteration]:
    """The experiment of the page with its draft, for whoever may change it."""
    project, environment, key = visit.project.key, visit.environment.key, visit.path["experiment"]
    check(visit, experiments.patch_experiment, project=project, environment=environment, experiment=key)
    experiment: Experiment = visit.state.experiment(project, environment, key)
    draft = experiment.draft
    if draft is None:
        raise NotFound("The experiment has no draft; what has been started keeps its design")
    if not only_flag(draft):
        raise InvalidRequest("the draft uses several flags, which only the REST API can edit")
    return experiment, draft


VIEWS = (
    View("GET", EXPERIMENT + "/edit", show_draft, "experiments"),
    View("POST", EXPERIMENT + "/edit", change_draft, "experiments"),
)
