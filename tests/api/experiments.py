"""What most tests of experiments need: a flag that is on, a metric, an experiment on them."""

from typing import Any

from live import LiveServer, Reply

ALL = "/projects/default/environments/production/experiments"


def make_flag(api: LiveServer, key: str, values: int = 3, *, on: bool = True) -> dict[str, Any]:
    """The flag as created, on in production."""
    variations = [{"value": f"v{index}"} for index in range(values)]
    reply = api.rest("POST", "/flags/default", {"key": key, "name": key, "variations": variations})
    assert reply.status == 201, reply.body
    if on:
        patch = [{"op": "replace", "path": "/environments/production/on", "value": True}]
        reply = api.rest("PATCH", f"/flags/default/{key}", patch)
    body: dict[str, Any] = reply.body
    return body


def make_metric(api: LiveServer, key: str) -> None:
    body = {"key": key, "kind": "custom", "eventKey": key}
    assert api.rest("POST", "/metrics/default", body).status == 201


def planned(api: LiveServer, flag: str, metric: str, *percents: str, **more: Any) -> dict[str, Any]:
    """An iteration's body: a treatment for each percentage, the first the baseline."""
    found = api.rest("GET", f"/flags/default/{flag}").body
    treatments = [
        {
            "name": f"treatment {index}",
            "baseline": index == 0,
            "allocationPercent": percent,
            "parameters": [{"flagKey": flag, "variationId": found["variations"][index]["_id"]}],
        }
        for index, percent in enumerate(percents or ("50", "50"))
    ]
    version = found["environments"]["production"]["version"]
    return {
        "hypothesis": "it helps",
        "metrics": [{"key": metric, "isGroup": False}],
        "primarySingleMetricKey": metric,
        "treatments": treatments,
        "flags": {flag: {"ruleId": "fallthrough", "flagConfigVersion": version}},
        "randomizationUnit": "user",
    } | more


def make_experiment(api: LiveServer, key: str, *percents: str, **more: Any) -> dict[str, Any]:
    """An experiment with a draft, on a flag and a metric of its own that are called like it."""
    make_flag(api, key, max(2, len(percents)))
    make_metric(api, key)
    body = {"key": key, "name": key, "iteration": planned(api, key, key, *percents, **more)}
    reply = api.rest("POST", ALL, body)
    assert reply.status == 201, reply.body
    made: dict[str, Any] = reply.body
    return made


def instruct(api: LiveServer, key: str, kind: str, **parameters: Any) -> Reply:
    """One instruction to an experiment in production."""
    return api.rest("PATCH", f"{ALL}/{key}", {"instructions": [{"kind": kind, **parameters}]})


def started(api: LiveServer, key: str, *percents: str, **more: Any) -> dict[str, Any]:
    """A running experiment, made for it."""
    make_experiment(api, key, *percents, **more)
    reply = instruct(api, key, "startIteration")
    assert reply.status == 200, reply.body
    body: dict[str, Any] = reply.body
    return body


def config(api: LiveServer, flag: str) -> dict[str, Any]:
    """The flag's configuration in production."""
    found: dict[str, Any] = api.rest("GET", f"/flags/default/{flag}").body["environments"]["production"]
    return found


def read(api: LiveServer, key: str, *expand: str) -> dict[str, Any]:
    reply = api.rest("GET", f"{ALL}/{key}?expand={','.join(expand)}")
    assert reply.status == 200, reply.body
    body: dict[str, Any] = reply.body
    return body
