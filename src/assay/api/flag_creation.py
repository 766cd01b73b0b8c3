"""New flags: from a request, from another flag, and in an environment that has not seen them."""

import secrets
import uuid
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

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
    Rollout,
    Rule,
    Variation,
)
from assay.flags.variations import STAGES, kind_of
from assay.store.records import Environment, FlagDefaults, Project


class PrerequisiteBody(msgspec.Struct, frozen=True, rename="camel"):
    """A flag that must serve one of its variations."""

    key: str
    variation_id: str


class FlagBody(msgspec.Struct, frozen=True, rename="camel"):
    """A request for a new flag. What is absent or null is as the project's defaults, or the cloned flag, have it."""

    key: str
    name: str = ""
    description: str | None = None
    include_in_snippet: bool | None = None
    client_side_availability: ClientSideAvailability | None = None
    variations: tuple[Variation, ...] | None = None
    temporary: bool | None = None
    tags: tuple[str, ...] | None = None
    custom_properties: dict[str, Any] | None = None
    defaults: Defaults | None = None
    purpose: Literal["migration", "holdout"] | None = None
    maintainer_id: str | None = None
    maintainer_team_key: str | None = None
    initial_prerequisites: tuple[PrerequisiteBody, ...] | None = None
    is_flag_on: bool | None = None
    variation_json_schema: dict[str, Any] | None = None


# What a request says of a flag word for word.
WORD_FOR_WORD = (
    *(
        "description",
        "include_in_snippet",
        "client_side_availability",
        "temporary",
        "tags",
        "custom_properties",
    ),
    *("maintainer_id", "maintainer_team_key", "variation_json_schema"),
)


def new_flag(body: FlagBody, project: Project, flags: Mapping[str, Flag], *, now_ms: int) -> Flag:
    """The flag that a request describes, its project's defaults where it says nothing; `flags` are its siblings."""
    defaults = project.flag_defaults
    purpose = body.purpose or ""
    variations = tuple(map(identified, body.variations or _variations(purpose, defaults)))
    served = body.defaults or _served(body, variations, defaults)
    flag = Flag(
        key=body.key,
        name=body.name or body.key,
        variations=variations,
        creation_date=now_ms,
        kind=kind_of(variations),
        defaults=served,
        temporary=defaults.temporary,
        tags=defaults.tags,
        client_side_availability=_availability(body, defaults),
        purpose=purpose,
        environments=_environments(body, project, served, flags),
    )
    return replace(flag, **_said(body))


def cloned_flag(body: FlagBody, source: Flag, *, now_ms: int) -> Flag:
    """A new flag with the variations and the targeting of `source`; what the request says holds for the rest.

    Its salts are its own, so that who is in which share of a rollout doesn't follow the source.
    """
    flag = replace(
        source,
        key=body.key,
        name=body.name or body.key,
        creation_date=now_ms,
        variations=tuple(replace(variation, id=str(uuid.uuid4())) for variation in source.variations),
        version=1,
        archived=False,
        archived_date=None,
        deprecated=False,
        deprecated_date=None,
        environments={name: copied_config(config) for name, config in source.environments.items()},
    )
    return replace(flag, **_said(body))


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
    return Fallthrough(rollout=_ordinary(place.rollout))


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
    rollout = None if rule.rollout is None else _ordinary(rule.rollout)
    return identified_rule(replace(rule, clauses=clauses, id="", rollout=rollout))


def _ordinary(rollout: Rollout) -> Rollout:
    """The same shares and seed, of which no evaluation is an exposure."""
    entries = tuple(replace(entry, untracked=False) for entry in rollout.variations)
    return replace(rollout, variations=entries, kind="rollout", experiment_allocation=None, admission=None)


def _said(body: FlagBody) -> dict[str, Any]:
    said = {name: getattr(body, name) for name in WORD_FOR_WORD}
    return {name: value for name, value in said.items() if value is not None}


def _environments(
    body: FlagBody, project: Project, served: Defaults, flags: Mapping[str, Flag]
) -> dict[str, FlagConfig]:
    prerequisites = tuple(_prerequisite(one, flags) for one in body.initial_prerequisites or ())
    return {
        environment.key: replace(
            fresh_config(served, environment), on=bool(body.is_flag_on), prerequisites=prerequisites
        )
        for environment in project.environments
    }


def _prerequisite(body: PrerequisiteBody, flags: Mapping[str, Flag]) -> Prerequisite:
    if body.key not in flags:
        raise InvalidRequest(f"there is no flag {body.key[:80]!r} to be a prerequisite")
    return Prerequisite(body.key, index_of(flags[body.key].variations, body.variation_id))


def _variations(purpose: str, defaults: FlagDefaults) -> tuple[Variation, ...]:
    """Without any in the request: the stages of a migration, or else true and false as the project names them."""
    if purpose == "migration":
        return tuple(Variation(stage, name=stage) for stage in STAGES)
    named = defaults.boolean_defaults
    return (
        Variation(True, name=named.true_display_name, description=named.true_description),
        Variation(False, name=named.false_display_name, description=named.false_description),
    )


def _served(body: FlagBody, variations: tuple[Variation, ...], defaults: FlagDefaults) -> Defaults:
    if body.variations or body.purpose == "migration":
        return Defaults(0, len(variations) - 1)
    return Defaults(defaults.boolean_defaults.on_variation, defaults.boolean_defaults.off_variation)


def _availability(body: FlagBody, defaults: FlagDefaults) -> ClientSideAvailability:
    """`includeInSnippet` is the older name for what browsers may see."""
    if body.include_in_snippet:
        return replace(defaults.default_client_side_availability, using_environment_id=True)
    return defaults.default_client_side_availability
