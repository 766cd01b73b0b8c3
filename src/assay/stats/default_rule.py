"""The default verdict: valid at every look, with a horizon (hybrid.py) or without one (sequential.py)."""

from dataclasses import dataclass

from numpy.typing import ArrayLike

from assay.stats.estimate import Interval, NotEstimable
from assay.stats.hybrid import hybrid_multiplier, hybrid_p_value
from assay.stats.moments import Floats
from assay.stats.sequential import always_valid_p_value, log_e_value, radius_multiplier


@dataclass(frozen=True, slots=True)
class DefaultRule:
    """What a verdict needs of the plan: the two-sided `alpha`, and a size in units of both arms together.

    `horizon` is a size promised before the start. Without one, `forecast` is where the sequence is
    tightest: a guess that may err tenfold at little cost. Raises ValueError for both or neither.
    """

    alpha: float = 0.05
    horizon: float | None = None
    forecast: float | None = None
    pause: float = 0.0

    def __post_init__(self) -> None:
        if (self.horizon is None) == (self.forecast is None):
            raise ValueError("a rule has a horizon or a forecast, and not both")
        if not 0 < self.alpha < 1 or min(self.horizon or 1, self.forecast or 1) <= 0 or self.pause < 0:
            raise ValueError(f"alpha lies between 0 and 1 and sizes are positive: {self}")

    @property
    def size(self) -> float:
        """The horizon, or else the forecast."""
        return float(self.horizon or self.forecast or 0)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One statistic's interval, p-value and verdict; `is_significant` where the interval leaves out the
    null.
    """

    interval: Interval
    p_value: float
    is_significant: bool


def critical_values(rule: DefaultRule, n: ArrayLike, *, previous: ArrayLike | None = None) -> Floats:
    """Half the interval's width in standard errors at `n` units, the look before at `previous`; broadcast.

    `previous` is 0 at the first look, and left out when looks follow no schedule. It matters with a horizon
    only.
    """
    if rule.horizon is not None:
        return hybrid_multiplier(
            n, horizon=rule.horizon, pause=rule.pause, previous=previous, alpha=rule.alpha
        )
    return radius_multiplier(n, tuned_at=rule.size, alpha=rule.alpha)


def p_values(rule: DefaultRule, z: ArrayLike, n: ArrayLike, *, previous: ArrayLike | None = None) -> Floats:
    """The p-value at each look: at most alpha exactly where |z| reaches the critical value.

    Valid at every look by itself; what was reached stays reached, so show `sequential.running_p_values` of
    them.
    """
    if rule.horizon is not None:
        return hybrid_p_value(z, n, horizon=rule.horizon, pause=rule.pause, previous=previous)
    return always_valid_p_value(log_e_value(z, n, tuned_at=rule.size, alpha=rule.alpha))


def judge(
    rule: DefaultRule, estimate: float, standard_error: float, *, n: float, previous: float | None = None
) -> Judgement | NotEstimable:
    """The verdict on an effect (null 0) from its estimate, standard error and units, at one look.

    A function of its arguments alone: the looks before need not be remembered, only how many units the last
    of them had. Take them at the ends of fixed time buckets since the start.
    """
    if n <= 0:
        return NotEstimable("no units")
    if not standard_error > 0:
        return NotEstimable("no variance in either variation")
    half = float(critical_values(rule, n, previous=previous)) * standard_error
    p_value = float(p_values(rule, estimate / standard_error, n, previous=previous))
    interval = Interval(estimate - half, estimate + half, 1 - rule.alpha)
    return Judgement(interval, p_value, not interval.lower < 0 < interval.upper)
