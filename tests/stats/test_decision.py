"""The decision rule case by case, its shares of the risk, and the risks themselves in simulation."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from assay.stats.decision import (
    Decision,
    Evidence,
    Guardrail,
    Margin,
    MetricPlan,
    Plan,
    QualityCheck,
    Scale,
    Verdict,
    decide,
    share_risks,
)
from assay.stats.direction import Direction
from assay.stats.estimate import Interval, NotEstimable

HIGHER, LOWER = Direction.HIGHER_IS_BETTER, Direction.LOWER_IS_BETTER


def evidence(name: str, lower: float, upper: float, direction: Direction = HIGHER) -> Evidence:
    interval = Interval(lower, upper, 0.95)
    return Evidence(name, direction, interval, interval)


def guardrail(name: str, lower: float, upper: float, direction: Direction = HIGHER) -> Guardrail:
    return Guardrail(evidence(name, lower, upper, direction), Margin(1.0, Scale.EFFECT))


GAIN, UNKNOWN, LOSS = (
    evidence("revenue", 0.1, 2),
    evidence("revenue", -1, 2),
    evidence("revenue", -2, -0.1),
)
SAFE, OPEN, BROKEN = (
    guardrail("latency", -0.5, 2),
    guardrail("latency", -1.5, 2),
    guardrail("latency", -3, -1.2),
)
HARMED_WITHIN_MARGIN = guardrail("latency", -0.9, -0.1)


@pytest.mark.parametrize(
    ("success", "rail", "verdict", "reason"),
    [
        (GAIN, SAFE, Verdict.SHIP, "revenue: improved"),
        (GAIN, OPEN, Verdict.INCONCLUSIVE, "latency: not yet shown to keep its margin"),
        (GAIN, BROKEN, Verdict.DO_NOT_SHIP, "latency: worse by more than its margin"),
        (GAIN, HARMED_WITHIN_MARGIN, Verdict.DO_NOT_SHIP, "latency: deteriorated"),
        (UNKNOWN, SAFE, Verdict.INCONCLUSIVE, "no success metric has been shown to improve"),
        (LOSS, SAFE, Verdict.DO_NOT_SHIP, "revenue: deteriorated"),
    ],
)
def test_one_success_metric_and_one_guardrail(
    success: Evidence, rail: Guardrail, verdict: Verdict, reason: str
) -> None:
    decision = decide([success], [rail])
    assert decision.verdict is verdict
    assert reason in decision.reasons


def test_one_success_among_several_is_enough_and_one_guardrail_is_too_many() -> None:
    assert decide([UNKNOWN, GAIN], [SAFE, SAFE]).verdict is Verdict.SHIP
    assert decide([GAIN, GAIN], [SAFE, OPEN]).verdict is Verdict.INCONCLUSIVE


def test_guardrails_alone_decide_where_nothing_is_to_be_gained() -> None:
    assert decide([], [SAFE]) == Decision(Verdict.SHIP, ("latency: within its margin",))
    assert decide([], [OPEN]).verdict is Verdict.INCONCLUSIVE


def test_without_metrics_there_is_no_decision() -> None:
    assert decide([], []).verdict is Verdict.INCONCLUSIVE


def test_evidence_that_can_not_be_trusted_decides_nothing() -> None:
    checks = [QualityCheck("sample ratio", False), QualityCheck("exposures", True)]
    for success in (GAIN, LOSS):
        decision = decide([success], [SAFE], checks)
        assert decision == Decision(Verdict.INCONCLUSIVE, ("sample ratio: the check failed",))


def test_a_passed_check_changes_nothing() -> None:
    assert decide([GAIN], [SAFE], [QualityCheck("sample ratio", True)]) == decide([GAIN], [SAFE])


def test_an_end_that_touches_the_bound_shows_nothing() -> None:
    assert decide([evidence("revenue", 0.0, 1)], []).verdict is Verdict.INCONCLUSIVE
    assert decide([GAIN], [guardrail("latency", -1.0, 1)]).verdict is Verdict.INCONCLUSIVE


def test_what_can_not_be_estimated_is_a_reason_and_never_a_pass() -> None:
    blank = Evidence("errors", LOWER, NotEstimable("no units"), NotEstimable("no units"))
    decision = decide([GAIN], [Guardrail(blank, Margin(0.1, Scale.EFFECT))])
    assert decision == Decision(Verdict.INCONCLUSIVE, ("errors: no units",))
    assert decide([blank], [SAFE]).verdict is Verdict.INCONCLUSIVE


def test_a_relative_margin_is_held_against_the_lift() -> None:
    wide, narrow = Interval(-30.0, 30.0, 0.9), Interval(-0.01, 0.01, 0.9)
    relative = Guardrail(Evidence("spend", HIGHER, wide, narrow), Margin(0.02, Scale.LIFT))
    absolute = Guardrail(Evidence("spend", HIGHER, wide, narrow), Margin(0.02, Scale.EFFECT))
    assert decide([], [relative]).verdict is Verdict.SHIP
    assert decide([], [absolute]).verdict is Verdict.INCONCLUSIVE


def test_a_margin_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Margin(0.0, Scale.LIFT)


ends = st.tuples(st.floats(-3, 3), st.floats(0, 3)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@settings(deadline=None, max_examples=80)
@given(successes=st.lists(ends, max_size=3), rails=st.lists(ends, max_size=3))
def test_turning_every_metric_round_turns_nothing_in_the_decision(
    successes: list[tuple[float, float]], rails: list[tuple[float, float]]
) -> None:
    upright = decide([evidence("s", *e) for e in successes], [guardrail("g", *e) for e in rails])
    turned = decide(
        [evidence("s", -high, -low, LOWER) for low, high in successes],
        [guardrail("g", -high, -low, LOWER) for low, high in rails],
    )
    assert turned == upright


@settings(deadline=None, max_examples=80)
@given(successes=st.lists(ends, min_size=1, max_size=3), rails=st.lists(ends, max_size=3), more=ends)
def test_a_further_guardrail_never_leads_to_shipping(
    successes: list[tuple[float, float]], rails: list[tuple[float, float]], more: tuple[float, float]
) -> None:
    metrics = [evidence("s", *e) for e in successes]
    with_more = decide(metrics, [guardrail("g", *e) for e in (*rails, more)])
    without = decide(metrics, [guardrail("g", *e) for e in rails])
    assert with_more.verdict is not Verdict.SHIP or without.verdict is Verdict.SHIP


# Shares of the risk


def test_success_metrics_share_alpha_and_guardrails_pay_in_power() -> None:
    plan = share_risks(3, 4, alpha=0.06, power=0.8, alpha_deterioration=0.07)
    assert isinstance(plan, Plan)
    assert plan.success is not None
    assert plan.guardrail is not None
    assert plan.success.alpha == pytest.approx(0.02)
    assert plan.guardrail.alpha == pytest.approx(0.06)
    assert plan.success.alpha_deterioration == plan.guardrail.alpha_deterioration == pytest.approx(0.01)
    assert plan.success.power == plan.guardrail.power == pytest.approx(1 - (0.2 - 0.07) / 5)
    assert plan.success.level == pytest.approx(0.97)


def test_without_deterioration_tests_the_power_is_beta_over_guardrails_and_one() -> None:
    plan = share_risks(2, 3, power=0.8, alpha_deterioration=0.0)
    assert isinstance(plan, Plan)
    assert plan.success == MetricPlan(0.025, 0.0, 1 - 0.2 / 4)


def test_a_plan_names_only_the_metrics_there_are() -> None:
    alone, only_rails = share_risks(1, 0), share_risks(0, 2)
    assert isinstance(alone, Plan)
    assert isinstance(only_rails, Plan)
    assert alone.guardrail is None
    assert only_rails.success is None
    assert only_rails.guardrail is not None
    assert only_rails.guardrail.power == pytest.approx(1 - 0.15 / 2)


def test_risks_that_can_not_be_shared_out_say_so() -> None:
    assert isinstance(share_risks(0, 0), NotEstimable)
    assert isinstance(share_risks(1, 1, power=0.96, alpha_deterioration=0.05), NotEstimable)


# Simulation: effects and errors in standard errors, metrics correlated at 1/2 or not at all

SUCCESSES, RAILS, RUNS = 3, 3, 4_000


def planned() -> tuple[MetricPlan, MetricPlan]:
    plan = share_risks(SUCCESSES, RAILS)
    assert isinstance(plan, Plan)
    assert plan.success is not None
    assert plan.guardrail is not None
    return plan.success, plan.guardrail


def detectable(plan: MetricPlan) -> float:
    """The effect, in standard errors, that a one-sided test at `alpha` finds with the planned power."""
    return float(special.ndtri(1 - plan.alpha) + special.ndtri(plan.power))


def verdicts(effects: list[float], rails: list[float], correlation: float, seed: int) -> list[Verdict]:
    """Decisions of many runs; each guardrail's margin is what the plan can show to be kept."""
    success, rail = planned()
    plans = [success] * len(effects) + [rail] * len(rails)
    margin = Margin(detectable(rail), Scale.EFFECT)
    rng = np.random.default_rng(seed)
    size = len(plans)
    own, shared = rng.standard_normal((RUNS, size)), rng.standard_normal((RUNS, 1))
    draws = np.array(effects + rails) + sqrt(1 - correlation) * own + sqrt(correlation) * shared
    below = np.array([special.ndtri(1 - plan.alpha) for plan in plans])
    above = np.array([special.ndtri(1 - plan.alpha_deterioration) for plan in plans])
    answers = []
    for run in draws:
        metrics = [
            evidence(f"m{i}", x - low, x + high)
            for i, (x, low, high) in enumerate(zip(run, below, above, strict=True))
        ]
        successes, others = metrics[: len(effects)], metrics[len(effects) :]
        answers.append(decide(successes, [Guardrail(e, margin) for e in others]).verdict)
    return answers


def share(answers: list[Verdict], verdict: Verdict) -> float:
    return sum(answer is verdict for answer in answers) / len(answers)


def tolerance(probability: float) -> float:
    return 4 * sqrt(probability * (1 - probability) / RUNS)


both = pytest.mark.parametrize("correlation", [0.0, 0.5])


@both
def test_what_improves_nothing_is_shipped_at_most_at_alpha(correlation: float) -> None:
    answers = verdicts([0.0] * SUCCESSES, [6.0] * RAILS, correlation, 1)
    assert share(answers, Verdict.SHIP) <= 0.05 + tolerance(0.05)
    assert share(answers, Verdict.SHIP) > 0.01  # the risk is used, not given away


@both
def test_what_breaks_a_guardrail_is_shipped_at_most_at_alpha(correlation: float) -> None:
    at_the_margin = -detectable(planned()[1])
    answers = verdicts([8.0] * SUCCESSES, [at_the_margin, 6.0, 6.0], correlation, 2)
    assert share(answers, Verdict.SHIP) <= 0.05 + tolerance(0.05)


@both
def test_one_planned_improvement_that_harms_nothing_is_shipped_with_the_planned_power(
    correlation: float,
) -> None:
    answers = verdicts([detectable(planned()[0]), 0.0, 0.0], [0.0] * RAILS, correlation, 3)
    assert share(answers, Verdict.SHIP) >= 0.8 - tolerance(0.8)


@both
def test_what_changes_nothing_is_refused_as_harmful_at_most_at_its_alpha(correlation: float) -> None:
    answers = verdicts([0.0] * SUCCESSES, [0.0] * RAILS, correlation, 4)
    assert share(answers, Verdict.DO_NOT_SHIP) <= 0.05 + tolerance(0.05)


def test_guardrails_sized_alone_would_cost_the_decision_its_power() -> None:
    """Each test at 80 % power, independent: three guardrails and a success pass together in 0.8⁴ = 41 %."""
    success, rail = planned()
    alone = [
        float(special.ndtri(1 - plan.alpha) + special.ndtri(0.8)) - detectable(plan)
        for plan in (success, rail)
    ]
    answers = verdicts([detectable(success) + alone[0]], [alone[1]] * RAILS, 0.0, 5)
    assert share(answers, Verdict.SHIP) < 0.5


def test_intervals_valid_at_every_look_make_a_decision_valid_at_every_look() -> None:
    """A/A on success metrics, 40 looks: fixed intervals ship wrongly too often, sequences don't."""
    runs, looks = 1_000, 40
    success, _ = planned()
    rng = np.random.default_rng(7)
    walks = np.cumsum(rng.standard_normal((runs, looks, SUCCESSES)), axis=1)
    times = np.arange(1, looks + 1)[:, None]
    x = 5.0 * times / looks
    log_bound = np.log(np.sqrt(1 + x)) - np.log(2 * success.alpha)  # one-sided normal mixture
    sequences = np.sqrt(2 * (1 + 1 / x) * np.log1p(np.exp(log_bound)))
    fixed = np.full_like(sequences, special.ndtri(1 - success.alpha))
    z = walks / np.sqrt(times)

    def ever_shipped(bounds: np.ndarray) -> float:
        lower = z - bounds
        candidates = np.flatnonzero((lower > 0).any(axis=(1, 2)))
        shipped = 0
        for run in candidates:
            decisions = (
                decide([evidence(f"m{i}", float(v), float(v) + 10) for i, v in enumerate(look)], [])
                for look in lower[run]
            )
            shipped += any(decision.verdict is Verdict.SHIP for decision in decisions)
        return shipped / runs

    assert ever_shipped(sequences) <= 0.05 + 4 * sqrt(0.05 * 0.95 / runs)
    assert ever_shipped(fixed) > 0.1
