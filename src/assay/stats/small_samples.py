"""What keeps sequential inference honest while there are few units, few conversions or few buyers.

The normal sequences need one rule, measured in docs/explanation/calibration.md: the standard error of a
difference is never taken below the pooled one. With equal arms both are the same, and two-sample
differences of however skewed a metric are near enough symmetric. At 10 % to 90 % a small arm without a
conversion has an error of zero, and without the rule 15 to 40 % of A/A tests of sparse metrics would be
called. There is no least number of units: a rule that waits gives power away and protects less.

For a conversion or a bounded value there are sequences that are exact, free of any normal approximation.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from assay.stats.estimate import Interval, NotEstimable
from assay.stats.moments import Floats
from assay.stats.sequential import mixture_information

_HALVINGS = 100
_NEAREST = 1e-12  # to the ends of the unit interval, where a beta mixture has no density


def cautious_squared_errors(
    treatment: ArrayLike, baseline: ArrayLike, *, units: tuple[ArrayLike, ArrayLike]
) -> tuple[Floats, Floats]:
    """Both arms' squared standard errors, the smaller arm's raised to where their sum is the pooled one.

    `units` of treatment and baseline; all broadcast. Nothing changes with equal arms, nor
    in the limit unless the smaller arm is truly the less variable: then the interval is wider than it need
    be. The sum is the squared error of a difference, and each goes by itself into a lift's (Fieller's)
    quadratic.
    """
    first, second = np.asarray(treatment, dtype=float), np.asarray(baseline, dtype=float)
    n, m = (np.maximum(np.asarray(size, dtype=float), 1.0) for size in units)
    pooled = ((n - 1) * n * first + (m - 1) * m * second) / np.maximum(n + m - 2, 1) * (1 / n + 1 / m)
    missing = np.maximum(pooled - first - second, 0.0)
    return first + np.where(n < m, missing, 0.0), second + np.where(n < m, 0.0, missing)


def log_bounded_e_value(
    total: ArrayLike, n: ArrayLike, *, null: ArrayLike, tuned_at: ArrayLike, alpha: float = 0.05
) -> Floats:
    """Logarithm of the evidence that values in [0, 1] don't have the mean `null`; exact at every look.

    `total`: their sum, over `n` units. Each unit's value must have the same mean given what came before; its
    distribution may change. A beta mixture centred at the null, tightest when n is `tuned_at`.
    Source: Robbins (1970), Ann. Math. Statist. 41:1397, example 2; for bounded values by convexity, as in
    Howard, Ramdas, McAuliffe & Sekhon (2021), Ann. Statist. 49:1055, section 3.1 (sub-Bernoulli).
    """
    hits, size, mean = (np.asarray(value, dtype=float) for value in (total, n, null))
    weight = 1 / mixture_information(1.0, tuned_at=tuned_at, alpha=alpha)
    heads, tails = weight * mean, weight * (1 - mean)
    mixed = special.betaln(heads + hits, tails + size - hits) - special.betaln(heads, tails)
    return np.asarray(mixed - special.xlogy(hits, mean) - special.xlog1py(size - hits, -mean))


def bounded_mean_interval(
    total: float, n: float, *, tuned_at: float, alpha: float = 0.05
) -> Interval | NotEstimable:
    """Confidence sequence of a mean of values in [0, 1]; exact at every look, for any n.

    The nulls that `log_bounded_e_value` leaves: those with an e-value below 1 / alpha.
    """
    if n <= 0:
        return NotEstimable("no units")
    share = total / n
    ends = np.array([0.0, 1.0])
    inside = np.full(2, share)
    for _ in range(_HALVINGS):
        middle = np.clip((ends + inside) / 2, _NEAREST, 1 - _NEAREST)
        evidence = log_bounded_e_value(total, n, null=middle, tuned_at=tuned_at, alpha=alpha)
        excluded = evidence >= -np.log(alpha)
        ends, inside = np.where(excluded, middle, ends), np.where(excluded, inside, middle)
    lower = 0.0 if total <= 0 else float(ends[0])
    upper = 1.0 if total >= n else float(ends[1])
    return Interval(lower, upper, 1 - alpha)


def conversion_lift_interval(
    conversions: tuple[int, int], *, share: float, tuned_at: float, alpha: float = 0.05
) -> Interval | NotEstimable:
    """Confidence sequence of the lift of a conversion rate, from (treatment, baseline) conversions alone.

    `share`: the treatment's planned share of the two arms' units; `tuned_at`: conversions of both together.
    Of the units that convert, each is the treatment's with chance share · p_T / (share · p_T + (1 − share)
    · p_B) whatever came before, so the sequence is exact however few they are, and needs no units without
    one. The upper end is infinite while the baseline might have none. Assumes a lift that is the same at
    all times.
    Source: Lindon & Malek (2022), NeurIPS 35, section 4.
    """
    treated, total = conversions[0], sum(conversions)
    if total == 0:
        return NotEstimable("no conversions")
    split = bounded_mean_interval(treated, total, tuned_at=tuned_at, alpha=alpha)
    if isinstance(split, NotEstimable):
        return split
    odds = (1 - share) / share
    upper = split.upper / (1 - split.upper) * odds - 1 if split.upper < 1 else float("inf")
    return Interval(split.lower / (1 - split.lower) * odds - 1, upper, split.level)


def log_conversion_e_value(
    conversions: tuple[ArrayLike, ArrayLike], *, share: float, tuned_at: ArrayLike, alpha: float = 0.05
) -> Floats:
    """Logarithm of the evidence that the (treatment, baseline) conversion rates differ; arrays broadcast."""
    treated, rest = (np.asarray(value, dtype=float) for value in conversions)
    return log_bounded_e_value(treated, treated + rest, null=share, tuned_at=tuned_at, alpha=alpha)
