"""The sufficient statistics of a metric in a treatment: the seam between the tables and the mathematics."""

from dataclasses import dataclass
from math import isfinite


class InvalidMomentsError(ValueError):
    """The numbers can't be the moments of any sample."""


@dataclass(frozen=True, slots=True)
class Moments:
    """`n` units with `mean` and `squares`, the sum of squared deviations from that mean.

    Centred, because a variance from raw sums of squares loses its digits under a large offset
    (Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance", eq. 1.1 against 1.3).
    """

    n: int
    mean: float
    squares: float

    def __post_init__(self) -> None:
        if self.n < 0 or not isfinite(self.mean) or not isfinite(self.squares) or self.squares < 0:
            raise InvalidMomentsError(f"not the moments of a sample: {self}")

    @property
    def variance(self) -> float:
        """The unbiased sample variance; needs two units."""
        if self.n < 2:
            raise InvalidMomentsError("a variance needs two units")
        return self.squares / (self.n - 1)

    def __add__(self, other: "Moments") -> "Moments":
        """The moments of both samples together. Source: Chan, Golub & LeVeque (1983), eq. 2.1."""
        n = self.n + other.n
        if n == 0:
            return self
        shift = other.mean - self.mean
        mean = self.mean + shift * other.n / n
        squares = self.squares + other.squares + shift * shift * self.n * other.n / n
        return Moments(n, mean, squares)
