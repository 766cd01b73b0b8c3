"""The verdict that holds however often one looks: a confidence sequence over the looks at the buckets' ends."""

from collections.abc import Sequence

import numpy as np

from assay.analysis.results import Anytime, AnytimeComparison, Estimated, MaybeInterval
from assay.stats.comparison import Comparison, compare
from assay.stats.contrasts import ArmEstimates
from assay.stats.default_rule import DefaultRule
from assay.stats.estimate import Interval, NotEstimable, Status
from assay.stats.moments import Moments
from assay.stats.sample_ratio import SampleRatio, sample_ratio
from assay.stats.sequential import running_p_values

# A flag-scoped experiment declares no horizon. The sequence is valid whatever it is tuned at; it is tightest here,
# in units of both variations together, and a tenth or ten times as many cost little.
FORECAST_UNITS = 10_000


def anytime(
    looks: Sequence[Sequence[Moments]], baseline: int, shares: tuple[float, ...] | NotEstimable
) -> Anytime:
    """`looks[v]`: the moments of variation `v` at each bucket's end, as known then. Alpha is shared by treatments."""
    rule = DefaultRule(alpha=0.05 / max(1, len(looks) - 1), forecast=FORECAST_UNITS)
    comparisons = tuple(
        NotEstimable("it is the baseline")
        if index == baseline
        else compared(rule, treatment, looks[baseline])
        for index, treatment in enumerate(looks)
    )
    return Anytime(rule, comparisons, _sample_ratio(looks, shares))


def compared(
    rule: DefaultRule, treatment: Sequence[Moments], baseline: Sequence[Moments]
) -> AnytimeComparison | NotEstimable:
    """One treatment at its last look, with the smallest p-value of all its looks. Null: no effect."""
    pairs = [pair for pair in zip(baseline, treatment, strict=True) if min(pair[0].n, pair[1].n) >= 2]
    if not pairs:
        return NotEstimable("a variation has fewer than two units")
    arms = _arms(pairs)
    found = compare(arms, exposures=arms.n, shares=(0.5, 0.5), rule=rule)
    if found.status[-1, 0] != Status.OK:
        return Status(int(found.status[-1, 0])).not_estimable()
    known = found.status[:, 0] == Status.OK
    level = 1 - rule.alpha
    return AnytimeComparison(
        effect=float(found.effect[-1, 0]),
        interval=Interval(float(found.sequential_lower[-1, 0]), float(found.sequential_upper[-1, 0]), level),
        lift=_lift(float(found.lift[-1, 0])),
        lift_interval=_lift_interval(found, level),
        p_value=float(running_p_values(found.sequential_p_value[known, 0])[-1]),
        log_e_value=float(found.log_e_value[-1, 0]),
    )


def _arms(pairs: Sequence[tuple[Moments, Moments]]) -> ArmEstimates:
    """Baseline first, one row for each look."""
    n = np.array([[moments.n for moments in pair] for pair in pairs])
    return ArmEstimates.independent(
        n,
        np.array([[moments.mean for moments in pair] for pair in pairs]),
        squared_error=np.array([[moments.variance / moments.n for moments in pair] for pair in pairs]),
        freedom=(n - 1).astype(float),
        status=np.zeros(n.shape, dtype=np.int8),
    )


def _lift(value: float) -> Estimated:
    return value if np.isfinite(value) else Status.ZERO_BASELINE.not_estimable()


def _lift_interval(found: Comparison, level: float) -> MaybeInterval:
    status = Status(int(found.sequential_lift_status[-1, 0]))
    if status != Status.OK:
        return status.not_estimable()
    lower, upper = found.sequential_lift_lower[-1, 0], found.sequential_lift_upper[-1, 0]
    return Interval(float(lower), float(upper), level)


def _sample_ratio(
    looks: Sequence[Sequence[Moments]], shares: tuple[float, ...] | NotEstimable
) -> SampleRatio | NotEstimable:
    if isinstance(shares, NotEstimable):
        return shares
    return sample_ratio([arm[-1].n if arm else 0 for arm in looks], shares)
