"""From the bytes of a payload to its events, however odd: what can be read is kept, the rest is told apart."""

import json
from typing import Any

import msgspec

from assay.errors import InvalidRequest


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
        raise InvalidRequest("the payload is nested too deeply") from None
    except (ValueError, msgspec.DecodeError):
        return _decode_leniently(body)


def _decode_leniently(body: bytes) -> Any:
    """What strict JSON refuses but real SDKs send: bare NaN (Python), half a surrogate pair (JavaScript)."""
    try:
        return _scrub(json.loads(body.decode("utf-8", "replace"), parse_constant=lambda _: None))
    except RecursionError:
        raise InvalidRequest("the payload is nested too deeply") from None
    except ValueError as error:
        raise InvalidRequest(f"the payload is no JSON: {error}") from None


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
