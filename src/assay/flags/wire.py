"""Flags and segments as SDKs receive them, typed: what evaluation compiles. Null stands for absent."""

from typing import Any

import msgspec


class WireClause(msgspec.Struct, frozen=True, rename="camel"):
    """One condition. Without a context kind the attribute is a literal name, with one it is a reference."""

    attribute: str
    op: str
    values: list[Any]
    negate: bool | None = None
    context_kind: str | None = None


class WireWeight(msgspec.Struct, frozen=True):
    """A variation and its share of 100,000; `untracked` keeps it out of the experiment."""

    variation: int
    weight: int
    untracked: bool | None = None


class WireRollout(msgspec.Struct, frozen=True, rename="camel"):
    """A division of the contexts of one kind among variations."""

    variations: list[WireWeight]
    kind: str | None = None
    context_kind: str | None = None
    bucket_by: str | None = None
    seed: int | None = None


class WirePlace(msgspec.Struct, frozen=True, rename="camel"):
    """What is served: a variation, or else a rollout."""

    variation: int | None = None
    rollout: WireRollout | None = None


class WireRule(WirePlace, frozen=True, rename="camel", kw_only=True):
    """What is served to contexts that match every clause."""

    clauses: list[WireClause]
    id: str | None = None
    track_events: bool | None = None


class WireTarget(msgspec.Struct, frozen=True, rename="camel"):
    """Keys that get a variation."""

    variation: int
    values: list[str]
    context_kind: str | None = None


class WirePrerequisite(msgspec.Struct, frozen=True):
    """A flag that must be on with this variation."""

    key: str
    variation: int


class WireAvailability(msgspec.Struct, frozen=True, rename="camel"):
    """Which client-side SDKs may see a flag."""

    using_mobile_key: bool | None = None
    using_environment_id: bool | None = None


class WireFlag(msgspec.Struct, frozen=True, rename="camel"):
    """A flag in one environment."""

    key: str
    version: int
    on: bool | None = None
    variations: list[Any] | None = None
    off_variation: int | None = None
    fallthrough: WirePlace | None = None
    prerequisites: list[WirePrerequisite] | None = None
    targets: list[WireTarget] | None = None
    context_targets: list[WireTarget] | None = None
    rules: list[WireRule] | None = None
    salt: str | None = None
    track_events: bool | None = None
    track_events_fallthrough: bool | None = None
    debug_events_until_date: int | float | None = None
    client_side: bool | None = None
    client_side_availability: WireAvailability | None = None

    @property
    def for_browsers(self) -> bool:
        """Whether an environment id is enough to see it."""
        availability = self.client_side_availability
        return bool(self.client_side if availability is None else availability.using_environment_id)

    @property
    def for_mobile(self) -> bool:
        """Whether a mobile key is enough to see it; so it was for all flags before there was a choice."""
        availability = self.client_side_availability
        return availability is None or bool(availability.using_mobile_key)


class WireSegmentRule(msgspec.Struct, frozen=True, rename="camel"):
    """Contexts that match every clause belong; with a weight, only that share of them."""

    clauses: list[WireClause]
    weight: int | None = None
    bucket_by: str | None = None
    rollout_context_kind: str | None = None


class WireSegmentTarget(msgspec.Struct, frozen=True, rename="camel"):
    """Keys of one context kind."""

    values: list[str]
    context_kind: str | None = None


class WireSegment(msgspec.Struct, frozen=True, rename="camel"):
    """A segment in one environment. `unbounded`: its members are kept in a store of the SDK's own."""

    key: str
    version: int
    included: list[str] | None = None
    excluded: list[str] | None = None
    included_contexts: list[WireSegmentTarget] | None = None
    excluded_contexts: list[WireSegmentTarget] | None = None
    rules: list[WireSegmentRule] | None = None
    salt: str | None = None
    unbounded: bool | None = None
    unbounded_context_kind: str | None = None
    generation: int | None = None
