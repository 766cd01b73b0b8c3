"""Instructions about what all environments share: variations, maintainer, properties, a flag's life."""

from typing import Any

import pytest
from msgspec.structs import replace

from assay.errors import InvalidRequest
from assay.flags.instructions import IN_ENVIRONMENT, deletes_flag
from assay.flags.instructions_settings import SETTING_INSTRUCTIONS
from assay.flags.model import ClientSideAvailability, Defaults, Fallthrough, Flag, Target, Variation
from assay.flags.variations import same_value
from flags.flags import config, flag, rollout
from flags.semantic import after, refusal

NAMED_BY_THE_REFERENCE = """turnFlagOn turnFlagOff addRule removeRule reorderRules replaceRules addClauses
removeClauses updateClause addValuesToClause removeValuesFromClause updateRuleVariationOrRollout
updateRuleDescription updateRuleTrackEvents updateFallthroughVariationOrRollout updateOffVariation
updateTrackEvents updateTrackEventsFallthrough addTargets removeTargets addUserTargets removeUserTargets
clearTargets clearUserTargets replaceTargets replaceUserTargets addPrerequisite updatePrerequisite
removePrerequisite replacePrerequisites addVariation updateVariation removeVariation updateDefaultVariation
addTags removeTags addCustomProperties replaceCustomProperties removeCustomProperties updateName
updateDescription updateMaintainerMember updateMaintainerTeam removeMaintainer makeFlagPermanent
makeFlagTemporary turnOnClientSideAvailability turnOffClientSideAvailability archiveFlag restoreFlag
deprecateFlag restoreDeprecatedFlag"""


def shared(*instructions: Any, before: Flag | None = None) -> Flag:
    return after(before or flag(), *instructions, environment=None)


def test_every_instruction_of_the_reference_is_known() -> None:
    assert sorted(NAMED_BY_THE_REFERENCE.split()) == sorted((*SETTING_INSTRUCTIONS, *IN_ENVIRONMENT))


def test_a_variation_is_added_with_an_id_and_changed() -> None:
    made = shared(
        {"kind": "addVariation", "value": {"a": 1}, "name": "Fourth", "description": "new"},
        {"kind": "updateVariation", "variationId": "id-0", "value": None, "name": "First"},
        {"kind": "updateVariation", "variationId": "id-1", "description": "kept its value"},
    )
    assert made.variations == (
        Variation(None, id="id-0", name="First"),
        Variation("v1", id="id-1", description="kept its value"),
        Variation("v2", id="id-2"),
        Variation({"a": 1}, id="new-0", name="Fourth", description="new"),
    )
    assert made.kind == "multivariate"


def test_what_served_later_variations_follows_when_one_goes() -> None:
    before = flag(
        4,
        defaults=Defaults(0, 3),
        environments={
            "production": config(
                off_variation=3,
                fallthrough=Fallthrough(rollout=rollout(40_000, 0, 20_000, 40_000)),
                targets=(Target(("ann",), 2),),
            )
        },
    )
    made = shared({"kind": "removeVariation", "variationId": "id-1"}, before=before)
    assert [variation.id for variation in made.variations] == ["id-0", "id-2", "id-3"]
    assert made.defaults == Defaults(0, 2)
    there = made.environments["production"]
    assert (there.off_variation, there.targets) == (2, (Target(("ann",), 1),))
    assert there.fallthrough == Fallthrough(rollout=rollout(40_000, 20_000, 40_000))


@pytest.mark.parametrize(
    ("used", "where"),
    [
        ({"off_variation": 2}, "offVariation"),
        ({"fallthrough": Fallthrough(2)}, "fallthrough"),
        ({"fallthrough": Fallthrough(rollout=rollout(50_000, 0, 50_000))}, "fallthrough"),
        ({"targets": (Target(("ann",), 2),)}, "targets"),
        ({"context_targets": (Target(("acme",), 2, "org"),)}, "targets"),
    ],
)
def test_a_variation_that_is_served_can_not_go(used: dict[str, Any], where: str) -> None:
    said = refusal({"kind": "removeVariation", "variationId": "id-2"}, before=config(**used))
    assert said.endswith(f"environments.production.{where}")


def test_a_default_variation_can_not_go() -> None:
    assert "default" in refusal({"kind": "removeVariation", "variationId": "id-0"})


def test_defaults_are_named_by_value() -> None:
    kind = "updateDefaultVariation"
    assert shared({"kind": kind, "OnVariationValue": "v2"}).defaults == Defaults(2, 1)
    assert shared({"kind": kind, "offVariationValue": "v2", "onVariationValue": "v1"}).defaults == Defaults(
        1, 2
    )
    values = flag(variations=tuple(Variation(value, id=str(value)) for value in (0, False, None)))
    assert shared({"kind": kind, "onVariationValue": False}, before=values).defaults == Defaults(1, 1)
    assert shared({"kind": kind, "onVariationValue": None}, before=values).defaults == Defaults(2, 1)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ("1", 1, False),
        ({"a": 1, "b": [2]}, {"b": [2.0], "a": 1}, True),
        ([1, 2], [2, 1], False),
        ({"a": True}, {"a": 1}, False),
    ],
)
def test_values_are_the_same_as_json_has_it(left: Any, right: Any, same: bool) -> None:
    assert same_value(left, right) is same


def test_a_flag_has_one_maintainer() -> None:
    member = shared({"kind": "updateMaintainerMember", "value": "m1"})
    assert (member.maintainer_id, member.maintainer_team_key) == ("m1", "")
    team = shared({"kind": "updateMaintainerTeam", "value": "t1"}, before=member)
    assert (team.maintainer_id, team.maintainer_team_key) == ("", "t1")
    assert shared({"kind": "removeMaintainer"}, before=team) == flag()


def test_properties_come_change_and_go() -> None:
    name = {"key": "jira", "name": "Jira"}
    added = shared({"kind": "addCustomProperties", **name, "values": ["A-1"]})
    assert added.custom_properties == {"jira": {"name": "Jira", "value": ["A-1"]}}
    more = shared({"kind": "addCustomProperties", **name, "values": ["A-2", "A-1"]}, before=added)
    assert more.custom_properties["jira"]["value"] == ["A-1", "A-2"]
    other = shared({"kind": "replaceCustomProperties", **name, "values": ["B"]}, before=more)
    assert other.custom_properties["jira"]["value"] == ["B"]
    less = shared({"kind": "removeCustomProperties", "key": "jira", "values": ["A-1"]}, before=more)
    assert less.custom_properties["jira"]["value"] == ["A-2"]
    assert shared({"kind": "removeCustomProperties", "key": "jira"}, before=more).custom_properties == {}
    assert shared({"kind": "removeCustomProperties", "key": "none"}).custom_properties == {}


def test_who_may_see_a_flag_is_turned_on_and_off() -> None:
    made = shared(
        {"kind": "turnOnClientSideAvailability", "value": "usingEnvironmentId"},
        {"kind": "turnOffClientSideAvailability", "value": "usingMobileKey"},
    )
    assert made.client_side_availability == ClientSideAvailability(False, True)
    assert "usingMobileKey" in refusal({"kind": "turnOnClientSideAvailability", "value": "everybody"})


def test_permanence() -> None:
    assert not shared({"kind": "makeFlagPermanent"}).temporary
    assert shared({"kind": "makeFlagPermanent"}, {"kind": "makeFlagTemporary"}).temporary


@pytest.mark.parametrize(
    ("there", "back", "names"),
    [
        ("archiveFlag", "restoreFlag", ("archived", "archived_date")),
        ("deprecateFlag", "restoreDeprecatedFlag", ("deprecated", "deprecated_date")),
    ],
)
def test_a_life_ends_with_a_date_and_begins_again(there: str, back: str, names: tuple[str, str]) -> None:
    ended = shared({"kind": there})
    assert [getattr(ended, name) for name in names] == [True, 1000]
    earlier = replace(ended, **{names[1]: 5})
    assert shared({"kind": there}, before=earlier) == earlier
    assert shared({"kind": back}, before=ended) == flag()


def test_a_deletion_stands_alone() -> None:
    assert deletes_flag([{"kind": "DeleteFlag"}])
    assert not deletes_flag([{"kind": "archiveFlag"}])
    with pytest.raises(InvalidRequest, match="only instruction"):
        deletes_flag([{"kind": "deleteFlag"}, {"kind": "archiveFlag"}])


@pytest.mark.parametrize(
    "instruction",
    [
        {"kind": "addVariation"},
        {"kind": "addVariation", "value": 1, "name": 5},
        {"kind": "updateVariation", "variationId": "nobody", "value": 1},
        {"kind": "removeVariation"},
        {"kind": "updateDefaultVariation"},
        {"kind": "updateDefaultVariation", "onVariationValue": "nothing"},
        {"kind": "updateMaintainerMember"},
        {"kind": "updateMaintainerTeam", "value": None},
        {"kind": "addCustomProperties", "key": "a", "values": ["b"]},
        {"kind": "addCustomProperties", "name": "a", "values": ["b"]},
        {"kind": "replaceCustomProperties", "key": "a", "name": "A", "values": "b"},
        {"kind": "removeCustomProperties"},
        {"kind": "turnOffClientSideAvailability"},
        {"kind": "deleteFlag", "value": 1, "and": "not alone"},
    ],
)
def test_what_can_not_be_set_is_refused_by_name(instruction: dict[str, Any]) -> None:
    assert refusal(instruction, environment=None).startswith(f"instructions[0] {instruction['kind']}: ")
