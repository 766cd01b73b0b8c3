"""The event kinds SDKs send, in every schema that still lives, and who they are about."""

from typing import Annotated, Any

import msgspec

WITH_KEY = frozenset({"feature", "debug", "custom", "click", "pageview", "click_pageview"})
KINDS = WITH_KEY | {"index", "identify", "summary", "migration_op", "alias"}
METRIC_KINDS = frozenset({"custom", "click", "pageview"})

MOST_CONTEXT_KINDS = 50
LATEST_MS = 8.64e15  # the last time that JavaScript's Date can hold

Version = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
VariationIndex = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
EventTime = Annotated[float, msgspec.Meta(ge=-LATEST_MS, le=LATEST_MS)]


class BadEvent(ValueError):
    """An event that can't count; `reason` is a stable word for the quarantine and the counters."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Reason(msgspec.Struct, frozen=True, rename="camel"):
    """Why a variation was chosen, as far as the analysis needs to know."""

    kind: str | None = None
    rule_id: str | None = None
    in_experiment: bool | None = None


class WireEvent(msgspec.Struct, frozen=True, rename="camel"):
    """The fields that decide what an event means; the rest of it is kept, unread."""

    kind: str
    creation_date: EventTime | None = None
    key: str | None = None
    version: Version | None = None
    variation: VariationIndex | None = None
    reason: Reason | None = None
    metric_value: float | None = None
    context: dict[str, Any] | None = None
    context_keys: dict[str, Any] | None = None
    user: dict[str, Any] | None = None
    user_key: str | int | float | None = None


class UnitKey(msgspec.Struct, frozen=True):
    """One context that an event is about: its kind and key."""

    kind: str
    key: str


def read_event(raw: Any) -> WireEvent:
    """The event, or `BadEvent` with the first thing wrong with it."""
    if not isinstance(raw, dict):
        raise BadEvent("not_an_object")
    try:
        event = msgspec.convert(raw, WireEvent)
    except msgspec.ValidationError as error:
        raise BadEvent(field_reason(str(error))) from None
    if event.kind not in KINDS:
        raise BadEvent("unknown_kind")
    if event.kind in WITH_KEY and not event.key:
        raise BadEvent("key_missing")
    if event.kind in WITH_KEY and event.creation_date is None:
        raise BadEvent("creation_date_missing")
    return event


def units(event: WireEvent) -> tuple[UnitKey, ...]:
    """Whom the event is about, by whichever field its schema uses: context, contextKeys, user or userKey."""
    if event.context is not None:
        return _context_units(event.context)
    if event.context_keys is not None:
        return _bounded(UnitKey(kind, _key(key)) for kind, key in event.context_keys.items())
    if event.user is not None:
        return (UnitKey("user", _key(event.user.get("key"))),)
    return () if event.user_key is None else (UnitKey("user", _key(event.user_key)),)


def _context_units(context: dict[str, Any]) -> tuple[UnitKey, ...]:
    kind = context.get("kind", "user")
    if kind != "multi":
        if not isinstance(kind, str):
            raise BadEvent("context_invalid")
        return (UnitKey(kind, _key(context.get("key"))),)
    parts = [(name, part) for name, part in context.items() if name != "kind"]
    if not all(isinstance(part, dict) for _, part in parts):
        raise BadEvent("context_invalid")
    return _bounded(UnitKey(name, _key(part.get("key"))) for name, part in parts)


def _bounded(found: Any) -> tuple[UnitKey, ...]:
    result = tuple(found)
    if len(result) > MOST_CONTEXT_KINDS:
        raise BadEvent("too_many_context_kinds")
    return result


def _key(key: object) -> str:
    """A context's key; old browsers may send numbers."""
    if isinstance(key, bool) or not isinstance(key, str | int | float) or key == "":
        raise BadEvent("context_invalid")
    return str(key)


def field_reason(message: str) -> str:
    """ "Expected `int`, got `str` - at `$.reason.ruleId`" becomes "reason_invalid"; without a field "kind_missing"."""
    if "missing required field" in message and "`$" not in message:
        return "kind_missing"
    path = message.rpartition("`$")[2].strip("`.")
    field = path.partition(".")[0].partition("[")[0]
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in field)
    return f"{snake or 'event'}_invalid"
