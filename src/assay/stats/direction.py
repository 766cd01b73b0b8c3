"""Which way is better, for everything that has to tell a gain from a loss."""

from enum import Enum


class Direction(Enum):
    """Whether a higher or a lower value of a metric is a success; the value is the sign of a gain."""

    HIGHER_IS_BETTER = 1
    LOWER_IS_BETTER = -1
