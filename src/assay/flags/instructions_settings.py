"""Instructions about what all environments of a flag share: its names, tags, variations, maintainer and life."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from assay.errors import InvalidRequest
from assay.flags.instructions_parameters import Instruction, Scene, index_of
from assay.flags.model import ClientSideAvailability, Flag, Variation
from assay.flags.variations import kind_of, same_value, without_variation

FlagChange = Callable[[Scene, Instruction], Flag]


def _update_name(scene: Scene, instruction: Instruction) -> Flag:
    return replace(scene.flag, name=instruction.text("value"))


def _update_description(scene: Scene, instruction: Instruction) -> Flag:
    return replace(scene.flag, description=instruction.text("value"))


def _add_tags(scene: Scene, instruction: Instruction) -> Flag:
    tags = dict.fromkeys((*scene.flag.tags, *instruction.texts("values")))
    return replace(scene.flag, tags=tuple(tags))


def _remove_tags(scene: Scene, instruction: Instruction) -> Flag:
    gone = set(instruction.texts("values"))
    return replace(scene.flag, tags=tuple(tag for tag in scene.flag.tags if tag not in gone))


def _make_permanent(scene: Scene, instruction: Instruction) -> Flag:
    return replace(scene.flag, temporary=False)


def _make_temporary(scene: Scene, instruction: Instruction) -> Flag:
    return replace(scene.flag, temporary=True)


def _update_member(scene: Scene, instruction: Instruction) -> Flag:
    """A flag has one maintainer: a member or a team."""
    return replace(scene.flag, maintainer_id=instruction.text("value"), maintainer_team_key="")


def _update_team(scene: Scene, instruction: Instruction) -> Flag:
    return replace(scene.flag, maintainer_id="", maintainer_team_key=instruction.text("value"))


def _remove_maintainer(scene: Scene, instruction: Instruction) -> Flag:
    return replace(scene.flag, maintainer_id="", maintainer_team_key="")


def _turn_on_availability(scene: Scene, instruction: Instruction) -> Flag:
    return _with_availability(scene.flag, instruction, seen=True)


def _turn_off_availability(scene: Scene, instruction: Instruction) -> Flag:
    return _with_availability(scene.flag, instruction, seen=False)


def _with_availability(flag: Flag, instruction: Instruction, *, seen: bool) -> Flag:
    before, side = flag.client_side_availability, instruction.text("value")
    if side.lower() == "usingmobilekey":
        after = ClientSideAvailability(seen, before.using_environment_id)
    elif side.lower() == "usingenvironmentid":
        after = ClientSideAvailability(before.using_mobile_key, seen)
    else:
        raise InvalidRequest("value is usingMobileKey or usingEnvironmentId")
    return replace(flag, client_side_availability=after)


def _add_property(scene: Scene, instruction: Instruction) -> Flag:
    """One that is there already gets the values too."""
    held = scene.flag.custom_properties.get(instruction.text("key"), {"value": []})["value"]
    return _with_property(scene.flag, instruction, [*held, *instruction.texts("values")])


def _replace_property(scene: Scene, instruction: Instruction) -> Flag:
    return _with_property(scene.flag, instruction, instruction.texts("values"))


def _remove_property(scene: Scene, instruction: Instruction) -> Flag:
    """Without values, or with all it has, the whole property goes."""
    flag, key = scene.flag, instruction.text("key")
    held = flag.custom_properties.get(key, {"value": []})
    gone = set(instruction.texts("values") if instruction.has("values") else held["value"])
    kept = [value for value in held["value"] if value not in gone]
    others = {name: value for name, value in flag.custom_properties.items() if name != key}
    return replace(flag, custom_properties=others | ({key: {**held, "value": kept}} if kept else {}))


def _with_property(flag: Flag, instruction: Instruction, values: list[str]) -> Flag:
    value: dict[str, Any] = {"name": instruction.text("name"), "value": list(dict.fromkeys(values))}
    return replace(flag, custom_properties={**flag.custom_properties, instruction.text("key"): value})


def _add_variation(scene: Scene, instruction: Instruction) -> Flag:
    made = Variation(
        instruction.any("value"),
        id=scene.new_id(),
        name=instruction.text_or("name", ""),
        description=instruction.text_or("description", ""),
    )
    return _with_variations(scene.flag, (*scene.flag.variations, made))


def _update_variation(scene: Scene, instruction: Instruction) -> Flag:
    variations = list(scene.flag.variations)
    index = index_of(scene.flag.variations, instruction.text("variationId"))
    old = variations[index]
    variations[index] = replace(
        old,
        value=instruction.given.get("value", old.value),
        name=instruction.text_or("name", old.name),
        description=instruction.text_or("description", old.description),
    )
    return _with_variations(scene.flag, tuple(variations))


def _remove_variation(scene: Scene, instruction: Instruction) -> Flag:
    gone = index_of(scene.flag.variations, instruction.text("variationId"))
    smaller = without_variation(scene.flag, gone)
    return replace(smaller, kind=kind_of(smaller.variations))


def _update_defaults(scene: Scene, instruction: Instruction) -> Flag:
    flag, defaults = scene.flag, scene.flag.defaults
    if not instruction.given.keys() & {"onvariationvalue", "offvariationvalue"}:
        raise InvalidRequest("it needs onVariationValue or offVariationValue")
    if "onvariationvalue" in instruction.given:
        defaults = replace(defaults, on_variation=_valued(flag, instruction.any("onVariationValue")))
    if "offvariationvalue" in instruction.given:
        defaults = replace(defaults, off_variation=_valued(flag, instruction.any("offVariationValue")))
    return replace(flag, defaults=defaults)


def _valued(flag: Flag, value: Any) -> int:
    for index, variation in enumerate(flag.variations):
        if same_value(variation.value, value):
            return index
    raise InvalidRequest("the flag has no variation with this value")


def _with_variations(flag: Flag, variations: tuple[Variation, ...]) -> Flag:
    return replace(flag, variations=variations, kind=kind_of(variations))


def _archive(scene: Scene, instruction: Instruction) -> Flag:
    flag = scene.flag
    return replace(flag, archived=True, archived_date=flag.archived_date or scene.now_ms)


def _restore(scene: Scene, instruction: Instruction) -> Flag:
    return replace(scene.flag, archived=False, archived_date=None)


def _deprecate(scene: Scene, instruction: Instruction) -> Flag:
    flag = scene.flag
    return replace(flag, deprecated=True, deprecated_date=flag.deprecated_date or scene.now_ms)


def _restore_deprecated(scene: Scene, instruction: Instruction) -> Flag:
    return replace(scene.flag, deprecated=False, deprecated_date=None)


SETTING_INSTRUCTIONS: dict[str, FlagChange] = {
    "updateName": _update_name,
    "updateDescription": _update_description,
    "addTags": _add_tags,
    "removeTags": _remove_tags,
    "makeFlagPermanent": _make_permanent,
    "makeFlagTemporary": _make_temporary,
    "updateMaintainerMember": _update_member,
    "updateMaintainerTeam": _update_team,
    "removeMaintainer": _remove_maintainer,
    "turnOnClientSideAvailability": _turn_on_availability,
    "turnOffClientSideAvailability": _turn_off_availability,
    "addCustomProperties": _add_property,
    "replaceCustomProperties": _replace_property,
    "removeCustomProperties": _remove_property,
    "addVariation": _add_variation,
    "updateVariation": _update_variation,
    "removeVariation": _remove_variation,
    "updateDefaultVariation": _update_defaults,
    "archiveFlag": _archive,
    "restoreFlag": _restore,
    "deprecateFlag": _deprecate,
    "restoreDeprecatedFlag": _restore_deprecated,
}
