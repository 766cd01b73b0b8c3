"""The difference of two arms in standard errors at every look, with and without the covariate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.calibration.populations import Sums

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Arm:
    """Mean (or ratio) of an arm at each look and its squared standard error."""

    mean: Array
    error: Array


def arm(sums: Sums) -> Arm:
    """Means and ratios alike: a ratio is the mean of the units' linearized values (delta method)."""
    ratio, spread, _, _ = _linearized(sums)
    return Arm(ratio, spread / (sums.n - 1) / sums.n)


def adjusted_arms(treatment: Sums, baseline: Sums) -> tuple[Arm, Arm]:
    """Both arms at the covariate's common mean, each with its own slope (Lin 2013)."""
    common = (treatment.x + baseline.x) / (treatment.n + baseline.n)
    return _adjusted(treatment, common), _adjusted(baseline, common)


def z_score(treatment: Arm, baseline: Arm, lift: float = 0.0) -> Array:
    """The contrast m_T − (1 + lift) m_B in standard errors; 0 where there is no variance to judge by."""
    difference = treatment.mean - (1 + lift) * baseline.mean
    error = np.sqrt(treatment.error + (1 + lift) ** 2 * baseline.error)
    return np.divide(difference, error, out=np.zeros_like(difference), where=error > 1e-12)


def _linearized(sums: Sums) -> tuple[Array, Array, Array, Array]:
    """The ratio, and the centred sums of squares and products of u = (y − R d) / mean d and of x."""
    ratio = sums.y / sums.d
    scale = sums.d / sums.n
    squares = (sums.yy - 2 * ratio * sums.yd + ratio * ratio * sums.dd) / scale**2
    product = (sums.yx - ratio * sums.dx) / scale
    return ratio, np.maximum(squares, 0.0), product, np.maximum(sums.xx - sums.x**2 / sums.n, 0.0)


def _adjusted(sums: Sums, common: Array) -> Arm:
    ratio, squares, product, spread = _linearized(sums)
    slope = np.divide(product, spread, out=np.zeros_like(product), where=spread > 1e-9)
    residual = np.maximum(squares - slope * product, 0.0)
    mean = ratio - slope * (sums.x / sums.n - common)
    return Arm(mean, residual / np.maximum(sums.n - 2, 1) / sums.n)
