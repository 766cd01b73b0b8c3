"""The metric group: metrics that are read together, of a funnel in the order of its steps."""

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec.structs import replace

from assay.errors import InvalidRequest
from assay.experiments.metric import Metric

MOST_METRICS = 50


class GroupedMetric(msgspec.Struct, frozen=True, rename="camel"):
    """A metric under the name that it has in its group, in the version that it had in this version of the group."""

    key: str
    name_in_group: str = ""
    version: int | None = None


class MetricGroup(msgspec.Struct, frozen=True, rename="camel"):
    """A definition; a funnel's `metrics` are its steps, each of which a unit passes after the one before."""

    id: str = msgspec.field(name="_id")
    key: str
    name: str
    kind: Literal["funnel", "standard"]
    creation_date: int = msgspec.field(name="_creationDate")
    metrics: tuple[GroupedMetric, ...]
    description: str = ""
    tags: tuple[str, ...] = ()
    maintainer_id: str = ""
    version: int = msgspec.field(name="_version", default=1)
    last_modified: int = msgspec.field(name="_lastModified", default=0)

    def holds(self, metric_key: str) -> bool:
        return any(metric.key == metric_key for metric in self.metrics)


def with_metric_versions(group: MetricGroup, metrics: Mapping[str, Metric]) -> MetricGroup:
    """The group with its metrics in their versions of now; `metrics` are the project's."""
    return replace(
        group, metrics=tuple(replace(one, version=metrics[one.key].version) for one in group.metrics)
    )


def check_metric_group(group: MetricGroup, metrics: Mapping[str, Metric]) -> None:
    """Raises `InvalidRequest` with what is wrong first; `metrics` are the project's."""
    if not group.name:
        raise InvalidRequest("a metric group's name is not empty")
    least = 2 if group.kind == "funnel" else 1
    if not least <= len(group.metrics) <= MOST_METRICS:
        raise InvalidRequest(f"a {group.kind} group holds {least} to {MOST_METRICS} metrics")
    keys = [metric.key for metric in group.metrics]
    if len(set(keys)) < len(keys):
        raise InvalidRequest("a metric stands in a group once")
    for key in keys:
        if key not in metrics:
            raise InvalidRequest(f"Unknown metric key {key[:100]!r}")
        if group.kind == "funnel":
            check_step(metrics[key])


def check_step(metric: Metric) -> None:
    """A funnel counts units, so that its steps are events that happened or didn't."""
    if metric.value_of != "conversion":
        raise InvalidRequest(f"a funnel's step is a conversion; {metric.key!r} is a {metric.value_of}")
