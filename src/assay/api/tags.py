"""Tags: /api/v2/tags, every word that anything of a kind is tagged with."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypedDict
from urllib.parse import parse_qs, urlsplit

from assay.api.call import Answer, Call, Operation
from assay.api.links import Links
from assay.api.paging import paged
from assay.errors import InvalidRequest
from assay.store.state import State


class TagsRep(TypedDict):
    items: list[str]
    totalCount: int
    _links: Links


Tagged = Callable[[State, bool], Iterable[tuple[str, ...]]]


def list_tags(call: Call) -> Answer:
    """Tags by name; `kind` may stand several times or hold several, by commas."""
    state, archived, pre = call.rooms.store.state, call.boolean("archived"), call.query.get("pre", "")
    found = {
        tag
        for kind in _asked(call)
        for tags in KINDS[kind](state, archived)
        for tag in tags
        if tag.startswith(pre)
    }
    return Answer(body=paged(call, sorted(found), "tags", default=1000))


def _asked(call: Call) -> list[str]:
    given = parse_qs(urlsplit(call.target).query).get("kind", [])
    kinds = [kind for part in given for kind in part.split(",") if kind]
    for kind in kinds:
        if kind not in KINDS:
            raise InvalidRequest(f"kind takes {', '.join(sorted(KINDS))}, not {kind[:40]!r}")
    return kinds or list(KINDS)


def _on_shelf(kind: str) -> Tagged:
    """The tags of every record of a kind, in whatever project."""

    def tags(state: State, archived: bool) -> Iterable[tuple[str, ...]]:
        for (shelf_kind, _), shelf in state.records.items():
            if shelf_kind == kind:
                yield from (
                    record.tags
                    for record in shelf.values()
                    # Only flags are archived under this name; all else is never left out.
                    if kind != "flag" or record.archived == archived
                )

    return tags


def _of_environments(state: State, _archived: bool) -> Iterable[tuple[str, ...]]:
    for project in state.all("project").values():
        yield from (environment.tags for environment in project.environments)


KINDS: Mapping[str, Tagged] = {
    **{kind: _on_shelf(kind) for kind in ("flag", "metric", "project", "segment")},
    "environment": _of_environments,
}

OPERATIONS = (
    Operation(
        "GET",
        "/api/v2/tags",
        "reader",
        list_tags,
        answer=TagsRep,
        query=("kind", "pre", "archived", "limit", "offset"),
    ),
)
