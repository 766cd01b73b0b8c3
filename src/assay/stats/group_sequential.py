"""Tests with a planned maximum size: alpha is spent look by look, and the looks need no plan.

Time is information: t = n / planned n (or the ratio of 1/se²). Under the null the statistic Z at the looks is
B(t)/√t with B a Brownian motion, so the chance to cross a boundary is a recursive integral over B.
Source: Armitage, McPherson & Rowe (1969), JRSS-A 132:235; Jennison & Turnbull (2000), chapter 19.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from math import ceil, exp, expm1, log, pi, sqrt
from typing import TypeAlias

import numpy as np
from scipy import special

from assay.stats.moments import Floats

Spending: TypeAlias = Callable[[float, float], float]
"""From a fraction of the planned information in [0, 1] and alpha to the two-sided alpha spent by then."""

_FEWEST_NODES, _MOST_NODES = 40, 3_000
_NEWTON_STEPS = 80
_FARTHEST = 38.0  # standard deviations: beyond them a double holds no probability
_WIDEST = 10.0  # standard deviations that carry all mass worth integrating


def obrien_fleming_spending(fraction: float, alpha: float) -> float:
    """Spends next to nothing early; nearly the fixed test at the end. Source: Lan & DeMets (1983), α₁*."""
    if fraction <= 0:
        return 0.0
    return min(alpha, float(4 * special.ndtr(special.ndtri(alpha / 4) / sqrt(fraction))))


def pocock_spending(fraction: float, alpha: float) -> float:
    """Spends evenly, for tests meant to stop early. Source: Lan & DeMets (1983), α₂*."""
    return alpha * log(1 + expm1(1) * fraction)


def hwang_shih_decani_spending(gamma: float) -> Spending:
    """The gamma family: −4 is near O'Brien–Fleming, 1 near Pocock. Source: Hwang, Shih & DeCani (1990)."""
    if gamma == 0:
        return lambda fraction, alpha: alpha * fraction
    return lambda fraction, alpha: alpha * expm1(-gamma * fraction) / expm1(-gamma)


def look_boundaries(
    sizes: Sequence[float], planned: float, *, spending: Spending, alpha: float = 0.05, closed: bool = False
) -> Floats:
    """Critical values of |Z| at the looks taken so far, two-sided and symmetric.

    `sizes`: the units (or the information) at each look, strictly increasing; only looks that were taken.
    A look at or beyond `planned` takes all that is left of alpha, with its true correlation to the looks
    before it, and ends the test: nothing may follow it. `closed`: the last look was declared the last before
    the plan was filled, and takes the remainder too. Returns one value for each look. Raises ValueError for
    sizes that do not increase or for a look after the last. Source: Lan & DeMets (1983), Biometrika 70:659.
    """
    times = tuple(float(size) / planned for size in sizes)
    if any(later <= earlier for earlier, later in zip((0.0, *times), times, strict=False)):
        raise ValueError("the looks' sizes must be positive and increase")
    if len(times) > 1 and times[-2] >= 1:
        raise ValueError("a look beyond the planned size ends the test")
    spent = [spending(min(time, 1.0), alpha) for time in times]
    if closed and spent:
        spent[-1] = alpha
    return spent_boundaries(times, tuple(spent)).copy()


@lru_cache(maxsize=64)
def spent_boundaries(times: tuple[float, ...], spent: tuple[float, ...]) -> Floats:
    """Critical values of |Z| that spend a cumulative two-sided alpha at each of the information times.

    672 looks take about a quarter of a second, once: the last schedules are kept.
    """
    boundaries = np.empty(len(times))
    path = _Path(times)
    for k, (total, before) in enumerate(zip(spent, (0.0, *spent), strict=False)):
        boundaries[k] = path.edge_that_spends(total - before) / sqrt(times[k])
        path.step_inside(boundaries[k] * sqrt(times[k]))
    boundaries.flags.writeable = False
    return boundaries


def crossing_probabilities(
    times: Sequence[float] | Floats, boundaries: Sequence[float] | Floats, *, drift: float = 0.0
) -> Floats:
    """The chance to leave the boundaries (of |Z|) first at each look.

    `drift` is the expected Z at time 1: zero gives the error of the test, z₁₋α/₂ + z_power the case that the
    fixed test of size 1 finds with that power.
    """
    alive = [inside.mass(drift) for inside in _walk(times, boundaries)]
    return np.maximum(-np.diff(alive, prepend=1.0), 0.0)


def crossing_drift(
    times: Sequence[float] | Floats, boundaries: Sequence[float] | Floats, *, power: float
) -> float:
    """The expected Z at time 1 with which the boundaries are ever crossed with chance `power`."""
    *_, end = _walk(times, boundaries)
    low, high = 0.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if 1 - end.mass(middle) >= power else (middle, high)
    return high


def repeated_p_value(
    z: float, sizes: Sequence[float], planned: float, *, spending: Spending, lowest: float = 1e-8
) -> float:
    """The smallest alpha at which the last look's |z| would cross, never below `lowest`; valid at every look.

    Source: Jennison & Turnbull (2000), section 9.2 (repeated intervals turned round).
    """
    low, high = log(lowest), log(0.999)
    for _ in range(30):
        middle = (low + high) / 2
        boundary = look_boundaries(sizes, planned, spending=spending, alpha=exp(middle))[-1]
        low, high = (low, middle) if abs(z) >= boundary else (middle, high)
    return 1.0 if high > log(0.998) else exp(high)


def _walk(times: Sequence[float] | Floats, boundaries: Sequence[float] | Floats) -> Iterator["_Path"]:
    """The paths still inside after each look."""
    path = _Path(tuple(float(time) for time in times))
    for time, boundary in zip(times, boundaries, strict=True):
        path.step_inside(float(boundary) * sqrt(time))
        yield path


class _Path:
    """The part of |B| still inside the boundaries, as weights on Gauss–Legendre nodes of [0, edge].

    The null density is even in B, so half the line carries it. Under a drift the density inside is
    e^(drift·b − drift²t/2) times it (Girsanov), so one recursion serves every drift.
    """

    def __init__(self, times: tuple[float, ...]) -> None:
        self._times = times
        self._look = -1
        self._nodes: Floats = np.zeros(1)
        self._weights: Floats = np.full(1, 0.5)
        self._edge = 0.0

    def _spread(self) -> float:
        before = self._times[self._look] if self._look >= 0 else 0.0
        return sqrt(self._times[self._look + 1] - before)

    def edge_that_spends(self, alpha: float) -> float:
        """The |B| at the next look beyond which `alpha` of the paths still inside now lie."""
        spread = self._spread()
        low, high = 0.0, self._edge + _FARTHEST * spread
        if alpha <= 0:
            return high
        edge = self._edge + spread
        for _ in range(_NEWTON_STEPS):
            near, far = (self._nodes - edge) / spread, (-self._nodes - edge) / spread
            excess = 2 * float(self._weights @ (special.ndtr(near) + special.ndtr(far))) - alpha
            low, high = (edge, high) if excess > 0 else (low, edge)
            slope = -2 * float(self._weights @ (_bell(near) + _bell(far))) / spread
            # Newton on the logarithm: tails are almost straight there.
            step = (
                (excess + alpha) / slope * log((excess + alpha) / alpha) if slope and excess > -alpha else 0.0
            )
            closer = edge - step if step else (low + high) / 2
            if abs(closer - edge) < 1e-12:
                break
            edge = closer if low < closer < high else (low + high) / 2
        return edge

    def step_inside(self, edge: float) -> None:
        """Moves to the next look and drops what has left [−edge, edge]."""
        spread = self._spread()
        edge = min(edge, _WIDEST * sqrt(self._times[self._look + 1]))
        following = self._times[self._look + 2 :][:1]
        narrow = min(spread, sqrt(following[0] - self._times[self._look + 1])) if following else spread
        count = max(_FEWEST_NODES, ceil(2.2 * edge / narrow))
        if count > _MOST_NODES:
            raise ValueError("two looks are too close together: take them as one")
        unit_nodes, unit_weights = _legendre(count)
        nodes = unit_nodes * edge
        near = (nodes[:, None] - self._nodes) / spread
        far = (nodes[:, None] + self._nodes) / spread
        density = (_bell(near) + _bell(far)) @ self._weights / spread
        self._nodes, self._weights, self._edge = nodes, density * unit_weights * edge, edge
        self._look += 1

    def mass(self, drift: float) -> float:
        """The share of paths still inside, under a drift."""
        tilt = np.cosh(drift * self._nodes) * exp(-drift * drift * self._times[self._look] / 2)
        return 2 * float(self._weights @ tilt)


def _bell(z: Floats) -> Floats:
    return np.exp(-0.5 * z * z) / sqrt(2 * pi)


@lru_cache(maxsize=256)
def _legendre(count: int) -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2
