"""Pages of a listing: limit and offset in, the part and its links out."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from assay.api.call import MODERN, Call
from assay.api.links import link

MOST_ITEMS = 1000


def paged(
    call: Call,
    items: Sequence[Any],
    *path: str,
    default: int | None = None,
    since: str = MODERN,
    most: int = MOST_ITEMS,
) -> dict[str, Any]:
    """The collection's body without its items' representations: `items` holds the records of the page asked for.

    `default` is the page's size where a caller of the version `since` names none; those before it get all.
    `most`: no page that is asked for is larger.
    """
    asked = call.whole_number("limit")
    limit = (default if call.since(since) else None) if asked is None or asked <= 0 else min(asked, most)
    offset = max(0, call.whole_number("offset") or 0)
    page = list(items[offset:] if limit is None else items[offset : offset + limit])
    links = {"self": _page(call, path, limit, offset)}
    if limit is not None:
        links |= _neighbours(call, path, limit=limit, offset=offset, total=len(items))
    return {"items": page, "totalCount": len(items), "_links": links}


def _neighbours(
    call: Call, path: tuple[str, ...], *, limit: int, offset: int, total: int
) -> dict[str, dict[str, str]]:
    """Links to the pages around; those that don't exist are left out."""
    links, last = {}, max(0, (total - 1) // limit * limit)
    if offset > 0:
        links["first"] = _page(call, path, limit, 0)
        # From behind the end the way back leads to the last page.
        links["prev"] = _page(call, path, limit, last if offset >= total else max(0, offset - limit))
    if offset + limit < total:
        links["next"] = _page(call, path, limit, offset + limit)
        links["last"] = _page(call, path, limit, last)
    return links


def _page(call: Call, path: tuple[str, ...], limit: int | None, offset: int) -> dict[str, str]:
    kept = {name: value for name, value in call.query.items() if name not in ("limit", "offset")}
    if limit is not None:
        kept |= {"limit": str(limit), "offset": str(offset)}
    place = link(*path)
    return {**place, "href": f"{place['href']}?{urlencode(kept)}"} if kept else place
