"""Entries of the audit log as clients read them."""

from typing import Any, Required, TypedDict, cast

from assay.api.changes import AccessRep, ChangeTarget, change_rep
from assay.api.links import link
from assay.api.representations.members import MemberSummary, member_summary
from assay.store.state import State
from assay.store.store import Entry

# There is one account, and clients want to know its id.
ACCOUNT_ID = "assay"


class TokenSummary(TypedDict, total=False):
    """The access token that a change was made with; of one that is gone only the id."""

    _id: Required[str]
    name: str
    serviceToken: bool


class AuditEntryRep(TypedDict, total=False):
    """One change: who made it, when, and what was done to what."""

    _links: Required[dict[str, Any]]
    _id: Required[str]
    _accountId: Required[str]
    date: Required[int]
    kind: Required[str]
    name: Required[str]
    description: Required[str]
    shortDescription: Required[str]
    comment: str
    actor: Required[str]
    titleVerb: str
    accesses: Required[list[AccessRep]]
    target: ChangeTarget
    member: MemberSummary
    token: TokenSummary
    delta: list[dict[str, Any]]
    previousVersion: Any
    currentVersion: Any


class AuditEntriesRep(TypedDict):
    """A page of the audit log, the latest first."""

    items: list[AuditEntryRep]
    _links: dict[str, Any]


def audit_entry_rep(state: State, entry: Entry, *, whole: bool, modern: bool) -> AuditEntryRep:
    """An entry; the `whole` of it shows the documents before and after, whose secrets are masked.

    Clients of the founding generation can't read a target's resources; they get them in `accesses` alone.
    """
    change = change_rep(entry)
    before, after = change["previousVersion"], change["currentVersion"]
    plain = {key: value for key, value in change.items() if key not in ("previousVersion", "currentVersion")}
    body = cast(AuditEntryRep, plain)
    body["_links"] = {"self": link("auditlog", str(entry["id"])), "parent": link("auditlog")}
    body["_accountId"] = ACCOUNT_ID
    body["description"] = body["shortDescription"] = f"{entry['action']} {entry['target']}"
    if not modern:
        body["target"] = {"name": change["target"]["name"]}
    _tell_actor(body, state, entry["actor"])
    if whole:
        body["delta"] = _delta(before or {}, after or {})
        body |= {"previousVersion": before} if before is not None else {}
        body |= {"currentVersion": after} if after is not None else {}
    return body


def _tell_actor(body: AuditEntryRep, state: State, actor: str) -> None:
    kind, _, key = actor.partition("/")
    token = state.find(("token", "", key)) if kind == "token" else None
    if kind == "token":
        body["token"] = {"_id": key}
    if token is not None:
        body["token"] |= {"name": token.name, "serviceToken": token.service_token}
    member = state.find(("member", "", key if kind == "member" else token.member_id if token else ""))
    if member is not None:
        body["member"] = member_summary(member)


def _delta(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields that differ, as operations of a JSON Patch."""
    gone = [{"op": "remove", "path": f"/{name}"} for name in before if name not in after]
    new = [
        {"op": "replace" if name in before else "add", "path": f"/{name}", "value": value}
        for name, value in after.items()
        if name not in before or before[name] != value
    ]
    return [*gone, *new]
