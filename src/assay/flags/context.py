"""Contexts of every shape (single, multi, old user) read into one: attributes by context kind."""

import hmac
import math
import re
from typing import Any

from assay.errors import InvalidRequest

Attributes = dict[str, Any]
Context = dict[str, Attributes]

USER = "user"
_KIND = re.compile(r"[-a-zA-Z0-9._]+")
_RESERVED_IN_CUSTOM = frozenset({"kind", "key", "anonymous", "_meta"})
_OLD_WRAPPERS = frozenset({"custom", "privateAttributeNames"})


def parse_context(document: object) -> Context:
    """The attributes of each context kind in `document`, or `InvalidRequest`, which never repeats a value.

    The documents of the parts are taken as they are, not copied: a part of a multi-context has no `kind` inside,
    a single context has. A document without `kind` is an old user.
    """
    if not isinstance(document, dict):
        raise InvalidRequest("a context is a JSON object")
    if "kind" not in document:
        return {USER: _old_user(document)}
    kind = document["kind"]
    if kind == "multi":
        return _parts(document)
    return {_checked_kind(kind): _checked(document)}


def canonical_key(context: Context) -> str:
    """One string for all keys of a context: what secure mode signs and what tells two contexts apart."""
    if len(context) == 1 and USER in context:
        key: str = context[USER]["key"]
        return key
    return ":".join(f"{kind}:{_escaped(context[kind]['key'])}" for kind in sorted(context))


def secure_mode_hash(context: Context, sdk_key: str) -> str:
    """What a browser must send as `h` to prove that its application knows this context."""
    message = canonical_key(context).encode("utf-8", "surrogatepass")
    return hmac.digest(sdk_key.encode(), message, "sha256").hex()


def _parts(document: dict[str, Any]) -> Context:
    context = {_checked_kind(kind): _checked(part) for kind, part in document.items() if kind != "kind"}
    if not context:
        raise InvalidRequest("a multi-context holds at least one context")
    return context


def _checked_kind(kind: object) -> str:
    if not isinstance(kind, str) or kind in ("kind", "multi") or not _KIND.fullmatch(kind):
        raise InvalidRequest("a context's kind holds letters, digits, '.', '_' and '-', and is not \"kind\"")
    return kind


def _checked(part: object) -> Attributes:
    if not isinstance(part, dict):
        raise InvalidRequest("each part of a multi-context is a JSON object")
    key = part.get("key")
    if not isinstance(key, str) or not key:
        raise InvalidRequest("a context's key is a string that is not empty")
    if not isinstance(part.get("name"), str | None):
        raise InvalidRequest("a context's name is a string")
    if not isinstance(part.get("anonymous"), bool | None):
        raise InvalidRequest("a context's anonymous is true or false")
    if "_meta" in part:
        _check_meta(part["_meta"])
    return part


def _check_meta(meta: object) -> None:
    if meta is None:
        return
    private = meta.get("privateAttributes") if isinstance(meta, dict) else False
    if private is not None and (
        not isinstance(private, list) or not all(isinstance(reference, str) for reference in private)
    ):
        raise InvalidRequest("a context's _meta.privateAttributes is a list of strings")


def _old_user(user: dict[str, Any]) -> Attributes:
    """`custom` moves to the top, where the attributes that a user always had win over it."""
    custom = user.get("custom")
    if not isinstance(custom, dict | None):
        raise InvalidRequest("a user's custom is a JSON object")
    attributes = {name: value for name, value in (custom or {}).items() if name not in _RESERVED_IN_CUSTOM}
    attributes |= {
        name: value for name, value in user.items() if value is not None and name not in _OLD_WRAPPERS
    }
    attributes["key"] = _old_key(user.get("key"))
    if user.get("privateAttributeNames") is not None:
        attributes["_meta"] = {"privateAttributes": user["privateAttributeNames"]}
    # An empty key was legal for users, and only for them.
    _checked(attributes if attributes["key"] else attributes | {"key": "empty"})
    return attributes


def _old_key(key: object) -> str:
    """Old browsers sent numbers as keys and meant the text that JavaScript makes of them."""
    if isinstance(key, str):
        return key
    if isinstance(key, bool) or not isinstance(key, int | float) or not math.isfinite(key):
        raise InvalidRequest("a user's key is a string")
    return str(int(key)) if key == int(key) else str(key)


def _escaped(key: str) -> str:
    return key.replace("%", "%25").replace(":", "%3A")
