"""Attribute references: a plain name, or a path that begins with a slash, read from a context's attributes."""

import re
from collections.abc import Callable
from typing import Any

from assay.flags.context import Attributes

Path = tuple[str, ...]
Reader = Callable[[Attributes], Any]

_BAD_ESCAPE = re.compile(r"~(?![01])")


class Malformed(Exception):
    """Evaluation met a fault of a flag or a segment. `prerequisites`: those evaluated before, of the flag asked for."""

    def __init__(self, prerequisites: tuple[str, ...] = ()) -> None:
        super().__init__("malformed flag")
        self.prerequisites = prerequisites


def parse_reference(reference: str, *, literal: bool) -> Path | None:
    """The names to follow; `literal`: the whole text is one name. None for what is no reference."""
    if not reference:
        return None
    if literal or not reference.startswith("/"):
        return (reference,)
    names = reference[1:].split("/")
    if not all(names) or _BAD_ESCAPE.search(reference):
        return None
    return tuple(name.replace("~1", "/").replace("~0", "~") for name in names)


def compile_reference(path: Path | None, kind: str) -> Reader:
    """Reads the value that `path` leads to in the attributes of a context of `kind`; None where there is none."""
    if path is None:
        return _refuse
    first, *rest = path
    if first == "kind" and not rest:
        return lambda _attributes: kind
    if first in ("kind", "_meta"):
        return lambda _attributes: None
    if rest:
        return _nested(path)
    if first == "anonymous":
        return lambda attributes: attributes.get("anonymous") is True
    return lambda attributes: attributes.get(first)


def _refuse(_attributes: Attributes) -> Any:
    raise Malformed


def _nested(path: Path) -> Reader:
    def read(attributes: Attributes) -> Any:
        value: Any = attributes
        for name in path:
            if not isinstance(value, dict):
                return None
            value = value.get(name)
        return value

    return read
