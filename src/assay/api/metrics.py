"""Metrics: /api/v2/metrics. Every version of a metric is kept, because iterations pin one."""

import secrets
from typing import Any

import msgspec
from msgspec.structs import replace

from assay.api.call import Answer, Call, Operation
from assay.api.filters import expanded, sorted_by
from assay.api.metric_groups import put_edited
from assay.api.metric_uses import experiments_by_metric, groups_with, is_active
from assay.api.operator_filters import Test, by_text, by_values, filtered
from assay.api.paging import MOST_ITEMS, paged
from assay.api.patching import converted, only_json, parse_patch, patched
from assay.api.representations.flags import flags_with_metric
from assay.api.representations.members import member_summary
from assay.api.representations.metrics import (
    MetricRep,
    MetricsRep,
    attached_features,
    dependent_experiments,
    dependent_groups,
    metric_rep,
    version_id,
)
from assay.errors import Conflict, InvalidRequest, NotFound
from assay.experiments.event_filter import Filter
from assay.experiments.metric import DataSource, Denominator, EventDefault, Metric
from assay.experiments.metric_group import check_step, with_metric_versions
from assay.experiments.metric_rules import CRITERIA, check_metric
from assay.flags.validation import require_key
from assay.store.records import Member
from assay.store.state import State
from assay.store.store import require_absent
from assay.warehouse.queries.metric_values import metric_last_seen

MOST_ON_A_PAGE = 50


class UrlPost(msgspec.Struct):
    """A page's address: `url` of an exact or canonical one, `substring`, or the `pattern` of a regex."""

    kind: str
    url: str = ""
    substring: str = ""
    pattern: str = ""


class MetricPost(msgspec.Struct, rename="camel"):
    """What makes a metric; the founding generation says its criterion as 0 (higher is better) or 1."""

    key: str
    kind: str
    name: str = ""
    description: str = ""
    event_key: str = ""
    is_numeric: bool = False
    is_active: bool = True
    unit: str = ""
    success_criteria: str | int = CRITERIA[0]
    unit_aggregation_type: str = ""
    unit_aggregation_field: str = ""
    value_column: str = ""
    analysis_type: str = ""
    percentile_value: int | None = None
    event_default: EventDefault | None = None
    analysis_units: list[str] = []
    randomization_units: list[str] = []
    filters: Filter | None = None
    denominator: Denominator | None = None
    winsor_lower_percentile: float | None = None
    winsor_upper_percentile: float | None = None
    winsor_include_imputed: bool = False
    data_source: DataSource | None = None
    tags: list[str] = []
    maintainer_id: str = ""
    selector: str = ""
    urls: list[UrlPost] = []
    window_start_offset: int | None = None
    window_end_offset: int | None = None


WRITABLE = (*(name for name in MetricPost.__struct_encode_fields__ if name != "key"), "archived")


def list_metrics(call: Call) -> Answer:
    state, project = call.rooms.store.state, call.path["project"]
    state.project(project)
    found = filtered(
        call.query.get("filter"), state.all("metric", project).values(), _filters(state, project)
    )
    orders = {
        "createdAt": lambda metric: metric.creation_date,
        "name": lambda metric: metric.name.casefold(),
    }
    most = MOST_ON_A_PAGE if call.modern else MOST_ITEMS
    body = paged(call, sorted_by(call, found, orders), "metrics", project, default=20, most=most)
    shown = expanded(call) & {"experimentCount"}
    body["items"] = [_rep(call, metric) | _uses(state, project, metric, shown) for metric in body["items"]]
    return Answer(body=body)


def get_metric(call: Call) -> Answer:
    state, project = call.rooms.store.state, call.path["project"]
    metric = _version(state, project, call.path["metric"], call.query.get("versionId"))
    rep = _rep(call, metric)
    return Answer(body=rep | _more(call, metric) if call.modern else rep)


def _more(call: Call, metric: Metric) -> MetricRep:
    """What only a single metric tells, and only to modern callers."""
    state, project = call.rooms.store.state, call.path["project"]
    body = _uses(state, project, metric, expanded(call))
    flags = [(key, state.flag(project, key).name) for key in flags_with_metric(state, project, metric.key)]
    body["_attachedFeatures"] = attached_features(project, flags)
    if experiments := experiments_by_metric(state, project, metric.key):
        body["lastUsedInExperiment"] = dependent_experiments(state, project, experiments[-1:])[0]
    member: Member | None = state.find(("member", "", metric.maintainer_id))
    if member is not None:
        body["_maintainer"] = member_summary(member)
    if (seen := _last_seen(call, metric)) is not None:
        body["lastSeen"] = seen
    return body


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
        record = msgspec.json.decode(msgspec.json.encode(metric))
        everything = {**metric_rep(project, metric, [], modern=True), **record}
        own = {"_id": metric.id, "key": metric.key, "_creationDate": metric.creation_date}
        own |= {"_version": metric.version, "lastModified": metric.last_modified}
        edited = _metric(patched(everything, patch), own)
        archived_at = metric.archived_at or transaction.now_ms if edited.archived else None
        edited = replace(edited, archived_at=archived_at)
        if edited != metric:
            _check_steps(transaction.state, project, edited)
            transaction.keep(("metric_version", project, f"{metric.key}/{metric.version}"), metric)
            edited = replace(edited, version=metric.version + 1, last_modified=transaction.now_ms)
        transaction.put(("metric", project, metric.key), edited, "updateMetric")
        for group in groups_with(transaction.state, project, metric.key):
            newer = with_metric_versions(group, transaction.state.all("metric", project))
            put_edited(transaction, project, group, newer)
    return Answer(body=_rep(call, edited))


def delete_metric(call: Call) -> Answer:
    project, key = call.path["project"], call.path["metric"]
    with call.rooms.store.writing(call.actor) as transaction:
        state = transaction.state
        metric = state.metric(project, key)
        _check_unused("the flags", flags_with_metric(state, project, key), "detach it first")
        groups = [group.key for group in groups_with(state, project, key)]
        _check_unused("the metric groups", groups, "take it out first")
        experiments = [experiment.key for experiment in experiments_by_metric(state, project, key)]
        _check_unused("the experiments", experiments, "their results need it; archive it instead")
        transaction.put(("metric", project, key), None, "deleteMetric")
        for version in range(1, metric.version):
            transaction.keep(("metric_version", project, f"{key}/{version}"), None)
    return Answer(204)


def _check_unused(what: str, users: list[str], advice: str) -> None:
    if users:
        raise Conflict(f"the metric is used by {what} {', '.join(users[:10])}; {advice}")


def _check_steps(state: State, project: str, edited: Metric) -> None:
    for group in groups_with(state, project, edited.key):
        if group.kind == "funnel":
            check_step(edited)


def _metric(body: dict[str, Any], own: dict[str, Any]) -> Metric:
    document = _writable(body) | own
    if "name" in body and not body["name"]:
        raise InvalidRequest("a metric's name is not empty")
    if "successCriteria" in document:
        document["successCriteria"] = _criterion(document["successCriteria"])
    if document.get("kind") == "trace":
        raise InvalidRequest("Assay receives no traces: a metric's kind is custom, pageview or click")
    metric = converted(document, Metric)
    check_metric(metric)
    return metric


def _writable(document: dict[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in WRITABLE if document.get(name) is not None}


def _criterion(given: Any) -> Any:
    """The founding generation sends an integer: 0, higher is better; 1, lower is."""
    if type(given) is int and 0 <= given < len(CRITERIA):
        return CRITERIA[given]
    return given


def _version(state: State, project: str, key: str, version_id_asked: str | None) -> Metric:
    """The metric, or the version of it that `versionId` names."""
    metric = state.metric(project, key)
    if not version_id_asked or version_id_asked == version_id(metric):
        return metric
    own_id, _, number = version_id_asked.rpartition("-")
    if own_id != metric.id or not number.isdecimal():
        raise NotFound(f"The metric {key!r} has no version {version_id_asked[:60]!r}")
    return state.metric_at(project, key, int(number[:19]))


def _last_seen(call: Call, metric: Metric) -> int | None:
    environments = call.rooms.store.state.project(call.path["project"]).environments
    ids = [environment.id for environment in environments]
    ((seen,),) = call.rooms.engine.rows(metric_last_seen(ids, metric.measure))
    return None if seen is None else int(seen)


def _uses(state: State, project: str, metric: Metric, shown: frozenset[str]) -> MetricRep:
    """The uses that `expand` asks for."""
    experiments = experiments_by_metric(state, project, metric.key)
    groups = groups_with(state, project, metric.key)
    keys = {(metric.key, False), *((group.key, True) for group in groups)}
    everything: dict[str, dict[str, Any]] = {
        "experiments": {"experiments": dependent_experiments(state, project, experiments)},
        "experimentCount": {
            "experimentCount": len(experiments),
            "activeExperimentCount": sum(is_active(experiment, keys) for experiment in experiments),
            "activeGuardedRolloutCount": 0,
        },
        "metricGroups": {"metricGroups": dependent_groups(project, groups)},
        "metricGroupCount": {"metricGroupCount": len(groups)},
    }
    body: MetricRep = {}  # type: ignore[typeddict-item]
    for name in sorted(shown & everything.keys()):
        body |= everything[name]  # type: ignore[typeddict-item]
    return body


def _filters(state: State, project: str) -> dict[str, Test[Metric]]:
    def uses(metric: Metric) -> list[str]:
        used = {
            "flag": flags_with_metric(state, project, metric.key),
            "metric-group": groups_with(state, project, metric.key),
            "experiment": experiments_by_metric(state, project, metric.key),
        }
        return [name for name, users in used.items() if users]

    return {
        "dataSourceKeys": by_values(lambda metric: (metric.data_source.key,)),
        "eventKeys": by_values(lambda metric: (metric.event_key,)),
        "eventKind": by_values(lambda metric: (metric.kind,)),
        "hasConnections": by_values(lambda metric: (bool(uses(metric)),)),
        "isNumeric": by_values(lambda metric: (metric.is_numeric,)),
        "maintainerIds": by_values(lambda metric: (metric.maintainer_id,)),
        # There are neither teams nor views.
        "maintainerTeamKey": by_values(lambda _: ()),
        "view": by_values(lambda _: ()),
        "metricUsedIn": by_values(uses),
        "query": by_text(lambda metric: (metric.key, metric.name)),
        "tags": by_values(lambda metric: metric.tags),
        "unitAggregationType": by_values(lambda metric: (metric.unit_aggregation_type,)),
        "versionIds": by_values(lambda metric: (version_id(metric),)),
    }


def _rep(call: Call, metric: Metric) -> MetricRep:
    state, project = call.rooms.store.state, call.path["project"]
    return metric_rep(project, metric, flags_with_metric(state, project, metric.key), modern=call.modern)


METRICS = "/api/v2/metrics/{project}"
METRIC = METRICS + "/{metric}"
LISTED = ("limit", "offset", "sort", "filter", "expand")

OPERATIONS = (
    Operation("GET", METRICS, "reader", list_metrics, answer=MetricsRep, query=LISTED),
    Operation("POST", METRICS, "writer", create_metric, status=201, body=MetricPost, answer=MetricRep),
    Operation("GET", METRIC, "reader", get_metric, answer=MetricRep, query=("expand", "versionId")),
    Operation("PATCH", METRIC, "writer", patch_metric, answer=MetricRep),
    Operation("DELETE", METRIC, "writer", delete_metric, status=204),
)
