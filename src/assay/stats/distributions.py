"""The normal and the beta distribution, each with a coordinate on which its density is smooth everywhere.

The coordinate of a normal is the value itself. That of a beta is the logit of the value: on it even a
density that is infinite at 0 or 1 becomes smooth, and a value too close to 1 for a float keeps its digits.
"""

from dataclasses import dataclass
from math import isfinite, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]

FURTHEST_LOGIT = 700.0  # exp() overflows soon after


@dataclass(frozen=True, slots=True)
class Normal:
    """Normal distribution with mean `mu` and standard deviation `sigma` > 0."""

    mu: float
    sigma: float

    def __post_init__(self) -> None:
        if not (isfinite(self.mu) and isfinite(self.sigma) and self.sigma > 0):
            raise ValueError(f"not a proper normal distribution: {self}")

    @property
    def mean(self) -> float:
        """The expectation."""
        return self.mu

    @property
    def deviation(self) -> float:
        """The standard deviation."""
        return self.sigma

    def quantile(self, p: float) -> float:
        """The value with probability `p` below it."""
        return self.mu + self.sigma * float(special.ndtri(p))

    def coordinates(self, scores: Array) -> Array:
        """Where the distribution has the probability Φ(score) below it."""
        return self.mu + self.sigma * scores

    def density(self, at: Array) -> Array:
        """The density by coordinate."""
        scores = (at - self.mu) / self.sigma
        return np.asarray(np.exp(-0.5 * scores * scores) / (self.sigma * sqrt(2 * np.pi)))

    def below(self, at: Array) -> Array:
        """The probability below a coordinate."""
        return np.asarray(special.ndtr((at - self.mu) / self.sigma))

    def above(self, at: Array) -> Array:
        """The probability above a coordinate, with all its digits where it is small."""
        return np.asarray(special.ndtr((self.mu - at) / self.sigma))

    @staticmethod
    def slope(at: Array) -> Array:
        """How fast the value grows with its coordinate."""
        return np.ones_like(at)

    @staticmethod
    def bends() -> Array:
        """Coordinates between which the slope is all but a polynomial."""
        return np.empty(0)


@dataclass(frozen=True, slots=True)
class Beta:
    """Beta distribution on [0, 1] with both parameters > 0."""

    alpha: float
    beta: float

    def __post_init__(self) -> None:
        if not (isfinite(self.alpha) and isfinite(self.beta) and min(self.alpha, self.beta) > 0):
            raise ValueError(f"not a proper beta distribution: {self}")

    @property
    def mean(self) -> float:
        """The expectation."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def deviation(self) -> float:
        """The standard deviation."""
        total = self.alpha + self.beta
        return sqrt(self.alpha * self.beta / (total + 1)) / total

    def quantile(self, p: float) -> float:
        """The value with probability `p` below it."""
        return float(special.betaincinv(self.alpha, self.beta, p))

    def coordinates(self, scores: Array) -> Array:
        """Where the distribution has the probability Φ(score) below it."""
        value = special.betaincinv(self.alpha, self.beta, special.ndtr(scores))
        rest = special.betaincinv(self.beta, self.alpha, special.ndtr(-scores))
        with np.errstate(divide="ignore"):
            logits = np.where(value < rest, np.log(value) - np.log1p(-value), np.log1p(-rest) - np.log(rest))
        return np.asarray(np.clip(logits, -FURTHEST_LOGIT, FURTHEST_LOGIT))

    def density(self, at: Array) -> Array:
        """The density by coordinate."""
        logs = self.alpha * special.log_expit(at) + self.beta * special.log_expit(-at)
        return np.asarray(np.exp(logs - special.betaln(self.alpha, self.beta)))

    def below(self, at: Array) -> Array:
        """The probability below a coordinate."""
        return _beta_below(self.alpha, self.beta, at)

    def above(self, at: Array) -> Array:
        """The probability above a coordinate, with all its digits where it is small."""
        return _beta_below(self.beta, self.alpha, -at)

    @staticmethod
    def slope(at: Array) -> Array:
        """How fast the value grows with its coordinate."""
        return np.asarray(special.expit(at) * special.expit(-at))

    @staticmethod
    def bends() -> Array:
        """Coordinates between which the slope is all but a polynomial."""
        return np.arange(-36.0, 37.0, 4.0)


Distribution = Normal | Beta


def _beta_below(alpha: float, beta: float, at: Array) -> Array:
    low = at < 0
    result = np.empty_like(at)
    result[low] = special.betainc(alpha, beta, special.expit(at[low]))
    result[~low] = special.betaincc(beta, alpha, special.expit(-at[~low]))
    return result
