"""Event filters: which of a metric's events count, by attributes of their context and by their own properties."""

from typing import Any, Literal

import msgspec

from assay.errors import InvalidRequest
from assay.flags.references import Path, parse_reference

MOST_CONDITIONS = 50
DEEPEST = 10

ConditionOp = Literal[
    "in",
    "endsWith",
    "startsWith",
    "matches",
    "contains",
    "lessThan",
    "lessThanOrEqual",
    "greaterThan",
    "greaterThanOrEqual",
    "before",
    "after",
    "semVerEqual",
    "semVerLessThan",
    "semVerGreaterThan",
]


class Group(msgspec.Struct, frozen=True, tag_field="type", tag="group"):
    """Filters of which all must hold, or any; `and` and `or` are other words for these."""

    op: Literal["all", "any", "and", "or"]
    values: tuple["Filter", ...]
    negate: bool = False


class ContextAttribute(msgspec.Struct, frozen=True, tag_field="type", tag="contextAttribute", rename="camel"):
    """A condition on the context of a kind that the event is about, as in a flag's clause."""

    attribute: str
    op: ConditionOp
    values: tuple[Any, ...]
    context_kind: str = "user"
    negate: bool = False

    @property
    def path(self) -> Path | None:
        return parse_reference(self.attribute, literal=False)


class EventProperty(msgspec.Struct, frozen=True, tag_field="type", tag="eventProperty"):
    """A condition on the data that came with the event."""

    attribute: str
    op: ConditionOp
    values: tuple[Any, ...]
    negate: bool = False

    @property
    def path(self) -> Path | None:
        return parse_reference(self.attribute, literal=False)


Filter = Group | ContextAttribute | EventProperty


def check_filter(tree: Filter, depth: int = 0) -> int:
    """How many conditions it holds; `InvalidRequest` with what is wrong first."""
    if depth == DEEPEST:
        raise InvalidRequest(f"a metric's filters nest at most {DEEPEST} groups")
    if isinstance(tree, Group):
        if not tree.values:
            raise InvalidRequest("a group of filters holds one at least")
        count = sum(check_filter(part, depth + 1) for part in tree.values)
        if count > MOST_CONDITIONS:
            raise InvalidRequest(f"a metric has at most {MOST_CONDITIONS} conditions")
        return count
    if tree.path is None:
        raise InvalidRequest(f"{tree.attribute[:60]!r} is no attribute reference")
    if not tree.values:
        raise InvalidRequest(f"the condition on {tree.attribute[:60]!r} needs values")
    return 1
