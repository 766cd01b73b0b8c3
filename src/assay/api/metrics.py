"""Metrics: /api/v2/metrics."""

import secrets
from typing import Any

import msgspec
from msgspec.structs import replace

from assay.api.call import Answer, Call, Operation
from assay.api.links import listing, page_of
from assay.api.patching import converted, only_json, parse_patch, patched
from assay.api.representations.flags import flags_with_metric
from assay.api.representations.metrics import attached_features, metric_rep
from assay.errors import Conflict, InvalidRequest
from assay.experiments.metric import Metric
from assay.experiments.metric_rules import CRITERIA, check_metric
from assay.flags.validation import require_key
from assay.store.store import require_absent

WRITABLE = (
    *("kind", "name", "description", "isNumeric", "isActive", "unit", "eventKey", "successCriteria", "tags"),
    *("selector", "urls", "unitAggregationType", "maintainerId", "windowStartOffset", "windowEndOffset"),
)


def list_metrics(call: Call) -> Answer:
    state, project = call.rooms.store.state, call.path["project"]
    state.project(project)
    metrics = list(state.all("metric", project).values())
    page = page_of(metrics, call.whole_number("limit"), call.whole_number("offset"))
    return Answer(body=listing([_rep(call, metric) for metric in page], len(metrics), "metrics", project))


def get_metric(call: Call) -> Answer:
    state, project = call.rooms.store.state, call.path["project"]
    metric = state.metric(project, call.path["metric"])
    flags = [(key, state.flag(project, key).name) for key in flags_with_metric(state, project, metric.key)]
    features = {"_attachedFeatures": attached_features(project, flags)} if call.modern else {}
    return Answer(body=_rep(call, metric) | features)


def create_metric(call: Call) -> Answer:
    body, project = call.object(), call.path["project"]
    key = require_key(body.get("key"), "A metric's")
    with call.rooms.store.writing(call.actor) as transaction:
        transaction.state.project(project)
        require_absent(transaction.state, ("metric", project, key))
        own = {"_id": secrets.token_hex(12), "key": key, "_creationDate": transaction.now_ms}
        own |= {"lastModified": transaction.now_ms, "name": body.get("name") or key, "kind": body.get("kind")}
        metric = _metric(body, own)
        transaction.put(("metric", project, key), metric, "createMetric")
    return Answer(201, _rep(call, metric))


def patch_metric(call: Call) -> Answer:
    patch = only_json(parse_patch(call.body))
    project = call.path["project"]
    with call.rooms.store.writing(call.actor, patch.comment) as transaction:
        metric = transaction.state.metric(project, call.path["metric"])
        # Fields without a value are left out of answers, but a patch may replace them.
        everything = msgspec.to_builtins(metric) | metric_rep(project, metric, [], modern=True)
        document = patched(everything, patch)
        own = {"_id": metric.id, "key": metric.key, "_creationDate": metric.creation_date}
        edited = replace(_metric(document, own), version=metric.version, last_modified=metric.last_modified)
        if edited != metric:
            edited = replace(edited, version=metric.version + 1, last_modified=transaction.now_ms)
        transaction.put(("metric", project, metric.key), edited, "updateMetric")
    return Answer(body=_rep(call, edited))


def delete_metric(call: Call) -> Answer:
    project, key = call.path["project"], call.path["metric"]
    with call.rooms.store.writing(call.actor) as transaction:
        transaction.state.metric(project, key)
        flags = flags_with_metric(transaction.state, project, key)
        if flags:
            raise Conflict(f"the metric is attached to the flags {', '.join(flags)}; detach it first")
        transaction.put(("metric", project, key), None, "deleteMetric")
    return Answer(204)


def _metric(body: dict[str, Any], own: dict[str, Any]) -> Metric:
    document = {name: body[name] for name in WRITABLE if body.get(name) is not None} | own
    if "name" in body and not body["name"]:
        raise InvalidRequest("a metric's name is not empty")
    if "successCriteria" in document:
        document["successCriteria"] = _criterion(document["successCriteria"])
    metric = converted(document, Metric)
    check_metric(metric)
    return metric


def _criterion(given: Any) -> Any:
    """The founding generation sends an integer: 0, higher is better; 1, lower is."""
    if type(given) is int and 0 <= given < len(CRITERIA):
        return CRITERIA[given]
    return given


def _rep(call: Call, metric: Metric) -> dict[str, Any]:
    state, project = call.rooms.store.state, call.path["project"]
    return metric_rep(project, metric, flags_with_metric(state, project, metric.key), modern=call.modern)


METRIC = "/api/v2/metrics/{project}/{metric}"

OPERATIONS = (
    Operation("GET", "/api/v2/metrics/{project}", "reader", list_metrics),
    Operation("POST", "/api/v2/metrics/{project}", "writer", create_metric),
    Operation("GET", METRIC, "reader", get_metric),
    Operation("PATCH", METRIC, "writer", patch_metric),
    Operation("DELETE", METRIC, "writer", delete_metric),
)
