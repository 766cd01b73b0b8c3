"""Semantic patches: each instruction is a pure function from a flag to its next state in one environment."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from assay.errors import InvalidRequest
from assay.flags.model import Fallthrough, Flag, FlagConfig, Rollout, WeightedVariation

Instruction = Mapping[str, Any]
ConfigChange = Callable[[Flag, FlagConfig, Instruction], FlagConfig]
FlagChange = Callable[[Flag, Instruction], Flag]


def apply_instructions(flag: Flag, environment: str | None, instructions: list[Any]) -> Flag:
    """The flag after all `instructions`, in order; none of them is applied where one is refused."""
    for raw in instructions:
        if not isinstance(raw, dict) or not isinstance(raw.get("kind"), str):
            raise InvalidRequest("an instruction is an object with a kind")
        flag = _apply(flag, environment, _folded(raw))
    return flag


def _apply(flag: Flag, environment: str | None, instruction: Instruction) -> Flag:
    kind = instruction["kind"]
    if kind in ON_FLAG:
        return ON_FLAG[kind](flag, instruction)
    if kind not in IN_ENVIRONMENT:
        known = ", ".join(sorted((*ON_FLAG, *IN_ENVIRONMENT)))
        raise InvalidRequest(f"unknown instruction {kind!r}; known are {known}")
    if environment is None or environment not in flag.environments:
        raise InvalidRequest(f"{kind} needs the environmentKey of an environment of this project")
    config = IN_ENVIRONMENT[kind](flag, flag.environments[environment], instruction)
    return replace(flag, environments=flag.environments | {environment: config})


def _folded(raw: Instruction) -> Instruction:
    """Parameter names in lower case: the field's own documentation spells them in two ways."""
    return {name if name == "kind" else name.lower(): value for name, value in raw.items()}


def _turn_on(flag: Flag, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    return replace(config, on=True)


def _turn_off(flag: Flag, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    return replace(config, on=False)


def _update_fallthrough(flag: Flag, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    return replace(config, fallthrough=_variation_or_rollout(flag, config.fallthrough, instruction))


def _update_off_variation(flag: Flag, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    return replace(config, off_variation=_index(flag, instruction.get("variationid")))


def _update_track_events(flag: Flag, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    return replace(config, track_events=_flag_value(instruction, "trackevents"))


def _update_track_fallthrough(flag: Flag, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    return replace(config, track_events_fallthrough=_flag_value(instruction, "trackevents"))


def _update_name(flag: Flag, instruction: Instruction) -> Flag:
    return replace(flag, name=_text(instruction))


def _update_description(flag: Flag, instruction: Instruction) -> Flag:
    return replace(flag, description=_text(instruction))


def _add_tags(flag: Flag, instruction: Instruction) -> Flag:
    return replace(flag, tags=tuple(dict.fromkeys((*flag.tags, *_names(instruction)))))


def _remove_tags(flag: Flag, instruction: Instruction) -> Flag:
    gone = set(_names(instruction))
    return replace(flag, tags=tuple(tag for tag in flag.tags if tag not in gone))


ON_FLAG: dict[str, FlagChange] = {
    "updateName": _update_name,
    "updateDescription": _update_description,
    "addTags": _add_tags,
    "removeTags": _remove_tags,
}

IN_ENVIRONMENT: dict[str, ConfigChange] = {
    "turnFlagOn": _turn_on,
    "turnFlagOff": _turn_off,
    "updateFallthroughVariationOrRollout": _update_fallthrough,
    "updateOffVariation": _update_off_variation,
    "updateTrackEvents": _update_track_events,
    "updateTrackEventsFallthrough": _update_track_fallthrough,
}


def _variation_or_rollout(flag: Flag, before: Fallthrough, instruction: Instruction) -> Fallthrough:
    """New weights keep the rollout's seed, kind and unit: who is in which variation must not be drawn anew."""
    weights = instruction.get("rolloutweights")
    if weights is None:
        return Fallthrough(variation=_index(flag, instruction.get("variationid")))
    if not isinstance(weights, dict) or not all(type(weight) is int for weight in weights.values()):
        raise InvalidRequest("rolloutWeights maps variation ids to whole numbers")
    entries = sorted((_index(flag, identifier), weight) for identifier, weight in weights.items())
    context_kind = instruction.get("rolloutcontextkind")
    bucket_by = instruction.get("rolloutbucketby")
    for name, value in (("rolloutContextKind", context_kind), ("rolloutBucketBy", bucket_by)):
        if value is not None and not isinstance(value, str):
            raise InvalidRequest(f"{name} is a string")
    variations = tuple(WeightedVariation(index, weight) for index, weight in entries)
    kept = before.rollout or Rollout(())
    return Fallthrough(
        rollout=replace(
            kept,
            variations=variations,
            context_kind=context_kind or kept.context_kind,
            bucket_by=bucket_by or kept.bucket_by,
        )
    )


def _index(flag: Flag, identifier: object) -> int:
    for index, variation in enumerate(flag.variations):
        if variation.id == identifier:
            return index
    raise InvalidRequest(f"the flag has no variation with the id {identifier!r}")


def _flag_value(instruction: Instruction, name: str) -> bool:
    value = instruction.get(name)
    if not isinstance(value, bool):
        raise InvalidRequest(f"{instruction['kind']} needs true or false")
    return value


def _text(instruction: Instruction) -> str:
    value = instruction.get("value")
    if not isinstance(value, str):
        raise InvalidRequest(f"{instruction['kind']} needs a string as its value")
    return value


def _names(instruction: Instruction) -> list[str]:
    values = instruction.get("values")
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InvalidRequest(f"{instruction['kind']} needs a list of strings as its values")
    return values
