"""From measured metrics to what may be said of them, all together, because they share alpha."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from assay.analysis.arms import NO_COVARIATE, Estimates, figures
from assay.analysis.cells import variables
from assay.analysis.comparisons import OUT_OF_RANGE, Design, compared, first_p_values
from assay.analysis.experiment_results import (
    Comparisons,
    Covariate,
    FailedMetric,
    MetricResults,
    SliceResults,
    Trend,
)
from assay.analysis.families import LEAST_ALPHA, Shares, shared_alpha
from assay.analysis.measuring import Measured
from assay.analysis.needs import Pace, needed
from assay.analysis.peeking import peeking_errors
from assay.analysis.posteriors import Model, conversion_standings, mean_standings
from assay.analysis.results import Estimated
from assay.analysis.trends import Course, trend_of
from assay.stats.adjustment import variance_factor
from assay.stats.bayesian import CONVERSION_SPREAD, MEAN_SPREAD, Standing
from assay.stats.contrasts import contrasts, mean_estimates, t_test
from assay.stats.direction import Direction
from assay.stats.estimate import NotEstimable, Status
from assay.stats.moments import Floats, Integers, JointMoments

# What numbers of very different sizes end in, somewhere in the mathematics.
OUT_OF_RANGE_ERRORS = (OverflowError, ZeroDivisionError, ValueError)


@dataclass(frozen=True, slots=True)
class Moment:
    """When the judging happens: the pace so far, and `is_over` where the iteration has stopped."""

    is_over: bool
    pace: Pace


def judged(
    metrics: Sequence[Measured], design: Design, moment: Moment
) -> tuple[MetricResults | FailedMetric, ...]:
    """Each metric's results, alpha shared as the plan says; one whose numbers lead out of range costs only itself."""
    if not metrics:
        return ()
    with np.errstate(all="ignore"):
        previous = [_previous(metric, moment) for metric in metrics]
        rows = [
            _first_p_values(design, metric, before) for metric, before in zip(metrics, previous, strict=True)
        ]
        shares = shared_alpha(np.stack(rows), design.plan)
        return tuple(
            _judged_safely(metric, design, moment, shares=shares, row=row, previous=previous[row])
            for row, metric in enumerate(metrics)
        )


def _first_p_values(design: Design, metric: Measured, previous: Integers | None) -> Floats:
    try:
        return first_p_values(design, metric.found.best, previous)
    except OUT_OF_RANGE_ERRORS:
        return np.full(len(design.treatments), np.nan)


def _judged_safely(
    metric: Measured,
    design: Design,
    moment: Moment,
    *,
    shares: Shares,
    row: int,
    previous: Integers | None,
) -> MetricResults | FailedMetric:
    try:
        return _judged(metric, design, moment, shares=shares, row=row, previous=previous)
    except OUT_OF_RANGE_ERRORS:
        return FailedMetric(metric.label, OUT_OF_RANGE)


def _judged(
    metric: Measured,
    design: Design,
    moment: Moment,
    *,
    shares: Shares,
    row: int,
    previous: Integers | None,
) -> MetricResults:
    direction = Direction.LOWER_IS_BETTER if metric.label.lower_is_better else Direction.HIGHER_IS_BETTER
    comparisons = compared(
        design, metric.found.best, shares, row=row, direction=direction.value, previous=previous
    )
    standings, model = _standings(metric, design, direction)
    return MetricResults(
        label=metric.label,
        arms=figures(metric.found, 1 - design.plan.alpha, totals=metric.totals, is_share=metric.is_share),
        comparisons=comparisons,
        needed=needed(design, metric.found.best, comparisons, moment.pace),
        covariate=covariate_of(metric.found, design.baseline),
        bayesian=standings,
        bayesian_model=model,
        trend=_trend(metric, design, shares, row=row, is_over=moment.is_over),
        histogram=metric.histogram,
        slices=_slices(metric, design, shares, row=row, direction=direction),
        peeking_errors=peeking_errors(
            metric.course,
            metric.label.estimator,
            design,
            spread=CONVERSION_SPREAD if model == "beta" else MEAN_SPREAD,
        ),
    )


def covariate_of(found: Estimates, baseline: int) -> Covariate | NotEstimable:
    """What the pre-period covariate did for the estimates; from the first covariate where there are two."""
    if found.adjusted is None:
        return NO_COVARIATE
    moments, arms = found.moments, range(len(found.moments.n))
    common = moments.total().mean[1]
    factor = variance_factor(found.adjusted, found.plain)
    return Covariate(
        correlation=tuple(_correlation(moments, arm) for arm in arms),
        deviation_ratio=tuple(_deviation_ratio(moments, arm) for arm in arms),
        imbalance=tuple((moments.mean[:, 1] - common).tolist()),
        variance_removed=tuple((1 - factor).tolist()),
        imbalance_p_value=_imbalance(moments, baseline),
    )


def _previous(metric: Measured, moment: Moment) -> Integers | None:
    if isinstance(metric.course, NotEstimable):
        return None
    return metric.course.previous_units(is_over=moment.is_over)


def _standings(
    metric: Measured, design: Design, direction: Direction
) -> tuple[tuple[Standing | NotEstimable, ...], Model]:
    level = design.plan.bayesian_level
    if metric.is_share and metric.found.adjusted is None:
        found = conversion_standings(metric.found.plain, design.baseline, direction=direction, level=level)
        return found, "beta"
    return mean_standings(metric.found.best, design.baseline, direction=direction, level=level), "normal"


def _trend(
    metric: Measured, design: Design, shares: Shares, *, row: int, is_over: bool
) -> Trend | NotEstimable:
    if not isinstance(metric.course, Course):
        return metric.course
    return trend_of(metric.course, metric.label.estimator, design, shares.alpha[row], is_over=is_over)


def _slices(
    metric: Measured, design: Design, shares: Shares, *, row: int, direction: Direction
) -> tuple[SliceResults, ...]:
    """Each slice at its part of the metric's alpha (Bonferroni), and at no planned size of its own."""
    count = max(1, len(metric.slices))
    own = replace(
        shares,
        alpha=np.maximum(shares.alpha / count, LEAST_ALPHA),
        p_value=np.full(shares.p_value.shape, np.nan),
        family_size=shares.family_size * count,
    )
    open_ended = replace(design, plan=replace(design.plan, horizon=None, always_valid=True))
    return tuple(
        SliceResults(
            value=piece.value,
            arms=figures(piece.found, 1 - design.plan.alpha, totals=piece.totals, is_share=metric.is_share),
            comparisons=_with_own_correction(
                compared(open_ended, piece.found.best, own, row=row, direction=direction.value),
                design.plan.alpha,
            ),
        )
        for piece in metric.slices
    )


def _with_own_correction(comparisons: Comparisons, alpha: float) -> Comparisons:
    """With p-values as many times larger as the comparison's alpha is smaller than the plan's."""
    return tuple(
        one
        if isinstance(one, NotEstimable) or isinstance(one.sequential.p_value, NotEstimable)
        else replace(one, corrected_p_value=min(1.0, one.sequential.p_value * alpha / one.alpha))
        for one in comparisons
    )


def _correlation(moments: JointMoments, arm: int) -> Estimated:
    products = moments.products[arm]
    scale = float(np.sqrt(products[0, 0] * products[1, 1]))
    return float(products[0, 1] / scale) if scale > 0 else Status.NO_VARIANCE.not_estimable()


def _deviation_ratio(moments: JointMoments, arm: int) -> Estimated:
    products = moments.products[arm]
    if products[1, 1] <= 0:
        return Status.NO_VARIANCE.not_estimable()
    return float(np.sqrt(products[0, 0] / products[1, 1]))


def _imbalance(moments: JointMoments, baseline: int) -> Estimated:
    """The smallest p-value of Welch's tests of the covariate against the baseline, times their number."""
    contrast = contrasts(mean_estimates(variables(moments, [1])), baseline)
    known = contrast.status == Status.OK
    if not known.any():
        return Status(int(contrast.status.max())).not_estimable()
    z = contrast.effect[known] / contrast.standard_error[known]
    p_values = t_test(z, contrast.freedom[known])
    return min(1.0, float(p_values.min()) * int(known.sum()))
