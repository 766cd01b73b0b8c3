"""One experiment from its project to its archive, by every generation of the official REST clients, unmodified.

Each makes a project, a flag, a metric and an experiment, starts it, sends events, reads results where it can, stops
with a winner and archives. Every answer is deserialized by the client's own models, and printed by them.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.clients import node_client, python_client, run_node, run_python
from live import LiveServer

FOUNDING = ("6.0.1", "7.1.1")
MODULES = {
    "9.0.1": ("experiments__beta_api", "ExperimentsBetaApi"),
    "10.0.0": ("experiments_beta_api", "ExperimentsBetaApi"),
    "14.0.0": ("experiments_beta_api", "ExperimentsBetaApi"),
    "17.2.0": ("experiments_api", "ExperimentsApi"),
}

# Forty units, half of them in each variation; ten of the first half act, and fifteen of the second.
SEND = """
import importlib, json, sys, time, urllib.request, launchdarkly_api
host, token = sys.argv[1:3]
configuration = launchdarkly_api.Configuration(host=host)
configuration.api_key["ApiKey"] = token
client = launchdarkly_api.ApiClient(configuration)
found = {}

def send(sdk_key, version):
    at, reason = int(time.time() * 1000), {"kind": "FALLTHROUGH", "inExperiment": True}
    events = []
    for number in range(40):
        context, variation = {"kind": "user", "key": f"u{number}"}, number % 2
        events.append({"kind": "feature", "creationDate": at, "key": "flag", "variation": variation,
            "value": variation == 0, "default": None, "version": version, "reason": reason, "context": context})
        if number < 20 or (variation == 1 and number < 30):
            events.append({"kind": "custom", "creationDate": at + 5, "key": "acted", "context": context})
    headers = {"Authorization": sdk_key, "Content-Type": "application/json"}
    request = urllib.request.Request(host + "/bulk", json.dumps(events).encode(), headers, method="POST")
    assert urllib.request.urlopen(request).status == 202
"""

# The generator of these years: a module for each model, models by keyword.
PREPARE = """
def api(module, name):
    return getattr(importlib.import_module("launchdarkly_api.api." + module), name)(client)

def model(what):
    words = "".join("_" + letter.lower() if letter.isupper() else letter for letter in what).strip("_")
    return getattr(importlib.import_module("launchdarkly_api.model." + words.replace("j_s_o_n", "json")), what)

def read(answer):
    assert str(answer)
    return answer

def patch(comment, *operations):
    steps = [model("PatchOperation")(op=op, path=path, value=value) for op, path, value in operations]
    body = model("PatchWithComment")(patch=model("JSONPatch")(steps), comment=comment)
    return read(flags.patch_feature_flag("shop", "flag", body))

projects, flags = api("projects_api", "ProjectsApi"), api("feature_flags_api", "FeatureFlagsApi")
metrics = api("metrics_api", "MetricsApi")
project = read(projects.post_project(model("ProjectPost")(name="Shop", key="shop")))
sdk_key = next(one.api_key for one in project.environments if one.key == "production")
flag = read(flags.post_feature_flag("shop", model("FeatureFlagBody")(name="Flag", key="flag")))
read(metrics.post_metric("shop", model("MetricPost")(
    key="metric", kind="custom", name="Metric", event_key="acted", is_numeric=False)))
found["listed"] = [metric.key for metric in read(metrics.get_metrics("shop"))["items"]]
on = ("replace", "/environments/production/on", True)
"""

BY_FLAG = """
half = [{"variation": 0, "weight": 50000}, {"variation": 1, "weight": 50000}]
started = patch("start", on, ("replace", "/environments/production/fallthrough", {"rollout": {"variations": half}}),
    ("add", "/experiments/items/0", {"metricKey": "metric", "environments": ["production"]}))
found["running"] = started.experiments["items"][0].environments
send(sdk_key, started.environments["production"].version)
experiments = api("experiments__beta_api", "ExperimentsBetaApi")
totals = read(experiments.get_experiment("shop", "flag", "production", "metric")).totals
found["exposed"] = [row.cumulative_impression_count for row in totals]
found["acted"] = [row.cumulative_count for row in totals]
found["better"] = totals[1].improvement > 0
stopped = patch("winner", ("remove", "/experiments/items/0/environments/0", None),
    ("replace", "/environments/production/fallthrough", {"variation": 1}))
found["stopped"] = stopped.experiments["items"][0].environments
found["winner"] = stopped.environments["production"].fallthrough.variation
found["archived"] = patch("done", ("replace", "/archived", True)).archived
found["left"] = len(read(flags.get_feature_flags("shop"))["items"])
read(flags.get_feature_flag("shop", "flag"))
read(metrics.get_metric("shop", "metric"))
print(json.dumps(found))
"""

BY_TREATMENTS = """
module, name = sys.argv[3:]
ids = [variation.id for variation in flag.variations]
version = patch("on", on).environments["production"].version
treatments = [model("TreatmentInput")(name=name, baseline=index == 0, allocation_percent="50",
    parameters=[model("TreatmentParameterInput")(flag_key="flag", variation_id=ids[index])])
    for index, name in enumerate(("Plain", "New"))]
iteration = model("IterationInput")(
    hypothesis="it helps", can_reshuffle_traffic=False,
    metrics=model("MetricsInput")([model("MetricInput")(key="metric", primary=True)]),
    flags=model("FlagsInput")(flag=model("FlagInput")(rule_id="fallthrough", flag_config_version=version)),
    treatments=model("TreatmentsInput")(treatments))
experiments, place = api(module, name), ("shop", "production")
post = model("ExperimentPost")(name="Exp", description="", maintainer_id="nobody", key="exp", iteration=iteration)
read(experiments.create_experiment(*place, post))

def instruct(**instruction):
    steps = model("Instructions")([instruction], _check_type=False)
    return read(experiments.patch_experiment(*place, "exp", model("ExperimentPatchInput")(instructions=steps)))

found["running"] = instruct(kind="startIteration").current_iteration.status
send(sdk_key, read(flags.get_feature_flag("shop", "flag")).environments["production"].version)
results = experiments.get_experiment_results(*place, "exp", "metric")
if hasattr(results, "treatment_results"):
    rows = [(int(row.traffic), row.p_best) for row in read(results).treatment_results]
else:
    rows = [(row["traffic"], row["pBest"]) for row in results["treatmentResults"]]
found["exposed"] = [traffic for traffic, _ in rows]
found["better"] = rows[1][1] > rows[0][1]
stopped = instruct(kind="stopIteration", winningTreatmentId=ids[1], winningReason="it won")
found["stopped"] = stopped.current_iteration.status
found["winner"] = read(flags.get_feature_flag("shop", "flag")).environments["production"].fallthrough.variation
archived = instruct(kind="archiveExperiment")
found["archived"] = any(name in archived for name in ("archived_date", "archivedDate"))
found["left"] = len(read(experiments.get_experiments(*place))["items"])
print(json.dumps(found))
"""

TODAY = """
from launchdarkly_api import models
from launchdarkly_api.api import ExperimentsApi, FeatureFlagsApi, MetricsApi, ProjectsApi
projects, flags, metrics = ProjectsApi(client), FeatureFlagsApi(client), MetricsApi(client)
experiments, place = ExperimentsApi(client), ("shop", "production")

def read(answer):
    assert str(answer) and answer.to_dict()
    return answer

project = read(projects.post_project(models.ProjectPost(name="Shop", key="shop")))
sdk_key = next(one.api_key for one in project.environments if one.key == "production")
flag = read(flags.post_feature_flag("shop", models.FeatureFlagBody(name="Flag", key="flag", isFlagOn=True)))
read(metrics.post_metric("shop", models.MetricPost(key="metric", kind="custom", name="Metric", eventKey="acted")))
found["listed"] = [metric.key for metric in read(metrics.get_metrics("shop")).items]
ids = [variation.id for variation in flag.variations]
version = flag.environments["production"].version
read(experiments.create_experiment(*place, models.ExperimentPost.from_dict({"name": "Exp", "key": "exp", "iteration": {
    "hypothesis": "it helps", "metrics": [{"key": "metric"}], "primarySingleMetricKey": "metric",
    "treatments": [{"name": name, "baseline": index == 0, "allocationPercent": "50",
        "parameters": [{"flagKey": "flag", "variationId": ids[index]}]} for index, name in enumerate(("Plain", "New"))],
    "flags": {"flag": {"ruleId": "fallthrough", "flagConfigVersion": version}}, "randomizationUnit": "user"}})))

def instruct(**instruction):
    body = models.ExperimentPatchInput.from_dict({"instructions": [instruction]})
    return read(experiments.patch_experiment(*place, "exp", body))

found["running"] = instruct(kind="startIteration").current_iteration.status
send(sdk_key, read(flags.get_feature_flag("shop", "flag")).environments["production"].version)
stopped = instruct(kind="stopIteration", winningTreatmentId=ids[1], winningReason="it won")
found["stopped"] = stopped.current_iteration.status
found["winner"] = read(flags.get_feature_flag("shop", "flag")).environments["production"].fallthrough.variation
found["archived"] = instruct(kind="archiveExperiment").archived_date is not None
found["left"] = len(read(experiments.get_experiments(*place)).items)
print(json.dumps(found))
"""

EXPECTED = {"listed": ["metric"], "winner": 1, "archived": True, "left": 0}
MODERN = EXPECTED | {"running": "running", "stopped": "stopped"}
SEEN = {"exposed": [20, 20], "better": True}


def told(server: LiveServer, version: str, *arguments: str) -> Any:
    script, *rest = arguments
    folder = python_client("launchdarkly-api", version)
    return json.loads(run_python(folder, SEND + script, server.host, server.token, *rest))


@pytest.mark.parametrize("version", FOUNDING)
def test_the_founding_generation_goes_the_whole_way(server: LiveServer, version: str) -> None:
    expected = EXPECTED | SEEN | {"running": ["production"], "stopped": [], "acted": [10, 15]}
    assert told(server, version, PREPARE + BY_FLAG) == expected


@pytest.mark.parametrize("version", MODULES)
def test_clients_of_former_years_go_the_whole_way(server: LiveServer, version: str) -> None:
    assert told(server, version, PREPARE + BY_TREATMENTS, *MODULES[version]) == MODERN | SEEN


def test_todays_client_goes_the_whole_way(server: LiveServer) -> None:
    """It has no operation that reads results."""
    assert told(server, "25.0.1", TODAY) == MODERN


@pytest.mark.node
def test_the_typescript_client_goes_the_whole_way(server: LiveServer) -> None:
    script = Path(__file__).parent / "node" / "rest_matrix.js"
    printed = run_node(node_client("launchdarkly-api-typescript"), script, server.host, server.token)
    assert json.loads(printed) == MODERN | SEEN
