"""How many units are still missing: for the plan's power to find its minimum lift, at the variance seen."""

from dataclasses import dataclass
from math import ceil, isfinite

from assay.analysis.comparisons import OUT_OF_RANGE, Design
from assay.analysis.experiment_results import IS_BASELINE, Comparisons, Needed
from assay.analysis.plans import AnalysisPlan
from assay.stats.contrasts import ArmEstimates
from assay.stats.estimate import NotEstimable, Status
from assay.stats.power import LookingPlan, effect_variance, sample_size

DAY_MS = 86_400_000

# As many looks as a test of four weeks has days; ten times as many would move the size by some 2 %.
LOOKS = 28

MOST_UNITS = 2**53

NO_SIZE = NotEstimable("a number of units is for a power of 0.5 or more, at an alpha below 0.5")


@dataclass(frozen=True, slots=True)
class Pace:
    """Units exposed so far in all treatments, and the time it took, up to the latest of them."""

    units: int
    elapsed_ms: int

    @property
    def per_day(self) -> float:
        """Units a day; 0 where there is no time to tell it from."""
        return self.units * DAY_MS / self.elapsed_ms if self.elapsed_ms > 0 else 0.0


def needed(
    design: Design, arms: ArmEstimates, comparisons: Comparisons, pace: Pace
) -> tuple[Needed | NotEstimable, ...]:
    """By arm; of estimates of shape (arms,), adjusted where they are, so that what a covariate saves is in."""
    return tuple(
        comparison
        if isinstance(comparison, NotEstimable)
        else _needed(design, arms, index, comparison.alpha, pace)
        for index, comparison in enumerate(comparisons)
    )


def _needed(
    design: Design, arms: ArmEstimates, treatment: int, alpha: float, pace: Pace
) -> Needed | NotEstimable:
    if treatment == design.baseline:
        return IS_BASELINE
    baseline, share = design.baseline, design.pair_share(treatment)
    status = Status(max(int(arms.status[baseline]), int(arms.status[treatment])))
    if status != Status.OK:
        return status.not_estimable()
    effect = design.plan.minimum_lift * abs(float(arms.value[baseline]))
    variance = effect_variance(
        float(arms.squared_error[treatment] * arms.n[treatment]),
        float(arms.squared_error[baseline] * arms.n[baseline]),
        treatment_share=design.shares[treatment] / (design.shares[treatment] + design.shares[baseline]),
    )
    if not isfinite(variance) or (effect > 0 and not variance < effect * effect * MOST_UNITS / 1e3):
        return OUT_OF_RANGE
    if not alpha < 0.5 <= design.plan.power:
        return NO_SIZE
    pair = sample_size(looking_plan(design.plan, alpha), effect=effect, variance=variance)
    return pair if isinstance(pair, NotEstimable) else _missing(ceil(pair / share), pace)


def looking_plan(plan: AnalysisPlan, alpha: float) -> LookingPlan:
    """The test that the verdict will be taken from, for one comparison at its alpha."""
    if not plan.always_valid:
        return LookingPlan("fixed", 1, alpha, plan.power)
    return LookingPlan("sequence" if plan.horizon is None else "hybrid", LOOKS, alpha, plan.power)


def _missing(units: int, pace: Pace) -> Needed:
    missing = max(0, units - pace.units)
    if missing and pace.per_day <= 0:
        return Needed(units, missing, NotEstimable("no units arrive"))
    return Needed(units, missing, ceil(missing / pace.per_day) if missing else 0)
