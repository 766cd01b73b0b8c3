"""The difference of two arms in standard errors at every look, as the product takes it.

The same formulas as `assay.stats.ratio`, `.adjustment`, `.contrasts` and `.small_samples`, on (replications,
looks) arrays of sums; tests/simulation/test_calibration_estimates.py holds them to those.
"""

from dataclasses import dataclass

import numpy as np
from benchmarks.calibration.populations import Sums
from numpy.typing import NDArray

from assay.stats.small_samples import cautious_squared_errors

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Arm:
    """Units, mean (or ratio) and its squared standard error at each look."""

    n: Array
    mean: Array
    error: Array


def arm(sums: Sums) -> Arm:
    """Means and ratios alike: a ratio is the mean of the units' linearized values (delta method)."""
    ratio, squares, _, _ = _linearized(sums)
    return Arm(sums.n, ratio, squares / np.maximum(sums.n - 1, 1) / sums.n)


def z_score(treatment: Arm, baseline: Arm, lift: float = 0.0) -> Array:
    """The contrast m_T − (1 + lift) m_B in standard errors, which Fieller's interval of the lift inverts."""
    first, second = cautious_squared_errors(treatment.error, baseline.error, units=(treatment.n, baseline.n))
    return _standardized(treatment.mean - (1 + lift) * baseline.mean, first + (1 + lift) ** 2 * second)


def raw_z_score(treatment: Arm, baseline: Arm) -> Array:
    """The same without the pooled error as a floor, as peers have it."""
    return _standardized(treatment.mean - baseline.mean, treatment.error + baseline.error)


def adjusted_z_score(treatment: Sums, baseline: Sums) -> Array:
    """The contrast at the covariate's common mean, each arm with its own slope (Lin 2013)."""
    n = treatment.n + baseline.n
    common = (treatment.x + baseline.x) / n
    spread = np.maximum(treatment.xx + baseline.xx - n * common**2, 0.0) / (n - 1) / n
    (first, slope), (second, other) = _adjusted(treatment, common), _adjusted(baseline, common)
    errors = cautious_squared_errors(first.error, second.error, units=(treatment.n, baseline.n))
    return _standardized(first.mean - second.mean, sum(errors) + (slope - other) ** 2 * spread)


def _standardized(difference: Array, error: Array) -> Array:
    """0 where there is no variance to judge by: nothing is said there."""
    scale = np.sqrt(error)
    return np.divide(difference, scale, out=np.zeros_like(difference), where=scale > 1e-12)


def _linearized(sums: Sums) -> tuple[Array, Array, Array, Array]:
    """The ratio, and the centred sums of squares and products of u = (y − R d) / mean d and of x."""
    ratio = sums.y / sums.d
    scale = sums.d / sums.n
    squares = (sums.yy - 2 * ratio * sums.yd + ratio * ratio * sums.dd) / scale**2
    product = (sums.yx - ratio * sums.dx) / scale
    return ratio, np.maximum(squares, 0.0), product, np.maximum(sums.xx - sums.x**2 / sums.n, 0.0)


def _adjusted(sums: Sums, common: Array) -> tuple[Arm, Array]:
    ratio, squares, product, spread = _linearized(sums)
    fitted = spread > 1e-9 * np.maximum(sums.xx, 1e-9)
    slope = np.divide(product, spread, out=np.zeros_like(product), where=fitted)
    distance = sums.x / sums.n - common
    leverage = np.divide(distance**2, spread, out=np.zeros_like(product), where=fitted)
    residual = np.maximum(squares - slope * product, 0.0)
    residual = np.where(residual > 1e-12 * squares, residual, 0.0)
    freedom = np.maximum(sums.n - 1 - fitted, 1)
    return Arm(sums.n, ratio - slope * distance, residual / freedom * (1 / sums.n + leverage)), slope
