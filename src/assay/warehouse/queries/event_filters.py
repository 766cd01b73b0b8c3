"""Event filters as SQL: what a condition means is decided value by value, as flags decide it.

A condition's operator is never said in SQL. The different values that its attribute has among the metric's events
are asked for first, each is put to the very test that a flag's clause would put it to, and those that pass are bound
to the query as a list. So that a filter and a flag can't disagree about a version, a date or a pattern.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from assay.experiments.event_filter import ContextAttribute, EventProperty, Filter, Group
from assay.flags.operators import compile_test
from assay.flags.references import Path
from assay.warehouse.engine import Parameters, Query, Reader

# Who doesn't say so is not anonymous, unless nothing but the key is told.
_ANONYMOUS = """case when m.attributes is not null
    then cast(coalesce(json_extract(m.attributes, '/anonymous') = 'true', false) as varchar) end"""


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition on `metric_events m`, with what it is bound to."""

    sql: str
    parameters: Parameters


def filtered_events(reader: Reader, events: Predicate, unit_kind: str, tree: Filter) -> Predicate:
    """Those of `events`, of units of the kind, that a filter lets through."""
    compiled = _Compiler(reader, events, unit_kind)
    sql = compiled.condition(tree)
    return Predicate(sql, compiled.parameters)


def json_at(column: str, path: Path, name: str) -> Predicate:
    """The JSON that a path of names leads to in a JSON column; null where it leads nowhere, or to null."""
    places = {f"{name}_{depth}": _pointer(path[:depth]) for depth in range(len(path) + 1)}
    found = f"nullif(json_extract({column}, ${name}_{len(path)}), 'null')"
    # A number would also lead into a list, where no attribute is.
    parents = [depth for depth, part in enumerate(path) if part.isdigit() or part == "-"]
    checks = [f"json_type({column}, ${name}_{depth}) = 'OBJECT'" for depth in parents]
    used = {f"{name}_{depth}" for depth in (*parents, len(path))}
    sql = f"case when {' and '.join(checks)} then {found} end" if checks else found
    return Predicate(sql, {key: place for key, place in places.items() if key in used})


def _pointer(path: Path) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


class _Compiler:
    """Gathers the parameters of one filter's conditions, numbered as they come."""

    def __init__(self, reader: Reader, events: Predicate, unit_kind: str) -> None:
        self._reader = reader
        self._events = events
        self._unit_kind = unit_kind
        self.parameters: dict[str, Any] = {}
        self._count = 0

    def condition(self, tree: Filter) -> str:
        if isinstance(tree, Group):
            word = " and " if tree.op in ("all", "and") else " or "
            joined = f"({word.join(self.condition(part) for part in tree.values)})"
            return f"(not {joined})" if tree.negate else joined
        self._count += 1
        name = f"condition{self._count}"
        value = _value(tree, name)
        kind = tree.context_kind or "user" if isinstance(tree, ContextAttribute) else self._unit_kind
        passing = self._passing(tree, value, kind)
        self.parameters |= {**value.parameters, f"{name}_values": passing}
        sql = f"coalesce({value.sql} in (select unnest(cast(${name}_values as varchar[]))), false)"
        if kind == self._unit_kind:
            return sql
        # The other contexts of an event stand in rows of their own.
        self.parameters[f"{name}_other"] = kind
        return (
            f"((m.seq, m.n) in (select (m.seq, m.n) from metric_events m "
            f"where {self._events.sql} and m.unit_kind = ${name}_other and {sql}))"
        )

    def _passing(self, leaf: ContextAttribute | EventProperty, value: Predicate, kind: str) -> list[str]:
        sql = f"""-- one row per different value
select distinct {value.sql} from metric_events m where {self._events.sql} and m.unit_kind = $unit_kind"""
        found = self._reader.rows(
            Query(sql, {**self._events.parameters, **value.parameters, "unit_kind": kind})
        )
        test = compile_test(leaf.op, list(leaf.values))
        return [text for (text,) in found if text is not None and _fits(text, test) is not leaf.negate]


def _value(leaf: ContextAttribute | EventProperty, name: str) -> Predicate:
    """The JSON text of what a condition looks at; null where there is none, which never fits, negated or not."""
    path = leaf.path or ()
    if isinstance(leaf, EventProperty):
        return json_at("m.properties", path, name)
    if path == ("kind",):
        return Predicate("cast(to_json(m.unit_kind) as varchar)", {})
    if path == ("key",):
        return Predicate("cast(to_json(m.unit_key) as varchar)", {})
    if path == ("anonymous",):
        return Predicate(_ANONYMOUS, {})
    if path[:1] in (("kind",), ("_meta",)):
        return Predicate("cast(null as varchar)", {})
    return json_at("m.attributes", path, name)


def _fits(text: str, test: Callable[[Any], bool]) -> bool:
    """Of a list, one element is enough."""
    value = msgspec.json.decode(text)
    return any(map(test, value)) if type(value) is list else test(value)
