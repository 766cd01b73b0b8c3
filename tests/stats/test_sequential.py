"""Confidence sequences: closed forms, duality, and what a simulation says of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special, stats

from assay.stats.sequential import (
    always_valid_p_value,
    delayed_multiplier,
    delayed_p_value,
    log_e_value,
    mixture_information,
    one_sided_log_e_value,
    one_sided_multiplier,
    radius_multiplier,
    running_p_values,
)

LogE = Callable[..., Any]

sizes = st.floats(1, 1e8)
alphas = st.floats(1e-4, 0.4)
Z = stats.norm.ppf(0.975)


def test_at_the_size_it_is_tuned_for_the_sequence_is_1549_thousandths_of_the_fixed_interval() -> None:
    assert radius_multiplier(12_345, tuned_at=12_345) / Z == pytest.approx(1.5486, abs=1e-4)
    assert mixture_information(1.0, tuned_at=1.0) == pytest.approx(8.21197, abs=1e-5)


def test_growthbooks_documented_width_follows_from_its_documented_tuning() -> None:
    """Waudby-Smith et al. (2024), ρ for 5,000 units, approximate root: 7.93615 / 5,000."""
    rho = (-2 * np.log(0.05) + np.log(1 - 2 * np.log(0.05))) / 5_000
    n = 100_000
    theirs = np.sqrt(2 * (n * rho + 1) / (n * rho) * np.log(np.sqrt(n * rho + 1) / 0.05))
    ours = radius_multiplier(n, tuned_at=5_000 * mixture_information(1.0, tuned_at=1.0) / (5_000 * rho))
    assert ours == pytest.approx(theirs, rel=1e-12)
    assert theirs / Z == pytest.approx(1.703, abs=1e-3)


@given(tuned=sizes, alpha=alphas, factor=st.floats(0.2, 5))
def test_nowhere_is_another_tuning_tighter_than_the_one_for_that_size(
    tuned: float, alpha: float, factor: float
) -> None:
    right = radius_multiplier(tuned, tuned_at=tuned, alpha=alpha)
    assert right <= radius_multiplier(tuned, tuned_at=tuned * factor, alpha=alpha) * (1 + 1e-12)


@given(n=sizes, tuned=sizes, alpha=alphas)
def test_the_interval_leaves_out_exactly_the_nulls_with_an_e_value_of_one_over_alpha(
    n: float, tuned: float, alpha: float
) -> None:
    edge = radius_multiplier(n, tuned_at=tuned, alpha=alpha)
    assert log_e_value(edge, n, tuned_at=tuned, alpha=alpha) == pytest.approx(-np.log(alpha), rel=1e-9)


@given(n=sizes, tuned=sizes, alpha=alphas)
def test_the_one_sided_bound_leaves_out_exactly_the_nulls_with_such_an_e_value(
    n: float, tuned: float, alpha: float
) -> None:
    edge = one_sided_multiplier(n, tuned_at=tuned, alpha=alpha)
    assert one_sided_log_e_value(edge, n, tuned_at=tuned, alpha=alpha) == pytest.approx(
        -np.log(alpha), rel=1e-7
    )


def test_a_one_sided_bound_is_nearer_than_a_two_sided_one() -> None:
    n = np.geomspace(10, 1e6, 20)
    assert np.all(one_sided_multiplier(n, tuned_at=1e4) < radius_multiplier(n, tuned_at=1e4))


@pytest.mark.parametrize("n", [3.0, 100.0, 1e3])
def test_an_e_value_is_a_fair_bet_under_the_null(n: float) -> None:
    for log_e in (log_e_value, one_sided_log_e_value):

        def weighed(z: float, log_e: LogE = log_e) -> float:
            return float(np.exp(log_e(z, n, tuned_at=100.0) + stats.norm.logpdf(z)))

        fair, _ = integrate.quad(weighed, -150, 150, limit=400)
        assert fair == pytest.approx(1, abs=1e-6)


def test_the_e_value_is_the_mixture_sequential_probability_ratio_test() -> None:
    """Johari, Koomen, Pekelis & Walsh (2022): √(V/(V+τ²)) exp(τ²d²/(2V(V+τ²)))."""
    effect, variance, n = 0.3, 0.02, 400.0
    tau2 = variance * mixture_information(n, tuned_at=n)
    published = np.sqrt(variance / (variance + tau2)) * np.exp(
        tau2 * effect**2 / (2 * variance * (variance + tau2))
    )
    z = effect / np.sqrt(variance)
    assert np.exp(log_e_value(z, n, tuned_at=n)) == pytest.approx(published, rel=1e-12)


def test_the_sign_of_the_effect_and_the_unit_of_size_change_nothing() -> None:
    assert log_e_value(-2.5, 50, tuned_at=80) == log_e_value(2.5, 50, tuned_at=80)
    assert radius_multiplier(5e7, tuned_at=8e7) == pytest.approx(
        radius_multiplier(50, tuned_at=80), rel=1e-12
    )


def test_arguments_broadcast() -> None:
    n = np.array([[10.0], [100.0]])
    tuned = np.array([50.0, 500.0, 5000.0])
    assert radius_multiplier(n, tuned_at=tuned).shape == (2, 3)
    assert log_e_value(np.zeros(3), n, tuned_at=tuned).shape == (2, 3)


@pytest.mark.parametrize(("n", "tuned"), [(0, 10), (-1, 10), (10, 0)])
def test_sizes_that_are_not_positive_are_refused(n: float, tuned: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        radius_multiplier(n, tuned_at=tuned)


def test_a_p_value_is_one_over_the_evidence_and_never_above_one() -> None:
    assert always_valid_p_value([-3.0, 0.0, np.log(20)]) == pytest.approx([1.0, 1.0, 0.05])


def test_what_was_shown_is_never_taken_back() -> None:
    looks = [[0.5, 0.04, 0.3, 0.01], [1.0, 1.0, 0.9, 0.95]]
    assert running_p_values(looks).tolist() == [[0.5, 0.04, 0.04, 0.01], [1.0, 1.0, 0.9, 0.9]]


def test_the_delayed_sequence_starts_at_the_published_point_and_grows_with_the_logarithm() -> None:
    """Robbins & Siegmund (1970): a = 2.79548 for 5 %."""
    found = delayed_multiplier([50.0, 100.0, 400.0], first=100.0)
    assert found[0] == np.inf
    assert found[1] == pytest.approx(2.79548, abs=1e-5)
    assert found[2] == pytest.approx(np.sqrt(2.79548**2 + np.log(4)), abs=1e-5)


@given(alpha=st.floats(1e-4, 0.5), growth=st.floats(1, 1e4))
def test_the_delayed_p_value_is_alpha_at_the_edge_of_its_interval(alpha: float, growth: float) -> None:
    edge = delayed_multiplier(10 * growth, first=10.0, alpha=alpha)
    assert delayed_p_value(edge, 10 * growth, first=10.0) == pytest.approx(alpha, rel=1e-6)
    assert delayed_p_value(edge, 9.0, first=10.0) == 1.0


def test_normal_data_watched_at_every_unit_err_as_rarely_as_promised() -> None:
    rng = np.random.default_rng(11)
    n = np.arange(1.0, 2_001)
    z = np.cumsum(rng.standard_normal((4_000, 2_000)), axis=1) / np.sqrt(n)

    def ever(crossed: object) -> float:
        return float(np.mean(np.any(np.asarray(crossed), axis=1)))

    assert ever(np.abs(z) >= radius_multiplier(n, tuned_at=200)) <= 0.05 + 3 * 0.0035
    assert ever(z >= one_sided_multiplier(n, tuned_at=200)) <= 0.05 + 3 * 0.0035
    delayed = ever(np.abs(z) >= delayed_multiplier(n, first=20))
    assert 0.015 <= delayed <= 0.05 + 3 * 0.0035
    assert ever(np.abs(z) >= special.ndtri(0.975)) > 0.5
