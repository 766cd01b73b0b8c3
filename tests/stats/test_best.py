"""P(best) and losses against closed forms, numerical integrals, draws, and their symmetries."""

from collections.abc import Sequence
from math import exp, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from assay.stats.best import rank
from assay.stats.direction import Direction
from assay.stats.distributions import Array, Beta, Distribution, Normal

HIGHER, LOWER = Direction.HIGHER_IS_BETTER, Direction.LOWER_IS_BETTER
normals = st.builds(Normal, st.floats(-100, 100), st.floats(0.01, 100))
betas = st.builds(Beta, st.floats(0.2, 3_000), st.floats(0.2, 3_000))
families = st.one_of(st.lists(normals, min_size=2, max_size=5), st.lists(betas, min_size=2, max_size=5))


def probabilities_best(arms: Sequence[Distribution], direction: Direction) -> Array:
    return rank(arms, direction).best


def expected_losses(arms: Sequence[Distribution], direction: Direction) -> Array:
    return rank(arms, direction).losses


def probability_beats(arm: Distribution, rival: Distribution, direction: Direction) -> float:
    return float(rank((rival, arm), direction).beats_first[1])


def expected_shortfall(arm: Distribution, rival: Distribution, direction: Direction) -> float:
    return float(rank((rival, arm), direction).shortfalls[1])


few = settings(deadline=None, max_examples=40)


@few
@given(a=normals, b=normals)
def test_two_normals_compare_as_their_difference(a: Normal, b: Normal) -> None:
    spread = sqrt(a.sigma**2 + b.sigma**2)
    z = (a.mu - b.mu) / spread
    assert probability_beats(a, b, HIGHER) == pytest.approx(stats.norm.cdf(z), abs=1e-12)
    loss = spread * stats.norm.pdf(z) - (a.mu - b.mu) * stats.norm.cdf(-z)
    assert expected_shortfall(a, b, HIGHER) == pytest.approx(loss, abs=1e-11 * spread)


@pytest.mark.parametrize("a", [(1, 1), (19, 1112), (40, 3), (250, 4_800)])
@pytest.mark.parametrize("b", [(2, 1131), (200, 5_000), (7, 9)])
def test_two_betas_compare_by_the_finite_sum(a: tuple[int, int], b: tuple[int, int]) -> None:
    """Oracle: Miller (2013), "Formulas for Bayesian A/B testing": a sum that needs whole parameters."""
    terms = (
        special.betaln(b[0] + i, b[1] + a[1])
        - np.log(a[1] + i)
        - special.betaln(1 + i, a[1])
        - special.betaln(*b)
        for i in range(a[0])
    )
    assert probability_beats(Beta(*a), Beta(*b), HIGHER) == pytest.approx(sum(map(exp, terms)), abs=1e-9)


@pytest.mark.parametrize(("a", "b"), [((19, 1112), (2, 1131)), ((40, 3), (7, 9)), ((100, 900), (110, 890))])
def test_the_loss_between_two_betas_is_the_one_of_shifted_betas(
    a: tuple[int, int], b: tuple[int, int]
) -> None:
    """E[(θ_b − θ_a)⁺] by θ f(α, β) = mean · f(α + 1, β): the closed form of Stucchio (2015)."""
    arm, rival = Beta(*a), Beta(*b)
    loss = rival.mean * probability_beats(Beta(b[0] + 1, b[1]), arm, HIGHER) - arm.mean * probability_beats(
        rival, Beta(a[0] + 1, a[1]), HIGHER
    )
    assert expected_shortfall(arm, rival, HIGHER) == pytest.approx(loss, abs=1e-11)


def test_three_betas_agree_with_an_adaptive_integral() -> None:
    arms = [(16, 86), (21, 81), (26, 76)]

    def integrand(x: float, i: int) -> float:
        others = np.prod([stats.beta.cdf(x, *arm) for j, arm in enumerate(arms) if j != i])
        return float(stats.beta.pdf(x, *arms[i]) * others)

    for i, found in enumerate(probabilities_best([Beta(*arm) for arm in arms], HIGHER)):
        assert found == pytest.approx(integrate.quad(integrand, 0, 1, args=(i,), epsabs=1e-12)[0], abs=1e-9)


def test_a_posterior_ten_thousand_times_narrower_than_its_rival_costs_no_accuracy() -> None:
    sharp, vague = Normal(0.3, 1e-4), Normal(0.0, 1.0)
    assert probability_beats(sharp, vague, HIGHER) == pytest.approx(stats.norm.cdf(0.3), abs=1e-8)
    assert probability_beats(vague, sharp, HIGHER) == pytest.approx(stats.norm.sf(0.3), abs=1e-8)


def test_rates_at_opposite_ends_lose_their_whole_distance() -> None:
    low, high = Beta(1, 1e9), Beta(1e9, 1)
    losses = expected_losses([low, high], HIGHER)
    assert losses == pytest.approx([high.mean - low.mean, 0.0], abs=1e-12)


def test_the_losses_of_five_arms_agree_with_draws() -> None:
    arms = [Beta(50 + 4 * i, 950 - 4 * i) for i in range(5)]
    rng = np.random.default_rng(20)
    draws = np.array([rng.beta(arm.alpha, arm.beta, 400_000) for arm in arms])
    losses = (draws.max(axis=0) - draws).mean(axis=1)
    np.testing.assert_allclose(expected_losses(arms, HIGHER), losses, atol=5e-5)
    shares = np.bincount(draws.argmax(axis=0), minlength=5) / draws.shape[1]
    np.testing.assert_allclose(probabilities_best(arms, HIGHER), shares, atol=0.004)


@few
@given(arms=families)
def test_some_arm_is_the_best(arms: list[Normal] | list[Beta]) -> None:
    assert probabilities_best(arms, HIGHER).sum() == pytest.approx(1, abs=1e-9)
    assert probabilities_best(arms, LOWER).sum() == pytest.approx(1, abs=1e-9)


@few
@given(arms=families, data=st.data())
def test_permuting_the_arms_permutes_the_answers(
    arms: list[Normal] | list[Beta], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(arms))))
    shuffled = [arms[i] for i in order]
    np.testing.assert_allclose(
        probabilities_best(shuffled, HIGHER), probabilities_best(arms, HIGHER)[order], atol=1e-12
    )
    np.testing.assert_allclose(
        expected_losses(shuffled, LOWER), expected_losses(arms, LOWER)[order], atol=1e-9
    )


@few
@given(arms=families)
def test_swapping_two_arms_or_the_direction_complements_the_probability(
    arms: list[Normal] | list[Beta],
) -> None:
    first = probability_beats(arms[0], arms[1], HIGHER)
    assert probability_beats(arms[1], arms[0], HIGHER) == pytest.approx(1 - first, abs=1e-9)
    assert probability_beats(arms[0], arms[1], LOWER) == pytest.approx(1 - first, abs=1e-9)


@few
@given(arms=families)
def test_the_losses_of_a_pair_differ_by_the_difference_of_their_means(
    arms: list[Normal] | list[Beta],
) -> None:
    losses = expected_losses(arms[:2], HIGHER)
    scale = arms[0].deviation + arms[1].deviation + abs(arms[0].mean - arms[1].mean)
    assert losses[1] - losses[0] == pytest.approx(arms[0].mean - arms[1].mean, abs=1e-9 * scale)
    assert min(losses) >= -1e-15


@few
@given(arms=st.lists(normals, min_size=2, max_size=4), shift=st.floats(-50, 50), scale=st.floats(0.1, 10))
def test_shifting_and_scaling_normals_scales_only_the_losses(
    arms: list[Normal], shift: float, scale: float
) -> None:
    moved = [Normal(arm.mu * scale + shift, arm.sigma * scale) for arm in arms]
    np.testing.assert_allclose(probabilities_best(moved, HIGHER), probabilities_best(arms, HIGHER), atol=1e-8)
    np.testing.assert_allclose(
        expected_losses(moved, HIGHER), scale * expected_losses(arms, HIGHER), rtol=1e-6, atol=1e-8
    )


@few
@given(arms=families)
def test_against_the_first_alone_others_do_not_count(arms: list[Normal] | list[Beta]) -> None:
    among_all, pair = rank(arms, HIGHER), rank([arms[0], arms[-1]], HIGHER)
    assert among_all.beats_first[-1] == pytest.approx(pair.best[1], abs=1e-10)
    assert among_all.shortfalls[-1] == pytest.approx(pair.losses[1], rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("arm", [Beta(3, 50), Beta(0.7, 9), Normal(3, 2)])
def test_equal_arms_share_the_probability_evenly(arm: Beta | Normal) -> None:
    assert rank([arm] * 40, HIGHER).best == pytest.approx([1 / 40] * 40, abs=1e-9)


def test_a_lone_arm_is_the_best_and_loses_nothing() -> None:
    assert probabilities_best([Beta(3, 4)], HIGHER) == pytest.approx([1.0])
    assert expected_losses([Beta(3, 4)], HIGHER) == pytest.approx([0.0])


def test_arms_of_two_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="one kind"):
        probabilities_best([Beta(3, 4), Normal(0, 1)], HIGHER)
