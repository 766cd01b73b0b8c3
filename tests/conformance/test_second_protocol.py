"""The second flag delivery protocol, as current server SDKs speak it where they are told to."""

import ldclient
from ldclient.config import Config
from ldclient.datasystem import default

from conformance.client_side import run, wait_for
from conformance.clients import node_client
from live import LiveServer


def change(server: LiveServer, variation: int) -> None:
    path = "/environments/production/fallthrough"
    patch = [{"op": "replace", "path": path, "value": {"variation": variation}}]
    assert server.rest("PATCH", "/flags/default/flag", patch).status == 200


def exposed(server: LiveServer) -> list[int]:
    return [row["cumulativeImpressionCount"] for row in server.results()["totals"]]


def test_python_sdk_evaluates_and_sees_a_change(server: LiveServer) -> None:
    server.create_experiment()
    host, key = server.host, server.environment_rep()["apiKey"]
    system = default().build()
    config = Config(key, base_uri=host, stream_uri=host, events_uri=host, datasystem_config=system)
    contexts = [ldclient.Context.create(f"unit-{n}") for n in range(40)]
    with ldclient.LDClient(config, start_wait=10) as client:
        assert client.is_initialized()
        served = [client.variation("flag", context, "none") for context in contexts]
        client.flush()
        expected = [served.count("v0"), served.count("v1")]
        assert sum(expected) == 40
        assert wait_for(lambda: exposed(server) == expected)
        for variation in (0, 1):
            change(server, variation)
            wanted = f"v{variation}"
            assert wait_for(lambda: client.variation("flag", contexts[0], "none") == wanted)  # noqa: B023


def test_node_sdk_evaluates_and_sees_a_change(server: LiveServer) -> None:
    server.create_experiment()
    key = server.environment_rep()["apiKey"]
    folder = node_client("@launchdarkly/node-server-sdk@9")
    with run(folder, "second_protocol.js", server.host, key, "40") as actor:
        served = actor.hears()["served"]
        expected = [served.count("v0"), served.count("v1")]
        assert sum(expected) == 40
        assert wait_for(lambda: exposed(server) == expected)
        other = 1 - int(served[0][1])
        change(server, other)
        assert actor.hears() == {"now": f"v{other}"}
