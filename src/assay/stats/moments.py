"""The sufficient statistics of a metric in a treatment: the seam between the tables and the mathematics.

Centred throughout, because a variance from raw sums of squares loses its digits under a large offset
(Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance", eq. 1.1 against 1.3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, isfinite
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# A variance below this share of the terms it was made from is the rounding of their cancellation.
ROUNDING = 1e-12
# Matrices come from other engines' sums too: how far a correlation may stray before it can't be one.
TOLERANCE = 1e-6


class InvalidMomentsError(ValueError):
    """The numbers can't be the moments of any sample."""


@dataclass(frozen=True, slots=True)
class Moments:
    """`n` units with `mean` and `squares`, the sum of squared deviations from that mean."""

    n: int
    mean: float
    squares: float

    def __post_init__(self) -> None:
        if self.n < 0 or not isfinite(self.mean) or not isfinite(self.squares) or self.squares < 0:
            raise InvalidMomentsError(f"not the moments of a sample: {self}")

    @classmethod
    def of(cls, values: ArrayLike) -> "Moments":
        """The moments of one number per unit; the order of the units changes no byte."""
        joint = JointMoments.of(values)
        return cls(int(joint.n), float(joint.mean[0]), float(joint.products[0, 0]))

    @classmethod
    def of_successes(cls, successes: int, n: int) -> "Moments":
        """The moments of `n` zeros and ones, of which `successes` are ones."""
        if not 0 <= successes <= n:
            raise InvalidMomentsError(f"{successes} successes among {n} units")
        return cls(n, successes / n, successes * (n - successes) / n) if n else cls(0, 0.0, 0.0)

    @property
    def variance(self) -> float:
        """The unbiased sample variance; needs two units."""
        if self.n < 2:
            raise InvalidMomentsError("a variance needs two units")
        return self.squares / (self.n - 1)

    def __add__(self, other: "Moments") -> "Moments":
        """The moments of both samples together. Source: Chan, Golub & LeVeque (1983), eq. 2.1."""
        n = self.n + other.n
        if n == 0:
            return self
        shift = other.mean - self.mean
        mean = self.mean + shift * other.n / n
        squares = self.squares + other.squares + shift * shift * self.n * other.n / n
        return Moments(n, mean, squares)


@dataclass(frozen=True, slots=True, eq=False)
class JointMoments:
    """Moments of k variables of the same units, for an array of samples at once.

    `n[...]` units, `mean[..., k]`, `products[..., k, k]` the centred sums of cross products. The variables
    are the metric's value first, then the denominator where the metric is a ratio, then covariates; the
    last axis before the variables is the variation wherever variations are compared. Additive: `+` gives
    the moments of both samples together. Raises `InvalidMomentsError` for what no sample can have.
    """

    n: Integers
    mean: Floats
    products: Floats

    def __post_init__(self) -> None:
        n = np.asarray(self.n)
        if not np.issubdtype(n.dtype, np.integer):
            raise InvalidMomentsError(f"units are counted in whole numbers, not {n.dtype}")
        object.__setattr__(self, "n", n.astype(np.int64, copy=False))
        object.__setattr__(self, "mean", np.asarray(self.mean, dtype=np.float64))
        object.__setattr__(self, "products", np.asarray(self.products, dtype=np.float64))
        _validate(self)

    @classmethod
    def of(
        cls, values: ArrayLike, *, denominator: ArrayLike | None = None, covariates: Sequence[ArrayLike] = ()
    ) -> "JointMoments":
        """Moments of one sample, one number per unit in each array.

        Two passes over exactly rounded sums, so that neither the order of the units nor a large offset
        changes the result. Source: Chan, Golub & LeVeque (1983), eq. 1.7, the corrected two-pass algorithm.
        """
        given = [values, *([] if denominator is None else [denominator]), *covariates]
        columns = [np.asarray(column, dtype=np.float64) for column in given]
        if any(column.ndim != 1 or column.shape != columns[0].shape for column in columns):
            raise InvalidMomentsError("every variable needs one number per unit")
        if not all(np.isfinite(column).all() for column in columns):
            raise InvalidMomentsError("a unit's number is not finite")
        return cls(np.int64(len(columns[0])), *_two_pass(columns))  # type: ignore[arg-type]

    @classmethod
    def of_one(cls, samples: Sequence[Moments]) -> "JointMoments":
        """Moments of one variable in several samples, as an array of shape (samples,)."""
        return cls(
            np.array([sample.n for sample in samples], dtype=np.int64),
            np.array([[sample.mean] for sample in samples], dtype=np.float64).reshape(-1, 1),
            np.array([[[sample.squares]] for sample in samples], dtype=np.float64).reshape(-1, 1, 1),
        )

    @classmethod
    def stack(cls, parts: Sequence["JointMoments"]) -> "JointMoments":
        """The same moments side by side on a new last axis: variations, usually."""
        return cls(
            np.stack([part.n for part in parts], axis=-1),
            np.stack([part.mean for part in parts], axis=-2),
            np.stack([part.products for part in parts], axis=-3),
        )

    @property
    def variables(self) -> int:
        """How many variables there are."""
        return int(self.mean.shape[-1])

    def __getitem__(self, index: Any) -> "JointMoments":
        """Some of the samples, by an index over the axes before the variables."""
        return JointMoments(self.n[index], self.mean[index], self.products[index])

    def __add__(self, other: "JointMoments") -> "JointMoments":
        """The moments of both samples together. Source: Chan, Golub & LeVeque (1983), eq. 2.1."""
        n = self.n + other.n
        share = other.n / np.maximum(n, 1)
        shift = other.mean - self.mean
        mean = self.mean + shift * share[..., None]
        products = self.products + other.products + _outer(shift) * (self.n * share)[..., None, None]
        return JointMoments(n, mean, products)

    def total(self) -> "JointMoments":
        """The moments of all samples along the last axis together: every variation's units, usually."""
        n = self.n.sum(axis=-1)
        share = (self.n / np.maximum(n, 1)[..., None])[..., None]
        rough = (self.mean * share).sum(axis=-2)
        # The second pass takes back what rounding cost the first under a large offset.
        mean = rough + ((self.mean - rough[..., None, :]) * share).sum(axis=-2)
        between = _outer(self.mean - mean[..., None, :]) * self.n[..., None, None]
        mean = np.where((n > 0)[..., None], mean, 0.0)
        return JointMoments(n, mean, (self.products + between).sum(axis=-3))

    def combined(self, coefficients: Floats) -> "JointMoments":
        """Moments of linear combinations of the variables; `coefficients[..., new, old]`.

        A combination whose variance is the rounding of a cancellation comes out as a constant.
        """
        mean = np.einsum("...ij,...j->...i", coefficients, self.mean)
        products = coefficients @ self.products @ np.swapaxes(coefficients, -1, -2)
        scale = np.einsum("...ij,...j->...i", coefficients**2, _diagonal(self.products))
        alive = _diagonal(products) > ROUNDING * scale
        products = np.where(alive[..., :, None] & alive[..., None, :], products, 0.0)
        return JointMoments(self.n, mean, products)


def _two_pass(columns: list[Floats]) -> tuple[Floats, Floats]:
    k, n = len(columns), max(len(columns[0]), 1)
    mean = np.array([fsum(column.tolist()) / n for column in columns])
    centred = [column - m for column, m in zip(columns, mean, strict=True)]
    left = [fsum(column.tolist()) for column in centred]
    products = np.zeros((k, k))
    for i in range(k):
        for j in range(i + 1):
            product = fsum((centred[i] * centred[j]).tolist()) - left[i] * left[j] / n
            products[i, j] = products[j, i] = max(product, 0.0) if i == j else product
    return mean, products


def _validate(moments: JointMoments) -> None:
    n, mean, products = moments.n, moments.mean, moments.products
    if mean.shape[:-1] != n.shape or products.shape != (*mean.shape, mean.shape[-1] if mean.ndim else 0):
        raise InvalidMomentsError(f"shapes {n.shape}, {mean.shape}, {products.shape} don't belong together")
    if (n < 0).any():
        raise InvalidMomentsError("a sample has fewer than no units")
    if not (np.isfinite(mean).all() and np.isfinite(products).all()):
        raise InvalidMomentsError("a moment is not finite")
    if (_diagonal(products) < 0).any():
        raise InvalidMomentsError("a sum of squares is negative")
    empty = n == 0
    if mean[empty].any() or products[empty].any():
        raise InvalidMomentsError("a sample without units has moments")
    if mean.shape[-1] > 1 and not _could_be_covariances(products):
        raise InvalidMomentsError("the cross products belong to no sample")


def _could_be_covariances(products: Floats) -> bool:
    """Whether each matrix is symmetric and positive semidefinite, up to rounding."""
    spread = np.sqrt(_diagonal(products))
    scale = spread[..., :, None] * spread[..., None, :]
    if (np.abs(products) > scale * (1 + TOLERANCE)).any():
        return False
    correlations = products / np.where(scale > 0, scale, 1.0)
    if (np.abs(correlations - np.swapaxes(correlations, -1, -2)) > TOLERANCE).any():
        return False
    # Two variables are settled by the bound above; only more can be pairwise possible and jointly not.
    return products.shape[-1] == 2 or bool((np.linalg.eigvalsh(correlations) > -TOLERANCE).all())


def _diagonal(matrices: Floats) -> Floats:
    return np.diagonal(matrices, axis1=-2, axis2=-1)


def _outer(vectors: Floats) -> Floats:
    outer: Floats = vectors[..., :, None] * vectors[..., None, :]
    return outer
