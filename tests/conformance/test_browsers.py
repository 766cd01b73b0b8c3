"""Official browser SDKs in a real browser, on a page of another origin: flags, goals, secure mode."""

import hashlib
import hmac
from contextlib import AbstractContextManager
from typing import Any

import pytest

from conformance.client_side import (
    Actor,
    check_units,
    counted,
    in_browser,
    settings_for,
    show_to_browsers,
    wait_for,
)
from conformance.clients import node_client
from live import LiveServer

OLD = ("launchdarkly-js-client-sdk@3.9", "launchdarkly-js-client-sdk/dist/ldclient.min.js")
NEW = ("@launchdarkly/js-client-sdk@4", "@launchdarkly/js-client-sdk/dist/index.js")


def browse(sdk: tuple[str, str], settings: dict[str, Any]) -> AbstractContextManager[Actor]:
    package, bundle = sdk
    return in_browser(node_client(package) / "node_modules" / bundle, settings)


@pytest.mark.parametrize(
    ("sdk", "options"),
    [
        (OLD, {}),
        (NEW, {}),
        (NEW, {"useReport": True, "withReasons": True}),
        (NEW, {"dataSystem": {}, "streaming": True}),
    ],
    ids=["3.9", "4", "4-report", "4-second-protocol"],
)
def test_browser_sdk(server: LiveServer, sdk: tuple[str, str], options: dict[str, Any]) -> None:
    server.create_experiment(numeric=True)
    show_to_browsers(server)
    with browse(sdk, settings_for(server, "units", options=options)) as actor:
        check_units(server, actor)


def add_goal(server: LiveServer, key: str, **more: Any) -> None:
    urls = [{"kind": "substring", "substring": "/shop"}]
    assert server.rest("POST", "/metrics/default", {"key": key, "urls": urls, **more}).status == 201
    value = {"metricKey": key, "environments": ["production"]}
    patch = [{"op": "add", "path": "/experiments/items/-", "value": value}]
    assert server.rest("PATCH", "/flags/default/flag", patch).status == 200


@pytest.mark.parametrize("sdk", [OLD, NEW], ids=["3.9", "4"])
def test_clicks_and_page_views_in_a_browser_are_counted(server: LiveServer, sdk: tuple[str, str]) -> None:
    server.create_experiment()
    show_to_browsers(server)
    add_goal(server, "buy", kind="click", selector=".buy", unitAggregationType="sum")
    add_goal(server, "look", kind="pageview", unitAggregationType="sum")
    add_goal(server, "sell", kind="click", selector=".sell", unitAggregationType="sum")
    with browse(sdk, settings_for(server, "goals")) as actor:
        served = actor.hears()["served"]
        for _ in range(2):
            actor.tell(".buy")
            assert actor.hears() == "clicked"
    seen = int(served[1])
    for metric, events in (("buy", 2), ("look", 1), ("sell", 0)):
        expected = [(1, events) if index == seen else (0, 0) for index in range(2)]
        assert wait_for(lambda: [row[:2] for row in counted(server, metric)] == expected), metric  # noqa: B023


@pytest.mark.parametrize("sdk", [OLD, NEW], ids=["3.9", "4"])
def test_secure_mode_serves_only_who_shows_the_hash_of_its_context(
    server: LiveServer, sdk: tuple[str, str]
) -> None:
    server.create_experiment()
    show_to_browsers(server)
    patch = [{"op": "replace", "path": "/secureMode", "value": True}]
    assert server.rest("PATCH", "/projects/default/environments/production", patch).status == 200
    key = server.environment_rep()["apiKey"].encode()
    right = hmac.new(key, b"client-0", hashlib.sha256).hexdigest()
    with browse(sdk, settings_for(server, "variation", hash=right)) as actor:
        assert actor.hears()["served"] in ("v0", "v1")
    with browse(sdk, settings_for(server, "variation", hash=right[::-1])) as actor:
        assert "failed" in actor.hears()
