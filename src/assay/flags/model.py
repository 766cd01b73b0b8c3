"""The flag: what all environments share, and its configuration in each of them."""

from typing import Any

import msgspec


class Variation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One value a flag can have. `id` never changes, so that rules survive a reordering."""

    value: Any
    id: str = msgspec.field(name="_id", default="")
    name: str = ""
    description: str = ""


class WeightedVariation(msgspec.Struct, frozen=True, omit_defaults=True):
    """A variation and its share in thousandths of a percent."""

    variation: int
    weight: int
    untracked: bool = msgspec.field(name="_untracked", default=False)


class Admission(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who takes part in a rollout: units in all segments of `inside` and in none of `outside`.

    Everybody else whom the rule takes gets `variation`.
    """

    variation: int
    inside: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()


class Rollout(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A percentage rollout; `kind` "experiment" makes SDKs mark exposures with `inExperiment`."""

    variations: tuple[WeightedVariation, ...]
    kind: str = "rollout"
    seed: int | None = None
    bucket_by: str | None = None
    context_kind: str | None = None
    experiment_allocation: dict[str, Any] | None = None
    admission: Admission | None = None


class Fallthrough(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a context gets that no target and no rule took: one variation, or a rollout."""

    variation: int | None = None
    rollout: Rollout | None = None


class Clause(msgspec.Struct, frozen=True, rename="camel"):
    """One condition of a rule."""

    attribute: str
    op: str
    values: tuple[Any, ...]
    negate: bool = False
    context_kind: str = ""
    id: str = msgspec.field(name="_id", default="")


class Rule(msgspec.Struct, frozen=True, rename="camel"):
    """Contexts that match every clause get `variation` or take part in `rollout`."""

    clauses: tuple[Clause, ...]
    variation: int | None = None
    rollout: Rollout | None = None
    track_events: bool = False
    description: str = ""
    id: str = msgspec.field(name="_id", default="")


class Target(msgspec.Struct, frozen=True, rename="camel"):
    """Keys that get `variation` whatever the rules say."""

    values: tuple[str, ...]
    variation: int
    context_kind: str = "user"


class Prerequisite(msgspec.Struct, frozen=True):
    """Another flag that must be on with this variation."""

    key: str
    variation: int


class ExpiringTarget(msgspec.Struct, frozen=True, rename="camel"):
    """A target that is to be taken away at `expiration_date`, epoch milliseconds."""

    id: str = msgspec.field(name="_id")
    context_key: str
    variation_id: str
    expiration_date: int
    context_kind: str = "user"
    version: int = msgspec.field(name="_version", default=1)


class FlagConfig(msgspec.Struct, frozen=True, rename="camel"):
    """A flag in one environment. `version` is taken from the environment's own counter, which only grows."""

    salt: str
    sel: str
    on: bool = False
    version: int = 1
    last_modified: int = 0
    targets: tuple[Target, ...] = ()
    context_targets: tuple[Target, ...] = ()
    rules: tuple[Rule, ...] = ()
    fallthrough: Fallthrough = Fallthrough(variation=0)
    off_variation: int | None = None
    prerequisites: tuple[Prerequisite, ...] = ()
    track_events: bool = False
    track_events_fallthrough: bool = False
    debug_events_until_date: int | None = msgspec.field(name="_debugEventsUntilDate", default=None)
    expiring_targets: tuple[ExpiringTarget, ...] = ()


class Defaults(msgspec.Struct, frozen=True, rename="camel"):
    """The variations a new environment starts with."""

    on_variation: int
    off_variation: int


class ClientSideAvailability(msgspec.Struct, frozen=True, rename="camel"):
    """Which client-side SDKs may see the flag."""

    using_mobile_key: bool = True
    using_environment_id: bool = False


class Flag(msgspec.Struct, frozen=True, rename="camel"):
    """A flag; `environments` maps an environment's key to its configuration there."""

    key: str
    name: str
    variations: tuple[Variation, ...]
    creation_date: int
    kind: str = "boolean"
    description: str = ""
    version: int = 1
    temporary: bool = True
    tags: tuple[str, ...] = ()
    archived: bool = False
    archived_date: int | None = None
    deprecated: bool = False
    deprecated_date: int | None = None
    include_in_snippet: bool = False
    client_side_availability: ClientSideAvailability = ClientSideAvailability()
    custom_properties: dict[str, Any] = {}
    defaults: Defaults = Defaults(0, 1)
    maintainer_id: str = ""
    maintainer_team_key: str = ""
    purpose: str = msgspec.field(name="_purpose", default="")
    variation_json_schema: dict[str, Any] | None = None
    environments: dict[str, FlagConfig] = {}


def rollouts(config: FlagConfig) -> tuple[Rollout, ...]:
    """Every rollout of a configuration, the fallthrough's first."""
    places: tuple[Fallthrough | Rule, ...] = (config.fallthrough, *config.rules)
    return tuple(place.rollout for place in places if place.rollout is not None)


def randomization_unit(config: FlagConfig) -> str:
    """The context kind that the flag's first rollout randomizes; "user" where it says none."""
    kinds = [rollout.context_kind for rollout in rollouts(config) if rollout.context_kind]
    return kinds[0] if kinds else "user"
