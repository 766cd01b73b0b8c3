"""From moments to estimates for flag-scoped experiments: fixed-horizon figures, each for one metric kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from assay.analysis.results import Estimated, MaybeInterval, Measured, Overall, VariationTotal
from assay.experiments.metric import Metric
from assay.stats.estimate import Interval, NotEstimable
from assay.stats.fixed_horizon import (
    mean_interval,
    pearson_chi_square,
    two_proportion_test,
    welch_anova,
    welch_test,
    wilson_interval,
)
from assay.stats.moments import Moments
from assay.stats.power import mean_sample_size, proportion_sample_size
from assay.warehouse.queries.timeline import Slice

LEVEL = 0.95
ALPHA = 0.05
POWER = 0.8
MINIMUM_LIFT = 0.1

IS_BASELINE = NotEstimable("it is the baseline")
OUT_OF_RANGE = NotEstimable("its values are too far apart in size")
LARGEST_FIGURE = 1e300
MOST_UNITS = 2**53

P = ParamSpec("P")
Figure = TypeVar("Figure", float, int, Interval)


@dataclass(frozen=True, slots=True)
class Arm:
    """A variation at some time: the sum of its values, its conversions or events, its moments."""

    value: float
    count: int
    moments: Moments


def measured_so_far(metric: Metric, arm: Arm) -> Measured:
    """The metric over all units exposed so far."""
    if metric.value_of == "conversion":
        return _proportion(arm.count, arm.moments.n)
    return _mean(arm.moments, arm.value, arm.count)


def measured_within(metric: Metric, piece: Slice, converted_before: int) -> Measured:
    """The metric in one bucket: of the units exposed by its end; conversions, of those not converted before."""
    if metric.value_of == "conversion":
        return _proportion(piece.events, piece.exposed - converted_before)
    return _mean(piece.within, piece.change, piece.events)


def totals(metric: Metric, arms: Sequence[Arm], baseline: int) -> tuple[VariationTotal, ...]:
    """Each variation against the baseline."""
    size = _sample_size(metric, arms[baseline].moments)
    return tuple(
        VariationTotal(
            exposed=arm.moments.n,
            measured=measured_so_far(metric, arm),
            lift=IS_BASELINE if arm is arms[baseline] else _lift(arm.moments, arms[baseline].moments),
            p_value=IS_BASELINE if arm is arms[baseline] else _p_value(metric, arm, arms[baseline]),
            sample_size=size,
        )
        for arm in arms
    )


def overall(metric: Metric, arms: Sequence[Arm], rows: Sequence[VariationTotal], baseline: int) -> Overall:
    """The test over all variations, and the winner where one may be named."""
    met = all(
        not isinstance(row.sample_size, NotEstimable) and row.exposed >= row.sample_size for row in rows
    )
    p_value, chi_square = _homogeneity(metric, arms)
    winner = _winner(metric, arms, rows, baseline) if met else None
    return Overall(p_value, chi_square, winner, met)


def _in_range(
    method: Callable[P, Figure | NotEstimable], *args: P.args, **kwargs: P.kwargs
) -> Figure | NotEstimable:
    """What the method says, unless values of very different sizes lead it out of the range of numbers."""
    try:
        found = method(*args, **kwargs)
    except (OverflowError, ZeroDivisionError):
        return OUT_OF_RANGE
    if isinstance(found, NotEstimable):
        return found
    figures = (found.lower, found.upper) if isinstance(found, Interval) else (found,)
    return found if all(abs(figure) <= LARGEST_FIGURE for figure in figures) else OUT_OF_RANGE


def _homogeneity(metric: Metric, arms: Sequence[Arm]) -> tuple[Estimated, Estimated]:
    if metric.value_of == "conversion":
        result = pearson_chi_square([arm.count for arm in arms], [arm.moments.n for arm in arms])
        return (result, result) if isinstance(result, NotEstimable) else (result.p_value, result.statistic)
    no_table = NotEstimable("chi-square is for conversions")
    if len(arms) == 2:
        return _in_range(welch_test, arms[1].moments, arms[0].moments), no_table
    return _in_range(welch_anova, [arm.moments for arm in arms]), no_table


def _winner(metric: Metric, arms: Sequence[Arm], rows: Sequence[VariationTotal], baseline: int) -> int | None:
    """The best treatment that is significantly better; the baseline where every treatment is significantly worse.

    Several treatments share alpha (Bonferroni), since any of them might win by chance.
    """
    alpha = ALPHA / (len(arms) - 1)
    sign = -1 if metric.lower_is_better else 1
    effects = [sign * (arm.moments.mean - arms[baseline].moments.mean) for arm in arms]
    significant = [not isinstance(row.p_value, NotEstimable) and row.p_value <= alpha for row in rows]
    treatments = [index for index in range(len(arms)) if index != baseline]
    better = [index for index in treatments if significant[index] and effects[index] > 0]
    if better:
        return max(better, key=lambda index: effects[index])
    return baseline if all(significant[index] and effects[index] < 0 for index in treatments) else None


def _p_value(metric: Metric, arm: Arm, baseline: Arm) -> Estimated:
    if metric.value_of == "conversion":
        return two_proportion_test((arm.count, baseline.count), (arm.moments.n, baseline.moments.n))
    return _in_range(welch_test, arm.moments, baseline.moments)


def _lift(treatment: Moments, baseline: Moments) -> Estimated:
    if min(treatment.n, baseline.n) == 0:
        return NotEstimable("a variation has no units")
    if baseline.mean <= 0:
        return NotEstimable("a lift needs a baseline above zero")
    return _in_range(lambda: (treatment.mean - baseline.mean) / baseline.mean)


def _sample_size(metric: Metric, baseline: Moments) -> int | NotEstimable:
    if metric.value_of == "conversion":
        return proportion_sample_size(baseline.mean, MINIMUM_LIFT, power=POWER, alpha=ALPHA)
    size = _in_range(mean_sample_size, baseline, MINIMUM_LIFT, power=POWER, alpha=ALPHA)
    return size if isinstance(size, NotEstimable) or size <= MOST_UNITS else OUT_OF_RANGE


def _proportion(successes: int, n: int) -> Measured:
    rate: Estimated = successes / n if n else NotEstimable("no units")
    return Measured(float(successes), successes, rate, wilson_interval(successes, n, LEVEL))


def _mean(moments: Moments, value: float, count: int) -> Measured:
    rate: Estimated = value / moments.n if moments.n else NotEstimable("no units")
    interval: MaybeInterval = _in_range(mean_interval, moments, LEVEL)
    return Measured(value, count, rate, interval)
