"""Two proportions compared where counts are small: score intervals, and an exact one for their ratio.

The score intervals of the difference and of the ratio invert one family of tests, whose member at "no
difference" is the pooled two-proportion test: its p-value and both intervals give one verdict.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import acos, copysign, cos, exp, hypot, inf, log, pi, sqrt

from scipy import special

from assay.stats.estimate import Interval, NotEstimable
from assay.stats.fixed_horizon import two_proportion_test, wilson_interval

NO_UNITS = NotEstimable("a variation has no units")
NO_EVENTS = NotEstimable("no events in either variation")


@dataclass(frozen=True, slots=True)
class ProportionComparison:
    """Treatment minus baseline as shares, the ratio of the shares minus one, and the p-value of both.

    `lift_interval` is bounded below alone, with an infinite upper end, where the baseline has no events.
    """

    effect: float
    effect_interval: Interval
    lift_interval: Interval | NotEstimable
    p_value: float | NotEstimable


def compare_proportions(
    successes: tuple[int, int], units: tuple[int, int], level: float = 0.95
) -> ProportionComparison | NotEstimable:
    """Treatment against baseline, in this order in both arguments, by the score test and its inversions.

    Assumes independent units; holds its level well from about five expected events in all.
    Source: Mee (1984), Biometrics 40:1175–1176, for the difference; Koopman (1984), Biometrics 40:513–517,
    for the ratio.
    """
    if min(units) == 0:
        return NO_UNITS
    return ProportionComparison(
        effect=successes[0] / units[0] - successes[1] / units[1],
        effect_interval=score_difference_interval(successes, units, level),
        lift_interval=score_lift_interval(successes, units, level),
        p_value=two_proportion_test(successes, units),
    )


def newcombe_interval(
    successes: tuple[int, int], units: tuple[int, int], level: float = 0.95
) -> Interval | NotEstimable:
    """Hybrid score interval of the difference of two proportions, first minus second.

    Source: Newcombe (1998), Statistics in Medicine 17:873–890, method 10.
    """
    first, second = (wilson_interval(s, n, level) for s, n in zip(successes, units, strict=True))
    if isinstance(first, NotEstimable) or isinstance(second, NotEstimable):
        return NO_UNITS
    p, q = successes[0] / units[0], successes[1] / units[1]
    lower = p - q - hypot(p - first.lower, second.upper - q)
    upper = p - q + hypot(first.upper - p, q - second.lower)
    return Interval(max(lower, -1.0), min(upper, 1.0), level)


def score_difference_interval(
    successes: tuple[int, int], units: tuple[int, int], level: float = 0.95
) -> Interval:
    """Differences of proportions, first minus second, that a score test doesn't refute; needs units in both.

    Source: Mee (1984), Biometrics 40:1175–1176.
    """
    z, d = float(special.ndtri((1 + level) / 2)), successes[0] / units[0] - successes[1] / units[1]

    def refuted(difference: float) -> bool:
        return abs(_difference_score(successes, units, difference)) > z

    return Interval(_edge(refuted, held=d, beyond=-1.0), _edge(refuted, held=d, beyond=1.0), level)


def score_lift_interval(
    successes: tuple[int, int], units: tuple[int, int], level: float = 0.95
) -> Interval | NotEstimable:
    """Ratio of the first proportion to the second, minus one, by the score test.

    Source: Koopman (1984), Biometrics 40:513–517; the restricted estimate in closed form after
    Miettinen & Nurminen (1985), Statistics in Medicine 4:213–226, eq. 12.
    """
    if min(units) == 0:
        return NO_UNITS
    if sum(successes) == 0:
        return NO_EVENTS
    z = float(special.ndtri((1 + level) / 2))

    def refuted(log_ratio: float) -> bool:
        return abs(_ratio_score(successes, units, exp(log_ratio))) > z

    centre = _log_ratio(successes, units)
    lower = -inf if successes[0] == 0 else _edge(refuted, held=centre, beyond=-FAR)
    upper = inf if successes[1] == 0 else _edge(refuted, held=centre, beyond=FAR)
    return Interval(_less_one(lower), _less_one(upper), level)


def conditional_lift_interval(
    events: tuple[int, int], exposure: tuple[float, float], level: float = 0.95
) -> Interval | NotEstimable:
    """Ratio of two event rates, first to second, minus one; exact for Poisson counts, even with none.

    `exposure`: units, or units × time, of each. Given the events of both, the first's are binomial.
    Source: Clopper & Pearson (1934), Biometrika 26:404–413; Przyborowski & Wilenski (1940), Biometrika
    31:313–323, for the conditioning.
    """
    first, second = events
    if min(exposure) <= 0:
        return NO_UNITS
    if first + second == 0:
        return NO_EVENTS
    tail, scale = (1 - level) / 2, exposure[1] / exposure[0]
    low = float(special.betaincinv(first, second + 1, tail)) if first else 0.0
    high = float(special.betainccinv(first + 1, second, tail)) if second else 1.0
    upper = inf if second == 0 else high / (1 - high) * scale - 1
    return Interval(low / (1 - low) * scale - 1, upper, level)


# exp(±FAR) lies beyond every ratio of two shares of samples that fit a machine.
FAR = 80.0


def _log_ratio(successes: tuple[int, int], units: tuple[int, int]) -> float:
    """Of the observed shares; as far out as may be where one of them is zero."""
    if 0 in successes:
        return -FAR if successes[0] == 0 else FAR
    return log(successes[0] / units[0]) - log(successes[1] / units[1])


def _less_one(log_ratio: float) -> float:
    return -1.0 if log_ratio == -inf else inf if log_ratio == inf else exp(log_ratio) - 1


def _edge(refuted: Callable[[float], bool], *, held: float, beyond: float) -> float:
    """Where between `held` and `beyond` the test begins to refute, by bisection to the last digits."""
    for _ in range(200):
        middle = (held + beyond) / 2
        if middle in (held, beyond):
            break
        held, beyond = (held, middle) if refuted(middle) else (middle, beyond)
    return beyond if not refuted(beyond) else held


def _difference_score(successes: tuple[int, int], units: tuple[int, int], difference: float) -> float:
    p, q = successes[0] / units[0], successes[1] / units[1]
    second = _restricted_share(successes, units, difference)
    first = second + difference
    variance = first * (1 - first) / units[0] + second * (1 - second) / units[1]
    distance = p - q - difference
    if variance <= 0:
        return 0.0 if abs(distance) < 1e-15 else copysign(inf, distance)
    return distance / sqrt(variance)


def _restricted_share(successes: tuple[int, int], units: tuple[int, int], difference: float) -> float:
    """Likeliest second share where the first exceeds it by `difference`.

    Source: Miettinen & Nurminen (1985), Statistics in Medicine 4:213–226, appendix 1.
    """
    (x, y), (n, m) = successes, units
    cubic = n + m
    square = (n + 2 * m) * difference - cubic - x - y
    linear = (m * difference - cubic - 2 * y) * difference + x + y
    constant = y * difference * (1 - difference)
    q = (square / (3 * cubic)) ** 3 - square * linear / (6 * cubic**2) + constant / (2 * cubic)
    p = copysign(sqrt(max((square / (3 * cubic)) ** 2 - linear / (3 * cubic), 0.0)), q)
    angle = (pi + acos(min(1.0, max(-1.0, q / p**3 if p else 0.0)))) / 3
    share = 2 * p * cos(angle) - square / (3 * cubic)
    return min(max(share, 0.0, -difference), 1.0, 1 - difference)


def _ratio_score(successes: tuple[int, int], units: tuple[int, int], ratio: float) -> float:
    (x, y), (n, m) = successes, units
    square, linear = ratio * (n + m), ratio * (n + y) + x + m
    root = sqrt(max(linear * linear - 4 * square * (x + y), 0.0))
    # The smaller root, in the form without cancellation.
    second = 2 * (x + y) / (linear + root)
    first = min(ratio * second, 1.0)
    variance = first * (1 - first) / n + ratio * ratio * second * (1 - second) / m
    distance = x / n - ratio * (y / m)
    if variance <= 0:
        return 0.0 if distance == 0 else copysign(inf, distance)
    return distance / sqrt(variance)
