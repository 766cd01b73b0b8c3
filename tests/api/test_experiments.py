"""Experiments over REST: made, started, changed, stopped, archived, listed."""

from typing import Any

import pytest

from api.experiments import (
    ALL,
    config,
    instruct,
    make_experiment,
    make_flag,
    make_metric,
    planned,
    read,
    started,
)
from api.replies import assert_refused, fresh
from live import LiveServer

MODERN = {"LD-API-Version": "20240415"}


def modern(api: LiveServer, path: str) -> dict[str, Any]:
    reply = api.request("GET", f"/api/v2{path}", None, MODERN | {"Authorization": api.token})
    assert reply.status == 200, reply.body
    body: dict[str, Any] = reply.body
    return body


def test_an_experiment_begins_as_a_draft_that_leaves_its_flag_alone(api: LiveServer) -> None:
    key = fresh("draft")
    before = make_experiment(api, key)
    assert before["draftIteration"]["status"] == "not_started"
    assert config(api, key)["fallthrough"] == {"variation": 0}


def test_start_turns_the_rule_into_an_experiment_over_the_treatments(api: LiveServer) -> None:
    key = fresh("start")
    current = started(api, key, "25", "25")["currentIteration"]
    assert current["status"] == "running"
    assert config(api, key)["fallthrough"]["rollout"] == {
        "kind": "experiment",
        "seed": current["assay"]["seed"],
        "contextKind": "user",
        "variations": [
            {"variation": 0, "weight": 50_000, "_untracked": True},
            {"variation": 0, "weight": 25_000},
            {"variation": 1, "weight": 25_000},
        ],
    }


def test_the_running_iteration_knows_the_version_that_began_it(api: LiveServer) -> None:
    key = fresh("version")
    current = started(api, key)["currentIteration"]
    version = config(api, key)["version"]
    assert current["flags"][key]["flagConfigVersion"] == version
    assert current["assay"]["firstVersions"] == {key: version}


def test_stopping_with_a_winner_serves_it_to_everybody(api: LiveServer) -> None:
    key = fresh("winner")
    treatments = started(api, key)["currentIteration"]["treatments"]
    reply = instruct(
        api, key, "stopIteration", winningTreatmentId=treatments[1]["_id"], winningReason="it won"
    )
    assert reply.status == 200, reply.body
    current = reply.body["currentIteration"]
    assert (current["status"], current["winningReason"]) == ("stopped", "it won")
    assert current["winningTreatmentId"] == treatments[1]["_id"]
    assert current["endedAt"] >= current["startedAt"]
    assert config(api, key)["fallthrough"] == {"variation": 1}
    assert current["assay"]["endVersions"] == {key: config(api, key)["version"]}


def test_stopping_without_a_winner_serves_what_was_outside_the_experiment(api: LiveServer) -> None:
    key = fresh("no-winner")
    flag = make_flag(api, key)
    make_metric(api, key)
    body = planned(api, key, key)
    body["flags"][key]["notInExperimentVariationId"] = flag["variations"][2]["_id"]
    assert api.rest("POST", ALL, {"key": key, "name": key, "iteration": body}).status == 201
    assert instruct(api, key, "startIteration").status == 200
    assert instruct(api, key, "stopIteration").status == 200
    assert config(api, key)["fallthrough"] == {"variation": 2}


def test_an_experiment_can_use_a_rule(api: LiveServer) -> None:
    key = fresh("rule")
    make_flag(api, key)
    make_metric(api, key)
    rule = {"clauses": [{"attribute": "country", "op": "in", "values": ["nl"]}], "variation": 1}
    patch = [{"op": "add", "path": "/environments/production/rules/0", "value": rule}]
    rule_id = api.rest("PATCH", f"/flags/default/{key}", patch).body["environments"]["production"]["rules"][
        0
    ]["_id"]
    body = planned(api, key, key)
    body["flags"][key]["ruleId"] = rule_id
    assert api.rest("POST", ALL, {"key": key, "name": key, "iteration": body}).status == 201
    current = instruct(api, key, "startIteration").body["currentIteration"]
    assert current["flags"][key]["targetingRule"] == rule_id
    assert current["flags"][key]["targetingRuleClauses"][0]["attribute"] == "country"
    after = config(api, key)
    assert after["rules"][0]["rollout"]["kind"] == "experiment"
    assert after["fallthrough"] == {"variation": 0}


def test_a_stopped_iteration_never_starts_again(api: LiveServer) -> None:
    key = fresh("once")
    started(api, key)
    instruct(api, key, "stopIteration")
    reply = instruct(api, key, "startIteration")
    assert_refused(reply, 400, "invalid_request")
    assert "saveAndStartNewIteration" in reply.body["message"]


def test_another_iteration_is_drafted_and_then_started(api: LiveServer) -> None:
    key = fresh("second")
    started(api, key)
    instruct(api, key, "stopIteration")
    reply = api.rest("POST", f"{ALL}/{key}/iterations", planned(api, key, key, "10", "10"))
    assert reply.status == 200, reply.body
    assert reply.body["status"] == "not_started"
    assert instruct(api, key, "startIteration").status == 200
    found = read(api, key, "previousIterations")
    assert found["currentIteration"]["_id"] == reply.body["_id"]
    assert [one["status"] for one in found["previousIterations"]] == ["stopped"]


def test_a_running_iteration_is_replaced_only_with_a_reason(api: LiveServer) -> None:
    key = fresh("reason")
    started(api, key)
    api.rest("POST", f"{ALL}/{key}/iterations", planned(api, key, key, "20", "20"))
    assert_refused(instruct(api, key, "startIteration"), 400, "invalid_request")
    reply = instruct(api, key, "startIteration", changeJustification="more power")
    assert reply.status == 200, reply.body
    assert reply.body["currentIteration"]["assay"]["changeJustification"] == "more power"


def test_save_and_start_edits_a_copy_and_starts_it_in_one_step(api: LiveServer) -> None:
    key = fresh("save")
    first = started(api, key)["currentIteration"]
    treatments = [
        {key: value for key, value in one.items() if key != "_id"} | {"allocationPercent": "10"}
        for one in first["treatments"]
    ]
    reply = instruct(
        api,
        key,
        "saveAndStartNewIteration",
        changeJustification="less traffic",
        value={"treatments": {"operation": "update", "value": treatments}},
    )
    assert reply.status == 200, reply.body
    current, previous = (
        reply.body["currentIteration"],
        read(api, key, "previousIterations")["previousIterations"],
    )
    assert [one["allocationPercent"] for one in current["treatments"]] == ["10", "10"]
    assert previous[0]["_id"] == first["_id"]
    assert previous[0]["assay"]["endVersions"] == current["assay"]["firstVersions"]


def test_traffic_that_may_not_be_reshuffled_keeps_its_seed(api: LiveServer) -> None:
    key = fresh("kept")
    seeds = [started(api, key)["currentIteration"]["assay"]["seed"]]
    for reshuffle in (False, True):
        instruct(api, key, "stopIteration")
        body = planned(api, key, key, canReshuffleTraffic=reshuffle)
        assert api.rest("POST", f"{ALL}/{key}/iterations", body).status == 200
        seeds.append(instruct(api, key, "startIteration").body["currentIteration"]["assay"]["seed"])
    assert seeds[0] == seeds[1] != seeds[2]


def test_metrics_are_pinned_at_the_version_they_had_when_it_started(api: LiveServer) -> None:
    key = fresh("pinned")
    pinned = started(api, key)["currentIteration"]["primarySingleMetric"]["_versionId"]
    patch = [{"op": "replace", "path": "/description", "value": "other"}]
    assert api.rest("PATCH", f"/metrics/default/{key}", patch).status == 200
    assert read(api, key)["currentIteration"]["primarySingleMetric"]["_versionId"] == pinned


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"treatments": []}, "1 to"),
        ({"flags": {}}, "flags names the flag"),
        ({"flags": {"nobody": {"ruleId": "fallthrough", "flagConfigVersion": 1}}}, "no flag 'nobody'"),
        ({"metrics": [{"key": "nothing"}], "primarySingleMetricKey": "nothing"}, "no metric 'nothing'"),
        ({"primarySingleMetricKey": None}, "primarySingleMetricKey"),
        ({"primaryFunnelKey": "funnel"}, "not both"),
        ({"randomizationUnit": "planet"}, "experimentation-settings"),
        ({"hypothesis": 7}, "hypothesis"),
        ({"assay": {"guardrails": ["unlisted"]}}, "not among metrics"),
        ({"assay": {"power": 2}}, "power"),
        ({"flags": {"x": {"ruleId": "fallthrough", "flagConfigVersion": 2**60}}}, "flagConfigVersion"),
    ],
)
def test_an_iteration_that_could_not_run_is_refused_with_advice(
    api: LiveServer, change: dict[str, Any], says: str
) -> None:
    key = fresh("refused")
    make_flag(api, key)
    make_metric(api, key)
    body = planned(api, key, key) | change
    reply = api.rest("POST", ALL, {"key": key, "name": key, "iteration": body})
    assert_refused(reply, 400, "invalid_request")
    assert says in reply.body["message"]
    assert_refused(api.rest("GET", f"{ALL}/{key}"), 404, "not_found")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"allocationPercent": "60"}, "add up to 100"),
        ({"allocationPercent": "fifty"}, "percentage as text"),
        ({"allocationPercent": "-1"}, "percentage as text"),
        ({"allocationPercent": 50}, "allocationPercent"),
        ({"baseline": True}, "exactly one treatment"),
        ({"parameters": []}, "one parameter"),
    ],
)
def test_treatments_that_do_not_fit_are_refused_with_advice(
    api: LiveServer, change: dict[str, Any], says: str
) -> None:
    key = fresh("unfit")
    make_flag(api, key)
    make_metric(api, key)
    body = planned(api, key, key)
    body["treatments"][1] |= change
    reply = api.rest("POST", ALL, {"key": key, "name": key, "iteration": body})
    assert_refused(reply, 400, "invalid_request")
    assert says in reply.body["message"]


def test_a_flag_that_changed_since_it_was_read_is_a_stale_version(api: LiveServer) -> None:
    key = fresh("stale")
    make_flag(api, key)
    make_metric(api, key)
    body = planned(api, key, key)
    patch = [{"op": "replace", "path": "/environments/production/trackEvents", "value": True}]
    assert api.rest("PATCH", f"/flags/default/{key}", patch).status == 200
    reply = api.rest("POST", ALL, {"key": key, "name": key, "iteration": body})
    assert_refused(reply, 409, "optimistic_locking_error")


def test_a_flag_that_is_off_must_be_turned_on_first(api: LiveServer) -> None:
    key = fresh("off")
    make_flag(api, key, on=False)
    make_metric(api, key)
    body = {"key": key, "name": key, "iteration": planned(api, key, key)}
    assert api.rest("POST", ALL, body).status == 201
    reply = instruct(api, key, "startIteration")
    assert_refused(reply, 400, "invalid_request")
    assert "turn it on" in reply.body["message"]


def test_a_refused_instruction_undoes_those_before_it(api: LiveServer) -> None:
    key = fresh("atomic")
    make_experiment(api, key)
    instructions = [{"kind": "updateName", "value": "new"}, {"kind": "launchIteration"}]
    reply = api.rest("PATCH", f"{ALL}/{key}", {"instructions": instructions})
    assert_refused(reply, 400, "invalid_request")
    assert read(api, key)["name"] == key


def test_an_archived_experiment_starts_nothing_until_it_is_restored(api: LiveServer) -> None:
    key = fresh("archived")
    make_experiment(api, key)
    assert instruct(api, key, "archiveExperiment").body["archivedDate"] > 0
    assert_refused(instruct(api, key, "startIteration"), 409, "conflict")
    assert "archivedDate" not in instruct(api, key, "restoreExperiment").body
    assert instruct(api, key, "startIteration").status == 200
    assert_refused(instruct(api, key, "archiveExperiment"), 409, "conflict")


def test_fields_are_edited_while_their_status_allows_it(api: LiveServer) -> None:
    key = fresh("fields")
    make_experiment(api, key)

    def update(**fields: Any) -> Any:
        value = {name: {"operation": "update", "value": new} for name, new in fields.items()}
        return instruct(api, key, "updateExperimentFields", value=value)

    edited = update(name="Other", hypothesis="it hurts", methodology="bayesian", tags=["a"]).body
    assert (edited["name"], edited["methodology"], edited["tags"]) == ("Other", "bayesian", ["a"])
    assert edited["draftIteration"]["hypothesis"] == "it hurts"
    instruct(api, key, "startIteration")
    assert update(description="still mutable").body["description"] == "still mutable"
    for name in ("methodology", "hypothesis"):
        assert_refused(update(**{name: "bayesian"}), 400, "invalid_request")
    allowed = read(api, key, "mutableFieldsByStatus")["mutableFieldsByStatus"]
    assert "methodology" in allowed["not_started"]
    assert "methodology" not in allowed["running"]


def test_what_assay_adds_to_a_plan_is_kept_and_echoed(api: LiveServer) -> None:
    key = fresh("plan")
    assay = {"horizonUnits": 4000, "power": 0.9, "minimumLift": 0.02, "covariateDays": 0, "guardrails": []}
    made = make_experiment(api, key, assay=assay)
    assert made["draftIteration"]["assay"] == assay


def test_listings_find_by_flag_metric_status_and_life(api: LiveServer) -> None:
    running, archived = fresh("listed"), fresh("listed")
    started(api, running)
    make_experiment(api, archived)
    instruct(api, archived, "archiveExperiment")

    def keys(query: str) -> list[str]:
        body = modern(api, f"{ALL}?limit=1000&{query}")
        assert body["totalCount"] == body["total_count"] == len(body["items"])
        return [item["key"] for item in body["items"]]

    assert keys(f"filter=flagKey:{running}") == [running]
    assert keys(f"filter=metricKey:{running},status:running") == [running]
    assert keys(f"filter=flagKey:{running},status:stopped") == []
    assert keys(f"filter=flagKey:{archived}") == []
    assert keys(f"filter=flagKey:{archived}&lifecycleState=archived,active") == [archived]
    anywhere = modern(api, f"/projects/default/experiments?filter=flagKey:{running}")
    assert [item["environmentKey"] for item in anywhere["items"]] == ["production"]
    assert_refused(api.rest("GET", f"{ALL}?filter=colour:red"), 400, "invalid_request")


def test_a_modern_listing_comes_in_pages(api: LiveServer) -> None:
    for _ in range(3):
        make_experiment(api, fresh("page"))
    body = modern(api, f"{ALL}?limit=2")
    assert len(body["items"]) == 2
    assert body["total_count"] > 2
    assert "next" in body["_links"]


def test_a_founding_client_sees_the_draft_as_the_current_iteration(api: LiveServer) -> None:
    key = fresh("founding")
    make_experiment(api, key)
    assert read(api, key)["currentIteration"]["status"] == "not_started"
    assert "currentIteration" not in modern(api, f"{ALL}/{key}")
    assert modern(api, f"{ALL}/{key}?expand=draftIteration")["draftIteration"]["status"] == "not_started"


def test_a_bandit_needs_to_know_how_often_it_reallocates(api: LiveServer) -> None:
    key = fresh("bandit")
    make_flag(api, key)
    make_metric(api, key)
    body = {"key": key, "name": key, "type": "mab", "iteration": planned(api, key, key)}
    assert_refused(api.rest("POST", ALL, body), 400, "invalid_request")
    body["iteration"] = planned(api, key, key, reallocationFrequencyMillis=3_600_000)
    made = api.rest("POST", ALL, body).body
    assert made["methodology"] == "bayesian"
    assert made["draftIteration"]["reallocationFrequencyMillis"] == 3_600_000
