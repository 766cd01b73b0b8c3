"""Everything said of treatments against a baseline, for all slices and metrics in one pass over arrays."""

from dataclasses import dataclass, fields, replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from assay.stats.contrasts import ArmEstimates, Contrasts, Statuses, apart, contrasts, t_quantile, t_test
from assay.stats.default_rule import DefaultRule, critical_values, p_values
from assay.stats.estimate import REASONS, Status
from assay.stats.lift import lift_bounds, lift_values
from assay.stats.moments import Floats, Integers
from assay.stats.sample_ratio import log_mismatch_odds
from assay.stats.sequential import log_e_value
from assay.stats.small_samples import cautious_squared_errors

_NO_VALUE = (Status.NO_UNITS, Status.ZERO_DENOMINATOR)


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Arrays of shape (slices, metrics, treatments) or whatever axes went in; treatments last.

    `n` and `value` have the variations last, baseline included; `mismatch_log_odds` is by slice. Effects
    are in the metric's unit, lifts fractions of the baseline. What can't be computed is NaN, and the status
    of its view says why: `status` of the effect and its intervals and evidence, `lift_status` and
    `sequential_lift_status` of the two intervals of the lift. No NaN leaves: `row` and `encoded` leave it
    out. `sequential_p_value` and `log_e_value` are of this look; a running minimum is the caller's.
    """

    n: Integers
    value: Floats
    effect: Floats
    standard_error: Floats
    degrees_of_freedom: Floats
    lower: Floats
    upper: Floats
    p_value: Floats
    lift: Floats
    lift_lower: Floats
    lift_upper: Floats
    sequential_lower: Floats
    sequential_upper: Floats
    sequential_lift_lower: Floats
    sequential_lift_upper: Floats
    sequential_p_value: Floats
    log_e_value: Floats
    mismatch_log_odds: Floats
    status: Statuses
    lift_status: Statuses
    sequential_lift_status: Statuses

    def row(self, *index: int) -> dict[str, float | str]:
        """One treatment's numbers by name; what can't be computed is left out, and its reason put in."""
        cells = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _NOT_BY_TREATMENT}
        found = {name: cell[index].item() for name, cell in cells.items()}
        numbers = {name: cell for name, cell in found.items() if name not in _STATUSES and np.isfinite(cell)}
        return numbers | {_STATUSES[name]: REASONS[found[name]] for name in _STATUSES if found[name]}


_STATUSES = {
    "status": "reason",
    "lift_status": "lift_reason",
    "sequential_lift_status": "sequential_lift_reason",
}
_NOT_BY_TREATMENT = {"n", "value", "mismatch_log_odds"}


def compare(
    arms: ArmEstimates,
    *,
    exposures: ArrayLike,
    shares: ArrayLike,
    rule: DefaultRule,
    baseline: int = 0,
    previous: ArrayLike | None = None,
) -> Comparison:
    """Fixed and sequential intervals, p- and e-values, lifts and sample ratio of every treatment.

    `arms` of shape (..., variations), by whichever method; `exposures[slices, variations]`, the units that
    arrived and the `shares` they were to arrive in; `rule`, what makes looking early allowed, and alpha,
    two-sided, of the fixed intervals too; `previous[..., treatments]`, both arms' units at the look before,
    which a rule with a horizon may use. The sequential figures take no error of a difference below the
    pooled one, which keeps sparse metrics honest under unequal shares. Sources: those of `contrasts`,
    `lift_bounds`, `default_rule`, `cautious_squared_errors` and `log_mismatch_odds`.
    """
    contrast = contrasts(arms, baseline)
    cautious = _cautious(contrast, arms, baseline)
    known = ~np.isin(arms.status, _NO_VALUE)
    n, multiplier = np.maximum(contrast.n, 1), -t_quantile(rule.alpha / 2, contrast.freedom)
    boundary = critical_values(rule, n, previous=previous)
    fixed, sequential = lift_bounds(contrast, multiplier), lift_bounds(cautious, boundary)
    z = _standardized(cautious)
    evidence = log_e_value(z, n, tuned_at=rule.size, alpha=rule.alpha)
    half = boundary * cautious.standard_error
    ok, points = contrast.status == Status.OK, ~np.isin(contrast.status, _NO_VALUE)
    return Comparison(
        n=arms.n,
        value=_held(arms.value, known),
        effect=_held(contrast.effect, points),
        standard_error=_held(contrast.standard_error, ok),
        degrees_of_freedom=_held(contrast.freedom, ok),
        lower=_held(contrast.effect - multiplier * contrast.standard_error, ok),
        upper=_held(contrast.effect + multiplier * contrast.standard_error, ok),
        p_value=_held(t_test(_standardized(contrast), contrast.freedom), ok),
        lift=_held(lift_values(contrast), points),
        lift_lower=fixed.lower,
        lift_upper=fixed.upper,
        sequential_lower=_held(contrast.effect - half, ok),
        sequential_upper=_held(contrast.effect + half, ok),
        sequential_lift_lower=sequential.lower,
        sequential_lift_upper=sequential.upper,
        sequential_p_value=_held(p_values(rule, z, n, previous=previous), ok),
        log_e_value=_held(evidence, ok),
        mismatch_log_odds=np.asarray(log_mismatch_odds(exposures, shares)),
        status=contrast.status,
        lift_status=fixed.status,
        sequential_lift_status=sequential.status,
    )


def encoded(comparison: Comparison) -> bytes:
    """The comparison as JSON by columns, with the sentences of the statuses; null for what isn't there."""
    columns: dict[str, Any] = {f.name: getattr(comparison, f.name).tolist() for f in fields(comparison)}
    # msgspec writes a float that isn't finite as null.
    return msgspec.json.encode(columns | {"reasons": REASONS})


def _cautious(contrast: Contrasts, arms: ArmEstimates, baseline: int) -> Contrasts:
    """The contrast with each pair's errors raised to the pooled one."""
    n, own = apart(arms.n, baseline, -1), apart(arms.squared_error, baseline, -1)
    treatment, base = cautious_squared_errors(own.others, own.baseline, units=(n.others, n.baseline))
    raised = base - own.baseline
    return replace(
        contrast,
        variance=contrast.variance + (treatment - own.others) + raised,
        baseline_variance=contrast.baseline_variance + raised,
        covariance=contrast.covariance - raised,
    )


def _standardized(contrast: Contrasts) -> Floats:
    error = contrast.standard_error
    return np.where(error > 0, contrast.effect / np.where(error > 0, error, 1.0), 0.0)


def _held(values: Floats, mask: Any) -> Floats:
    return np.where(mask, values, np.nan)
