"""The audit log: every change of anything, newest first."""

from dataclasses import dataclass

from assay.api import auditlog
from assay.dashboard.pages.flag_history import ChangeSet, page_of_entries
from assay.dashboard.perform import check
from assay.dashboard.visit import Page, Shown, View, Visit


@dataclass(frozen=True, slots=True)
class AuditPage:
    """`older`: the address of the entries before these; empty at the end."""

    query: str
    entries: tuple[ChangeSet, ...]
    older: str


def show_audit(visit: Visit) -> Shown:
    check(visit, auditlog.list_audit_entries)
    query = visit.query.text("q")
    found, older = page_of_entries(visit, contains=query)
    return Page("audit.html", "Audit log", AuditPage(query, found, older))


VIEWS = (View("GET", "/audit", show_audit, "audit"),)
