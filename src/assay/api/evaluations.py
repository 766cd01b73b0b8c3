"""What is known of flags from their use: statuses, and how often each variation was served."""

import time
from collections import defaultdict
from typing import Any, Required, TypedDict

import msgspec

from assay.analysis.windows import EARLIEST_MS, granularity_of
from assay.api.call import Answer, Call, Operation
from assay.api.links import Links, link
from assay.errors import InvalidRequest
from assay.events.rows import MOST_SKEW_MS
from assay.flags.model import Flag
from assay.flags.status import RECENT_MS, Requests, status_of
from assay.store.records import Environment
from assay.warehouse.queries.evaluations import DEFAULT_SERVED, evaluation_counts, requests

USAGE_MS = 30 * 86_400_000


class Status(TypedDict, total=False):
    """How a flag is used: new, active, launched or inactive; when last (ISO), and with which default in code."""

    name: Required[str]
    lastRequested: str
    default: Any


class LinkedStatus(Status):
    _links: Links


class StatusCollection(TypedDict):
    _links: Links
    items: list[LinkedStatus]


class StatusAcrossEnvironments(TypedDict):
    """A flag's status by environment's key."""

    _links: Links
    key: str
    environments: dict[str, Status]


class Served(TypedDict, total=False):
    """A variation's value, or the default in the caller's code."""

    key: Required[Any]
    default: bool


class Usage(TypedDict):
    """Evaluations by bucket: `time` (epoch ms), and counts by place in `metadata`."""

    _links: Links
    series: list[dict[str, int]]
    metadata: list[Served]


def list_flag_statuses(call: Call) -> Answer:
    """The statuses of all flags that aren't archived, in one environment."""
    state, project, key = call.rooms.store.state, call.path["project"], call.path["environment"]
    environment = state.environment(project, key)
    asked = requests_of(call, environment)
    flags = [flag for flag in state.all("flag", project).values() if not flag.archived]
    items = [_linked_status(project, key, flag, asked) for flag in flags]
    return Answer(body={"_links": {"self": link("flag-statuses", project, key)}, "items": items})


def get_flag_status(call: Call) -> Answer:
    """The status of one flag in one environment."""
    state, project, key = call.rooms.store.state, call.path["project"], call.path["environment"]
    environment, flag = state.environment(project, key), state.flag(project, call.path["flag"])
    asked = requests_of(call, environment, flag.key)
    return Answer(body=_linked_status(project, key, flag, asked))


def get_flag_status_across_environments(call: Call) -> Answer:
    """The statuses of one flag in all environments, or in those that `env` names."""
    state, project = call.rooms.store.state, call.path["project"]
    flag, wanted = state.flag(project, call.path["flag"]), call.query.get("env")
    environments = [
        environment
        for environment in state.project(project).environments
        if not wanted or environment.key in wanted.split(",")
    ]
    statuses = {
        environment.key: _status(flag, environment.key, requests_of(call, environment, flag.key))
        for environment in environments
    }
    links = {
        "self": link("flag-status", project, flag.key),
        "parent": link("flags", project, flag.key),
    }
    return Answer(body={"_links": links, "key": flag.key, "environments": statuses})


def get_evaluations_usage(call: Call) -> Answer:
    """How often each variation of a flag was served; buckets without evaluations are left out."""
    state, project = call.rooms.store.state, call.path["project"]
    environment = state.environment(project, call.path["environment"])
    flag = state.flag(project, call.path["flag"])
    start_ms, end_ms = _window(call)
    _, bucket_ms = granularity_of(start_ms, end_ms)
    call.rooms.await_events()
    query = evaluation_counts(
        environment.id,
        flag.key,
        variations=len(flag.variations),
        start_ms=start_ms,
        end_ms=end_ms,
        bucket_ms=bucket_ms,
    )
    rows = call.rooms.engine.rows(query)
    links = {
        "self": {"href": call.target, "type": "application/json"},
        "parent": link("flags", project, flag.key),
    }
    return Answer(body={"_links": links, **_series(flag, rows, bucket_ms)})


def requests_of(call: Call, environment: Environment, flag: str | None = None) -> dict[str, Requests]:
    """Who was asked for, by flag key; what was evaluated before a flag was made was another flag of its key."""
    call.rooms.await_events()
    query = requests(environment.id, _now_ms() - RECENT_MS, flag)
    shelf = call.rooms.store.state.all("flag", call.path["project"])
    return {
        key: Requests(last_requested, outcomes, code_default)
        for key, last_requested, last_received, outcomes, code_default in call.rooms.engine.rows(query)
        if key in shelf and last_received >= shelf[key].creation_date
    }


def _linked_status(project: str, environment: str, flag: Flag, asked: dict[str, Requests]) -> LinkedStatus:
    links = {
        "self": link("flag-statuses", project, environment, flag.key),
        "parent": link("flags", project, flag.key),
    }
    return {"_links": links, **_status(flag, environment, asked)}


def _status(flag: Flag, environment: str, asked: dict[str, Requests]) -> Status:
    found = asked.get(flag.key)
    body: Status = {"name": status_of(flag, flag.environments[environment], found, _now_ms())}
    if found is not None:
        body["lastRequested"] = _iso(found.last_requested_ms)
        if found.code_default is not None:
            body["default"] = msgspec.json.decode(found.code_default)
    return body


def _window(call: Call) -> tuple[int, int]:
    """`[from, to)`; without them the last thirty days, and what a clock that runs ahead claims of the next minute."""
    start, end = call.whole_number("from"), call.whole_number("to")
    end_ms = _now_ms() + MOST_SKEW_MS + 1 if end is None else end
    start_ms = end_ms - USAGE_MS if start is None else start
    if start_ms > end_ms:
        raise InvalidRequest("to lies before from")
    return start_ms, end_ms


def _series(flag: Flag, rows: list[tuple[Any, ...]], bucket_ms: int) -> dict[str, Any]:
    """Each bucket's counts under the place of their variation in `metadata`, which ends with the caller's default."""
    metadata: list[Served] = [{"key": variation.value} for variation in flag.variations]
    if any(served == DEFAULT_SERVED for _, served, _ in rows):
        metadata.append({"key": None, "default": True})
    buckets: dict[int, dict[str, int]] = defaultdict(
        lambda: {str(place): 0 for place in range(len(metadata))}
    )
    for bucket, served, times in rows:
        place = len(flag.variations) if served == DEFAULT_SERVED else served
        buckets[bucket][str(place)] = times
    series = [{"time": bucket * bucket_ms, **counts} for bucket, counts in buckets.items()]
    return {"series": series, "metadata": metadata}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _iso(at_ms: int) -> str:
    """A time as clients read it, to the millisecond; no clock was right before 1970."""
    seconds, milliseconds = divmod(max(at_ms, EARLIEST_MS), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03d}Z"


STATUSES = "/api/v2/flag-statuses/{project}/{environment}"
STATUS = "/api/v2/flag-status/{project}/{flag}"
USAGE = "/api/v2/usage/evaluations/{project}/{environment}/{flag}"

OPERATIONS = (
    Operation("GET", STATUSES, "reader", list_flag_statuses, results=True, answer=StatusCollection),
    Operation("GET", STATUSES + "/{flag}", "reader", get_flag_status, results=True, answer=LinkedStatus),
    Operation(
        "GET",
        STATUS,
        "reader",
        get_flag_status_across_environments,
        results=True,
        answer=StatusAcrossEnvironments,
        query=("env",),
    ),
    Operation(
        "GET",
        USAGE,
        "reader",
        get_evaluations_usage,
        results=True,
        answer=Usage,
        query=("from", "to", "tz"),
    ),
)
