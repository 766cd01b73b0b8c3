"""Units of two arms, drawn look by look as cumulative sums: what a test sees, without a row for each unit.

A unit has a value y, a denominator d (1 unless the metric is a ratio) and a covariate x from before exposure.
Where (y, d, x) takes few values the counts of units at each are multinomial, which is exact at any size;
money is drawn buyer by buyer.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sums:
    """Over the units so far, arrays of (replications, looks): n, and the sums of y, d, x and their
    products.
    """

    n: Array
    y: Array
    d: Array
    x: Array
    yy: Array
    dd: Array
    xx: Array
    yd: Array
    yx: Array
    dx: Array


@dataclass(frozen=True)
class Lattice:
    """A population on few points: rows of (y, d, x) and their probabilities."""

    name: str
    points: Array
    chances: Array
    lifted_points: Array
    lifted_chances: Array

    def draw(self, rng: np.random.Generator, shape: tuple[int, int], units: int, *, lifted: bool) -> Sums:
        points, chances = (self.lifted_points, self.lifted_chances) if lifted else (self.points, self.chances)
        counts = rng.multinomial(units, chances, size=shape).astype(np.float64)
        return _sums(np.cumsum(counts, axis=1), points)


@dataclass(frozen=True)
class Revenue:
    """Few buyers with lognormal baskets; who bought before buys more often, and as much."""

    name: str
    buyers: float = 0.03
    log_mean: float = 3.0
    log_sd: float = 1.5
    loyal: float = field(default=0.1)
    kinship: float = 0.7

    def draw(self, rng: np.random.Generator, shape: tuple[int, int], units: int, *, lifted: bool) -> Sums:
        buys = self.buyers / self.loyal
        chances = np.array([buys * (1 - buys), buys * (1 - buys), buys * buys]) * self.loyal
        counts = rng.multinomial(units, [*chances, 1 - chances.sum()], size=shape)[..., :3]
        only_now, only_before, both = (counts[..., k] for k in range(3))
        scale = 1.2 if lifted else 1.0
        now, before = self._baskets(rng, int(both.sum()))
        money = [self._baskets(rng, int(only_now.sum()))[0] * scale, now * scale]
        past = [self._baskets(rng, int(only_before.sum()))[0], before]
        y = _by_look(money[0], only_now) + _by_look(money[1], both)
        yy = _by_look(money[0] ** 2, only_now) + _by_look(money[1] ** 2, both)
        x = _by_look(past[0], only_before) + _by_look(past[1], both)
        xx = _by_look(past[0] ** 2, only_before) + _by_look(past[1] ** 2, both)
        yx = _by_look(money[1] * past[1], both)
        n = np.broadcast_to(np.arange(1, shape[1] + 1) * float(units), shape)
        total = [np.cumsum(part, axis=1) for part in (y, x, yy, xx, yx)]
        return Sums(n, total[0], n, total[1], total[2], n, total[3], total[0], total[4], total[1])

    def _baskets(self, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
        first, second = rng.standard_normal(count), rng.standard_normal(count)
        related = self.kinship * first + np.sqrt(1 - self.kinship**2) * second
        return np.exp(self.log_mean + self.log_sd * first), np.exp(self.log_mean + self.log_sd * related)


Population = Lattice | Revenue


def conversion(rate: float) -> Lattice:
    """Converts or not; before exposure the same units converted at the same rate, correlated 0.6."""
    both = rate * rate + 0.6 * rate * (1 - rate)

    def chances(now: float) -> Array:
        joint = both * now / rate
        return np.array([joint, now - joint, rate - joint, 1 - now - rate + joint])

    points = np.array([[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 1, 0]], dtype=float)
    return Lattice(f"conversion {100 * rate:.0f} %", points, chances(rate), points, chances(1.2 * rate))


def counts() -> Lattice:
    """Events of a unit: overdispersed, mean about 0.5, at most 8; the covariate is its former count,
    capped.
    """
    rates, shares = np.array([0.1, 0.5, 3.0]), np.array([0.6, 0.3, 0.1])
    return _mixture("counts", rates, shares, ratio=False)


def ratio() -> Lattice:
    """Clicks over page views: units differ in both, so that views are no sample of independent trials."""
    rates, shares = np.array([0.2, 1.0, 3.0]), np.array([0.5, 0.35, 0.15])
    return _mixture("ratio", rates, shares, ratio=True)


def _mixture(name: str, rates: Array, shares: Array, *, ratio: bool) -> Lattice:
    def table(lift: float) -> tuple[Array, Array]:
        rows: dict[tuple[float, float, float], float] = {}
        for rate, share in zip(rates, shares, strict=True):
            for (y, d), now in _now(rate, lift, ratio=ratio).items():
                for x, before in enumerate(_poisson(rate, 3)):
                    rows[y, d, float(x)] = rows.get((y, d, float(x)), 0.0) + share * now * before
        return np.array(list(rows)), np.array(list(rows.values()))

    points, chances = table(1.0)
    lifted_points, lifted_chances = table(1.2)
    return Lattice(
        name, points, chances / chances.sum(), lifted_points, lifted_chances / lifted_chances.sum()
    )


def _now(rate: float, lift: float, *, ratio: bool) -> dict[tuple[float, float], float]:
    if not ratio:
        return {(y * lift, 1.0): chance for y, chance in enumerate(_poisson(rate, 8))}
    click = min(0.1 + 0.1 * rate, 0.4)
    pairs: dict[tuple[float, float], float] = {}
    for views, chance in enumerate(_poisson(rate, 3)):
        for clicks, split in enumerate(_binomial(views + 1, click)):
            pairs[clicks * lift, views + 1.0] = chance * split
    return pairs


def _poisson(rate: float, most: int) -> Array:
    mass = np.exp(-rate) * np.cumprod(np.r_[1.0, rate / np.arange(1, most + 1)])
    return np.asarray(mass / mass.sum())


def _binomial(n: int, p: float) -> Array:
    ways = np.cumprod(np.r_[1.0, (n - np.arange(n)) / np.arange(1, n + 1)])
    return np.asarray(ways * p ** np.arange(n + 1) * (1 - p) ** (n - np.arange(n + 1)))


def _sums(counts: Array, points: Array) -> Sums:
    y, d, x = points.T
    features = np.stack([np.ones_like(y), y, d, x, y * y, d * d, x * x, y * d, y * x, d * x], axis=1)
    return Sums(*np.moveaxis(counts @ features, -1, 0))


def _by_look(values: Array, sizes: NDArray[np.int64]) -> Array:
    """The sum of each look's share of the values."""
    ends = np.cumsum(sizes.ravel())
    running = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(running[ends] - running[ends - sizes.ravel()]).reshape(sizes.shape)
