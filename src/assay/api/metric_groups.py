"""Metric groups: /api/v2/projects/{project}/metric-groups. Every version is kept, because iterations pin one."""

import secrets
from typing import Any

import msgspec
from msgspec.structs import replace

from assay.api.call import Answer, Call, Operation
from assay.api.filters import expanded, sorted_by
from assay.api.metric_uses import experiments_by_group, is_active
from assay.api.operator_filters import Test, by_text, by_values, filtered
from assay.api.paging import paged
from assay.api.patching import converted, only_json, parse_patch, patched
from assay.api.representations.metric_groups import MetricGroupRep, MetricGroupsRep, metric_group_rep
from assay.api.representations.metrics import dependent_experiments
from assay.errors import Conflict
from assay.experiments.metric_group import MetricGroup, check_metric_group, with_metric_versions
from assay.flags.validation import require_key
from assay.store.state import State
from assay.store.store import require_absent
from assay.store.transaction import Transaction

WRITABLE = ("name", "kind", "description", "tags", "maintainerId", "metrics")


class MetricInGroupPost(msgspec.Struct, rename="camel"):
    """A metric, and what it is called in the group."""

    key: str
    name_in_group: str = ""


class MetricGroupPost(msgspec.Struct, rename="camel"):
    """What makes a metric group; of a funnel, `metrics` are in the order of its steps."""

    key: str
    name: str
    kind: str
    metrics: list[MetricInGroupPost]
    description: str = ""
    maintainer_id: str = ""
    tags: list[str] = []


def list_metric_groups(call: Call) -> Answer:
    state, project = call.rooms.store.state, call.path["project"]
    state.project(project)

    def connections(group: MetricGroup) -> int:
        return len(experiments_by_group(state, project, group.key))

    orders = {
        "name": lambda group: group.name.casefold(),
        "createdAt": lambda group: group.creation_date,
        "connectionCount": connections,
    }
    found = filtered(
        call.query.get("filter"), state.metric_groups(project).values(), _filters(state, project)
    )
    body = paged(call, sorted_by(call, found, orders), "projects", project, "metric-groups", default=20)
    body["items"] = [_rep(call, group) for group in body["items"]]
    return Answer(body=body)


def get_metric_group(call: Call) -> Answer:
    return Answer(
        body=_rep(call, call.rooms.store.state.metric_group(call.path["project"], call.path["group"]))
    )


def create_metric_group(call: Call) -> Answer:
    body, project = call.object(), call.path["project"]
    key = require_key(body.get("key"), "A metric group's")
    with call.rooms.store.writing(call.actor) as transaction:
        transaction.state.project(project)
        require_absent(transaction.state, ("metric_group", project, key))
        own = {"_id": secrets.token_hex(12), "key": key, "_creationDate": transaction.now_ms}
        group = _group(transaction.state, project, body, {**own, "_lastModified": transaction.now_ms})
        transaction.put(("metric_group", project, key), group, "createMetricGroup")
    return Answer(201, _rep(call, group))


def patch_metric_group(call: Call) -> Answer:
    patch = only_json(parse_patch(call.body))
    project = call.path["project"]
    with call.rooms.store.writing(call.actor, patch.comment) as transaction:
        group = transaction.state.metric_group(project, call.path["group"])
        document = patched(msgspec.json.decode(msgspec.json.encode(group)), patch)
        own = {"_id": group.id, "key": group.key, "_creationDate": group.creation_date}
        own |= {"_version": group.version, "_lastModified": group.last_modified}
        edited = _group(transaction.state, project, document, own)
        edited = put_edited(transaction, project, group, edited)
    return Answer(body=_rep(call, edited))


def put_edited(
    transaction: Transaction, project: str, group: MetricGroup, edited: MetricGroup
) -> MetricGroup:
    """Writes what is new of a group as its next version."""
    if edited == group:
        return group
    transaction.keep(("metric_group_version", project, f"{group.key}/{group.version}"), group)
    edited = replace(edited, version=group.version + 1, last_modified=transaction.now_ms)
    transaction.put(("metric_group", project, group.key), edited, "updateMetricGroup")
    return edited


def delete_metric_group(call: Call) -> Answer:
    project, key = call.path["project"], call.path["group"]
    with call.rooms.store.writing(call.actor) as transaction:
        group = transaction.state.metric_group(project, key)
        users = [experiment.key for experiment in experiments_by_group(transaction.state, project, key)]
        if users:
            raise Conflict(f"the metric group is used by the experiments {', '.join(users[:10])}")
        transaction.put(("metric_group", project, key), None, "deleteMetricGroup")
        for version in range(1, group.version):
            transaction.keep(("metric_group_version", project, f"{key}/{version}"), None)
    return Answer(204)


def _group(state: State, project: str, body: dict[str, Any], own: dict[str, Any]) -> MetricGroup:
    document = {name: body[name] for name in WRITABLE if body.get(name) is not None} | own
    group = converted(document, MetricGroup)
    metrics = state.all("metric", project)
    check_metric_group(group, metrics)
    return with_metric_versions(group, metrics)


def _rep(call: Call, group: MetricGroup) -> MetricGroupRep:
    """The group; its experiments and how many they are where `expand` names them."""
    state, project = call.rooms.store.state, call.path["project"]
    body = metric_group_rep(state, project, group)
    shown = expanded(call)
    experiments = experiments_by_group(state, project, group.key)
    if "experiments" in shown:
        body["experiments"] = dependent_experiments(state, project, experiments)
    if "experimentCount" in shown:
        body["experimentCount"] = len(experiments)
        body["activeExperimentCount"] = sum(is_active(one, {(group.key, True)}) for one in experiments)
        body["activeGuardedRolloutCount"] = 0
    return body


def _filters(state: State, project: str) -> dict[str, Test[MetricGroup]]:
    def statuses(group: MetricGroup) -> list[str]:
        experiments = experiments_by_group(state, project, group.key)
        return [iteration.status for experiment in experiments for iteration in experiment.iterations[-1:]]

    return {
        "experimentStatus": by_values(statuses),
        "hasConnections": by_values(lambda group: (bool(statuses(group)),)),
        "kind": by_values(lambda group: (group.kind,)),
        "maintainerIds": by_values(lambda group: (group.maintainer_id,)),
        # There are no teams.
        "maintainerTeamKey": by_values(lambda _: ()),
        "query": by_text(lambda group: (group.key, group.name)),
    }


GROUPS = "/api/v2/projects/{project}/metric-groups"
GROUP = GROUPS + "/{group}"
LISTED = ("limit", "offset", "sort", "filter", "expand")

OPERATIONS = (
    Operation("GET", GROUPS, "reader", list_metric_groups, answer=MetricGroupsRep, query=LISTED),
    Operation(
        "POST",
        GROUPS,
        "writer",
        create_metric_group,
        status=201,
        body=MetricGroupPost,
        answer=MetricGroupRep,
        query=("expand",),
    ),
    Operation("GET", GROUP, "reader", get_metric_group, answer=MetricGroupRep, query=("expand",)),
    Operation("PATCH", GROUP, "writer", patch_metric_group, answer=MetricGroupRep, query=("expand",)),
    Operation("DELETE", GROUP, "writer", delete_metric_group, status=204),
)
