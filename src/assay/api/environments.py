"""Environments: /api/v2/projects/{project}/environments."""

from typing import Any

from msgspec.structs import replace

from assay.api.call import Answer, Call, Operation
from assay.api.flag_creation import fresh_config
from assay.api.patching import converted, only_json, parse_patch, patched
from assay.api.projects import new_environment
from assay.api.representations.projects import environment_rep, environments_rep
from assay.errors import Conflict
from assay.experiments.flag_scoped import without_environment
from assay.store.records import Environment

EDITABLE = (
    "name",
    "color",
    "defaultTtl",
    "secureMode",
    "defaultTrackEvents",
    "requireComments",
    "confirmChanges",
    "tags",
)


def list_environments(call: Call) -> Answer:
    return Answer(body=environments_rep(call.rooms.store.state.project(call.path["project"])))


def get_environment(call: Call) -> Answer:
    environment = call.rooms.store.state.environment(call.path["project"], call.path["environment"])
    return Answer(body=environment_rep(call.path["project"], environment))


def create_environment(call: Call) -> Answer:
    environment = new_environment(call.object())
    key = call.path["project"]
    with call.rooms.store.writing(call.actor) as transaction:
        project = transaction.state.project(key)
        if project.environment(environment.key) is not None:
            raise Conflict(f"An environment with the key {environment.key!r} exists already")
        grown = replace(project, environments=(*project.environments, environment))
        transaction.put(("project", "", key), grown, "createEnvironment")
        for flag in list(transaction.state.all("flag", key).values()):
            configs = {**flag.environments, environment.key: fresh_config(flag.defaults, environment)}
            experiments = transaction.state.experiments(key, flag.key)
            transaction.put_flag(key, replace(flag, environments=configs), experiments, "createEnvironment")
    return Answer(201, environment_rep(key, environment))


def patch_environment(call: Call) -> Answer:
    patch = only_json(parse_patch(call.body))
    key = call.path["project"]
    with call.rooms.store.writing(call.actor, patch.comment) as transaction:
        project = transaction.state.project(key)
        environment = transaction.state.environment(key, call.path["environment"])
        rep = environment_rep(key, environment)
        document = patched({name: rep[name] for name in EDITABLE}, patch)
        own: dict[str, Any] = {"_id": environment.id, "key": environment.key, "sdkKey": environment.sdk_key}
        own |= {"mobileKey": environment.mobile_key, "flagsVersion": environment.flags_version}
        edited = converted({name: document[name] for name in EDITABLE if name in document} | own, Environment)
        environments = tuple(edited if item.key == edited.key else item for item in project.environments)
        transaction.put(
            ("project", "", key), replace(project, environments=environments), "updateEnvironment"
        )
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
        for flag in list(transaction.state.all("flag", key).values()):
            configs = {name: config for name, config in flag.environments.items() if name != gone}
            experiments = without_environment(transaction.state.experiments(key, flag.key), gone)
            transaction.put_flag(key, replace(flag, environments=configs), experiments, "deleteEnvironment")
    return Answer(204)


PROJECT = "/api/v2/projects/{project}"
ENVIRONMENT = PROJECT + "/environments/{environment}"

OPERATIONS = (
    Operation("GET", PROJECT + "/environments", "reader", list_environments),
    Operation("POST", PROJECT + "/environments", "admin", create_environment),
    Operation("GET", ENVIRONMENT, "reader", get_environment),
    Operation("PATCH", ENVIRONMENT, "admin", patch_environment),
    Operation("DELETE", ENVIRONMENT, "admin", delete_environment),
)
