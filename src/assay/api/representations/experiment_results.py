"""Results of an iteration, all metrics at once, as docs/reference/results.md describes them field by field.

What can't be estimated is absent, never null; the nearest `notEstimable` says why, by the path from its object.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Required, TypedDict

from assay.analysis.experiment_results import (
    Arm,
    ArmFigures,
    Check,
    Compared,
    Comparisons,
    Covariate,
    FailedMetric,
    Histogram,
    IterationResults,
    MetricLabel,
    MetricResults,
    Needed,
    Provenance,
    SliceResults,
    Test,
    Trend,
    Verdict,
)
from assay.analysis.plans import AnalysisPlan
from assay.stats.decision import Decision
from assay.stats.estimate import Interval, NotEstimable
from assay.stats.sample_ratio import SampleRatio


class IntervalRep(TypedDict):
    lower: float
    upper: float
    level: float


class ArmRep(TypedDict):
    treatmentId: str
    treatmentName: str
    baseline: bool
    share: float
    units: int


class ArmFiguresRep(TypedDict, total=False):
    treatmentId: Required[str]
    units: Required[int]
    total: float
    value: float
    interval: IntervalRep
    deviation: float
    adjustedValue: float


class TestRep(TypedDict, total=False):
    interval: IntervalRep
    liftInterval: IntervalRep
    pValue: float
    logEValue: float


class VerdictRep(TypedDict, total=False):
    word: Required[str]
    reason: Required[str]
    bound: float
    boundOf: str


class NeededRep(TypedDict, total=False):
    units: Required[int]
    missing: Required[int]
    days: int


class ComparisonRep(TypedDict, total=False):
    treatmentId: Required[str]
    effect: float
    standardError: float
    lift: float
    alpha: float
    familySize: int
    correctedPValue: float
    verdict: Required[VerdictRep]
    sequential: TestRep
    fixed: TestRep
    needed: NeededRep


class CovariateArmRep(TypedDict, total=False):
    treatmentId: Required[str]
    correlation: float
    deviationRatio: float
    imbalance: Required[float]
    varianceRemoved: float


class CovariateRep(TypedDict, total=False):
    imbalancePValue: float
    treatments: Required[list[CovariateArmRep]]


class StandingRep(TypedDict, total=False):
    treatmentId: Required[str]
    mean: float
    interval: IntervalRep
    probabilityBest: float
    expectedLoss: float
    dataWeight: float
    lift: float
    liftInterval: IntervalRep
    probabilityBeatsBaseline: float
    expectedShortfall: float
    peekingError: float


class BayesianRep(TypedDict):
    model: str
    treatments: list[StandingRep]


class PointArmRep(TypedDict, total=False):
    treatmentId: Required[str]
    units: Required[int]
    value: float
    effect: float
    lift: float
    effectInterval: IntervalRep
    liftInterval: IntervalRep


class PointRep(TypedDict):
    at: int
    treatments: list[PointArmRep]


class SeriesRep(TypedDict):
    granularity: str
    points: list[PointRep]


class HistogramArmRep(TypedDict):
    treatmentId: str
    counts: list[int]


class HistogramRep(TypedDict):
    edges: list[float]
    treatments: list[HistogramArmRep]


class SliceRep(TypedDict):
    value: str
    treatments: list[ArmFiguresRep]
    comparisons: list[ComparisonRep]
    notEstimable: dict[str, str]


class MetricResultsRep(TypedDict, total=False):
    key: Required[str]
    name: Required[str]
    version: Required[int]
    role: Required[str]
    kind: Required[str]
    estimator: Required[str]
    lowerIsBetter: Required[bool]
    unit: str
    group: str
    step: int
    lastSeen: int
    treatments: Required[list[ArmFiguresRep]]
    comparisons: Required[list[ComparisonRep]]
    covariate: CovariateRep
    bayesian: BayesianRep
    series: SeriesRep
    histogram: HistogramRep
    slices: list[SliceRep]
    notEstimable: Required[dict[str, str]]


class DecisionRep(TypedDict):
    treatmentId: str
    verdict: str
    reasons: list[str]


class CheckRep(TypedDict, total=False):
    name: Required[str]
    status: Required[str]
    lookedAt: Required[str]
    metric: str
    figure: float
    threshold: float
    cause: str
    remedy: str


class SampleRatioRep(TypedDict):
    probabilityOfMismatch: float
    pValue: float
    fixedPValue: float


class AnalysisPlanRep(TypedDict, total=False):
    alpha: Required[float]
    correction: Required[str]
    correctionScope: Required[str]
    rule: Required[str]
    horizonUnits: int
    power: Required[float]
    minimumLift: Required[float]
    bayesianLevel: Required[float]
    covariateDays: Required[int]


class QueryRep(TypedDict):
    sql: str
    parameters: list[str]


class ComputedRep(TypedDict):
    queries: dict[str, list[QueryRep]]
    methods: dict[str, str]
    versions: dict[str, str]


# "from" is no name that a class could give to a field.
WindowRep = TypedDict("WindowRep", {"from": Required[int], "to": int, "asOf": int}, total=False)


class ExperimentResultsRep(TypedDict, total=False):
    _links: Required[dict[str, Any]]
    experimentKey: Required[str]
    iterationId: Required[str]
    window: Required[WindowRep]
    countedThrough: int
    treatments: Required[list[ArmRep]]
    plan: Required[AnalysisPlanRep]
    sampleRatio: SampleRatioRep
    decisions: Required[list[DecisionRep]]
    metrics: Required[list[MetricResultsRep]]
    slicedBy: str
    checks: Required[list[CheckRep]]
    computed: Required[ComputedRep]
    notEstimable: Required[dict[str, str]]


class Wanted(TypedDict):
    """What of the results is asked for: of which metric (or group), and whether with series."""

    metric: str
    series: bool


Reasons = dict[str, str]


def experiment_results_rep(
    results: IterationResults,
    key: str,
    links: dict[str, Any],
    *,
    wanted: Wanted,
    sliced_by: str | None = None,
) -> ExperimentResultsRep:
    """The whole body."""
    reasons: Reasons = {}
    arms = results.arms
    body: dict[str, Any] = {
        "_links": links,
        "experimentKey": key,
        "iterationId": results.iteration_id,
        "window": _present(
            {"from": results.start_ms, "to": results.end_ms, "asOf": results.as_of_ms}, reasons, "window"
        ),
        "countedThrough": results.counted_through_ms,
        "treatments": [_arm_rep(arm, units) for arm, units in zip(arms, results.exposed, strict=True)],
        "plan": _plan_rep(results.plan),
        "sampleRatio": _sample_ratio_rep(results.sample_ratio),
        "decisions": _decisions_rep(arms, results.decisions),
        "metrics": [
            metric_rep(one, arms, results.seen_ms, series=wanted["series"])
            for one in results.metrics
            if wanted["metric"] in ("", one.label.key, one.label.group)
        ],
        "slicedBy": sliced_by,
        "checks": [_check_rep(check) for check in results.checks],
        "computed": _computed_rep(results.provenance),
    }
    found: Any = _present(body, reasons, "") | {"notEstimable": reasons}
    rep: ExperimentResultsRep = found
    return rep


def metric_rep(
    metric: MetricResults | FailedMetric, arms: Sequence[Arm], seen_ms: Mapping[str, int], *, series: bool
) -> MetricResultsRep:
    """One metric, or that nothing can be said of it."""
    reasons: Reasons = {}
    body = _label_rep(metric.label) | _present({"lastSeen": seen_ms.get(metric.label.key)}, reasons, "")
    if isinstance(metric, FailedMetric):
        body |= {"treatments": [], "comparisons": [], "notEstimable": {"": metric.reason.reason}}
    else:
        body |= {
            "treatments": _figures_rep(metric.arms, arms, reasons),
            "comparisons": _comparisons_rep(metric.comparisons, metric.needed, arms, reasons),
            "bayesian": {
                "model": metric.bayesian_model,
                "treatments": _standings_rep(metric, arms, reasons),
            },
        }
        more = {
            "covariate": _covariate_rep(metric.covariate, arms, reasons),
            "histogram": _histogram_rep(metric.histogram, arms),
            "series": _series_rep(metric.trend, arms) if series else None,
        }
        body |= _present(more, reasons, "")
        if metric.slices:
            body["slices"] = [_slice_rep(one, arms) for one in metric.slices]
        body["notEstimable"] = reasons
    rep: MetricResultsRep = body  # type: ignore[assignment]
    return rep


def _present(figures: Mapping[str, Any], reasons: Reasons, path: str) -> dict[str, Any]:
    """The figures that there are; why others are absent goes into the reasons."""
    found = {}
    for name, figure in figures.items():
        if isinstance(figure, NotEstimable):
            reasons[f"{path}.{name}" if path else name] = figure.reason
        elif figure is not None:
            found[name] = _interval_rep(figure) if isinstance(figure, Interval) else figure
    return found


def _interval_rep(interval: Interval) -> IntervalRep:
    return {"lower": interval.lower, "upper": interval.upper, "level": interval.level}


def _arm_rep(arm: Arm, units: int) -> ArmRep:
    return {
        "treatmentId": arm.id,
        "treatmentName": arm.name,
        "baseline": arm.is_baseline,
        "share": arm.share,
        "units": units,
    }


def _label_rep(label: MetricLabel) -> dict[str, Any]:
    body: dict[str, Any] = {
        "key": label.key,
        "name": label.name,
        "version": label.version,
        "role": label.role,
        "kind": label.kind,
        "estimator": label.estimator,
        "lowerIsBetter": label.lower_is_better,
    }
    if label.step is not None:
        body["step"] = label.step
    return body | {name: text for name, text in (("unit", label.unit), ("group", label.group)) if text}


def _figures_rep(figures: Sequence[ArmFigures], arms: Sequence[Arm], reasons: Reasons) -> list[Any]:
    return [
        {"treatmentId": arm.id, "units": own.units}
        | _present(
            {
                "total": own.total,
                "value": own.value,
                "interval": own.interval,
                "deviation": own.deviation,
                "adjustedValue": own.adjusted,
            },
            reasons,
            f"treatments.{index}",
        )
        for index, (own, arm) in enumerate(zip(figures, arms, strict=True))
    ]


def _comparisons_rep(
    comparisons: Comparisons,
    needed: Sequence[Needed | NotEstimable],
    arms: Sequence[Arm],
    reasons: Reasons,
) -> list[Any]:
    """A row for each treatment but the baseline."""
    rows: list[Any] = []
    for index, arm in enumerate(arms):
        if arm.is_baseline:
            continue
        path, one = f"comparisons.{len(rows)}", comparisons[index]
        if isinstance(one, NotEstimable):
            verdict: VerdictRep = {"word": "not_estimable", "reason": one.reason}
            rows.append({"treatmentId": arm.id, "verdict": verdict})
            reasons[path] = one.reason
            continue
        figures = {
            "effect": one.effect,
            "standardError": one.standard_error,
            "lift": one.lift,
            "alpha": one.alpha,
            "familySize": one.family_size,
            "correctedPValue": one.corrected_p_value,
            "verdict": _verdict_rep(one.verdict),
            "sequential": _sequential_rep(one, reasons, f"{path}.sequential"),
            "fixed": _test_rep(one.fixed, reasons, f"{path}.fixed"),
            "needed": _needed_rep(needed[index], reasons, path) if needed else None,
        }
        rows.append({"treatmentId": arm.id} | _present(figures, reasons, path))
    return rows


def _test_rep(test: Test, reasons: Reasons, path: str) -> dict[str, Any]:
    figures = {"interval": test.interval, "liftInterval": test.lift_interval, "pValue": test.p_value}
    return _present(figures, reasons, path)


def _sequential_rep(one: Compared, reasons: Reasons, path: str) -> dict[str, Any]:
    more = {"logEValue": one.log_e_value}
    return _test_rep(one.sequential, reasons, path) | _present(more, reasons, path)


def _verdict_rep(verdict: Verdict) -> VerdictRep:
    body: VerdictRep = {"word": verdict.word, "reason": verdict.reason}
    if verdict.bound is not None and verdict.bound_of is not None:
        body["bound"], body["boundOf"] = verdict.bound, verdict.bound_of
    return body


def _needed_rep(needed: Needed | NotEstimable, reasons: Reasons, path: str) -> Any:
    if isinstance(needed, NotEstimable):
        return needed
    figures = {"units": needed.units, "missing": needed.missing, "days": needed.days}
    return _present(figures, reasons, f"{path}.needed")


def _covariate_rep(covariate: Covariate | NotEstimable, arms: Sequence[Arm], reasons: Reasons) -> Any:
    if isinstance(covariate, NotEstimable):
        return covariate
    rows = [
        {"treatmentId": arm.id}
        | _present(
            {
                "correlation": covariate.correlation[index],
                "deviationRatio": covariate.deviation_ratio[index],
                "imbalance": covariate.imbalance[index],
                "varianceRemoved": covariate.variance_removed[index],
            },
            reasons,
            f"covariate.treatments.{index}",
        )
        for index, arm in enumerate(arms)
    ]
    return {"treatments": rows} | _present(
        {"imbalancePValue": covariate.imbalance_p_value}, reasons, "covariate"
    )


def _standings_rep(metric: MetricResults, arms: Sequence[Arm], reasons: Reasons) -> list[Any]:
    rows: list[Any] = []
    for index, (one, arm) in enumerate(zip(metric.bayesian, arms, strict=True)):
        path = f"bayesian.treatments.{index}"
        if isinstance(one, NotEstimable):
            reasons[path] = one.reason
            rows.append({"treatmentId": arm.id})
            continue
        lift = one.lift
        known = lift is not None and not isinstance(lift, NotEstimable)
        figures = {
            "mean": one.posterior.distribution.mean,
            "interval": one.interval,
            "probabilityBest": one.probability_best,
            "expectedLoss": one.expected_loss,
            "dataWeight": one.posterior.data_weight,
            "lift": lift.distribution.mean if known else lift,  # type: ignore[union-attr]
            "liftInterval": lift.interval if known else None,  # type: ignore[union-attr]
            "probabilityBeatsBaseline": one.probability_beats_baseline,
            "expectedShortfall": one.expected_shortfall,
            "peekingError": None if arm.is_baseline else metric.peeking_errors[index],
        }
        rows.append({"treatmentId": arm.id} | _present(figures, reasons, path))
    return rows


def _series_rep(trend: Trend | NotEstimable, arms: Sequence[Arm]) -> Any:
    if isinstance(trend, NotEstimable):
        return trend
    # Why a point lacks a figure is what the result itself says: too few units as yet, mostly.
    unsaid: Reasons = {}
    points = [
        {
            "at": point.at_ms,
            "treatments": [
                {"treatmentId": arm.id, "units": point.units[index]}
                | _present(
                    {
                        "value": point.values[index],
                        "effect": point.effects[index],
                        "lift": point.lifts[index],
                        "effectInterval": point.effect_bands[index],
                        "liftInterval": point.lift_bands[index],
                    },
                    unsaid,
                    "",
                )
                for index, arm in enumerate(arms)
            ],
        }
        for point in trend.points
    ]
    return {"granularity": trend.granularity, "points": points}


def _histogram_rep(found: Histogram | NotEstimable, arms: Sequence[Arm]) -> Any:
    if isinstance(found, NotEstimable):
        return found
    rows: list[HistogramArmRep] = [
        {"treatmentId": arm.id, "counts": list(counts)}
        for arm, counts in zip(arms, found.counts, strict=True)
    ]
    return {"edges": list(found.edges), "treatments": rows}


def _slice_rep(piece: SliceResults, arms: Sequence[Arm]) -> SliceRep:
    reasons: Reasons = {}
    return {
        "value": piece.value,
        "treatments": _figures_rep(piece.arms, arms, reasons),
        "comparisons": _comparisons_rep(piece.comparisons, (), arms, reasons),
        "notEstimable": reasons,
    }


def _plan_rep(plan: AnalysisPlan) -> AnalysisPlanRep:
    body: AnalysisPlanRep = {
        "alpha": plan.alpha,
        "correction": plan.correction,
        "correctionScope": plan.scope.value,
        "rule": "fixed" if not plan.always_valid else "sequence" if plan.horizon is None else "hybrid",
        "power": plan.power,
        "minimumLift": plan.minimum_lift,
        "bayesianLevel": plan.bayesian_level,
        "covariateDays": plan.covariate_days,
    }
    if plan.horizon is not None:
        body["horizonUnits"] = plan.horizon
    return body


def _sample_ratio_rep(ratio: SampleRatio | NotEstimable) -> SampleRatioRep | NotEstimable:
    if isinstance(ratio, NotEstimable):
        return ratio
    return {
        "probabilityOfMismatch": ratio.mismatch_probability,
        "pValue": ratio.p_value,
        "fixedPValue": ratio.fixed_p_value,
    }


def _decisions_rep(arms: Sequence[Arm], decisions: Sequence[Decision | NotEstimable]) -> list[DecisionRep]:
    return [
        {"treatmentId": arm.id, "verdict": one.verdict.value, "reasons": list(one.reasons)}
        for arm, one in zip(arms, decisions, strict=True)
        if isinstance(one, Decision)
    ]


def _check_rep(check: Check) -> CheckRep:
    body: CheckRep = {"name": check.name, "status": check.status, "lookedAt": check.looked_at}
    if check.figure is not None:
        body["figure"] = check.figure
    if check.threshold is not None:
        body["threshold"] = check.threshold
    if check.metric:
        body["metric"] = check.metric
    if check.cause:
        body["cause"] = check.cause
    if check.remedy:
        body["remedy"] = check.remedy
    return body


def _computed_rep(provenance: Provenance) -> ComputedRep:
    return {
        "queries": {
            name: [{"sql": query.sql, "parameters": list(query.parameters)} for query in queries]
            for name, queries in provenance.queries.items()
        },
        "methods": dict(provenance.methods),
        "versions": dict(provenance.versions),
    }
