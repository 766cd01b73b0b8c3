"""Computes the table of src/assay/stats/horizon_boundary.py: run it, and paste what it prints.

The boundary spends 0.9 alpha up to the horizon (Hwang, Shih & DeCani, gamma −4) and 0.1 alpha (1 − 1/t) after
it, watched without a pause. It is solved on a fine schedule of looks and carried to the limit of no pauses by
Siegmund's correction (1985, "Sequential Analysis", section 3.5), to second order as hybrid.py has it.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special

from assay.stats.group_sequential import hwang_shih_decani_spending, spent_boundaries
from assay.stats.hybrid import without_pauses

ALPHAS = (0.9, 0.75, 0.6, 0.45, 0.3, 0.2, 0.1, 0.05, 0.02, 0.005, 1e-3, 1e-4, 1e-6, 1e-9, 1e-12)
TIMES = np.concatenate([np.geomspace(1e-3, 0.1, 9)[:-1].round(5), np.linspace(0.1, 1, 19).round(5)])
LATER = np.array([1.002, 1.005, 1.01, 1.02, 1.04, 1.07, 1.1, 1.15, 1.2, 1.3, 1.4, 1.6, 1.8])
LATEST = np.array([2, 2.5, 3, 4, 6, 10, 20, 50, 100, 1000.0])
NODES = np.concatenate([TIMES, LATER, LATEST])


def spent(time: float, alpha: float) -> float:
    """The alpha spent by `time`, in units of the horizon."""
    if time <= 1:
        return 0.9 * hwang_shih_decani_spending(-4.0)(time, alpha)
    return alpha * (0.9 + 0.1 * (1 - 1 / time))


def fine_schedule(fineness: int) -> NDArray[np.float64]:
    """Looks dense enough that the correction's third order is below the table's last digit or so."""
    later = [1.0]
    while later[-1] < 1000:
        later.append(later[-1] + max(0.04 / fineness, (later[-1] - 1) * 2 / fineness))
    head = np.geomspace(5e-4, 0.05, 3 * fineness)[:-1]
    return np.concatenate([head, np.linspace(0.05, 1, 5 * fineness + 1), later[1:]])


def column(alpha: float, fineness: int) -> NDArray[np.float64]:
    times = fine_schedule(fineness)
    boundaries = spent_boundaries(tuple(times), tuple(spent(time, alpha) for time in times))
    steps = np.diff(times, prepend=0.0) / times
    return np.asarray(np.interp(np.log(NODES), np.log(times), without_pauses(boundaries, steps)))


def main() -> None:
    fixed = -special.ndtri(np.array(ALPHAS) / 2)
    print("alphas", *ALPHAS)
    table = np.stack([column(alpha, 80) for alpha in ALPHAS], axis=1)
    for time, row in zip(NODES, table, strict=True):
        print(f"{time:g}", *(f"{value:.3f}" for value in row))
    print("ratio at the horizon", np.round(table[len(TIMES) - 1] / fixed, 3))


if __name__ == "__main__":
    main()
