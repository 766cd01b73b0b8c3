"""The second flag delivery protocol: the same flags as change sets with a selector, as pure values."""

from collections.abc import Iterable
from typing import Any

from assay.sdk.broadcast import encode_message

Event = tuple[str, dict[str, Any]]


def selector(environment_id: str, version: int) -> str:
    """The name of a state; only characters that need no escaping in a URL, since Node sends it raw."""
    return f"{environment_id}.{version}"


def transfer(environment_id: str, version: int, objects: Iterable[Event], basis: str | None) -> list[Event]:
    """What brings a client from `basis` to the current state: nothing, or everything."""
    current = basis == selector(environment_id, version)
    reason = "up-to-date" if current else "payload-missing" if basis is None else "stale"
    payload = {"id": environment_id, "target": version, "intentCode": "none" if current else "xfer-full"}
    intent: Event = ("server-intent", {"payloads": [payload | {"reason": reason}]})
    return [intent] if current else [intent, *objects, transferred(environment_id, version)]


def transferred(environment_id: str, version: int) -> Event:
    """The end of a change set, from where on it counts."""
    state = selector(environment_id, version)
    return "payload-transferred", {"state": state, "version": version, "id": environment_id}


def put_object(kind: str, key: str, version: int, content: dict[str, Any]) -> Event:
    return "put-object", {"kind": kind, "key": key, "version": version, "object": content}


def delete_object(kind: str, key: str, version: int) -> Event:
    return "delete-object", {"kind": kind, "key": key, "version": version}


def polled(events: list[Event]) -> dict[str, Any]:
    """The events as the answer to a poll."""
    return {"events": [{"event": name, "data": data} for name, data in events]}


def streamed(events: list[Event]) -> bytes:
    """The events as messages of a stream."""
    return b"".join(encode_message(name, data) for name, data in events)
