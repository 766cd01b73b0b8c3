"""The verdict that holds however often one looks: a confidence sequence over the looks at the buckets' ends."""

from collections.abc import Sequence

import numpy as np

from assay.analysis.results import Anytime, AnytimeComparison, Estimated, MaybeInterval
from assay.stats.contrasts import ArmEstimates, contrasts
from assay.stats.default_rule import DefaultRule, critical_values, p_values
from assay.stats.estimate import Interval, NotEstimable, Status
from assay.stats.lift import lift_bounds, lift_values
from assay.stats.moments import Moments
from assay.stats.sample_ratio import SampleRatio, sample_ratio
from assay.stats.sequential import log_e_value, running_p_values
from assay.stats.small_samples import cautious_squared_errors

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
    pairs = [pair for pair in zip(treatment, baseline, strict=True) if min(pair[0].n, pair[1].n) >= 2]
    if not pairs:
        return NotEstimable("a variation has fewer than two units")
    arms = _arms(pairs)
    contrast = contrasts(arms)
    error = contrast.standard_error[..., 0]
    if not error[-1] > 0:
        return NotEstimable("no variance in either variation")
    seen = error > 0
    n, effect = contrast.n[seen, 0], contrast.effect[seen, 0]
    z = effect / error[seen]
    boundary = critical_values(rule, n)
    half = float(boundary[-1] * error[-1])
    bounds = lift_bounds(contrast, np.where(seen, critical_values(rule, contrast.n[..., 0]), 1.0)[..., None])
    evidence = log_e_value(z, n, tuned_at=rule.size, alpha=rule.alpha)
    return AnytimeComparison(
        effect=float(effect[-1]),
        interval=Interval(float(effect[-1]) - half, float(effect[-1]) + half, 1 - rule.alpha),
        lift=_lift(float(lift_values(contrast)[-1, 0])),
        lift_interval=_interval(bounds.lower[-1, 0], bounds.upper[-1, 0], int(bounds.status[-1, 0]), rule),
        p_value=float(running_p_values(p_values(rule, z, n))[-1]),
        log_e_value=float(evidence[-1]),
    )


def _arms(pairs: Sequence[tuple[Moments, Moments]]) -> ArmEstimates:
    """Baseline first, one row for each look; no error below the pooled one, which keeps sparse metrics honest."""
    treatment, baseline = zip(*pairs, strict=True)
    n = np.array([[b.n, t.n] for t, b in pairs])
    own = [np.array([m.variance / m.n for m in arm]) for arm in (treatment, baseline)]
    floor_t, floor_b = cautious_squared_errors(own[0], own[1], units=(n[:, 1], n[:, 0]))
    return ArmEstimates.independent(
        n,
        np.array([[b.mean, t.mean] for t, b in pairs]),
        squared_error=np.stack([floor_b, floor_t], axis=-1),
        freedom=(n - 1).astype(float),
        status=np.zeros(n.shape, dtype=np.int8),
    )


def _lift(value: float) -> Estimated:
    return value if np.isfinite(value) else Status.ZERO_BASELINE.not_estimable()


def _interval(lower: float, upper: float, status: int, rule: DefaultRule) -> MaybeInterval:
    if status != Status.OK:
        return Status(status).not_estimable()
    return Interval(float(lower), float(upper), 1 - rule.alpha)


def _sample_ratio(
    looks: Sequence[Sequence[Moments]], shares: tuple[float, ...] | NotEstimable
) -> SampleRatio | NotEstimable:
    if isinstance(shares, NotEstimable):
        return shares
    return sample_ratio([arm[-1].n if arm else 0 for arm in looks], shares)
