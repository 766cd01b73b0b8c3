"""What looking at every point of a series does to the Bayesian rule: how often it names a winner without an effect."""

import numpy as np

from assay.analysis.arms import estimates
from assay.analysis.comparisons import Design
from assay.analysis.experiment_results import IS_BASELINE, Estimator
from assay.analysis.results import Estimated
from assay.analysis.trends import Course
from assay.stats.contrasts import ArmEstimates
from assay.stats.estimate import NotEstimable, Status
from assay.stats.moments import Floats
from assay.stats.peeking import documented_bounds, peeking_error

# Looks that add less to what is known are one look.
LEAST_GROWTH = 1.01


def peeking_errors(
    course: Course | NotEstimable, estimator: Estimator, design: Design, *, spread: float
) -> tuple[Estimated, ...]:
    """By arm: the share of A/A tests in which P(beats the baseline) ever leaves the band that the plan's level sets.

    For looks at the ends of the series' buckets, under the documented model, at the errors seen.
    """
    if isinstance(course, NotEstimable):
        return tuple(course for _ in design.shares)
    arms = estimates(course.moments, estimator).best
    return tuple(
        IS_BASELINE if arm == design.baseline else _error(arms, arm, design, spread)
        for arm in range(len(design.shares))
    )


def _error(arms: ArmEstimates, treatment: int, design: Design, spread: float) -> Estimated:
    both = [design.baseline, treatment]
    known = (arms.status[:, both] == Status.OK).all(axis=1)
    known &= (arms.squared_error[:, both] > 0).all(axis=1) & (arms.value[:, design.baseline] != 0)
    errors = arms.squared_error[known] / arms.value[known][:, [design.baseline]] ** 2
    information = 1 / errors[:, both].sum(axis=1)
    looks = _growing(information)
    if not looks:
        return NotEstimable("there has been no look at which the rule could judge")
    chosen = errors[looks]
    bounds = documented_bounds(
        chosen[:, treatment].tolist(),
        chosen[:, design.baseline].tolist(),
        spread,
        design.plan.bayesian_level,
    )
    try:
        return peeking_error(information[looks].tolist(), bounds).either_wins
    except ValueError:
        return NotEstimable("the looks are too far apart or too close to be told what they do")


def _growing(information: Floats) -> list[int]:
    """The looks at which noticeably more was known than at any before."""
    kept: list[int] = []
    most = 0.0
    for index, value in enumerate(information.tolist()):
        if np.isfinite(value) and value > most * LEAST_GROWTH:
            kept.append(index)
            most = value
    return kept
