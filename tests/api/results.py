"""Events of a running experiment, and its results."""

from typing import Any

from api.experiments import ALL, config
from live import LiveServer, exposure, now_ms, tracked


def exposed(api: LiveServer, key: str, unit: str, variation: int, at_ms: int, **more: Any) -> dict[str, Any]:
    """An evaluation at the experiment's rule, of the version that carries it."""
    given = {
        "flag": key,
        "version": config(api, key)["version"],
        "reason": {"kind": "FALLTHROUGH", "inExperiment": True},
    }
    return exposure(unit, variation, at_ms, **{**given, **more})


def send_conversions(api: LiveServer, key: str, rates: tuple[float, ...], units: int = 100) -> None:
    """So many units to each variation, of which the named share converts, with a spending of 10 or more each."""
    start = now_ms() - 1000
    version = config(api, key)["version"]
    reason = {"kind": "FALLTHROUGH", "inExperiment": True}
    events: list[dict[str, Any]] = []
    for variation, rate in enumerate(rates):
        for number in range(units):
            unit = f"{variation}-{number}"
            context = {"kind": "user", "key": unit, "country": ("de", "fr")[number % 2]}
            events.append(
                exposure(unit, variation, start, key, version=version, reason=reason, context=context)
            )
            if number < rate * units:
                events.append(tracked(unit, start + 5, key, metricValue=10 + number % 7))
    assert api.send(events).status == 202


def results(api: LiveServer, key: str, query: str = "") -> dict[str, Any]:
    reply = api.rest("GET", f"{ALL}/{key}/results{query}")
    assert reply.status == 200, reply.body
    body: dict[str, Any] = reply.body
    return body
