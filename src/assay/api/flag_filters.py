"""What listings of flags are filtered by."""

from collections.abc import Callable, Iterable

from assay.api.call import Call
from assay.api.evaluations import requests_of
from assay.api.filters import known_filters, moment
from assay.errors import InvalidRequest
from assay.experiments.experiment import Experiment
from assay.experiments.flag_scoped import FlagExperiments
from assay.flags.model import Flag
from assay.store.state import State

Test = Callable[[Flag], bool]

# Need more than the flag, or say something about another filter.
OTHERS = ("hasExperiment", "evaluated", "filterEnv", "codeReferences.max")

# Accepted and without effect: nobody counts evaluations by application or by context kind.
UNANSWERED = ("applicationEvaluated", "contextKindsEvaluated")

# No flag has any of these.
ABSENT = ("codeReferences.min", "guardedRollout", "releasePipeline")


def filtered(call: Call, flags: Iterable[Flag]) -> list[Flag]:
    """The flags that the query of a listing asks for: `filter`, `tag` and `archived`."""
    asked = known_filters(call.query.get("filter"), (*_TESTS, *OTHERS, *ABSENT, *UNANSWERED))
    tests = [_TESTS[name](value) for name, value in asked.items() if name in _TESTS]
    if "hasExperiment" in asked:
        tests.append(_has_experiment(asked["hasExperiment"], call))
    if "evaluated" in asked:
        tests.append(_evaluated(asked["evaluated"], call, asked.get("filterEnv")))
    if "tag" in call.query:
        tests.append(_tags(call.query["tag"]))
    if "archived" in call.query or not asked.keys() & {"archived", "state"}:
        tests.append(_archived(call.query.get("archived", "false")))
    if any(name in asked for name in ABSENT):
        return []
    return [flag for flag in flags if all(test(flag) for test in tests)]


def _query(value: str) -> Test:
    wanted = value.casefold()
    return lambda flag: any(wanted in text.casefold() for text in (flag.key, flag.name, flag.description))


def _tags(value: str) -> Test:
    """All of them: they are joined with a plus, which comes as a blank where it isn't encoded."""
    wanted = {tag.strip() for tag in value.split("+")}
    return lambda flag: wanted <= set(flag.tags)


def _archived(value: str) -> Test:
    wanted = truth(value, "archived")
    return lambda flag: flag.archived == wanted


def _state(value: str) -> Test:
    wanted = _choice(value, "state", ("live", "deprecated", "archived"))
    return lambda flag: (
        wanted == ("archived" if flag.archived else "deprecated" if flag.deprecated else "live")
    )


def _type(value: str) -> Test:
    wanted = _choice(value, "type", ("temporary", "permanent"))
    return lambda flag: flag.temporary == (wanted == "temporary")


def _maintainer(value: str) -> Test:
    return lambda flag: flag.maintainer_id == value


def _team(value: str) -> Test:
    return lambda flag: flag.maintainer_team_key == value


def _created(value: str) -> Test:
    after, before = moment(value, "creationDate")
    return lambda flag: _within(flag.creation_date, after, before)


def _evaluated(value: str, call: Call, place: str | None) -> Test:
    """When a flag was last asked for, in the environment that `filterEnv` names."""
    after, before = moment(value, "evaluated")
    if place is None:
        raise InvalidRequest("evaluated needs filterEnv, the key of an environment")
    environment = call.rooms.store.state.environment(call.path["project"], place)
    requests = requests_of(call, environment)
    return lambda flag: flag.key in requests and _within(requests[flag.key].last_requested_ms, after, before)


def _has_experiment(value: str, call: Call) -> Test:
    wanted = truth(value, "hasExperiment")
    measured = _measured(call.rooms.store.state, call.path["project"])
    return lambda flag: (flag.key in measured) == wanted


def _measured(state: State, project: str) -> set[str]:
    """The keys of flags that an experiment uses, of either generation."""
    attached: Iterable[tuple[str, FlagExperiments]] = state.all("experiments", project).items()
    experiments: Iterable[Experiment] = state.all("experiment", project).values()
    found = {flag for flag, scoped in attached if scoped.items}
    return found.union(
        *(iteration.flags for experiment in experiments for iteration in experiment.iterations)
    )


def _availability(value: str) -> Test:
    wanted = _choice(value, "sdkAvailability", ("client", "mobile", "anyClient", "server"))

    def available(flag: Flag) -> bool:
        browser = flag.client_side_availability.using_environment_id
        mobile = flag.client_side_availability.using_mobile_key
        return {
            "client": browser,
            "mobile": mobile,
            "anyClient": browser or mobile,
            "server": not (browser or mobile),
        }[wanted]

    return available


def _purpose(value: str) -> Test:
    """`all+!(holdout)`: every purpose but that one; a purpose alone; several of them."""
    parts = [part.strip() for part in value.replace(" ", "+").split("+") if part.strip()]
    unwanted = {part[2:-1] for part in parts if part.startswith("!(") and part.endswith(")")}
    wanted = {part for part in parts if not part.startswith("!")}
    return lambda flag: (
        flag.purpose not in unwanted and (not wanted or "all" in wanted or flag.purpose in wanted)
    )


def truth(value: str, name: str) -> bool:
    """A parameter that is true or false, or 1 or 0."""
    if value.lower() not in ("true", "false", "1", "0"):
        raise InvalidRequest(f"{name} is true or false, not {value[:40]!r}")
    return value.lower() in ("true", "1")


def _within(at_ms: int, after: int | None, before: int | None) -> bool:
    return (after is None or at_ms > after) and (before is None or at_ms < before)


def _choice(value: str, name: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise InvalidRequest(f"{name} is one of {', '.join(choices)}, not {value[:40]!r}")
    return value


_TESTS: dict[str, Callable[[str], Test]] = {
    "query": _query,
    "tags": _tags,
    "archived": _archived,
    "state": _state,
    "type": _type,
    "maintainerId": _maintainer,
    "maintainerTeamKey": _team,
    "creationDate": _created,
    "sdkAvailability": _availability,
    "purpose": _purpose,
}
