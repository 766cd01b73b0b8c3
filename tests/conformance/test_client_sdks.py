"""Official client-side SDKs in Node and jsdom: identify, evaluate, track, flush, and see a flag change."""

import json
from typing import Any

import pytest

from conformance.client_side import check_units, run, settings_for, show_to_browsers
from conformance.clients import node_client
from live import LiveServer

NODE = "launchdarkly-node-client-sdk@3.4"
# A jsdom that runs on the Node.js of Debian.
DOM = ("jsdom@24", "eventsource@2")


@pytest.mark.parametrize("options", [{}, {"useReport": True}, {"evaluationReasons": True}])
def test_node_client_sdk(server: LiveServer, options: dict[str, Any]) -> None:
    server.create_experiment(numeric=True)
    show_to_browsers(server)
    settings = settings_for(server, "units", options=options)
    with run(node_client(NODE), "client_side.js", "node", json.dumps(settings)) as actor:
        check_units(server, actor)


def test_older_node_client_sdk(server: LiveServer) -> None:
    server.create_experiment(numeric=True)
    show_to_browsers(server)
    settings = settings_for(server, "units", kind=None)
    folder = node_client("launchdarkly-node-client-sdk@2.2.2")
    with run(folder, "client_side.js", "node", json.dumps(settings)) as actor:
        check_units(server, actor)


@pytest.mark.parametrize(("version", "kind"), [("3.9", "user"), ("2.24.2", None)])
def test_browser_sdk_in_jsdom(server: LiveServer, version: str, kind: str | None) -> None:
    server.create_experiment(numeric=True)
    show_to_browsers(server)
    settings = settings_for(server, "units", kind)
    folder = node_client(f"launchdarkly-js-client-sdk@{version}", *DOM)
    with run(folder, "client_side.js", "jsdom", json.dumps(settings)) as actor:
        check_units(server, actor)


def test_browser_sdk_of_today_in_jsdom(server: LiveServer) -> None:
    server.create_experiment(numeric=True)
    show_to_browsers(server)
    settings = settings_for(server, "units", options={"streaming": True, "fetchGoals": False})
    folder = node_client("@launchdarkly/js-client-sdk@4", *DOM)
    with run(folder, "client_side.js", "jsdom-module", json.dumps(settings)) as actor:
        check_units(server, actor)


def test_a_flag_that_browsers_may_not_see_is_not_served(server: LiveServer) -> None:
    server.create_experiment()
    with run(
        node_client(NODE), "client_side.js", "node", json.dumps(settings_for(server, "variation"))
    ) as actor:
        assert actor.hears() == {"served": "none"}
