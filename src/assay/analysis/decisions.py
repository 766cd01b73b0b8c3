"""One decision for each treatment, from the primary metrics, the guardrails and the sample ratio."""

from collections.abc import Sequence

from assay.analysis.comparisons import Design
from assay.analysis.experiment_results import (
    IS_BASELINE,
    Check,
    Compared,
    FailedMetric,
    MetricResults,
    Test,
)
from assay.stats.decision import Decision, Evidence, Guardrail, Margin, QualityCheck, Scale, decide
from assay.stats.direction import Direction
from assay.stats.estimate import NotEstimable


def decisions(
    design: Design, metrics: Sequence[MetricResults | FailedMetric], checks: Sequence[Check]
) -> tuple[Decision | NotEstimable, ...]:
    """By arm. A guardrail keeps its margin where its lift is shown to be no worse than the plan's minimum lift."""
    quality = [QualityCheck(check.name, check.status != "failed") for check in _decisive(checks)]
    return tuple(
        IS_BASELINE if arm == design.baseline else _decision(design, arm, metrics, quality)
        for arm in range(len(design.shares))
    )


def _decision(
    design: Design,
    arm: int,
    metrics: Sequence[MetricResults | FailedMetric],
    quality: Sequence[QualityCheck],
) -> Decision:
    margin = Margin(design.plan.minimum_lift, Scale.LIFT)
    successes = [_evidence(design, one, arm) for one in metrics if one.label.role == "primary"]
    guardrails = [
        Guardrail(_evidence(design, one, arm), margin) for one in metrics if one.label.role == "guardrail"
    ]
    return decide(successes, guardrails, quality)


def _evidence(design: Design, metric: MetricResults | FailedMetric, arm: int) -> Evidence:
    label = metric.label
    direction = Direction.LOWER_IS_BETTER if label.lower_is_better else Direction.HIGHER_IS_BETTER
    found = metric.reason if isinstance(metric, FailedMetric) else metric.comparisons[arm]
    if isinstance(found, NotEstimable):
        return Evidence(label.key, direction, found, found)
    test = _test(design, found)
    if isinstance(test, NotEstimable):
        return Evidence(label.key, direction, test, test)
    return Evidence(label.key, direction, test.interval, test.lift_interval)


def _test(design: Design, found: Compared) -> Test | NotEstimable:
    """The statistic that the verdict is taken from, once it counts."""
    if design.plan.always_valid:
        return found.sequential
    return NotEstimable(found.verdict.reason) if found.verdict.word == "not_yet" else found.fixed


def _decisive(checks: Sequence[Check]) -> list[Check]:
    return [check for check in checks if check.name in ("sample_ratio",)]
