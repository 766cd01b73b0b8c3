"""Corrections for many comparisons: a published table, another library, their order, and simulated errors."""

from collections.abc import Callable
from math import nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from statsmodels.stats.multitest import multipletests

from assay.stats.distributions import Array
from assay.stats.estimate import NotEstimable
from assay.stats.multiplicity import (
    Corrected,
    Scope,
    benjamini_hochberg,
    bonferroni,
    bonferroni_level,
    correct,
    e_benjamini_hochberg,
    holm,
    selected_level,
)

THROMBOLYSIS = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
THROMBOLYSIS += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
METHODS = {"bonferroni": bonferroni, "holm": holm, "fdr_bh": benjamini_hochberg}

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=20).map(np.array)
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))


@pytest.mark.parametrize(("method", "rejected"), [(bonferroni, 3), (holm, 3), (benjamini_hochberg, 4)])
def test_the_fifteen_comparisons_of_benjamini_and_hochberg(
    method: Callable[[Array], Array], rejected: int
) -> None:
    """Benjamini & Hochberg (1995), section 4.1: thrombolysis after myocardial infarction."""
    assert np.count_nonzero(method(np.array(THROMBOLYSIS)) <= 0.05) == rejected


@pytest.mark.parametrize("name", METHODS)
@settings(deadline=None, max_examples=60)
@given(p=p_values)
def test_adjusted_p_values_are_those_of_statsmodels(name: str, p: Array) -> None:
    theirs = multipletests(p, method=name)[1]
    np.testing.assert_allclose(METHODS[name](p), theirs, rtol=1e-12, atol=1e-300)


@every_method
@settings(deadline=None, max_examples=40)
@given(p=p_values, data=st.data())
def test_the_order_of_the_tests_does_not_matter(
    method: Callable[[Array], Array], p: Array, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(p.size)))
    np.testing.assert_array_equal(method(p[order]), method(p)[order])


@settings(deadline=None, max_examples=40)
@given(p=p_values)
def test_bonferroni_gives_away_most_and_benjamini_hochberg_least(p: Array) -> None:
    slack = 1e-12
    assert np.all(p <= benjamini_hochberg(p) + slack)
    assert np.all(benjamini_hochberg(p) <= holm(p) + slack)
    assert np.all(holm(p) <= bonferroni(p) + slack)


@every_method
@settings(deadline=None, max_examples=40)
@given(p=p_values, data=st.data())
def test_an_absent_test_changes_nothing_for_the_others(
    method: Callable[[Array], Array], p: Array, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, p.size))
    with_gap = method(np.insert(p, at, nan))
    assert np.isnan(with_gap[at])
    np.testing.assert_array_equal(np.delete(with_gap, at), method(p))


@every_method
def test_rows_are_families_of_their_own(method: Callable[[Array], Array]) -> None:
    table = np.random.default_rng(3).uniform(size=(4, 6)) ** 3
    np.testing.assert_array_equal(method(table), [method(row) for row in table])


def test_e_values_reject_where_the_kth_largest_reaches_m_over_k_alpha() -> None:
    """Wang & Ramdas (2022), section 4, applied by hand: m = 5, alpha = 0.1: bounds 50, 25, 16.7, 12.5, 10."""
    assert list(e_benjamini_hochberg(np.array([17.0, 0.0, 30.0, 1.0, 26.0])) <= 0.1) == [
        True, False, True, False, True,
    ]  # fmt: skip
    assert not np.any(e_benjamini_hochberg(np.array([16.0, 0.0, 24.0, 1.0, 24.0])) <= 0.1)


def test_an_infinite_e_value_is_a_certain_rejection() -> None:
    assert list(e_benjamini_hochberg(np.array([np.inf, 1.0]))) == [0.0, 1.0]


TABLE: list[list[float | NotEstimable | None]] = [
    [0.01, 0.04, None],
    [0.03, NotEstimable("no units"), 0.5],
]


@pytest.mark.parametrize(
    ("scope", "sizes"),
    [
        (Scope.VARIATIONS, [[2, 2, None], [2, None, 2]]),
        (Scope.METRICS, [[2, 1, None], [2, None, 1]]),
        (Scope.VARIATIONS_AND_METRICS, [[4, 4, None], [4, None, 4]]),
    ],
)
def test_the_scope_decides_which_comparisons_count_together(
    scope: Scope, sizes: list[list[int | None]]
) -> None:
    corrected = correct(TABLE, bonferroni, scope=scope)
    for row, given_row, size_row in zip(corrected, TABLE, sizes, strict=True):
        for entry, p, size in zip(row, given_row, size_row, strict=True):
            if size is None:
                assert entry is p
            else:
                assert isinstance(p, float)
                raised = min(p * size, 1.0)
                assert entry == Corrected(raised, raised <= 0.05, size)


def test_what_can_not_be_estimated_keeps_its_reason() -> None:
    corrected = correct(TABLE, holm)
    assert corrected[0][2] is None
    assert corrected[1][1] == NotEstimable("no units")


def test_a_table_without_any_test_stays_as_it_is() -> None:
    assert correct([[None], [None]], benjamini_hochberg) == [[None], [None]]


@pytest.mark.parametrize("wrong", [-0.1, nan])
def test_what_is_no_p_value_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="neither a p-value nor an e-value"):
        correct([[0.5, wrong]], bonferroni)


def test_levels_of_simultaneous_and_of_selected_intervals() -> None:
    assert bonferroni_level(10) == pytest.approx(0.995)
    assert selected_level(4, 15) == pytest.approx(1 - 4 * 0.05 / 15)
    assert selected_level(15, 15) == pytest.approx(0.95)
    assert isinstance(selected_level(0, 15), NotEstimable)
    with pytest.raises(ValueError, match="can't be selected"):
        selected_level(16, 15)


def simulated_z(runs: int, m: int, effects: Array, rng: np.random.Generator) -> Array:
    """Tests that share a baseline: equally correlated at 1/2."""
    return effects + sqrt(0.5) * (rng.standard_normal((runs, m)) + rng.standard_normal((runs, 1)))


@pytest.mark.parametrize("null_effects", [20, 15])
def test_error_rates_hold_in_simulation(null_effects: int) -> None:
    """20 correlated metrics, some with an effect of three standard errors; 20,000 runs."""
    runs, m, alpha = 20_000, 20, 0.05
    effects = np.where(np.arange(m) < null_effects, 0.0, 3.0)
    p = 2 * special.ndtr(-np.abs(simulated_z(runs, m, effects, np.random.default_rng(8))))
    limit = alpha + 4 * sqrt(alpha * (1 - alpha) / runs)
    for method in (bonferroni, holm):
        assert np.mean((method(p) <= alpha)[:, :null_effects].any(axis=1)) <= limit
    chosen = benjamini_hochberg(p) <= alpha
    false = chosen[:, :null_effects].sum(axis=1) / np.maximum(chosen.sum(axis=1), 1)
    assert false.mean() <= limit
    assert (p <= alpha)[:, :null_effects].any(axis=1).mean() > 0.25  # what no correction would do


def test_intervals_of_selected_comparisons_cover_on_average() -> None:
    """False coverage rate of Benjamini & Yekutieli's intervals, against that of plain ones."""
    runs, m, q = 5_000, 20, 0.1
    effects = np.where(np.arange(m) < 15, 0.0, 2.5)
    z = simulated_z(runs, m, effects, np.random.default_rng(5))
    chosen = benjamini_hochberg(2 * special.ndtr(-np.abs(z))) <= q
    count = np.maximum(chosen.sum(axis=1), 1)
    halves = special.ndtri((1 + np.array([selected_level(int(r), m, q) for r in count])) / 2)[:, None]
    missed = np.abs(z - effects) > halves
    plain = np.abs(z - effects) > special.ndtri(1 - q / 2)
    assert ((missed & chosen).sum(axis=1) / count).mean() <= q
    assert ((plain & chosen).sum(axis=1) / count).mean() > ((missed & chosen).sum(axis=1) / count).mean()


def test_e_values_hold_under_optional_stopping_where_p_values_do_not() -> None:
    """A/A on 10 metrics, stopped at the first rejection of 30 looks: likelihood ratios against z-tests."""
    runs, m, looks, alpha = 2_000, 10, 30, 0.1
    rng = np.random.default_rng(6)
    walks = np.cumsum(rng.standard_normal((runs, looks, m)), axis=1)
    times = np.arange(1, looks + 1)[:, None]
    e = np.exp(0.4 * walks - 0.08 * times)
    p = special.ndtr(-walks / np.sqrt(times))
    ever_e = (e_benjamini_hochberg(e) <= alpha).any(axis=(1, 2)).mean()
    ever_p = (benjamini_hochberg(p) <= alpha).any(axis=(1, 2)).mean()
    assert ever_e <= alpha
    assert ever_p > 2 * alpha
