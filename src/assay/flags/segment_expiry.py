"""Members with an end: named by instructions of their own, taken from their list when their time has come."""

from collections.abc import Callable
from typing import Any, get_args

from msgspec.structs import replace

from assay.errors import InvalidRequest, OptimisticLock
from assay.flags.context import USER
from assay.flags.instructions_parameters import Instruction, folded
from assay.flags.segment import ExpiringMember, Segment, Side, listed
from assay.flags.segment_instructions import with_keys

ADD = ("addexpiringtarget", "addexpireusertargetdate")
UPDATE = ("updateexpiringtarget", "updateexpireusertargetdate")
REMOVE = ("removeexpiringtarget", "removeexpireusertargetdate")


def apply_member_expiry(
    segment: Segment, instructions: list[Any], *, now_ms: int, new_id: Callable[[], str]
) -> Segment:
    """The segment after all instructions, or none of them; older clients say `userKey` where it is a user's."""
    for place, raw in enumerate(instructions):
        kind = raw.get("kind") if isinstance(raw, dict) else None
        if not isinstance(kind, str):
            raise InvalidRequest(f"instructions[{place}] must be an object with a kind")
        try:
            segment = _applied(segment, folded(kind, raw, "instruction"), now_ms, new_id)
        except InvalidRequest as error:
            raise InvalidRequest(f"instructions[{place}] {kind[:80]}: {error}") from None
    return segment


def still_expiring(segment: Segment) -> Segment:
    """The segment without ends of keys that left their list by other ways."""
    kept = tuple(member for member in segment.expiring if _is_listed(segment, member))
    return segment if kept == segment.expiring else replace(segment, expiring=kept)


def without_expired(segment: Segment, now_ms: int) -> Segment:
    """The segment as it is now: who has expired is in no list any more."""
    for member in segment.expiring:
        if member.expiration_date <= now_ms:
            side, kind = member.target_type, member.context_kind
            keys = listed(segment, kind, included=side == "included") - {member.context_key}
            segment = with_keys(segment, side, kind, keys)
    return still_expiring(segment)


def _applied(segment: Segment, instruction: Instruction, now_ms: int, new_id: Callable[[], str]) -> Segment:
    word, place = instruction.kind.lower(), _place(instruction)
    held = next((one for one in segment.expiring if _place_of(one) == place), None)
    others = tuple(one for one in segment.expiring if one is not held)
    if word in REMOVE:
        return replace(segment, expiring=others)
    if word not in (*ADD, *UPDATE):
        raise InvalidRequest("there is no such instruction; there are add-, update- and removeExpiringTarget")
    side, kind, key = place
    if (held is None) != (word in ADD):
        raise InvalidRequest(f"{kind} {key[:80]!r} expires {'not yet' if held is None else 'already'}")
    at_ms = instruction.given.get("value")
    if type(at_ms) is not int or at_ms <= now_ms:
        raise InvalidRequest("it needs epoch milliseconds in the future as value")
    version = instruction.given.get("version")
    if held is not None and version is not None and version != held.version:
        raise OptimisticLock(f"the expiring target has version {held.version}")
    if held is None:
        made = ExpiringMember(new_id(), key, side, at_ms, kind)
        if not _is_listed(segment, made):
            raise InvalidRequest(f"{kind} {key[:80]!r} is not {side}")
    else:
        made = replace(held, expiration_date=at_ms, version=held.version + 1)
    return replace(segment, expiring=(*others, made))


def _place(instruction: Instruction) -> tuple[Side, str, str]:
    side = instruction.text("targetType")
    for known in get_args(Side):
        if side == known:
            if instruction.has("userKey"):
                return known, USER, instruction.text("userKey")
            return known, instruction.text_or("contextKind", USER), instruction.text("contextKey")
    raise InvalidRequest("it needs included or excluded as targetType")


def _place_of(member: ExpiringMember) -> tuple[Side, str, str]:
    return member.target_type, member.context_kind, member.context_key


def _is_listed(segment: Segment, member: ExpiringMember) -> bool:
    side, kind, key = _place_of(member)
    return key in listed(segment, kind, included=side == "included")
