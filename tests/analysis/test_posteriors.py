"""The Bayesian view and the error of looking: arms in any order, and simulated looks as the judge."""

from math import erf, sqrt

import numpy as np
import pytest

from analysis.iterations import START, design, label, measured, only, results, units
from assay.analysis.arms import UnitTable, by_arm, estimates
from assay.analysis.peeking import _growing, peeking_errors
from assay.analysis.posteriors import conversion_standings, mean_standings
from assay.stats.bayesian import MEAN_SPREAD, Standing
from assay.stats.contrasts import ArmEstimates
from assay.stats.direction import Direction
from assay.stats.estimate import NotEstimable

LEVEL = 0.95


def rates(*arms: tuple[int, int]) -> ArmEstimates:
    """Arms of so many units of which so many converted."""
    arm = np.repeat(np.arange(len(arms)), [n for n, _ in arms])
    value = np.concatenate([np.arange(n) < hits for n, hits in arms]).astype(float)
    return estimates(by_arm(UnitTable(arm, value), len(arms)), "mean").plain


def means(*arms: tuple[float, ...]) -> ArmEstimates:
    arm = np.repeat(np.arange(len(arms)), [len(values) for values in arms])
    return estimates(by_arm(UnitTable(arm, np.concatenate(arms)), len(arms)), "mean").plain


def standing(found: Standing | NotEstimable) -> Standing:
    assert isinstance(found, Standing)
    return found


@pytest.mark.parametrize("baseline", [0, 1, 2])
def test_standings_come_back_in_the_arms_order_wherever_the_baseline_is(baseline: int) -> None:
    arms = [(400, 40), (500, 75), (600, 66)]
    found = conversion_standings(rates(*arms), baseline, direction=Direction.HIGHER_IS_BETTER, level=LEVEL)
    order = [baseline, *(index for index in range(3) if index != baseline)]
    first = conversion_standings(
        rates(*(arms[index] for index in order)), 0, direction=Direction.HIGHER_IS_BETTER, level=LEVEL
    )
    assert [found[index] for index in order] == list(first)
    best = [standing(one).probability_best for one in found]
    assert sum(best) == pytest.approx(1, abs=0.02)
    assert max(best) == best[1]


def test_lower_is_better_turns_the_chances_round() -> None:
    arms = rates((400, 40), (500, 75))
    high, low = (
        standing(conversion_standings(arms, 0, direction=direction, level=LEVEL)[1])
        for direction in (Direction.HIGHER_IS_BETTER, Direction.LOWER_IS_BETTER)
    )
    assert high.probability_best + low.probability_best == pytest.approx(1, abs=0.02)
    assert high.probability_best > 0.9


def test_an_arm_without_two_units_has_a_reason_or_no_certainty() -> None:
    values = tuple(np.random.default_rng(1).normal(10, 2, 500).tolist())
    found = mean_standings(means(values, (11.0,)), 0, direction=Direction.HIGHER_IS_BETTER, level=LEVEL)
    one = found[1]
    assert isinstance(one, NotEstimable) or 0.05 < one.probability_best < 0.95


def test_a_mean_far_above_in_errors_is_nearly_surely_best() -> None:
    rng = np.random.default_rng(2)
    arms = means(tuple(rng.normal(10, 2, 4000).tolist()), tuple(rng.normal(10.5, 2, 4000).tolist()))
    found = mean_standings(arms, 0, direction=Direction.HIGHER_IS_BETTER, level=LEVEL)
    z = (arms.value[1] - arms.value[0]) / sqrt(arms.squared_error.sum())
    flat = (1 + erf(z / sqrt(2))) / 2
    assert standing(found[1]).probability_best == pytest.approx(flat, abs=0.01)


def test_looks_that_add_next_to_nothing_are_one_look() -> None:
    assert _growing(np.array([1.0, 1.005, 1.02, 1.02, 0.5, np.nan, np.inf, 2.0])) == [0, 2, 7]
    assert _growing(np.array([])) == []
    assert _growing(np.array([0.0, -1.0, np.nan])) == []


def test_the_peeking_error_is_what_simulated_looks_show() -> None:
    days, per_day = 10, 200
    rng = np.random.default_rng(4)
    arm = np.tile([0, 1], days * per_day // 2)
    times = START // 86_400_000 * 86_400_000 + np.repeat(np.arange(days), per_day) * 86_400_000
    table = UnitTable(arm, rng.normal(10, 2, days * per_day), first_exposed_ms=times)
    metric = measured(table)
    own = design()
    baseline, error = peeking_errors(metric.course, "mean", own, spread=MEAN_SPREAD)
    assert isinstance(baseline, NotEstimable)
    assert isinstance(error, float)
    # Without a prior, the rule names a winner where |z| is above 1.645 at any of ten looks: some 30 % of tests.
    paths = rng.normal(size=(20_000, days)).cumsum(axis=1) / np.sqrt(np.arange(1, days + 1))
    flat = float((np.abs(paths) > 1.645).any(axis=1).mean())
    assert 0.05 < error <= flat + 0.02


def test_an_unknown_course_gives_its_reason_for_every_arm() -> None:
    reason = NotEstimable("no series")
    assert peeking_errors(reason, "mean", design(arms=3), spread=1.0) == (reason,) * 3


def test_a_share_without_a_covariate_is_beta_and_any_other_metric_is_normal() -> None:
    rng = np.random.default_rng(5)
    arm = rng.integers(0, 2, 2000)
    value = (rng.random(2000) < 0.2).astype(float)
    plain = UnitTable(arm, value)
    with_past = UnitTable(arm, value, covariate=value + rng.normal(0, 0.1, 2000))
    models = [
        results(measured(table, label(), is_share=True))[0].bayesian_model for table in (plain, with_past)
    ]
    assert models == ["beta", "normal"]
    assert results(measured(units(400, 0.0)))[0].bayesian_model == "normal"


@pytest.mark.parametrize("shift", [0.0, 1.0, 1e6])
@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_a_verdict_and_its_p_values_do_not_depend_on_the_unit_of_measurement(
    shift: float, scale: float
) -> None:
    table = units(3000, 0.2)
    moved = UnitTable(table.arm, (table.value + shift) * scale, first_exposed_ms=table.first_exposed_ms)
    one, other = only(measured(table)), only(measured(moved))
    assert other.effect == pytest.approx(one.effect * scale, rel=1e-6)
    for test, same in ((one.fixed, other.fixed), (one.sequential, other.sequential)):
        assert same.p_value == pytest.approx(test.p_value, rel=1e-5)
    assert (one.verdict.word in ("better", "worse")) == (other.verdict.word in ("better", "worse"))
