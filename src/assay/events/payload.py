"""From the bytes of a payload to its events, however odd: what can be read is kept, the rest is told apart."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from assay.errors import InvalidRequest

# Longer ones Python refuses to read.
LONGEST_INTEGER = 4300

# What cuts an array apart: brackets and commas, and strings, so that those inside them don't count.
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)


def decode_payload(body: bytes) -> list[Any]:
    """The events of a payload, as plain values that can be encoded again.

    An object instead of an array is one event: js-core repeats a failed diagnostic on the analytics path.
    Raises `InvalidRequest` where the body is no JSON at all.
    """
    decoded = _decode(body)
    if isinstance(decoded, dict):
        return [decoded]
    if not isinstance(decoded, list):
        raise InvalidRequest("a payload is a JSON array of events")
    return decoded


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        return [_decode_alone(element) for element in _elements(body)]
    except (ValueError, msgspec.DecodeError):
        return _decode_leniently(body)


def _decode_alone(element: bytes) -> Any:
    """One event among others; bytes where it is nested too deeply to be read, which costs only itself."""
    try:
        return msgspec.json.decode(element)
    except RecursionError:
        return element
    except (ValueError, msgspec.DecodeError):
        return _decode_leniently(element)


def _elements(body: bytes) -> Iterator[bytes]:
    """The elements of an array, cut apart without reading them."""
    depth = start = 0
    for token in _TOKENS.finditer(body):
        mark = token[0]
        if mark in b"]}":
            depth -= 1
        if (depth, mark) in ((1, b","), (0, b"]")):
            yield body[start : token.start()]
            start = token.end()
        if mark in b"[{":
            depth += 1
            start = token.end() if depth == 1 else start
    if depth or body.lstrip()[:1] != b"[":
        raise InvalidRequest("the payload is nested too deeply")


def _decode_leniently(body: bytes) -> Any:
    """What strict JSON refuses but real SDKs send: bare NaN (Python), half a surrogate pair (JavaScript)."""
    try:
        text = body.decode("utf-8", "replace")
        return _scrub(json.loads(text, parse_constant=lambda _: None, parse_int=_number))
    except RecursionError:
        raise InvalidRequest("the payload is nested too deeply") from None
    except ValueError as error:
        raise InvalidRequest(f"the payload is no JSON: {error}") from None


def _number(digits: str) -> int | float:
    """A whole number; one of so many digits that no integer holds it is infinite."""
    return int(digits) if len(digits) < LONGEST_INTEGER else float("inf")


def _scrub(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, list):
        return [_scrub(item) for item in value]
    if isinstance(value, dict):
        return {_scrub(key): _scrub(item) for key, item in value.items()}
    return value
