"""From what each variation estimates to the difference between a treatment and the baseline.

Every method of this room that is normal in large samples (means, ratios, percentiles, adjusted or not)
ends in one `ArmEstimates`; from there on one path leads to effects, lifts and tests.
"""

from dataclasses import dataclass
from math import inf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from assay.stats.estimate import Alternative, Effect, Estimate, Interval, NotEstimable, Status
from assay.stats.moments import Floats, Integers, JointMoments

Statuses = NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class ArmEstimates:
    """What each variation estimates, in arrays of shape (..., variations).

    `n` units; `value` in the metric's unit, 0 where there is none; `squared_error` of the value and its
    degrees of `freedom`; `status`, a `Status` each. Adjusted values share the noise of the covariates'
    common mean: `slopes[..., variations, p]` times an error of covariance `shared[..., p, p]`; else p is 0.
    """

    n: Integers
    value: Floats
    squared_error: Floats
    freedom: Floats
    status: Statuses
    slopes: Floats
    shared: Floats

    @classmethod
    def independent(
        cls, n: Integers, value: Floats, *, squared_error: Floats, freedom: Floats, status: Statuses
    ) -> "ArmEstimates":
        """Estimates of variations that share no noise."""
        shape = np.shape(n)
        return cls(
            n, value, squared_error, freedom, status, np.zeros((*shape, 0)), np.zeros((*shape[:-1], 0, 0))
        )

    def with_status(self, status: Statuses) -> "ArmEstimates":
        """The same, but not estimable where `status` says so."""
        merged = np.where(status != Status.OK, status, self.status).astype(np.int8)
        return ArmEstimates(
            self.n, self.value, self.squared_error, self.freedom, merged, self.slopes, self.shared
        )


@dataclass(frozen=True, slots=True, eq=False)
class Contrasts:
    """Each treatment against the baseline, in arrays of shape (..., treatments), and what a lift needs.

    `effect` and its `variance`; the `baseline` value and its variance; the `covariance` of effect and
    baseline; Welch's degrees of `freedom`; `n` units of both together; `status`, a `Status` each.
    """

    n: Integers
    effect: Floats
    variance: Floats
    baseline: Floats
    baseline_variance: Floats
    covariance: Floats
    freedom: Floats
    status: Statuses

    @property
    def standard_error(self) -> Floats:
        """Of the effect, in the metric's unit."""
        return np.sqrt(self.variance)


def mean_estimates(moments: JointMoments) -> ArmEstimates:
    """The mean of the first variable in each variation, and its squared error s²/n.

    `moments` of shape (..., variations). Assumes independent units and finite variance.
    Source: Welch (1947), Biometrika 34:28–35, for the errors' degrees of freedom n − 1.
    """
    n, freedom = moments.n, np.maximum(moments.n - 1, 1).astype(np.float64)
    squared_error = moments.products[..., 0, 0] / (freedom * np.maximum(n, 1))
    few = np.where(n == 0, np.int8(Status.NO_UNITS), np.int8(Status.FEWER_THAN_TWO_UNITS))
    status = np.where(n < 2, few, np.int8(Status.OK))
    return ArmEstimates.independent(
        n, moments.mean[..., 0], squared_error=squared_error, freedom=freedom, status=status
    )


def contrasts(arms: ArmEstimates, baseline: int = 0) -> Contrasts:
    """Every other variation, in its order, minus the one at index `baseline`.

    The variance is the sum of both squared errors, and where slopes differ, of what the difference does to
    the covariates' common mean. Source: Welch (1947); Negi & Wooldridge (2021), Econometric Reviews
    40:504–534, theorem 1, for the variance when units are a sample of a population.
    """
    n, value, own, freedom, slopes = (
        apart(part, baseline, axis)
        for part, axis in (
            (arms.n, -1),
            (arms.value, -1),
            (arms.squared_error, -1),
            (arms.freedom, -1),
            (arms.slopes, -2),
        )
    )
    tilt = slopes.others - slopes.baseline
    # What moves the baseline and, through a difference of slopes, the effect.
    drift = slopes.baseline @ arms.shared
    noise = own.others + own.baseline
    return Contrasts(
        n=n.others + n.baseline,
        effect=value.others - value.baseline,
        variance=noise + _dot(tilt @ arms.shared, tilt),
        baseline=np.broadcast_to(value.baseline, value.others.shape),
        baseline_variance=np.broadcast_to(own.baseline + _dot(drift, slopes.baseline), noise.shape),
        covariance=_dot(drift, tilt) - own.baseline,
        freedom=welch_freedom(own.others, own.baseline, freedom=(freedom.others, freedom.baseline)),
        status=_pair_status(arms.status, baseline, noise),
    )


def welch_freedom(first: Floats, second: Floats, *, freedom: tuple[Floats, Floats]) -> Floats:
    """Degrees of freedom of a sum of two squared errors; infinite without any.

    Source: Welch (1947), Biometrika 34:28–35; Satterthwaite (1946), Biometrics 2:110–114.
    """
    total = first + second
    # Shares before squares: the square of a tiny error underflows.
    scale = np.where(total > 0, total, 1.0)
    spread = (first / scale) ** 2 / freedom[0] + (second / scale) ** 2 / freedom[1]
    return np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), inf)


def t_quantile(probability: float, freedom: Any) -> Any:
    """Student's quantile, the normal one for infinite degrees of freedom."""
    return special.stdtrit(freedom, probability)


def t_test(statistic: Any, freedom: Any, alternative: Alternative = "two-sided") -> Any:
    """p-value of a Student statistic; "greater" is evidence for a positive one."""
    if alternative == "two-sided":
        return 2 * special.stdtr(freedom, -np.abs(statistic))
    return special.stdtr(freedom, -statistic if alternative == "greater" else statistic)


def effect(
    arms: ArmEstimates, *, margin: float = 0.0, level: float = 0.95, alternative: Alternative = "two-sided"
) -> Effect | NotEstimable:
    """Treatment minus baseline, of a pair of variations with the baseline first.

    The p-value tests an effect of `margin`, so that non-inferiority by 2 where more is better is
    `margin=-2, alternative="greater"`. One-sided intervals hold the whole level on one side: "greater" has
    a lower bound alone, "less" an upper one. Source: Welch (1947), Biometrika 34:28–35.
    """
    contrast = contrasts(arms)
    return _effect(contrast, margin=margin, level=level, alternative=alternative)


def relative_margin_effect(
    arms: ArmEstimates, *, margin: float, level: float = 0.95, alternative: Alternative = "greater"
) -> Effect | NotEstimable:
    """Treatment minus (1 + margin) times the baseline, of a pair with the baseline first; tested against 0.

    Non-inferiority by 2 % where more is better is `margin=-0.02, alternative="greater"`. Nothing is divided
    by the baseline, so that it holds however near zero that is; a negative baseline's margin is taken of
    its size. Source: Hasler, Vonk & Hothorn (2008), Statistics in Medicine 27:490–503, section 2.
    """
    contrast = contrasts(arms)
    part = np.where(contrast.baseline < 0, -margin, margin)
    shifted = Contrasts(
        n=contrast.n,
        effect=contrast.effect - part * contrast.baseline,
        variance=relative_variance(contrast, part),
        baseline=contrast.baseline,
        baseline_variance=contrast.baseline_variance,
        covariance=contrast.covariance - part * contrast.baseline_variance,
        freedom=welch_freedom(
            arms.squared_error[..., 1:],
            (1 + part) ** 2 * arms.squared_error[..., :1],
            freedom=(arms.freedom[..., 1:], arms.freedom[..., :1]),
        ),
        status=contrast.status,
    )
    return _effect(shifted, margin=0.0, level=level, alternative=alternative)


def relative_variance(contrast: Contrasts, part: Any) -> Floats:
    """Variance of the effect minus `part` times the baseline."""
    variance: Floats = (
        contrast.variance - 2 * part * contrast.covariance + part * part * contrast.baseline_variance
    )
    return variance


def _effect(
    contrast: Contrasts, *, margin: float, level: float, alternative: Alternative
) -> Effect | NotEstimable:
    status = Status(contrast.status.item())
    if status != Status.OK:
        return status.not_estimable()
    value, freedom = contrast.effect.item(), contrast.freedom.item()
    estimate = Estimate(value, sqrt(contrast.variance.item()), freedom)
    p_value = t_test((value - margin) / estimate.standard_error, freedom, alternative)
    return Effect(estimate, student_interval(estimate, level, alternative), float(p_value))


def student_interval(
    estimate: Estimate, level: float = 0.95, alternative: Alternative = "two-sided"
) -> Interval:
    """value ± t · standard error; one-sided with the whole error on one side. Source: Student (1908)."""
    tail = (1 - level) / 2 if alternative == "two-sided" else 1 - level
    half = -float(t_quantile(tail, estimate.degrees_of_freedom)) * estimate.standard_error
    lower = -inf if alternative == "less" else estimate.value - half
    upper = inf if alternative == "greater" else estimate.value + half
    return Interval(lower, upper, level)


@dataclass(frozen=True, slots=True, eq=False)
class Apart:
    others: Any
    baseline: Any


def apart(values: Any, baseline: int, axis: int) -> Apart:
    """The baseline's entries, with an axis of length one, and the others'."""
    count = values.shape[axis]
    if not 0 <= baseline < count:
        raise ValueError(f"no variation has the index {baseline}; there are {count}")
    others = [i for i in range(count) if i != baseline]
    return Apart(np.take(values, others, axis=axis), np.take(values, [baseline], axis=axis))


def _pair_status(status: Statuses, baseline: int, noise: Floats) -> Statuses:
    both = apart(status, baseline, -1)
    flat = np.where(noise > 0, np.int8(Status.OK), np.int8(Status.NO_VARIANCE))
    first = np.where(both.others != Status.OK, both.others, both.baseline)
    return np.where(first != Status.OK, first, flat).astype(np.int8)


def _dot(first: Floats, second: Floats) -> Floats:
    product: Floats = (first * second).sum(axis=-1)
    return product
