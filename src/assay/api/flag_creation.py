"""New flags: from a request, from another flag, and in an environment that has not seen them."""

import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from assay.api.patching import converted
from assay.errors import InvalidRequest
from assay.flags.instructions_parameters import index_of
from assay.flags.model import (
    Clause,
    ClientSideAvailability,
    Defaults,
    Fallthrough,
    Flag,
    FlagConfig,
    Prerequisite,
    Rule,
    Variation,
)
from assay.flags.variations import STAGES, kind_of
from assay.store.records import Environment, FlagDefaults, Project

OPTIONAL = (
    *("description", "temporary", "tags", "customProperties", "includeInSnippet", "clientSideAvailability"),
    *("maintainerId", "maintainerTeamKey"),
)
PURPOSES = ("migration", "holdout")


def new_flag(
    key: str, body: dict[str, Any], project: Project, flags: Mapping[str, Flag], *, now_ms: int
) -> Flag:
    """The flag that a request describes, its project's defaults where it says nothing; `flags` are its siblings."""
    defaults = project.flag_defaults
    document: dict[str, Any] = {"temporary": defaults.temporary, "tags": list(defaults.tags)}
    document |= {name: body[name] for name in OPTIONAL if body.get(name) is not None}
    document |= {"key": key, "name": body.get("name", key), "variations": [], "creationDate": now_ms}
    document |= {"_purpose": _purpose(body), "defaults": {"onVariation": 0, "offVariation": 0}}
    flag = converted(document, Flag)
    if body.get("clientSideAvailability") is None:
        flag = replace(flag, client_side_availability=_availability(body, defaults))
    given = body.get("variations") or _variations(flag.purpose, defaults)
    variations = tuple(map(identified, converted(given, tuple[Variation, ...])))
    flag = replace(
        flag, variations=variations, kind=kind_of(variations), defaults=_defaults(body, variations, defaults)
    )
    prerequisites = _prerequisites(body, flags)
    configs = {
        environment.key: replace(
            fresh_config(flag.defaults, environment), on=_is_on(body), prerequisites=prerequisites
        )
        for environment in project.environments
    }
    return replace(flag, environments=configs)


def cloned_flag(key: str, body: dict[str, Any], source: Flag, *, now_ms: int) -> Flag:
    """A new flag with the variations and the targeting of `source`; what the request says holds for the rest.

    Its salts are its own, so that who is in which share of a rollout doesn't follow the source.
    """
    document = {name: body[name] for name in OPTIONAL if body.get(name) is not None}
    document |= {"key": key, "name": body.get("name", key), "variations": [], "creationDate": now_ms}
    described = converted(document, Flag)
    names = {"customProperties": "custom_properties", "includeInSnippet": "include_in_snippet"}
    names |= {"clientSideAvailability": "client_side_availability"}
    names |= {"maintainerId": "maintainer_id", "maintainerTeamKey": "maintainer_team_key"}
    said = [names.get(name, name) for name in OPTIONAL if body.get(name) is not None]
    return replace(
        source,
        **{name: getattr(described, name) for name in ("key", "name", "creation_date", *said)},
        variations=tuple(replace(variation, id=str(uuid.uuid4())) for variation in source.variations),
        version=1,
        archived=False,
        archived_date=None,
        deprecated=False,
        deprecated_date=None,
        environments={name: copied_config(config) for name, config in source.environments.items()},
    )


def fresh_config(defaults: Defaults, environment: Environment) -> FlagConfig:
    """A flag's configuration in an environment that has not seen it: off, everybody the same variation when on."""
    return FlagConfig(
        salt=secrets.token_hex(16),
        sel=secrets.token_hex(16),
        fallthrough=Fallthrough(variation=defaults.on_variation),
        off_variation=defaults.off_variation,
        track_events=environment.default_track_events,
    )


def copied_config(config: FlagConfig) -> FlagConfig:
    """The configuration for another place: its own salts and ids, and no experiment, which stays where it is."""
    return replace(
        config,
        salt=secrets.token_hex(16),
        sel=secrets.token_hex(16),
        fallthrough=copied_fallthrough(config.fallthrough),
        rules=copied_rules(config.rules),
        expiring_targets=(),
    )


def copied_fallthrough(place: Fallthrough) -> Fallthrough:
    if place.rollout is None:
        return place
    return Fallthrough(rollout=replace(place.rollout, kind="rollout", experiment_allocation=None))


def copied_rules(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return tuple(_copied_rule(rule) for rule in rules)


def identified(variation: Variation) -> Variation:
    return variation if variation.id else replace(variation, id=str(uuid.uuid4()))


def identified_rule(rule: Rule) -> Rule:
    """The rule with ids where it and its clauses had none."""
    clauses = tuple(_identified_clause(clause) for clause in rule.clauses)
    return replace(rule, clauses=clauses, id=rule.id or str(uuid.uuid4()))


def _identified_clause(clause: Clause) -> Clause:
    return clause if clause.id else replace(clause, id=str(uuid.uuid4()))


def _copied_rule(rule: Rule) -> Rule:
    clauses = tuple(replace(clause, id="") for clause in rule.clauses)
    rollout = rule.rollout
    if rollout is not None:
        rollout = replace(rollout, kind="rollout", experiment_allocation=None)
    return identified_rule(replace(rule, clauses=clauses, id="", rollout=rollout))


def _purpose(body: dict[str, Any]) -> str:
    purpose = body.get("purpose") or ""
    if purpose and purpose not in PURPOSES:
        raise InvalidRequest(f"purpose is one of {', '.join(PURPOSES)}")
    return str(purpose)


def _variations(purpose: str, defaults: FlagDefaults) -> list[dict[str, Any]]:
    """Without any in the request: the stages of a migration, or else true and false as the project names them."""
    if purpose == "migration":
        return [{"value": stage, "name": stage} for stage in STAGES]
    named = defaults.boolean_defaults
    return [
        {"value": True, "name": named.true_display_name, "description": named.true_description},
        {"value": False, "name": named.false_display_name, "description": named.false_description},
    ]


def _defaults(body: dict[str, Any], variations: tuple[Variation, ...], defaults: FlagDefaults) -> Defaults:
    if body.get("defaults"):
        return converted(body["defaults"], Defaults)
    if body.get("variations") or len(variations) != 2:
        return Defaults(0, len(variations) - 1)
    return Defaults(defaults.boolean_defaults.on_variation, defaults.boolean_defaults.off_variation)


def _availability(body: dict[str, Any], defaults: FlagDefaults) -> ClientSideAvailability:
    """`includeInSnippet` is the older name for what browsers may see."""
    if body.get("includeInSnippet") is True:
        return replace(defaults.default_client_side_availability, using_environment_id=True)
    return defaults.default_client_side_availability


def _is_on(body: dict[str, Any]) -> bool:
    on = body.get("isFlagOn") or False
    if not isinstance(on, bool):
        raise InvalidRequest("isFlagOn is true or false")
    return on


def _prerequisites(body: dict[str, Any], flags: Mapping[str, Flag]) -> tuple[Prerequisite, ...]:
    given = body.get("initialPrerequisites") or []
    found = []
    for item in converted(given, list[dict[str, str]]):
        key = item.get("key", "")
        if key not in flags:
            raise InvalidRequest(f"there is no flag {key[:80]!r} to be a prerequisite")
        found.append(Prerequisite(key, index_of(flags[key].variations, item.get("variationId"))))
    return tuple(found)
