"""Individual targets in the form that SDKs read: users' keys in one list, the order of all kinds in another.

An SDK that knows context kinds goes through `contextTargets` and looks a user up in `targets`; older ones, and flags
without any context target, know `targets` alone. So every user target has a place without values in `contextTargets`.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from assay.flags.context import USER
from assay.flags.model import FlagConfig, Target

Place = tuple[str, int]  # context kind and variation
Keys = Mapping[Place, tuple[str, ...]]


def targeted(config: FlagConfig) -> dict[Place, tuple[str, ...]]:
    """The keys by context kind and variation, each once, in the order in which SDKs look."""
    found: dict[Place, dict[str, None]] = {}
    for target in (*config.context_targets, *config.targets):
        keys = found.setdefault((target.context_kind or USER, target.variation), {})
        keys.update(dict.fromkeys(target.values))
    return {place: tuple(keys) for place, keys in found.items() if keys}


def with_targets(config: FlagConfig, keys: Keys) -> FlagConfig:
    """The configuration with these targets and no others."""
    held = {place: values for place, values in keys.items() if values}
    return replace(
        config,
        targets=tuple(
            Target(values, variation, USER) for (kind, variation), values in held.items() if kind == USER
        ),
        context_targets=tuple(
            Target(() if kind == USER else values, variation, kind)
            for (kind, variation), values in held.items()
        ),
    )
