"""From the bytes of a payload to its events, however odd: what can be read is kept, the rest is told apart."""

import json
import re
from typing import Any

import msgspec

from assay.errors import InvalidRequest

# Far from where Python's own limit makes reading, writing or recovering a line fail.
DEEPEST_NESTING = 200

# Python refuses to read longer whole numbers, for their cost.
MOST_DIGITS = 4_300

_STRINGS_AND_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def decode_payload(body: bytes) -> list[Any]:
    """The events of a payload, as plain values that can be encoded again.

    An object instead of an array is one event: js-core repeats a failed diagnostic on the analytics path.
    Raises `InvalidRequest` where the body is no JSON at all.
    """
    try:
        decoded = _decode(body)
    except RecursionError:
        decoded = _decode_shallow(body)
    if isinstance(decoded, dict):
        return [decoded]
    if not isinstance(decoded, list):
        raise InvalidRequest("a payload is a JSON array of events")
    return decoded


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (ValueError, msgspec.DecodeError):
        return _decode_leniently(body)


def _decode_leniently(body: bytes) -> Any:
    """What strict JSON refuses but real SDKs send: bare NaN (Python), half a surrogate pair (JavaScript)."""
    try:
        text = body.decode("utf-8", "replace")
        return _scrub(json.loads(text, parse_constant=lambda _: None, parse_int=_whole_number))
    except ValueError as error:
        raise InvalidRequest(f"the payload is no JSON: {error}") from None


def _whole_number(digits: str) -> int | None:
    return int(digits) if len(digits) <= MOST_DIGITS else None


def _decode_shallow(body: bytes) -> Any:
    """The payload without what no reader can follow, so that one such event doesn't cost its neighbours."""
    try:
        return _decode(_without_deep_events(body))
    except RecursionError:
        raise InvalidRequest("the payload is nested too deeply") from None


def _without_deep_events(body: bytes) -> bytes:
    """The payload with a string in the place of each event that is nested too deeply."""
    pieces: list[bytes] = []
    depth = deepest = start = copied = 0
    for found in _STRINGS_AND_BRACKETS.finditer(body):
        mark = found[0]
        if mark in b"[{":
            depth += 1
            start, deepest = (found.start(), 0) if depth == 2 else (start, max(deepest, depth))
        elif mark in b"]}":
            if depth == 2 and deepest - 1 > DEEPEST_NESTING:
                pieces += [body[copied:start], b'"nested too deeply"']
                copied = found.end()
            depth -= 1
    return b"".join([*pieces, body[copied:]])


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
