"""Variance reduction: the same effect, estimated with what was known of the units before their exposure.

All from joint moments of shape (..., variations): value first, then covariates; for a ratio, of the
linearized value (`ratio.linearized`). A covariate must be measured before the unit's first exposure: one that
the treatment can move takes the effect away, and nothing in the moments can show it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.stats.contrasts import ArmEstimates, mean_estimates
from assay.stats.moments import ROUNDING, Floats, JointMoments

# Units per covariate in the smallest variation below which the estimate stays unadjusted.
UNITS_PER_COVARIATE = 20
# Covariates correlated beyond 1 − this are one covariate.
COLLINEAR = 1e-9


def covariates_with_missing(values: ArrayLike) -> tuple[Floats, Floats]:
    """Two covariates from one that some units lack (NaN): the value or zero, and whether it is missing.

    No unit is dropped. What stands in for the missing value doesn't matter, because the second covariate
    absorbs it; zero keeps the moments additive, where a pooled mean wouldn't. Source: Lin (2013), AoAS
    7:295–318, section 6, on any fixed function of what preceded the exposure.
    """
    given = np.asarray(values, dtype=np.float64)
    missing = np.isnan(given)
    return np.where(missing, 0.0, given), missing.astype(np.float64)


def adjusted_estimates(moments: JointMoments) -> ArmEstimates:
    """Each variation's mean at the covariates' common mean, with slopes of its own.

    One regression per variation, evaluated at the mean of all units; in large samples never less precise
    than the plain mean, at any allocation. Cells whose smallest variation has fewer than 20 units per
    covariate stay unadjusted (`is_adjusted`); collinear covariates share a slope; where a variation alone
    can't tell a slope, because none of its units differ, the cell has one slope for all (`cuped_estimates`).
    Source: Lin (2013), AoAS 7:295–318, section 4; errors as in Negi & Wooldridge (2021), Econometric
    Reviews 40:504–534, theorem 1: units are a sample of a population.
    """
    own, common = _regression(moments), _regression(moments.total())
    apart, together = _own_slope_estimates(moments, own), cuped_estimates(moments)
    told = ((own.rank == common.rank[..., None]) | (moments.n == 0)).all(axis=-1, keepdims=True)
    return ArmEstimates(
        n=moments.n,
        value=np.where(told, apart.value, together.value),
        squared_error=np.where(told, apart.squared_error, together.squared_error),
        freedom=np.where(told, apart.freedom, together.freedom),
        status=apart.status,
        slopes=np.where(told[..., None], apart.slopes, together.slopes),
        shared=apart.shared,
    )


def cuped_estimates(moments: JointMoments) -> ArmEstimates:
    """Each variation's mean at the covariates' common mean, with one slope for all variations.

    The slope is that of all units together, blind to the variation. Less precise than slopes of one's own
    where allocation and slopes differ. Source: Deng, Xu, Kohavi & Walker (2013), WSDM, section 3.
    """
    common = moments.total()
    fit = _regression(common)
    slopes = np.where(is_adjusted(moments)[..., :1], fit.slopes, 0.0)[..., None, :]
    slopes = np.broadcast_to(slopes, moments.mean[..., 1:].shape)
    distance = moments.mean[..., 1:] - common.mean[..., None, 1:]
    plain = mean_estimates(moments)
    return ArmEstimates(
        n=moments.n,
        value=plain.value - (slopes * distance).sum(axis=-1),
        squared_error=_residual_squares(moments, slopes) / (plain.freedom * np.maximum(moments.n, 1)),
        freedom=plain.freedom,
        status=plain.status,
        slopes=slopes,
        shared=_mean_covariance(common),
    )


def is_adjusted(moments: JointMoments) -> NDArray[np.bool_]:
    """Whether each cell has units enough in its smallest variation with any, said for every variation."""
    needed = UNITS_PER_COVARIATE * (moments.variables - 1)
    enough = ((moments.n >= needed) | (moments.n == 0)).all(axis=-1, keepdims=True)
    return np.broadcast_to(enough, moments.n.shape)


def variance_factor(adjusted: ArmEstimates, plain: ArmEstimates) -> Floats:
    """What is left of each variation's squared error, 1 − R² in large samples; 1 where there was none."""
    before = plain.squared_error
    return np.where(before > 0, adjusted.squared_error / np.where(before > 0, before, 1.0), 1.0)


def post_stratified_estimates(moments: JointMoments) -> ArmEstimates:
    """Each variation's mean, the strata weighted by their units in all variations together.

    `moments` of shape (strata, variations). Strata with fewer than two units in a variation are first
    joined with one another and, where that is not enough, with the smallest of the others.
    Source: Miratrix, Sekhon & Yu (2013), JRSS-B 75:369–396, eq. 4; the shares' own error, which only an
    effect that differs between strata feels, as for covariates.
    """
    joined = _joined_strata(moments)
    units = joined.n.sum(axis=-1).astype(np.float64)
    weights = units / max(units.sum(), 1.0)
    each = mean_estimates(joined)
    parts = weights[:, None] ** 2 * each.squared_error
    squared_error = parts.sum(axis=0)
    scale = np.where(squared_error > 0, squared_error, 1.0)
    spread = ((parts / scale) ** 2 / each.freedom).sum(axis=0)
    total = max(units.sum(), 1.0)
    return ArmEstimates(
        n=joined.n.sum(axis=0),
        value=(weights[:, None] * each.value).sum(axis=0),
        squared_error=squared_error,
        freedom=np.where(
            spread > 0, 1 / np.where(spread > 0, spread, 1.0), np.maximum(each.freedom.sum(0), 1)
        ),
        status=each.status.max(axis=0),
        slopes=each.value.T.copy(),
        shared=(np.diag(weights) - np.outer(weights, weights)) / total,
    )


def _joined_strata(moments: JointMoments) -> JointMoments:
    """Strata from small to large, joined until each has two units in every variation."""
    order = np.argsort(moments.n.sum(axis=-1), kind="stable")
    small = [i for i in order if moments.n[i].min() < 2]
    large = [i for i in order if moments.n[i].min() >= 2]
    while small and large and sum(moments.n[i] for i in small).min() < 2:
        small.append(large.pop(0))
    groups = [[i] for i in large] + ([small] if small else [])
    merged = [_sum([moments[i] for i in sorted(group)]) for group in groups]
    return JointMoments(
        np.stack([part.n for part in merged]),
        np.stack([part.mean for part in merged]),
        np.stack([part.products for part in merged]),
    )


def _sum(parts: list[JointMoments]) -> JointMoments:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _own_slope_estimates(moments: JointMoments, fit: "_Regression") -> ArmEstimates:
    used = np.where(is_adjusted(moments), fit.rank, 0)
    slopes = np.where((used > 0)[..., None], fit.slopes, 0.0)
    common = moments.total()
    distance = moments.mean[..., 1:] - common.mean[..., None, 1:]
    # The error of the fitted line at the common mean, beside that of its level.
    leverage = np.where(used > 0, _quadratic(distance, fit.inverse), 0.0)
    freedom = np.maximum(moments.n - 1 - used, 1).astype(np.float64)
    spread = _residual_squares(moments, slopes) / freedom
    plain = mean_estimates(moments)
    return ArmEstimates(
        n=moments.n,
        value=plain.value - (slopes * distance).sum(axis=-1),
        squared_error=spread * (1 / np.maximum(moments.n, 1) + leverage),
        freedom=freedom,
        status=plain.status,
        slopes=slopes,
        shared=_mean_covariance(common),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Regression:
    slopes: Floats
    inverse: Floats
    rank: NDArray[np.int64]


def _regression(moments: JointMoments) -> _Regression:
    """Least squares of the value on the covariates, by the pseudo-inverse of their correlations."""
    squares, cross = moments.products[..., 1:, 1:], moments.products[..., 1:, 0]
    spread = np.sqrt(np.diagonal(squares, axis1=-2, axis2=-1))
    scale = np.where(spread > 0, spread, 1.0)
    values, vectors = np.linalg.eigh(squares / (scale[..., :, None] * scale[..., None, :]))
    kept = values > COLLINEAR
    weights = np.where(kept, 1 / np.where(kept, values, 1.0), 0.0)
    inverse = (vectors * weights[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    inverse = inverse / (scale[..., :, None] * scale[..., None, :])
    return _Regression((inverse @ cross[..., None])[..., 0], inverse, kept.sum(axis=-1))


def _residual_squares(moments: JointMoments, slopes: Floats) -> Floats:
    """Sum of squares of value − slopes · covariates around its mean; zero where only rounding is left."""
    squares, cross = moments.products[..., 1:, 1:], moments.products[..., 1:, 0]
    total = moments.products[..., 0, 0]
    left = total - 2 * (slopes * cross).sum(axis=-1) + _quadratic(slopes, squares)
    return np.where(left > ROUNDING * total, left, 0.0)


def _quadratic(vectors: Floats, matrices: Floats) -> Floats:
    product: Any = (vectors[..., None, :] @ matrices @ vectors[..., :, None])[..., 0, 0]
    return np.asarray(product, dtype=np.float64)


def _mean_covariance(common: JointMoments) -> Floats:
    """Covariance of the covariates' common mean."""
    divisor = np.maximum(common.n * (common.n - 1), 1)[..., None, None]
    return np.asarray(common.products[..., 1:, 1:] / divisor)
