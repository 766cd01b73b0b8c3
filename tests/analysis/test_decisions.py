"""One decision for each treatment: what it rests on, and what it never does."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.iterations import START, design, label, measured, results, units
from assay.analysis.arms import UnitTable
from assay.analysis.comparisons import Design
from assay.analysis.decisions import decisions
from assay.analysis.experiment_results import IS_BASELINE, Check, FailedMetric, MetricResults, Role
from assay.analysis.families import shared_alpha
from assay.stats.decision import Decision, Verdict
from assay.stats.estimate import NotEstimable
from assay.stats.multiplicity import Scope

SOUND = Check("sample_ratio", "ok", "")
NAN = float("nan")


def metric(
    role: Role, effect: float, own: Design, *, lower_is_better: bool = False, n: int = 4000
) -> MetricResults:
    (found,) = results(measured(units(n, effect, arms=len(own.shares)), arms=len(own.shares)), of=own)
    return replace(found, label=replace(label(lower_is_better=lower_is_better), role=role))


def decided(
    *metrics: MetricResults | FailedMetric, of: Design | None = None, check: Check = SOUND
) -> Verdict:
    (baseline, found) = decisions(of or design(), metrics, [check])
    assert baseline == IS_BASELINE
    assert isinstance(found, Decision)
    assert found.reasons
    return found.verdict


@pytest.mark.parametrize(
    ("primary", "guardrail", "verdict"),
    [
        (1.0, 0.0, Verdict.SHIP),
        (0.0, 0.0, Verdict.INCONCLUSIVE),
        (1.0, -1.0, Verdict.DO_NOT_SHIP),
        (-1.0, 1.0, Verdict.DO_NOT_SHIP),
    ],
)
def test_a_gain_ships_where_the_guardrail_keeps_its_margin(
    primary: float, guardrail: float, verdict: Verdict
) -> None:
    own = design()
    assert decided(metric("primary", primary, own), metric("guardrail", guardrail, own)) is verdict


def test_a_secondary_metric_decides_nothing() -> None:
    own = design()
    primary = metric("primary", 1.0, own)
    assert decided(primary, metric("secondary", -5.0, own)) is decided(primary) is Verdict.SHIP
    assert decided(metric("primary", 0.0, own), metric("secondary", 5.0, own)) is Verdict.INCONCLUSIVE


def test_lower_is_better_turns_the_decision_round() -> None:
    own = design()
    lower = [metric("primary", effect, own, lower_is_better=True) for effect in (1.0, -1.0)]
    assert [decided(one) for one in lower] == [Verdict.DO_NOT_SHIP, Verdict.SHIP]


@pytest.mark.parametrize(
    ("check", "verdict"),
    [
        (Check("sample_ratio", "failed", ""), Verdict.INCONCLUSIVE),
        (Check("sample_ratio", "unknown", ""), Verdict.SHIP),
        (Check("late_events", "failed", ""), Verdict.SHIP),
    ],
)
def test_only_a_failed_sample_ratio_takes_a_decision_back(check: Check, verdict: Verdict) -> None:
    assert decided(metric("primary", 1.0, design()), check=check) is verdict


def test_a_guardrail_that_failed_or_is_wide_open_lets_nothing_ship() -> None:
    own = design()
    primary = metric("primary", 1.0, own)
    broken = FailedMetric(replace(label(), role="guardrail"), NotEstimable("broken"))
    assert decided(primary, broken) is Verdict.INCONCLUSIVE
    assert decided(primary, metric("guardrail", 0.0, own, n=40)) is Verdict.INCONCLUSIVE


def test_before_its_horizon_a_fixed_test_decides_nothing_and_at_it_it_does() -> None:
    words = []
    for horizon in (4001, 4000):
        own = design(horizon=horizon, always_valid=False)
        words.append(decided(metric("primary", 1.0, own), of=own))
    assert words == [Verdict.INCONCLUSIVE, Verdict.SHIP]


def test_each_treatment_is_decided_by_its_own_comparison() -> None:
    own = design(arms=3)
    rng = np.random.default_rng(3)
    arm = np.repeat([0, 1, 2], 2000)
    table = UnitTable(
        arm, rng.normal(10, 2, 6000) + np.array([0.0, 1.0, -1.0])[arm], first_exposed_ms=arm + START
    )
    (found,) = results(measured(table, arms=3), of=own)
    _, better, worse = decisions(own, [found], [SOUND])
    assert isinstance(better, Decision)
    assert isinstance(worse, Decision)
    assert (better.verdict, worse.verdict) == (Verdict.SHIP, Verdict.DO_NOT_SHIP)


def adjusted_by_hand(p_values: list[float]) -> list[float]:
    """Benjamini–Hochberg's from the definition: the smallest m · p / rank of those at least as large."""
    ordered = sorted(p_values)
    ranks = [m * p / rank for m, (rank, p) in ((len(ordered), pair) for pair in enumerate(ordered, 1))]
    return [min(1.0, *(r for p, r in zip(ordered, ranks, strict=True) if p >= own)) for own in p_values]


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("correction", ["none", "bonferroni", "benjamini-hochberg"])
@pytest.mark.parametrize("seed", range(5))
def test_alpha_and_corrected_p_values_agree_in_every_family(scope: Scope, correction: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.random((3, 2)) ** 6
    table[1, 0] = np.nan if seed % 2 else table[1, 0]
    plan = design(correction=correction, scope=scope).plan
    found = shared_alpha(table, plan)
    families = {
        Scope.VARIATIONS: [[(row, 0), (row, 1)] for row in range(3)],
        Scope.METRICS: [[(0, col), (1, col), (2, col)] for col in range(2)],
    }.get(scope, [[(row, col) for row in range(3) for col in range(2)]])
    for family in families:
        known = [cell for cell in family if not np.isnan(table[cell])]
        p_values = [float(table[cell]) for cell in known]
        corrected = {
            "none": p_values,
            "bonferroni": [min(1.0, p * len(known)) for p in p_values],
            "benjamini-hochberg": adjusted_by_hand(p_values),
        }[correction]
        for cell, p_value, own in zip(known, corrected, p_values, strict=True):
            assert found.p_value[cell] == pytest.approx(p_value)
            assert found.family_size[cell] == len(known)
            assert (own <= found.alpha[cell]) == (p_value <= plan.alpha)
