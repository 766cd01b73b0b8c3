"""Boundaries that hold at every look."""

from typing import Any

import numpy as np
from scipy import special


def radius_multiplier(n: Any, *, tuned_at: Any, alpha: float) -> Any:
    """Half width of a confidence sequence in standard errors, at `n` units of both variations together.

    Tightest at `tuned_at` units. Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), Annals of
    Statistics 52:2613–2640, theorem 2.2.
    """
    x = _information(n, tuned_at, alpha)
    return np.sqrt((1 + 1 / x) * (np.log1p(x) - 2 * np.log(alpha)))


def log_e_value(z: Any, n: Any, *, tuned_at: Any, alpha: float) -> Any:
    """Logarithm of the evidence against no effect, of which `radius_multiplier` is the inversion."""
    x = _information(n, tuned_at, alpha)
    return x / (1 + x) * np.square(z) / 2 - np.log1p(x) / 2


def _information(n: Any, tuned_at: Any, alpha: float) -> Any:
    scale = -special.lambertw(-(alpha**2) / np.e, -1).real - 1
    return np.asarray(n) * (scale / np.asarray(tuned_at))
