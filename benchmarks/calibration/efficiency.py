"""What a rule costs against the fixed test: width at the horizon, power, time to a verdict, planned size."""

from dataclasses import dataclass

import numpy as np
from benchmarks.calibration import rules
from benchmarks.calibration.estimates import arm, z_score
from benchmarks.calibration.populations import Population, Revenue, conversion
from numpy.typing import NDArray
from scipy import special

from assay.stats.group_sequential import crossing_drift, crossing_probabilities

Array = NDArray[np.float64]

LOOKS = 50
HORIZON = 100_000
POWER = 0.8
RULES: dict[str, rules.Rule] = {
    "fixed test, one look": rules.fixed,
    "**default, horizon declared**": rules.with_horizon,
    "default, horizon declared, looks unscheduled": rules.without_schedule,
    "**default, no horizon, right forecast**": rules.without_horizon,
    "default, no horizon, forecast 20 times too low": rules.with_low_forecast,
    "Lan–DeMets, O'Brien–Fleming (over at the horizon)": rules.obrien_fleming,
    "Hwang–Shih–DeCani −4 (over at the horizon)": rules.hwang_shih_decani,
    "Lan–DeMets, Pocock (over at the horizon)": rules.pocock_spending,
    "gbstats 0.8.0 sequential": rules.gbstats_sequential,
    "gbstats 0.8.0 sequential, tuned at the horizon": rules.gbstats_tuned,
}


@dataclass(frozen=True)
class Efficiency:
    """By exact recursion, `width` and `units` relative to the fixed test; `simulated` powers by metric."""

    name: str
    width: float
    power: float
    expected_units: float
    units: float
    error: float
    simulated: tuple[float, ...]


def efficiencies(*, replications: int, seed: int) -> list[Efficiency]:
    """Every rule at 50 looks and 100,000 units, with an effect that the fixed test finds with power 80 %."""
    n = HORIZON / LOOKS * np.arange(1.0, LOOKS + 1)
    scores = [
        _scores(population, replications, seed) for population in (conversion(0.05), Revenue("revenue"))
    ]
    return [_efficiency(name, rule, n, scores) for name, rule in RULES.items()]


def _efficiency(name: str, rule: rules.Rule, n: Array, scores: list[Array]) -> Efficiency:
    boundaries, times = np.minimum(rule(n), 30.0), n / n[-1]
    drift = rules.PEEKING + float(special.ndtri(POWER))
    stops = crossing_probabilities(times, boundaries, drift=drift)
    return Efficiency(
        name=name,
        width=float(boundaries[-1] / rules.PEEKING),
        power=float(stops.sum()),
        expected_units=float(stops @ times + 1 - stops.sum()),
        units=(crossing_drift(times, boundaries, power=POWER) / drift) ** 2,
        error=float(crossing_probabilities(times, boundaries).sum()),
        simulated=tuple(float(np.any(np.abs(z) >= boundaries, axis=1).mean()) for z in scores),
    )


def _scores(population: Population, replications: int, seed: int) -> Array:
    """z at the looks of A/B tests with the effect that the fixed test finds with power 80 %.

    Drawn without an effect, which is then added, so that it is exactly that size.
    """
    rng = np.random.default_rng([seed, 50])
    units = HORIZON // LOOKS // 2
    known = population.draw(rng, (400, LOOKS), units, lifted=False)
    variance = float((known.yy[:, -1] - known.y[:, -1] ** 2 / known.n[:, -1]).mean() / known.n[0, -1])
    effect = (rules.PEEKING + float(special.ndtri(POWER))) * np.sqrt(4 * variance / HORIZON)
    found = []
    for start in range(0, replications, 2_000):
        shape = (min(2_000, replications - start), LOOKS)
        first = arm(population.draw(rng, shape, units, lifted=False))
        second = arm(population.draw(rng, shape, units, lifted=False))
        error = np.sqrt(first.error + second.error)
        found.append(z_score(first, second) + effect / error)
    return np.concatenate(found)
