"""The values that leave this room: an interval, or the reason why nothing can be said."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NotEstimable:
    """Nothing can be said, and why: a short sentence in the field's words, never a number in disguise."""

    reason: str


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval at `level` (0.95 for 95 %); `lower` ≤ `upper`, in the unit of the estimand."""

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
