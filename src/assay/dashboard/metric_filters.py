"""A metric's event filter as rows of a form, where it is conditions joined once, and in words."""

from dataclasses import dataclass
from typing import Any

from assay.dashboard.forms import Form
from assay.dashboard.targeting import TEXT_ATTRIBUTES, TEXT_OPERATORS, parsed_line, value_line
from assay.dashboard.words import NEGATED, OPERATORS, value_text
from assay.errors import InvalidRequest
from assay.experiments.event_filter import ContextAttribute, EventProperty, Filter, Group

EVENT = "event"
CONTEXT = "context/"
JOINS = {"all": "all of these hold", "any": "any of these holds"}
SAME_JOIN = {"all": "all", "and": "all", "any": "any", "or": "any"}

FILTER_OPERATORS = {op: words for op, words in OPERATORS.items() if op != "segmentMatch"}
FILTER_OPERATORS |= {f"!{op}": NEGATED.get(op, f"not: {words}") for op, words in FILTER_OPERATORS.items()}


@dataclass(frozen=True, slots=True)
class FilterRow:
    """A condition. `where`: `event`, or `context/` and a kind; `op` begins with `!` where it is negated."""

    where: str = EVENT
    attribute: str = ""
    op: str = "in"
    values: str = ""


def rows_of_filter(tree: Filter | None) -> tuple[str, tuple[FilterRow, ...]] | None:
    """How the conditions are joined, and they; None where rows can't show the filter."""
    if tree is None:
        return "all", ()
    if not isinstance(tree, Group):
        return ("all", (_row(tree),)) if _fits(tree) else None
    parts = [part for part in tree.values if not isinstance(part, Group)]
    if tree.negate or len(parts) < len(tree.values) or not all(map(_fits, parts)):
        return None
    return SAME_JOIN[tree.op], tuple(map(_row, parts))


def rows_of_form(form: Form) -> tuple[FilterRow, ...]:
    return tuple(
        FilterRow(row.text("where", EVENT), row.text("attribute"), row.text("op", "in"), row.raw("values"))
        for row in form.numbered("filter")
    )


def stepped_rows(rows: tuple[FilterRow, ...], step: str) -> tuple[FilterRow, ...] | None:
    """The rows after a button like `add-filter` or `remove-filter.1`; None after any other."""
    name, _, place = step.partition(".")
    if name == "add-filter":
        return (*rows, FilterRow())
    if name != "remove-filter":
        return None
    return tuple(row for number, row in enumerate(rows) if str(number) != place)


def filter_body(join: str, rows: tuple[FilterRow, ...]) -> dict[str, Any] | None:
    """What the REST API takes; rows in which nothing is typed are none."""
    typed = [row for row in rows if row.attribute or row.values.strip()]
    if not typed:
        return None
    return {
        "type": "group",
        "op": join if join in JOINS else "all",
        "values": [_condition(row) for row in typed],
    }


def filter_words(tree: Filter) -> str:
    """The whole filter in words, groups in parentheses."""
    if not isinstance(tree, Group):
        return _condition_words(tree)
    joint = " and " if SAME_JOIN[tree.op] == "all" else " or "
    words = joint.join(
        f"({filter_words(part)})" if isinstance(part, Group) else filter_words(part) for part in tree.values
    )
    return f"not ({words})" if tree.negate else words


def _fits(one: ContextAttribute | EventProperty) -> bool:
    """Whether every value is a line of its own that is read back as the same text."""
    texts = [value for value in one.values if isinstance(value, str)]
    return all(text and text == text.strip() and len(text.splitlines()) == 1 for text in texts)


def _row(one: ContextAttribute | EventProperty) -> FilterRow:
    where = CONTEXT + one.context_kind if isinstance(one, ContextAttribute) else EVENT
    text_only = _text_only(where, one.attribute, one.op)
    values = "\n".join(value_line(value, text_only=text_only) for value in one.values)
    return FilterRow(where, one.attribute, ("!" if one.negate else "") + one.op, values)


def _condition(row: FilterRow) -> dict[str, Any]:
    if not row.attribute:
        raise InvalidRequest("say which property or attribute the condition is about")
    op = row.op.removeprefix("!")
    lines = [line.strip() for line in row.values.split("\n") if line.strip()]
    text_only = _text_only(row.where, row.attribute, op)
    condition: dict[str, Any] = {
        "type": "eventProperty",
        "attribute": row.attribute,
        "op": op,
        "values": [parsed_line(line, text_only=text_only) for line in lines],
        "negate": row.op.startswith("!"),
    }
    if row.where.startswith(CONTEXT):
        condition |= {"type": "contextAttribute", "contextKind": row.where.removeprefix(CONTEXT) or "user"}
    return condition


def _text_only(where: str, attribute: str, op: str) -> bool:
    """An event's property may be anything, whatever it is called."""
    return op in TEXT_OPERATORS or (where != EVENT and attribute in TEXT_ATTRIBUTES)


def _condition_words(one: ContextAttribute | EventProperty) -> str:
    owner = f"{one.context_kind} " if isinstance(one, ContextAttribute) else "the event's "
    words = FILTER_OPERATORS[("!" if one.negate else "") + one.op]
    return f"{owner}{one.attribute} {words} {', '.join(value_text(value) for value in one.values)}"
