"""Where gbstats 0.8.0 computes the same thing, so do we; where it goes wrong, we don't.

Its answers are recorded in tests/golden/gbstats_0_8_0.json; tests/golden/gbstats_reference.py writes them.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.stats.adjustment import cuped_estimates
from assay.stats.contrasts import ArmEstimates, effect, mean_estimates
from assay.stats.estimate import Effect, Lift, NotEstimable
from assay.stats.fixed_horizon import welch_effect, welch_lift
from assay.stats.moments import JointMoments, Moments
from assay.stats.ratio import ratio_estimates

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "golden" / "gbstats_0_8_0.json").read_text()
)


def one(n: int, total: float, squares: float) -> JointMoments:
    return JointMoments(
        np.array(n), np.array([total / n]), np.array([[squares - total * total / n]], dtype=float)
    )


def two(n: int, y: float, yy: float, *rest: float) -> JointMoments:
    x, xx, yx = rest
    cross = yx - y * x / n
    return JointMoments(
        np.array(n),
        np.array([y / n, x / n]),
        np.array([[yy - y * y / n, cross], [cross, xx - x * x / n]]),
    )


def check(arms: ArmEstimates, name: str) -> None:
    result, expected = effect(arms), RECORDED["answers"][name]
    assert isinstance(result, Effect)
    assert result.estimate.value == pytest.approx(expected["value"], rel=1e-9)
    assert [result.interval.lower, result.interval.upper] == pytest.approx(expected["interval"], rel=1e-9)
    assert result.p_value == pytest.approx(expected["p"], rel=1e-9)


def test_means_agree() -> None:
    check(mean_estimates(JointMoments.stack([one(*case) for case in RECORDED["cases"]["mean"]])), "mean")


def test_ratios_agree() -> None:
    check(ratio_estimates(JointMoments.stack([two(*case) for case in RECORDED["cases"]["ratio"]])), "ratio")


def test_adjusted_means_agree() -> None:
    check(cuped_estimates(JointMoments.stack([two(*case) for case in RECORDED["cases"]["cuped"]])), "cuped")


def test_the_error_of_a_share_among_clustered_events_agrees() -> None:
    n, s, ss, d, dd, sd = RECORDED["cases"]["clusters"]
    share = ratio_estimates(JointMoments.stack([two(n, s, ss, d, dd, sd)]))
    assert share.squared_error[0] == pytest.approx(RECORDED["answers"]["cluster_variance"], rel=1e-9)


def test_its_one_sided_upper_bound_lies_below_its_estimate_and_ours_above() -> None:
    cases = RECORDED["cases"]["mean"]
    pair = mean_estimates(JointMoments.stack([one(*case) for case in cases]))
    result = effect(pair, alternative="less")
    assert isinstance(result, Effect)
    assert RECORDED["defects"]["lesser"] < result.estimate.value < result.interval.upper
    mirrored = 2 * result.estimate.value - RECORDED["defects"]["lesser"]
    assert result.interval.upper == pytest.approx(mirrored, rel=1e-9)


def test_it_hides_an_effect_on_no_conversions_and_we_show_it() -> None:
    assert RECORDED["defects"]["no conversions"] == {"value": 0.0, "interval": [0.0, 0.0], "p": 1.0}
    result = welch_effect(Moments.of_successes(18, 1129), Moments.of_successes(0, 1131))
    assert isinstance(result, Effect)
    assert result.p_value < 1e-4


def test_it_turns_a_rise_from_a_negative_baseline_round_and_we_do_not() -> None:
    assert RECORDED["defects"]["negative baseline"]["value"] == -0.5
    result = welch_lift(Moments(500, -1.0, 500.0), Moments(500, -2.0, 500.0))
    assert isinstance(result, Lift)
    assert not isinstance(result.interval, NotEstimable)
    assert 0 < result.interval.lower < 0.5 < result.interval.upper


def test_its_variance_under_an_offset_is_negative_and_ours_exact() -> None:
    assert RECORDED["defects"]["offset"] < 0
    assert Moments.of([1e9 + x for x in (4.0, 7.0, 13.0, 16.0)]).variance == 30.0
