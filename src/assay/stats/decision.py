"""From the intervals of all metrics to one decision, and from the decision's risks to each metric's share.

The change is shipped when at least one success metric improves and every guardrail is shown to be no worse
than its margin allows, nothing deteriorates and the evidence can be trusted. "At least one" is a union–
intersection test, so success metrics share alpha; "every" is an intersection–union test, so guardrails each
get all of alpha, and pay in power. Source for the whole file: Schultzberg, Ankargren & Frånberg (2024),
"Risk-aware product decisions in A/B tests with multiple metrics", sections 3 and 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from assay.stats.direction import Direction
from assay.stats.estimate import Interval, NotEstimable


class Verdict(Enum):
    """What the evidence says to do. Inconclusive at the planned end means: don't ship."""

    SHIP = "ship"
    DO_NOT_SHIP = "do not ship"
    INCONCLUSIVE = "inconclusive"


class Scale(Enum):
    """What an interval and its margin speak of: the effect, in the metric's unit, or the lift, a fraction."""

    EFFECT = "effect"
    LIFT = "lift"


@dataclass(frozen=True, slots=True)
class Margin:
    """How much worse a guardrail may get and still count as not worse: `amount` > 0 on its scale."""

    amount: float
    scale: Scale

    def __post_init__(self) -> None:
        if not self.amount > 0:
            raise ValueError("a margin of nothing can't be shown to be kept; it must be above 0")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A metric's intervals of effect and lift against the baseline, by a fixed or an anytime-valid method.

    Each end is a one-sided bound: the end on the bad side at the plan's `alpha`, the end on the good side at
    its `alpha_deterioration`. Where lower is better, the ends change roles.
    """

    metric: str
    direction: Direction
    effect: Interval | NotEstimable
    lift: Interval | NotEstimable


@dataclass(frozen=True, slots=True)
class Guardrail:
    """Evidence on a metric that must not get worse by more than `margin`."""

    evidence: Evidence
    margin: Margin


@dataclass(frozen=True, slots=True)
class QualityCheck:
    """Whether the experiment was sound in one respect, such as its sample ratio."""

    name: str
    passed: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict and why, a sentence for each metric or check that mattered."""

    verdict: Verdict
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MetricPlan:
    """One metric's share: one-sided `alpha` of its own test and of its deterioration test, and its power."""

    alpha: float
    alpha_deterioration: float
    power: float

    @property
    def level(self) -> float:
        """The confidence level of the interval between the two one-sided bounds."""
        return 1 - self.alpha - self.alpha_deterioration


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask of each success metric and of each guardrail; None where there are none."""

    success: MetricPlan | None
    guardrail: MetricPlan | None


def share_risks(
    successes: int,
    guardrails: int,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    alpha_deterioration: float = 0.05,
) -> Plan | NotEstimable:
    """Each metric's alpha and power, so that the decision's own risks are as stated.

    At most `alpha`: shipping what improves no success metric or breaks a guardrail's margin. At most
    `alpha_deterioration`: refusing, for a deterioration, what deteriorates nothing. At least `power`:
    shipping what improves one success metric as planned, and leaves the others as they were. S success
    metrics get alpha/S each, guardrails alpha; with β = 1 − power, each test's power is
    1 − (β − alpha_deterioration)/(G + 1), or /G without a success metric. Bonferroni bounds throughout, so
    under any dependence between metrics. Source: Schultzberg, Ankargren & Frånberg (2024), sections 3 and 4.
    """
    if successes + guardrails == 0:
        return NotEstimable("no metric to decide on")
    miss = 1 - power - alpha_deterioration
    if miss <= 0:
        return NotEstimable("the deterioration tests alone may cost more power than the decision can spare")
    each_power = 1 - miss / (guardrails + min(successes, 1))
    each_deterioration = alpha_deterioration / (successes + guardrails)
    return Plan(
        success=MetricPlan(alpha / successes, each_deterioration, each_power) if successes else None,
        guardrail=MetricPlan(alpha, each_deterioration, each_power) if guardrails else None,
    )


def decide(
    successes: Sequence[Evidence], guardrails: Sequence[Guardrail], checks: Sequence[QualityCheck] = ()
) -> Decision:
    """Ship, don't ship, or not yet known, with the reasons; without success metrics the guardrails decide.

    With intervals that are valid at every look, so is the decision: its risks hold however often it is made.
    """
    doubts = [f"{check.name}: the check failed" for check in checks if not check.passed]
    if doubts:
        return Decision(Verdict.INCONCLUSIVE, tuple(doubts))
    harms = _harms(successes, guardrails)
    if harms:
        return Decision(Verdict.DO_NOT_SHIP, tuple(harms))
    improved = [f"{e.metric}: improved" for e in successes if _gain_at_least(e.effect, 0.0, e.direction)]
    missing = [_why_not_kept(g) for g in guardrails if not _kept(g)]
    if not improved and (successes or not guardrails):
        missing.insert(0, "no success metric has been shown to improve")
    if missing:
        return Decision(Verdict.INCONCLUSIVE, tuple(missing))
    return Decision(
        Verdict.SHIP, (*improved, *(f"{g.evidence.metric}: within its margin" for g in guardrails))
    )


def _harms(successes: Sequence[Evidence], guardrails: Sequence[Guardrail]) -> list[str]:
    every = (*successes, *(guardrail.evidence for guardrail in guardrails))
    broken = [
        g.evidence.metric for g in guardrails if _loss_beyond(_measured(g), g.margin.amount, g.evidence)
    ]
    worse = [e.metric for e in every if _loss_beyond(e.effect, 0.0, e) and e.metric not in broken]
    return [f"{name}: worse by more than its margin" for name in broken] + [
        f"{name}: deteriorated" for name in worse
    ]


def _kept(guardrail: Guardrail) -> bool:
    return _gain_at_least(_measured(guardrail), -guardrail.margin.amount, guardrail.evidence.direction)


def _measured(guardrail: Guardrail) -> Interval | NotEstimable:
    evidence = guardrail.evidence
    return evidence.effect if guardrail.margin.scale is Scale.EFFECT else evidence.lift


def _why_not_kept(guardrail: Guardrail) -> str:
    measured = _measured(guardrail)
    why = measured.reason if isinstance(measured, NotEstimable) else "not yet shown to keep its margin"
    return f"{guardrail.evidence.metric}: {why}"


def _gain_at_least(interval: Interval | NotEstimable, least: float, direction: Direction) -> bool:
    """Whether the whole interval lies above `least` once a gain is positive; an end on it doesn't count."""
    if isinstance(interval, NotEstimable):
        return False
    worst = interval.lower if direction is Direction.HIGHER_IS_BETTER else -interval.upper
    return worst > least


def _loss_beyond(interval: Interval | NotEstimable, amount: float, evidence: Evidence) -> bool:
    """Whether the whole interval lies below −`amount` once a gain is positive."""
    if isinstance(interval, NotEstimable):
        return False
    best = interval.upper if evidence.direction is Direction.HIGHER_IS_BETTER else -interval.lower
    return best < -amount
