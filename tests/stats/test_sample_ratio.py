"""The planned shares against the units that came: independent figures, properties, and looks every day."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.stats.estimate import NotEstimable
from assay.stats.sample_ratio import (
    CONCENTRATIONS,
    SampleRatio,
    fixed_p_value,
    log_mismatch_odds,
    mismatch_probability,
    sample_ratio,
)


@pytest.mark.parametrize(("counts", "shares"), [([520, 480], [0.5, 0.5]), ([90, 410, 500], [0.1, 0.4, 0.5])])
def test_the_odds_are_dirichlet_multinomial_over_multinomial(counts: list[int], shares: list[float]) -> None:
    total = sum(counts)
    null = stats.multinomial.logpmf(counts, total, shares)
    each = [
        stats.dirichlet_multinomial.logpmf(counts, k * np.array(shares), total) - null for k in CONCENTRATIONS
    ]
    assert log_mismatch_odds(counts, shares) == pytest.approx(np.log(np.mean(np.exp(each))), abs=1e-8)


def test_cookie_cats_units_fail_the_usual_test_at_the_published_p_value() -> None:
    assert fixed_p_value([44_700, 45_489], [0.5, 0.5]) == pytest.approx(0.0086, abs=5e-5)


def test_the_usual_test_is_pearsons() -> None:
    counts, shares = [330, 290, 380], [0.3, 0.3, 0.4]
    expected = stats.chisquare(counts, 1_000 * np.array(shares)).pvalue
    assert fixed_p_value(counts, shares) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("first", "total", "share"), [(6, 8, 0.5), (0, 30, 0.05), (3, 400, 0.002)])
def test_few_expected_units_are_tested_exactly(first: int, total: int, share: float) -> None:
    expected = stats.binomtest(first, total, share).pvalue
    assert fixed_p_value([first, total - first], [share, 1 - share]) == pytest.approx(expected, rel=1e-9)


def test_few_expected_units_of_many_variations_are_tested_one_by_one() -> None:
    shares = [0.01, 0.49, 0.5]
    each = [stats.binomtest(k, 100, p).pvalue for k, p in zip([7, 43, 50], shares, strict=True)]
    assert fixed_p_value([7, 43, 50], shares) == pytest.approx(3 * min(each), rel=1e-9)


def test_the_odds_are_a_fair_bet_under_the_plan() -> None:
    first = np.arange(41)
    odds = log_mismatch_odds(np.stack([first, 40 - first], axis=-1), [0.3, 0.7])
    assert np.sum(stats.binom.pmf(first, 40, 0.3) * np.exp(odds)) == pytest.approx(1, rel=1e-9)


@given(counts=st.lists(st.integers(0, 10_000), min_size=3, max_size=3))
def test_the_order_of_variations_does_not_matter(counts: list[int]) -> None:
    shares = [0.2, 0.3, 0.5]
    assert log_mismatch_odds(counts[::-1], shares[::-1]) == pytest.approx(
        log_mismatch_odds(counts, shares), abs=1e-6
    )


def test_units_as_planned_speak_against_a_mismatch_and_a_leak_for_it() -> None:
    fine = sample_ratio([50_050, 49_950], [0.5, 0.5])
    leak = sample_ratio([51_000, 49_000], [0.5, 0.5])
    assert isinstance(fine, SampleRatio)
    assert isinstance(leak, SampleRatio)
    assert fine.mismatch_probability < 0.5 < 0.999 < leak.mismatch_probability
    assert fine.p_value == 1.0
    assert leak.p_value < 1e-6
    assert leak.fixed_p_value < leak.p_value


def test_probability_and_odds_are_the_same_thing() -> None:
    assert mismatch_probability(0.0) == 0.5
    assert mismatch_probability(np.log(99)) == pytest.approx(0.99)


def test_slices_are_tested_in_one_call() -> None:
    counts = np.array([[[500, 500], [600, 400]], [[10, 0], [5, 5]], [[1, 0], [0, 0]]])
    odds = log_mismatch_odds(counts, [0.5, 0.5])
    assert odds.shape == (3, 2)
    assert odds[0, 1] == pytest.approx(log_mismatch_odds([600, 400], [0.5, 0.5]))
    assert odds[2, 1] == pytest.approx(0, abs=1e-12)


def test_no_units_have_no_ratio() -> None:
    assert sample_ratio([0, 0], [0.5, 0.5]) == NotEstimable("no units")


@pytest.mark.parametrize("shares", [[0.5, 0.6], [1.0, 0.0], [[0.5, 0.5]]])
def test_shares_that_are_no_plan_are_refused(shares: list[float]) -> None:
    with pytest.raises(ValueError, match="shares"):
        log_mismatch_odds([1, 2], shares)


def test_looked_at_daily_it_alarms_as_rarely_as_promised_and_pearsons_does_not() -> None:
    rng = np.random.default_rng(5)
    first = np.cumsum(rng.binomial(1_000, 0.5, size=(2_000, 100)), axis=1)
    n = 1_000 * np.arange(1, 101)
    odds = log_mismatch_odds(np.stack([first, n - first], axis=-1), [0.5, 0.5])
    assert np.mean(odds.max(axis=1) >= np.log(20)) <= 0.05
    pearson = stats.chi2.sf((2 * first - n) ** 2 / n, 1)
    assert np.mean(pearson.min(axis=1) < 0.05) > 0.3
