"""The distribution of the units' values in each arm, over bins that all arms share."""

import numpy as np

from assay.analysis.experiment_results import Histogram
from assay.stats.estimate import NotEstimable
from assay.stats.moments import Floats, Integers

BINS = 30
MOST_SINGLE_VALUES = 12

# The outermost bins reach to the extremes; those between share this part of the values evenly by width.
TAIL = 0.005


def histogram(arm: Integers, value: Floats, arms: int) -> Histogram | NotEstimable:
    """A bin for each value where these are few, else bins of one width, the outermost ones holding the tails."""
    if len(value) == 0:
        return NotEstimable("no units")
    edges = _edges(np.sort(value))
    if not np.isfinite(edges).all():
        return NotEstimable("its values are too far apart in size")
    bins = len(edges) - 1
    place = np.clip(np.searchsorted(edges, value, side="right") - 1, 0, bins - 1)
    counts = np.bincount(arm * bins + place, minlength=arms * bins)
    rows = counts.reshape(arms, bins).tolist()
    return Histogram(tuple(edges.tolist()), tuple(tuple(row) for row in rows))


def _edges(ordered: Floats) -> Floats:
    low, high, last = float(ordered[0]), float(ordered[-1]), len(ordered) - 1
    single = ordered[np.append(True, ordered[1:] != ordered[:-1])]
    if len(single) <= MOST_SINGLE_VALUES:
        return np.append(single, high)
    inner = float(ordered[int(last * TAIL)]), float(ordered[last - int(last * TAIL)])
    start, end = inner if inner[0] < inner[1] else (low, high)
    with np.errstate(over="ignore", invalid="ignore"):
        between = start + (end - start) * (np.arange(BINS + 1) / BINS)
    return np.unique(np.concatenate([[low], between, [high]]))
