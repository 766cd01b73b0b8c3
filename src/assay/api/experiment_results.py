"""Results of an experiment's iterations: ours for all metrics at once, and the body that clients 9 to 17 read."""

import time

from assay.analysis.experiment_results import FailedMetric, IterationResults, MetricResults
from assay.analysis.iterations import IterationPromise, Narrowing, Place, iteration_promise
from assay.api.call import Answer, Call, Operation
from assay.api.links import Links, link
from assay.api.representations.bayesian_results import (
    BayesianResultsRep,
    GroupResultsRep,
    bayesian_results_rep,
)
from assay.api.representations.experiment_results import ExperimentResultsRep, experiment_results_rep
from assay.api.representations.metric_groups import metric_group_rep
from assay.errors import InvalidRequest, NotFound

EXPERIMENT = "/api/v2/projects/{project}/environments/{environment}/experiments/{experiment}"

# Longer names are no attribute of anybody's.
LONGEST_ATTRIBUTE = 200


def get_experiment_results(call: Call) -> Answer:
    """Every metric of the iteration: effects, intervals that hold at every look, verdicts, health, and how."""
    metric = call.query.get("metric", "")
    promise, results = analysed(call)
    keys = {name for one in results.metrics for name in (one.label.key, one.label.group)}
    if metric and metric not in keys:
        raise NotFound(f"The iteration is not measured by the metric {metric[:60]!r}")
    body = experiment_results_rep(
        results,
        call.path["experiment"],
        _links(call),
        wanted={"metric": metric, "series": call.boolean("series")},
        sliced_by=promise.slice_by,
    )
    return Answer(body=body)


def get_metric_results(call: Call) -> Answer:
    """One metric of the iteration in LaunchDarkly's Bayesian shape."""
    _, results = analysed(call)
    found = metric_of(results, call.path["metric"])
    return Answer(body=bayesian_results_rep(results, found, _links(call)))


def get_metric_group_results(call: Call) -> Answer:
    """The metrics of a group, a funnel's steps in their order, in LaunchDarkly's Bayesian shape."""
    _, results = analysed(call)
    project, key = call.path["project"], call.path["group"]
    group = call.rooms.store.state.metric_group(project, key)
    found = {one.label.key: one for one in results.metrics if one.label.group == key}
    if not found:
        raise NotFound(f"The iteration is not measured by the metric group {key[:60]!r}")
    rep = metric_group_rep(call.rooms.store.state, project, group)
    rows = [
        {"metric": metric, "results": bayesian_results_rep(results, found[metric["key"]], _links(call))}
        for metric in rep["metrics"]
        if metric["key"] in found
    ]
    return Answer(body={"_links": _links(call), "metrics": rows})


def analysed(call: Call) -> tuple[IterationPromise, IterationResults]:
    """The results that the call asks for, of every event acked before it."""
    promise = promised(call)
    call.rooms.await_events()
    return promise, call.rooms.results.results(promise, call.rooms.engine)


def promised(call: Call) -> IterationPromise:
    """What the call's path and query ask to be analysed."""
    slice_by = call.query.get("sliceBy")
    if slice_by is not None and not 0 < len(slice_by) <= LONGEST_ATTRIBUTE:
        raise InvalidRequest(f"sliceBy names an attribute, in at most {LONGEST_ATTRIBUTE} characters")
    return iteration_promise(
        call.rooms.store.state,
        place_of(call),
        now_ms=time.time_ns() // 1_000_000,
        narrowing=Narrowing(call.whole_number("from"), call.whole_number("to"), slice_by),
    )


def place_of(call: Call) -> Place:
    """Which iteration the call is about."""
    path = call.path
    return path["project"], path["environment"], path["experiment"], call.query.get("iterationId", "")


def metric_of(results: IterationResults, key: str) -> MetricResults | FailedMetric:
    """One metric; raises `NotFound` where the iteration isn't measured by it."""
    for one in results.metrics:
        if one.label.key == key:
            return one
    raise NotFound(f"The iteration is not measured by the metric {key[:60]!r}")


def _links(call: Call) -> Links:
    path = call.path
    parent = ("projects", path["project"], "environments", path["environment"])
    return {
        "self": {"href": call.target, "type": "application/json"},
        "parent": link(*parent, "experiments", path["experiment"]),
    }


OPERATIONS = (
    Operation(
        "GET",
        EXPERIMENT + "/results",
        "reader",
        get_experiment_results,
        results=True,
        answer=ExperimentResultsRep,
        query=("iterationId", "from", "to", "metric", "sliceBy", "series"),
    ),
    Operation(
        "GET",
        EXPERIMENT + "/metrics/{metric}/results",
        "reader",
        get_metric_results,
        results=True,
        answer=BayesianResultsRep,
        query=("iterationId", "expand"),
    ),
    Operation(
        "GET",
        EXPERIMENT + "/metric-groups/{group}/results",
        "reader",
        get_metric_group_results,
        results=True,
        answer=GroupResultsRep,
        query=("iterationId",),
    ),
)
