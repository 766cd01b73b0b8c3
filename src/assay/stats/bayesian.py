"""LaunchDarkly's documented Bayesian model: priors, posteriors, and what they say about the treatments.

Conversions are beta-binomial, everything else is normal-normal with the sample variance plugged in. The
treatments' priors are centred on the baseline's data; the posteriors are then taken as independent, as
documented. That is an approximation: docs/explanation/methods/bayesian.md says what it costs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from scipy import special

from assay.stats.best import Ranking, rank
from assay.stats.direction import Direction
from assay.stats.distributions import Beta, Distribution, Normal
from assay.stats.estimate import Interval, NotEstimable
from assay.stats.moments import Moments

MEAN_SPREAD = 0.16
"""Prior variance of a treatment's lift for numeric metrics; documented as 0.13 to 0.19 by kind of metric."""
CONVERSION_SPREAD = 0.04
"""Prior variance of a treatment's lift for conversions, as documented."""
UNIFORM = Beta(1.0, 1.0)
LEAST_CONCENTRATION = 2.0  # what the uniform prior is worth
CERTAINTY_OF_BASELINE = float(special.ndtri(0.975))


@dataclass(frozen=True, slots=True)
class Conversions:
    """`n` units of which `successes` converted."""

    n: int
    successes: int

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.n:
            raise ValueError(f"not a number of conversions: {self}")

    @property
    def rate(self) -> float:
        """The share that converted; needs a unit."""
        return self.successes / self.n


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is known about a treatment's mean: posterior mean = w·`data_mean` + (1 − w)·mean of the prior.

    w is `data_weight`; a flat prior is None and leaves w = 1. `data_deviation` is the sample's.
    """

    distribution: Distribution
    prior: Distribution | None
    data_weight: float
    data_mean: float
    data_deviation: float | NotEstimable


@dataclass(frozen=True, slots=True)
class Lift:
    """The lift's posterior, a normal by the delta method, with its credible interval."""

    distribution: Normal
    interval: Interval


@dataclass(frozen=True, slots=True)
class Standing:
    """One treatment among all: `interval` is the highest-density one of its mean.

    The last three compare with the baseline, which itself has none of them; losses are in the metric's unit.
    """

    posterior: Posterior
    interval: Interval
    probability_best: float
    expected_loss: float
    lift: Lift | NotEstimable | None
    probability_beats_baseline: float | None
    expected_shortfall: float | None


def unit_information_prior(data: Moments) -> Normal | None:
    """A proper prior for the baseline that is worth one of its units, so that w = n / (n + 1).

    None, which is flat, where the data have no variance to scale it by; nothing is estimable there anyway.
    Source: Kass & Wasserman (1995), JASA 90:928, section 2.
    """
    if data.n < 2 or data.squares == 0:
        return None
    return Normal(data.mean, sqrt(data.variance))


def flat_prior(_: Moments) -> None:
    """The documented prior of the baseline's mean: flat, improper, w = 1."""


def mean_posteriors(
    samples: Sequence[Moments],
    *,
    spread: float = MEAN_SPREAD,
    prior_of_baseline: Callable[[Moments], Normal | None] = unit_information_prior,
) -> list[Posterior | NotEstimable]:
    """Normal posteriors of the means of k treatments, the baseline first: the documented model.

    The baseline's prior is proper by default; pass `flat_prior` for the documented one. Assumes independent
    units and means that are near enough to normal.
    """
    baseline = normal_posterior(samples[0], prior_of_baseline(samples[0]))
    if isinstance(baseline, NotEstimable):
        return [baseline, *(_no_baseline(baseline) for _ in samples[1:])]
    prior = treatment_prior(samples[0], spread)
    return [baseline, *(normal_posterior(sample, prior) for sample in samples[1:])]


def conversion_posteriors(
    samples: Sequence[Conversions], *, spread: float = CONVERSION_SPREAD, baseline_prior: Beta = UNIFORM
) -> list[Posterior | NotEstimable]:
    """Beta posteriors of the conversion rates of k treatments, the baseline first: the documented model."""
    baseline = beta_posterior(samples[0], baseline_prior)
    if isinstance(baseline, NotEstimable):
        return [baseline, *(_no_baseline(baseline) for _ in samples[1:])]
    prior = treatment_conversion_prior(samples[0], spread)
    return [baseline, *(beta_posterior(sample, prior) for sample in samples[1:])]


def treatment_prior(baseline: Moments, spread: float = MEAN_SPREAD) -> Normal:
    """Prior of a treatment's mean: around the baseline's ȳ_0 with variance ȳ_0²·spread + σ̂_0²/n_0.

    Needs a baseline with variance. Source: LaunchDarkly, "Experimentation statistical methodology".
    """
    return Normal(baseline.mean, sqrt(baseline.mean**2 * spread + baseline.variance / baseline.n))


def treatment_conversion_prior(baseline: Conversions, spread: float = CONVERSION_SPREAD) -> Beta:
    """Prior of a treatment's rate: the beta with mean ȳ_0 and variance ȳ_0²·spread + ȳ_0(1 − ȳ_0)/n_0.

    Where the baseline has no or only conversions, ȳ_0 gives way to its posterior mean under the uniform
    prior. Near 1 the documented variance is more than any beta on [0, 1] has: the prior is never worth less
    than the uniform's two units. Source: LaunchDarkly, "Experimentation statistical methodology".
    """
    rate = baseline.rate
    if rate in (0.0, 1.0):
        rate = (baseline.successes + 1) / (baseline.n + 2)
    noise = rate * (1 - rate)
    concentration = max(noise / (rate * rate * spread + noise / baseline.n) - 1, LEAST_CONCENTRATION)
    return Beta(rate * concentration, (1 - rate) * concentration)


def normal_posterior(data: Moments, prior: Normal | None) -> Posterior | NotEstimable:
    """Posterior of a mean whose sampling variance is σ̂²/n: precisions add, None is the flat prior.

    Source: Gelman et al. (2013), "Bayesian Data Analysis", 3rd ed., eq. 2.11–2.12.
    """
    if data.n < 2:
        return NotEstimable("fewer than two units")
    if data.squares == 0:
        return NotEstimable("all units have the same value")
    precision = data.n / data.variance
    prior_precision = 0.0 if prior is None else prior.sigma**-2
    weight = precision / (precision + prior_precision)
    centre = data.mean if prior is None else prior.mu + weight * (data.mean - prior.mu)
    posterior = Normal(centre, 1 / sqrt(precision + prior_precision))
    return Posterior(posterior, prior, weight, data.mean, sqrt(data.variance))


def beta_posterior(data: Conversions, prior: Beta) -> Posterior | NotEstimable:
    """Posterior of a conversion rate; zero conversions are fine. w = n / (n + α + β).

    Source: Gelman et al. (2013), section 2.4.
    """
    if data.n == 0:
        return NotEstimable("no units")
    posterior = Beta(prior.alpha + data.successes, prior.beta + data.n - data.successes)
    weight = data.n / (data.n + prior.alpha + prior.beta)
    return Posterior(posterior, prior, weight, data.rate, _bernoulli_deviation(data))


def standings(
    posteriors: Sequence[Posterior | NotEstimable], direction: Direction, *, level: float = 0.9
) -> list[Standing | NotEstimable]:
    """Every treatment's place among those that have a posterior, the baseline first.

    P(best), P(beats the baseline) and the losses by quadrature, error below 1e-8.
    """
    baseline = posteriors[0]
    if isinstance(baseline, NotEstimable):
        return [p if isinstance(p, NotEstimable) else _no_baseline(baseline) for p in posteriors]
    known = [posterior for posterior in posteriors if isinstance(posterior, Posterior)]
    ranking = rank([posterior.distribution for posterior in known], direction)
    placed = iter(
        [_standing(baseline, 0, ranking, level)]
        + [
            _compared(_standing(posterior, i, ranking, level), baseline, i, ranking)
            for i, posterior in enumerate(known[1:], start=1)
        ]
    )
    return [p if isinstance(p, NotEstimable) else next(placed) for p in posteriors]


def highest_density_interval(distribution: Distribution, level: float = 0.9) -> Interval:
    """The shortest interval with probability `level`: symmetric for a normal, found on a beta's quantiles.

    A beta with one parameter ≤ 1 has its highest density at that end, and the interval starts there. Raises
    ValueError for a beta with both below 1, whose densest set is two intervals; no data lead to one.
    Source: Box & Tiao (1973), "Bayesian Inference in Statistical Analysis", section 2.8.
    """
    if isinstance(distribution, Normal):
        tail = (1 - level) / 2
        return Interval(distribution.quantile(tail), distribution.quantile(1 - tail), level)
    if max(distribution.alpha, distribution.beta) < 1:
        raise ValueError("a beta with both parameters below 1 has no single highest-density interval")
    below = _probability_below_densest(distribution, level)
    return Interval(distribution.quantile(below), distribution.quantile(min(below + level, 1.0)), level)


def lift_of(treatment: Distribution, baseline: Distribution, level: float = 0.9) -> Lift | NotEstimable:
    """Posterior of the relative difference, a fraction of the baseline, by the delta method as documented.

    Normal(m/m_0 − 1, ω²/m_0² + m²ω_0²/m_0⁴) with the posteriors' means m and deviations ω; relative to |m_0|
    where that is negative. Not estimable where the baseline's mean can't be told from 0 at 95 %, because
    the ratio has no interval there. Source: LaunchDarkly, "Experimentation statistical methodology".
    """
    if abs(baseline.mean) <= CERTAINTY_OF_BASELINE * baseline.deviation:
        return NotEstimable("the baseline's mean can't be told from zero")
    scale = abs(baseline.mean)
    ratio = treatment.mean / baseline.mean
    deviation = np.hypot(treatment.deviation, ratio * baseline.deviation) / scale
    posterior = Normal((treatment.mean - baseline.mean) / scale, float(deviation))
    return Lift(posterior, highest_density_interval(posterior, level))


def _standing(posterior: Posterior, i: int, ranking: Ranking, level: float) -> Standing:
    interval = highest_density_interval(posterior.distribution, level)
    return Standing(posterior, interval, float(ranking.best[i]), float(ranking.losses[i]), None, None, None)


def _compared(standing: Standing, baseline: Posterior, i: int, ranking: Ranking) -> Standing:
    return replace(
        standing,
        lift=lift_of(standing.posterior.distribution, baseline.distribution, standing.interval.level),
        probability_beats_baseline=float(ranking.beats_first[i]),
        expected_shortfall=float(ranking.shortfalls[i]),
    )


def _probability_below_densest(distribution: Beta, level: float) -> float:
    """Bisection on the probability left below: at the shortest interval both ends are equally dense."""
    if distribution.alpha <= 1 <= distribution.beta:
        return 0.0
    if distribution.beta <= 1:
        return 1 - level
    low, high = 0.0, 1 - level
    for _ in range(40):  # to 1e-12 of the probability
        middle = (low + high) / 2
        if _log_density(distribution, middle) < _log_density(distribution, middle + level):
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _log_density(distribution: Beta, p: float) -> float:
    value = distribution.quantile(p)
    return float(
        special.xlogy(distribution.alpha - 1, value) + special.xlog1py(distribution.beta - 1, -value)
    )


def _bernoulli_deviation(data: Conversions) -> float | NotEstimable:
    if data.n < 2:
        return NotEstimable("fewer than two units")
    return sqrt(data.rate * (1 - data.rate) * data.n / (data.n - 1))


def _no_baseline(reason: NotEstimable) -> NotEstimable:
    return NotEstimable(f"the baseline can't be estimated: {reason.reason}")
