"""Reset empties one experiment's results, for good, and no other's."""

import subprocess
import sys

from live import LiveServer, exposure, tracked


def exposed(server: LiveServer, flag: str, metric: str) -> list[int]:
    totals = server.results(flag, metric, "?from=0")["totals"]
    return [row["cumulativeImpressionCount"] for row in totals]


def reset(server: LiveServer, flag: str, metric: str) -> None:
    place = f"/flags/default/{flag}/experiments/production/{metric}/results"
    assert server.rest("DELETE", place).status == 204


def two_experiments_on_one_flag_and_one_on_another(server: LiveServer) -> None:
    server.create_experiment("flag", "metric")
    server.create_experiment("other", "metric-2")
    item = {"metricKey": "metric-2", "environments": ["production"]}
    patch = [{"op": "add", "path": "/experiments/items/-", "value": item}]
    assert server.rest("PATCH", "/flags/default/flag", patch).status == 200
    events = [
        exposure("a", 0),
        exposure("b", 1),
        exposure("a", 1, flag="other"),
        tracked("b"),
        tracked("b", key="metric-2"),
    ]
    assert server.send(events).status == 202


def rebuild(server: LiveServer) -> None:
    server.stop()
    command = [sys.executable, "-m", "assay", "replay", "--data", str(server.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    server.start()


def test_a_reset_empties_these_results_and_no_others_also_after_restart_and_rebuild(
    server: LiveServer,
) -> None:
    two_experiments_on_one_flag_and_one_on_another(server)
    others = [server.results("flag", "metric-2", "?from=0"), server.results("other", "metric-2", "?from=0")]
    assert exposed(server, "flag", "metric") == [1, 1]
    reset(server, "flag", "metric")
    for again in (lambda: None, lambda: (server.stop(), server.start()), lambda: rebuild(server)):
        again()
        assert exposed(server, "flag", "metric") == [0, 0]
        assert [
            server.results("flag", "metric-2", "?from=0"),
            server.results("other", "metric-2", "?from=0"),
        ] == others


def test_collection_goes_on_after_a_reset(server: LiveServer) -> None:
    server.create_experiment()
    assert server.send([exposure("a", 0), tracked("a")]).status == 202
    reset(server, "flag", "metric")
    assert server.send([exposure("a", 1), exposure("b", 1), tracked("b")]).status == 202
    totals = server.results()["totals"]
    assert [row["cumulativeImpressionCount"] for row in totals] == [0, 2]
    assert [row["cumulativeCount"] for row in totals] == [0, 1]


def test_an_event_repeated_after_a_reset_stays_gone(server: LiveServer) -> None:
    server.create_experiment()
    events = [exposure("a", 0), tracked("a")]
    assert server.send(events, "one-id").status == 202
    reset(server, "flag", "metric")
    assert server.send(events, "one-id").status == 202
    assert exposed(server, "flag", "metric") == [0, 0]


def test_detaching_a_metric_ends_its_data_for_good(server: LiveServer) -> None:
    server.create_experiment()
    assert server.send([exposure("a", 0), tracked("a")]).status == 202
    gone = [{"op": "remove", "path": "/experiments/items/0", "value": None}]
    assert server.rest("PATCH", "/flags/default/flag", gone).status == 200
    assert server.rest("GET", "/flags/default/flag/experiments/production/metric").status == 404
    item = {"metricKey": "metric", "environments": ["production"]}
    back = [{"op": "add", "path": "/experiments/items/0", "value": item}]
    assert server.rest("PATCH", "/flags/default/flag", back).status == 200
    assert exposed(server, "flag", "metric") == [0, 0]
