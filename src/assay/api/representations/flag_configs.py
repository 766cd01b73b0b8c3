"""A flag's configuration in one environment as clients read it."""

from dataclasses import dataclass
from typing import Any, Required, TypedDict

import msgspec

from assay.flags.context import USER
from assay.flags.model import Fallthrough, Flag, FlagConfig, Rollout, Rule, Target
from assay.flags.targets import targeted


class TargetRep(TypedDict):
    values: list[str]
    variation: int
    contextKind: str


class WeightRep(TypedDict, total=False):
    variation: Required[int]
    weight: Required[int]
    _untracked: bool


class AdmissionRep(TypedDict):
    """Who takes part in a layer's or a holdout's experiment, by segments; others get the variation."""

    variation: int
    inside: list[str]
    outside: list[str]


class RolloutRep(TypedDict, total=False):
    variations: Required[list[WeightRep]]
    kind: str
    seed: int
    bucketBy: str
    contextKind: str
    experimentAllocation: dict[str, Any]
    admission: AdmissionRep


class PlaceRep(TypedDict, total=False):
    """What is served: one of the two."""

    variation: int
    rollout: RolloutRep


class ClauseRep(TypedDict, total=False):
    _id: Required[str]
    attribute: Required[str]
    op: Required[str]
    values: Required[list[Any]]
    negate: Required[bool]
    contextKind: str


class RuleRep(PlaceRep, total=False):
    _id: Required[str]
    clauses: Required[list[ClauseRep]]
    trackEvents: Required[bool]
    description: str


class PrerequisiteRep(TypedDict):
    key: str
    variation: int


class VariationSummaryRep(TypedDict, total=False):
    """How many rules serve a variation, and how many keys; `rollout` is its weight in the fallthrough."""

    rules: Required[int]
    nullRules: Required[int]
    targets: Required[int]
    contextTargets: Required[int]
    isFallthrough: bool
    isOff: bool
    rollout: int
    bucketBy: str


class FlagSummaryRep(TypedDict):
    variations: dict[str, VariationSummaryRep]
    prerequisites: int


class FlagConfigRep(TypedDict, total=False):
    on: Required[bool]
    archived: Required[bool]
    salt: Required[str]
    sel: Required[str]
    lastModified: Required[int]
    version: Required[int]
    targets: list[TargetRep]
    contextTargets: list[TargetRep]
    rules: list[RuleRep]
    fallthrough: PlaceRep
    offVariation: int
    prerequisites: list[PrerequisiteRep]
    _site: Required[dict[str, str]]
    _environmentName: Required[str]
    trackEvents: Required[bool]
    trackEventsFallthrough: Required[bool]
    _debugEventsUntilDate: int
    _summary: FlagSummaryRep


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a flag is shown. `environments`: the keys of those wanted, all of them where it is None.

    `modern`: for clients that know context kinds; older ones would stumble over the list of context targets.
    `brief`: counts in place of targeting. `counted`: counts beside it. `bare`: without any environment.
    """

    modern: bool = False
    environments: tuple[str, ...] | None = None
    brief: bool = False
    counted: bool = False
    bare: bool = False


def config_rep(
    flag: Flag, config: FlagConfig, site: dict[str, str], name: str, shown: Shown
) -> FlagConfigRep:
    """`site` is where people look at it, `name` the environment's."""
    body: FlagConfigRep = {
        "on": config.on,
        "archived": flag.archived,
        "salt": config.salt,
        "sel": config.sel,
        "lastModified": config.last_modified,
        "version": config.version,
        "_site": site,
        "_environmentName": name,
        "trackEvents": config.track_events,
        "trackEventsFallthrough": config.track_events_fallthrough,
    }
    if config.debug_events_until_date is not None:
        body["_debugEventsUntilDate"] = config.debug_events_until_date
    if not shown.brief:
        body |= _targeting_rep(config, shown)
    if shown.brief or shown.counted:
        body["_summary"] = _summary_rep(flag, config)
    return body


def _targeting_rep(config: FlagConfig, shown: Shown) -> FlagConfigRep:
    body: Any = {
        "targets": [_target_rep(target) for target in config.targets],
        "rules": [_rule_rep(rule) for rule in config.rules],
        "fallthrough": _place_rep(config.fallthrough),
        "prerequisites": [msgspec.to_builtins(prerequisite) for prerequisite in config.prerequisites],
    }
    if shown.modern:
        body["contextTargets"] = [_target_rep(target) for target in config.context_targets]
    if config.off_variation is not None:
        body["offVariation"] = config.off_variation
    found: FlagConfigRep = body
    return found


def _target_rep(target: Target) -> TargetRep:
    return {
        "values": list(target.values),
        "variation": target.variation,
        "contextKind": target.context_kind or USER,
    }


def _place_rep(place: Fallthrough | Rule) -> PlaceRep:
    if place.rollout is not None:
        return {"rollout": _rollout_rep(place.rollout)}
    return {} if place.variation is None else {"variation": place.variation}


def _admission_rep(rollout: Rollout) -> AdmissionRep | None:
    admission = rollout.admission
    if admission is None:
        return None
    inside, outside = list(admission.inside), list(admission.outside)
    return {"variation": admission.variation, "inside": inside, "outside": outside}


def _rollout_rep(rollout: Rollout) -> RolloutRep:
    body: Any = {"variations": [msgspec.to_builtins(entry) for entry in rollout.variations]}
    body |= {"kind": rollout.kind} if rollout.kind != "rollout" else {}
    optional = {
        "seed": rollout.seed,
        "bucketBy": rollout.bucket_by,
        "contextKind": rollout.context_kind,
        "experimentAllocation": rollout.experiment_allocation,
        "admission": _admission_rep(rollout),
    }
    found: RolloutRep = body | {name: value for name, value in optional.items() if value is not None}
    return found


def _rule_rep(rule: Rule) -> RuleRep:
    body: Any = {
        "_id": rule.id,
        "clauses": [_clause_rep(msgspec.to_builtins(clause)) for clause in rule.clauses],
        "trackEvents": rule.track_events,
        **_place_rep(rule),
    }
    found: RuleRep = body | ({"description": rule.description} if rule.description else {})
    return found


def _clause_rep(clause: Any) -> ClauseRep:
    """Without a context kind the attribute is a literal name; the field is then absent."""
    found: Any = {name: value for name, value in clause.items() if name != "contextKind" or value}
    rep: ClauseRep = found
    return rep


def _summary_rep(flag: Flag, config: FlagConfig) -> FlagSummaryRep:
    return {
        "variations": {str(index): _counts(config, index) for index in range(len(flag.variations))},
        "prerequisites": len(config.prerequisites),
    }


def _counts(config: FlagConfig, index: int) -> VariationSummaryRep:
    keys = {kind: len(held) for (kind, variation), held in targeted(config).items() if variation == index}
    body: VariationSummaryRep = {
        "rules": sum(_serves(rule, index) for rule in config.rules),
        "nullRules": 0,
        "targets": keys.pop(USER, 0),
        "contextTargets": sum(keys.values()),
    }
    if config.fallthrough.variation == index:
        body["isFallthrough"] = True
    if config.off_variation == index:
        body["isOff"] = True
    rollout = config.fallthrough.rollout
    if rollout is not None and _serves(config.fallthrough, index):
        body["rollout"] = sum(entry.weight for entry in rollout.variations if entry.variation == index)
        if rollout.bucket_by:
            body["bucketBy"] = rollout.bucket_by
    return body


def _serves(place: Fallthrough | Rule, index: int) -> bool:
    if place.rollout is None:
        return place.variation == index
    return any(entry.variation == index for entry in place.rollout.variations)
