"""Official clients that could read an experiment's results read ours, and print them.

Version 9 knows only the founding body here: it hands on the fields by their names, and can't print them.
"""

from typing import Any

import pytest

from api.experiments import ALL, instruct, make_flag, make_metric, planned
from api.results import send_conversions
from conformance.clients import python_client, run_python
from live import LiveServer

MODULES = {
    "9.0.1": ("experiments__beta_api", "ExperimentsBetaApi"),
    "10.0.0": ("experiments_beta_api", "ExperimentsBetaApi"),
    "14.0.0": ("experiments_beta_api", "ExperimentsBetaApi"),
    "17.2.0": ("experiments_api", "ExperimentsApi"),
}

READ = """
import importlib, json, sys, launchdarkly_api
module, name, host, key = sys.argv[1:]
configuration = launchdarkly_api.Configuration(host=host)
configuration.api_key["ApiKey"] = key
place = ("default", "production", "exp")
with launchdarkly_api.ApiClient(configuration) as client:
    api = getattr(importlib.import_module("launchdarkly_api.api." + module), name)(client)
    bodies = [api.get_experiment_results(*place, "exp")]
    if hasattr(api, "get_experiment_results_for_metric_group"):
        grouped = api.get_experiment_results_for_metric_group(*place, "group")
        assert str(grouped)
        assert [row.metric.key for row in grouped.metrics] == ["step", "exp"]
        bodies.append(grouped.metrics[1].results)
    for body in bodies:
        if "treatment_results" in body:
            assert str(body)
            rows = body.treatment_results
            assert rows[1].relative_differences[0].from_treatment_id == rows[0].treatment_id
            found = [[row.treatment_name, row.units, int(row.traffic), row.p_best > 0.5] for row in rows]
        else:
            found = [[row["treatmentName"], row["units"], row["traffic"], row["pBest"] > 0.5]
                     for row in body["treatmentResults"]]
        print(json.dumps(found))
    print(body.metric_seen.ever)
"""


def begin(server: LiveServer) -> None:
    """A running experiment that its own metric and a funnel of two steps measure, with events."""
    make_flag(server, "exp", 2)
    make_metric(server, "exp")
    step = {"key": "step", "kind": "custom", "eventKey": "exp"}
    assert server.rest("POST", "/metrics/default", step).status == 201
    group: dict[str, Any] = {
        "key": "group",
        "name": "group",
        "kind": "funnel",
        "maintainerId": "me",
        "tags": [],
    }
    group["metrics"] = [{"key": key, "nameInGroup": key} for key in ("step", "exp")]
    assert server.rest("POST", "/projects/default/metric-groups", group).status == 201
    metrics = [{"key": "exp", "isGroup": False}, {"key": "group", "isGroup": True}]
    iteration = planned(server, "exp", "exp", metrics=metrics)
    assert server.rest("POST", ALL, {"key": "exp", "name": "exp", "iteration": iteration}).status == 201
    assert instruct(server, "exp", "startIteration").status == 200
    send_conversions(server, "exp", (0.2, 0.4))


@pytest.mark.parametrize("version", MODULES)
def test_a_client_reads_and_prints_results(server: LiveServer, version: str) -> None:
    begin(server)
    client = python_client("launchdarkly-api", version)
    printed = run_python(client, READ, *MODULES[version], server.host, server.token).splitlines()
    row = '[["treatment 0", 100, 100, false], ["treatment 1", 100, 100, true]]'
    assert printed == [row] * (len(printed) - 1) + ["True"]
    assert len(printed) == (3 if version in ("14.0.0", "17.2.0") else 2)
