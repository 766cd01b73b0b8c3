"""From moments to the figures of a variation, and when a winner may be named."""

from typing import Any

import pytest

from assay.analysis.estimates import ALPHA, Arm, overall, totals
from assay.analysis.results import Overall
from assay.experiments.metric import Metric
from assay.stats.estimate import Interval, NotEstimable
from assay.stats.fixed_horizon import pearson_chi_square, welch_anova, welch_test
from assay.stats.moments import Moments


def metric(**changes: Any) -> Metric:
    fields: dict[str, Any] = {"id": "1", "key": "m", "name": "M", "kind": "custom", "creation_date": 1}
    return Metric(**{**fields, "event_key": "m", **changes})


CONVERSION, SUM = metric(), metric(is_numeric=True)


def converted(hits: int, n: int) -> Arm:
    mean = hits / n if n else 0.0
    return Arm(float(hits), hits, Moments(n, mean, n * mean * (1 - mean)))


def summed(mean: float, n: int = 5_000, variance: float = 1.0) -> Arm:
    return Arm(mean * n, n, Moments(n, mean, variance * (n - 1)))


def verdict(kind: Metric, arms: list[Arm], baseline: int = 0) -> Overall:
    return overall(kind, arms, totals(kind, arms, baseline), baseline)


def test_the_baseline_has_neither_lift_nor_p_value() -> None:
    rows = totals(CONVERSION, [converted(100, 1_000), converted(150, 1_000)], 1)
    assert rows[1].lift == rows[1].p_value == NotEstimable("it is the baseline")
    assert rows[0].lift == pytest.approx(-1 / 3)
    assert isinstance(rows[0].p_value, float)


def test_two_equal_arms_are_told_apart() -> None:
    arms = [converted(100, 1_000), converted(100, 1_000)]
    rows = totals(CONVERSION, arms, 0)
    assert rows[1].lift == 0.0
    assert rows[1].p_value == pytest.approx(1.0)


def test_the_p_value_and_the_overall_test_are_one_for_two_variations() -> None:
    for kind, arms in (
        (CONVERSION, [converted(90, 900), converted(130, 950)]),
        (SUM, [summed(1), summed(1.05)]),
    ):
        assert totals(kind, arms, 0)[1].p_value == pytest.approx(verdict(kind, arms).p_value)


def test_several_variations_are_tested_together() -> None:
    arms = [converted(90, 900), converted(130, 950), converted(80, 870)]
    found = verdict(CONVERSION, arms)
    expected = pearson_chi_square([90, 130, 80], [900, 950, 870])
    assert not isinstance(expected, NotEstimable)
    assert (found.p_value, found.chi_square) == (expected.p_value, expected.statistic)
    numeric = [summed(1), summed(1.1), summed(1.2, variance=3)]
    assert verdict(SUM, numeric).p_value == welch_anova([arm.moments for arm in numeric])
    assert isinstance(verdict(SUM, numeric).chi_square, NotEstimable)


def test_nobody_exposed_gives_reasons_and_no_numbers() -> None:
    for kind in (CONVERSION, SUM):
        rows = totals(kind, [converted(0, 0), converted(0, 0)], 0)
        for row in rows:
            assert (row.exposed, row.measured.value, row.measured.count) == (0, 0.0, 0)
            figures = (row.measured.rate, row.measured.interval, row.lift, row.p_value, row.sample_size)
            assert all(isinstance(figure, NotEstimable) for figure in figures)
        assert verdict(kind, [converted(0, 0), converted(0, 0)]).winner is None


@pytest.mark.parametrize("mean", [0.0, -1.0])
def test_a_lift_needs_a_baseline_above_zero(mean: float) -> None:
    assert isinstance(totals(SUM, [summed(mean), summed(1)], 0)[1].lift, NotEstimable)


def test_everybody_alike_has_no_p_value() -> None:
    assert isinstance(totals(CONVERSION, [converted(0, 100), converted(0, 50)], 0)[1].p_value, NotEstimable)
    assert isinstance(totals(CONVERSION, [converted(9, 9), converted(5, 5)], 0)[1].p_value, NotEstimable)
    alike = [summed(1, variance=0), summed(2, variance=0)]
    assert isinstance(totals(SUM, alike, 0)[1].p_value, NotEstimable)


def test_an_interval_holds_the_rate() -> None:
    for row in totals(CONVERSION, [converted(0, 10), converted(10, 10), converted(3, 10)], 0):
        assert isinstance(row.measured.interval, Interval)
        assert isinstance(row.measured.rate, float)
        assert 0 <= row.measured.interval.lower <= row.measured.rate <= row.measured.interval.upper <= 1


def test_a_winner_is_significant_and_better_and_the_sample_is_met() -> None:
    assert verdict(SUM, [summed(1), summed(1.2)]).winner == 1
    assert verdict(SUM, [summed(1), summed(0.8)]).winner == 0
    assert verdict(SUM, [summed(1), summed(1.001)]).winner is None
    assert verdict(SUM, [summed(1), summed(1.2)], baseline=1).winner == 1


def test_where_lower_is_better_the_lower_wins() -> None:
    latency = metric(is_numeric=True, success_criteria="LowerThanBaseline")
    assert verdict(latency, [summed(1), summed(0.8)]).winner == 1
    assert verdict(latency, [summed(1), summed(1.2)]).winner == 0


def test_without_enough_units_nobody_wins() -> None:
    found = verdict(SUM, [summed(1), summed(1.5, n=200)])
    assert (found.sample_size_met, found.winner) == (False, None)


def test_the_best_of_several_that_are_better_wins() -> None:
    assert verdict(SUM, [summed(1), summed(1.2), summed(1.4)]).winner == 2
    assert verdict(SUM, [summed(1), summed(0.8), summed(1.4)]).winner == 2


def test_the_baseline_wins_only_against_all() -> None:
    assert verdict(SUM, [summed(1), summed(0.8), summed(0.7)]).winner == 0
    assert verdict(SUM, [summed(1), summed(0.8), summed(1)]).winner is None


def test_several_treatments_share_alpha() -> None:
    arms = [summed(1), summed(1.042), summed(1)]
    p_value = welch_test(arms[1].moments, arms[0].moments)
    assert isinstance(p_value, float)
    assert ALPHA / 2 < p_value < ALPHA
    assert verdict(SUM, arms[:2]).winner == 1
    assert verdict(SUM, arms).winner is None
