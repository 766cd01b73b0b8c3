"""A flag's history: who changed what, when and why."""

from dataclasses import dataclass

from assay.dashboard.addresses import with_query
from assay.dashboard.changes import Change, action_words, changes_of
from assay.dashboard.flag_frame import FlagFrame, flag_frame, viewed_flag
from assay.dashboard.pages.flag_targeting import FLAG
from assay.dashboard.people import actor_words
from assay.dashboard.visit import Page, Shown, View, Visit
from assay.store.history import Entry, entries
from assay.store.state import State

PAGE_SIZE = 30


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """What somebody did at once."""

    id: int
    at_ms: int
    who: str
    action: str
    target: str
    comment: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class FlagHistoryPage:
    """`older`: where earlier entries are; empty at the end."""

    flag: FlagFrame
    entries: tuple[ChangeSet, ...]
    older: str


def show_history(visit: Visit) -> Shown:
    flag, _ = viewed_flag(visit)
    place = f"{visit.project.key}/{flag.key}"
    found, older = page_of_entries(visit, targets=(f"flag/{place}", f"experiments/{place}"))
    page = FlagHistoryPage(flag_frame(visit, "history"), found, older)
    return Page("flag_history.html", flag.name, page)


def page_of_entries(visit: Visit, *, targets: tuple[str, ...]) -> tuple[tuple[ChangeSet, ...], str]:
    """The targets' entries that `?before=` asks for, and the address of those before them.

    Whoever sees a page of the targets sees what became of them.
    """
    asked = visit.query.text("before")
    before = int(asked) if asked.isdecimal() and len(asked) < 19 else None
    store = visit.rooms.store
    found = entries(store, limit=PAGE_SIZE + 1, before=before, targets=targets)
    older = ""
    if len(found) > PAGE_SIZE:
        path = visit.target.partition("?")[0]
        older = with_query(path, before=found[PAGE_SIZE - 1].id)
    return change_sets(visit.state, found[:PAGE_SIZE]), older


def change_sets(state: State, found: list[Entry]) -> tuple[ChangeSet, ...]:
    """The entries in words, without those that go without saying."""
    return tuple(_change_set(state, entry) for entry in found if not _goes_without_saying(entry))


def _goes_without_saying(entry: Entry) -> bool:
    """A new flag's empty set of experiments."""
    return entry.target.startswith("experiments/") and entry.before is None


def _change_set(state: State, entry: Entry) -> ChangeSet:
    return ChangeSet(
        id=entry.id,
        at_ms=entry.at_ms,
        who=actor_words(state, entry.actor),
        action=action_words(entry.action),
        target=entry.target,
        comment=entry.comment,
        changes=changes_of(entry),
    )


VIEWS = (View("GET", FLAG + "/history", show_history, "flags"),)
