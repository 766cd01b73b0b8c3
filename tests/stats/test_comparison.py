"""The one pass over all slices and metrics says what the single tests say, and leaves no number undefined."""

from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from assay.stats.adjustment import adjusted_estimates
from assay.stats.comparison import Comparison, compare, encoded
from assay.stats.contrasts import mean_estimates
from assay.stats.default_rule import DefaultRule, critical_values
from assay.stats.estimate import REASONS, Effect, Interval, Lift, Status
from assay.stats.fixed_horizon import welch_effect, welch_lift
from assay.stats.moments import JointMoments, Moments
from assay.stats.sequential import radius_multiplier

SLICES, METRICS, VARIATIONS = 3, 4, 5


def grid(seed: int = 1) -> JointMoments:
    rng = np.random.default_rng(seed)
    n = rng.integers(50, 5000, (SLICES, METRICS, VARIATIONS))
    mean = rng.normal(10, 1, (SLICES, METRICS, VARIATIONS, 1))
    squares = rng.uniform(1, 400, (SLICES, METRICS, VARIATIONS, 1, 1)) * (n - 1)[..., None, None]
    return JointMoments(n, mean, squares)


def ruled(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with a rule in the place of its parts."""
    rule = DefaultRule(settings.pop("alpha", 0.05), forecast=settings.pop("tuned_at"))
    return {"rule": rule} | settings


def compared(moments: JointMoments, **plan: Any) -> Comparison:
    settings: dict[str, Any] = {
        "exposures": np.full((SLICES, VARIATIONS), 1000),
        "shares": np.full(VARIATIONS, 0.2),
    }
    return compare(mean_estimates(moments), **ruled(settings | {"tuned_at": 5000.0} | plan))


def pair(*samples: Moments, **plan: Any) -> Comparison:
    count = len(samples)
    settings: dict[str, Any] = {"exposures": [100] * count, "shares": [1 / count] * count, "tuned_at": 1000}
    return compare(mean_estimates(JointMoments.of_one(samples)), **ruled(settings | plan))


@pytest.mark.parametrize("baseline", [0, 2])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_every_cell_is_the_test_of_its_pair(baseline: int, alpha: float) -> None:
    moments = grid()
    result = compared(moments, baseline=baseline, alpha=alpha)
    others = [k for k in range(VARIATIONS) if k != baseline]
    for index in np.ndindex(SLICES, METRICS):
        cells = [
            Moments(*(int(c.n), float(c.mean[0]), float(c.products[0, 0])))
            for c in (moments[(*index, k)] for k in range(VARIATIONS))
        ]
        for place, k in enumerate(others):
            single = welch_effect(cells[k], cells[baseline], level=1 - alpha)
            relative = welch_lift(cells[k], cells[baseline], level=1 - alpha)
            row = result.row(*index, place)
            assert isinstance(single, Effect)
            assert isinstance(relative, Lift)
            assert isinstance(relative.interval, Interval)
            assert [row["effect"], row["standard_error"], row["p_value"]] == pytest.approx(
                [single.estimate.value, single.estimate.standard_error, single.p_value], rel=1e-9
            )
            assert [row["lower"], row["upper"]] == pytest.approx(
                [single.interval.lower, single.interval.upper], rel=1e-9
            )
            assert [row["lift"], row["lift_lower"], row["lift_upper"]] == pytest.approx(
                [relative.value, relative.interval.lower, relative.interval.upper], rel=1e-9
            )


def test_interval_p_value_and_evidence_of_the_sequence_give_one_verdict() -> None:
    result = compared(grid(2))
    apart = (result.sequential_lower > 0) | (result.sequential_upper < 0)
    assert 0 < apart.mean() < 1
    assert_array_equal(apart, result.sequential_p_value < 0.05)
    assert_array_equal(apart, result.log_e_value > np.log(20))
    assert_array_equal(apart, (result.sequential_lift_lower > 0) | (result.sequential_lift_upper < 0))


def test_the_sequence_is_wider_than_the_fixed_interval_by_its_multiplier() -> None:
    result, moments = compared(grid(3)), grid(3)
    n = moments.n[..., 1:] + moments.n[..., :1]
    half = (result.sequential_upper - result.sequential_lower) / 2
    multiplier = radius_multiplier(n, tuned_at=5000.0, alpha=0.05)
    assert (half >= multiplier * result.standard_error * (1 - 1e-12)).all()
    assert (half > (result.upper - result.lower) / 2).all()


def test_with_a_horizon_the_interval_is_the_hybrids() -> None:
    rule = DefaultRule(horizon=8000.0)
    result, moments = compared(grid(4), rule=rule), grid(4)
    n = moments.n[..., 1:] + moments.n[..., :1]
    floor = (result.sequential_upper - result.sequential_lower) / 2 / critical_values(rule, n)
    assert (floor >= result.standard_error * (1 - 1e-12)).all()
    assert (result.sequential_p_value >= 1e-12).all()


def test_a_look_that_first_passes_the_horizon_is_the_planned_one() -> None:
    arms = mean_estimates(JointMoments.of_one([Moments(520, 10.0, 600.0), Moments(520, 10.2, 600.0)]))
    rule = DefaultRule(0.05, horizon=1000)
    looks = [
        compare(arms, exposures=(0, 0), shares=(0.5, 0.5), rule=rule, previous=previous)
        for previous in (None, [990], [1010])
    ]
    halves = [(look.sequential_upper - look.effect).item() / look.standard_error.item() for look in looks]
    unplanned, planned = (float(critical_values(rule, n)) for n in (1040, 1000))
    assert halves == pytest.approx([unplanned, planned, unplanned], rel=1e-4)
    assert looks[1].sequential_p_value.item() < looks[0].sequential_p_value.item()


def test_under_unequal_shares_no_error_is_taken_below_the_pooled_one() -> None:
    """A tenth of the units and not one conversion: the arm's own error is zero."""
    samples = Moments.of_successes(90, 9000), Moments.of_successes(0, 1000)
    row = pair(*samples).row(0)
    pooled = np.sqrt(
        (8999 * 9000 * 90 / 9000 * 8910 / 9000 / 8999 / 9000) / 9998 * (1 / 9000 + 1 / 1000) * 9000
    )
    half = (float(row["sequential_upper"]) - float(row["sequential_lower"])) / 2
    multiplier = float(radius_multiplier(10_000, tuned_at=1000, alpha=0.05))
    assert half / multiplier == pytest.approx(float(pooled), rel=1e-3)
    assert half / multiplier > 2 * float(row["standard_error"])


def test_swapping_the_baseline_negates_the_effect() -> None:
    samples = Moments(400, 10.0, 4000.0), Moments(300, 11.0, 5000.0)
    forward, backward = pair(*samples).row(0), pair(*samples, baseline=1).row(0)
    for name in ("effect", "lower", "sequential_lower"):
        mirrored = {"effect": "effect", "lower": "upper", "sequential_lower": "sequential_upper"}[name]
        assert forward[name] == pytest.approx(-float(backward[mirrored]))
    for name in ("p_value", "log_e_value", "standard_error"):
        assert forward[name] == pytest.approx(backward[name])


def test_a_mismatch_of_the_sample_ratio_is_found_by_slice() -> None:
    exposures = np.full((SLICES, VARIATIONS), 1000)
    exposures[1, 0] = 1300
    odds = compared(grid(), exposures=exposures).mismatch_log_odds
    assert odds.shape == (SLICES,)
    assert odds[1] > np.log(1000) > 0 > odds[0] == odds[2]


@pytest.mark.parametrize(
    ("samples", "absent", "reasons"),
    [
        (
            (Moments(0, 0.0, 0.0), Moments(9, 1.0, 3.0)),
            {"effect", "lower", "p_value", "lift", "lift_lower", "sequential_lower", "log_e_value"},
            {Status.NO_UNITS},
        ),
        (
            (Moments(9, 2.0, 3.0), Moments(1, 1.0, 0.0)),
            {"lower", "p_value", "lift_lower", "standard_error", "sequential_p_value"},
            {Status.FEWER_THAN_TWO_UNITS},
        ),
        (
            (Moments(9, 2.0, 0.0), Moments(9, 1.0, 0.0)),
            {"lower", "p_value", "lift_lower", "standard_error", "log_e_value"},
            {Status.NO_VARIANCE},
        ),
        (
            (Moments.of_successes(0, 1131), Moments.of_successes(18, 1129)),
            {"lift", "lift_lower", "sequential_lift_upper"},
            {Status.ZERO_BASELINE},
        ),
        (
            (Moments(100, 0.5, 9900.0), Moments(100, 2.0, 9900.0)),
            {"lift_lower", "lift_upper", "sequential_lift_lower"},
            {Status.BASELINE_NEAR_ZERO},
        ),
    ],
)
def test_what_cannot_be_computed_is_left_out_with_a_reason(
    samples: tuple[Moments, ...], absent: set[str], reasons: set[Status]
) -> None:
    row = pair(*samples).row(0)
    assert absent.isdisjoint(row)
    assert {row[name] for name in row if "reason" in name} == {status.reason for status in reasons}
    assert all(np.isfinite(value) for value in row.values() if not isinstance(value, str))


def test_the_absolute_effect_stays_whatever_happens_to_the_lift() -> None:
    row = pair(Moments.of_successes(0, 1131), Moments.of_successes(18, 1129)).row(0)
    assert row["effect"] == pytest.approx(18 / 1129)
    assert float(row["lower"]) > 0
    assert "reason" not in row


def test_a_fixed_lift_can_be_bounded_where_the_sequential_one_is_not() -> None:
    row = pair(Moments(100, 2.5, 9900.0), Moments(100, 3.0, 9900.0), tuned_at=10_000).row(0)
    assert {"lift_lower", "sequential_lift_reason"} <= row.keys()
    assert "lift_reason" not in row


def test_a_rise_from_a_negative_baseline_is_a_positive_lift() -> None:
    row = pair(Moments(500, -2.0, 500.0), Moments(500, -1.0, 500.0)).row(0)
    assert row["lift"] == 0.5
    assert float(row["sequential_lift_lower"]) > 0


def test_the_json_holds_every_column_and_null_where_there_is_nothing() -> None:
    result = pair(Moments(0, 0.0, 0.0), Moments(9, 1.0, 3.0))
    text = encoded(result)
    decoded = msgspec.json.decode(text)
    assert b"NaN" not in text
    assert b"Infinity" not in text
    assert decoded["p_value"] == [None]
    assert decoded["value"] == [None, 1.0]
    assert decoded["reasons"][decoded["status"][0]] == "a variation has no units"
    assert decoded["reasons"] == list(REASONS)


def test_the_same_moments_give_the_same_bytes() -> None:
    assert encoded(compared(grid(5))) == encoded(compared(grid(5)))
    decoded = msgspec.json.decode(encoded(compared(grid(5))))
    assert_array_equal(decoded["effect"], compared(grid(5)).effect)


def test_adjusted_arms_go_the_same_way() -> None:
    rng = np.random.default_rng(6)
    parts = []
    for shift in (0.0, 0.3):
        x = rng.normal(size=400)
        parts.append(JointMoments.of(5 + x + shift + rng.normal(size=400), covariates=[x]))
    moments = JointMoments.stack(parts)
    plan: dict[str, Any] = {"exposures": [400, 400], "shares": [0.5, 0.5], "rule": DefaultRule(forecast=800)}
    plain, adjusted = compare(mean_estimates(moments), **plan), compare(adjusted_estimates(moments), **plan)
    assert adjusted.standard_error[0] < 0.8 * plain.standard_error[0]
    assert adjusted.sequential_p_value[0] < plain.sequential_p_value[0]


@pytest.mark.parametrize("alpha", [0.0, 1.0, 5.0])
def test_alpha_is_a_probability(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        compared(grid(), alpha=alpha)


def test_a_baseline_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="index 5"):
        compared(grid(), baseline=5)
