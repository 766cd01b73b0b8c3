"""Goals: the clicks and page views that browsers are to watch for."""

from typing import Any

from live import LiveServer, now_ms
from sdk.streams import fresh

URLS = [
    {"kind": "exact", "url": "https://shop.example/?x=1#top"},
    {"kind": "canonical", "url": "https://shop.example/cart"},
    {"kind": "substring", "substring": "/shop"},
    {"kind": "regex", "pattern": "sh[ao]p$"},
]


def goals(server: LiveServer) -> dict[str, Any]:
    reply = server.request("GET", f"/sdk/goals/{server.environment_rep()['_id']}")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    return {goal["key"]: goal for goal in reply.body}


def create_metric(server: LiveServer, key: str, **more: Any) -> None:
    assert server.rest("POST", "/metrics/default", {"key": key, "name": key, **more}).status == 201


def test_without_metrics_there_is_nothing_to_watch_for(server: LiveServer) -> None:
    assert goals(server) == {}


def test_clicks_have_a_selector_and_page_views_addresses(live: LiveServer) -> None:
    click, view, custom = fresh("metric"), fresh("metric"), fresh("metric")
    create_metric(live, click, kind="click", selector=".buy, #now", urls=URLS[1:2])
    create_metric(live, view, kind="pageview", urls=URLS)
    create_metric(live, custom, kind="custom", eventKey="bought")
    found = goals(live)
    assert found[click] == {"key": click, "kind": "click", "selector": ".buy, #now", "urls": URLS[1:2]}
    assert found[view] == {"key": view, "kind": "pageview", "urls": URLS}
    assert custom not in found


def test_a_deleted_metric_is_not_watched_for(live: LiveServer) -> None:
    key = fresh("metric")
    create_metric(live, key, kind="pageview", urls=URLS[:1])
    assert key in goals(live)
    assert live.rest("DELETE", f"/metrics/default/{key}").status == 204
    assert key not in goals(live)


def test_a_goals_event_finds_its_metric(live: LiveServer) -> None:
    flag, custom, view = fresh("flag"), fresh("metric"), fresh("metric")
    live.create_experiment(flag, custom)
    create_metric(live, view, kind="pageview", urls=URLS[:1])
    experiment = {"metricKey": view, "environments": ["production"]}
    patch = [{"op": "add", "path": "/experiments/items/1", "value": experiment}]
    assert live.rest("PATCH", f"/flags/default/{flag}", patch).status == 200
    context = {"kind": "user", "key": "visitor"}
    created = live.results(flag, view, "?from=0")["totals"]
    assert sum(total["cumulativeCount"] for total in created) == 0
    version = live.rest("GET", f"/flags/default/{flag}").body["environments"]["production"]["version"]
    events = [
        {"kind": "feature", "key": flag, "version": version, "variation": 0, "value": "v0", "default": None},
        {"kind": "pageview", "key": view, "url": "https://shop.example/?x=1#top"},
    ]
    now = now_ms()
    body = [{**event, "creationDate": now + at, "context": context} for at, event in enumerate(events)]
    environment = live.environment_rep()["_id"]
    assert live.request("POST", f"/events/bulk/{environment}", body).status == 202
    totals = live.results(flag, view, "?from=0")["totals"]
    assert sum(total["cumulativeCount"] for total in totals) == 1
