"""The values that leave this room: an interval, an effect, a lift, or the reason why nothing can be said."""

from dataclasses import dataclass
from enum import IntEnum
from math import inf
from typing import Literal

Alternative = Literal["two-sided", "greater", "less"]


@dataclass(frozen=True, slots=True)
class NotEstimable:
    """Nothing can be said, and why: a short sentence in the field's words, never a number in disguise."""

    reason: str


class Status(IntEnum):
    """Why a cell of an array holds no number: what `NotEstimable` says, in a form that fits an array."""

    OK = 0
    NO_UNITS = 1
    FEWER_THAN_TWO_UNITS = 2
    NO_VARIANCE = 3
    ZERO_DENOMINATOR = 4
    UNSTABLE_DENOMINATOR = 5
    FEW_CLUSTERS = 6
    SHORT_TAIL = 7
    POINT_MASS = 8
    ZERO_BASELINE = 9
    BASELINE_NEAR_ZERO = 10

    @property
    def reason(self) -> str:
        """The sentence for a reader."""
        return REASONS[self]

    def not_estimable(self) -> NotEstimable:
        """The same outside an array."""
        return NotEstimable(self.reason)


REASONS = (
    "",
    "a variation has no units",
    "a variation has fewer than two units",
    "no variance in either variation",
    "a variation's denominator is zero",
    "a variation's denominator is too uncertain for a ratio",
    "a variation has fewer than ten units, too few for a ratio of sums",
    "too few values beyond the percentile",
    "the values around the percentile are all equal",
    "the baseline is zero",
    "the baseline can't be told from zero, so that the lift has no bounded interval",
)


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval at `level` (0.95 for 95 %); `lower` ≤ `upper`, in the unit of the estimand.

    A one-sided bound is an interval whose other end is infinite; a representation leaves that end out.
    """

    lower: float
    upper: float
    level: float

    def __post_init__(self) -> None:
        if not self.lower <= self.upper:
            raise ValueError(
                f"an interval's lower end {self.lower} must not exceed its upper end {self.upper}"
            )
        if not 0 < self.level < 1:
            raise ValueError(f"a level lies between 0 and 1, not {self.level}")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its standard error, both in the metric's unit; infinite freedom means a normal one."""

    value: float
    standard_error: float
    degrees_of_freedom: float = inf

    def __post_init__(self) -> None:
        if not (abs(self.value) < inf and 0 <= self.standard_error < inf and self.degrees_of_freedom > 0):
            raise ValueError(f"not an estimate: {self}")


@dataclass(frozen=True, slots=True)
class Effect:
    """An absolute difference in the metric's unit; interval and p-value are of one statistic."""

    estimate: Estimate
    interval: Interval
    p_value: float


@dataclass(frozen=True, slots=True)
class Lift:
    """A difference as a fraction of the baseline's size: 0.05 is 5 % more; its sign is the effect's."""

    value: float
    interval: Interval | NotEstimable
