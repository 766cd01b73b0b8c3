"""A shop with something on every page: what tests look at, and what screenshots show."""

import random
from typing import Any

from dashboard.showcase_experiments import furnish_experiments
from live import LiveServer, exposure, now_ms, tracked

HOUR_MS = 3_600_000
PLACE = "/p/default/production"
PRODUCTION = "/environments/production"

# Every page of the showcase by a name; screenshots are called after it.
PAGES = {
    "overview": PLACE,
    "flags": f"{PLACE}/flags",
    "flag-new": f"{PLACE}/new-flag",
    "flag-targeting": f"{PLACE}/flags/delivery-promise",
    "flag-preview": f"{PLACE}/flags/delivery-promise/preview",
    "flag-variations": f"{PLACE}/flags/delivery-promise/variations",
    "flag-history": f"{PLACE}/flags/delivery-promise/history",
    "flag-connect": f"{PLACE}/flags/delivery-promise/connect",
    "flag-settings": f"{PLACE}/flags/delivery-promise/about",
    "experiments": f"{PLACE}/experiments",
    "experiment": f"{PLACE}/experiments/short-form",
    "experiment-draft": f"{PLACE}/experiments/one-page",
    "experiment-edit": f"{PLACE}/experiments/one-page/edit",
    "experiment-shipped": f"{PLACE}/experiments/night-shoppers",
    "experiment-new": f"{PLACE}/new-experiment?flag=checkout-button&metric=purchase",
    "segments": f"{PLACE}/segments",
    "segment": f"{PLACE}/segments/beta-testers",
    "metrics": f"{PLACE}/metrics",
    "metric": f"{PLACE}/metrics/order-value",
    "metric-new": f"{PLACE}/new-metric?event_key=added-to-cart",
    "metric-group": f"{PLACE}/metric-groups/way-to-the-till",
    "metric-group-new": f"{PLACE}/new-metric-group",
    "live": f"{PLACE}/live",
    "diagnosis": f"{PLACE}/live/why?flag=checkout-button&metric=signup",
    "connect": f"{PLACE}/connect",
    "audit": "/audit",
    "members": "/settings/members",
    "roles": "/settings/roles",
    "tokens": "/settings/tokens",
    "projects": "/settings/projects",
    "project": "/settings/projects/default",
    "environment": "/settings/projects/default/environments/production",
}


def furnish(server: LiveServer, units: int = 4000) -> None:
    """Something on every page; `units` are exposed to each experiment."""
    furnish_shop(server, units)
    furnish_experiments(server, units, random.Random(11))


def furnish_shop(server: LiveServer, units: int = 4000) -> None:
    """Flags, segments, metrics, people, and a flag's metrics with a week of events."""
    _flags(server)
    _metrics(server)
    _experiment(server)
    _segment(server)
    _targeting(server)
    _people(server)
    _send(server, _events(units, random.Random(7)))
    broken = [{"kind": "custom", "creationDate": now_ms()}, {"kind": "telepathy"}, "no event"]
    assert server.send(broken).status == 202


def _flags(server: LiveServer) -> None:
    promises = [("none", "No promise"), ("day", "By day"), ("hour", "By the hour")]
    _make(server, "new-checkout", "New checkout", ["checkout", "web"], text="One page instead of four.")
    _make(server, "dark-mode", "Dark mode", ["web"])
    _make(
        server,
        "delivery-promise",
        "Delivery promise",
        ["checkout"],
        promises,
        "What the product page says about delivery.",
    )
    _make(server, "checkout-button", "Checkout button", ["checkout"], [("plain", "Plain"), ("bold", "Bold")])
    _make(server, "holiday-banner", "Holiday banner", ["web"])
    for key in ("new-checkout", "dark-mode", "delivery-promise", "checkout-button"):
        _patch(server, f"/flags/default/{key}", {f"{PRODUCTION}/on": True}, "Released to everybody")


def _make(
    server: LiveServer,
    key: str,
    name: str,
    tags: list[str],
    values: list[tuple[str, str]] | None = None,
    text: str = "",
) -> None:
    body: dict[str, Any] = {"key": key, "name": name, "tags": tags, "description": text}
    if values:
        body["variations"] = [{"value": value, "name": label} for value, label in values]
    assert server.rest("POST", "/flags/default", body).status == 201


def _metrics(server: LiveServer) -> None:
    for body in (
        {"key": "purchase", "name": "Bought something", "eventKey": "purchase", "tags": ["revenue"]},
        {
            "key": "order-value",
            "name": "Order value",
            "eventKey": "purchase",
            "isNumeric": True,
            "unit": "€",
            "tags": ["revenue"],
        },
        {"key": "signup", "name": "Signed up", "eventKey": "signed-up"},
    ):
        assert server.rest("POST", "/metrics/default", {"kind": "custom", **body}).status == 201
    steps = [{"key": "signup", "nameInGroup": "Signed up"}, {"key": "purchase", "nameInGroup": "Bought"}]
    funnel = {"key": "way-to-the-till", "name": "Way to the till", "kind": "funnel", "metrics": steps}
    assert server.rest("POST", "/projects/default/metric-groups", funnel).status == 201


def _experiment(server: LiveServer) -> None:
    halves = [{"variation": 0, "weight": 50_000}, {"variation": 1, "weight": 50_000}]
    items = [{"metricKey": key, "environments": ["production"]} for key in ("purchase", "order-value")]
    changes = {
        f"{PRODUCTION}/fallthrough": {"rollout": {"variations": halves}},
        "/experiments": {"baselineIdx": 0, "items": items},
    }
    _patch(server, "/flags/default/checkout-button", changes, "Does a bolder button sell more?")


def _people(server: LiveServer) -> None:
    body = [
        {"email": "ada@example.com", "firstName": "Ada", "lastName": "Lovelace", "role": "admin"},
        {"email": "grace@example.com", "firstName": "Grace", "lastName": "Hopper", "role": "writer"},
    ]
    assert server.rest("POST", "/members", body).status == 201
    allow = {"effect": "allow", "resources": ["proj/*:env/test:flag/*"], "actions": ["*"]}
    role = {"key": "tester", "name": "Tester", "policy": [allow], "basePermissions": "reader"}
    assert server.rest("POST", "/roles", role).status == 201


def _segment(server: LiveServer) -> None:
    body = {"key": "beta-testers", "name": "Beta testers", "tags": ["beta"]}
    assert server.rest("POST", "/segments/default/production", body).status == 201
    clause = {"attribute": "email", "op": "endsWith", "values": ["@example.com"], "contextKind": "user"}
    changes = {"/included": ["ada", "grace"], "/rules": [{"clauses": [clause]}]}
    _patch(server, "/segments/default/production/beta-testers", changes, "Our own people belong, too")


def _targeting(server: LiveServer) -> None:
    shares = [{"variation": 0, "weight": 50_000}, {"variation": 1, "weight": 30_000}]
    rules = [
        {
            "description": "Beta testers see it first",
            "clauses": [{"attribute": "", "op": "segmentMatch", "values": ["beta-testers"]}],
            "variation": 2,
        },
        {
            "clauses": [
                {"attribute": "country", "op": "in", "values": ["DE", "AT"], "contextKind": "user"},
                {
                    "attribute": "plan",
                    "op": "in",
                    "values": ["free"],
                    "negate": True,
                    "contextKind": "organization",
                },
            ],
            "rollout": {"variations": [*shares, {"variation": 2, "weight": 20_000}]},
        },
    ]
    changes = {
        f"{PRODUCTION}/rules": rules,
        f"{PRODUCTION}/targets": [{"variation": 1, "values": ["alan", "edsger"]}],
        f"{PRODUCTION}/prerequisites": [{"key": "new-checkout", "variation": 0}],
    }
    _patch(server, "/flags/default/delivery-promise", changes, "Try it in the German-speaking countries")


def _patch(server: LiveServer, path: str, changes: dict[str, Any], comment: str) -> None:
    patch = [{"op": "add", "path": where, "value": value} for where, value in changes.items()]
    reply = server.rest("PATCH", path, {"patch": patch, "comment": comment})
    assert reply.status == 200, reply.body


def _events(units: int, chance: random.Random) -> list[dict[str, Any]]:
    """Half of the units came in the week before the experiment, half come now, and by chance see its variations."""
    events = []
    now, week = now_ms(), 7 * 24 * HOUR_MS
    for number in range(units):
        before = number % 2 == 0
        at = now - int(week * chance.random()) if before else now
        bold = chance.random() < 0.5
        events.append(exposure(f"shopper-{number}", int(bold), at, flag="checkout-button"))
        if chance.random() < (0.40 if bold and not before else 0.30):
            value = round(chance.lognormvariate(3.2, 0.6), 2)
            events.append(tracked(f"shopper-{number}", at + 1, key="purchase", metricValue=value))
        if chance.random() < 0.5:
            events.append(tracked(f"shopper-{number}", at + 1, key="added-to-cart"))
    return events


def _send(server: LiveServer, events: list[dict[str, Any]]) -> None:
    for first in range(0, len(events), 2000):
        assert server.send(events[first : first + 2000]).status == 202
