"""The rules that are compared: critical values of |z| at every look, in units of both arms together."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from assay.stats.group_sequential import hwang_shih_decani_spending, look_boundaries, obrien_fleming_spending
from assay.stats.group_sequential import pocock_spending as pocock
from assay.stats.hybrid import hybrid_multiplier
from assay.stats.sequential import radius_multiplier

Array = NDArray[np.float64]
Rule = Callable[[Array], Array]

PEEKING = 1.959963984540054


def with_horizon(n: Array) -> Array:
    """The default with a horizon, which is the last look, at the looks of a schedule."""
    return hybrid_multiplier(n, horizon=n[-1], pause=_shortest_pause(n))


def beyond_horizon(n: Array) -> Array:
    """The default with a horizon at half the looks, watched twice as long as promised."""
    return hybrid_multiplier(n, horizon=n[-1] / 2, pause=_shortest_pause(n))


def without_schedule(n: Array) -> Array:
    """The default with a horizon for who may look at any moment, and doesn't say when."""
    return hybrid_multiplier(n, horizon=n[-1])


def without_horizon(n: Array) -> Array:
    """The default without a horizon, its forecast right."""
    return radius_multiplier(n, tuned_at=n[-1])


def with_low_forecast(n: Array) -> Array:
    """The default without a horizon, its forecast a twentieth of the truth."""
    return radius_multiplier(n, tuned_at=n[-1] / 20)


def peeking(n: Array) -> Array:
    """The fixed test, believed at every look."""
    return np.full(n.shape, PEEKING)


def fixed(n: Array) -> Array:
    """The fixed test, looked at once."""
    return np.where(np.arange(n.size) == n.size - 1, PEEKING, np.inf)


def gbstats_sequential(n: Array, tuned_at: float = 5000.0) -> Array:
    """gbstats 0.8.0, SequentialTwoSidedTTest: a mixture tuned at 5,000 units whatever was planned.

    The radius of arXiv 2103.06476v7, eq. 9, with ρ of eq. 161, as its source cites them.
    """
    rho = (-2 * np.log(0.05) + np.log(-2 * np.log(0.05) + 1)) / tuned_at
    return np.asarray(np.sqrt(2 * (n * rho + 1) / (n * rho) * np.log(np.sqrt(n * rho + 1) / 0.05)))


def gbstats_tuned(n: Array) -> Array:
    """The same, its parameter set to the planned size."""
    return gbstats_sequential(n, float(n[-1]))


def obrien_fleming(n: Array) -> Array:
    """Lan–DeMets spending of the O'Brien–Fleming kind; over at the horizon."""
    return look_boundaries(n.tolist(), n[-1], spending=obrien_fleming_spending)


def pocock_spending(n: Array) -> Array:
    """Lan–DeMets spending of the Pocock kind; over at the horizon."""
    return look_boundaries(n.tolist(), n[-1], spending=pocock)


def hwang_shih_decani(n: Array) -> Array:
    """Hwang–Shih–DeCani spending, gamma −4; over at the horizon."""
    return look_boundaries(n.tolist(), n[-1], spending=hwang_shih_decani_spending(-4.0))


def _shortest_pause(n: Array) -> float:
    return float(np.diff(n, prepend=0.0).min())
