"""The process as a whole: its start, its end under load, its figures, and what its log keeps to itself."""

import gzip
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from live import LiveServer, exposure, tracked

ATTRIBUTE = "ann.private@shop.example"
UNIT = "unit-that-nobody-should-read"
VALUE = "variation-value-of-a-flag"


def misuse(server: LiveServer) -> None:
    """Good requests and every kind of bad one, each with something private in it."""
    keys = server.environment_rep()
    sdk = {"Authorization": keys["apiKey"], "Content-Type": "application/json"}
    context = {"kind": "user", "key": UNIT, "email": ATTRIBUTE}
    good = {**exposure(UNIT, 0), "context": context}
    bad: list[Any] = [
        [good, {**good, "kind": "nonsense"}, {**good, "variation": ATTRIBUTE}, ATTRIBUTE],
        json.dumps([good]).encode()[:-5],
        gzip.compress(json.dumps([good]).encode()),
        ("[" * 5000 + ATTRIBUTE).encode(),
    ]
    for body in bad:
        server.request("POST", "/bulk", body, sdk)
        server.request("POST", "/bulk", body, {**sdk, "Content-Encoding": "gzip"})
        server.request("POST", "/diagnostic", body, sdk)
        server.rest("POST", "/flags/default", body)
        server.rest("PATCH", "/flags/default/flag", body)
    server.request("GET", f"/sdk/latest-all?{ATTRIBUTE}", None, sdk)
    server.request("GET", f"/nowhere/{keys['mobileKey']}", None, {"Authorization": server.token})
    server.rest("GET", "/projects", token=f"{server.token}x")
    server.rest("POST", "/tokens", {"name": "secret", "role": "admin"})
    server.rest("POST", "/flags/default", {"key": "f", "name": "f", "variations": [{"value": VALUE}] * 2})
    server.rest("GET", f"/flags/default/flag/experiments/production/metric?from={ATTRIBUTE}")
    server.results()


@pytest.mark.parametrize("level", ["info", "debug"])
def test_the_log_keeps_secrets_and_attributes_to_itself(serve: Callable[..., LiveServer], level: str) -> None:
    server = serve(ASSAY_LOG_LEVEL=level)
    server.create_experiment()
    misuse(server)
    keys = server.environment_rep()
    secrets = [server.token, keys["apiKey"], keys["mobileKey"], ATTRIBUTE, UNIT, VALUE]
    assert server.stop() == 0
    written = server.errors() + "".join(server.greeting[1:])
    assert [secret for secret in secrets if secret in written] == []
    assert "Traceback" not in written
    assert server.token in server.greeting[0]


def test_the_log_is_one_json_object_a_line(server: LiveServer) -> None:
    server.create_experiment()
    misuse(server)
    assert server.stop() == 0
    lines = [json.loads(line) for line in server.errors().splitlines()]
    assert lines[-1]["event"] == "stopped"
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)


def test_figures_are_shown_without_a_credential_and_hold_no_secret(server: LiveServer) -> None:
    server.create_experiment()
    misuse(server)
    reply = server.request("GET", "/metrics")
    text = reply.body.decode()
    assert reply.headers["content-type"].startswith("text/plain")
    for name in (
        "assay_payloads_total",
        "assay_events_accepted_total",
        "assay_events_quarantined_total",
        "assay_diagnostics_total",
        "assay_intake_seconds_count",
        "assay_streams",
        "assay_loading_behind_bytes",
        "assay_loaded_bytes_total",
        "assay_payload_repeats_total",
        "assay_rest_requests_total",
    ):
        assert f"\n{name}" in text, name
    keys = server.environment_rep()
    secrets = [server.token, keys["apiKey"], keys["mobileKey"], ATTRIBUTE, UNIT, VALUE]
    assert [secret for secret in secrets if secret in text] == []
    assert 'status="202"' in text
    assert 'path="/api/v2/flags/{project}/{flag}"' in text, "paths are counted by their pattern"


def test_the_first_request_is_answered_as_soon_as_the_address_is_printed(
    serve: Callable[..., LiveServer],
) -> None:
    server = serve()
    assert server.request("GET", "/healthz").status == 200
    assert server.stop() == 0
    assert server.start().request("GET", "/healthz").status == 200


def test_a_stop_under_load_loses_nothing_that_was_acked(serve: Callable[..., LiveServer]) -> None:
    server = serve()
    server.create_experiment()
    sdk = {"Authorization": server.environment_rep()["apiKey"]}
    acked: list[str] = []
    enough = threading.Event()

    def load(sender: int) -> None:
        for number in range(100_000):
            unit = f"u{sender}-{number}"
            try:
                reply = server.request("POST", "/bulk", [exposure(unit, 0), tracked(unit)], sdk)
            except OSError:
                return
            if reply.status != 202:
                return
            acked.append(unit)
            if len(acked) > 200:
                enough.set()

    senders = [threading.Thread(target=load, args=(number,)) for number in range(6)]
    for sender in senders:
        sender.start()
    assert enough.wait(60)
    assert server.stop() == 0
    for sender in senders:
        sender.join(30)
        assert not sender.is_alive()
    server.start()
    total = server.results(query="?from=0")["totals"][0]
    assert total["cumulativeImpressionCount"] == total["cumulativeCount"]
    # Whoever was cut off may have been counted without hearing of it.
    assert len(acked) <= total["cumulativeCount"] <= len(acked) + len(senders)


def test_what_was_configured_outlasts_a_kill(server: LiveServer) -> None:
    server.create_experiment()
    before = server.rest("GET", "/flags/default/flag").body
    server.kill()
    server.start()
    assert server.rest("GET", "/flags/default/flag").body == before
    assert server.results()["totals"][0]["cumulativeImpressionCount"] == 0
