"""Reset: these results are gone for good, no other experiment's are, and collection goes on."""

from api.replies import fresh
from live import LiveServer, exposure, now_ms, tracked

Counts = list[tuple[int, int]]


def counts(server: LiveServer, flag: str, metric: str, query: str = "?from=0") -> Counts:
    """Units and conversions of each variation."""
    totals = server.results(flag, metric, query)["totals"]
    return [(total["cumulativeImpressionCount"], total["cumulativeCount"]) for total in totals]


def reset(server: LiveServer, flag: str, metric: str) -> None:
    reply = server.rest("DELETE", f"/flags/default/{flag}/experiments/production/{metric}/results")
    assert (reply.status, reply.body) == (204, None)


def attach_second(server: LiveServer, flag: str, metric: str, event: str) -> None:
    body = {"key": metric, "kind": "custom", "eventKey": event}
    assert server.rest("POST", "/metrics/default", body).status == 201
    item = {"metricKey": metric, "environments": ["production"]}
    patch = [{"op": "add", "path": "/experiments/items/-", "value": item}]
    assert server.rest("PATCH", f"/flags/default/{flag}", patch).status == 200


def test_a_reset_empties_these_results_and_no_others(api: LiveServer) -> None:
    flag, metric, same_event = fresh("flag"), fresh("metric"), fresh("metric")
    other_flag, other_metric = fresh("flag"), fresh("metric")
    api.create_experiment(flag, metric)
    attach_second(api, flag, same_event, metric)
    api.create_experiment(other_flag, other_metric)
    attach_second(api, other_flag, fresh("metric"), metric)
    events = [exposure("a", 0, flag=flag), exposure("a", 1, flag=other_flag)]
    events += [tracked("a", key=metric), tracked("a", key=other_metric)]
    assert api.send(events).status == 202
    before = [counts(api, flag, same_event), counts(api, other_flag, other_metric)]
    assert counts(api, flag, metric) == [(1, 1), (0, 0)]
    reset(api, flag, metric)
    assert counts(api, flag, metric) == [(0, 0), (0, 0)]
    assert api.results(flag, metric)["series"] == []
    assert [counts(api, flag, same_event), counts(api, other_flag, other_metric)] == before
    assert before == [[(1, 1), (0, 0)], [(0, 0), (1, 1)]]


def test_collection_goes_on_after_a_reset(api: LiveServer) -> None:
    flag, metric = fresh("flag"), fresh("metric")
    api.create_experiment(flag, metric)
    api.send([exposure("old", 0, flag=flag), tracked("old", key=metric)])
    reset(api, flag, metric)
    version = api.rest("GET", f"/flags/default/{flag}").body["environments"]["production"]["version"]
    api.send([exposure("new", 1, flag=flag), tracked("new", key=metric)])
    assert counts(api, flag, metric, "") == [(0, 0), (1, 1)]
    assert api.rest("GET", f"/flags/default/{flag}").body["environments"]["production"]["version"] == version
    item = api.rest("GET", f"/flags/default/{flag}").body["experiments"]["items"][0]
    assert item["environments"] == ["production"]


def test_events_that_were_made_before_a_reset_but_come_after_it_count(api: LiveServer) -> None:
    """A mobile SDK may be late: what ends is what had been collected, and the time it was collected in."""
    flag, metric = fresh("flag"), fresh("metric")
    api.create_experiment(flag, metric)
    early = now_ms()
    reset(api, flag, metric)
    api.send([exposure("late", 0, early - 1, flag), tracked("late", early, metric)])
    assert counts(api, flag, metric) == [(1, 1), (0, 0)]


def test_a_reset_of_one_environment_leaves_the_other(api: LiveServer) -> None:
    flag, metric = fresh("flag"), fresh("metric")
    api.create_experiment(flag, metric)
    start = [{"op": "add", "path": "/experiments/items/0/environments/-", "value": "test"}]
    assert api.rest("PATCH", f"/flags/default/{flag}", start).status == 200
    events = [exposure("a", 0, flag=flag), tracked("a", key=metric)]
    api.send(events)
    api.send(events, environment="test")
    reset(api, flag, metric)
    assert counts(api, flag, metric) == [(0, 0), (0, 0)]
    reply = api.rest("GET", f"/flags/default/{flag}/experiments/test/{metric}?from=0")
    assert reply.body["totals"][0]["cumulativeCount"] == 1


def test_two_resets_are_as_good_as_one(api: LiveServer) -> None:
    flag, metric = fresh("flag"), fresh("metric")
    api.create_experiment(flag, metric)
    reset(api, flag, metric)
    api.send([exposure("a", 0, flag=flag)])
    reset(api, flag, metric)
    assert counts(api, flag, metric) == [(0, 0), (0, 0)]
