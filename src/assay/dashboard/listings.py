"""Pages of a list: the part that is shown, and where its neighbours are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from assay.dashboard.addresses import with_query
from assay.dashboard.visit import Visit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pager(Generic[T]):
    """The items of one page, numbered from 1; `previous` and `next` are addresses, or empty."""

    items: tuple[T, ...]
    page: int
    pages: int
    total: int
    previous: str = ""
    next: str = ""


def page_of(visit: Visit, items: Sequence[T], size: int, **kept: str) -> Pager[T]:
    """The page that `?page=` asks for; `kept`: the other parameters of the address."""
    asked = visit.query.text("page", "1")
    pages = max(1, -(-len(items) // size))
    page = min(max(1, int(asked)) if asked.isdecimal() and len(asked) < 10 else 1, pages)
    path = visit.target.partition("?")[0]
    return Pager(
        items=tuple(items[(page - 1) * size : page * size]),
        page=page,
        pages=pages,
        total=len(items),
        previous=with_query(path, **kept, page=page - 1) if page > 1 else "",
        next=with_query(path, **kept, page=page + 1) if page < pages else "",
    )
