"""Intervals, p-values and e-values that hold at every look, for ever, whatever made one stop.

All of it is one normal mixture. With z = (estimate − null) / standard error at the look and x = n ρ², its
likelihood ratio (1 + x)^−½ · exp(½ z² x / (1 + x)) is an e-process: the chance ever to reach 1 / alpha is
alpha. The estimate may be any asymptotically linear one (a difference of means, a ratio, a quantile, an
estimate adjusted for covariates): its own standard error at the look goes in. For adjusted estimates this
is the sequence in use, rather than the exact one for linear models of Lindon, Ham, Tingley & Bojinov
(2022), whose normal errors sparse metrics don't have. Asymptotic: small_samples.py says what keeps it
honest from the first units on. ρ only decides where the sequence is tightest. Sources: Waudby-Smith,
Arbour, Sinha, Kennedy & Ramdas (2024), Ann. Statist. 52, theorem 2.2; for the mixture Robbins (1970), Ann.
Math. Statist. 41:1397; for experiments Johari, Koomen, Pekelis & Walsh (2022), Oper. Res. 70.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from assay.stats.moments import Floats

_NEWTON_STEPS = 40


def mixture_information(n: ArrayLike, *, tuned_at: ArrayLike, alpha: ArrayLike = 0.05) -> Floats:
    """x = n ρ², with the ρ that makes the interval at level 1 − alpha tightest when n is `tuned_at`.

    Raises ValueError where a size is not positive.
    Source: Howard, Ramdas, McAuliffe & Sekhon (2021), Ann. Statist. 49:1055, section 3.5.
    """
    sizes, tuned = np.asarray(n, dtype=float), np.asarray(tuned_at, dtype=float)
    if np.any(sizes <= 0) or np.any(tuned <= 0):
        raise ValueError("n and the size the sequence is tuned at must be positive")
    best = -np.real(special.lambertw(-np.square(alpha) / np.e, -1)) - 1
    return np.asarray(best * sizes / tuned)


def radius_multiplier(n: ArrayLike, *, tuned_at: ArrayLike, alpha: ArrayLike = 0.05) -> Floats:
    """Half the interval's width in standard errors, two-sided; 1.549 times the fixed one at `tuned_at`.

    `n` and `tuned_at` count the same thing (units of both treatments, say). Arguments broadcast.
    Dual to `log_e_value`: the interval leaves out exactly the nulls with an e-value of 1 / alpha or more.
    A relative interval is the set of lifts whose contrast m_T − (1 + lift) m_B is not left out: Fieller's
    quadratic with this multiplier in place of z. Source: Waudby-Smith et al. (2024), theorem 2.2.
    """
    x = mixture_information(n, tuned_at=tuned_at, alpha=alpha)
    return np.asarray(np.sqrt((1 + 1 / x) * (np.log1p(x) - 2 * np.log(alpha))))


def log_e_value(z: ArrayLike, n: ArrayLike, *, tuned_at: ArrayLike, alpha: ArrayLike = 0.05) -> Floats:
    """Logarithm of the evidence against the null, two-sided; `alpha` only says what the tuning aims at.

    E-values of dependent tests may be averaged, those of independent ones multiplied.
    """
    x = mixture_information(n, tuned_at=tuned_at, alpha=alpha)
    return np.asarray(0.5 * np.square(z) * x / (1 + x) - 0.5 * np.log1p(x))


def one_sided_multiplier(n: ArrayLike, *, tuned_at: ArrayLike, alpha: ArrayLike = 0.05) -> Floats:
    """How many standard errors a one-sided bound lies from the estimate; dual to `one_sided_log_e_value`.

    The lower bound is estimate − multiplier · se, the upper one estimate + multiplier · se.
    """
    x = mixture_information(n, tuned_at=tuned_at, alpha=np.minimum(2 * np.asarray(alpha), 0.99))
    target = 0.5 * np.log1p(x) - np.log(2 * np.asarray(alpha, dtype=float))
    y = np.sqrt(2 * np.maximum(target, 0.5))
    for _ in range(_NEWTON_STEPS):
        slope = y + np.exp(-0.5 * y * y - special.log_ndtr(y)) / np.sqrt(2 * np.pi)
        y = y - (0.5 * y * y + special.log_ndtr(y) - target) / slope
    return np.asarray(y * np.sqrt(1 + 1 / x))


def one_sided_log_e_value(
    z: ArrayLike, n: ArrayLike, *, tuned_at: ArrayLike, alpha: ArrayLike = 0.05
) -> Floats:
    """Logarithm of the evidence that the effect is above the null; give −z for below.

    The mixture over positive effects only.
    Source: Howard et al. (2021), proposition 6 (one-sided normal mixture).
    """
    x = mixture_information(n, tuned_at=tuned_at, alpha=np.minimum(2 * np.asarray(alpha), 0.99))
    y = np.asarray(z, dtype=float) * np.sqrt(x / (1 + x))
    return np.asarray(np.log(2) + special.log_ndtr(y) + 0.5 * y * y - 0.5 * np.log1p(x))


def always_valid_p_value(log_e: ArrayLike) -> Floats:
    """min(1, 1/e): at most alpha exactly where the interval at 1 − alpha leaves out the null."""
    return np.asarray(np.exp(-np.maximum(log_e, 0.0)))


def running_p_values(p_values: ArrayLike) -> Floats:
    """The smallest p-value so far at each look, looks on the last axis: nothing shown is taken back."""
    return np.asarray(np.minimum.accumulate(p_values, axis=-1))


def delayed_multiplier(n: ArrayLike, *, first: ArrayLike, alpha: float = 0.05) -> Floats:
    """The multiplier of a sequence that says nothing before `first` units; infinite there.

    Exact in the limit, not conservative: √(a² + ln(n / first)) with 2(1 − Φ(a) + a φ(a)) = alpha.
    Source: Robbins & Siegmund (1970), Ann. Math. Statist. 41:1410; Bibaut, Kallus & Lindon (2022).
    """
    sizes, start = np.asarray(n, dtype=float), np.asarray(first, dtype=float)
    growth = np.log(np.maximum(sizes / start, 1.0))
    return np.where(sizes >= start, np.sqrt(_delayed_start_point(alpha) ** 2 + growth), np.inf)


def delayed_p_value(z: ArrayLike, n: ArrayLike, *, first: ArrayLike) -> Floats:
    """Always-valid p-value of the delayed sequence, two-sided; 1 before `first` units."""
    sizes, start = np.asarray(n, dtype=float), np.asarray(first, dtype=float)
    a = np.sqrt(np.maximum(np.square(z) - np.log(np.maximum(sizes / start, 1.0)), 0.0))
    p = 2 * (special.ndtr(-a) + a * np.exp(-0.5 * a * a) / np.sqrt(2 * np.pi))
    return np.asarray(np.where(sizes >= start, np.minimum(p, 1.0), 1.0))


def _delayed_start_point(alpha: float) -> float:
    a = 3.0
    for _ in range(_NEWTON_STEPS):
        bell = np.exp(-0.5 * a * a) / np.sqrt(2 * np.pi)
        # The derivative of 2(1 − Φ + aφ) is −2a²φ; on the logarithm Newton does not overshoot.
        tail = 2 * (special.ndtr(-a) + a * bell)
        a += float(np.log(tail / alpha) * tail / (2 * a * a * bell))
    return a
