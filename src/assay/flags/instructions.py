"""Semantic patches: each instruction is a pure function from a flag to its next state, and all are taken or none."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from assay.errors import InvalidRequest
from assay.flags.instructions_parameters import Instruction, Scene, folded, index_of
from assay.flags.instructions_rules import RULE_INSTRUCTIONS, ConfigChange
from assay.flags.instructions_settings import SETTING_INSTRUCTIONS
from assay.flags.instructions_targets import TARGET_INSTRUCTIONS
from assay.flags.model import Flag, FlagConfig

DELETE = "deleteFlag"


def apply_instructions(
    flag: Flag,
    environment: str | None,
    instructions: list[Any],
    *,
    flags: Mapping[str, Flag],
    now_ms: int,
    new_id: Callable[[], str],
) -> Flag:
    """The flag after all `instructions`, in order; none of them is applied where one is refused.

    `flags` are those of the project, which may become prerequisites; `new_id` names new rules, clauses, variations.
    """
    for place, raw in enumerate(instructions):
        instruction = _instruction(place, raw)
        try:
            flag = _apply(Scene(flag, flags, now_ms, new_id), environment, instruction)
        except InvalidRequest as error:
            raise InvalidRequest(f"instructions[{place}] {instruction.kind}: {error}") from None
    return flag


def deletes_flag(instructions: list[Any]) -> bool:
    """Whether they ask for the flag's end, which no other instruction may stand beside."""
    kinds = [_instruction(place, raw).kind.lower() for place, raw in enumerate(instructions)]
    if DELETE.lower() in kinds and len(kinds) > 1:
        raise InvalidRequest(f"{DELETE} must be the only instruction")
    return DELETE.lower() in kinds


def _instruction(place: int, raw: object) -> Instruction:
    if not isinstance(raw, dict) or not isinstance(raw.get("kind"), str):
        raise InvalidRequest(f"instructions[{place}] must be an object with a kind")
    return folded(raw["kind"], raw, "instruction")


def _apply(scene: Scene, environment: str | None, instruction: Instruction) -> Flag:
    kind = instruction.kind.lower()
    if kind in _ON_FLAG:
        return _ON_FLAG[kind](scene, instruction)
    if kind not in _IN_ENVIRONMENT:
        known = ", ".join(sorted((*SETTING_INSTRUCTIONS, *IN_ENVIRONMENT, DELETE)))
        raise InvalidRequest(f"there is no such instruction; there are {known}")
    configs = scene.flag.environments
    if environment is None or environment not in configs:
        raise InvalidRequest("the patch needs the environmentKey of an environment of this project")
    config = _IN_ENVIRONMENT[kind](scene, configs[environment], instruction)
    return replace(scene.flag, environments=configs | {environment: config})


def _turn_on(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    return replace(config, on=True)


def _turn_off(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    return replace(config, on=False)


def _update_off_variation(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    return replace(
        config, off_variation=index_of(scene.flag.variations, instruction.given.get("variationid"))
    )


def _update_track_events(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    return replace(config, track_events=instruction.truth("trackEvents"))


def _update_track_fallthrough(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    return replace(config, track_events_fallthrough=instruction.truth("trackEvents"))


IN_ENVIRONMENT: dict[str, ConfigChange] = {
    "turnFlagOn": _turn_on,
    "turnFlagOff": _turn_off,
    "updateOffVariation": _update_off_variation,
    "updateTrackEvents": _update_track_events,
    "updateTrackEventsFallthrough": _update_track_fallthrough,
    **RULE_INSTRUCTIONS,
    **TARGET_INSTRUCTIONS,
}

_ON_FLAG = {name.lower(): change for name, change in SETTING_INSTRUCTIONS.items()}
_IN_ENVIRONMENT = {name.lower(): change for name, change in IN_ENVIRONMENT.items()}
