"""Instructions about individual targets and prerequisites in one environment."""

from collections.abc import Callable

from msgspec.structs import replace

from assay.errors import InvalidRequest
from assay.flags.context import USER
from assay.flags.instructions_parameters import Instruction, Scene, index_of
from assay.flags.model import FlagConfig, Prerequisite
from assay.flags.targets import Place, targeted, with_targets

ConfigChange = Callable[[Scene, FlagConfig, Instruction], FlagConfig]


def _add_targets(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    return _added(scene, config, instruction, instruction.text_or("contextKind", USER))


def _add_user_targets(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    return _added(scene, config, instruction, USER)


def _remove_targets(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    return _removed(scene, config, instruction, instruction.text_or("contextKind", USER))


def _remove_user_targets(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    return _removed(scene, config, instruction, USER)


def _clear_targets(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    variation = _variation(scene, instruction)
    kept = {place: keys for place, keys in targeted(config).items() if place[1] != variation}
    return with_targets(config, kept)


def _clear_user_targets(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    cleared = (USER, _variation(scene, instruction))
    return with_targets(config, {place: keys for place, keys in targeted(config).items() if place != cleared})


def _replace_targets(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    emptied = with_targets(config, {})
    for part in instruction.parts("targets"):
        emptied = _added(scene, emptied, part, part.text_or("contextKind", USER))
    return emptied


def _replace_user_targets(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    others = {place: keys for place, keys in targeted(config).items() if place[0] != USER}
    emptied = with_targets(config, others)
    for part in instruction.parts("targets"):
        emptied = _added(scene, emptied, part, USER)
    return emptied


def _added(scene: Scene, config: FlagConfig, instruction: Instruction, kind: str) -> FlagConfig:
    place: Place = (kind, _variation(scene, instruction))
    keys, wanted = targeted(config), instruction.texts("values")
    for other, held in keys.items():
        both = set(held).intersection(wanted) if other[0] == kind and other != place else ()
        if both:
            raise InvalidRequest(f"{kind} {min(both)!r} is a target of another variation")
    merged = tuple(dict.fromkeys((*keys.get(place, ()), *wanted)))
    return with_targets(config, {**keys, place: merged})


def _removed(scene: Scene, config: FlagConfig, instruction: Instruction, kind: str) -> FlagConfig:
    place: Place = (kind, _variation(scene, instruction))
    keys, gone = targeted(config), set(instruction.texts("values"))
    return with_targets(config, {**keys, place: tuple(key for key in keys.get(place, ()) if key not in gone)})


def _add_prerequisite(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    added = prerequisite(scene, instruction)
    if any(held.key == added.key for held in config.prerequisites):
        raise InvalidRequest(f"the flag {added.key!r} is a prerequisite already")
    return replace(config, prerequisites=(*config.prerequisites, added))


def _update_prerequisite(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    changed = prerequisite(scene, instruction)
    if all(held.key != changed.key for held in config.prerequisites):
        raise InvalidRequest(f"the flag {changed.key!r} is no prerequisite yet")
    updated = tuple(changed if held.key == changed.key else held for held in config.prerequisites)
    return replace(config, prerequisites=updated)


def _remove_prerequisite(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    key = instruction.text("key")
    return replace(config, prerequisites=tuple(held for held in config.prerequisites if held.key != key))


def _replace_prerequisites(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    wanted = tuple(prerequisite(scene, part) for part in instruction.parts("prerequisites"))
    return replace(config, prerequisites=wanted)


def prerequisite(scene: Scene, part: Instruction) -> Prerequisite:
    """Another flag, and which of its variations `variationId` is."""
    key = part.text("key")
    if key not in scene.flags:
        raise InvalidRequest(f"there is no flag {key!r} to be a prerequisite")
    return Prerequisite(key, index_of(scene.flags[key].variations, part.text("variationId")))


def _variation(scene: Scene, instruction: Instruction) -> int:
    return index_of(scene.flag.variations, instruction.text("variationId"))


TARGET_INSTRUCTIONS: dict[str, ConfigChange] = {
    "addTargets": _add_targets,
    "addUserTargets": _add_user_targets,
    "removeTargets": _remove_targets,
    "removeUserTargets": _remove_user_targets,
    "clearTargets": _clear_targets,
    "clearUserTargets": _clear_user_targets,
    "replaceTargets": _replace_targets,
    "replaceUserTargets": _replace_user_targets,
    "addPrerequisite": _add_prerequisite,
    "updatePrerequisite": _update_prerequisite,
    "removePrerequisite": _remove_prerequisite,
    "replacePrerequisites": _replace_prerequisites,
}
