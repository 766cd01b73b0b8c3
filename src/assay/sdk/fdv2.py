"""The second flag delivery protocol for server-side SDKs: the same flags as change sets with a selector."""

from typing import Any

import msgspec

from assay.sdk.broadcast import Update
from assay.sdk.payloads import FlagSet

Event = tuple[str, dict[str, Any]]


def selector(environment_id: str, version: int) -> str:
    """The name of a state; only characters that need no escaping in a URL, since Node sends it raw."""
    return f"{environment_id}.{version}"


def transfer(environment_id: str, flags: FlagSet, basis: str | None, kind: str = "flag") -> list[Event]:
    """What brings a client from `basis` to the current state: nothing, or everything."""
    intent = "none" if basis == selector(environment_id, flags.version) else "xfer-full"
    reason = "up-to-date" if intent == "none" else "payload-missing" if basis is None else "stale"
    payload = {"id": environment_id, "target": flags.version, "intentCode": intent, "reason": reason}
    start: Event = ("server-intent", {"payloads": [payload]})
    if intent == "none":
        return [start]
    objects = [_put(kind, flag) for flag in msgspec.json.decode(flags.body)["flags"].values()]
    return [start, *objects, transferred(environment_id, flags.version)]


def change(environment_id: str, update: Update) -> list[Event]:
    """A flag's change after the first transfer, which needs no new intent."""
    if update.delivered is None:
        gone = {"kind": "flag", "key": update.flag, "version": update.version}
        return [("delete-object", gone), transferred(environment_id, update.version)]
    return [_put("flag", update.delivered), transferred(environment_id, update.version)]


def transferred(environment_id: str, version: int) -> Event:
    state = selector(environment_id, version)
    return "payload-transferred", {"state": state, "version": version, "id": environment_id}


def _put(kind: str, flag: dict[str, Any]) -> Event:
    return "put-object", {"kind": kind, "key": flag["key"], "version": flag["version"], "object": flag}
