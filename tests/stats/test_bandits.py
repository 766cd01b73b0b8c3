"""A bandit's shares, and inference on its data against unit-level computations and simulated bandits."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.stats.bandits import (
    BanditEstimate,
    Batches,
    Estimated,
    adaptively_weighted_effect,
    adaptively_weighted_mean,
    anytime_effect,
    batched_least_squares_effect,
    thompson_shares,
    top_two_shares,
    with_minimum,
)
from assay.stats.best import rank
from assay.stats.direction import Direction
from assay.stats.distributions import Array, Beta, Normal
from assay.stats.estimate import NotEstimable
from assay.stats.moments import Moments

HIGHER, LOWER = Direction.HIGHER_IS_BETTER, Direction.LOWER_IS_BETTER

Draw = Callable[[np.random.Generator, int, int, int], Array]
"""Values of n units: (rng, arm, batch, n) → (n,)."""


def estimated(answer: Estimated) -> BanditEstimate:
    assert isinstance(answer, BanditEstimate), answer
    return answer


def moments_of(values: Array) -> Moments:
    if values.size == 0:
        return Moments(0, 0.0, 0.0)
    mean = float(values.mean())
    return Moments(int(values.size), mean, float(((values - mean) ** 2).sum()))


@dataclass(frozen=True)
class Units:
    """Every unit of a bandit's run: its batch, arm and value, and the shares of each batch."""

    shares: Array
    batch: Array
    arm: Array
    value: Array

    def batches(self) -> Batches:
        cells = [
            [moments_of(self.value[(self.batch == t) & (self.arm == w)]) for w in range(self.shares.shape[1])]
            for t in range(self.shares.shape[0])
        ]
        return Batches.of(self.shares.tolist(), cells)


def run_bandit(
    rng: np.random.Generator, draw: Draw, *, batches: int = 25, size: int = 100, floor: float = 0.05
) -> Units:
    """Two arms, flat-prior Thompson shares from the pooled means, as naive users would have them."""
    shares, rows = np.array([0.5, 0.5]), []
    n, sums, squares = np.zeros(2), np.zeros(2), np.zeros(2)
    history = []
    for t in range(batches):
        counts = rng.multinomial(size, shares)
        history.append(shares)
        for w in (0, 1):
            values = draw(rng, w, t, int(counts[w]))
            rows.append((np.full(values.size, t), np.full(values.size, w), values))
            n[w], sums[w], squares[w] = (
                n[w] + values.size,
                sums[w] + values.sum(),
                squares[w] + (values**2).sum(),
            )
        means = sums / n
        errors = np.sqrt(np.maximum((squares / n - means**2) / n, 1e-12))
        posteriors = [Normal(float(m), float(e)) for m, e in zip(means, errors, strict=True)]
        shares = thompson_shares(posteriors, HIGHER, minimum_share=floor)
    batch, arm, value = (np.concatenate(part) for part in zip(*rows, strict=True))
    return Units(np.array(history), batch, arm, value)


def gaussian(effect: float = 0.0, drift: float = 0.0) -> Draw:
    return lambda rng, arm, batch, n: rng.normal(effect * arm + drift * batch, 1, n)


def conversions(rate: float) -> Draw:
    return lambda rng, arm, batch, n: (rng.random(n) < rate).astype(np.float64)


def naive_z(batches: Batches, effect: float = 0.0) -> float:
    """The test that ignores how the data came about."""
    arms = []
    for w in (0, 1):
        total = Moments(0, 0.0, 0.0)
        for t in range(batches.n.shape[0]):
            cell = (int(batches.n[t, w]), float(batches.means[t, w]), float(batches.squares[t, w]))
            total += Moments(*cell)
        arms.append(total)
    error = sqrt(sum(arm.variance / arm.n for arm in arms))
    return (arms[1].mean - arms[0].mean - effect) / error


# Shares


def test_thompson_plays_each_arm_as_often_as_it_may_be_the_best() -> None:
    arms = [Beta(16, 86), Beta(21, 81), Beta(26, 76)]
    np.testing.assert_allclose(
        thompson_shares(arms, HIGHER, minimum_share=0.0), rank(arms, HIGHER).best, rtol=1e-9
    )


def test_top_two_agrees_with_drawing_leaders_and_runners_up() -> None:
    """Its definition, by simulation: draw until the best differs from the first draw's best."""
    arms = [Normal(0.0, 1.0), Normal(0.4, 0.8), Normal(0.7, 0.5)]
    rng = np.random.default_rng(2)
    draws = rng.normal([0.0, 0.4, 0.7], [1.0, 0.8, 0.5], (300_000, 3)).argmax(axis=1)
    leaders, rivals = draws[:100_000], draws[100_000:200_000].copy()
    for _ in range(60):
        same = rivals == leaders
        rivals[same] = rng.choice(draws[200_000:], same.sum())
    shares = (np.bincount(leaders, minlength=3) + np.bincount(rivals, minlength=3)) / 200_000
    np.testing.assert_allclose(top_two_shares(arms, HIGHER, minimum_share=0.0), shares, atol=0.006)


def test_top_two_keeps_exploring_when_one_arm_is_certainly_the_best() -> None:
    arms = [Normal(0, 0.01), Normal(9, 0.01), Normal(0, 0.01)]
    assert top_two_shares(arms, HIGHER, minimum_share=0.0) == pytest.approx([0.25, 0.5, 0.25])
    assert thompson_shares(arms, HIGHER, minimum_share=0.02) == pytest.approx([0.02, 0.96, 0.02])


@pytest.mark.parametrize("rule", [thompson_shares, top_two_shares])
@settings(deadline=None, max_examples=30)
@given(
    arms=st.lists(st.builds(Beta, st.floats(0.5, 500), st.floats(0.5, 500)), min_size=2, max_size=5),
    minimum=st.floats(0, 0.2),
    data=st.data(),
)
def test_shares_sum_to_one_keep_the_minimum_and_follow_their_arms(
    rule: Callable[..., Array], arms: list[Beta], minimum: float, data: st.DataObject
) -> None:
    shares = rule(arms, HIGHER, minimum_share=minimum)
    assert shares.sum() == pytest.approx(1, abs=1e-12)
    assert shares.min() >= minimum - 1e-12
    order = data.draw(st.permutations(range(len(arms))))
    shuffled = rule([arms[i] for i in order], HIGHER, minimum_share=minimum)
    np.testing.assert_allclose(shuffled, shares[order], atol=1e-7)


def test_where_lower_is_better_the_lower_arm_gets_the_units() -> None:
    assert thompson_shares([Normal(1, 0.5), Normal(2, 0.5)], LOWER)[0] > 0.8


def test_minimum_shares_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="can't each have"):
        with_minimum(np.array([0.5, 0.5]), 0.6)


# Inference, against the definitions unit by unit


@pytest.fixture(scope="module")
def units() -> Units:
    return run_bandit(np.random.default_rng(11), gaussian(effect=0.1), batches=12, size=400)


def scores(units: Units, arm: int) -> tuple[Array, Array]:
    """Γ and e of every unit for an arm, from the definition."""
    shares = units.shares[units.batch, arm]
    guesses = np.empty(units.value.size)
    for t in range(units.shares.shape[0]):
        history = (units.batch < max(t, 1)) & (units.arm == arm)
        guesses[units.batch == t] = units.value[history].mean()
    return guesses + (units.arm == arm) / shares * (units.value - guesses), shares


def test_the_weighted_mean_is_the_weighted_average_of_the_scores(units: Units) -> None:
    for arm in (0, 1):
        gamma, share = scores(units, arm)
        weight = np.sqrt(share)
        mean = (weight * gamma).sum() / weight.sum()
        error = sqrt((weight**2 * (gamma - mean) ** 2).sum()) / weight.sum()
        found = estimated(adaptively_weighted_mean(units.batches(), arm))
        assert found.value == pytest.approx(mean, rel=1e-10)
        assert found.standard_error == pytest.approx(error, rel=0.05)  # the same variance, estimated twice


def test_the_error_of_an_effect_knows_that_the_arms_share_units(units: Units) -> None:
    parts = []
    for arm in (1, 0):
        gamma, share = scores(units, arm)
        weight = np.sqrt(share) / np.sqrt(share).sum()
        parts.append((weight, gamma, (weight * gamma).sum()))
    (w1, g1, q1), (w0, g0, q0) = parts
    error = sqrt(((w1 * (g1 - q1) - w0 * (g0 - q0)) ** 2).sum())
    found = estimated(adaptively_weighted_effect(units.batches(), 1))
    assert found.value == pytest.approx(q1 - q0, rel=1e-10)
    assert found.standard_error == pytest.approx(error, rel=0.05)


def test_batched_least_squares_is_the_sum_of_the_batches_z(units: Units) -> None:
    cells = [(t, w) for t in range(12) for w in (0, 1)]
    values = {(t, w): units.value[(units.batch == t) & (units.arm == w)] for t, w in cells}
    residuals = [np.concatenate([values[t, w] - values[t, w].mean() for t in range(12)]) for w in (0, 1)]
    variances = [(r**2).sum() / (r.size - 12) for r in residuals]
    found = estimated(batched_least_squares_effect(units.batches(), 1))
    total = 0.0
    for t in range(12):
        error = sqrt(sum(variances[w] / values[t, w].size for w in (0, 1)))
        total += (values[t, 1].mean() - values[t, 0].mean()) / error
    assert found.value / found.standard_error == pytest.approx(total / sqrt(12), rel=1e-10)


def test_the_sequence_is_the_normal_mixture_around_the_average_score(units: Units) -> None:
    gamma = scores(units, 1)[0] - scores(units, 0)[0]
    found = estimated(anytime_effect(units.batches(), 1, planned_units=4_800))
    assert found.value == pytest.approx(gamma.mean(), rel=1e-9)
    assert found.standard_error == pytest.approx(gamma.std() / sqrt(gamma.size), rel=0.05)
    first = gamma[units.batch == 0]
    x = 8.21197 * (gamma.var() * gamma.size) / (first.var() * 4_800)
    half = found.standard_error * sqrt((1 + 1 / x) * (log(1 + x) - 2 * log(0.05)))
    assert found.interval.upper - found.value == pytest.approx(half, rel=0.02)


ESTIMATORS: dict[str, Callable[[Batches, int, int], Estimated]] = {
    "adaptively weighted": adaptively_weighted_effect,
    "batched least squares": batched_least_squares_effect,
    "anytime": lambda b, i, j: anytime_effect(b, i, j, planned_units=4_800),
}
every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=list(ESTIMATORS))


@every_estimator
def test_swapping_the_arms_negates_the_effect(
    units: Units, estimator: Callable[[Batches, int, int], Estimated]
) -> None:
    one, other = (estimated(estimator(units.batches(), *arms)) for arms in ((1, 0), (0, 1)))
    assert other.value == pytest.approx(-one.value, rel=1e-12)
    assert other.interval.lower == pytest.approx(-one.interval.upper, rel=1e-12)


@every_estimator
@pytest.mark.parametrize(("shift", "scale"), [(1e6, 1.0), (-3.0, 0.001), (0.0, 1e5)])
def test_an_offset_changes_nothing_and_a_unit_only_the_scale(
    units: Units, estimator: Callable[[Batches, int, int], Estimated], shift: float, scale: float
) -> None:
    plain = units.batches()
    moved = Batches(plain.shares, plain.n, plain.means * scale + shift, plain.squares * scale**2)
    one, other = estimated(estimator(plain, 1, 0)), estimated(estimator(moved, 1, 0))
    assert other.value == pytest.approx(one.value * scale, rel=1e-6)
    assert other.standard_error == pytest.approx(one.standard_error * scale, rel=1e-6)


def test_with_equal_shares_throughout_all_agree_with_the_plain_difference() -> None:
    rng = np.random.default_rng(13)
    shares = np.full((6, 2), 0.5)
    cells = [[moments_of(rng.normal(arm, 1, 500)) for arm in (0, 1)] for _ in range(6)]
    batches = Batches.of(shares.tolist(), cells)
    plain = float((batches.means[:, 1] - batches.means[:, 0]).mean())
    for estimator in ESTIMATORS.values():
        found = estimated(estimator(batches, 1, 0))
        assert found.value == pytest.approx(plain, abs=1e-9)
        assert found.standard_error == pytest.approx(sqrt(2 / 3_000), rel=0.05)


# What can't be estimated


def one_batch(*arms: Moments) -> Batches:
    return Batches.of([[1 / len(arms)] * len(arms)], [list(arms)])


@every_estimator
@pytest.mark.parametrize(
    "batches",
    [
        one_batch(Moments(0, 0.0, 0.0), Moments(200, 1.0, 50.0)),
        one_batch(Moments(1, 2.0, 0.0), Moments(1, 1.0, 0.0)),
        one_batch(Moments(200, 1.0, 0.0), Moments(200, 1.0, 0.0)),
    ],
    ids=["an empty arm", "one unit each", "no variance"],
)
def test_too_little_data_is_not_estimable(
    batches: Batches, estimator: Callable[[Batches, int, int], Estimated]
) -> None:
    assert isinstance(estimator(batches, 1, 0), NotEstimable)


def test_an_arm_never_played_has_no_mean() -> None:
    batches = one_batch(Moments(50, 1.0, 20.0), Moments(0, 0.0, 0.0))
    assert isinstance(adaptively_weighted_mean(batches, 1), NotEstimable)


def test_the_sequence_waits_for_enough_units() -> None:
    batches = one_batch(Moments(60, 1.0, 20.0), Moments(60, 1.1, 20.0))
    assert isinstance(anytime_effect(batches, 1, planned_units=1_000), NotEstimable)
    estimated(anytime_effect(batches, 1, planned_units=1_000, fewest_units=50))


def test_a_batch_that_left_an_arm_out_counts_as_no_evidence_and_an_empty_one_not_at_all() -> None:
    full = [Moments(50, 1.0, 49.0), Moments(50, 1.5, 49.0)]
    left_out = [Moments(0, 0.0, 0.0), Moments(100, 1.5, 99.0)]
    empty = [Moments(0, 0.0, 0.0)] * 2

    def z(*cells: list[Moments]) -> float:
        found = estimated(batched_least_squares_effect(Batches.of([[0.5, 0.5]] * len(cells), cells), 1))
        return found.value / found.standard_error

    assert z(full, left_out) == pytest.approx(z(full) / sqrt(2))
    assert z(full, empty) == pytest.approx(z(full))


def test_shares_that_are_none_are_refused() -> None:
    arms = [Moments(5, 1.0, 2.0)] * 2
    for shares in ([0.0, 1.0], [0.5, 0.6]):
        with pytest.raises(ValueError, match="shares"):
            Batches.of([shares], [arms])
    with pytest.raises(ValueError, match="one shape"):
        Batches.of([[0.3, 0.3, 0.4]], [arms])


# Simulated bandits: 25 batches of 100 units unless said, minimum share 5 %


def misses(draw: Draw, effect: float, *, runs: int, size: int = 100, seed: int = 1) -> dict[str, float]:
    """How often each method's 95 % interval misses the effect; the sequence, at any of its looks."""
    rng = np.random.default_rng(seed)
    found = dict.fromkeys(("naive", "weighted", "batched", "anytime"), 0)
    for _ in range(runs):
        batches = run_bandit(rng, draw, size=size).batches()
        answers = {
            "weighted": [adaptively_weighted_effect(batches, 1)],
            "batched": [batched_least_squares_effect(batches, 1)],
            "anytime": [
                anytime_effect(batches.first(t), 1, planned_units=25 * size, fewest_units=200)
                for t in range(1, 26)
            ],
        }
        found["naive"] += abs(naive_z(batches, effect)) > 1.959964
        for name, looks in answers.items():
            intervals = [look.interval for look in looks if isinstance(look, BanditEstimate)]
            found[name] += any(not i.lower <= effect <= i.upper for i in intervals)
    return {name: count / runs for name, count in found.items()}


def limit(runs: int) -> float:
    return 0.05 + 4 * sqrt(0.05 * 0.95 / runs)


@pytest.mark.slow
@pytest.mark.parametrize("effect", [0.0, 0.15])
def test_intervals_cover_on_normal_values_where_naive_ones_do_not(effect: float) -> None:
    runs = 600
    missed = misses(gaussian(effect), effect, runs=runs)
    for name in ("weighted", "batched", "anytime"):
        assert missed[name] <= limit(runs), missed
    if effect == 0.0:
        assert missed["naive"] > limit(runs), missed


@pytest.mark.slow
def test_leaving_out_batches_with_few_units_would_let_the_bandit_stop_the_count() -> None:
    """Batches of 40: counting only those with ten units per arm errs too often, counting all does not."""
    runs, rng = 1_500, np.random.default_rng(14)
    ours, with_gaps = 0, 0
    for _ in range(runs):
        batches = run_bandit(rng, gaussian(), size=40).batches()
        interval = estimated(batched_least_squares_effect(batches, 1)).interval
        ours += not interval.lower <= 0 <= interval.upper
        kept = batches.n.min(axis=1) >= 10
        large = Batches(batches.shares[kept], batches.n[kept], batches.means[kept], batches.squares[kept])
        interval = estimated(batched_least_squares_effect(large, 1)).interval
        with_gaps += not interval.lower <= 0 <= interval.upper
    assert ours / runs <= limit(runs)
    assert with_gaps / runs > limit(runs)


@pytest.mark.slow
def test_intervals_cover_on_conversions_at_five_percent() -> None:
    runs = 600
    missed = misses(conversions(0.05), 0.0, runs=runs, size=400)
    for name in ("weighted", "batched", "anytime"):
        assert missed[name] <= limit(runs) + 0.01, missed
    assert missed["naive"] > 0.07, missed


@pytest.mark.slow
def test_a_drifting_baseline_spoils_the_naive_test_and_the_weighted_one_but_not_the_others() -> None:
    runs = 400
    missed = misses(gaussian(drift=0.02), 0.0, runs=runs)
    assert missed["naive"] > 0.5
    assert missed["weighted"] > 0.2
    assert missed["batched"] <= limit(runs)
    assert missed["anytime"] <= limit(runs)
