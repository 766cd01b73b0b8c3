"""Copying a flag's configuration from one environment to another: /api/v2/flags/{project}/{flag}/copy."""

from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec.structs import replace

from assay.api.call import Answer, Call, Operation
from assay.api.flag_creation import copied_fallthrough, copied_rules
from assay.api.flag_edits import check_edit
from assay.api.flag_listing import shown
from assay.api.flag_rights import require_change
from assay.api.patching import converted
from assay.api.representations.flags import FlagRep, flag_rep
from assay.errors import InvalidRequest, NotFound, OptimisticLock
from assay.flags.model import Flag, FlagConfig

Action = Literal[
    "updateOn",
    "updateTargets",
    "updateRules",
    "updateFallthrough",
    "updateOffVariation",
    "updatePrerequisites",
    "updateFlagConfigMigrationSettings",
]

# What each action takes over from the source; there are no settings of migrations.
COPIED: dict[Action, Callable[[FlagConfig, FlagConfig], FlagConfig]] = {
    "updateOn": lambda target, source: replace(target, on=source.on),
    "updateTargets": lambda target, source: replace(
        target, targets=source.targets, context_targets=source.context_targets
    ),
    "updateRules": lambda target, source: replace(target, rules=copied_rules(source.rules)),
    "updateFallthrough": lambda target, source: replace(
        target, fallthrough=copied_fallthrough(source.fallthrough)
    ),
    "updateOffVariation": lambda target, source: replace(target, off_variation=source.off_variation),
    "updatePrerequisites": lambda target, source: replace(target, prerequisites=source.prerequisites),
    "updateFlagConfigMigrationSettings": lambda target, _: target,
}


class Place(msgspec.Struct, frozen=True, rename="camel"):
    """An environment, and the version that the flag is expected to have there."""

    key: str
    current_version: int | None = None


class CopyBody(msgspec.Struct, frozen=True, rename="camel"):
    """From where to where, and what: all but what is excluded, or only what is included."""

    source: Place
    target: Place
    comment: str = ""
    included_actions: tuple[Action, ...] | None = None
    excluded_actions: tuple[Action, ...] | None = None


def copy_flag(call: Call) -> Answer:
    """Makes the flag in the target environment what it is in the source."""
    body, project = converted(call.object(), CopyBody), call.path["project"]
    actions = _actions(body)
    with call.rooms.store.writing(call.actor, body.comment) as transaction:
        before = transaction.state.flag(project, call.path["flag"])
        source, config = _config(before, body.source), _config(before, body.target)
        for action in actions:
            config = COPIED[action](config, source)
        after = replace(before, environments={**before.environments, body.target.key: config})
        require_change(call, project, before, after)
        check_edit(transaction.state, project, before, after, body.comment)
        experiments = transaction.state.experiments(project, before.key)
        after = transaction.put_flag(project, after, experiments, "copyFlag")
    return Answer(201, flag_rep(transaction.state, project, after, shown(call)))


def _actions(body: CopyBody) -> list[Action]:
    if body.included_actions and body.excluded_actions:
        raise InvalidRequest("a copy takes either includedActions or excludedActions")
    if body.source.key == body.target.key:
        raise InvalidRequest("a copy needs two environments")
    wanted = body.included_actions or tuple(COPIED)
    return [action for action in wanted if action not in (body.excluded_actions or ())]


def _config(flag: Flag, place: Place) -> FlagConfig:
    config = flag.environments.get(place.key)
    if config is None:
        raise NotFound(f"Unknown environment key {place.key!r}")
    if place.current_version is not None and place.current_version != config.version:
        raise OptimisticLock(
            f"the flag has version {config.version} in {place.key!r}, not {place.current_version}"
        )
    return config


OPERATIONS = (
    Operation(
        "POST",
        "/api/v2/flags/{project}/{flag}/copy",
        "writer",
        copy_flag,
        action="*",
        status=201,
        body=CopyBody,
        answer=FlagRep,
    ),
)
