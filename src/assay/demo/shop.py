"""The shop's people: who comes when, what they are shown, and what they do about it. Nothing here touches a server."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assay.flags.evaluation import CompiledSet, evaluate

DAY_MS = 86_400_000

COUNTRIES = {"NL": 34, "DE": 28, "FR": 18, "ES": 12, "SE": 8}
DEVICES = {"phone": 58, "desktop": 34, "tablet": 8}
NEW_A_DAY = 420
RETURNING = 0.16  # the chance that a known shopper comes back on any day
FLAGS = ("free-shipping", "search-ranking", "recommendations", "sign-up-form")

# How a shown variation changes the chance to buy and the basket, by flag and value.
EFFECTS: dict[tuple[str, Any], tuple[float, float]] = {
    ("free-shipping", "over 40 €"): (1.22, 1.09),
    ("free-shipping", "always"): (1.24, 0.93),
    ("search-ranking", "learned"): (1.24, 1.02),
}
# In one of five browsers the new form fails before it can report anything.
FAILING_BROWSERS = 5


@dataclass(frozen=True, slots=True)
class Shopper:
    """A person with habits: `liking` is the chance to buy on a visit, `purse` the usual basket in €."""

    key: str
    attributes: dict[str, Any]
    liking: float
    purse: float

    @property
    def context(self) -> dict[str, Any]:
        return {"kind": "user", "key": self.key, **self.attributes}


def new_shopper(number: int, chance: random.Random) -> Shopper:
    country = chance.choices(list(COUNTRIES), list(COUNTRIES.values()))[0]
    device = chance.choices(list(DEVICES), list(DEVICES.values()))[0]
    attributes = {"country": country, "device": device, "member": chance.random() < 0.3}
    liking = min(0.9, chance.betavariate(1.6, 9) * (1.3 if attributes["member"] else 1.0))
    return Shopper(f"shopper-{number:05d}", attributes, liking, chance.lognormvariate(3.6, 0.45))


def one_day(
    shoppers: list[Shopper], start_ms: int, length_ms: int, compiled: CompiledSet, chance: random.Random
) -> Iterator[dict[str, Any]]:
    """The events of a day, as an SDK would send them; people who come for the first time join `shoppers`."""
    share = length_ms / DAY_MS
    known = [shopper for shopper in shoppers if chance.random() < RETURNING * share]
    fresh = [new_shopper(len(shoppers) + n, chance) for n in range(round(NEW_A_DAY * share))]
    shoppers.extend(fresh)
    for shopper in (*known, *fresh):
        yield from visit(shopper, start_ms + int(chance.random() * length_ms), compiled, chance)


def visit(
    shopper: Shopper, at_ms: int, compiled: CompiledSet, chance: random.Random
) -> Iterator[dict[str, Any]]:
    """What is shown, then what is done: pages load, some search, some buy, some come back with a complaint."""
    liking, purse = shopper.liking, shopper.purse
    for flag in FLAGS:
        event, value = exposure(shopper, flag, at_ms, compiled)
        fails = value == "short form" and int(shopper.key[-5:]) % FAILING_BROWSERS == 0
        if event is None or fails:
            continue
        yield event
        more_often, larger = EFFECTS.get((flag, value), (1.0, 1.0))
        liking, purse = liking * more_often, purse * larger
    slow = 1.35 if shopper.attributes["device"] == "phone" else 1.0
    yield tracked(
        shopper, "page-load", at_ms + 900, metricValue=round(slow * chance.lognormvariate(6.6, 0.5))
    )
    if chance.random() < 0.5:
        yield tracked(shopper, "search", at_ms + 20_000, data={"results": chance.randrange(1, 60)})
    if chance.random() < 0.6:
        yield tracked(shopper, "basket", at_ms + 60_000)
        if chance.random() < min(0.97, liking / 0.6):
            paid = round(purse * chance.lognormvariate(0, 0.35), 2)
            category = chance.choice(("tents", "boots", "stoves", "maps"))
            bought = {"metricValue": paid, "data": {"category": category, "items": chance.randrange(1, 5)}}
            yield tracked(shopper, "purchase", at_ms + 180_000, **bought)
            if chance.random() < 0.06:
                yield tracked(shopper, "return", at_ms + 900_000)


def exposure(
    shopper: Shopper, flag: str, at_ms: int, compiled: CompiledSet
) -> tuple[dict[str, Any] | None, Any]:
    """The event that an SDK sends for this evaluation, None where it sends none; and the value."""
    found = evaluate(compiled, flag, {"user": {"key": shopper.key, **shopper.attributes}})
    if found is None or found.variation is None:
        return None, None
    if not found.track_events:
        return None, found.value
    event = {
        "kind": "feature",
        "creationDate": at_ms,
        "key": flag,
        "version": found.flag.version,
        "variation": found.variation,
        "value": found.value,
        "default": None,
        "reason": found.reason,
        "context": shopper.context,
    }
    return event, found.value


def tracked(shopper: Shopper, key: str, at_ms: int, **more: Any) -> dict[str, Any]:
    return {"kind": "custom", "creationDate": at_ms, "key": key, "context": shopper.context, **more}
