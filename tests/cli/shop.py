"""A realistic account: targeting of every kind, written through the REST API."""

from typing import Any

from live import LiveServer

ENVIRONMENTS = ("production", "staging")


def clause(attribute: str, op: str, *values: Any, kind: str = "user", negate: bool = False) -> dict[str, Any]:
    return {"attribute": attribute, "op": op, "values": list(values), "contextKind": kind, "negate": negate}


def rollout(*weights: int, **more: Any) -> dict[str, Any]:
    variations = [{"variation": index, "weight": weight} for index, weight in enumerate(weights)]
    return {"rollout": {"variations": variations, **more}}


def write(server: LiveServer, method: str, path: str, body: Any) -> Any:
    reply = server.rest(method, path, body)
    assert reply.status in (200, 201), (path, reply.body)
    return reply.body


def patch(server: LiveServer, path: str, **values: Any) -> None:
    operations = [{"op": "add", "path": f"/{name}", "value": value} for name, value in values.items()]
    write(server, "PATCH", path, operations)


def configure(server: LiveServer, flag: str, environment: str, **values: Any) -> None:
    patch(
        server,
        f"/flags/shop/{flag}",
        **{f"environments/{environment}/{name}": value for name, value in values.items()},
    )


def new_flag(server: LiveServer, key: str, values: list[Any], **more: Any) -> None:
    variations = [{"value": value, "name": f"variation {number}"} for number, value in enumerate(values)]
    write(server, "POST", "/flags/shop", {"key": key, "name": key, "variations": variations, **more})


def build_shop(server: LiveServer) -> None:
    """A project with two environments, segments with a share, metrics, and flags that need one another."""
    environments = [{"key": key, "name": key.title(), "color": "aabbcc"} for key in ENVIRONMENTS]
    write(
        server,
        "POST",
        "/projects",
        {"key": "shop", "name": "Shop", "environments": environments, "tags": ["web"]},
    )
    for environment in ENVIRONMENTS:
        place = f"/segments/shop/{environment}"
        write(server, "POST", place, {"key": "beta", "name": "Beta", "tags": ["early"]})
        patch(
            server,
            f"{place}/beta",
            included=["unit-1", "unit-2"],
            excluded=["unit-3"],
            rules=[{"clauses": [clause("country", "in", "de", "fr")], "weight": 30_000}],
        )
        write(server, "POST", place, {"key": "inner", "name": "Inner"})
        patch(server, f"{place}/inner", rules=[{"clauses": [clause("", "segmentMatch", "beta")]}])
    metrics: list[dict[str, Any]] = [
        {"key": "purchase", "name": "Purchase", "kind": "custom", "eventKey": "purchase"},
        {"key": "revenue", "kind": "custom", "eventKey": "revenue", "isNumeric": True, "unit": "EUR"},
        {"key": "seen", "kind": "pageview", "urls": [{"kind": "exact", "url": "https://shop.example/"}]},
    ]
    for metric in metrics:
        write(server, "POST", "/metrics/shop", metric)
    new_flag(server, "zz-needed", ["a", "b", "c"], tags=["gate"])
    new_flag(
        server, "button", [{"color": "red"}, {"color": "blue"}], temporary=False, description="The button"
    )
    new_flag(server, "ranking", [1, 2, 3])
    new_flag(server, "plain", [True, False])
    new_flag(server, "gone", ["x", "y"])
    patch(server, "/flags/shop/gone", archived=True)
    for environment in ENVIRONMENTS:
        needed = [{"key": "zz-needed", "variation": 1}]
        configure(server, "zz-needed", environment, on=True, fallthrough=rollout(20_000, 50_000, 30_000))
        configure(
            server,
            "button",
            environment,
            on=True,
            rules=[
                {"clauses": [clause("", "segmentMatch", "inner")], "variation": 1},
                {"clauses": [clause("age", "lessThan", 30)], **rollout(60_000, 40_000, bucketBy="group")},
            ],
            fallthrough=rollout(50_000, 50_000, seed=61),
            offVariation=1,
        )
        configure(
            server,
            "ranking",
            environment,
            on=True,
            prerequisites=needed,
            targets=[{"variation": 2, "values": ["unit-7", "unit-8"]}],
            fallthrough=rollout(10_000, 45_000, 45_000, contextKind="user"),
            offVariation=0,
        )
    configure(server, "plain", "production", on=True, trackEvents=True)
