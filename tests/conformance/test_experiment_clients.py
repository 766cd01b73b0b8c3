"""Official API clients make, start, read, list and stop an experiment, and read every body that comes back."""

import json

import pytest

from api.experiments import make_experiment, make_flag, make_metric
from conformance.clients import python_client, run_python
from live import LiveServer

MODULES = {
    "9.0.1": ("experiments__beta_api", "ExperimentsBetaApi"),
    "10.0.0": ("experiments_beta_api", "ExperimentsBetaApi"),
    "14.0.0": ("experiments_beta_api", "ExperimentsBetaApi"),
    "17.2.0": ("experiments_api", "ExperimentsApi"),
}

OLDER = """
import importlib, sys, launchdarkly_api
module, name, host, key, baseline, other, version = sys.argv[1:]
def model(what):
    words = "".join("_" + letter.lower() if letter.isupper() else letter for letter in what).strip("_")
    return getattr(importlib.import_module("launchdarkly_api.model." + words), what)
def treatment(name, variation, is_baseline):
    parameter = model("TreatmentParameterInput")(flag_key="flag", variation_id=variation)
    return model("TreatmentInput")(
        name=name, baseline=is_baseline, allocation_percent="50",
        parameters=[parameter])
use = model("FlagInput")(rule_id="fallthrough", flag_config_version=int(version))
flags = model("FlagsInput")(flag=use)
metrics = model("MetricsInput")([model("MetricInput")(key="metric", primary=True)])
iteration = model("IterationInput")(
    hypothesis="it helps", metrics=metrics, flags=flags, can_reshuffle_traffic=False,
    treatments=model("TreatmentsInput")(
        [treatment("Plain", baseline, True), treatment("New", other, False)]))
configuration = launchdarkly_api.Configuration(host=host)
configuration.api_key["ApiKey"] = key
place = ("default", "production")
with launchdarkly_api.ApiClient(configuration) as client:
    api = getattr(importlib.import_module("launchdarkly_api.api." + module), name)(client)
    post = model("ExperimentPost")(name="Exp", description="", maintainer_id="nobody", key="exp", iteration=iteration)
    print(api.create_experiment(*place, post).key)
    print(api.create_iteration(*place, "exp", iteration).status)
    def patch(instruction):
        return model("ExperimentPatchInput")(instructions=model("Instructions")([instruction], _check_type=False))
    started = api.patch_experiment(*place, "exp", patch({"kind": "startIteration"}))
    print(started.current_iteration.status)
    listed = api.get_experiments(*place)
    print(str(listed) and [item.key for item in listed["items"]])
    stop = {"kind": "stopIteration", "winningTreatmentId": other, "winningReason": "it won"}
    stopped = api.patch_experiment(*place, "exp", patch(stop))
    print(str(stopped) and stopped.current_iteration.winning_treatment_id)
    read = api.get_experiment(*place, "exp")
    print(str(read) and read.current_iteration.status)
"""

CURRENT = """
import sys, launchdarkly_api
from launchdarkly_api.api.experiments_api import ExperimentsApi
from launchdarkly_api.models import ExperimentPatchInput, ExperimentPost, IterationInput, RandomizationSettingsPut
host, key, baseline, other, version = sys.argv[1:]
def treatment(name, variation, is_baseline):
    parameters = [{"flagKey": "flag", "variationId": variation}]
    return {"name": name, "baseline": is_baseline, "allocationPercent": "50", "parameters": parameters}
iteration = {
    "hypothesis": "it helps", "metrics": [{"key": "metric"}], "primarySingleMetricKey": "metric",
    "treatments": [treatment("Plain", baseline, True), treatment("New", other, False)],
    "flags": {"flag": {"ruleId": "fallthrough", "flagConfigVersion": int(version)}},
    "randomizationUnit": "user", "canReshuffleTraffic": False}
configuration = launchdarkly_api.Configuration(host=host)
configuration.api_key["ApiKey"] = key
place = ("default", "production")
everything = "previousIterations,draftIteration,secondaryMetrics,treatments,analysisConfig,mutableFieldsByStatus"
def instructions(*items):
    return ExperimentPatchInput.from_dict({"instructions": list(items)})
with launchdarkly_api.ApiClient(configuration) as client:
    api = ExperimentsApi(client)
    post = ExperimentPost.from_dict({"name": "Exp", "key": "exp", "iteration": iteration})
    made = api.create_experiment(*place, post)
    print(made.key)
    print(api.create_iteration(*place, "exp", IterationInput.from_dict(iteration)).status)
    started = api.patch_experiment(*place, "exp", instructions({"kind": "startIteration"}))
    print(started.current_iteration.status)
    listed = api.get_experiments(*place, expand=everything)
    assert listed.total_count == 1
    assert api.get_experiments_any_env("default", filter="status:running").total_count == 1
    print([item.key for item in listed.items])
    stop = {"kind": "stopIteration", "winningTreatmentId": other, "winningReason": "it won"}
    stopped = api.patch_experiment(*place, "exp", instructions(stop))
    print(stopped.current_iteration.winning_treatment_id)
    read = api.get_experiment(*place, "exp", expand=everything)
    print(read.current_iteration.status)
    assert read.mutable_fields_by_status.not_started["name"] == ["update"]
    assert read.current_iteration.primary_single_metric.key == "metric"
    assert [one.key for one in read.current_iteration.metrics] == ["metric"]
    units = {"randomizationUnits": [{"randomizationUnit": "user", "default": True}]}
    settings = api.put_experimentation_settings("default", RandomizationSettingsPut.from_dict(units))
    assert settings == api.get_experimentation_settings("default")
"""


EXCLUSIVE = """
import sys, launchdarkly_api
from launchdarkly_api.api.holdouts_api import HoldoutsApi
from launchdarkly_api.api.layers_api import LayersApi
from launchdarkly_api.models import HoldoutPatchInput, HoldoutPostRequest, LayerPatchInput, LayerPost
configuration = launchdarkly_api.Configuration(host=sys.argv[1])
configuration.api_key["ApiKey"] = sys.argv[2]
place = ("default", "production")
with launchdarkly_api.ApiClient(configuration) as client:
    layers, holdouts = LayersApi(client), HoldoutsApi(client)
    layer = LayerPost.from_dict({"key": "layer", "name": "Layer", "description": "of the checkout"})
    print(layers.create_layer("default", layer).key)
    reserve = {"kind": "updateExperimentReservation", "experimentKey": "exp", "reservationPercent": 30}
    patch = LayerPatchInput.from_dict({"environmentKey": "production", "instructions": [reserve]})
    reservations = layers.update_layer("default", "layer", patch).environments["production"].reservations
    print([(one.experiment_key, one.flag_key, one.reservation_percent) for one in reservations])
    assert layers.get_layers("default").total_count == 1
    post = HoldoutPostRequest.from_dict({
        "key": "held", "name": "Held", "holdoutamount": "5", "randomizationunit": "user",
        "primarymetrickey": "metric", "metrics": [{"key": "metric"}], "description": "d"})
    made = holdouts.post_holdout(*place, post)
    print(made.status, made.base_experiment.current_iteration.primary_single_metric.key)
    assert holdouts.get_all_holdouts(*place).total_count == 1
    assert holdouts.get_holdout_by_id(*place, made.id).holdout_amount == "5"
    assert holdouts.get_holdout(*place, "held", expand="rel-metrics").is_dirty is False
    end = HoldoutPatchInput.from_dict({"instructions": [{"kind": "endHoldout"}]})
    print(holdouts.patch_holdout(*place, "held", end).status)
"""


def prepared(server: LiveServer) -> list[str]:
    """The two variations' ids and the flag's version, of a flag that is on."""
    flag = make_flag(server, "flag", 2)
    make_metric(server, "metric")
    version = flag["environments"]["production"]["version"]
    return [flag["variations"][0]["_id"], flag["variations"][1]["_id"], str(version)]


def assert_whole_way(printed: str, winner: str) -> None:
    assert printed.splitlines() == ["exp", "not_started", "running", "['exp']", winner, "stopped"]


@pytest.mark.parametrize("version", MODULES)
def test_a_client_of_former_years_goes_the_whole_way(server: LiveServer, version: str) -> None:
    arguments = prepared(server)
    client = python_client("launchdarkly-api", version)
    printed = run_python(client, OLDER, *MODULES[version], server.host, server.token, *arguments)
    assert_whole_way(printed, arguments[1])


def test_the_current_client_goes_the_whole_way(server: LiveServer) -> None:
    arguments = prepared(server)
    client = python_client("launchdarkly-api", "25.0.1")
    printed = run_python(client, CURRENT, server.host, server.token, *arguments)
    assert_whole_way(printed, arguments[1])


def test_the_current_client_keeps_layers_and_holdouts(server: LiveServer) -> None:
    make_experiment(server, "exp")
    make_metric(server, "metric")
    printed = run_python(python_client("launchdarkly-api", "25.0.1"), EXCLUSIVE, server.host, server.token)
    assert printed.splitlines() == ["layer", "[('exp', 'exp', 30)]", "created metric", "ended"]


STALE = """
import sys, launchdarkly_api
from launchdarkly_api.api.experiments_api import ExperimentsApi
from launchdarkly_api.models import ExperimentPatchInput
configuration = launchdarkly_api.Configuration(host=sys.argv[1])
configuration.api_key["ApiKey"] = sys.argv[2]
with launchdarkly_api.ApiClient(configuration) as client:
    patch = ExperimentPatchInput.from_dict({"instructions": [{"kind": "startIteration"}]})
    try:
        ExperimentsApi(client).patch_experiment("default", "production", "second", patch)
    except launchdarkly_api.exceptions.ConflictException as error:
        print(error.data.code)
"""


def test_the_current_client_hears_who_owns_the_rule(server: LiveServer) -> None:
    baseline, other, version = prepared(server)
    treatments = [
        {
            "name": variation,
            "baseline": variation == baseline,
            "allocationPercent": "50",
            "parameters": [{"flagKey": "flag", "variationId": variation}],
        }
        for variation in (baseline, other)
    ]
    iteration = {
        "hypothesis": "h",
        "metrics": [{"key": "metric"}],
        "primarySingleMetricKey": "metric",
        "treatments": treatments,
        "flags": {"flag": {"ruleId": "fallthrough", "flagConfigVersion": int(version)}},
    }
    place = "/projects/default/environments/production/experiments"
    for key in ("first", "second"):
        body = {"key": key, "name": key, "iteration": iteration}
        assert server.rest("POST", place, json.loads(json.dumps(body))).status == 201
    start = {"instructions": [{"kind": "startIteration"}]}
    assert server.rest("PATCH", f"{place}/first", start).status == 200
    printed = run_python(python_client("launchdarkly-api", "25.0.1"), STALE, server.host, server.token)
    assert printed.strip() == "optimistic_locking_error"
