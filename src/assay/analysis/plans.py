"""How an iteration is to be judged: its declared plan as numbers, and the rule that follows from it."""

from dataclasses import dataclass
from typing import Literal

from assay.errors import InvalidRequest
from assay.experiments.experiment import AnalysisConfig, Iteration
from assay.stats.default_rule import DefaultRule
from assay.stats.multiplicity import Scope
from assay.stats.sequential import mixture_information

Correction = Literal["none", "bonferroni", "benjamini-hochberg"]

# Where a sequence without a horizon is tightest, in units of two arms; ten times as many cost a fifth more width.
FORECAST_UNITS = 10_000


@dataclass(frozen=True, slots=True)
class AnalysisPlan:
    """What was decided beforehand. `alpha` is two-sided; `horizon` counts units over all treatments.

    Without `always_valid` the verdict is the fixed-horizon test's, and is given at the horizon only.
    """

    alpha: float
    correction: Correction
    scope: Scope
    horizon: int | None
    always_valid: bool
    power: float
    minimum_lift: float
    bayesian_level: float
    covariate_days: int


def analysis_plan(iteration: Iteration, config: AnalysisConfig) -> AnalysisPlan:
    """Raises `InvalidRequest` where the experiment's analysisConfig can't be read."""
    threshold = _number(config.significance_threshold, "significanceThreshold", 0.5)
    one_sided = config.test_direction.startswith("one")
    plan = iteration.plan
    return AnalysisPlan(
        alpha=min(2 * threshold, 0.5) if one_sided else threshold,
        correction=_correction(config.multiple_comparison_correction_method),
        scope=_scope(config.multiple_comparison_correction_scope),
        horizon=plan.horizon_units,
        always_valid=config.sequential_testing_enabled or plan.horizon_units is None,
        power=plan.power,
        minimum_lift=plan.minimum_lift,
        bayesian_level=_number(config.bayesian_threshold, "bayesianThreshold", 100.0) / 100,
        covariate_days=plan.covariate_days,
    )


def pair_horizon(horizon: int, pair_share: float) -> float:
    """A pair's part of the horizon; a whole number of units stays one: 1000 · (0.1 + 0.2) is 300 and no more."""
    return round(horizon * pair_share, 6)


def rule_of(plan: AnalysisPlan, alpha: float, pair_share: float) -> DefaultRule:
    """The rule for a treatment and the baseline, which get `pair_share` of the units, at a corrected alpha.

    A sequence stays tuned at the plan's own alpha, so that its e-value doesn't depend on the correction, and its
    interval at any level leaves out 0 exactly where the e-value reaches 1 / alpha.
    """
    if plan.horizon is not None:
        return DefaultRule(alpha=alpha, horizon=pair_horizon(plan.horizon, pair_share))
    own, base = (float(mixture_information(1, tuned_at=1, alpha=a)) for a in (alpha, plan.alpha))
    return DefaultRule(alpha=alpha, forecast=FORECAST_UNITS * own / base)


def _number(text: str, name: str, below: float) -> float:
    try:
        number = float(text)
    except ValueError:
        raise InvalidRequest(f"analysisConfig.{name} is a number in a string, not {text[:40]!r}") from None
    if not 0 < number < below:
        raise InvalidRequest(f"analysisConfig.{name} lies between 0 and {below:g}, not at {text[:40]}")
    return number


def _correction(word: str) -> Correction:
    match word.strip().lower():
        case "":
            return "bonferroni"
        case "none" | "bonferroni" | "benjamini-hochberg" as known:
            return known
    raise InvalidRequest(f"there is no multiple comparison correction {word[:40]!r}")


def _scope(word: str) -> Scope:
    try:
        return Scope(word.strip().lower() or "variations")
    except ValueError:
        raise InvalidRequest(f"there is no multiple comparison scope {word[:40]!r}") from None
