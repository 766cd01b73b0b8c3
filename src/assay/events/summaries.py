"""How often flags were evaluated: the counters of a summary event, and the one that stands for a lone evaluation."""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

import msgspec

from assay.events.kinds import BadEvent, EventTime, VariationIndex, Version, WireEvent, field_reason

MOST_COUNTERS = 10_000
LONGEST_FLAG_KEY = 256
LONGEST_CODE_DEFAULT = 1_000

Times = Annotated[int, msgspec.Meta(ge=0, le=2**32)]


class Tally(msgspec.Struct, frozen=True, omit_defaults=True):
    """`times` evaluations of a flag with one outcome; without a `variation` the caller's default was served.

    `unknown`: the SDK knew no such flag. `code_default`: the caller's default as JSON, on the first tally of its flag.
    """

    flag: str
    times: int
    variation: int | None = None
    version: int | None = None
    unknown: bool = False
    code_default: str | None = None


class WireCounter(msgspec.Struct, frozen=True):
    """One counter of a flag, as it is sent."""

    count: Times
    variation: VariationIndex | None = None
    version: Version | None = None
    unknown: bool | None = None


class WireFeature(msgspec.Struct, frozen=True):
    """The counters of a flag, as they are sent."""

    counters: tuple[WireCounter, ...] = ()
    default: Any = None


class WireSummary(msgspec.Struct, frozen=True, rename="camel"):
    """The part of a summary event that other events don't have."""

    features: dict[str, WireFeature] = {}
    start_date: EventTime | None = None
    end_date: EventTime | None = None


def read_summary(raw: Any) -> WireSummary:
    """The summary, or `BadEvent` with the first thing wrong with it."""
    try:
        return msgspec.convert(raw, WireSummary)
    except msgspec.ValidationError as error:
        raise BadEvent(field_reason(str(error))) from None


def summary_tallies(summary: WireSummary) -> tuple[Tally, ...]:
    """What was counted; keys that no flag can have are passed over, so that their neighbours count."""
    found = tuple(islice(_tallies(summary), MOST_COUNTERS + 1))
    if len(found) > MOST_COUNTERS:
        raise BadEvent("too_many_counters")
    return found


def lone_tally(event: WireEvent, raw: dict[str, Any]) -> tuple[Tally, ...]:
    """A feature event of an SDK that sends no summaries is an evaluation of its own."""
    if raw.get("excludeFromSummaries") is True or not _countable(event.key):
        return ()
    code_default = _code_default(raw.get("default"))
    return (Tally(event.key or "", 1, event.variation, event.version, event.version is None, code_default),)


def _tallies(summary: WireSummary) -> Iterator[Tally]:
    for flag, feature in summary.features.items():
        if not _countable(flag):
            continue
        code_default = _code_default(feature.default)
        for counter in feature.counters:
            if counter.count:
                unknown = bool(counter.unknown)
                yield Tally(flag, counter.count, counter.variation, counter.version, unknown, code_default)
                code_default = None


def _countable(flag: str | None) -> bool:
    return flag is not None and 0 < len(flag) <= LONGEST_FLAG_KEY


def _code_default(value: Any) -> str | None:
    """The default as JSON; None where there is none, or one too large to be kept beside every count."""
    if value is None:
        return None
    encoded = msgspec.json.encode(value)
    return encoded.decode() if len(encoded) <= LONGEST_CODE_DEFAULT else None
