"""78 real experiments of ASOS as daily series: how often a rule ever cries, against what the end says."""

import csv
import gzip
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.calibration import rules
from benchmarks.calibration.estimates import Arm, raw_z_score, z_score
from numpy.typing import NDArray

Array = NDArray[np.float64]

SNAPSHOTS = Path(__file__).parents[2].parent / "shared" / "data" / "asos" / "snapshots.csv.gz"
"""Not part of the project: Liu, Cardoso, Couturier & McCoy (2021), NeurIPS Datasets and Benchmarks."""


@dataclass(frozen=True)
class Cries:
    """Of `series` (arm, metric) pairs: shares ever called, called at the end, and only before it."""

    series: int
    peeking: float
    at_the_end: float
    traps: float
    horizon: float
    forecast: float


def cries(path: Path = SNAPSHOTS) -> Cries:
    """Every series at its own looks, the horizon and the forecast being the units that came in the end."""
    found = np.array([_cries(np.array(rows)) for rows in _series(path).values() if len(rows) > 1])
    ever, end, horizon, forecast = found.mean(axis=0)
    traps = float(np.mean((found[:, 0] == 1) & (found[:, 1] == 0)))
    return Cries(len(found), float(ever), float(end), traps, float(horizon), float(forecast))


def _series(path: Path) -> dict[tuple[str, ...], list[list[float]]]:
    series: dict[tuple[str, ...], list[list[float]]] = defaultdict(list)
    with gzip.open(path, "rt") as lines:
        for row in csv.DictReader(lines):
            values = list(row.values())
            if all(values):
                series[tuple(values[:3])].append([float(value) for value in values[3:]])
    return {key: sorted(rows) for key, rows in series.items()}


def _cries(rows: Array) -> tuple[bool, bool, bool, bool]:
    _, n, m, mean, other, variance, others = rows.T
    grows = np.diff(n + m, prepend=0.0) > 0
    n, m, mean, other, variance, others = (column[grows] for column in (n, m, mean, other, variance, others))
    baseline, treatment = Arm(n, mean, variance / n), Arm(m, other, others / m)
    naive, z = np.abs(raw_z_score(treatment, baseline)), np.abs(z_score(treatment, baseline))
    return (
        bool(np.any(naive >= rules.PEEKING)),
        bool(naive[-1] >= rules.PEEKING),
        bool(np.any(z >= rules.with_horizon(n + m))),
        bool(np.any(z >= rules.without_horizon(n + m))),
    )
