"""Hypermedia: where things are, with their keys percent-encoded."""

from typing import Any
from urllib.parse import quote

ROOT = "/api/v2"

Link = dict[str, str]
Links = dict[str, Link]


def link(*path: str) -> Link:
    """A link to the resource at the path below the API's root."""
    return {"href": "/".join((ROOT, *(quote(part, safe="") for part in path))), "type": "application/json"}


def page_of(items: list[Any], limit: int | None, offset: int | None) -> list[Any]:
    """The part of a listing that was asked for."""
    start = max(0, offset or 0)
    return items[start:] if limit is None or limit < 0 else items[start : start + limit]


def listing(items: list[Any], total: int, *path: str) -> dict[str, Any]:
    """A collection's body."""
    return {"items": items, "totalCount": total, "_links": {"self": link(*path)}}
