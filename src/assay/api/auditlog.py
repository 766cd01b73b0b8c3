"""The audit log: /api/v2/auditlog. Everybody sees the entries of what they may view; secrets are masked in all."""

import re
from collections.abc import Iterator
from dataclasses import asdict
from urllib.parse import urlencode

from assay.access.policies import Grant, Resource, check_statements, permits
from assay.access.rights import may, with_tags
from assay.api.call import Answer, Call, Operation
from assay.api.changes import resources_of
from assay.api.links import link
from assay.api.naming import thing_of
from assay.api.patching import converted
from assay.api.representations.audit import AuditEntriesRep, AuditEntryRep, audit_entry_rep
from assay.errors import InvalidRequest, NotFound
from assay.store.history import entries
from assay.store.records import Statement
from assay.store.store import Entry

PAGE = 20
MOST_ENTRIES = 100

# A page is given up after so many entries, most of which the filter leaves out; its link goes on from there.
MOST_READ = 5000
BATCH = 500

ENTRY_ID = re.compile("[0-9]{1,18}")
LISTED_BY = ("before", "after", "q", "limit", "spec", "member", "token", "beforeId")


def list_audit_entries(call: Call) -> Answer:
    """The latest changes: `before` and `after` are epoch ms, `spec` a resource as policies write it."""
    return Answer(body=_page(call, ()))


def find_audit_entries(call: Call) -> Answer:
    """The same, of what the statements in the body allow."""
    return Answer(body=_page(call, check_statements(converted(call.body, list[Statement]))))


def get_audit_entry(call: Call) -> Answer:
    """One change, with the documents before and after it."""
    asked = call.path["entry"]
    if ENTRY_ID.fullmatch(asked):
        for found in entries(call.rooms.store, limit=1, before=int(asked) + 1):
            entry: Entry = asdict(found)
            if found.id == int(asked) and _visible(call, entry):
                return Answer(
                    body=audit_entry_rep(call.rooms.store.state, entry, whole=True, modern=call.modern)
                )
    raise NotFound("Unknown audit log entry")


def _page(call: Call, statements: tuple[Statement, ...]) -> AuditEntriesRep:
    spec = call.query.get("spec")
    if spec:
        more = Statement("allow", resources=(spec,), actions=("*",))
        statements = check_statements((*statements, more))
    asked = call.whole_number("limit")
    limit = PAGE if asked is None or asked < 1 else min(asked, MOST_ENTRIES)
    found: list[Entry] = []
    last = None
    for number, entry in enumerate(_wanted(call), 1):
        if _visible(call, entry) and _meant(call, statements, entry):
            found.append(entry)
        last = entry["id"]
        if len(found) == limit or number == MOST_READ:
            break
    else:
        last = None
    state = call.rooms.store.state
    return {
        "items": [audit_entry_rep(state, entry, whole=False, modern=call.modern) for entry in found],
        "_links": {"self": link("auditlog")} | ({} if last is None else {"next": _next(call, last)}),
    }


def _wanted(call: Call) -> Iterator[Entry]:
    """The entries of the period, the actor and the words asked for, the latest first."""
    period = call.whole_number("after"), call.whole_number("before")
    before, actor = call.whole_number("beforeId"), _actor(call)
    while True:
        batch = entries(
            call.rooms.store,
            limit=BATCH,
            before=before,
            contains=call.query.get("q", ""),
            actor=actor,
            period_ms=period,
        )
        yield from map(asdict, batch)
        if len(batch) < BATCH:
            return
        before = batch[-1].id


def _actor(call: Call) -> str:
    named = [f"{kind}/{call.query[kind]}" for kind in ("member", "token") if call.query.get(kind)]
    if len(named) > 1:
        raise InvalidRequest("entries are of a member or of a token")
    return named[0] if named else ""


def _visible(call: Call, entry: Entry) -> bool:
    return all(_may_view(call, resource) for resource in resources_of(entry))


def _may_view(call: Call, resource: Resource) -> bool:
    """What lies in a project is for whoever views the project; of the rest only members are for readers."""
    first = resource[0]
    if first.kind == "proj":
        return call.may("viewProject", f"proj/{first.name}")
    role = "reader" if first.kind == "member" else "admin"
    return may(call.rooms.store.state, call.token, role, f"view{thing_of(first.kind)}", resource)


def _meant(call: Call, statements: tuple[Statement, ...], entry: Entry) -> bool:
    grant, state = Grant(statements=statements), call.rooms.store.state
    return not statements or any(
        permits(grant, "owner", entry["action"], with_tags(state, resource))
        for resource in resources_of(entry)
    )


def _next(call: Call, last: int) -> dict[str, str]:
    kept = {name: value for name, value in call.query.items() if name != "beforeId"}
    place = link("auditlog")
    return {**place, "href": f"{place['href']}?{urlencode({**kept, 'beforeId': last})}"}


AUDITLOG = "/api/v2/auditlog"
VIEW = "viewAuditLog"

OPERATIONS = (
    Operation(
        "GET",
        AUDITLOG,
        "reader",
        list_audit_entries,
        answer=AuditEntriesRep,
        query=LISTED_BY,
        action=VIEW,
    ),
    Operation(
        "POST",
        AUDITLOG,
        "reader",
        find_audit_entries,
        body=list[Statement],
        answer=AuditEntriesRep,
        query=LISTED_BY,
        action=VIEW,
    ),
    Operation("GET", f"{AUDITLOG}/{{entry}}", "reader", get_audit_entry, answer=AuditEntryRep, action=VIEW),
)
