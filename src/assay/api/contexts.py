"""Contexts: whom events told of, what a flag is for somebody, and a variation of somebody's own."""

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec.structs import replace

from assay.api.call import Answer, Call, Operation
from assay.api.filters import sorted_by
from assay.api.flag_edits import check_edit, put_edit
from assay.api.flag_rights import require_change
from assay.api.links import Links, link
from assay.api.operator_filters import (
    Condition,
    Joined,
    Test,
    by_text,
    by_values,
    conditions,
    filtered,
    parse_filter,
)
from assay.api.paging import paged
from assay.api.patching import converted
from assay.api.representations.contexts import (
    ContextsRep,
    EvaluationsRep,
    NamesCollection,
    ValuesCollection,
    context_rep,
    evaluation_rep,
)
from assay.errors import InvalidRequest
from assay.flags.context import parse_context
from assay.flags.evaluation import evaluate
from assay.flags.model import Flag, FlagConfig
from assay.flags.segment import check_kind
from assay.flags.targets import targeted, with_targets
from assay.store.records import Environment
from assay.warehouse.engine import Query
from assay.warehouse.queries import contexts as queries
from assay.warehouse.queries.contexts import Order, Where

PAGE, MOST_ITEMS = 20, 50
MOST_NAMES, VALUES, MOST_VALUES = 100, 50, 100
MOST_CONDITIONS = 100
ORDERS: Mapping[str, Order] = {
    "": "kind, key",
    "ts": "last_seen_ms, kind, key",
    "-ts": "last_seen_ms desc, kind, key",
}
FLAG_FILTERS: dict[str, Test[Flag]] = {
    "query": by_text(lambda flag: (flag.key, flag.name)),
    "tags": by_values(lambda flag: flag.tags),
}


class ContextSearch(msgspec.Struct, rename="camel"):
    """What to look for, in the body or else in the query."""

    filter: str | None = None
    sort: str | None = None
    limit: int | None = None
    continuation_token: str | None = None


class Setting(msgspec.Struct):
    """The value that somebody shall have; none takes an earlier one back."""

    setting: Any = None
    comment: str = ""


def search_contexts(call: Call) -> Answer:
    body = converted({} if call.body is None else call.object(), ContextSearch)
    query = ContextSearch(
        call.query.get("filter"),
        call.query.get("sort"),
        call.whole_number("limit"),
        call.query.get("continuationToken"),
    )
    asked = body if body != ContextSearch() else query
    path = ("contexts", "search")
    return Answer(body=_page(call, asked, path, compiled_filter(parse_filter(asked.filter))))


def get_contexts(call: Call) -> Answer:
    """The context of a kind and key; none where no event told of it."""
    kind, key = call.path["kind"], call.path["key"]
    where = Where("kind = $kind and key = $key", {"kind": kind, "key": key})
    return Answer(body=_page(call, ContextSearch(), ("contexts", kind, key), where))


def list_attribute_names(call: Call) -> Answer:
    """Attributes of contexts by kind; `filter` takes `kind equals` and `name startsWith`."""
    asked = _conditions(call, {("kind", "equals"), ("name", "startsWith")})
    query = queries.attribute_names(
        _environment(call).id, asked.get("kind"), asked.get("name", ""), _limit(call, MOST_NAMES, MOST_NAMES)
    )
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for kind, name, count in _rows(call, query):
        by_kind.setdefault(kind, []).append({"name": name, "weight": count})
    return Answer(body={"items": [{"kind": kind, "names": names} for kind, names in by_kind.items()]})


def list_attribute_values(call: Call) -> Answer:
    """Values of an attribute; `filter` needs `kind equals` and takes `value startsWith`."""
    asked = _conditions(call, {("kind", "equals"), ("value", "startsWith")})
    if "kind" not in asked:
        raise InvalidRequest('this needs filter=kind equals "…"')
    query = queries.attribute_values(
        _environment(call).id,
        asked["kind"],
        call.path["attribute"],
        asked.get("value", ""),
        _limit(call, VALUES, MOST_VALUES),
    )
    values = [{"name": msgspec.json.decode(value), "weight": count} for value, count in _rows(call, query)]
    return Answer(body={"items": [{"kind": asked["kind"], "values": values}] if values else []})


def evaluate_flags(call: Call) -> Answer:
    """Every flag for the context in the body, which is then forgotten; no SDK's event, and none of ours."""
    project, environment = call.path["project"], _environment(call)
    context = parse_context(call.object())
    _, compiled = call.rooms.flag_sets.compiled((project, environment))
    flags = [flag for flag in call.rooms.store.state.all("flag", project).values() if not flag.archived]
    orders: dict[str, Callable[[Flag], Any]] = {
        "name": lambda flag: flag.name.casefold(),
        "key": lambda flag: flag.key,
        "creationDate": lambda flag: flag.creation_date,
    }
    found = sorted_by(call, filtered(call.query.get("filter"), flags, FLAG_FILTERS), orders)
    path = ("projects", project, "environments", environment.key, "flags", "evaluate")
    body = paged(call, found, *path)
    evaluations = [(flag, evaluate(compiled, flag.key, context)) for flag in body["items"]]
    return Answer(
        body=body | {"items": [evaluation_rep(project, flag.name, one) for flag, one in evaluations if one]}
    )


def put_flag_setting(call: Call) -> Answer:
    """Targets one context: the variation with this value; without a value it is targeted no longer."""
    asked = converted(call.object(), Setting)
    project, environment, kind = call.path["project"], call.path["environment"], call.path["kind"]
    check_kind(kind)
    with call.rooms.store.writing(call.actor, asked.comment) as transaction:
        before = transaction.state.flag(project, call.path["flag"])
        transaction.state.environment(project, environment)
        config = _targeting(before, environment, (kind, call.path["key"]), asked.setting)
        after = replace(before, environments=before.environments | {environment: config})
        require_change(call, project, before, after)
        check_edit(transaction.state, project, before, after, asked.comment)
        put_edit(transaction, project, before, after, transaction.state.experiments(project, before.key))
    return Answer(204)


def compiled_filter(tree: Condition | Joined) -> Where:
    """The filter as a condition of the table; raises `InvalidRequest` where it names what isn't there."""
    if len(conditions(tree)) > MOST_CONDITIONS:
        raise InvalidRequest(f"a filter has at most {MOST_CONDITIONS} conditions")
    numbers = iter(range(MOST_CONDITIONS))
    return _where(tree, numbers)


def _targeting(flag: Flag, environment: str, context: tuple[str, str], setting: Any) -> FlagConfig:
    """The configuration in which this context alone has another target, or none."""
    kind, key = context
    config = flag.environments[environment]
    keys = {
        place: tuple(value for value in values if (place[0], value) != context)
        for place, values in targeted(config).items()
    }
    if setting is not None:
        place = (kind, _variation(flag, setting))
        keys[place] = (*keys.get(place, ()), key)
    return with_targets(config, keys)


def _variation(flag: Flag, setting: Any) -> int:
    for index, variation in enumerate(flag.variations):
        # True is no 1 here.
        if variation.value == setting and isinstance(variation.value, bool) is isinstance(setting, bool):
            return index
    raise InvalidRequest("setting is the value of none of the flag's variations")


def _where(tree: Condition | Joined, numbers: Iterator[int]) -> Where:
    if isinstance(tree, Condition):
        values = [str(value).lower() if isinstance(value, bool) else str(value) for value in tree.values]
        return queries.condition(tree.field, tree.op, values, f"f{next(numbers)}")
    parts = [_where(part, numbers) for part in tree.parts]
    if not parts:
        return Where()
    joined = (" and " if tree.join == "all" else " or ").join(f"({part.sql})" for part in parts)
    return Where(f"({joined})", {name: value for part in parts for name, value in part.parameters.items()})


def _page(call: Call, asked: ContextSearch, path: tuple[str, ...], where: Where) -> ContextsRep:
    project, environment = call.path["project"], _environment(call)
    order = ORDERS.get(asked.sort or "")
    if order is None:
        raise InvalidRequest(
            "sort takes ts, or -ts for the latest first; contexts come by kind and key without it"
        )
    limit = min(PAGE if asked.limit is None else asked.limit, MOST_ITEMS)
    if limit < 1:
        raise InvalidRequest(f"limit lies between 1 and {MOST_ITEMS}")
    offset = _offset(asked.continuation_token)
    query = queries.found_contexts(environment.id, where, order=order, limit=limit + 1, offset=offset)
    rows = _rows(call, query)
    place = (project, environment.key)
    here = ("projects", project, "environments", environment.key, *path)
    links: Links = {"self": link(*here)}
    body: ContextsRep = {
        "_links": links,
        "_environmentId": environment.id,
        "items": [context_rep(place, *row) for row in rows[:limit]],
    }
    if call.query.get("includeTotalCount", "true").lower() != "false":
        body["totalCount"] = _rows(call, queries.count_contexts(environment.id, where))[0][0]
    if len(rows) > limit:
        token = base64.urlsafe_b64encode(str(offset + limit).encode()).decode().rstrip("=")
        body["continuationToken"] = token
        kept = {"filter": asked.filter, "sort": asked.sort, "limit": limit, "continuationToken": token}
        query_string = urlencode({name: value for name, value in kept.items() if value is not None})
        links["next"] = {**link(*here), "href": f"{link(*here)['href']}?{query_string}"}
    return body


def _offset(token: str | None) -> int:
    if not token:
        return 0
    try:
        decoded = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
    except ValueError:
        decoded = ""
    if not decoded.isdecimal() or len(decoded) > 12:
        raise InvalidRequest("continuationToken is one that an earlier page gave")
    return int(decoded)


def _conditions(call: Call, known: set[tuple[str, str]]) -> dict[str, str]:
    found = conditions(parse_filter(call.query.get("filter")))
    for condition in found:
        if (condition.field, condition.op) not in known or len(condition.values) != 1:
            allowed = ", ".join(sorted(f"{name} {op}" for name, op in known))
            raise InvalidRequest(f"filter takes {allowed} here, joined by commas")
    return {condition.field: str(condition.values[0]) for condition in found}


def _limit(call: Call, default: int, most: int) -> int:
    asked = call.whole_number("limit")
    return default if asked is None or asked < 1 else min(asked, most)


def _rows(call: Call, query: Query) -> list[tuple[Any, ...]]:
    call.rooms.await_events()
    return call.rooms.engine.rows(query)


def _environment(call: Call) -> Environment:
    return call.rooms.store.state.environment(call.path["project"], call.path["environment"])


ENVIRONMENT = "/api/v2/projects/{project}/environments/{environment}"
SEARCH = ("filter", "sort", "limit", "continuationToken", "includeTotalCount")

OPERATIONS = (
    Operation(
        "POST",
        ENVIRONMENT + "/contexts/search",
        "reader",
        search_contexts,
        body=ContextSearch,
        answer=ContextsRep,
        query=SEARCH,
    ),
    Operation(
        "GET",
        ENVIRONMENT + "/contexts/{kind}/{key}",
        "reader",
        get_contexts,
        answer=ContextsRep,
        query=("includeTotalCount",),
    ),
    Operation(
        "PUT",
        ENVIRONMENT + "/contexts/{kind}/{key}/flags/{flag}",
        "writer",
        put_flag_setting,
        status=204,
        body=Setting,
        action="*",
        resource="proj/{project}:env/{environment}:flag/{flag}",
    ),
    Operation(
        "GET",
        ENVIRONMENT + "/context-attributes",
        "reader",
        list_attribute_names,
        answer=NamesCollection,
        query=("filter", "limit"),
    ),
    Operation(
        "GET",
        ENVIRONMENT + "/context-attributes/{attribute}",
        "reader",
        list_attribute_values,
        answer=ValuesCollection,
        query=("filter", "limit"),
    ),
    Operation(
        "POST",
        ENVIRONMENT + "/flags/evaluate",
        "reader",
        evaluate_flags,
        body=dict[str, Any],
        answer=EvaluationsRep,
        query=("limit", "offset", "sort", "filter"),
    ),
)
