"""The founding document's two operations: read an experiment's results, reset them."""

from assay.analysis.pipeline import analyse
from assay.analysis.promises import flag_experiment_promise
from assay.api.call import Answer, Call, Operation
from assay.api.links import link
from assay.api.representations.results import FlagExperimentResultsRep, results_rep
from assay.errors import NotFound


def get_legacy_experiment_results(call: Call) -> Answer:
    """What one metric says of a flag's variations in one environment, from `from` to `to` (epoch ms)."""
    place = _place(call)
    promise = flag_experiment_promise(
        call.rooms.store, place, call.whole_number("from"), call.whole_number("to")
    )
    call.rooms.await_events()
    results = analyse(promise, call.rooms.engine)
    project, flag, *_ = place
    links = {
        "self": {"href": call.target, "type": "application/json"},
        "parent": link("flags", project, flag),
    }
    variations = call.rooms.store.state.flag(project, flag).variations
    return Answer(body=results_rep(results, variations, links))


def reset_legacy_experiment(call: Call) -> Answer:
    """From now on, events of before no longer exist for this metric on this flag in this environment."""
    project, flag, environment_key, metric = _place(call)
    with call.rooms.store.writing(call.actor) as transaction:
        state = transaction.state
        state.flag(project, flag)
        state.metric(project, metric)
        environment = state.environment(project, environment_key)
        if state.experiments(project, flag).item(metric) is None:
            raise NotFound(f"The flag {flag!r} has no experiment with the metric {metric!r}")
        target = f"{project}/{flag}/{environment_key}/{metric}"
        transaction.reset((environment.id, flag, metric), call.rooms.log.stamp(), target)
    return Answer(204)


def _place(call: Call) -> tuple[str, str, str, str]:
    path = call.path
    return path["project"], path["flag"], path["environment"], path["metric"]


FLAG = "/api/v2/flags/{project}/{flag}"
EXPERIMENT = FLAG + "/experiments/{environment}/{metric}"

OPERATIONS = (
    Operation(
        "GET",
        EXPERIMENT,
        "reader",
        get_legacy_experiment_results,
        results=True,
        answer=FlagExperimentResultsRep,
        query=("from", "to"),
    ),
    Operation("DELETE", EXPERIMENT + "/results", "writer", reset_legacy_experiment, status=204),
)
