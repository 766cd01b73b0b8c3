"""The default with a horizon: its table against exact recursions, its promises, its edges."""

import numpy as np
import pytest
from benchmarks.calibration import horizon_boundary as program
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.stats.contrasts import ArmEstimates, contrasts
from assay.stats.group_sequential import crossing_probabilities
from assay.stats.horizon_boundary import ALPHAS
from assay.stats.hybrid import hybrid_multiplier, hybrid_p_value, without_pauses
from assay.stats.lift import lift_bounds

Z = stats.norm.ppf(0.975)


def scheduled(looks: int, *, alpha: float = 0.05, beyond: int = 1) -> tuple[np.ndarray, np.ndarray]:
    times = np.arange(1, looks * beyond + 1) / looks
    return times, hybrid_multiplier(times, horizon=1.0, pause=1 / looks, alpha=alpha)


@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.005])
@pytest.mark.parametrize("looks", [14, 28, 50, 100, 200])
def test_up_to_the_horizon_nine_tenths_of_alpha_are_spent(looks: int, alpha: float) -> None:
    spent = crossing_probabilities(*scheduled(looks, alpha=alpha)).sum()
    assert 0.88 * alpha <= spent <= 0.9015 * alpha


@pytest.mark.parametrize("looks", [1, 2, 3, 5, 10])
def test_few_looks_spend_less_and_never_more(looks: int) -> None:
    assert crossing_probabilities(*scheduled(looks)).sum() <= 0.045


@pytest.mark.parametrize("looks", [1, 5, 28, 100])
def test_after_the_horizon_the_error_stays_below_alpha(looks: int) -> None:
    spent = crossing_probabilities(*scheduled(looks, beyond=6)).sum()
    assert spent <= 0.05
    assert spent > crossing_probabilities(*scheduled(looks)).sum()


@pytest.mark.parametrize("seed", range(12))
def test_irregular_looks_that_miss_the_horizon_keep_the_promise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    looks = int(rng.choice([5, 10, 30, 60]))
    gaps = 1 + rng.exponential(size=2 * looks) * rng.choice([0.01, 0.3, 2.0])
    times = np.cumsum(gaps) / looks * rng.uniform(0.9, 1.1)
    before = np.concatenate([[0.0], times[:-1]])
    edges = hybrid_multiplier(times, horizon=1.0, pause=np.diff(times).min(), previous=before)
    assert 0.02 <= crossing_probabilities(times, edges).sum() <= 0.05


def test_watching_without_a_schedule_keeps_the_promise() -> None:
    times = np.arange(1, 401) / 200
    assert crossing_probabilities(times, hybrid_multiplier(times, horizon=1.0)).sum() <= 0.05


def test_fifty_looks_cost_a_ninth_of_the_width_and_three_points_of_power() -> None:
    times, edges = scheduled(50)
    drift = Z + stats.norm.ppf(0.8)
    assert edges[-1] / Z <= 1.13
    assert crossing_probabilities(times, edges, drift=drift).sum() >= 0.765


def test_six_hundred_and_seventy_two_looks_cost_little_more() -> None:
    edges = scheduled(672)[1]
    assert edges[-1] / Z <= 1.14


def test_the_table_is_what_its_program_computes() -> None:
    """On a coarser schedule than the table's, so that both agree to the correction's third order only."""
    table, computed = hybrid_multiplier(program.NODES, horizon=1.0), program.column(0.05, 40)
    assert table == pytest.approx(computed, abs=0.02)
    late = (program.NODES >= 0.5) & (program.NODES <= 1)
    assert table[late] == pytest.approx(computed[late], abs=0.001)


@given(n=st.floats(1, 1e6), pause=st.floats(0, 1e6), alpha=st.floats(1e-10, 0.5), nudge=st.floats(1e-4, 0.5))
def test_the_p_value_is_at_most_alpha_exactly_where_the_interval_leaves_out_zero(
    n: float, pause: float, alpha: float, nudge: float
) -> None:
    edge = float(hybrid_multiplier(n, horizon=1e4, pause=pause, alpha=alpha))
    assert hybrid_p_value(edge, n, horizon=1e4, pause=pause) == pytest.approx(alpha, rel=1e-6)
    assert hybrid_p_value(edge * (1 + nudge), n, horizon=1e4, pause=pause) < alpha
    assert hybrid_p_value(edge * (1 - nudge), n, horizon=1e4, pause=pause) > alpha


@given(n=st.floats(1, 1e6), pause=st.floats(0, 1e6))
def test_a_smaller_alpha_never_has_a_nearer_boundary(n: float, pause: float) -> None:
    found = hybrid_multiplier(n, horizon=1e4, pause=pause, alpha=np.array(ALPHAS))
    assert np.all(np.diff(found) > 0)


@given(n=st.floats(1, 1e6), pause=st.floats(0, 1e6), more=st.floats(1, 10))
def test_a_longer_pause_never_widens_the_interval(n: float, pause: float, more: float) -> None:
    longer = hybrid_multiplier(n, horizon=1e4, pause=pause * more)
    assert longer <= hybrid_multiplier(n, horizon=1e4, pause=pause) * (1 + 1e-12)


@given(critical=st.floats(0.5, 9), pause=st.floats(0, 1))
def test_a_pause_is_taken_out_as_it_was_put_in(critical: float, pause: float) -> None:
    shortened = critical - min(np.sqrt(pause), 0.2913 * critical) * (
        0.5826 - min(np.sqrt(pause), 0.2913 * critical) / critical
    )
    assert without_pauses(shortened, pause) == pytest.approx(critical, rel=1e-9)


def test_only_the_share_of_the_horizon_counts() -> None:
    one = hybrid_multiplier([10.0, 50.0, 250.0], horizon=100.0, pause=5.0)
    other = hybrid_multiplier([1e5, 5e5, 2.5e6], horizon=1e6, pause=5e4)
    assert one == pytest.approx(other, rel=1e-12)


def test_the_first_look_beyond_the_horizon_is_the_planned_tests_last_if_it_comes_soon() -> None:
    at_the_end = hybrid_multiplier(100.0, horizon=100.0)
    assert hybrid_multiplier(107.0, horizon=100.0, previous=95.0) == at_the_end
    assert hybrid_multiplier(110.0, horizon=100.0, previous=95.0) > at_the_end
    assert hybrid_multiplier(107.0, horizon=100.0, previous=101.0) > at_the_end
    assert hybrid_multiplier(107.0, horizon=100.0) > at_the_end


def test_after_the_horizon_the_interval_widens_and_then_shrinks_again_with_its_standard_error() -> None:
    n = np.array([100.0, 105.0, 200.0, 400.0, 1000.0])
    assert np.all(np.diff(hybrid_multiplier(n, horizon=100.0)) > 0)
    assert hybrid_multiplier(200.0, horizon=100.0) / Z < 1.70
    half_widths = hybrid_multiplier(n, horizon=100.0) / np.sqrt(n)
    assert half_widths[-1] < half_widths[0]


def test_far_before_and_far_after_the_table_there_is_still_a_boundary() -> None:
    found = hybrid_multiplier([1e-6, 1e-3, 1e3, 1e6], horizon=1.0)
    assert found[0] > 100
    assert 5 < found[1] < 5.3
    assert 5 < found[2] < found[3] < 8


def test_p_values_stay_between_what_the_table_can_tell_and_one() -> None:
    found = hybrid_p_value([0.0, 0.01, 60.0], 50.0, horizon=100.0)
    assert found.tolist() == [1.0, 1.0, 1e-12]


@pytest.mark.parametrize("alpha", [0.0, 1e-13, 0.95])
def test_an_alpha_beyond_the_table_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        hybrid_multiplier(10.0, horizon=100.0, alpha=alpha)


@pytest.mark.parametrize(("n", "horizon", "previous"), [(0, 10, 0), (5, 0, 1), (5, 10, 6), (5, 10, -1)])
def test_sizes_out_of_order_are_refused(n: float, horizon: float, previous: float) -> None:
    with pytest.raises(ValueError, match="sizes"):
        hybrid_multiplier(n, horizon=horizon, previous=previous)


def test_arrays_broadcast() -> None:
    n = np.array([[10.0], [100.0]])
    assert hybrid_multiplier(n, horizon=np.array([50.0, 500.0, 5000.0])).shape == (2, 3)
    assert hybrid_p_value(np.zeros((4, 1, 1)), n, horizon=np.array([50.0, 500.0])).shape == (4, 2, 2)


def test_one_side_at_twice_alpha_errs_in_alpha_at_most() -> None:
    rng = np.random.default_rng(12)
    n = np.arange(1.0, 201)
    z = np.cumsum(rng.standard_normal((20_000, 200)), axis=1) / np.sqrt(n)
    edges = hybrid_multiplier(n, horizon=100.0, pause=1.0, alpha=0.1)
    assert 0.04 <= np.mean(np.any(z >= edges, axis=1)) <= 0.05 + 3 * 0.0016


@pytest.mark.parametrize("z", [1.5, 2.4, 4.0])
def test_the_lift_leaves_out_zero_exactly_where_the_effect_does(z: float) -> None:
    """Fieller's quadratic with the boundary in it is the same test."""
    arms = ArmEstimates.independent(
        np.array([5_000, 5_000]),
        np.array([10.0, 10.0 + z * np.sqrt(0.08)]),
        squared_error=np.array([0.04, 0.04]),
        freedom=np.array([4_999.0, 4_999.0]),
        status=np.zeros(2, dtype=np.int8),
    )
    found = contrasts(arms)
    edge = hybrid_multiplier(found.n, horizon=20_000.0, pause=400.0)
    lift = lift_bounds(found, edge)
    assert bool(lift.lower[0] > 0) == (z >= float(edge[0]))
