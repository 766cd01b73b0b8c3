"""A payload counts once, however often it is sent: to one environment, before and after a restart."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from live import LiveServer, exposure, tracked
from sdk.payloads import Experiment, counter, new_experiment, new_id


def purchase(experiment: Experiment, unit: str = "u") -> list[Any]:
    """A payload whose repetition would show: two purchases of a numeric metric."""
    seen = exposure(unit, 0, flag=experiment.flag)
    # Made after the exposure: a purchase that is a millisecond older would rightly not count.
    bought = tracked(unit, key=experiment.metric, metricValue=1)
    return [seen, bought, bought]


def test_a_repeat_is_acked_and_counts_nothing(live: LiveServer) -> None:
    experiment, payload_id = new_experiment(live, numeric=True), new_id()
    for _ in range(5):
        assert live.send(purchase(experiment), payload_id).status == 202
    assert experiment.counted() == [2, 0]


def test_repeats_at_the_same_time_count_once(live: LiveServer) -> None:
    experiment, payload_id = new_experiment(live, numeric=True), new_id()
    events = purchase(experiment)
    with ThreadPoolExecutor(8) as pool:
        statuses = set(pool.map(lambda _: live.send(events, payload_id).status, range(24)))
    assert statuses == {202}
    assert experiment.counted() == [2, 0]


def test_the_first_of_two_bodies_under_one_id_counts(live: LiveServer) -> None:
    experiment, payload_id = new_experiment(live, numeric=True), new_id()
    assert live.send(purchase(experiment, "first"), payload_id).status == 202
    assert experiment.counted() == [2, 0]
    assert live.send(purchase(experiment, "second"), payload_id).status == 202
    assert experiment.exposed() == [1, 0]


def test_other_ids_and_no_ids_are_no_repeats(live: LiveServer) -> None:
    experiment = new_experiment(live, numeric=True)
    events = purchase(experiment)
    for payload_id in (new_id(), new_id(), "x" * 500, "x" * 501, 'odd"\\id'):
        assert live.send(events, payload_id).status == 202
    headers = {"Authorization": live.environment_rep()["apiKey"]}
    for more in ({}, {}, {"X-LaunchDarkly-Payload-ID": ""}):
        assert live.request("POST", "/bulk", events, headers | more).status == 202
    assert experiment.counted() == [16, 0]


def test_an_id_is_known_in_its_own_environment_only(live: LiveServer) -> None:
    experiment, payload_id = new_experiment(live, numeric=True), new_id()
    start = [{"op": "add", "path": "/experiments/items/0/environments/-", "value": "test"}]
    assert live.rest("PATCH", f"/flags/default/{experiment.flag}", start).status == 200
    for environment in ("production", "test"):
        assert live.send(purchase(experiment), payload_id, environment).status == 202
    place = f"/flags/default/{experiment.flag}/experiments/test/{experiment.metric}?from=0"
    assert live.rest("GET", place).body["totals"][0]["cumulativeCount"] == 2
    assert experiment.counted() == [2, 0]


def test_a_payload_that_was_refused_may_come_again(serve: Callable[..., LiveServer]) -> None:
    server = serve(ASSAY_MAX_PENDING_BYTES="3000")
    experiment, payload_id = new_experiment(server, numeric=True), new_id()
    filler = [tracked("u", key="other", data="x" * 3000)]
    assert server.send([*purchase(experiment), *filler], payload_id).status == 503
    assert server.send(purchase(experiment), payload_id).status == 202
    assert experiment.counted() == [2, 0]


def test_a_repeat_after_a_restart_counts_nothing(serve: Callable[..., LiveServer]) -> None:
    server = serve()
    experiment, payload_id = new_experiment(server, numeric=True), new_id()
    events = purchase(experiment)
    for end in (server.stop, server.kill):
        assert server.send(events, payload_id).status == 202
        end()
        server.start()
        assert server.send(events, payload_id).status == 202
        assert experiment.counted() == [2, 0]
    assert counter(server, "assay_payload_repeats_total") >= 1
