"""From a running iteration to arms, ends and plan: what an analysis is held to."""

from typing import Any

import pytest
from msgspec.structs import replace

from analysis.iterations import design, measured, results, units
from assay.analysis.arms import UnitTable
from assay.analysis.experiment_results import Compared
from assay.analysis.iterations import Narrowing, _arms, _end, _iteration
from assay.analysis.plans import analysis_plan, pair_horizon
from assay.errors import InvalidRequest, NotFound
from assay.experiments.experiment import AnalysisConfig, Iteration, Plan
from assay.stats.multiplicity import Scope
from experiments.plans import draft, experiment, instructed, plan, running

PLACES = {f"id-{number}": number for number in range(4)}
STOP = {"kind": "stopIteration", "winningTreatmentId": "id-0", "winningReason": ""}


def of(*percents: str) -> Iteration:
    iteration = running(*percents).running
    assert iteration is not None
    return iteration


@pytest.mark.parametrize(
    ("percents", "shares"),
    [
        (("50", "50"), {"id-0": 0.5, "id-1": 0.5}),
        (("10", "30"), {"id-0": 0.25, "id-1": 0.75}),
        (("20", "0", "60"), {"id-0": 0.25, "id-2": 0.75}),
        (("33.333", "33.333", "33.334"), {"id-0": 0.33333, "id-1": 0.33333, "id-2": 0.33334}),
    ],
)
def test_the_arms_are_those_that_get_units_in_their_planned_shares(
    percents: tuple[str, ...], shares: dict[str, float]
) -> None:
    arms = _arms(of(*percents), "flag", PLACES)
    assert {arm.id: arm.share for arm in arms} == pytest.approx(shares)
    assert [arm.variation for arm in arms] == [PLACES[arm.id] for arm in arms]
    assert [arm.is_baseline for arm in arms] == [True] + [False] * (len(arms) - 1)


def test_where_the_baseline_gets_no_units_the_first_arm_stands_in_for_it() -> None:
    arms = _arms(of("0", "40", "60"), "flag", PLACES)
    assert [(arm.id, arm.is_baseline) for arm in arms] == [("id-1", True), ("id-2", False)]


def test_an_arms_place_is_where_its_variation_stood_at_the_start() -> None:
    assert [arm.variation for arm in _arms(of(), "flag", {"id-0": 3, "id-1": 1})] == [3, 1]
    assert [arm.variation for arm in _arms(of(), "flag", {"id-1": 0})] == [-1, 0]


@pytest.mark.parametrize(
    ("ended", "start", "end", "expected"),
    [(None, None, None, None), (9, None, None, 9), (9, None, 5, 5), (9, None, 20, 9), (None, 5, 5, 5)],
)
def test_an_analysis_ends_with_the_iteration_or_what_was_asked_whichever_is_first(
    ended: int | None, start: int | None, end: int | None, expected: int | None
) -> None:
    assert _end(replace(of(), ended_at=ended), Narrowing(start, end)) == expected


def test_to_before_from_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="to lies before from"):
        _end(of(), Narrowing(6, 5))


def test_the_current_iteration_is_the_running_or_last_one_and_never_a_draft() -> None:
    stopped = instructed(running(), STOP)
    with_next = replace(stopped, iterations=(*stopped.iterations, replace(draft(plan()), id="next")))
    assert _iteration(with_next, "").id == stopped.iterations[0].id
    for wrong in ("next", "unknown"):
        with pytest.raises(NotFound):
            _iteration(with_next, wrong)
    with pytest.raises(NotFound, match="not been started"):
        _iteration(experiment(), "")


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({}, "correction", "bonferroni"),
        ({}, "scope", Scope.VARIATIONS),
        ({"multiple_comparison_correction_method": "benjamini-hochberg"}, "correction", "benjamini-hochberg"),
        ({"multiple_comparison_correction_scope": "metrics"}, "scope", Scope.METRICS),
        ({"bayesian_threshold": "90"}, "bayesian_level", 0.9),
        ({"sequential_testing_enabled": False}, "always_valid", False),
    ],
)
def test_the_plan_is_what_was_configured(changes: dict[str, Any], field: str, value: Any) -> None:
    iteration = replace(of(), plan=Plan(horizon_units=100))
    assert getattr(analysis_plan(iteration, AnalysisConfig(**changes)), field) == value


def test_without_a_horizon_every_look_counts_whatever_was_configured() -> None:
    config = AnalysisConfig(sequential_testing_enabled=False)
    assert analysis_plan(of(), config).always_valid


@pytest.mark.parametrize(
    "changes",
    [
        {"significance_threshold": "x"},
        {"significance_threshold": "nan"},
        {"bayesian_threshold": "100"},
        {"multiple_comparison_correction_method": "holm"},
        {"multiple_comparison_correction_scope": "all"},
    ],
)
def test_a_configuration_that_can_not_be_read_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        analysis_plan(of(), AnalysisConfig(**changes))


@pytest.mark.parametrize(
    ("horizon", "share", "pair"), [(1000, 0.1 + 0.2, 300), (100, 0.07, 7), (3, 0.5, 1.5)]
)
def test_a_pairs_horizon_is_a_part_of_the_whole(horizon: int, share: float, pair: float) -> None:
    assert pair_horizon(horizon, share) == pair


@pytest.mark.parametrize(("horizon", "word"), [(4000, "no_difference_larger_than"), (4001, "not_yet")])
def test_around_zero_the_bound_is_of_the_effect_and_only_at_the_horizon(horizon: int, word: str) -> None:
    table = units(4000, 0.0, seed=3)
    level = table.value[table.arm == 0].mean()
    around_zero = UnitTable(table.arm, table.value - level, first_exposed_ms=table.first_exposed_ms)
    found = results(measured(around_zero), of=design(horizon=horizon))[0].comparisons[1]
    assert isinstance(found, Compared)
    assert found.verdict.word == word
    assert found.verdict.bound_of == ("effect" if horizon == 4000 else None)
    assert horizon == 4001 or (found.verdict.bound or 0) >= abs(found.effect)
