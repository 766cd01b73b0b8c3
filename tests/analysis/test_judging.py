"""What is said of metrics that have been measured, held against formulas written out with numpy and scipy."""

import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from scipy import special, stats

from analysis.iterations import bounds, design, label, measured, number, only, plan, results, units
from assay.analysis.arms import UnitTable
from assay.analysis.experiment_results import Arm, Compared, Covariate, MetricResults, Needed, Trend
from assay.analysis.families import shared_alpha
from assay.analysis.judging import Moment, judged
from assay.analysis.measuring import EventTable, measured_events
from assay.analysis.needs import DAY_MS, Pace
from assay.analysis.plans import FORECAST_UNITS
from assay.api.representations.experiment_results import metric_rep
from assay.stats.estimate import NotEstimable
from assay.stats.hybrid import hybrid_multiplier
from assay.stats.moments import InvalidMomentsError
from assay.stats.multiplicity import Scope


def split(table: UnitTable) -> tuple[np.ndarray, np.ndarray]:
    return table.value[table.arm == 0], table.value[table.arm == 1]


def test_the_fixed_figures_are_welchs() -> None:
    table = units(1000, 0.3)
    a, b = split(table)
    found = only(measured(table))
    expected = stats.ttest_ind(b, a, equal_var=False)
    assert found.effect == pytest.approx(b.mean() - a.mean())
    assert number(found.fixed.p_value) == pytest.approx(expected.pvalue)
    assert bounds(found.fixed.interval) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert number(found.lift) == pytest.approx(b.mean() / a.mean() - 1)


def test_the_sequential_interval_is_the_mixtures_of_waudby_smith() -> None:
    table = units(4000, 0.1)
    a, b = split(table)
    found = only(measured(table))
    error = math.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    x = 4000 * 8.21197 / FORECAST_UNITS
    half = error * math.sqrt((1 + 1 / x) * (math.log(1 + x) - 2 * math.log(0.05)))
    low, high = bounds(found.sequential.interval)
    assert (high - low) / 2 == pytest.approx(half, rel=1e-3)
    z = found.effect / error
    assert number(found.log_e_value) == pytest.approx(
        0.5 * z * z * x / (1 + x) - 0.5 * math.log(1 + x), rel=1e-3
    )
    assert number(found.sequential.p_value) == pytest.approx(math.exp(-max(number(found.log_e_value), 0.0)))


def test_with_a_horizon_the_boundary_is_the_hybrid_one_at_the_pairs_part_of_it() -> None:
    table = units(3000, 0.0, arms=3)
    found = results(measured(table, arms=3), of=design(3, horizon=9000))[0].comparisons[2]
    assert isinstance(found, Compared)
    n = int((table.arm != 1).sum())
    low, high = bounds(found.sequential.interval)
    expected = float(hybrid_multiplier(n, horizon=9000 * 2 / 3))
    assert (high - low) / 2 == pytest.approx(expected * number(found.standard_error), rel=1e-3)
    assert isinstance(found.log_e_value, NotEstimable)


def test_a_stop_just_after_the_horizon_is_the_planned_look() -> None:
    table = units(2000, 0.0)
    running, over = (
        only(measured(table), of=design(horizon=1990), is_over=is_over) for is_over in (False, True)
    )
    wide, narrow = (
        (bounds(one.sequential.interval)[1] - one.effect) / number(one.standard_error)
        for one in (running, over)
    )
    assert narrow == pytest.approx(float(hybrid_multiplier(1990, horizon=1990)), rel=1e-3)
    assert wide == pytest.approx(float(hybrid_multiplier(2000, horizon=1990)), rel=1e-3)
    assert wide > narrow


def test_a_fixed_horizon_plan_says_nothing_before_its_horizon() -> None:
    table = units(2000, 0.5)
    early = only(measured(table), of=design(horizon=3000, always_valid=False))
    late = only(measured(table), of=design(horizon=2000, always_valid=False))
    assert (early.verdict.word, late.verdict.word) == ("not_yet", "better")


@pytest.mark.parametrize(
    ("effect", "lower_is_better", "word"),
    [(0.5, False, "better"), (0.5, True, "worse"), (-0.5, False, "worse"), (-0.5, True, "better")],
)
def test_the_verdict_knows_which_way_is_better(effect: float, lower_is_better: bool, word: str) -> None:
    found = only(measured(units(2000, effect), label(lower_is_better=lower_is_better)))
    assert found.verdict.word == word


def test_the_verdict_is_the_intervals() -> None:
    for seed in range(30):
        found = only(measured(units(600, 0.35, seed=seed)))
        low, high = bounds(found.sequential.interval)
        lift_low, lift_high = bounds(found.sequential.lift_interval)
        leaves_out = not low < 0 < high
        assert leaves_out == (not lift_low < 0 < lift_high)
        assert leaves_out == (number(found.sequential.p_value) <= 0.05)
        assert leaves_out == (number(found.log_e_value) >= math.log(1 / 0.05))
        assert leaves_out == (found.verdict.word in ("better", "worse"))


def test_a_small_enough_lift_is_no_difference_with_its_bound() -> None:
    found = only(measured(units(40_000, 0.0)))
    low, high = bounds(found.sequential.lift_interval)
    assert found.verdict.word == "no_difference_larger_than"
    assert found.verdict.bound == max(-low, high) <= 0.05
    assert found.verdict.bound_of == "lift"


def test_few_units_are_not_yet_and_the_missing_ones_are_named() -> None:
    table = units(200, 0.0)
    found = results(measured(table), of=design(minimum_lift=0.02))[0]
    assert isinstance(found.comparisons[1], Compared)
    assert found.comparisons[1].verdict.word == "not_yet"
    needed = found.needed[1]
    assert isinstance(needed, Needed)
    fixed = (1.96 + 0.8416) ** 2 * 2 * 2**2 * 2 / (10 * 0.02) ** 2
    assert 1.2 * fixed < needed.units < 2.5 * fixed
    assert needed.missing == needed.units - 200
    assert needed.days == math.ceil(needed.missing / 20)


def test_an_adjusted_effect_is_the_regressions_with_slopes_of_its_own() -> None:
    rng = np.random.default_rng(3)
    table = units(4000, 0.1)
    before = table.value * 0.8 + rng.normal(0, 1, 4000)
    found = results(measured(replace(table, covariate=before)))[0]
    one = found.comparisons[1]
    assert isinstance(one, Compared)
    values = []
    for arm in (0, 1):
        own = table.arm == arm
        slope, _ = np.polyfit(before[own], table.value[own], 1)
        values.append(table.value[own].mean() - slope * (before[own].mean() - before.mean()))
    assert one.effect == pytest.approx(values[1] - values[0])
    assert number(found.arms[1].adjusted) == pytest.approx(values[1])
    assert number(found.arms[1].value) == pytest.approx(table.value[table.arm == 1].mean())
    assert isinstance(found.covariate, Covariate)
    correlation = np.corrcoef(before[table.arm == 1], table.value[table.arm == 1])[0, 1]
    assert found.covariate.correlation[1] == pytest.approx(correlation)
    assert found.covariate.variance_removed[1] == pytest.approx(correlation**2, abs=1e-3)
    assert found.bayesian_model == "normal"


def test_the_covariates_block_gives_the_adjusted_value_back() -> None:
    """adjusted = value − correlation · deviation ratio · imbalance, as clients of the block compute it."""
    rng = np.random.default_rng(4)
    table = units(3000, 0.1)
    found = results(measured(replace(table, covariate=table.value + rng.normal(0, 1, 3000))))[0]
    assert isinstance(found.covariate, Covariate)
    for arm, own in enumerate(found.arms):
        step = number(found.covariate.correlation[arm]) * number(found.covariate.deviation_ratio[arm])
        assert number(own.adjusted) == pytest.approx(
            number(own.value) - step * found.covariate.imbalance[arm]
        )


def test_units_without_a_past_stay_in() -> None:
    table = units(3000, 0.1)
    before = np.where(np.arange(3000) % 3 == 0, np.nan, table.value)
    found = results(measured(replace(table, covariate=before)))[0]
    assert sum(arm.units for arm in found.arms) == 3000
    assert isinstance(found.covariate, Covariate)


def test_a_ratios_effect_is_by_the_delta_method() -> None:
    rng = np.random.default_rng(5)
    table = units(3000, 0.3)
    below = rng.integers(1, 6, 3000).astype(float)
    found = only(measured(replace(table, denominator=below), label(estimator="ratio")))
    parts = []
    for arm in (0, 1):
        y, x = table.value[table.arm == arm], below[table.arm == arm]
        ratio = y.sum() / x.sum()
        parts.append((ratio, ((y - ratio * x) / x.mean()).var(ddof=1) / len(y)))
    assert found.effect == pytest.approx(parts[1][0] - parts[0][0])
    assert number(found.standard_error) == pytest.approx(math.sqrt(parts[0][1] + parts[1][1]))


def test_a_percentile_counts_units_as_clusters_and_has_no_series() -> None:
    rng = np.random.default_rng(6)
    unit = np.repeat(np.arange(2000), 3)
    table = EventTable(unit % 2, unit, rng.lognormal(0, 0.5, 6000) + 0.2 * (unit % 2))
    metric = measured_events(label(estimator="percentile"), table, 2, 0.9)
    found = results(metric)[0]
    one = found.comparisons[1]
    assert isinstance(one, Compared)
    lower = np.quantile(table.value[table.arm == 0], 0.9, method="inverted_cdf")
    upper = np.quantile(table.value[table.arm == 1], 0.9, method="inverted_cdf")
    assert one.effect == pytest.approx(upper - lower)
    assert found.arms[0].units == 1000
    assert isinstance(found.trend, NotEstimable)


def test_conversions_are_beta_binomial_and_their_interval_wilsons() -> None:
    arm = np.repeat([0, 1], 500)
    table = UnitTable(arm, (np.arange(1000) % 500 < 50 + 20 * arm).astype(float))
    found = results(measured(table, is_share=True))[0]
    assert found.bayesian_model == "beta"
    z = special.ndtri(0.975)
    centre = (0.1 + z * z / 1000) / (1 + z * z / 500)
    low, high = bounds(found.arms[0].interval)
    assert (low + high) / 2 == pytest.approx(centre)
    assert [own.total for own in found.arms] == [50.0, 70.0]


def test_bonferroni_divides_alpha_among_the_treatments_and_interval_and_p_value_agree() -> None:
    table = units(900, 0.1, arms=4)
    found = results(measured(table, arms=4), of=design(4, correction="bonferroni"))[0]
    for one in found.comparisons[1:]:
        assert isinstance(one, Compared)
        assert one.alpha == pytest.approx(0.05 / 3)
        assert one.family_size == 3
        assert number(one.corrected_p_value) == pytest.approx(min(1.0, 3 * number(one.sequential.p_value)))
        low, high = bounds(one.sequential.interval)
        assert (number(one.corrected_p_value) <= 0.05) == (not low < 0 < high)


@pytest.mark.parametrize("horizon", [None, 4000])
def test_benjamini_hochberg_selects_exactly_what_its_intervals_leave_zero_out_of(horizon: int | None) -> None:
    own = design(correction="benjamini-hochberg", scope=Scope.METRICS, horizon=horizon)
    metrics = [measured(units(3000, 0.06 * i, seed=i), label(f"m{i}")) for i in range(8)]
    selected = 0
    for found in results(*metrics, of=own):
        one = found.comparisons[1]
        assert isinstance(one, Compared)
        low, high = bounds(one.sequential.interval)
        assert (number(one.corrected_p_value) <= 0.05) == (not low < 0 < high)
        selected += not low < 0 < high
    assert 2 <= selected <= 7


def test_families_are_rows_columns_or_all() -> None:
    p_values = np.array([[0.01, 0.2], [0.03, np.nan]])
    sizes = {
        scope: shared_alpha(p_values, plan(correction="bonferroni", scope=scope)).family_size.tolist()
        for scope in Scope
    }
    assert sizes == {
        Scope.VARIATIONS: [[2, 2], [1, 1]],
        Scope.METRICS: [[2, 1], [2, 1]],
        Scope.VARIATIONS_AND_METRICS: [[3, 3], [3, 3]],
    }


def test_the_e_value_does_not_depend_on_the_correction() -> None:
    table = units(900, 0.3, arms=3)
    alone, shared = (
        results(measured(table, arms=3), of=design(3, correction=word))[0].comparisons[1]
        for word in ("none", "bonferroni")
    )
    assert isinstance(alone, Compared)
    assert isinstance(shared, Compared)
    assert alone.log_e_value == pytest.approx(number(shared.log_e_value))


def test_the_last_point_of_the_series_is_the_result() -> None:
    for over in (False, True):
        metric = measured(units(3000, 0.2))
        found = results(metric, of=design(horizon=2900), is_over=over)[0]
        one, trend = found.comparisons[1], found.trend
        assert isinstance(one, Compared)
        assert isinstance(trend, Trend)
        last = trend.points[-1]
        assert last.lifts[1] == one.lift
        assert last.lift_bands[1] == one.sequential.lift_interval
        assert last.effect_bands[1] == one.sequential.interval
        assert sum(last.units) == 3000


def test_each_point_is_the_result_of_the_units_until_then() -> None:
    table = units(2000, 0.4)
    trend = results(measured(table))[0].trend
    assert isinstance(trend, Trend)
    assert trend.granularity == "six-hourly"
    assert table.first_exposed_ms is not None
    for point in trend.points[3::7]:
        then = table.first_exposed_ms < point.at_ms
        part = UnitTable(table.arm[then], table.value[then])
        one = only(measured(part))
        assert sum(point.units) == then.sum()
        assert point.effects[1] == pytest.approx(one.effect)
        assert bounds(point.effect_bands[1]) == pytest.approx(bounds(one.sequential.interval))


def test_slices_share_alpha_and_hold_their_own_units() -> None:
    table = units(3000, 0.5)
    names = np.array(["de", "fr", "it"], dtype=object)[np.arange(3000) % 3]
    found = results(measured(replace(table, slice=names)))[0]
    assert [piece.value for piece in found.slices] == ["de", "fr", "it"]
    for piece in found.slices:
        one = piece.comparisons[1]
        own = names == piece.value
        assert isinstance(one, Compared)
        assert one.alpha == pytest.approx(0.05 / 3)
        a, b = table.value[own & (table.arm == 0)], table.value[own & (table.arm == 1)]
        assert one.effect == pytest.approx(b.mean() - a.mean())
        assert sum(arm.units for arm in piece.arms) == 1000
        low, high = bounds(one.sequential.interval)
        assert (number(one.corrected_p_value) <= 0.05) == (not low < 0 < high)


def test_the_order_of_arms_and_the_baselines_place_change_no_figure() -> None:
    table = units(1500, 0.3, arms=3)
    straight = results(measured(table, arms=3), of=design(3))[0]
    turned = UnitTable((table.arm + 1) % 3, table.value, first_exposed_ms=table.first_exposed_ms)
    other = results(measured(turned, arms=3), of=design(3, baseline=1))[0]
    for position, again in ((1, 2), (2, 0)):
        one, two = straight.comparisons[position], other.comparisons[again]
        assert isinstance(one, Compared)
        assert isinstance(two, Compared)
        assert one.effect == pytest.approx(two.effect)
        standing, same = straight.bayesian[position], other.bayesian[again]
        assert not isinstance(standing, NotEstimable)
        assert not isinstance(same, NotEstimable)
        assert standing.probability_best == pytest.approx(same.probability_best)
    assert isinstance(other.comparisons[1], NotEstimable)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_hardly_any_units_are_answered_with_reasons(n: int) -> None:
    found = results(measured(UnitTable(np.arange(n) % 2, np.ones(n))))[0]
    assert [arm.units for arm in found.arms] == [(n + 1) // 2, n // 2]
    one = found.comparisons[1]
    if n < 2:
        assert isinstance(one, NotEstimable)
    else:
        assert isinstance(one, Compared)
        assert one.verdict.word == "not_estimable"
        assert one.verdict.reason


def test_a_zero_baseline_has_an_effect_but_no_lift() -> None:
    table = units(2000, 0.0)
    value = np.where(table.arm == 1, np.abs(table.value), 0.0)
    one = only(measured(UnitTable(table.arm, value, first_exposed_ms=table.first_exposed_ms)))
    assert one.effect > 5
    assert isinstance(one.lift, NotEstimable)
    assert isinstance(one.sequential.lift_interval, NotEstimable)
    assert one.verdict.word == "better"


def test_numbers_too_far_apart_are_refused() -> None:
    with pytest.raises(InvalidMomentsError):
        measured(UnitTable(np.array([0, 0, 1, 1]), np.array([1e300, -1e300, 1.0, 2.0])))


def test_the_same_rows_give_the_same_results() -> None:
    first, again = (repr(results(measured(units(2000, 0.2)))) for _ in range(2))
    assert first == again
    assert "nan" not in first
    assert "inf" not in first


def test_a_bayesian_rule_that_was_looked_at_often_errs_more_than_it_says() -> None:
    once = results(measured(units(1000, 0.0, days=1)))[0].peeking_errors
    often = results(measured(units(1000, 0.0, days=20)))[0].peeking_errors
    assert isinstance(once[0], NotEstimable)
    assert 0.09 < number(once[1]) < number(often[1]) < 0.6


def test_without_looks_there_is_no_peeking_error() -> None:
    found = results(measured(UnitTable(np.array([0, 1]), np.ones(2))))[0].peeking_errors
    assert all(isinstance(error, NotEstimable) for error in found)


SIZES = (1e-300, 1e-162, 1e-150, 1e-9, 1e75, 1e140, 1e153)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["plain", "one outlier", "adjusted", "ratio"])
def test_numbers_of_any_size_end_in_figures_or_reasons(size: float, kind: str) -> None:
    table = units(120, 0.3)
    value = table.value * size
    if kind == "one outlier":
        value = np.where(np.arange(120) == 5, table.value * size, table.value)
    table = replace(
        table,
        value=value,
        covariate=value * 0.5 + table.arm * size if kind == "adjusted" else None,
        denominator=table.value if kind == "ratio" else None,
        slice=np.array(["a", "b"], dtype=object)[np.arange(120) % 2],
    )
    try:
        metric = measured(table, label(estimator="ratio" if kind == "ratio" else "mean"))
    except InvalidMomentsError:
        return
    found = judged([metric], design(), Moment(True, Pace(120, DAY_MS)))[0]
    arms = tuple(Arm(str(i), str(i), i, 0.5, i == 0) for i in range(2))
    body = msgspec.json.encode(metric_rep(found, arms, {}, series=True))
    assert b"null" not in body
    if 1e-100 <= size <= 1e75:
        assert isinstance(found, MetricResults)
