"""Variations of a flag: what kind they make it, and what refers to them by their place."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from assay.errors import InvalidRequest
from assay.flags.model import Defaults, Fallthrough, Flag, FlagConfig, Rollout, Rule, Target, Variation
from assay.flags.targets import targeted

STAGES = ("off", "dualwrite", "shadow", "live", "rampdown", "complete")


def kind_of(variations: tuple[Variation, ...]) -> str:
    return "boolean" if all(isinstance(variation.value, bool) for variation in variations) else "multivariate"


def same_value(left: Any, right: Any) -> bool:
    """Whether two JSON values are the same: true is not 1, 1 is 1.0, the order of members says nothing."""
    return _canonical(left) == _canonical(right)


def without_variation(flag: Flag, gone: int) -> Flag:
    """The flag with one variation less; refused where anything serves it."""
    if gone in (flag.defaults.on_variation, flag.defaults.off_variation):
        raise InvalidRequest("the variation is a default of the flag")
    for key, config in flag.environments.items():
        used = next((where for where, index in _uses(config) if index == gone), None)
        if used is not None:
            raise InvalidRequest(f"the variation is used: environments.{key}.{used}")
    kept = [index for index in range(len(flag.variations)) if index != gone]
    moved = {old: new for new, old in enumerate(kept)}
    return replace(
        flag,
        variations=tuple(flag.variations[index] for index in kept),
        defaults=Defaults(moved[flag.defaults.on_variation], moved[flag.defaults.off_variation]),
        environments={key: _moved(config, moved) for key, config in flag.environments.items()},
    )


def _uses(config: FlagConfig) -> Iterator[tuple[str, int | None]]:
    yield "offVariation", config.off_variation
    places: list[tuple[str, Fallthrough | Rule]] = [("fallthrough", config.fallthrough)]
    places += [(f"rules[{number}]", rule) for number, rule in enumerate(config.rules)]
    for where, place in places:
        yield where, place.variation
        for entry in () if place.rollout is None else place.rollout.variations:
            yield where, entry.variation if entry.weight else None
        if place.rollout is not None and place.rollout.admission is not None:
            yield where, place.rollout.admission.variation
    for _, variation in targeted(config):
        yield "targets", variation


def _moved(config: FlagConfig, moved: Mapping[int, int]) -> FlagConfig:
    rules = [
        replace(rule, variation=_place(rule.variation, moved), rollout=_rollout(rule.rollout, moved))
        for rule in config.rules
    ]
    through = config.fallthrough
    return replace(
        config,
        off_variation=_place(config.off_variation, moved),
        fallthrough=Fallthrough(_place(through.variation, moved), _rollout(through.rollout, moved)),
        rules=tuple(rules),
        targets=_targets(config.targets, moved),
        context_targets=_targets(config.context_targets, moved),
    )


def _place(index: int | None, moved: Mapping[int, int]) -> int | None:
    return None if index is None else moved[index]


def _rollout(rollout: Rollout | None, moved: Mapping[int, int]) -> Rollout | None:
    if rollout is None:
        return None
    entries = [entry for entry in rollout.variations if entry.variation in moved]
    admission = rollout.admission
    return replace(
        rollout,
        variations=tuple(replace(entry, variation=moved[entry.variation]) for entry in entries),
        admission=replace(admission, variation=moved[admission.variation]) if admission else None,
    )


def _targets(targets: tuple[Target, ...], moved: Mapping[int, int]) -> tuple[Target, ...]:
    return tuple(
        replace(target, variation=moved[target.variation]) for target in targets if target.variation in moved
    )


def _canonical(value: Any) -> str:
    def number(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: number(inner) for key, inner in part.items()}
        if isinstance(part, list):
            return [number(inner) for inner in part]
        return int(part) if isinstance(part, float) and part.is_integer() else part

    return json.dumps(number(value), sort_keys=True)
