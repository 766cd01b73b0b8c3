"""Moments are exact, additive and refuse what no sample can have."""

from math import fsum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from assay.stats.moments import InvalidMomentsError, JointMoments, Moments

NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: round(x, 6))
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=40)


def joint(rows: list[tuple[float, float, float]]) -> JointMoments:
    columns = np.array(rows, dtype=float).reshape(-1, 3)
    return JointMoments.of(columns[:, 0], denominator=columns[:, 1], covariates=[columns[:, 2]])


def assert_equal_moments(first: JointMoments, second: JointMoments) -> None:
    assert_array_equal(first.n, second.n)
    assert_allclose(first.mean, second.mean, rtol=1e-12, atol=1e-8)
    scale = 1 + np.abs(second.products).max()
    assert_allclose(first.products / scale, second.products / scale, rtol=1e-10, atol=1e-11)


def nist(base: float) -> list[float]:
    """NIST's NumAcc3 (base 1000000) and NumAcc4 (10000000): standard deviation 0.1, certified."""
    return [base + 0.2] + [base + 0.1, base + 0.3] * 500


@pytest.mark.parametrize(("base", "tolerance"), [(1e6, 1e-9), (1e7, 2e-8)])
def test_nist_certified_deviations_are_met_as_far_as_the_data_can_be_written(
    base: float, tolerance: float
) -> None:
    moments = Moments.of(nist(base))
    assert moments.mean == pytest.approx(base + 0.2, rel=1e-15)
    assert moments.variance == pytest.approx(0.01, rel=tolerance)


def test_an_offset_of_a_thousand_million_costs_no_digit() -> None:
    values = [4.0, 7.0, 13.0, 16.0]
    offset = Moments.of([1e9 + value for value in values])
    assert (offset.mean, offset.variance) == (1e9 + 10, 30.0)


def test_shards_under_a_huge_offset_merge_to_the_whole() -> None:
    values = np.array(nist(1e7))
    shards = [Moments.of(values[i::7]) for i in range(7)]
    merged = sum(shards[1:], shards[0])
    assert merged.variance == pytest.approx(0.01, rel=1e-7)
    stacked = JointMoments.stack([JointMoments.of(values[i::7]) for i in range(7)])
    assert stacked.total().products[0, 0] / 1000 == pytest.approx(0.01, rel=1e-7)


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_the_units_changes_no_byte(
    rows: list[tuple[float, float, float]], random: object
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = joint(rows), joint(shuffled)
    assert first.mean.tobytes() == second.mean.tobytes()
    assert first.products.tobytes() == second.products.tobytes()


@given(ROWS, ROWS, ROWS)
def test_merging_shards_gives_the_whole_in_any_grouping(
    a: list[tuple[float, float, float]],
    b: list[tuple[float, float, float]],
    c: list[tuple[float, float, float]],
) -> None:
    whole = joint(a + b + c)
    assert_equal_moments((joint(a) + joint(b)) + joint(c), whole)
    assert_equal_moments(joint(a) + (joint(b) + joint(c)), whole)
    assert_equal_moments(joint(c) + joint(a) + joint(b), whole)
    assert_equal_moments(JointMoments.stack([joint(a), joint(b), joint(c)]).total(), whole)


@given(ROWS)
def test_nothing_added_changes_nothing(rows: list[tuple[float, float, float]]) -> None:
    nothing = JointMoments(np.int64(0), np.zeros(3), np.zeros((3, 3)))  # type: ignore[arg-type]
    assert_equal_moments(joint(rows) + nothing, joint(rows))
    assert_equal_moments(nothing + joint(rows), joint(rows))


@given(st.lists(NUMBERS, min_size=2, max_size=50), st.integers(0, 20))
def test_the_scalar_moments_are_the_first_variable_of_the_joint_ones(values: list[float], cut: int) -> None:
    one, other = values[: cut % len(values)], values[cut % len(values) :]
    merged = Moments.of(one) + Moments.of(other)
    together = JointMoments.of(values)
    assert merged.n == together.n
    assert merged.mean == pytest.approx(float(together.mean[0]), rel=1e-12, abs=1e-9)
    assert merged.squares == pytest.approx(float(together.products[0, 0]), rel=1e-9, abs=1e-6)


def test_cross_products_are_those_of_numpy() -> None:
    rng = np.random.default_rng(4)
    data = rng.normal(size=(300, 4)) @ rng.normal(size=(4, 4)) + [5, -3, 100, 0]
    moments = JointMoments.of(data[:, 0], denominator=data[:, 1], covariates=[data[:, 2], data[:, 3]])
    assert_allclose(moments.products / 299, np.cov(data.T), rtol=1e-12)
    assert_allclose(moments.mean, data.mean(axis=0), rtol=1e-14)


def test_a_linear_combination_has_the_moments_of_the_combined_units() -> None:
    rng = np.random.default_rng(5)
    data = rng.normal(size=(50, 3))
    coefficients = np.array([[1.0, -2.0, 0.0], [0.0, 1.0, 3.0]])
    combined = JointMoments.of(data[:, 0], covariates=[data[:, 1], data[:, 2]]).combined(coefficients)
    direct = data @ coefficients.T
    assert_equal_moments(combined, JointMoments.of(direct[:, 0], covariates=[direct[:, 1]]))


def test_a_combination_that_cancels_is_a_constant() -> None:
    x = np.random.default_rng(6).lognormal(size=100)
    moments = JointMoments.of(3.3 * x, covariates=[x, x**2])
    combined = moments.combined(np.array([[1.0, -3.3, 0.0], [0.0, 0.0, 1.0]]))
    assert combined.products[0].tolist() == [0.0, 0.0]
    assert combined.products[1, 1] > 0


def test_zeros_and_ones_have_the_moments_of_their_count() -> None:
    counted = Moments.of_successes(18, 1129)
    listed = Moments.of([1.0] * 18 + [0.0] * 1111)
    assert counted.mean == pytest.approx(listed.mean, rel=1e-15)
    assert counted.squares == pytest.approx(listed.squares, rel=1e-13)
    assert Moments.of_successes(0, 0) == Moments(0, 0.0, 0.0)
    with pytest.raises(InvalidMomentsError):
        Moments.of_successes(3, 2)


@pytest.mark.parametrize(
    "sums",
    [
        (-1, 0.0, 0.0),
        (2, float("nan"), 1.0),
        (2, float("inf"), 1.0),
        (2, 1.0, -1.0),
        (2, 1.0, float("inf")),
    ],
)
def test_numbers_that_no_sample_can_have_are_refused(sums: tuple[int, float, float]) -> None:
    with pytest.raises(InvalidMomentsError):
        Moments(*sums)
    with pytest.raises(InvalidMomentsError):
        JointMoments(np.array(sums[0]), np.array([sums[1]]), np.array([[sums[2]]]))


def test_a_variance_of_one_unit_is_refused() -> None:
    with pytest.raises(InvalidMomentsError, match="two units"):
        _ = Moments(1, 3.0, 0.0).variance


@pytest.mark.parametrize(
    ("products", "reason"),
    [
        ([[1.0, 2.0], [2.0, 1.0]], "no sample"),
        ([[1.0, 0.5], [-0.5, 1.0]], "no sample"),
        ([[0.0, 0.5], [0.5, 1.0]], "no sample"),
        ([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]], "no sample"),
        ([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], "shapes"),
    ],
)
def test_cross_products_that_are_no_covariances_are_refused(products: list[list[float]], reason: str) -> None:
    with pytest.raises(InvalidMomentsError, match=reason):
        JointMoments(np.array(9), np.zeros(len(products)), np.array(products))


def test_a_sample_without_units_may_not_have_a_mean() -> None:
    with pytest.raises(InvalidMomentsError, match="without units"):
        JointMoments(np.array([0, 3]), np.array([[1.0], [1.0]]), np.zeros((2, 1, 1)))


def test_units_are_counted_in_whole_numbers() -> None:
    with pytest.raises(InvalidMomentsError, match="whole numbers"):
        JointMoments(np.array([2.5]), np.zeros((1, 1)), np.zeros((1, 1, 1)))


def test_variables_of_different_length_or_without_a_number_are_refused() -> None:
    with pytest.raises(InvalidMomentsError, match="one number per unit"):
        JointMoments.of([1.0, 2.0], covariates=[[1.0]])
    with pytest.raises(InvalidMomentsError, match="not finite"):
        JointMoments.of([1.0, float("nan")])


@settings(max_examples=30)
@given(ROWS)
def test_a_mean_is_correctly_rounded(rows: list[tuple[float, float, float]]) -> None:
    assert float(joint(rows).mean[0]) == fsum(row[0] for row in rows) / len(rows)
