"""Targets with an end: /api/v2/flags/{project}/{flag}/expiring-targets/{environment}, and for users alone."""

import asyncio
import uuid
from typing import Required, TypedDict

import structlog
from anyio import to_thread

from assay.api.call import Answer, Call, Operation
from assay.api.flag_edits import check_edit
from assay.api.flag_rights import require_change
from assay.api.links import Links, link
from assay.api.patching import converted
from assay.api.segment_expiry import ExpiryBody, Followed, followed, remove_expired_members
from assay.errors import AssayError
from assay.flags.context import USER
from assay.flags.expiring_targets import apply_expiry, without_expired
from assay.flags.model import ExpiringTarget, Flag
from assay.store.store import Store

EXPIRY = "expiry"
EXPIRY_EVERY_S = 5

_log = structlog.get_logger("api")


class ResourceRep(TypedDict):
    kind: str
    key: str
    flagKey: str
    environmentKey: str
    projectKey: str


class ExpiringTargetRep(TypedDict, total=False):
    """A target with its end; users have a `userKey` too."""

    _id: Required[str]
    _version: Required[int]
    expirationDate: Required[int]
    contextKind: Required[str]
    contextKey: Required[str]
    userKey: str
    variationId: Required[str]
    _resourceId: Required[ResourceRep]


class ExpiringTargetsRep(TypedDict):
    items: list[ExpiringTargetRep]
    _links: Links


class ExpiryRep(ExpiringTargetsRep, Followed):
    """The targets after a patch."""


def get_expiring_targets(call: Call) -> Answer:
    """The targets that have an end."""
    return Answer(body=_collection(call, _flag(call), users=False))


def get_expiring_user_targets(call: Call) -> Answer:
    """Those of them that are users."""
    return Answer(body=_collection(call, _flag(call), users=True))


def patch_expiring_targets(call: Call) -> Answer:
    return Answer(body=_patched(call, users=False))


def patch_expiring_user_targets(call: Call) -> Answer:
    return Answer(body=_patched(call, users=True))


def remove_expired(store: Store) -> None:
    """Takes away the targets of flags and the members of segments whose end has come."""
    now_ms = store.preview().now_ms
    remove_expired_members(store, EXPIRY, now_ms)
    due = [
        (project, flag.key)
        for project in store.state.all("project")
        for flag in store.state.all("flag", project).values()
        if without_expired(flag, now_ms) != flag
    ]
    if not due:
        return
    with store.writing(EXPIRY) as transaction:
        for project, key in due:
            flag = transaction.state.find(("flag", project, key))
            if flag is not None:
                own = transaction.state.experiments(project, key)
                transaction.put_flag(project, without_expired(flag, now_ms), own, "removeExpiredTargets")


async def keep_expiring(store: Store) -> None:
    """Does so again and again, until it is cancelled."""
    while True:
        await asyncio.sleep(EXPIRY_EVERY_S)
        try:
            await to_thread.run_sync(remove_expired, store)
        except AssayError as error:
            _log.error("expiry_failed", reason=str(error))


def _patched(call: Call, *, users: bool) -> ExpiryRep:
    body, project = converted(call.object(), ExpiryBody), call.path["project"]
    with call.rooms.store.writing(call.actor, body.comment) as transaction:
        environment = transaction.state.environment(project, call.path["environment"]).key
        before = transaction.state.flag(project, call.path["flag"])
        after = apply_expiry(
            before,
            environment,
            body.instructions,
            now_ms=transaction.now_ms,
            new_id=lambda: str(uuid.uuid4()),
        )
        require_change(call, project, before, after)
        check_edit(transaction.state, project, before, after, body.comment)
        experiments = transaction.state.experiments(project, before.key)
        after = transaction.put_flag(project, after, experiments, "updateExpiringTargets")
    return {**_collection(call, after, users=users), **followed(body)}


def _flag(call: Call) -> Flag:
    state, project = call.rooms.store.state, call.path["project"]
    state.environment(project, call.path["environment"])
    return state.flag(project, call.path["flag"])


def _collection(call: Call, flag: Flag, *, users: bool) -> ExpiringTargetsRep:
    project, environment = call.path["project"], call.path["environment"]
    name = "expiring-user-targets" if users else "expiring-targets"
    targets = flag.environments[environment].expiring_targets
    return {
        "items": [
            _rep(project, flag.key, environment, target)
            for target in targets
            if not users or target.context_kind == USER
        ],
        "_links": {"self": link("flags", project, flag.key, name, environment)},
    }


def _rep(project: str, flag: str, environment: str, target: ExpiringTarget) -> ExpiringTargetRep:
    body: ExpiringTargetRep = {
        "_id": target.id,
        "_version": target.version,
        "expirationDate": target.expiration_date,
        "contextKind": target.context_kind,
        "contextKey": target.context_key,
        "variationId": target.variation_id,
        "_resourceId": {
            "kind": "flag",
            "key": flag,
            "flagKey": flag,
            "environmentKey": environment,
            "projectKey": project,
        },
    }
    if target.context_kind == USER:
        body["userKey"] = target.context_key
    return body


TARGETS = "/api/v2/flags/{project}/{flag}/expiring-targets/{environment}"
USERS = "/api/v2/flags/{project}/{flag}/expiring-user-targets/{environment}"

OPERATIONS = (
    Operation("GET", TARGETS, "reader", get_expiring_targets, answer=ExpiringTargetsRep),
    Operation(
        "PATCH", TARGETS, "writer", patch_expiring_targets, body=ExpiryBody, answer=ExpiryRep, action="*"
    ),
    Operation("GET", USERS, "reader", get_expiring_user_targets, answer=ExpiringTargetsRep),
    Operation(
        "PATCH", USERS, "writer", patch_expiring_user_targets, body=ExpiryBody, answer=ExpiryRep, action="*"
    ),
)
