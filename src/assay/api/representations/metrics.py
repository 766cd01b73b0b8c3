"""Metrics as clients read them."""

from datetime import UTC, datetime
from typing import Any

from assay.api.links import link
from assay.experiments.metric import Metric


def metric_rep(project: str, metric: Metric, flags: list[str], *, modern: bool) -> dict[str, Any]:
    """A metric; `flags` are the keys of the flags it is attached to."""
    body: dict[str, Any] = {
        "_id": metric.id,
        "_versionId": f"{metric.id}-{metric.version}",
        "_version": metric.version,
        "key": metric.key,
        "name": metric.name,
        "kind": metric.kind,
        "_links": {"self": link("metrics", project, metric.key), "parent": link("metrics", project)},
        "tags": list(metric.tags),
        "_creationDate": metric.creation_date,
        "lastModified": {"date": iso(metric.last_modified)},
        "isNumeric": metric.is_numeric,
        "isActive": metric.is_active,
        "_attachedFlagCount": len(flags),
    }
    optional = {
        "eventKey": metric.event_key,
        "unit": metric.unit,
        "description": metric.description,
        "maintainerId": metric.maintainer_id,
        "selector": metric.selector,
        "unitAggregationType": metric.unit_aggregation_type,
        "windowStartOffset": metric.window_start_offset,
        "windowEndOffset": metric.window_end_offset,
    }
    body |= {name: value for name, value in optional.items() if value not in ("", [], None)}
    if modern:
        # Clients of the founding generation want an integer for the criterion, and can read no url at all.
        body |= {"successCriteria": metric.success_criteria, "dataSource": {"key": "launchdarkly-hosted"}}
        body |= {"urls": [dict(url) for url in metric.urls]} if metric.urls else {}
    return body


def attached_features(project: str, flags: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """The flags a metric is attached to, as (key, name)."""
    return [
        {
            "name": name,
            "key": key,
            "_links": {"self": link("flags", project, key)},
            "_site": link("flags", project, key),
        }
        for key, name in flags
    ]


def iso(epoch_ms: int) -> str:
    return (
        datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
