"""The showcase's experiments: one that runs and has found something, a draft, one that was shipped."""

import random
from typing import Any

from live import LiveServer, exposure, now_ms, tracked

EXPERIMENTS = "/projects/default/environments/production/experiments"
INSIDE = {"kind": "FALLTHROUGH", "inExperiment": True}


def furnish_experiments(server: LiveServer, units: int, chance: random.Random) -> None:
    """`units` meet the running one now; the flags and metrics that it needs are there."""
    forms = [{"value": "long", "name": "Long form"}, {"value": "short", "name": "Short form"}]
    body = {"key": "sign-up-form", "name": "Sign-up form", "tags": ["web"], "variations": forms}
    assert server.rest("POST", "/flags/default", body).status == 201
    _switch_on(server, "sign-up-form")
    metrics = ["signup", "purchase", "order-value"]
    reason = "A shorter form asks for less, so more people finish it."
    _design(server, "short-form", "Shorter sign-up form", "sign-up-form", metrics, reason)
    version = _start(server, "short-form")
    events = [event for number in range(units) for event in _visit(f"visitor-{number}", version, chance)]
    for first in range(0, len(events), 2000):
        assert server.send(events[first : first + 2000]).status == 202
    reason = "One page is done sooner than four."
    _design(server, "one-page", "Checkout on one page", "new-checkout", ["purchase", "order-value"], reason)
    _design(
        server, "night-shoppers", "Dark at night", "dark-mode", ["order-value"], "Dark pages rest the eyes."
    )
    _start(server, "night-shoppers")
    _ship(server, "night-shoppers", "Nobody minded, and many had asked for it.")


def _design(server: LiveServer, key: str, name: str, flag: str, metrics: list[str], hypothesis: str) -> None:
    found = server.rest("GET", f"/flags/default/{flag}").body
    treatments = [
        {
            "name": variation.get("name", str(variation["value"])),
            "baseline": index == 0,
            "allocationPercent": "50",
            "parameters": [{"flagKey": flag, "variationId": variation["_id"]}],
        }
        for index, variation in enumerate(found["variations"])
    ]
    version = found["environments"]["production"]["version"]
    iteration = {
        "hypothesis": hypothesis,
        "metrics": [{"key": metric} for metric in metrics],
        "primarySingleMetricKey": metrics[0],
        "treatments": treatments,
        "flags": {flag: {"ruleId": "fallthrough", "flagConfigVersion": version}},
        "attributes": ["device"],
        "assay": {"minimumLift": 0.1, "guardrails": metrics[2:]},
    }
    assert server.rest("POST", EXPERIMENTS, {"key": key, "name": name, "iteration": iteration}).status == 201


def _start(server: LiveServer, key: str) -> int:
    """The version of its flag that carries it."""
    current = _instruct(server, key, kind="startIteration")["currentIteration"]
    return int(next(iter(current["flags"].values()))["flagConfigVersion"])


def _ship(server: LiveServer, key: str, why: str) -> None:
    treatments = server.rest("GET", f"{EXPERIMENTS}/{key}").body["currentIteration"]["treatments"]
    winner = treatments[0]["_id"]
    _instruct(server, key, kind="stopIteration", winningTreatmentId=winner, winningReason=why)


def _instruct(server: LiveServer, key: str, **instruction: Any) -> dict[str, Any]:
    reply = server.rest("PATCH", f"{EXPERIMENTS}/{key}", {"instructions": [instruction]})
    assert reply.status == 200, reply.body
    body: dict[str, Any] = reply.body
    return body


def _switch_on(server: LiveServer, flag: str) -> None:
    patch = [{"op": "replace", "path": "/environments/production/on", "value": True}]
    assert server.rest("PATCH", f"/flags/default/{flag}", patch).status == 200


def _visit(unit: str, version: int, chance: random.Random) -> list[dict[str, Any]]:
    """The short form makes more people sign up; what they buy stays as it was."""
    at, short = now_ms(), chance.random() < 0.5
    context = {"kind": "user", "key": unit, "device": chance.choice(["phone", "desktop"])}
    events = [exposure(unit, int(short), at, "sign-up-form", version=version, reason=INSIDE, context=context)]
    if chance.random() < (0.52 if short else 0.34):
        events.append(tracked(unit, at + 1, key="signed-up"))
    if chance.random() < 0.2:
        events.append(
            tracked(unit, at + 2, key="purchase", metricValue=round(chance.lognormvariate(3.2, 0.6), 2))
        )
    return events
