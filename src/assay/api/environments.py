"""Environments: /api/v2/projects/{project}/environments, and the keys that SDKs show."""

import secrets
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from msgspec.structs import replace

from assay.api.call import Answer, Call, Operation
from assay.api.experiment_removal import forget_environment
from assay.api.filters import known_filters, sorted_by
from assay.api.flag_creation import fresh_config
from assay.api.paging import paged
from assay.api.patching import converted, only_json, parse_patch, patched
from assay.api.projects import (
    PAGE,
    PAGED_SINCE,
    EnvironmentBody,
    check_environment,
    clear_shelf,
    matching,
    new_environment,
    new_mobile_key,
    new_sdk_key,
)
from assay.api.representations.projects import (
    EnvironmentRep,
    EnvironmentsRep,
    environment_document,
    environment_rep,
)
from assay.errors import Conflict, InvalidRequest
from assay.experiments.flag_scoped import without_environment
from assay.flags.model import Fallthrough, FlagConfig, Rollout, Rule
from assay.store.records import Environment, Project
from assay.store.state import State
from assay.store.transaction import Transaction

T = TypeVar("T", Fallthrough, Rule)

# Kept keys that still work; whoever rotates more often than they expire has lost track of them.
MOST_FORMER_KEYS = 20


def list_environments(call: Call) -> Answer:
    project = call.rooms.store.state.project(call.path["project"])
    order = {environment.key: number for number, environment in enumerate(project.environments)}
    asked = known_filters(call.query.get("filter"), ("query", "tags", "critical"))
    found = matching(project.environments, asked)
    if "critical" in asked:
        found = [item for item in found if item.critical == (asked["critical"].lower() == "true")]
    orders: dict[str, Callable[[Environment], Any]] = {
        "name": lambda environment: environment.name.casefold(),
        "critical": lambda environment: environment.critical,
        "createdOn": lambda environment: order[environment.key],
    }
    found = sorted_by(call, found, orders)
    body = paged(call, found, "projects", project.key, "environments", default=PAGE, since=PAGED_SINCE)
    return Answer(body=body | {"items": [environment_rep(project.key, item) for item in body["items"]]})


def get_environment(call: Call) -> Answer:
    environment = call.rooms.store.state.environment(call.path["project"], call.path["environment"])
    return Answer(body=environment_rep(call.path["project"], environment))


def create_environment(call: Call) -> Answer:
    body, key = call.object(), call.path["project"]
    environment = new_environment(body)
    with call.rooms.store.writing(call.actor) as transaction:
        project = transaction.state.project(key)
        source = _source(transaction.state, project, body.get("source"))
        if project.environment(environment.key) is not None:
            raise Conflict(f"An environment with the key {environment.key!r} exists already")
        grown = replace(project, environments=(*project.environments, environment))
        transaction.put(("project", "", key), grown, "createEnvironment")
        for flag in list(transaction.state.all("flag", key).values()):
            config = fresh_config(flag.defaults, environment)
            if source is not None and source.key in flag.environments:
                config = _cloned(flag.environments[source.key], config)
            configs = {**flag.environments, environment.key: config}
            experiments = transaction.state.experiments(key, flag.key)
            transaction.put_flag(key, replace(flag, environments=configs), experiments, "createEnvironment")
        if source is not None:
            _clone_segments(transaction, key, source.key, environment.key)
    return Answer(201, environment_rep(key, environment))


def patch_environment(call: Call) -> Answer:
    patch = only_json(parse_patch(call.body))
    key = call.path["project"]
    with call.rooms.store.writing(call.actor, patch.comment) as transaction:
        environment = transaction.state.environment(key, call.path["environment"])
        before = environment_document(environment)
        document = patched(before, patch)
        # A field that was removed has its first value again.
        changes = {name: document[name] for name in before if name in document}
        own = {"_id": environment.id, "key": environment.key, "sdkKey": environment.sdk_key}
        edited = converted(changes | own | {"mobileKey": environment.mobile_key}, Environment)
        edited = replace(
            edited,
            flags_version=environment.flags_version,
            former_sdk_keys=environment.former_sdk_keys,
            former_mobile_keys=environment.former_mobile_keys,
        )
        check_environment(edited)
        _put(transaction, key, edited, "updateEnvironment")
    return Answer(body=environment_rep(key, edited))


def delete_environment(call: Call) -> Answer:
    key, gone = call.path["project"], call.path["environment"]
    with call.rooms.store.writing(call.actor) as transaction:
        project = transaction.state.project(key)
        transaction.state.environment(key, gone)
        if len(project.environments) == 1:
            raise Conflict("a project's last environment can't be deleted")
        rest = tuple(environment for environment in project.environments if environment.key != gone)
        transaction.put(("project", "", key), replace(project, environments=rest), "deleteEnvironment")
        clear_shelf(transaction, f"{key}/{gone}")
        for flag in list(transaction.state.all("flag", key).values()):
            configs = {name: config for name, config in flag.environments.items() if name != gone}
            experiments = without_environment(transaction.state.experiments(key, flag.key), gone)
            transaction.put_flag(key, replace(flag, environments=configs), experiments, "deleteEnvironment")
        forget_environment(transaction, key, gone)
    return Answer(204)


def reset_sdk_key(call: Call) -> Answer:
    """A new SDK key; the old one works until `expiry`, or no longer."""
    return _rotate(call, "sdk")


def reset_mobile_key(call: Call) -> Answer:
    return _rotate(call, "mobile")


def _rotate(call: Call, kind: Literal["sdk", "mobile"]) -> Answer:
    key, expiry = call.path["project"], call.whole_number("expiry") or 0
    with call.rooms.store.writing(call.actor) as transaction:
        environment, now_ms = transaction.state.environment(key, call.path["environment"]), transaction.now_ms
        of_sdks = kind == "sdk"
        old = environment.sdk_key if of_sdks else environment.mobile_key
        known = environment.former_sdk_keys if of_sdks else environment.former_mobile_keys
        former = {name: until for name, until in {**known, old: expiry}.items() if until > now_ms}
        if len(former) > MOST_FORMER_KEYS:
            raise Conflict(f"{MOST_FORMER_KEYS} replaced keys still work; wait until one of them expires")
        if of_sdks:
            rotated = replace(environment, sdk_key=new_sdk_key(), former_sdk_keys=former)
        else:
            rotated = replace(environment, mobile_key=new_mobile_key(), former_mobile_keys=former)
        _put(transaction, key, rotated, "resetSdkKey" if of_sdks else "resetMobileKey")
    return Answer(body=environment_rep(key, rotated))


def _put(transaction: Transaction, project: str, edited: Environment, action: str) -> None:
    found = transaction.state.project(project)
    environments = tuple(edited if item.key == edited.key else item for item in found.environments)
    transaction.put(("project", "", project), replace(found, environments=environments), action)


def _source(state: State, project: Project, given: Any) -> Environment | None:
    """The environment to begin with, as a body names it."""
    if given is None:
        return None
    if not isinstance(given, dict) or not isinstance(given.get("key"), str):
        raise InvalidRequest("source is an object with the key of an environment")
    return state.environment(project.key, given["key"])


def _cloned(config: FlagConfig, fresh: FlagConfig) -> FlagConfig:
    """What the source serves, under salts of its own; an experiment's rollout stays behind as a plain one."""
    return replace(
        config,
        salt=fresh.salt,
        sel=fresh.sel,
        version=fresh.version,
        last_modified=fresh.last_modified,
        fallthrough=_plain(config.fallthrough),
        rules=tuple(_plain(rule) for rule in config.rules),
    )


def _plain(place: T) -> T:
    rollout: Rollout | None = place.rollout
    return place if rollout is None else replace(place, rollout=replace(rollout, kind="rollout"))


def _clone_segments(transaction: Transaction, project: str, source: str, target: str) -> None:
    for segment in list(transaction.state.segments(project, source).values()):
        made = replace(segment, salt=secrets.token_hex(16), creation_date=transaction.now_ms, version=0)
        transaction.put_segment(project, target, made, "createEnvironment")


ENVIRONMENTS = "/api/v2/projects/{project}/environments"
ENVIRONMENT = ENVIRONMENTS + "/{environment}"

OPERATIONS = (
    Operation(
        "GET",
        ENVIRONMENTS,
        "reader",
        list_environments,
        answer=EnvironmentsRep,
        query=("limit", "offset", "filter", "sort"),
    ),
    Operation(
        "POST",
        ENVIRONMENTS,
        "admin",
        create_environment,
        status=201,
        body=EnvironmentBody,
        answer=EnvironmentRep,
    ),
    Operation("GET", ENVIRONMENT, "reader", get_environment, answer=EnvironmentRep),
    Operation("PATCH", ENVIRONMENT, "admin", patch_environment, answer=EnvironmentRep),
    Operation("DELETE", ENVIRONMENT, "admin", delete_environment, status=204),
    Operation(
        "POST", ENVIRONMENT + "/apiKey", "admin", reset_sdk_key, answer=EnvironmentRep, query=("expiry",)
    ),
    Operation(
        "POST",
        ENVIRONMENT + "/mobileKey",
        "admin",
        reset_mobile_key,
        answer=EnvironmentRep,
        query=("expiry",),
    ),
)
