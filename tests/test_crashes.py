"""What was acked survives `kill -9`: every event counts after the restart, and none twice."""

import random
import threading
import uuid
from dataclasses import dataclass, field

import pytest

from live import LiveServer, exposure, tracked

ROUNDS = 20
SENDERS = 3


@dataclass
class Sent:
    """What senders saw: units whose payload was acked, and payloads whose fate they don't know."""

    acked: list[str] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)


def payload(unit: str) -> list[dict[str, object]]:
    """An exposure and two metric events, so that a torn or repeated payload shows in the counts."""
    return [
        exposure(unit, 0, 1_700_000_000_000),
        tracked(unit, 1_700_000_000_001),
        tracked(unit, 1_700_000_000_002),
    ]


def keep_sending(server: LiveServer, name: str, sdk_key: str, sent: Sent) -> None:
    """Sends payload after payload until the server is gone."""
    for number in range(100_000):
        unit, payload_id = f"{name}-{number}", str(uuid.uuid4())
        if not post(server, sdk_key, unit, payload_id):
            sent.unknown.append((unit, payload_id))
            return
        sent.acked.append(unit)


def post(server: LiveServer, sdk_key: str, unit: str, payload_id: str) -> bool:
    headers = {"Authorization": sdk_key, "X-LaunchDarkly-Payload-ID": payload_id}
    try:
        return server.request("POST", "/bulk", payload(unit), headers).status == 202
    except OSError:
        return False


@pytest.mark.slow
def test_twenty_kills_under_load_lose_nothing_and_count_nothing_twice(server: LiveServer) -> None:
    server.create_experiment(metric="count")
    body = [{"op": "add", "path": "/unitAggregationType", "value": "sum"}]
    assert server.rest("PATCH", "/metrics/default/count", body).status == 200
    patch = [{"op": "add", "path": "/eventKey", "value": "metric"}]
    assert server.rest("PATCH", "/metrics/default/count", patch).status == 200
    sdk_key = server.environment_rep()["apiKey"]
    chance, sent = random.Random(3), Sent()
    for number in range(ROUNDS):
        senders = [
            threading.Thread(target=keep_sending, args=(server, f"{number}-{sender}", sdk_key, sent))
            for sender in range(SENDERS)
        ]
        for sender in senders:
            sender.start()
        threading.Event().wait(chance.uniform(0.05, 0.5))
        server.kill()
        for sender in senders:
            sender.join()
        server.start()
    # Like an SDK, repeat what got no answer, with the same id: it may or may not have been stored.
    for unit, payload_id in sent.unknown:
        assert post(server, sdk_key, unit, payload_id)
    units = len(sent.acked) + len(sent.unknown)
    total = server.results(metric="count", query="?from=0")["totals"][0]
    assert len(sent.acked) > 20 * ROUNDS
    assert total["cumulativeImpressionCount"] == units
    assert total["cumulativeCount"] == 2 * units


def test_a_payload_sent_twice_counts_once_before_and_after_a_restart(server: LiveServer) -> None:
    server.create_experiment(numeric=True)
    events = [exposure("a", 0), tracked("a", metricValue=2.5)]
    assert server.send(events, "the-same-id").status == 202
    assert server.send(events, "the-same-id").status == 202
    assert server.results()["totals"][0]["cumulativeValue"] == 2.5
    assert server.send(events, "the-same-id").status == 202
    assert server.results()["totals"][0]["cumulativeValue"] == 2.5
    server.stop()
    server.start()
    assert server.send(events, "the-same-id").status == 202
    total = server.results()["totals"][0]
    assert (total["cumulativeValue"], total["cumulativeCount"]) == (2.5, 1)


def test_ids_are_remembered_by_environment(server: LiveServer) -> None:
    server.create_experiment()
    assert server.send([exposure("a", 0)], "the-same-id", environment="test").status == 202
    assert server.send([exposure("b", 0)], "the-same-id").status == 202
    assert server.results()["totals"][0]["cumulativeImpressionCount"] == 1
