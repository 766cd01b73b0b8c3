"""Four weeks of the shop's past, by a clock of their own: definitions by REST operations, events day by day."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.api import experiments, feature_flags, metrics
from assay.api.call import Answer, Call, Rooms
from assay.app import open_house
from assay.demo.shop import DAY_MS, Shopper, one_day
from assay.events.rows import Envelope, encode_rows
from assay.settings import read_settings
from assay.store.records import Token

DAYS = 28
PAYLOAD_EVENTS = 400
SEED = 8

PROJECT = "default"
ENVIRONMENT = "production"
GUARDRAILS = ("returns", "page-load")

# key, name, variations' values, and what everybody gets while no experiment runs
FLAG_DEFINITIONS: tuple[tuple[str, str, list[Any]], ...] = (
    ("free-shipping", "Free shipping", ["never", "over 40 €", "always"]),
    ("search-ranking", "Search ranking", ["by date", "learned"]),
    ("recommendations", "Recommendations under the basket", ["nothing", "similar", "bought together"]),
    ("sign-up-form", "Sign-up form", ["long form", "short form"]),
)

METRIC_DEFINITIONS: tuple[dict[str, Any], ...] = (
    {"key": "bought", "name": "Bought something", "kind": "custom", "eventKey": "purchase"},
    {
        "key": "revenue",
        "name": "Revenue per shopper",
        "kind": "custom",
        "eventKey": "purchase",
        "isNumeric": True,
        "unit": "€",
        "unitAggregationType": "sum",
    },
    {"key": "baskets", "name": "Started a basket", "kind": "custom", "eventKey": "basket"},
    {
        "key": "returns",
        "name": "Sent something back",
        "kind": "custom",
        "eventKey": "return",
        "successCriteria": "LowerThanBaseline",
    },
    {
        "key": "page-load",
        "name": "Page load, 95th percentile",
        "kind": "custom",
        "eventKey": "page-load",
        "isNumeric": True,
        "unit": "ms",
        "successCriteria": "LowerThanBaseline",
        "analysisType": "percentile",
        "percentileValue": 95,
    },
)


@dataclass(slots=True)
class Clock:
    """The time that everything in the past goes by, epoch milliseconds."""

    ms: int

    def __call__(self) -> int:
        return self.ms


@dataclass(slots=True)
class Past:
    """The shop while its past is being made."""

    rooms: Rooms
    token: Token
    clock: Clock
    chance: random.Random
    shoppers: list[Shopper] = field(default_factory=list)

    def perform(self, handler: Callable[[Call], Answer], body: Any, **path: str) -> Any:
        """What a REST request would do, in process."""
        place = {"project": PROJECT, "environment": ENVIRONMENT, **path}
        call = Call(
            rooms=self.rooms, token=self.token, path=place, query={}, body=body, version="20240415", target=""
        )
        return handler(call).body


def make_history(folder: Path) -> None:
    """Fills a new data folder with the `DAYS` days that end now. No server may have it open."""
    now_ms = time.time_ns() // 1_000_000
    clock = Clock(now_ms - DAYS * DAY_MS)
    house = open_house(read_settings({"data": folder}, {}), clock)
    house.rooms.loader.start()
    try:
        token = next(iter(house.rooms.store.state.all("token").values()))
        past = Past(house.rooms, token, clock, random.Random(SEED))  # noqa: S311
        _define(past)
        for day in range(DAYS):
            clock.ms = now_ms - (DAYS - day) * DAY_MS
            for begin in DIARY.get(day, ()):
                begin(past)
            _live(past, DAY_MS)
        house.rooms.await_events()
    finally:
        house.close()


def _define(past: Past) -> None:
    for key, name, values in FLAG_DEFINITIONS:
        variations = [{"value": value, "name": str(value).capitalize()} for value in values]
        body = {"key": key, "name": name, "variations": variations, "tags": ["shop"]}
        past.perform(feature_flags.create_flag, body | {"defaults": {"onVariation": 0, "offVariation": 0}})
        turn_on = {"instructions": [{"kind": "turnFlagOn"}], "environmentKey": ENVIRONMENT}
        past.perform(feature_flags.patch_flag, turn_on, flag=key)
    for definition in METRIC_DEFINITIONS:
        past.perform(metrics.create_metric, definition)


def _live(past: Past, length_ms: int) -> None:
    environment = past.rooms.store.state.environment(PROJECT, ENVIRONMENT)
    _, compiled = past.rooms.flag_sets.compiled((PROJECT, environment))
    events = list(one_day(past.shoppers, past.clock.ms, length_ms, compiled, past.chance))
    events.sort(key=lambda event: int(event["creationDate"]))
    for start in range(0, len(events), PAYLOAD_EVENTS):
        payload = events[start : start + PAYLOAD_EVENTS]
        received_ms = payload[-1]["creationDate"] + 1_000
        envelope = Envelope(environment.id, None, past.rooms.log.stamp(), received_ms)
        lines, _ = encode_rows(payload, envelope)
        past.rooms.log.submit(lines).result()


def _begin(
    key: str, name: str, flag: str, *, metrics: list[str], hypothesis: str, horizon: int | None = None
) -> Callable[[Past], None]:
    """Designs an experiment over all variations of a flag, the first its baseline, and starts it."""

    def begin(past: Past) -> None:
        found = past.rooms.store.state.flag(PROJECT, flag)
        shares = _even_shares(len(found.variations))
        treatments = [
            {
                "name": variation.name,
                "baseline": index == 0,
                "allocationPercent": shares[index],
                "parameters": [{"flagKey": flag, "variationId": variation.id}],
            }
            for index, variation in enumerate(found.variations)
        ]
        use = {"ruleId": "fallthrough", "flagConfigVersion": found.environments[ENVIRONMENT].version}
        iteration: dict[str, Any] = {
            "hypothesis": hypothesis,
            "metrics": [{"key": metric} for metric in metrics],
            "primarySingleMetricKey": metrics[0],
            "treatments": treatments,
            "flags": {flag: use},
            "randomizationUnit": "user",
            "attributes": ["country", "device", "member"],
            "assay": {
                "horizonUnits": horizon,
                "minimumLift": 0.1,
                "guardrails": [one for one in metrics if one in GUARDRAILS],
            },
        }
        body = {"key": key, "name": name, "iteration": iteration, "tags": ["shop"]}
        past.perform(experiments.create_experiment, body)
        start = {"instructions": [{"kind": "startIteration"}], "comment": "As planned"}
        past.perform(experiments.patch_experiment, start, experiment=key)

    return begin


def _even_shares(number: int) -> list[str]:
    share = round(100 / number, 3)
    return [str(share)] * (number - 1) + [str(round(100 - share * (number - 1), 3))]


def _ship(key: str, flag: str, winner: int, reason: str) -> Callable[[Past], None]:
    def ship(past: Past) -> None:
        variation = past.rooms.store.state.flag(PROJECT, flag).variations[winner]
        experiment = past.rooms.store.state.find(("experiment", PROJECT, f"{ENVIRONMENT}/{key}"))
        treatment = next(
            one.id for one in experiment.running.treatments if one.parameters[0].variation_id == variation.id
        )
        stop = {"kind": "stopIteration", "winningTreatmentId": treatment, "winningReason": reason}
        past.perform(experiments.patch_experiment, {"instructions": [stop]}, experiment=key)

    return ship


# What happened on which day.
DIARY: dict[int, tuple[Callable[[Past], None], ...]] = {
    3: (
        _begin(
            "learned-search",
            "Learned search ranking",
            "search-ranking",
            metrics=["bought", "revenue", "baskets"],
            hypothesis="People who find what they came for buy more often.",
            horizon=5000,
        ),
    ),
    14: (
        _ship("learned-search", "search-ranking", 1, "More people bought, at no cost elsewhere."),
        _begin(
            "free-shipping",
            "Free shipping",
            "free-shipping",
            metrics=["revenue", "bought", "baskets", "returns", "page-load"],
            hypothesis="Shipping costs keep people from buying; without them more is sold than shipping costs us.",
            horizon=9000,
        ),
    ),
    17: (
        _begin(
            "recommendations",
            "Recommendations under the basket",
            "recommendations",
            metrics=["revenue", "bought", "page-load"],
            hypothesis="What others bought together makes baskets larger.",
        ),
    ),
    22: (
        _begin(
            "short-sign-up",
            "Shorter sign-up form",
            "sign-up-form",
            metrics=["bought", "baskets"],
            hypothesis="A shorter form loses fewer people.",
        ),
    ),
}
