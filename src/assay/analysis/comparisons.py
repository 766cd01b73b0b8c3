"""Treatments against the baseline: effect, lift, their intervals and p-values, and the verdict they lead to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from assay.analysis.experiment_results import IS_BASELINE, Compared, Comparisons, Test, Verdict
from assay.analysis.families import Shares
from assay.analysis.plans import AnalysisPlan, pair_horizon, rule_of
from assay.analysis.results import Estimated, MaybeInterval
from assay.stats.comparison import Comparison, compare
from assay.stats.contrasts import ArmEstimates
from assay.stats.estimate import Interval, NotEstimable, Status
from assay.stats.moments import Floats, Integers

OUT_OF_RANGE = NotEstimable("its values are too far apart in size")


@dataclass(frozen=True, slots=True)
class Design:
    """What every comparison of an iteration shares: the plan, the arms' shares, and which one is the baseline."""

    plan: AnalysisPlan
    shares: tuple[float, ...]
    baseline: int

    @property
    def treatments(self) -> tuple[int, ...]:
        """The positions of the others, in order."""
        return tuple(index for index in range(len(self.shares)) if index != self.baseline)

    def pair_share(self, treatment: int) -> float:
        """The part of all treatments' units that a treatment and the baseline are to get."""
        return (self.shares[treatment] + self.shares[self.baseline]) / sum(self.shares)

    def is_at_horizon(self, treatment: int, n: int) -> bool:
        """Whether `n` units of the treatment and the baseline are as many as the plan's horizon gives them."""
        horizon = self.plan.horizon
        return horizon is not None and n >= pair_horizon(horizon, self.pair_share(treatment))


def paired(
    design: Design, arms: ArmEstimates, treatment: int, *, alpha: float, previous: Integers | None = None
) -> Comparison:
    """A treatment against the baseline, of estimates of shape (..., arms); comes out with one treatment.

    `previous`: both arms' units at the look before, of shape (...).
    """
    return compare(
        pair(arms, design.baseline, treatment),
        exposures=(0, 0),
        shares=(0.5, 0.5),
        rule=rule_of(design.plan, alpha, design.pair_share(treatment)),
        previous=None if previous is None else previous[..., None],
    )


def pair(arms: ArmEstimates, baseline: int, treatment: int) -> ArmEstimates:
    """Two of the arms, the baseline first."""
    both = [baseline, treatment]
    return replace(
        arms,
        n=arms.n[..., both],
        value=arms.value[..., both],
        squared_error=arms.squared_error[..., both],
        freedom=arms.freedom[..., both],
        status=arms.status[..., both],
        slopes=arms.slopes[..., both, :],
    )


def first_p_values(design: Design, arms: ArmEstimates, previous: Integers | None) -> Floats:
    """The p-value of each treatment before any correction, NaN where there is none; arms of shape (arms,).

    It is that of the statistic which the verdict will be taken from.
    """
    found = []
    for treatment in design.treatments:
        own = None if previous is None else pair_units(previous, design, treatment)
        comparison = paired(design, arms, treatment, alpha=design.plan.alpha, previous=own)
        cell = comparison.sequential_p_value if design.plan.always_valid else comparison.p_value
        found.append(float(cell[0]))
    return np.array(found)


def pair_units(units: Integers, design: Design, treatment: int) -> Integers:
    """Units of a treatment and the baseline together, of units of shape (..., arms)."""
    both: Integers = units[..., treatment] + units[..., design.baseline]
    return both


def compared(
    design: Design,
    arms: ArmEstimates,
    shares: Shares,
    *,
    row: int,
    direction: int,
    previous: Integers | None = None,
) -> Comparisons:
    """Every arm against the baseline at its own alpha: row `row` of the shares; `direction` is 1, or −1 where less
    is better.
    """
    found: dict[int, Compared | NotEstimable] = {design.baseline: IS_BASELINE}
    for column, treatment in enumerate(design.treatments):
        own = None if previous is None else pair_units(previous, design, treatment)
        alpha = float(shares.alpha[row, column])
        comparison = paired(design, arms, treatment, alpha=alpha, previous=own)
        status = Status(int(comparison.status[0]))
        if not np.isfinite(comparison.effect[0]):
            found[treatment] = (status if status else Status.NO_UNITS).not_estimable()
            continue
        judged = _compared(comparison, alpha, is_sequence=design.plan.horizon is None)
        judged = replace(
            judged,
            family_size=int(shares.family_size[row, column]),
            corrected_p_value=_known(shares.p_value[row, column], status),
        )
        verdict = verdict_of(judged, design, treatment, direction=direction, n=int(comparison.n.sum()))
        found[treatment] = replace(judged, verdict=verdict)
    return tuple(found[index] for index in range(len(design.shares)))


def verdict_of(judged: Compared, design: Design, treatment: int, *, direction: int, n: int) -> Verdict:
    """What the one statistic says that the plan named: at every look, or at the horizon alone."""
    plan = design.plan
    at_horizon = design.is_at_horizon(treatment, n)
    if not plan.always_valid and not at_horizon:
        return Verdict(
            "not_yet", "the planned horizon is not reached; a fixed-horizon test counts at it only"
        )
    test = judged.sequential if plan.always_valid else judged.fixed
    if isinstance(test.interval, NotEstimable):
        return Verdict("not_estimable", test.interval.reason)
    if not test.interval.lower < 0 < test.interval.upper:
        is_gain = (judged.effect > 0) == (direction > 0)
        return Verdict("better" if is_gain else "worse", "the interval leaves out no effect")
    if isinstance(test.lift_interval, NotEstimable):
        if not at_horizon:
            return Verdict("not_yet", test.lift_interval.reason)
        largest = max(abs(test.interval.lower), abs(test.interval.upper))
        return Verdict("no_difference_larger_than", "the planned horizon is reached", largest, "effect")
    largest = max(abs(test.lift_interval.lower), abs(test.lift_interval.upper))
    if largest <= plan.minimum_lift:
        why = "every lift in the interval is smaller than the one that the plan looks for"
        return Verdict("no_difference_larger_than", why, largest, "lift")
    if at_horizon:
        return Verdict("no_difference_larger_than", "the planned horizon is reached", largest, "lift")
    return Verdict("not_yet", "the interval holds no effect and larger ones than the plan looks for")


def _compared(comparison: Comparison, alpha: float, *, is_sequence: bool) -> Compared:
    """The figures of a comparison of one treatment, without a family and a verdict yet."""
    status, level = Status(int(comparison.status[0])), 1 - alpha
    no_e = NotEstimable("an interval with a horizon has no e-value")
    return Compared(
        effect=float(comparison.effect[0]),
        standard_error=_known(comparison.standard_error[0], status),
        lift=_known(comparison.lift[0], Status.ZERO_BASELINE),
        sequential=Test(
            _interval(comparison.sequential_lower[0], comparison.sequential_upper[0], level, status),
            _interval(
                comparison.sequential_lift_lower[0],
                comparison.sequential_lift_upper[0],
                level,
                Status(int(comparison.sequential_lift_status[0])),
            ),
            _known(comparison.sequential_p_value[0], status),
        ),
        log_e_value=_known(comparison.log_e_value[0], status) if is_sequence else no_e,
        fixed=Test(
            _interval(comparison.lower[0], comparison.upper[0], level, status),
            _interval(
                comparison.lift_lower[0],
                comparison.lift_upper[0],
                level,
                Status(int(comparison.lift_status[0])),
            ),
            _known(comparison.p_value[0], status),
        ),
        alpha=alpha,
        family_size=1,
        corrected_p_value=NotEstimable("not corrected yet"),
        verdict=Verdict("not_yet", ""),
    )


def _known(value: float, status: Status) -> Estimated:
    if np.isfinite(value):
        return float(value)
    return status.not_estimable() if status else OUT_OF_RANGE


def _interval(lower: float, upper: float, level: float, status: Status) -> MaybeInterval:
    if status != Status.OK or not (np.isfinite(lower) and np.isfinite(upper)):
        return status.not_estimable() if status else OUT_OF_RANGE
    return Interval(float(lower), float(upper), level)


def intervals(
    lower: Floats, upper: Floats, statuses: Sequence[int], level: float
) -> tuple[MaybeInterval, ...]:
    """An interval for each cell of one axis, or why there is none."""
    cells = zip(lower, upper, statuses, strict=True)
    return tuple(_interval(low, high, level, Status(int(status))) for low, high, status in cells)
