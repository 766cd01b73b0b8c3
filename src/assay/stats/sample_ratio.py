"""Whether the units arrived in the shares that were planned; a test that holds at every look, and the usual
one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from assay.stats.estimate import NotEstimable
from assay.stats.moments import Floats

CONCENTRATIONS = (1e2, 1e4, 1e6)
"""How near its plan a faulty split is expected: within some 5 %, 0.5 % and 0.05 %, each as likely."""

FEWEST_EXPECTED = 5


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """`mismatch_probability` from even odds and `p_value`, valid at every look; and Pearson's at this one."""

    mismatch_probability: float
    p_value: float
    fixed_p_value: float


def sample_ratio(counts: Sequence[int], shares: Sequence[float]) -> SampleRatio | NotEstimable:
    """Both tests of the units in each variation against the planned shares, which sum to 1.

    The sequential p-value is this look's; what holds is the smallest so far, with
    `sequential.running_p_values`. Raises ValueError for shares that are no plan.
    """
    if sum(counts) == 0:
        return NotEstimable("no units")
    odds = float(log_mismatch_odds(counts, shares))
    return SampleRatio(
        mismatch_probability(odds), min(1.0, exp(-max(odds, 0.0))), fixed_p_value(counts, shares)
    )


def log_mismatch_odds(counts: ArrayLike, shares: ArrayLike) -> Floats:
    """Logarithm of the odds of a mismatch against the planned `shares`; also an e-value.

    `counts[..., variations]`, `shares[variations]` positive and summing to 1. The average over three
    concentrations of Dirichlet alternatives around the plan, so that small faults of long tests and large
    ones of short tests are both found. Units must be assigned independently. Raises ValueError for shares
    that are no plan. Source: Lindon & Malek (2022), NeurIPS 35, "Anytime-valid inference for multinomial
    count data".
    """
    seen, planned = np.asarray(counts, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    if planned.ndim != 1 or np.any(planned <= 0) or abs(planned.sum() - 1) > 1e-9:
        raise ValueError("planned shares are positive and sum to 1")
    prior = np.multiply.outer(np.asarray(CONCENTRATIONS), planned)
    posterior = seen[..., None, :] + prior
    each = special.gammaln(posterior) - special.gammaln(prior) - seen[..., None, :] * np.log(planned)
    total = special.gammaln(prior.sum(axis=-1)) - special.gammaln(posterior.sum(axis=-1))
    return np.asarray(special.logsumexp(total + each.sum(axis=-1), axis=-1) - log(len(CONCENTRATIONS)))


def mismatch_probability(log_odds: float) -> float:
    """The probability of a mismatch where one was as likely as not before the first unit."""
    return float(special.expit(log_odds))


def fixed_p_value(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Pearson's test at one planned look; exact where fewer than five units are expected somewhere.

    The exact one counts the outcomes of a variation against the rest that are at most as likely (for more
    than two variations the smallest such p-value times their number).
    Source: Pearson (1900), Phil. Mag. 50:157; for the exact one Clopper & Pearson's binomial, by likelihood.
    """
    seen, planned = np.asarray(counts, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    expected = seen.sum() * planned
    if expected.min() >= FEWEST_EXPECTED:
        return float(special.chdtrc(len(seen) - 1, float(((seen - expected) ** 2 / expected).sum())))
    if len(seen) == 2:
        return _exact_binomial(int(seen[0]), int(seen.sum()), float(planned[0]))
    each = [
        _exact_binomial(int(k), int(seen.sum()), float(share)) for k, share in zip(seen, planned, strict=True)
    ]
    return min(1.0, len(each) * min(each))


def _exact_binomial(hits: int, n: int, share: float) -> float:
    ways = np.arange(n + 1.0)
    logs = (
        special.gammaln(n + 1)
        - special.gammaln(ways + 1)
        - special.gammaln(n - ways + 1)
        + special.xlogy(ways, share)
        + special.xlog1py(n - ways, -share)
    )
    return min(1.0, float(np.exp(logs[logs <= logs[hits] + 1e-9]).sum()))
