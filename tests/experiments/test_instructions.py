"""Drafts and instructions, without a server: what is refused, and what each makes of an experiment."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from assay.errors import Conflict, InvalidRequest, OptimisticLock
from assay.experiments.drafts import FlagInput, check_versions
from assay.experiments.experiment import Experiment
from assay.experiments.instructions import with_draft
from assay.experiments.rollout import telling_flag
from experiments.plans import NOW_MS, around, draft, experiment, flag_on, instructed, plan, running

START = {"kind": "startIteration"}
STOP = {"kind": "stopIteration"}


def update(**fields: Any) -> dict[str, Any]:
    value = {name: {"operation": "update", "value": new} for name, new in fields.items()}
    return {"kind": "updateExperimentFields", "value": value}


def change(name: str, operation: str, value: Any) -> dict[str, Any]:
    return {"kind": "updateExperimentFields", "value": {name: {"operation": operation, "value": value}}}


def test_a_draft_takes_the_projects_default_unit_and_the_variations_ids() -> None:
    made = draft(plan("20", "30"))
    assert (made.status, made.randomization_unit) == ("not_started", "user")
    assert [one.id for one in made.treatments] == ["id-0", "id-1"]
    assert made.baseline == made.treatments[0]
    assert (made.primary and made.primary.key, made.seed) == ("m", None)


def test_a_treatment_of_several_flags_has_the_same_id_in_every_iteration() -> None:
    among = around(flag_on("one"), flag_on("two"))
    first, second = (draft(plan(flags=("one", "two")), among) for _ in range(2))
    assert [one.id for one in first.treatments] == [one.id for one in second.treatments]
    assert first.treatments[0].id != first.treatments[1].id


def test_a_primary_metric_that_the_list_leaves_out_is_measured_all_the_same() -> None:
    made = draft(plan(metrics=[{"key": "n"}]))
    assert [(one.key, one.primary) for one in made.metrics] == [("m", True), ("n", False)]


def test_a_metric_may_be_marked_as_the_primary_one_or_be_a_funnel() -> None:
    marked = draft(plan(metrics=[{"key": "n", "primary": True}], primarySingleMetricKey=None))
    funnel = draft(
        plan(
            metrics=[{"key": "funnel", "isGroup": True}],
            primarySingleMetricKey=None,
            primaryFunnelKey="funnel",
        )
    )
    assert marked.primary is not None
    assert funnel.primary is not None
    assert (marked.primary.key, funnel.primary.is_group) == ("n", True)


@pytest.mark.parametrize(
    "changes",
    [
        {"metrics": [{"key": "m"}, {"key": "m"}]},
        {"metrics": [{"key": "m", "primary": True}, {"key": "n", "primary": True}]}
        | {"primarySingleMetricKey": None},
        {"primarySingleMetricKey": None, "primaryFunnelKey": "group"},
        {"assay": {"guardrails": ["m"]}},
        {"flags": {"flag": {"ruleId": "no-rule", "flagConfigVersion": 1}}},
        {"randomizationUnit": "org"},
        {
            "flags": {
                "flag": {
                    "ruleId": "fallthrough",
                    "flagConfigVersion": 1,
                    "notInExperimentVariationId": "no-variation",
                }
            }
        },
    ],
)
def test_a_plan_that_could_not_run_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        draft(plan() | changes)


def test_treatments_that_nobody_could_tell_apart_are_refused() -> None:
    body = plan("50", "50")
    body["treatments"][1]["parameters"] = body["treatments"][0]["parameters"]
    with pytest.raises(InvalidRequest, match="tell the treatments apart"):
        draft(body)


def test_one_flag_is_enough_to_tell_the_treatments_apart() -> None:
    among = around(flag_on("one"), flag_on("two"))
    body = plan("50", "50", flags=("one", "two"))
    for treatment in body["treatments"]:
        treatment["parameters"][0]["variationId"] = "id-0"
    made = draft(body, among)
    assert telling_flag(made) == "two"
    for treatment in body["treatments"]:
        treatment["parameters"][1]["variationId"] = "id-3"
    with pytest.raises(InvalidRequest, match="tell the treatments apart"):
        draft(body, among)


def test_an_archived_flag_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="archived"):
        draft(plan(), around(replace(flag_on(), archived=True)))


def test_a_version_that_is_not_the_flags_is_stale() -> None:
    check_versions({"flag": FlagInput("fallthrough", 1)}, around())
    with pytest.raises(OptimisticLock, match="version 1"):
        check_versions({"flag": FlagInput("fallthrough", 2)}, around())


def test_starting_freezes_seed_slices_and_metric_versions() -> None:
    among = around(first_seed=42)
    started = instructed(experiment("50", "50", metrics=[{"key": "n"}]), START, among=among).running
    assert started is not None
    assert (started.seed, started.started_at) == (42, NOW_MS)
    assert [one.weight for one in started.slices] == [50_000, 50_000]
    assert [(one.key, one.version) for one in started.metrics] == [("m", 1), ("n", 4)]


@pytest.mark.parametrize("percents", [("0", "0"), ("0.0001", "0")])
def test_nothing_starts_that_reaches_nobody(percents: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest, match="no treatment gets any units"):
        running(*percents)


def test_a_flag_that_went_off_or_lost_the_rule_keeps_a_draft_from_starting() -> None:
    made = experiment()
    off = around(
        replace(
            flag_on(), environments={"production": replace(flag_on().environments["production"], on=False)}
        )
    )
    with pytest.raises(InvalidRequest, match="turn it on"):
        instructed(made, START, among=off)
    with pytest.raises(InvalidRequest, match="no variation"):
        instructed(made, START, among=around(flag_on(variations=1)))


def test_an_experiment_without_a_metric_only_exports() -> None:
    bare: dict[str, Any] = {"metrics": [], "primarySingleMetricKey": None}
    with pytest.raises(InvalidRequest, match="export_only"):
        running(**bare)
    exporting = replace(experiment(**bare), methodology="export_only")
    assert instructed(exporting, START).running is not None


def test_a_winner_is_one_of_the_treatments() -> None:
    with pytest.raises(InvalidRequest, match="winningTreatmentId"):
        instructed(running(), STOP | {"winningTreatmentId": "id-3"})
    with pytest.raises(InvalidRequest, match="no iteration is running"):
        instructed(experiment(), STOP)


def test_kinds_and_parameters_are_read_in_any_case() -> None:
    stopped = instructed(running(), {"kind": "STOPITERATION", "WinningTreatmentID": "id-1"})
    assert stopped.iterations[0].winning_treatment_id == "id-1"


@pytest.mark.parametrize("raw", [None, 7, {}, {"kind": 7}, {"kind": "explode"}, ["startIteration"]])
def test_what_is_no_instruction_is_refused(raw: Any) -> None:
    with pytest.raises(InvalidRequest):
        instructed(experiment(), raw)


def test_a_new_draft_takes_the_place_of_the_one_before() -> None:
    after = with_draft(experiment(), draft(plan("10", "10")))
    assert [one.treatments[0].allocation_percent for one in after.iterations] == ["10"]
    with pytest.raises(Conflict):
        with_draft(replace(after, archived_date=1), draft(plan()))


def test_lists_are_edited_item_by_item() -> None:
    made = instructed(experiment(), change("metrics", "add", {"key": "n"}), change("tags", "add", ["a", "b"]))
    assert made.draft is not None
    assert ([one.key for one in made.draft.metrics], made.tags) == (["m", "n"], ("a", "b"))
    made = instructed(made, change("metrics", "remove", ["n"]), change("tags", "remove", "a"))
    assert made.draft is not None
    assert ([one.key for one in made.draft.metrics], made.tags) == (["m"], ("b",))


def test_the_primary_metric_can_be_another_one() -> None:
    made = instructed(experiment(metrics=[{"key": "m"}, {"key": "n"}]), update(primarySingleMetricKey="n"))
    assert made.draft is not None
    assert [(one.key, one.primary) for one in made.draft.metrics] == [("m", False), ("n", True)]


def test_editing_a_draft_keeps_its_name_and_all_the_rest() -> None:
    before = experiment("10", "20", assay={"horizonUnits": 500}).draft
    after = instructed(
        replace(experiment(), iterations=(before,) if before else ()), update(hypothesis="x")
    ).draft
    assert before is not None
    assert after == replace(before, hypothesis="x")


@pytest.mark.parametrize(
    "instruction",
    [
        {"kind": "updateExperimentFields", "value": 7},
        {"kind": "updateExperimentFields", "value": {"name": "x"}},
        change("name", "add", "x"),
        change("key", "update", "x"),
        update(name=""),
        update(name=7),
        update(tags=[{}]),
        update(methodology="guess"),
        update(analysisConfig={"significanceThreshold": "2"}),
        update(analysisConfig={"significanceThreshold": 0.05}),
        update(analysisConfig={"testDirection": "sideways"}),
        update(treatments=[]),
        {"kind": "updateName", "value": None},
    ],
)
def test_edits_that_make_no_sense_are_refused(instruction: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        instructed(experiment(), instruction)


def test_while_it_runs_nothing_that_decides_can_be_edited() -> None:
    for name, value in (("methodology", "bayesian"), ("analysisConfig", {}), ("hypothesis", "x")):
        with pytest.raises(InvalidRequest, match="can't be edited now"):
            instructed(running(), update(**{name: value}))


def test_save_and_start_copies_the_definition_and_nothing_of_how_it_went() -> None:
    first = running("30", "30")
    after = instructed(
        first,
        {
            "kind": "saveAndStartNewIteration",
            "changeJustification": "why",
            "value": update(hypothesis="x")["value"],
        },
        among=around(first_seed=500, now_ms=NOW_MS + 5),
    )
    ended, new = after.iterations
    assert (ended.status, ended.ended_at) == ("stopped", NOW_MS + 5)
    assert (new.status, new.hypothesis, new.change_justification) == ("running", "x", "why")
    assert new.seed == 500 != ended.seed
    assert new.treatments == ended.treatments
    assert new.flags["flag"].first_version is None


def test_a_draft_survives_what_the_store_makes_of_it() -> None:
    made = running("30", "30", assay={"horizonUnits": 10, "guardrails": ["n"]}, metrics=[{"key": "n"}])
    assert msgspec.json.decode(msgspec.json.encode(made), type=Experiment) == made
