"""A flag to start from."""

from typing import Any

from assay.flags.model import Fallthrough, Flag, FlagConfig, Rollout, Variation, WeightedVariation


def config(**changes: Any) -> FlagConfig:
    return FlagConfig(**{"salt": "salt", "sel": "sel", **changes})


def flag(count: int = 3, **changes: Any) -> Flag:
    """A flag with variations v0, v1, … in the environments production and test."""
    fields: dict[str, Any] = {
        "key": "flag",
        "name": "Flag",
        "variations": tuple(Variation(f"v{index}", id=f"id-{index}") for index in range(count)),
        "creation_date": 1,
        "environments": {"production": config(), "test": config()},
    }
    return Flag(**fields | changes)


def in_production(**changes: Any) -> Flag:
    return flag(environments={"production": config(**changes)})


def rollout(*weights: int, **changes: Any) -> Rollout:
    return Rollout(tuple(WeightedVariation(index, weight) for index, weight in enumerate(weights)), **changes)


def spread(*weights: int, **changes: Any) -> Fallthrough:
    return Fallthrough(rollout=rollout(*weights, **changes))
