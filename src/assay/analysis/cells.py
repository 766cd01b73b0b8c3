"""Moments of units by cell: of each variation, bucket of time or slice, from one row per unit.

Sums run over the rows in their order, one by one, so that the same rows give the same bytes on every machine;
who queries the rows fixes their order. Two passes about each cell's own mean keep the digits under an offset
(Chan, Golub & LeVeque 1983, eq. 1.7).
"""

from collections.abc import Sequence

import numpy as np

from assay.stats.moments import Floats, Integers, JointMoments


def cell_moments(cells: Integers, shape: tuple[int, ...], columns: Sequence[Floats]) -> JointMoments:
    """Moments of the columns in each of `shape` cells; `cells`, a row's cell by its flat index.

    Raises `InvalidMomentsError` where the numbers are not finite or too far apart in size.
    """
    count = int(np.prod(shape))
    n = np.bincount(cells, minlength=count)
    units = np.maximum(n, 1)
    with np.errstate(over="ignore", invalid="ignore"):
        means = [_sums(cells, count, column) / units for column in columns]
        centred = [column - mean[cells] for column, mean in zip(columns, means, strict=True)]
        left = [_sums(cells, count, column) for column in centred]
        k = len(columns)
        products = np.zeros((count, k, k))
        for i in range(k):
            for j in range(i + 1):
                product = _sums(cells, count, centred[i] * centred[j]) - left[i] * left[j] / units
                products[:, i, j] = products[:, j, i] = np.maximum(product, 0.0) if i == j else product
    mean = np.stack(means, axis=-1)
    return JointMoments(n.reshape(shape), mean.reshape(*shape, k), products.reshape(*shape, k, k))


def accumulated(moments: JointMoments) -> JointMoments:
    """Along the first axis: the moments of each place and all before it together."""
    parts, so_far = [], None
    for index in range(len(moments.n)):
        so_far = moments[index] if so_far is None else so_far + moments[index]
        parts.append(so_far)
    if not parts:
        return moments
    return JointMoments(
        np.stack([part.n for part in parts]),
        np.stack([part.mean for part in parts]),
        np.stack([part.products for part in parts]),
    )


def variables(moments: JointMoments, chosen: Sequence[int]) -> JointMoments:
    """The moments of some of the variables."""
    index = np.asarray(chosen)
    return JointMoments(moments.n, moments.mean[..., index], moments.products[..., index[:, None], index])


def _sums(cells: Integers, count: int, column: Floats) -> Floats:
    return np.asarray(np.bincount(cells, weights=column, minlength=count), dtype=np.float64)
