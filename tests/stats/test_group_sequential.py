"""Boundaries of planned tests: published tables, properties, and Brownian paths."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.stats.group_sequential import (
    crossing_drift,
    crossing_probabilities,
    hwang_shih_decani_spending,
    look_boundaries,
    obrien_fleming_spending,
    pocock_spending,
    repeated_p_value,
    spent_boundaries,
)

FIVE = [0.2, 0.4, 0.6, 0.8, 1.0]
SPENDINGS = [
    obrien_fleming_spending,
    pocock_spending,
    hwang_shih_decani_spending(-4.0),
    hwang_shih_decani_spending(0.0),
]


def test_spending_like_obrien_fleming_gives_the_published_boundaries() -> None:
    """Lan & DeMets (1983); Jennison & Turnbull (2000), section 7.2: five equal looks, two-sided 5 %."""
    found = look_boundaries([1, 2, 3, 4, 5], 5, spending=obrien_fleming_spending)
    assert found == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=5e-4)


def test_spending_like_pocock_gives_the_published_boundaries() -> None:
    found = look_boundaries([1, 2, 3, 4, 5], 5, spending=pocock_spending)
    assert found == pytest.approx([2.438, 2.427, 2.410, 2.397, 2.386], abs=5e-4)


@pytest.mark.parametrize(("looks", "constant"), [(2, 2.178), (3, 2.289), (4, 2.361), (5, 2.413), (10, 2.555)])
def test_pococks_constants_err_in_five_percent(looks: int, constant: float) -> None:
    """Jennison & Turnbull (2000), table 2.1."""
    times = np.arange(1, looks + 1) / looks
    assert crossing_probabilities(times, [constant] * looks).sum() == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize(("looks", "constant"), [(2, 1.977), (3, 2.004), (4, 2.024), (5, 2.040), (10, 2.087)])
def test_obrien_and_flemings_constants_err_in_five_percent(looks: int, constant: float) -> None:
    """Jennison & Turnbull (2000), table 2.3."""
    times = np.arange(1, looks + 1) / looks
    assert crossing_probabilities(times, constant / np.sqrt(times)).sum() == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize(("looks", "error"), [(1, 0.050), (2, 0.083), (5, 0.142), (10, 0.193), (20, 0.248)])
def test_peeking_errs_as_armitage_published(looks: int, error: float) -> None:
    """Armitage, McPherson & Rowe (1969), table 2: tests at 5 % repeated at equal intervals."""
    times = np.arange(1, looks + 1) / looks
    assert crossing_probabilities(times, [1.959964] * looks).sum() == pytest.approx(error, abs=6e-4)


@pytest.mark.parametrize("spending", SPENDINGS)
@given(steps=st.lists(st.floats(0.02, 1.0), min_size=1, max_size=8), alpha=st.floats(0.001, 0.2))
@settings(max_examples=15, deadline=None)
def test_looks_nobody_planned_spend_exactly_alpha_at_the_end(
    spending: object, steps: list[float], alpha: float
) -> None:
    sizes = np.cumsum(steps)
    assert callable(spending)
    found = look_boundaries(sizes.tolist(), float(sizes[-1]), spending=spending, alpha=alpha)
    spent = np.cumsum(crossing_probabilities(sizes / sizes[-1], found))
    wanted = [spending(size / sizes[-1], alpha) for size in sizes]
    assert spent == pytest.approx(wanted, abs=1e-7)


def test_a_boundary_does_not_depend_on_looks_to_come() -> None:
    early = look_boundaries([10, 25], 100, spending=obrien_fleming_spending)
    late = look_boundaries([10, 25, 60, 100], 100, spending=obrien_fleming_spending)
    assert list(early) == list(late[:2])


def test_a_single_look_at_the_planned_size_is_the_fixed_test() -> None:
    assert look_boundaries([7], 7, spending=pocock_spending) == pytest.approx([1.959964], abs=1e-6)


def test_a_look_beyond_the_plan_takes_what_is_left_with_its_true_correlation() -> None:
    found = look_boundaries([50, 130], 100, spending=obrien_fleming_spending)
    assert crossing_probabilities([0.5, 1.3], found).sum() == pytest.approx(0.05, abs=1e-9)
    on_time = look_boundaries([50, 100], 100, spending=obrien_fleming_spending)
    assert found[0] == on_time[0]
    assert found[1] != pytest.approx(on_time[1], abs=1e-6)


def test_closing_a_test_before_its_plan_is_filled_spends_the_remainder() -> None:
    found = look_boundaries([30, 60], 100, spending=obrien_fleming_spending, closed=True)
    assert crossing_probabilities([0.3, 0.6], found).sum() == pytest.approx(0.05, abs=1e-9)
    assert found[1] < look_boundaries([30, 60], 100, spending=obrien_fleming_spending)[1]


@pytest.mark.parametrize("sizes", [[0, 5], [5, 5], [7, 5], [90, 110, 120]])
def test_looks_that_do_not_increase_or_follow_the_last_are_refused(sizes: list[float]) -> None:
    with pytest.raises(ValueError, match="look"):
        look_boundaries(sizes, 100, spending=pocock_spending)


def test_a_look_that_may_spend_nothing_cannot_be_crossed() -> None:
    found = spent_boundaries((0.001, 1.0), (0.0, 0.05))
    assert found[0] > 30
    assert found[1] == pytest.approx(1.959964, abs=1e-6)


def test_six_hundred_and_seventy_two_hourly_looks_spend_exactly_alpha() -> None:
    times = np.arange(1, 673) / 672
    found = look_boundaries(times.tolist(), 1.0, spending=obrien_fleming_spending)
    assert crossing_probabilities(times, found).sum() == pytest.approx(0.05, abs=1e-7)
    assert found[-1] == pytest.approx(2.2193, abs=1e-3)


def test_boundaries_do_not_change_with_the_unit_of_size() -> None:
    small = look_boundaries([1, 2, 5], 5, spending=pocock_spending)
    large = look_boundaries([1e6, 2e6, 5e6], 5e6, spending=pocock_spending)
    assert large == pytest.approx(small, rel=1e-12)


@pytest.mark.parametrize("z", [0.5, 2.0, 2.5, 3.3])
def test_a_repeated_p_value_is_at_most_alpha_exactly_where_the_boundary_is_crossed(z: float) -> None:
    sizes, planned = [1.0, 2.0, 3.5], 5.0
    p = repeated_p_value(z, sizes, planned, spending=obrien_fleming_spending)
    if p < 1:
        edge = look_boundaries(sizes, planned, spending=obrien_fleming_spending, alpha=p)[-1]
        assert edge == pytest.approx(z, abs=1e-5)
    crossed = z >= look_boundaries(sizes, planned, spending=obrien_fleming_spending)[-1]
    assert crossed == (p <= 0.05)


def test_a_repeated_p_value_of_nothing_is_one() -> None:
    assert repeated_p_value(0.0, [1.0, 2.0], 5.0, spending=pocock_spending) == 1.0


@pytest.mark.parametrize("drift", [0.0, 1.5, -2.8])
def test_brownian_paths_cross_as_often_as_computed(drift: float) -> None:
    times = np.array([0.1, 0.15, 0.5, 0.8, 1.0])
    edges = look_boundaries(times.tolist(), 1.0, spending=hwang_shih_decani_spending(-4.0))
    rng = np.random.default_rng(7)
    steps = np.diff(times, prepend=0.0)
    paths = np.cumsum(rng.standard_normal((60_000, 5)) * np.sqrt(steps) + drift * steps, axis=1)
    crossed = np.abs(paths) >= edges * np.sqrt(times)
    first = np.where(crossed.any(axis=1), crossed.argmax(axis=1), 5)
    found = np.bincount(first, minlength=6)[:5] / len(paths)
    assert found == pytest.approx(crossing_probabilities(times, edges, drift=drift), abs=0.008)


def test_the_drift_that_crosses_with_a_power_does_cross_with_it() -> None:
    edges = look_boundaries(FIVE, 1.0, spending=pocock_spending)
    drift = crossing_drift(FIVE, edges, power=0.9)
    assert crossing_probabilities(FIVE, edges, drift=drift).sum() == pytest.approx(0.9, abs=1e-9)


def test_looks_that_hardly_differ_are_refused_rather_than_computed_for_ever() -> None:
    with pytest.raises(ValueError, match="too close"):
        look_boundaries([0.5, 0.5 + 1e-9, 1.0], 1.0, spending=pocock_spending)
