"""The query language of listings: colon filters, operator filters, sort and expand."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from assay.api.call import Call
from assay.errors import InvalidRequest

T = TypeVar("T")

_NAME = re.compile(r"\s*([A-Za-z.]+)\s*:")


def colon_filters(text: str | None) -> dict[str, str]:
    """`field:value,field:value` by field; a value may be a JSON object or a list in brackets, commas included."""
    found: dict[str, str] = {}
    for part in _parts(text or ""):
        match = _NAME.match(part)
        if match is None:
            raise InvalidRequest(f"a filter is field:value, not {part[:40]!r}")
        if match[1] in found:
            raise InvalidRequest(f"the filter {match[1]} is given twice")
        found[match[1]] = part[match.end() :].strip()
    return found


def known_filters(text: str | None, known: Iterable[str]) -> dict[str, str]:
    """The same; `InvalidRequest` where a field is none of `known`."""
    found = colon_filters(text)
    strange = [name for name in found if name not in set(known)]
    if strange:
        raise InvalidRequest(f"there is no filter {strange[0]!r}; there are {', '.join(sorted(known))}")
    return found


def moment(text: str, name: str) -> tuple[int | None, int | None]:
    """`{"before": ms, "after": ms}` as (after, before)."""
    try:
        document = msgspec.json.decode(text, type=dict[str, int])
    except msgspec.DecodeError:
        raise InvalidRequest(f'{name} takes {{"before": ms}} or {{"after": ms}}') from None
    return document.get("after"), document.get("before")


def sorted_by(
    call: Call, items: list[T], keys: Mapping[str, Callable[[T], Any]], default: str | None = None
) -> list[T]:
    """The items in the order that `sort` asks for: fields by commas, the first counts most; `-field` descends."""
    asked = call.query.get("sort") or default or ""
    for part in reversed([part.strip() for part in asked.split(",") if part.strip()]):
        name = part.removeprefix("-")
        if name not in keys:
            raise InvalidRequest(
                f"sort takes {', '.join(sorted(keys))}, with - for descending, not {name[:40]!r}"
            )
        items = sorted(items, key=keys[name], reverse=part.startswith("-"))
    return items


def expanded(call: Call) -> frozenset[str]:
    """The names that `expand` lists."""
    return frozenset(part.strip() for part in call.query.get("expand", "").split(",") if part.strip())


def _parts(text: str) -> list[str]:
    """Splits at commas that stand outside braces, brackets and quotes."""
    parts, start, depth, quoted = [], 0, 0, False
    for at, letter in enumerate(text):
        if letter == '"':
            quoted = not quoted
        elif not quoted and letter in "{[(":
            depth += 1
        elif not quoted and letter in "}])":
            depth -= 1
        elif letter == "," and depth == 0 and not quoted:
            parts.append(text[start:at])
            start = at + 1
    return [part for part in (*parts, text[start:]) if part.strip()]
