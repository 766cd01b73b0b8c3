"""The audit log: every change of anything, newest first."""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from assay.api import auditlog
from assay.dashboard.addresses import with_query
from assay.dashboard.pages.flag_history import PAGE_SIZE, ChangeSet, change_sets
from assay.dashboard.perform import perform
from assay.dashboard.visit import Page, Shown, View, Visit
from assay.store.history import entries


@dataclass(frozen=True, slots=True)
class AuditPage:
    """`older`: the address of the entries before these; empty at the end."""

    query: str
    entries: tuple[ChangeSet, ...]
    older: str


def show_audit(visit: Visit) -> Shown:
    """What the REST API lists; the documents before and after are read for what is shown of it."""
    query, before = visit.query.text("q"), visit.query.text("before")
    asked = {"q": query, "limit": str(PAGE_SIZE)}
    if before.isascii() and before.isdecimal() and len(before) < 19:
        asked["beforeId"] = before
    listed = perform(visit, auditlog.list_audit_entries, query=asked)
    numbers = [int(item["_id"]) for item in listed["items"]]
    found = [entry for number in numbers for entry in entries(visit.rooms.store, limit=1, before=number + 1)]
    shown = change_sets(visit.state, found)
    return Page("audit.html", "Audit log", AuditPage(query, shown, _older(query, listed["_links"])))


def _older(query: str, links: dict[str, dict[str, str]]) -> str:
    """Where the REST API says that the list goes on."""
    if "next" not in links:
        return ""
    following = parse_qs(urlsplit(links["next"]["href"]).query)
    return with_query("/audit", q=query, before=following["beforeId"][0])


VIEWS = (View("GET", "/audit", show_audit, "audit"),)
