"""Targets with an end: named by instructions of their own, taken away when their time has come."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from assay.errors import InvalidRequest, OptimisticLock
from assay.flags.context import USER
from assay.flags.instructions_parameters import Instruction, folded, index_of
from assay.flags.model import ExpiringTarget, Flag, FlagConfig
from assay.flags.targets import targeted, with_targets

ADD = ("addexpiringtarget", "addexpireusertargetdate")
UPDATE = ("updateexpiringtarget", "updateexpireusertargetdate")
REMOVE = ("removeexpiringtarget", "removeexpireusertargetdate")


def apply_expiry(
    flag: Flag, environment: str, instructions: list[Any], *, now_ms: int, new_id: Callable[[], str]
) -> Flag:
    """The flag after all instructions, or none of them; older clients say `userKey` where it is a user's."""
    config = flag.environments[environment]
    for place, raw in enumerate(instructions):
        kind = raw.get("kind") if isinstance(raw, dict) else None
        if not isinstance(kind, str):
            raise InvalidRequest(f"instructions[{place}] must be an object with a kind")
        try:
            instruction = folded(kind, raw, "instruction")
            config = _applied(flag, config, instruction, now_ms=now_ms, new_id=new_id)
        except InvalidRequest as error:
            raise InvalidRequest(f"instructions[{place}] {kind}: {error}") from None
    return replace(flag, environments={**flag.environments, environment: config})


def without_expired(flag: Flag, now_ms: int) -> Flag:
    """The flag as it is now: what has expired is no target any more."""
    configs = {key: _unexpired(flag, config, now_ms) for key, config in flag.environments.items()}
    return flag if configs == flag.environments else replace(flag, environments=configs)


def _unexpired(flag: Flag, config: FlagConfig, now_ms: int) -> FlagConfig:
    over = [target for target in config.expiring_targets if target.expiration_date <= now_ms]
    if not over:
        return config
    ids = [variation.id for variation in flag.variations]
    gone = {(target.context_kind, target.context_key, target.variation_id) for target in over}
    kept = {
        (kind, variation): tuple(key for key in keys if (kind, key, ids[variation]) not in gone)
        for (kind, variation), keys in targeted(config).items()
    }
    left = tuple(target for target in config.expiring_targets if target not in over)
    return replace(with_targets(config, kept), expiring_targets=left)


def _applied(
    flag: Flag, config: FlagConfig, instruction: Instruction, *, now_ms: int, new_id: Callable[[], str]
) -> FlagConfig:
    kind, key = _who(instruction)
    held = next(
        (one for one in config.expiring_targets if (one.context_kind, one.context_key) == (kind, key)), None
    )
    others = tuple(one for one in config.expiring_targets if one is not held)
    if instruction.kind.lower() in REMOVE:
        return replace(config, expiring_targets=others)
    if instruction.kind.lower() not in (*ADD, *UPDATE):
        raise InvalidRequest("there is no such instruction; there are add-, update- and removeExpiringTarget")
    if (held is None) != (instruction.kind.lower() in ADD):
        raise InvalidRequest(f"{kind} {key!r} {'does not expire yet' if held is None else 'expires already'}")
    variation = instruction.text("variationId")
    if key not in targeted(config).get((kind, index_of(flag.variations, variation)), ()):
        raise InvalidRequest(f"{kind} {key!r} is no target of this variation")
    at_ms = _date(instruction, now_ms)
    if held is None:
        made = ExpiringTarget(new_id(), key, variation, at_ms, kind)
    else:
        made = _updated(held, variation, at_ms, instruction.given.get("version"))
    return replace(config, expiring_targets=(*others, made))


def _updated(held: ExpiringTarget, variation: str, at_ms: int, version: object) -> ExpiringTarget:
    if version is not None and version != held.version:
        raise OptimisticLock(f"the expiring target has version {held.version}, not {version!r}")
    return replace(held, variation_id=variation, expiration_date=at_ms, version=held.version + 1)


def _who(instruction: Instruction) -> tuple[str, str]:
    if instruction.has("userKey"):
        return USER, instruction.text("userKey")
    return instruction.text_or("contextKind", USER), instruction.text("contextKey")


def _date(instruction: Instruction, now_ms: int) -> int:
    value = instruction.given.get("value")
    if type(value) is not int or value <= now_ms:
        raise InvalidRequest("it needs epoch milliseconds in the future as value")
    return value
