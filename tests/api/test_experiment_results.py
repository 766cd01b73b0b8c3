"""Results of iterations over REST, from events as SDKs send them."""

import json
from typing import Any

import pytest

from api.experiments import ALL, config, instruct, make_flag, make_metric, planned, started
from api.replies import assert_refused, fresh
from api.results import exposed, results, send_conversions
from live import LiveServer, exposure, now_ms, tracked


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for part in value.values() for leaf in leaves(part)]
    if isinstance(value, list):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


def checks(body: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["status"] for check in body["checks"]}


def test_a_clear_effect_is_better_at_the_first_look(api: LiveServer) -> None:
    key = fresh("clear")
    started(api, key)
    send_conversions(api, key, (0.2, 0.7))
    body = results(api, key)
    assert [arm["units"] for arm in body["treatments"]] == [100, 100]
    (metric,) = body["metrics"]
    assert (metric["key"], metric["role"], metric["kind"]) == (key, "primary", "conversion")
    assert [arm["total"] for arm in metric["treatments"]] == [20, 70]
    (one,) = metric["comparisons"]
    assert one["effect"] == pytest.approx(0.5)
    assert one["lift"] == pytest.approx(2.5)
    assert one["verdict"]["word"] == "better"
    assert one["sequential"]["interval"]["lower"] > 0
    assert one["fixed"]["pValue"] < one["sequential"]["pValue"] < 0.05
    assert body["decisions"][0]["verdict"] == "ship"
    assert body["sampleRatio"]["probabilityOfMismatch"] < 0.9
    assert metric["bayesian"]["treatments"][1]["probabilityBest"] > 0.999
    assert None not in leaves(body)


def test_an_experiment_without_events_says_what_is_missing(api: LiveServer) -> None:
    key = fresh("empty")
    started(api, key)
    body = results(api, key)
    assert [arm["units"] for arm in body["treatments"]] == [0, 0]
    assert body["metrics"][0]["comparisons"][0]["verdict"]["word"] == "not_estimable"
    assert checks(body)["exposures_arriving"] == "failed"
    assert checks(body)["metric_seen"] == "failed"
    assert "sampleRatio" in body["notEstimable"]
    assert "countedThrough" not in body
    assert None not in leaves(body)


def test_only_evaluations_of_the_iteration_expose(api: LiveServer) -> None:
    key = fresh("scope")
    started(api, key)
    at = now_ms()
    inside = {"kind": "FALLTHROUGH", "inExperiment": True}
    version = config(api, key)["version"]
    events = [
        exposed(api, key, "a", 0, at),
        exposed(api, key, "b", 1, at),
        exposed(api, key, "outside", 0, at, reason={"kind": "FALLTHROUGH"}),
        exposed(api, key, "target", 1, at, reason={"kind": "TARGET_MATCH", "inExperiment": True}),
        exposed(api, key, "before", 1, at, version=version - 1, reason=inside),
        exposed(api, key, "both", 0, at),
        exposed(api, key, "both", 1, at),
        exposure("debug", 1, at, key, kind="debug", version=version, reason=inside),
    ]
    api.send(events)
    body = results(api, key)
    assert [arm["units"] for arm in body["treatments"]] == [1, 1]
    several = next(check for check in body["checks"] if check["name"] == "multiple_variations")
    assert several["status"] == "warning"
    assert several["figure"] == pytest.approx(1 / 3)
    assert several["remedy"]


def test_a_new_iteration_begins_anew_and_the_old_one_keeps_its_results(api: LiveServer) -> None:
    key = fresh("anew")
    first = started(api, key)["currentIteration"]["_id"]
    send_conversions(api, key, (0.5, 0.5), units=10)
    before = results(api, key)["metrics"]
    instruct(api, key, "saveAndStartNewIteration", changeJustification="again")
    assert [arm["units"] for arm in results(api, key)["treatments"]] == [0, 0]
    old = results(api, key, f"?iterationId={first}")
    assert old["iterationId"] == first
    assert old["metrics"][0]["treatments"] == before[0]["treatments"]
    assert "to" in old["window"]


def test_resetting_a_flag_scoped_experiment_leaves_iterations_alone(api: LiveServer) -> None:
    key = fresh("apart")
    started(api, key)
    item = {"metricKey": key, "environments": ["production"]}
    patch = [{"op": "add", "path": "/experiments/items/0", "value": item}]
    assert api.rest("PATCH", f"/flags/default/{key}", patch).status == 200
    send_conversions(api, key, (0.5, 0.5), units=10)
    before = results(api, key)["treatments"]
    place = f"/flags/default/{key}/experiments/production/{key}"
    assert api.rest("GET", f"{place}?from=0").body["totals"][0]["cumulativeImpressionCount"] == 10
    assert api.rest("DELETE", f"{place}/results").status == 204
    assert api.rest("GET", f"{place}?from=0").body["totals"][0]["cumulativeImpressionCount"] == 0
    assert results(api, key)["treatments"] == before


def test_a_window_narrows_and_an_attribute_slices(api: LiveServer) -> None:
    key = fresh("narrow")
    started(api, key)
    send_conversions(api, key, (0.3, 0.6))
    sliced = results(api, key, "?sliceBy=country&series=true")
    (metric,) = sliced["metrics"]
    assert [piece["value"] for piece in metric["slices"]] == ["de", "fr"]
    assert [arm["units"] for arm in metric["slices"][0]["treatments"]] == [50, 50]
    assert metric["slices"][0]["comparisons"][0]["alpha"] == pytest.approx(0.025)
    last = metric["series"]["points"][-1]["treatments"][1]
    assert last["lift"] == metric["comparisons"][0]["lift"]
    nothing = results(api, key, f"?from={now_ms() + 3_600_000}")
    assert [arm["units"] for arm in nothing["treatments"]] == [0, 0]
    assert [arm["units"] for arm in results(api, key, "?to=1000")["treatments"]] == [0, 0]


def test_all_metrics_of_an_iteration_stand_together(api: LiveServer) -> None:
    key = fresh("many")
    make_flag(api, key, 2)
    make_metric(api, key)
    spending = {"key": f"{key}-sum", "kind": "custom", "eventKey": key, "isNumeric": True}
    mean = {**spending, "key": f"{key}-average", "unitAggregationType": "average"}
    median = {**spending, "key": f"{key}-median", "analysisType": "percentile", "percentileValue": 50}
    ratio = {
        **spending,
        "key": f"{key}-ratio",
        "denominator": {"eventName": key, "unitAggregationType": "sum"},
    }
    for body in (spending, mean, median, ratio):
        assert api.rest("POST", "/metrics/default", body).status == 201, body
    names = [key, *(body["key"] for body in (spending, mean, median, ratio))]
    iteration = planned(api, key, key, metrics=[{"key": name, "isGroup": False} for name in names])
    assert api.rest("POST", ALL, {"key": key, "name": key, "iteration": iteration}).status == 201
    assert instruct(api, key, "startIteration").status == 200
    send_conversions(api, key, (0.5, 0.6))
    found = {metric["key"]: metric for metric in results(api, key)["metrics"]}
    assert list(found) == names
    assert {metric["estimator"] for metric in found.values()} == {"mean", "ratio", "percentile"}
    assert found[f"{key}-ratio"]["treatments"][0]["value"] == pytest.approx(
        found[f"{key}-average"]["treatments"][0]["total"] / 50
    )
    assert found[f"{key}-median"]["treatments"][0]["value"] == 13
    assert results(api, key, f"?metric={key}-sum")["metrics"] == [found[f"{key}-sum"]]


def test_a_funnels_steps_are_shares_of_all_exposed_units(api: LiveServer) -> None:
    key = fresh("funnel")
    make_flag(api, key, 2)
    steps = [f"{key}-{number}" for number in range(3)]
    for step in steps:
        make_metric(api, step)
    group = {
        "key": key,
        "name": key,
        "kind": "funnel",
        "maintainerId": "me",
        "tags": [],
        "metrics": [{"key": step, "nameInGroup": step} for step in steps],
    }
    assert api.rest("POST", "/projects/default/metric-groups", group).status == 201
    iteration = planned(api, key, key, metrics=[{"key": key, "isGroup": True}], primaryFunnelKey=key)
    del iteration["primarySingleMetricKey"]
    reply = api.rest("POST", ALL, {"key": key, "name": key, "iteration": iteration})
    assert reply.status == 201, reply.body
    assert instruct(api, key, "startIteration").status == 200
    at, events = now_ms(), []
    for number in range(40):
        unit = f"unit {number}"
        events.append(exposed(api, key, unit, number % 2, at))
        reached = 3 if number < 8 else 2 if number < 20 else 0
        events += [tracked(unit, at + 1 + index, step) for index, step in enumerate(steps[:reached])]
    api.send(events)
    found = results(api, key)["metrics"]
    assert [(one["key"], one["step"], one["role"]) for one in found] == [
        (steps[0], 1, "secondary"),
        (steps[1], 2, "secondary"),
        (steps[2], 3, "primary"),
    ]
    assert [one["treatments"][0]["value"] for one in found] == [0.5, 0.5, 0.2]
    body = api.rest("GET", f"{ALL}/{key}/metric-groups/{key}/results").body
    assert [row["metric"]["key"] for row in body["metrics"]] == steps
    assert body["metrics"][2]["results"]["treatmentResults"][0]["dataMean"] == 0.2


def test_the_bayesian_body_has_the_fields_of_its_clients(api: LiveServer) -> None:
    key = fresh("bayes")
    treatments = started(api, key)["currentIteration"]["treatments"]
    send_conversions(api, key, (0.2, 0.4))
    body = api.rest("GET", f"{ALL}/{key}/metrics/{key}/results?expand=traffic").body
    base, other = body["treatmentResults"]
    assert base["treatmentId"] == treatments[0]["_id"]
    assert (base["units"], base["traffic"], base["eventValuesSum"]) == (100, 100, 20)
    assert base["model"] == "bayesianBeta"
    assert base["distribution"] == {"kind": "beta", "parameters": {"alpha": 21, "beta": 81}}
    assert "relativeDifferences" not in base
    assert other["relativeDifferences"][0]["fromTreatmentId"] == base["treatmentId"]
    weight, prior = other["bayesianBeta"]["dataWeight"], other["bayesianBeta"]["priorMean"]
    assert other["mean"] == pytest.approx(weight * other["dataMean"] + (1 - weight) * prior)
    assert body["metricSeen"]["ever"] is True
    assert 0 <= body["probabilityOfMismatch"] <= 1
    assert None not in leaves(body)


def test_the_same_question_has_the_same_bytes(api: LiveServer) -> None:
    key = fresh("bytes")
    started(api, key)
    send_conversions(api, key, (0.2, 0.4))
    path = f"/api/v2{ALL}/{key}/results?series=true"
    first, again = (api.request("GET", path, None, {"Authorization": api.token}) for _ in range(2))
    assert json.dumps(first.body) == json.dumps(again.body)
    send_conversions(api, key, (0.2, 0.4))
    assert results(api, key, "?series=true")["countedThrough"] > first.body["countedThrough"]


def test_a_window_never_ends_before_it_begins(api: LiveServer) -> None:
    key = fresh("young")
    started(api, key)
    window = results(api, key)["window"]
    assert window["from"] <= window["asOf"] <= now_ms()


def test_how_it_was_computed_names_queries_methods_and_versions(api: LiveServer) -> None:
    key = fresh("how")
    started(api, key)
    computed = results(api, key)["computed"]
    assert set(computed["queries"]) == {"exposures", f"metric:{key}"}
    for queries in computed["queries"].values():
        assert any("$environment" in query["sql"] for query in queries)
        for query in queries:
            assert ("$environment" in query["sql"]) == ("environment" in query["parameters"])
    secrets = [api.environment_rep()[name] for name in ("_id", "apiKey", "mobileKey")]
    assert not any(secret in json.dumps(computed) for secret in secrets)
    assert {"assay", "duckdb", "numpy", "scipy"} <= set(computed["versions"])


@pytest.mark.parametrize(
    ("suffix", "status"),
    [
        ("results?iterationId=unknown", 404),
        ("results?metric=unknown", 404),
        ("results?from=5&to=4", 400),
        ("results?from=x", 400),
        ("results?sliceBy=", 400),
        ("results?sliceBy=%2F%2F", 400),
        ("results?series=maybe", 400),
        ("metrics/unknown/results", 404),
        ("metric-groups/unknown/results", 404),
        (f"results?from={-(2**63)}&to={2**63 - 1}", 200),
        ("results?sliceBy=a%00b", 200),
    ],
)
def test_odd_questions_are_answered_or_refused(api: LiveServer, suffix: str, status: int) -> None:
    reply = api.rest("GET", f"{ALL}/{odd_experiment(api)}/{suffix}")
    assert reply.status == status, reply.body


def odd_experiment(api: LiveServer) -> str:
    """An experiment that is made once for all odd questions."""
    if api.rest("GET", f"{ALL}/odd-questions").status == 404:
        started(api, "odd-questions")
    return "odd-questions"


def test_a_draft_has_no_results_yet(api: LiveServer) -> None:
    key = fresh("draft")
    make_flag(api, key, 2)
    make_metric(api, key)
    body = {"key": key, "name": key, "iteration": planned(api, key, key)}
    assert api.rest("POST", ALL, body).status == 201
    assert_refused(api.rest("GET", f"{ALL}/{key}/results"), 404, "not_found")


def test_a_treatment_without_traffic_is_no_arm(api: LiveServer) -> None:
    key = fresh("third")
    started(api, key, "40", "40", "0")
    body = results(api, key)
    assert [arm["share"] for arm in body["treatments"]] == [0.5, 0.5]


def test_a_metric_is_measured_as_it_was_when_the_iteration_started(api: LiveServer) -> None:
    key = fresh("pinned")
    started(api, key)
    send_conversions(api, key, (0.2, 0.4), units=20)
    before = results(api, key)["metrics"]
    patch = [{"op": "replace", "path": "/unitAggregationType", "value": "sum"}]
    assert api.rest("PATCH", f"/metrics/default/{key}", patch).status == 200
    assert results(api, key)["metrics"] == before


def test_the_plan_and_the_configuration_decide_the_rule(api: LiveServer) -> None:
    key = fresh("ruled")
    make_flag(api, key, 2)
    make_metric(api, key)
    config = {
        "significanceThreshold": "0.1",
        "bayesianThreshold": "90",
        "multipleComparisonCorrectionMethod": "benjamini-hochberg",
        "multipleComparisonCorrectionScope": "variations-and-metrics",
        "sequentialTestingEnabled": False,
    }
    iteration = planned(api, key, key, assay={"horizonUnits": 100, "minimumLift": 0.1})
    body = {"key": key, "name": key, "iteration": iteration, "analysisConfig": config}
    assert api.rest("POST", ALL, body).status == 201
    assert instruct(api, key, "startIteration").status == 200
    send_conversions(api, key, (0.2, 0.6), units=40)
    early = results(api, key)
    assert early["plan"]["rule"] == "fixed"
    assert (early["plan"]["alpha"], early["plan"]["horizonUnits"]) == (0.1, 100)
    assert early["plan"]["correction"] == "benjamini-hochberg"
    assert early["metrics"][0]["comparisons"][0]["verdict"]["word"] == "not_yet"
    send_conversions(api, key, (0.2, 0.6), units=60)
    late = results(api, key)["metrics"][0]
    assert late["comparisons"][0]["verdict"]["word"] == "better"
    assert late["bayesian"]["treatments"][0]["interval"]["level"] == pytest.approx(0.9)


def test_variations_that_change_after_the_stop_leave_results_as_they_were(api: LiveServer) -> None:
    key = fresh("moved")
    make_flag(api, key, 3)
    make_metric(api, key)
    iteration = planned(api, key, key)
    for treatment, variation in zip(
        iteration["treatments"], api.rest("GET", f"/flags/default/{key}").body["variations"][1:], strict=True
    ):
        treatment["parameters"][0]["variationId"] = variation["_id"]
    assert api.rest("POST", ALL, {"key": key, "name": key, "iteration": iteration}).status == 201
    assert instruct(api, key, "startIteration").status == 200
    send_conversions(api, key, (0.0, 0.2, 0.6), units=20)
    assert instruct(api, key, "stopIteration").status == 200
    before = results(api, key)["metrics"]
    assert [arm["total"] for arm in before[0]["treatments"]] == [4, 12]
    first = api.rest("GET", f"/flags/default/{key}").body["variations"][0]["_id"]
    serve = {"fallthrough": {"variation": 1}, "offVariation": 1}
    patch = [
        {"op": "replace", "path": f"/environments/{environment}/{name}", "value": value}
        for environment in ("production", "test")
        for name, value in serve.items()
    ]
    assert api.rest("PATCH", f"/flags/default/{key}", patch).status == 200
    instructions = [
        {"kind": "updateDefaultVariation", "onVariationValue": "v1", "offVariationValue": "v1"},
        {"kind": "removeVariation", "variationId": first},
    ]
    remove = {"instructions": instructions}
    reply = api.rest("PATCH", f"/flags/default/{key}", remove)
    assert reply.status == 200, reply.body
    assert results(api, key)["metrics"] == before
