"""How often an A/A test is ever called, over metrics, schedules and sizes."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from benchmarks.calibration import rules
from benchmarks.calibration.estimates import Arm, adjusted_z_score, arm, raw_z_score, z_score
from benchmarks.calibration.populations import Population, Revenue, conversion, counts, ratio
from numpy.typing import NDArray

Array = NDArray[np.float64]

POPULATIONS: tuple[Population, ...] = (
    conversion(0.01),
    conversion(0.05),
    conversion(0.30),
    Revenue("revenue, 3 % buyers"),
    counts(),
    ratio(),
)
LOOKS = (28, 672)
UNITS = (20, 200, 2000)
LIFT = 0.2
CELLS_AT_ONCE = 300_000
DEFAULTS: dict[str, rules.Rule] = {
    "horizon": rules.with_horizon,
    "beyond": rules.beyond_horizon,
    "unscheduled": rules.without_schedule,
    "forecast": rules.without_horizon,
    "low forecast": rules.with_low_forecast,
}


@dataclass(frozen=True)
class Cell:
    """A metric, looked at so often, with so many units of the larger arm arriving between two looks."""

    population: Population
    looks: int
    units: int
    smaller: int


@dataclass(frozen=True)
class Shares:
    """Shares of replications ever called, by (view, rule)."""

    cell: Cell
    replications: int
    ever: dict[tuple[str, str], float]


def grid() -> Iterator[Cell]:
    """The promise's grid: equal arms."""
    for looks in LOOKS:
        for units in UNITS:
            for population in POPULATIONS:
                yield Cell(population, looks, units, units)


def uneven_grid() -> Iterator[Cell]:
    """A tenth of the units in one arm, where a small arm's own error is least to be trusted."""
    for looks in LOOKS:
        for units in (36, 360):
            for population in POPULATIONS[:5]:
                yield Cell(population, looks, units, units // 9)


def ever_called(cell: Cell, *, replications: int, seed: int) -> Shares:
    """Draws the cell's A/A tests, and tests of a true lift of 20 % that its interval must hold."""
    rng = np.random.default_rng(
        [seed, crc32(cell.population.name.encode()), cell.looks, cell.units, cell.smaller]
    )
    n: Array = np.arange(1.0, cell.looks + 1) * (cell.units + cell.smaller)
    at_once = max(1, min(replications, CELLS_AT_ONCE // cell.looks))
    found: Counter[tuple[str, str]] = Counter()
    for start in range(0, replications, at_once):
        shape = (min(at_once, replications - start), cell.looks)
        for view, z in _views(cell, rng, shape).items():
            found.update(_crossings(view, z, n))
    return Shares(cell, replications, {key: count / replications for key, count in found.items()})


def _views(cell: Cell, rng: np.random.Generator, shape: tuple[int, int]) -> dict[str, Array]:
    draw = cell.population.draw
    treatment = draw(rng, shape, cell.smaller, lifted=False)
    baseline = draw(rng, shape, cell.units, lifted=False)
    lifted = draw(rng, shape, cell.smaller, lifted=True)
    first, second = arm(treatment), arm(baseline)
    return {
        "absolute": z_score(first, second),
        "relative": z_score(arm(lifted), second, LIFT),
        "adjusted": adjusted_z_score(treatment, baseline),
        "raw": raw_z_score(first, second),
        "gbstats relative": _gbstats_z(first, second),
    }


def _crossings(view: str, z: Array, n: Array) -> dict[tuple[str, str], int]:
    def ever(rule: rules.Rule) -> int:
        return int(np.any(np.abs(z) >= rule(n), axis=1).sum())

    if view == "gbstats relative":
        return {(view, "gbstats"): ever(rules.gbstats_sequential)}
    if view == "raw":
        return {(view, "horizon"): ever(rules.with_horizon), (view, "peeking"): ever(rules.peeking)}
    return {(view, name): ever(rule) for name, rule in DEFAULTS.items()}


def _gbstats_z(treatment: Arm, baseline: Arm) -> Array:
    """gbstats' default: the relative difference over its delta-method error; silent where gbstats is."""
    said = (baseline.mean > 0) & (baseline.error > 0) & (treatment.error > 0)
    base = np.where(said, baseline.mean, 1.0)
    error = treatment.error / base**2 + baseline.error * treatment.mean**2 / base**4
    return np.where(said, (treatment.mean / base - 1) / np.sqrt(np.where(said, error, 1.0)), 0.0)
