"""The default verdict on an effect, with a horizon and without one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.stats.default_rule import DefaultRule, Judgement, critical_values, judge, p_values
from assay.stats.estimate import NotEstimable
from assay.stats.hybrid import hybrid_multiplier
from assay.stats.sequential import radius_multiplier

RULES = [
    DefaultRule(horizon=10_000),
    DefaultRule(forecast=10_000),
    DefaultRule(alpha=0.01, horizon=500, pause=20),
]


def judged(rule: DefaultRule, estimate: float, error: float, n: float) -> Judgement:
    found = judge(rule, estimate, error, n=n)
    assert isinstance(found, Judgement)
    return found


@pytest.mark.parametrize("rule", RULES)
@given(z=st.floats(-8, 8), n=st.floats(10, 1e6))
def test_interval_p_value_and_verdict_agree(rule: DefaultRule, z: float, n: float) -> None:
    found = judged(rule, z, 1.0, n)
    if abs(found.p_value - rule.alpha) > 1e-9:
        assert found.is_significant == (found.p_value <= rule.alpha)
    assert found.is_significant == (not found.interval.lower < 0 < found.interval.upper)


@pytest.mark.parametrize("rule", RULES)
def test_swapping_the_arms_negates_the_interval_and_keeps_the_rest(rule: DefaultRule) -> None:
    one, other = judged(rule, 3.1, 1.0, 5_000), judged(rule, -3.1, 1.0, 5_000)
    assert (one.interval.lower, one.interval.upper) == (-other.interval.upper, -other.interval.lower)
    assert (one.p_value, one.is_significant) == (other.p_value, other.is_significant)


@pytest.mark.parametrize("rule", RULES)
def test_the_unit_of_the_metric_changes_no_verdict(rule: DefaultRule) -> None:
    one, other = judged(rule, 3.1, 1.0, 5_000), judged(rule, 3.1e6, 1e6, 5_000)
    assert other.p_value == pytest.approx(one.p_value)
    assert other.interval.lower == pytest.approx(one.interval.lower * 1e6)


def test_a_horizon_takes_the_hybrid_and_a_forecast_the_sequence() -> None:
    n = [100.0, 5_000.0]
    assert critical_values(RULES[0], n) == pytest.approx(hybrid_multiplier(n, horizon=10_000))
    assert critical_values(RULES[1], n) == pytest.approx(radius_multiplier(n, tuned_at=10_000))
    assert p_values(RULES[1], [0.0, 0.0], n).tolist() == [1.0, 1.0]


def test_without_units_or_variance_nothing_is_said() -> None:
    assert judge(RULES[0], 0.0, 1.0, n=0) == NotEstimable("no units")
    assert judge(RULES[0], 1.0, 0.0, n=10) == NotEstimable("no variance in either variation")


@pytest.mark.parametrize("plan", [{}, {"horizon": 1.0, "forecast": 1.0}, {"horizon": -1.0}])
def test_a_rule_needs_one_size(plan: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"rule|sizes"):
        DefaultRule(**plan)
