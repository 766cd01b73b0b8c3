"""The sample ratio tests, looked at daily for 100 days: false alarms, and faults found."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from assay.stats.sample_ratio import log_mismatch_odds

Array = NDArray[np.float64]

DAYS, UNITS_PER_DAY = 100, 1_000


@dataclass(frozen=True)
class Alarms:
    """With a true share of the first of two variations planned at one half: shares of tests ever alarmed."""

    share: float
    pearson: float
    sequential: float
    pearson_at_the_end: float


def alarms(share: float, *, level: float, replications: int, seed: int) -> Alarms:
    """Both tests at `level` on every day, and Pearson's on the last day alone."""
    rng = np.random.default_rng([seed, round(share * 1e6)])
    first = np.cumsum(rng.binomial(UNITS_PER_DAY, share, size=(replications, DAYS)), axis=1).astype(float)
    n = UNITS_PER_DAY * np.arange(1.0, DAYS + 1)
    pearson = special.chdtrc(1, (2 * first - n) ** 2 / n)
    odds = log_mismatch_odds(np.stack([first, n - first], axis=-1), (0.5, 0.5))
    return Alarms(
        share,
        float(np.mean(pearson.min(axis=1) < level)),
        float(np.mean(odds.max(axis=1) > -np.log(level))),
        float(np.mean(pearson[:, -1] < level)),
    )
