"""The listing of flags: which of them, in what order, and how much of each."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from assay.api.call import Answer, Call
from assay.api.filters import colon_filters, sorted_by
from assay.api.flag_filters import filtered, truth
from assay.api.paging import paged
from assay.api.representations.flag_configs import Shown
from assay.api.representations.flags import flag_reps
from assay.errors import InvalidRequest
from assay.flags.model import Flag

LISTED_BY = ("limit", "offset", "env", "tag", "archived", "summary", "filter", "sort", "compare", "expand")

# The version from which on a listing shows counts in place of targeting.
BRIEF_SINCE = "20191212"

SORTS: Mapping[str, Callable[[Flag], Any]] = {
    "creationDate": lambda flag: flag.creation_date,
    "key": lambda flag: flag.key,
    "maintainerId": lambda flag: flag.maintainer_id,
    "name": lambda flag: (flag.name.casefold(), flag.key),
    "tags": lambda flag: sorted(flag.tags),
    "type": lambda flag: flag.temporary,
}


def list_flags(call: Call) -> Answer:
    """A page of a project's flags."""
    state, project = call.rooms.store.state, call.path["project"]
    state.project(project)
    flags = sorted_by(call, filtered(call, state.all("flag", project).values()), _sorts(call))
    body: dict[str, Any] = {}
    if truth(call.query.get("compare", "false"), "compare"):
        flags = [flag for flag in flags if _differs(flag, environments_asked(call))]
        body["totalCountWithDifferences"] = len(flags)
    body |= paged(call, flags, "flags", project, default=20)
    body["items"] = flag_reps(state, project, body["items"], _shown_in_listing(call))
    return Answer(body=body)


def environments_asked(call: Call) -> tuple[str, ...] | None:
    """The environments' keys in `env`, separated by commas; None where nobody asked."""
    wanted = call.query.get("env")
    return tuple(wanted.split(",")) if wanted else None


def shown(call: Call) -> Shown:
    """How much of a single flag the caller gets."""
    return Shown(modern=call.modern, environments=environments_asked(call), counted=_since_brief(call))


def _shown_in_listing(call: Call) -> Shown:
    """The founding generation's client can't do without targeting, not even in the summary that it asks for."""
    brief = truth(call.query.get("summary", str(_since_brief(call))), "summary")
    asked = environments_asked(call)
    return Shown(
        modern=call.modern,
        environments=asked,
        brief=brief and _since_brief(call),
        counted=brief or _since_brief(call),
        bare=call.modern and asked is None,
    )


def _since_brief(call: Call) -> bool:
    return call.modern or call.version >= BRIEF_SINCE


def _sorts(call: Call) -> Mapping[str, Callable[[Flag], Any]]:
    """One of them needs to know in which environment."""
    if call.query.get("sort", "").removeprefix("-") != "targetingModifiedDate":
        return SORTS
    named = environments_asked(call) or (colon_filters(call.query.get("filter")).get("filterEnv", ""),)
    if not named[0]:
        raise InvalidRequest("sorting by targetingModifiedDate needs env, the key of an environment")
    key = call.rooms.store.state.environment(call.path["project"], named[0]).key
    return {**SORTS, "targetingModifiedDate": lambda flag: flag.environments[key].last_modified}


def _differs(flag: Flag, environments: tuple[str, ...] | None) -> bool:
    """Whether people set it up differently in any two of the environments."""
    configs = [
        replace(
            config,
            salt="",
            sel="",
            version=0,
            last_modified=0,
            expiring_targets=(),
            rules=tuple(
                replace(rule, id="", clauses=tuple(replace(clause, id="") for clause in rule.clauses))
                for rule in config.rules
            ),
        )
        for key, config in flag.environments.items()
        if environments is None or key in environments
    ]
    return any(config != configs[0] for config in configs)
