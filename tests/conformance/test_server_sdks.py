"""Official server SDKs, unmodified: evaluate, track, flush; the results equal a count by hand of what was sent."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import ldclient
import pytest
from ldclient.config import Config

from conformance.clients import node_client, python_client, run_node, run_python
from live import LiveServer

UNITS, BUYERS = 120, 70


def config(server: LiveServer, **more: Any) -> Config:
    host = server.host
    key = server.environment_rep()["apiKey"]
    return Config(key, base_uri=host, stream_uri=host, events_uri=host, flush_interval=0.2, **more)


def expected(served: dict[str, str], prefix: str) -> list[dict[str, float]]:
    """Per variation by hand: exposed units, events, and the sum of the values that `drive` tracks."""
    rows = []
    for value in ("v0", "v1"):
        units = [key for key, variation in served.items() if variation == value]
        buyers = [n for n in range(BUYERS) if served[f"{prefix}-{n}"] == value]
        rows.append({"exposed": len(units), "events": len(buyers), "value": sum(n / 4 for n in buyers)})
    return rows


def measured(server: LiveServer, metric: str = "metric") -> list[dict[str, float]]:
    return [
        {
            "exposed": row["cumulativeImpressionCount"],
            "events": row["cumulativeCount"],
            "value": row["cumulativeValue"],
        }
        for row in server.results(metric=metric)["totals"]
    ]


def wait_for(condition: Any, seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def drive(client: ldclient.LDClient) -> dict[str, str]:
    served = {}
    for n in range(UNITS):
        context = ldclient.Context.create(f"python-{n}")
        served[context.key] = client.variation("flag", context, "none")
        client.variation("flag", context, "none")
        if n < BUYERS:
            client.track("metric", context, {"sku": n}, n / 4)
    return served


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("compressed", [True, False])
def test_python_sdk(server: LiveServer, stream: bool, compressed: bool) -> None:
    server.create_experiment(numeric=True)
    more = {"stream": stream, "enable_event_compression": compressed}
    with ldclient.LDClient(config(server, **more), start_wait=10) as client:
        assert client.is_initialized()
        served = drive(client)
    assert measured(server) == expected(served, "python")
    assert set(served.values()) == {"v0", "v1"}


OLD_PYTHON = """
import sys, json, ldclient
from ldclient.config import Config
host, key, inline, units, buyers = sys.argv[1:]
more = {"inline_users_in_events": True} if inline == "inline" else {}
config = Config(key, base_uri=host, stream_uri=host, events_uri=host, **more)
client = ldclient.client.LDClient(config=config, start_wait=10)
served = {}
for n in range(int(units)):
    unit = f"python-{n}"
    shown = ldclient.Context.create(unit) if hasattr(ldclient, "Context") else {"key": unit}
    served[unit] = client.variation("flag", shown, "none")
    client.variation("flag", shown, "none")
    if n < int(buyers):
        client.track("metric", shown, {"sku": n}, n / 4)
client.flush()
client.close()
print(json.dumps(served))
"""


@pytest.mark.parametrize(
    ("version", "inline"),
    [("6.13.3", "inline"), ("7.6.1", "inline"), ("7.6.1", "keys"), ("8.3.0", "keys")],
)
def test_older_python_sdks(server: LiveServer, version: str, inline: str) -> None:
    server.create_experiment(numeric=True)
    folder = python_client("launchdarkly-server-sdk", version)
    key = server.environment_rep()["apiKey"]
    printed = run_python(folder, OLD_PYTHON, server.host, key, inline, str(UNITS), str(BUYERS))
    served = json.loads(printed)
    assert measured(server) == expected(served, "python")
    assert set(served.values()) == {"v0", "v1"}


@pytest.mark.parametrize(
    "package",
    [
        "@launchdarkly/node-server-sdk@9",
        "launchdarkly-node-server-sdk@5.14.6",
        "launchdarkly-node-server-sdk@6.4.3",
        "launchdarkly-node-server-sdk@7.0.4",
    ],
)
def test_node_sdk(server: LiveServer, package: str) -> None:
    folder = node_client(package)
    server.create_experiment(numeric=True)
    script = Path(__file__).parent / "node" / "drive.js"
    key = server.environment_rep()["apiKey"]
    served = json.loads(run_node(folder, script, server.host, key, str(UNITS), str(BUYERS)))
    assert measured(server) == expected(served, "node")
    assert set(served.values()) == {"v0", "v1"}


def test_python_and_node_assign_alike(server: LiveServer) -> None:
    """One salt, two SDKs: what one serves is what the other serves, so a unit seen by both is in one variation."""
    folder = node_client("@launchdarkly/node-server-sdk@9")
    server.create_experiment()
    script = Path(__file__).parent / "node" / "drive.js"
    key = server.environment_rep()["apiKey"]
    by_node = json.loads(run_node(folder, script, server.host, key, str(UNITS), str(BUYERS)))
    with ldclient.LDClient(config(server), start_wait=10) as client:
        by_python = {
            unit: client.variation("flag", ldclient.Context.create(unit), "none") for unit in by_node
        }
    assert by_python == by_node
    assert sum(row["exposed"] for row in measured(server)) == UNITS
    assert server.results()["assay"]["health"]["multipleVariations"] == 0


def test_a_change_reaches_a_streaming_sdk_within_a_second(server: LiveServer) -> None:
    server.create_experiment()
    with ldclient.LDClient(config(server), start_wait=10) as client:
        context = ldclient.Context.create("somebody")
        before = client.variation("flag", context, "none")
        other = 1 if before == "v0" else 0
        changed = threading.Event()
        client.flag_tracker.add_listener(lambda _: changed.set())
        patch = [
            {"op": "replace", "path": "/environments/production/fallthrough", "value": {"variation": other}}
        ]
        assert server.rest("PATCH", "/flags/default/flag", patch).status == 200
        assert changed.wait(1)
        assert client.variation("flag", context, "none") == f"v{other}"


def test_a_deleted_flag_leaves_the_sdk_and_comes_back_when_made_again(server: LiveServer) -> None:
    server.create_experiment()
    with ldclient.LDClient(config(server), start_wait=10) as client:
        context = ldclient.Context.create("somebody")
        assert server.rest("DELETE", "/flags/default/flag").status == 204
        assert wait_for(lambda: client.variation("flag", context, "gone") == "gone")
        body = {"key": "flag", "name": "flag", "variations": [{"value": "new"}, {"value": "newer"}]}
        assert server.rest("POST", "/flags/default", body).status == 201
        assert wait_for(lambda: client.variation("flag", context, "gone") == "newer")


def test_an_sdk_that_was_connected_survives_a_restart_of_the_server(server: LiveServer) -> None:
    server.create_experiment()
    with ldclient.LDClient(config(server, initial_reconnect_delay=0.1), start_wait=10) as client:
        server.stop()
        server.start()
        patch = [{"op": "replace", "path": "/environments/production/on", "value": False}]
        assert server.rest("PATCH", "/flags/default/flag", patch).status == 200
        context = ldclient.Context.create("somebody")
        assert wait_for(lambda: client.variation("flag", context, "none") == "v1", 20)
        client.track("later", context)
        client.flush()
        assert wait_for(
            lambda: (
                'assay_events_accepted_total{kind="custom"}' in str(server.request("GET", "/metrics").body)
            )
        )


def test_the_sdk_is_a_current_one() -> None:
    assert ldclient.__version__.split(".")[0] == "9"
