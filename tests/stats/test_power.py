"""Sizes, detectable effects and durations: published figures, other software, and the tests themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import NormalIndPower

from assay.stats.estimate import NotEstimable
from assay.stats.moments import Moments
from assay.stats.power import (
    LookingPlan,
    Method,
    detectable_effect,
    drift,
    duration_days,
    effect_variance,
    expected_share,
    inflation,
    look_schedule,
    mean_sample_size,
    proportion_sample_size,
    sample_size,
)

FIXED = LookingPlan(method="fixed")
METHODS: list[Method] = ["fixed", "hybrid", "sequence", "obrien_fleming", "pocock", "hwang_shih_decani"]


def size(plan: LookingPlan, *, effect: float, variance: float) -> int:
    found = sample_size(plan, effect=effect, variance=variance)
    assert isinstance(found, int)
    return found


def test_a_fixed_test_of_means_needs_what_statsmodels_says() -> None:
    expected = NormalIndPower().solve_power(effect_size=0.1, alpha=0.05, power=0.8, ratio=1)
    found = size(FIXED, effect=0.1, variance=effect_variance(1.0, 1.0))
    assert found == int(np.ceil(2 * expected))


def test_uneven_arms_need_what_statsmodels_says() -> None:
    first = NormalIndPower().solve_power(effect_size=0.1, alpha=0.05, power=0.9, ratio=3)
    found = size(
        LookingPlan(method="fixed", power=0.9),
        effect=0.1,
        variance=effect_variance(1.0, 1.0, treatment_share=0.25),
    )
    assert found == pytest.approx(4 * first, abs=1)


def test_the_size_for_proportions_is_the_textbook_one() -> None:
    """Fleiss, Levin & Paik (2003), section 4.2, unpooled: (1.96 + 0.8416)² · (p q + p' q') / (p' − p)²."""
    assert proportion_sample_size(0.20, 0.25) == 1_091
    variance = effect_variance(0.25 * 0.75, 0.2 * 0.8)
    assert size(FIXED, effect=0.05, variance=variance) == pytest.approx(2 * 1_091, abs=2)


def test_the_size_for_means_is_sixteen_variances_over_the_squared_effect() -> None:
    """Kohavi, Tang & Xu (2020), eq. 15.1, whose 16 is 15.7 rounded."""
    found = mean_sample_size(Moments(1_001, 10.0, 4_000.0), 0.05)
    assert found == int(np.ceil(2 * 7.84888 * 4 / 0.25))


@pytest.mark.parametrize(
    ("method", "looks", "published"),
    [
        ("obrien_fleming", 5, 1.025),
        ("obrien_fleming", 14, 1.042),
        ("obrien_fleming", 50, 1.052),
        ("pocock", 5, 1.21),
        ("pocock", 14, 1.26),
        ("pocock", 50, 1.28),
        ("sequence", 14, 1.76),
        ("sequence", 50, 1.70),
        ("hwang_shih_decani", 50, 1.048),
    ],
)
def test_looks_inflate_the_size_as_published(method: Method, looks: int, published: float) -> None:
    """Jennison & Turnbull (2000), chapter 7, for spending; the sequence by simulation elsewhere."""
    assert inflation(LookingPlan(method=method, looks=looks)) == pytest.approx(published, abs=0.006)


def test_the_default_with_a_horizon_costs_a_twelfth_more_units_at_fifty_looks() -> None:
    assert 1.05 < inflation(LookingPlan(looks=50)) < 1.09
    assert expected_share(LookingPlan(looks=50)) < 0.75


@pytest.mark.parametrize("method", METHODS)
@given(effect=st.floats(0.001, 10), variance=st.floats(0.01, 100))
@settings(max_examples=20)
def test_a_test_of_the_planned_size_just_detects_the_planned_effect(
    method: Method, effect: float, variance: float
) -> None:
    plan = LookingPlan(method=method, looks=10)
    units = size(plan, effect=effect, variance=variance)
    found = detectable_effect(plan, units=units, variance=variance)
    assert isinstance(found, float)
    assert found <= effect * (1 + 1e-12)
    if units > 1:
        less = detectable_effect(plan, units=units - 1, variance=variance)
        assert isinstance(less, float)
        assert less >= effect * (1 - 1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_simulated_tests_of_the_planned_size_find_the_effect_as_often_as_planned(method: Method) -> None:
    plan = LookingPlan(method=method, looks=20, power=0.9)
    times, boundaries = look_schedule(plan)
    rng = np.random.default_rng(9)
    steps = np.diff(times, prepend=0.0)
    paths = np.cumsum(
        rng.standard_normal((20_000, len(times))) * np.sqrt(steps) + drift(plan) * steps, axis=1
    )
    found = np.mean(np.any(np.abs(paths) >= boundaries * np.sqrt(times), axis=1))
    assert found == pytest.approx(0.9, abs=0.008)


def test_covariates_save_what_they_explain() -> None:
    plain = size(FIXED, effect=0.1, variance=effect_variance(4.0, 4.0))
    saved = size(FIXED, effect=0.1, variance=effect_variance(4.0, 4.0, explained=0.36))
    assert saved == pytest.approx(0.64 * plain, abs=1)


def test_a_question_with_one_side_needs_the_one_sided_quantile() -> None:
    """Non-inferiority: the effect is the distance of the expected one from the margin."""
    one = drift(LookingPlan(method="fixed", sides=1))
    assert one == pytest.approx(stats.norm.ppf(0.95) + stats.norm.ppf(0.8), rel=1e-9)


def test_several_treatments_share_alpha() -> None:
    three = drift(LookingPlan(method="fixed", treatments=3))
    assert three == pytest.approx(stats.norm.ppf(1 - 0.05 / 6) + stats.norm.ppf(0.8), rel=1e-9)


def test_a_test_takes_whole_days_and_more_with_looks() -> None:
    fixed = duration_days(FIXED, effect=0.1, variance=4.0, units_per_day=500)
    hybrid = duration_days(LookingPlan(), effect=0.1, variance=4.0, units_per_day=500)
    hourly = duration_days(LookingPlan(), effect=0.1, variance=4.0, units_per_day=500, looks_per_day=24)
    assert fixed == int(np.ceil(4.0 * (2.80159 / 0.1) ** 2 / 500))
    assert isinstance(hybrid, int)
    assert isinstance(hourly, int)
    assert fixed <= hybrid <= hourly <= fixed + 2


def test_what_cannot_be_planned_says_why() -> None:
    aimless = NotEstimable("no effect or no variance to plan with")
    assert sample_size(FIXED, effect=0.0, variance=1.0) == aimless
    assert duration_days(FIXED, effect=0.0, variance=1.0, units_per_day=5) == aimless
    assert duration_days(FIXED, effect=0.1, variance=1.0, units_per_day=0) == NotEstimable("no units arrive")
    assert isinstance(detectable_effect(FIXED, units=0, variance=1.0), NotEstimable)
    assert isinstance(proportion_sample_size(0.0, 0.1), NotEstimable)
    assert isinstance(mean_sample_size(Moments(10, 0.0, 5.0), 0.1), NotEstimable)


@pytest.mark.parametrize("wrong", [{"alpha": 0.0}, {"power": 1.0}, {"looks": 0}, {"treatments": 0}])
def test_numbers_that_are_no_plan_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="not a plan"):
        LookingPlan(**wrong)  # type: ignore[arg-type]


def test_shares_outside_zero_and_one_are_refused() -> None:
    with pytest.raises(ValueError, match="shares"):
        effect_variance(1.0, 1.0, treatment_share=1.0)
