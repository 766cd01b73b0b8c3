"""Contexts that events told of: whom, what of each, and which attributes there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from assay.errors import InvalidRequest
from assay.warehouse.engine import Query

Order = Literal["kind, key", "last_seen_ms, kind, key", "last_seen_ms desc, kind, key"]


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on the table `contexts`, and the values it is bound to."""

    sql: str = "true"
    parameters: Mapping[str, str | int] = field(default_factory=dict)


# What the values of a field are, as a list of texts: those of an attribute that is a list are its elements.
_OF_ATTRIBUTE = """(case json_type(attributes, ${0}) when 'ARRAY'
    then from_json(json_extract(attributes, ${0}), '["VARCHAR"]')
    else [json_extract_string(attributes, ${0})] end)"""
_COLUMNS = {
    "kind": "[kind]",
    "key": "[key]",
    "kindKeys": "[kind || ':' || key]",
    "name": "[json_extract_string(attributes, '/name')]",
}


def condition(name: str, op: str, values: Sequence[str], label: str) -> Where:
    """Whether a field meets `op`: a column, `query`, or an attribute as `user.plan` or `*./address/city`.

    `label` begins the names of the parameters. Raises `InvalidRequest` where there is no such field or operator.
    """
    parameters: dict[str, str | int] = {f"{label}_{n}": value for n, value in enumerate(values)}
    bound = [f"${each}" for each in parameters]
    if name in ("q", "query"):
        texts = "lower(kind || ' ' || key || ' ' || coalesce(json_extract_string(attributes, '/name'), ''))"
        return Where(_any([f"contains({texts}, lower({value}))" for value in bound]), parameters)
    if name in _COLUMNS:
        return Where(_test(_COLUMNS[name], op, bound), parameters)
    kind, dot, attribute = name.partition(".")
    if not dot or not attribute:
        known = ", ".join(("query", *_COLUMNS))
        raise InvalidRequest(f"contexts are filtered by {known}, and kind.attribute or *.attribute")
    parameters[f"{label}_path"] = _pointer(attribute)
    test = _test(_OF_ATTRIBUTE.format(f"{label}_path"), op, bound)
    if kind != "*":
        parameters[f"{label}_kind"] = kind
        test = f"kind = ${label}_kind and {test}"
    return Where(f"({test})", parameters)


def found_contexts(
    environment: str, where: Where, *, order: Order = "kind, key", limit: int, offset: int
) -> Query:
    """One row per context: its kind, its key, its attributes as JSON or null, when it was last seen (epoch ms)."""
    sql = f"""select kind, key, attributes, last_seen_ms
from contexts
where environment = $environment and {where.sql}
order by {order}
limit $limit offset $offset"""
    return Query(sql, {"environment": environment, **where.parameters, "limit": limit, "offset": offset})


def count_contexts(environment: str, where: Where) -> Query:
    """One row: how many contexts there are."""
    sql = f"select count(*) from contexts where environment = $environment and {where.sql}"
    return Query(sql, {"environment": environment, **where.parameters})


def attribute_names(environment: str, kind: str | None, beginning: str, limit: int) -> Query:
    """One row per kind and attribute: how many contexts have it; the most frequent first."""
    sql = f"""select kind, name, count(*) as contexts
from (
    select kind, unnest(json_keys(attributes)) as name
    from contexts
    where environment = $environment and attributes is not null {"" if kind is None else "and kind = $kind"}
)
where name not in ('kind', '_meta') and starts_with(name, $beginning)
group by kind, name
order by contexts desc, kind, name
limit $limit"""
    parameters: dict[str, str | int] = {"environment": environment, "beginning": beginning, "limit": limit}
    return Query(sql, parameters if kind is None else {**parameters, "kind": kind})


def attribute_values(environment: str, kind: str, name: str, beginning: str, limit: int) -> Query:
    """One row per value of an attribute, as JSON: how many contexts have it; the most frequent first."""
    sql = """select value, count(*) as contexts
from (
    select json_extract(attributes, $path)::varchar as value, json_extract_string(attributes, $path) as shown
    from contexts
    where environment = $environment and kind = $kind
)
where value is not null and value <> 'null' and starts_with(shown, $beginning)
group by value
order by contexts desc, value
limit $limit"""
    return Query(
        sql,
        {
            "environment": environment,
            "kind": kind,
            "path": _pointer(name),
            "beginning": beginning,
            "limit": limit,
        },
    )


def seen_kinds(environments: Sequence[str]) -> Query:
    """One row per environment and kind: when it was last seen (epoch ms)."""
    parameters: dict[str, str | int] = {f"e{n}": environment for n, environment in enumerate(environments)}
    listed = ", ".join(f"${name}" for name in parameters)
    sql = f"""select environment, kind, max(last_seen_ms)
from contexts
where environment in ({listed})
group by environment, kind
order by environment, kind"""
    return Query(sql, parameters)


def _test(values: str, op: str, bound: Sequence[str]) -> str:
    asked = f"[{', '.join(bound)}]"
    match op:
        case "equals" | "anyOf":
            return f"list_has_any({values}, {asked})"
        case "notEquals":
            return f"not coalesce(list_has_any({values}, {asked}), false)"
        case "contains":
            return f"list_has_all({values}, {asked})"
        case "exists":
            present = f"{values}[1] is not null"
            return f"(({present}) = ({bound[0]} = 'true'))"
        case "startsWith":
            return _any([f"list_bool_or([starts_with(v, {value}) for v in {values}])" for value in bound])
        case "endsWith":
            return _any([f"list_bool_or([ends_with(v, {value}) for v in {values}])" for value in bound])
        case _:
            raise InvalidRequest(f"contexts have no operator {op}")


def _any(tests: Sequence[str]) -> str:
    return f"({' or '.join(tests)})" if tests else "false"


def _pointer(attribute: str) -> str:
    """An attribute's reference as a JSON pointer."""
    return attribute if attribute.startswith("/") else "/" + attribute.replace("~", "~0").replace("/", "~1")
