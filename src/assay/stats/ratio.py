"""Ratio metrics, and clustered data: a sum over a sum, with the randomization units as clusters."""

import numpy as np

from assay.stats.contrasts import ArmEstimates, Statuses, mean_estimates
from assay.stats.estimate import Status
from assay.stats.moments import JointMoments

# Below ten clusters the normal approximation has no ground; see Cameron & Miller (2015), section VI.
FEWEST_CLUSTERS = 10
# A denominator less than three standard errors from zero makes the expansion meaningless.
STEADY_DENOMINATOR = 3.0


def ratio_estimates(moments: JointMoments) -> ArmEstimates:
    """The sum of the first variable over the sum of the second in each variation, by the delta method.

    `moments` of shape (..., variations); units with a zero denominator stay in. With unit-level outcomes of
    randomized clusters: numerator the cluster's sum, denominator its count. Assumes independent clusters.
    Source: Deng, Knoblich & Lu (2018), KDD, section 3; Cameron & Miller (2015), J. Human Resources 50:317.
    """
    return mean_estimates(linearized(moments)).with_status(denominator_status(moments))


def linearized(moments: JointMoments) -> JointMoments:
    """The ratio as the mean of one variable per unit, (numerator − R · denominator) / mean denominator + R.

    Variables in: numerator, denominator, covariates; out: the linearized value, covariates. Everything for
    means then serves ratios, adjustment too. A variation whose denominator is zero comes out as zeros;
    `denominator_status` says so. Source: Deng, Knoblich & Lu (2018), KDD, section 3.
    """
    denominator = moments.mean[..., 1]
    safe = np.where(denominator != 0, denominator, 1.0)
    ratio = np.where(denominator != 0, moments.mean[..., 0] / safe, 0.0)
    scale = np.where(denominator != 0, 1 / safe, 0.0)
    kept = moments.variables - 1
    coefficients = np.zeros((*moments.n.shape, kept, kept + 1))
    coefficients[..., 0, 0], coefficients[..., 0, 1] = scale, -ratio * scale
    coefficients[..., range(1, kept), range(2, kept + 1)] = 1.0
    linear = moments.combined(coefficients)
    mean = linear.mean.copy()
    mean[..., 0] = ratio
    return JointMoments(moments.n, mean, linear.products)


def denominator_status(moments: JointMoments) -> Statuses:
    """Where a ratio's denominator, the second variable, carries no inference."""
    n, mean = moments.n, moments.mean[..., 1]
    squared_error = moments.products[..., 1, 1] / np.maximum(n * (n - 1), 1)
    shaky = mean * mean < STEADY_DENOMINATOR**2 * squared_error
    status = np.where(shaky, np.int8(Status.UNSTABLE_DENOMINATOR), np.int8(Status.OK))
    status = np.where(n < FEWEST_CLUSTERS, np.int8(Status.FEW_CLUSTERS), status)
    status = np.where(mean == 0, np.int8(Status.ZERO_DENOMINATOR), status)
    return np.where(n == 0, np.int8(Status.NO_UNITS), status).astype(np.int8)
