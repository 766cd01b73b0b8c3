"""Whether the units arrived in the shares that were planned."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

CONCENTRATIONS = (1e2, 1e4, 1e6)


def log_mismatch_odds(counts: ArrayLike, shares: ArrayLike) -> Any:
    """Log odds of a sample ratio mismatch; `counts[..., variations]`, `shares[variations]` summing to 1.

    Source: Lindon & Malek (2022), NeurIPS 35, eq. 8, averaged over three concentrations.
    """
    counts, shares = np.asarray(counts, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    prior = np.multiply.outer(np.asarray(CONCENTRATIONS), shares)
    posterior = counts[..., None, :] + prior
    odds = (
        special.gammaln(prior.sum(axis=-1))
        - special.gammaln(posterior.sum(axis=-1))
        + (special.gammaln(posterior) - special.gammaln(prior) - counts[..., None, :] * np.log(shares)).sum(
            -1
        )
    )
    return special.logsumexp(odds, axis=-1) - np.log(len(CONCENTRATIONS))
