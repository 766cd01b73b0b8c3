"""What an edit means for the field it names, and that it touches nothing else."""

from typing import Any

import pytest
from msgspec.structs import replace

from assay.analysis.plans import analysis_plan
from assay.errors import InvalidRequest, OptimisticLock
from assay.experiments.editing import edited, mutable_fields
from assay.experiments.experiment import AnalysisConfig, Experiment, check_experiment
from assay.experiments.rollout import WHOLE, experiment_rollout
from assay.flags.model import Flag
from experiments.plans import around, draft, experiment, flag_on, instructed, plan, running

START = {"kind": "startIteration"}


def change(name: str, operation: str, value: Any = None) -> dict[str, Any]:
    return {name: {"operation": operation, "value": value}}


def moved(key: str) -> Flag:
    """The flag, changed by somebody since the draft was made."""
    flag = flag_on(key)
    newer = replace(flag.environments["production"], version=2)
    return replace(flag, environments=flag.environments | {"production": newer})


def with_two_flags() -> Experiment:
    made = Experiment("e", "exp", "Exp", "production", 0)
    both = around(flag_on("pay"), flag_on("pay-now"))
    return replace(made, iterations=(draft(plan(flags=("pay", "pay-now")), both),))


def without_pay_now(parameters: list[dict[str, Any]]) -> dict[str, Any]:
    treatments = [
        {"name": f"t{n}", "baseline": n == 0, "allocationPercent": "50", "parameters": [one]}
        for n, one in enumerate(parameters)
    ]
    return change("treatments", "update", treatments)


@pytest.mark.parametrize("gone", ["pay-now", ["pay-now"], {"pay-now": None}])
def test_taking_a_flag_away_asks_for_the_version_of_no_other(gone: Any) -> None:
    among = around(moved("pay"), flag_on("pay-now"))
    parameters = [{"flagKey": "pay", "variationId": f"id-{n}"} for n in range(2)]
    changes = change("flags", "remove", gone) | without_pay_now(parameters)
    after = edited(with_two_flags(), among, changes).draft
    assert after is not None
    assert list(after.flags) == ["pay"]
    assert [one.id for one in after.treatments] == ["id-0", "id-1"]


def test_a_flag_that_an_edit_names_must_be_the_one_that_was_read() -> None:
    among = around(moved("pay"), flag_on("pay-now"))
    stale = {"pay": {"ruleId": "fallthrough", "flagConfigVersion": 1}}
    with pytest.raises(OptimisticLock, match="'pay' is at version 2"):
        edited(with_two_flags(), among, change("flags", "add", stale))


@pytest.mark.parametrize(
    ("operation", "value", "tags"),
    [
        ("add", "c", ("a", "b", "c")),
        ("add", ["b", "c"], ("a", "b", "c")),
        ("remove", "a", ("b",)),
        ("remove", ["a", "x"], ("b",)),
        ("update", ["z", "z"], ("z",)),
    ],
)
def test_tags_are_a_set_in_order(operation: str, value: Any, tags: tuple[str, ...]) -> None:
    before = replace(experiment(), tags=("a", "b"))
    after = edited(before, around(), change("tags", operation, value))
    assert set(after.tags) == set(tags)
    assert len(after.tags) == len(tags)
    assert replace(after, tags=before.tags) == before


def test_what_may_be_edited_follows_from_the_iterations() -> None:
    made = Experiment("e", "exp", "Exp", "production", 0)
    assert "treatments" not in mutable_fields(made)
    assert "analysisConfig" in mutable_fields(made)
    assert "treatments" in mutable_fields(experiment())
    assert "analysisConfig" not in mutable_fields(running())
    with_next = replace(running(), iterations=(*running().iterations, draft(plan())))
    assert "treatments" in mutable_fields(with_next)
    assert "analysisConfig" not in mutable_fields(with_next)


@pytest.mark.parametrize("threshold", ["0.5", "0.6", "0.999999999999", "1", "0", "-0.1", "5e-2"])
def test_a_threshold_that_no_result_could_be_told_by_is_refused(threshold: str) -> None:
    config = AnalysisConfig(significance_threshold=threshold)
    with pytest.raises(InvalidRequest, match="significanceThreshold"):
        check_experiment(replace(experiment(), analysis_config=config))


@pytest.mark.parametrize(
    ("threshold", "direction", "alpha"),
    [
        ("0.05", "two-sided", 0.05),
        ("0.05", "one-sided", 0.1),
        ("0.49", "two-sided", 0.49),
        ("0.49", "one-sided", 0.5),
        ("0.000000000001", "two-sided", 1e-12),
    ],
)
def test_every_threshold_that_is_taken_can_be_judged_by(threshold: str, direction: str, alpha: float) -> None:
    config = AnalysisConfig(significance_threshold=threshold, test_direction=direction)
    made = replace(running(), analysis_config=config)
    check_experiment(made)
    assert made.running is not None
    assert analysis_plan(made.running, config).alpha == pytest.approx(alpha)


def untracked_weight(percents: tuple[str, ...], **changes: Any) -> tuple[int, int]:
    """The thousandths of a percent outside the experiment and inside it."""
    iteration = running(*percents, **changes).running
    assert iteration is not None
    entries = experiment_rollout(iteration, flag_on()).variations
    outside = sum(one.weight for one in entries if one.untracked)
    return outside, sum(one.weight for one in entries if not one.untracked)


@pytest.mark.parametrize(
    ("percents", "outside"),
    [
        (("50", "50"), 0),
        (("0.001", "0"), 99_999),
        (("33.333", "33.333", "33.333"), 1),
        (("10", "20", "0"), 70_000),
    ],
)
def test_the_rest_is_untracked_and_all_weights_add_up(percents: tuple[str, ...], outside: int) -> None:
    assert untracked_weight(percents) == (outside, WHOLE - outside)


def test_units_keep_their_seed_only_where_they_are_not_to_be_reshuffled() -> None:
    seeds = {}
    for reshuffles in (True, False):
        first = running("20", "20", among=around(first_seed=5))
        after = instructed(
            first, {"kind": "stopIteration", "winningTreatmentId": "id-0", "winningReason": ""}
        )
        edit = change("canReshuffleTraffic", "update", reshuffles)
        again = {"kind": "saveAndStartNewIteration", "value": edit, "changeJustification": "again"}
        second = instructed(after, again, among=around(first_seed=9)).running
        assert second is not None
        seeds[reshuffles] = second.seed
    assert seeds == {True: 9, False: 5}
