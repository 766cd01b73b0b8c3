"""Rules that ask for a segment, in official SDKs: what they serve follows each change of it within a second."""

import json
import threading
from collections.abc import Callable
from typing import Any

import ldclient
import pytest

from conformance.client_side import run, show_to_browsers
from conformance.clients import node_client
from conformance.test_server_sdks import config
from live import LiveServer

SEGMENT = "/segments/default/production/staff"


def segment_flag(server: LiveServer, **segment: Any) -> None:
    """The flag `flag`, v0 for staff and v1 for everybody else."""
    server.create_experiment()
    show_to_browsers(server)
    fields = {"key": "staff", "name": "Staff", **segment}
    assert server.rest("POST", "/segments/default/production", fields).status == 201
    rule = {"clauses": [{"attribute": "", "op": "segmentMatch", "values": ["staff"]}], "variation": 0}
    patch = [
        {"op": "add", "path": "/environments/production/rules/0", "value": rule},
        {"op": "replace", "path": "/environments/production/fallthrough", "value": {"variation": 1}},
    ]
    assert server.rest("PATCH", "/flags/default/flag", patch).status == 200


def instruct(server: LiveServer, kind: str, **parameters: Any) -> None:
    body = {"environmentKey": "production", "instructions": [{"kind": kind, **parameters}]}
    reply = server.rest("PATCH", SEGMENT, body)
    assert reply.status == 200, reply.body


def steps(server: LiveServer) -> list[tuple[Callable[[], None], str]]:
    """Changes of the segment, and what the unit `ann` is served after each."""
    clause = {"attribute": "key", "op": "startsWith", "values": ["a"], "contextKind": "user"}

    def remove_rule() -> None:
        instruct(server, "removeRule", ruleId=server.rest("GET", SEGMENT).body["rules"][0]["_id"])

    return [
        (lambda: instruct(server, "addIncludedTargets", contextKind="user", values=["ann"]), "v0"),
        (lambda: instruct(server, "removeIncludedTargets", contextKind="user", values=["ann"]), "v1"),
        (lambda: instruct(server, "addRule", clauses=[clause]), "v0"),
        (lambda: instruct(server, "addExcludedUsers", values=["ann"]), "v1"),
        (lambda: instruct(server, "removeExcludedUsers", values=["ann"]), "v0"),
        (remove_rule, "v1"),
    ]


def test_the_python_sdk_follows_a_segment(server: LiveServer) -> None:
    segment_flag(server)
    ann = ldclient.Context.create("ann")
    with ldclient.LDClient(config(server), start_wait=10) as client:
        assert client.variation("flag", ann, "none") == "v1"
        changed = threading.Event()
        client.flag_tracker.add_listener(lambda _: changed.set())
        for step, expected in steps(server):
            changed.clear()
            step()
            assert changed.wait(1)
            assert client.variation("flag", ann, "none") == expected


def test_the_python_sdk_starts_with_segments_and_outlives_their_deletion(server: LiveServer) -> None:
    segment_flag(server, included=["ann"], includedContexts=[{"contextKind": "org", "values": ["o"]}])
    org, bob = ldclient.Context.create("o", "org"), ldclient.Context.create("bob")
    for stream in (True, False):
        with ldclient.LDClient(config(server, stream=stream), start_wait=10) as client:
            assert client.is_initialized()
            served = [
                client.variation("flag", who, "none") for who in (ldclient.Context.create("ann"), org, bob)
            ]
            assert served == ["v0", "v0", "v1"]
    patch = [{"op": "remove", "path": "/environments/production/rules/0"}]
    assert server.rest("PATCH", "/flags/default/flag", patch).status == 200
    with ldclient.LDClient(config(server), start_wait=10) as client:
        assert server.rest("DELETE", SEGMENT).status == 204
        assert client.variation("flag", org, "none") == "v1"


@pytest.mark.parametrize(
    ("kind", "package", "credential"),
    [
        ("server", "@launchdarkly/node-server-sdk@9", "apiKey"),
        ("browser", "launchdarkly-node-client-sdk@3.4", "_id"),
    ],
)
def test_node_sdks_follow_a_segment(server: LiveServer, kind: str, package: str, credential: str) -> None:
    folder = node_client(package)
    segment_flag(server)
    key = server.environment_rep()[credential]
    with run(folder, "segment.js", kind, server.host, key, "flag", "ann") as actor:
        assert actor.hears() == "v1"
        for step, expected in steps(server):
            step()
            assert json.loads(actor.lines.get(timeout=1)) == expected
