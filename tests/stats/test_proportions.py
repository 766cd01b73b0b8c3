"""Score intervals of two proportions meet the published tables and one another."""

from math import inf, log, sqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.proportion import confint_proportions_2indep

from assay.stats.estimate import Interval, NotEstimable
from assay.stats.proportions import (
    ProportionComparison,
    compare_proportions,
    conditional_lift_interval,
    newcombe_interval,
    score_difference_interval,
    score_lift_interval,
)

PAIRS = st.tuples(st.integers(1, 400), st.integers(1, 400)).flatmap(
    lambda n: st.tuples(st.tuples(st.integers(0, n[0]), st.integers(0, n[1])), st.just(n))
)
# Newcombe (1998), Statistics in Medicine 17:873-890, table II, cases (a) to (h), methods 10 and 5.
NEWCOMBE = [
    ((56, 48), (70, 80), (0.0524, 0.3339), (0.0533, 0.3377)),
    ((9, 3), (10, 10), (0.1705, 0.8090), (0.1821, 0.8370)),
    ((6, 2), (7, 7), (0.0582, 0.8062), (0.0544, 0.8478)),
    ((5, 0), (56, 29), (-0.0381, 0.1926), (-0.0313, 0.1926)),
    ((0, 0), (10, 20), (-0.1611, 0.2775), (-0.1611, 0.2775)),
    ((0, 0), (10, 10), (-0.2775, 0.2775), (-0.2775, 0.2775)),
    ((10, 0), (10, 20), (0.6791, 1.0), (0.7225, 1.0)),
    ((10, 0), (10, 10), (0.6075, 1.0), (0.6777, 1.0)),
]


def ends(interval: Interval | NotEstimable) -> tuple[float, float]:
    assert isinstance(interval, Interval)
    return interval.lower, interval.upper


@pytest.mark.parametrize(("successes", "units", "hybrid", "score"), NEWCOMBE)
def test_differences_have_the_intervals_of_newcombe_1998(
    successes: tuple[int, int],
    units: tuple[int, int],
    hybrid: tuple[float, float],
    score: tuple[float, float],
) -> None:
    assert ends(newcombe_interval(successes, units)) == pytest.approx(hybrid, abs=6e-5)
    assert ends(score_difference_interval(successes, units)) == pytest.approx(score, abs=6e-5)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_hybrid_intervals_agree_with_statsmodels(level: float) -> None:
    for successes, units in [((56, 48), (70, 80)), ((1, 7), (200, 150)), ((0, 18), (1131, 1129))]:
        expected = confint_proportions_2indep(
            successes[0], units[0], successes[1], units[1], method="newcomb", alpha=1 - level
        )
        assert ends(newcombe_interval(successes, units, level)) == pytest.approx(expected, rel=1e-6)


@given(PAIRS, st.sampled_from([0.9, 0.95]))
def test_lift_intervals_agree_with_statsmodels(
    case: tuple[tuple[int, int], tuple[int, int]], level: float
) -> None:
    successes, units = case
    assume(min(successes) > 0)
    assume(all(s < n for s, n in zip(successes, units, strict=True)))
    expected = confint_proportions_2indep(
        *(successes[0], units[0], successes[1], units[1]),
        method="score",
        compare="ratio",
        correction=False,
        alpha=1 - level,
    )
    lower, upper = ends(score_lift_interval(successes, units, level))
    assert (lower + 1, upper + 1) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("successes", "units"), [case[:2] for case in NEWCOMBE[:3]] + [((18, 5), (1129, 1131))]
)
def test_the_ends_of_a_score_interval_are_where_the_likeliest_shares_make_p_equal_alpha(
    successes: tuple[int, int], units: tuple[int, int]
) -> None:
    """The restricted likelihood is maximized numerically here, in closed form there."""
    (x, y), (n, m) = successes, units

    for end in ends(score_difference_interval(successes, units)):

        def surprise(q: float, end: float = end) -> float:
            p = q + end
            return -(x * log(p) + (n - x) * log(1 - p) + y * log(q) + (m - y) * log(1 - q))

        span = (max(0.0, -end) + 1e-9, min(1.0, 1 - end) - 1e-9)
        q = optimize.minimize_scalar(surprise, bounds=span, method="bounded", options={"xatol": 1e-13}).x
        p = q + end
        z = (x / n - y / m - end) / sqrt(p * (1 - p) / n + q * (1 - q) / m)
        assert 2 * stats.norm.sf(abs(z)) == pytest.approx(0.05, rel=1e-6)


@given(PAIRS)
def test_the_p_value_and_both_intervals_give_one_verdict(
    case: tuple[tuple[int, int], tuple[int, int]],
) -> None:
    result = compare_proportions(*case)
    assert isinstance(result, ProportionComparison)
    if isinstance(result.p_value, NotEstimable):
        return
    assume(abs(result.p_value - 0.05) > 1e-9)
    lower, upper = ends(result.effect_interval)
    assert (lower > 0 or upper < 0) == (result.p_value < 0.05)
    lift_lower, lift_upper = ends(result.lift_interval)
    assert (lift_lower > 0 or lift_upper < 0) == (result.p_value < 0.05)


@given(PAIRS)
def test_swapping_the_variations_mirrors_the_difference(
    case: tuple[tuple[int, int], tuple[int, int]],
) -> None:
    (x, y), (n, m) = case
    for method in (newcombe_interval, score_difference_interval):
        lower, upper = ends(method((x, y), (n, m)))
        assert ends(method((y, x), (m, n))) == pytest.approx((-upper, -lower), abs=1e-7)
        assert lower - 1e-9 <= x / n - y / m <= upper + 1e-9


def test_no_conversions_against_eighteen_keeps_the_effect() -> None:
    """0 of 1131 against 18 of 1129: gbstats 0.8.0 says p = 1 with the interval [0, 0]."""
    result = compare_proportions((18, 0), (1129, 1131))
    assert isinstance(result, ProportionComparison)
    assert result.p_value == pytest.approx(2.013e-5, rel=1e-3)
    assert ends(result.effect_interval)[0] > 0.01
    assert ends(result.lift_interval)[1] == inf
    assert ends(result.lift_interval)[0] > 3


def test_a_rate_ratio_is_that_of_r() -> None:
    """R: poisson.test(c(11, 21), c(800, 3011)): ratio 1.971488, interval 0.8584264 4.2772659."""
    lower, upper = ends(conditional_lift_interval((11, 21), (800, 3011)))
    assert (lower + 1, upper + 1) == pytest.approx((0.8584264, 4.2772659), abs=5e-8)


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_rate_ratio_excludes_one_exactly_where_the_binomial_tails_do(first: int, second: int) -> None:
    assume(first + second > 0)
    lower, upper = ends(conditional_lift_interval((first, second), (100.0, 100.0)))
    assert (lower > 0) == (stats.binom.sf(first - 1, first + second, 0.5) < 0.025)
    assert (upper < 0) == (stats.binom.cdf(first, first + second, 0.5) < 0.025)


def test_an_arm_without_events_bounds_the_ratio_on_one_side() -> None:
    lower, upper = ends(conditional_lift_interval((18, 0), (1129, 1131)))
    assert (upper, lower > 0) == (inf, True)
    lower, upper = ends(conditional_lift_interval((0, 18), (1131, 1129)))
    assert lower == -1.0
    assert upper < -0.7


def test_neither_units_nor_events_leave_nothing_to_say() -> None:
    assert isinstance(compare_proportions((0, 0), (0, 5)), NotEstimable)
    assert isinstance(newcombe_interval((0, 0), (0, 5)), NotEstimable)
    assert isinstance(score_lift_interval((0, 0), (9, 5)), NotEstimable)
    assert isinstance(score_lift_interval((0, 0), (0, 5)), NotEstimable)
    assert isinstance(conditional_lift_interval((0, 0), (9, 5)), NotEstimable)
    assert isinstance(conditional_lift_interval((1, 0), (9, 0)), NotEstimable)
