"""A metric group as a form: from a group, from what was typed, to the body of a request."""

from dataclasses import dataclass, replace
from typing import Any

from assay.dashboard.forms import Form
from assay.errors import InvalidRequest
from assay.experiments.metric_group import MetricGroup

KINDS = {
    "funnel": "Funnel: each step counts units that passed the one before",
    "standard": "Group: metrics that are read together",
}


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A metric by its key, and what it is called in the group."""

    metric: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class GroupForm:
    """Every field as text; of a funnel, `rows` are its steps in order."""

    name: str = ""
    key: str = ""
    kind: str = "funnel"
    description: str = ""
    tags: str = ""
    rows: tuple[GroupRow, ...] = (GroupRow(), GroupRow())


def form_of_group(group: MetricGroup) -> GroupForm:
    return GroupForm(
        name=group.name,
        key=group.key,
        kind=group.kind,
        description=group.description,
        tags=", ".join(group.tags),
        rows=tuple(GroupRow(one.key, one.name_in_group) for one in group.metrics),
    )


def group_as_typed(form: Form) -> GroupForm:
    return GroupForm(
        name=form.text("name"),
        key=form.text("key"),
        kind=form.text("kind", "funnel"),
        description=form.raw("description"),
        tags=form.raw("tags"),
        rows=tuple(GroupRow(row.text("metric"), row.text("name")) for row in form.numbered("row")),
    )


def stepped_group(typed: GroupForm, step: str) -> GroupForm | None:
    """The form after a button like `add-row`, `remove-row.1` or `up-row.1`; None after any other."""
    name, _, place = step.partition(".")
    rows, at = list(typed.rows), int(place) if place.isdecimal() and len(place) < 5 else -1
    if name == "add-row":
        return replace(typed, rows=(*rows, GroupRow()))
    if name not in ("remove-row", "up-row") or not 0 <= at < len(rows):
        return None
    row = rows.pop(at)
    if name == "up-row":
        rows.insert(max(0, at - 1), row)
    return replace(typed, rows=tuple(rows))


def group_body(typed: GroupForm) -> dict[str, Any]:
    """What the REST API takes; rows in which no metric is chosen are none."""
    if not typed.name:
        raise InvalidRequest("Give the group a name")
    return {
        "name": typed.name,
        "kind": typed.kind,
        "description": typed.description,
        "tags": Form({"tags": (typed.tags,)}).words("tags"),
        "metrics": [{"key": row.metric, "nameInGroup": row.name} for row in typed.rows if row.metric],
    }
