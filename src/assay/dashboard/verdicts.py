"""Comparisons in words: what a product manager may conclude, and what is still missing."""

from dataclasses import dataclass
from typing import Literal

from assay.analysis.experiment_results import (
    IS_BASELINE,
    Check,
    Compared,
    IterationResults,
    MetricLabel,
    MetricResults,
    Needed,
    Test,
)
from assay.analysis.plans import AnalysisPlan
from assay.analysis.results import Estimated, MaybeInterval
from assay.dashboard.numbers import percent, plain, signed, signed_percent, whole
from assay.stats.estimate import Interval, NotEstimable

Tone = Literal["good", "bad", "quiet"]

# Without its cause removed, a failure of one of these makes every comparison worthless.
DECISIVE = frozenset({"sample_ratio", "in_experiment"})

CHECK_NAMES = {
    "sample_ratio": "Units arrive in their planned shares",
    "exposures_arriving": "Exposures arrive",
    "flag_on": "The flag is on",
    "in_experiment": "Evaluations are marked as part of the experiment",
    "metric_seen": "Events arrive",
    "unit_missing": "Evaluations name the unit",
    "metric_unit_missing": "Events name the unit",
    "multiple_variations": "Each unit sees one variation",
    "clock_skew": "Clocks of evaluations are right",
    "metric_clock_skew": "Clocks of events are right",
    "late_exposures": "Evaluations arrive in time",
    "late_events": "Events arrive in time",
    "pre_period_imbalance": "The arms were alike before",
    "value_missing": "Events carry a value",
    "before_exposure": "Events come after exposure",
}


@dataclass(frozen=True, slots=True)
class Headline:
    """The page's first sentence: what to do, and why in a second one."""

    title: str
    text: str
    tone: Literal["good", "bad", "warn", "accent"]


def compared_words(
    compared: Compared | NotEstimable, label: MetricLabel, *, minimum_lift: float
) -> tuple[str, Tone]:
    """The verdict of one comparison, and its colour. A bound beyond `minimum_lift` rules out little."""
    if isinstance(compared, NotEstimable):
        return "baseline" if compared == IS_BASELINE else f"can't be said: {compared.reason}", "quiet"
    verdict = compared.verdict
    match verdict.word:
        case "better":
            return "better", "good"
        case "worse":
            return "worse", "bad"
        case "no_difference_larger_than" if verdict.bound is not None:
            bound = percent(verdict.bound) if verdict.bound_of == "lift" else figure(verdict.bound, label)
            if verdict.bound_of == "lift" and verdict.bound > minimum_lift:
                return f"undecided, within ±{bound}", "quiet"
            return f"no difference larger than ±{bound}", "quiet"
        case "not_yet":
            return "not yet", "quiet"
    return f"can't be said: {verdict.reason}", "quiet"


def figure(value: Estimated, label: MetricLabel, digits: int = 4) -> str:
    """A metric's value in its unit; a conversion as a percentage."""
    if isinstance(value, NotEstimable):
        return "–"
    if label.kind == "conversion":
        return percent(value)
    return f"{plain(value, digits)} {label.unit}".strip()


def effect_words(value: Estimated, label: MetricLabel) -> str:
    if isinstance(value, NotEstimable):
        return "–"
    if label.kind == "conversion":
        return signed_percent(value).replace("%", "points")
    return f"{signed(value)} {label.unit}".strip()


def lift_words(value: Estimated) -> str:
    return "–" if isinstance(value, NotEstimable) else signed_percent(value)


def interval_words(interval: MaybeInterval) -> str:
    """An interval of lifts: from … to …."""
    if isinstance(interval, NotEstimable):
        return "–"
    return f"{signed_percent(interval.lower)} to {signed_percent(interval.upper)}"


def values_words(interval: MaybeInterval, label: MetricLabel) -> str:
    if isinstance(interval, NotEstimable):
        return "–"
    return f"{figure(interval.lower, label)} to {figure(interval.upper, label)}"


def decisive_test(compared: Compared, plan: AnalysisPlan) -> Test:
    """The statistic that the verdict is taken from."""
    return compared.sequential if plan.always_valid else compared.fixed


def needed_words(needed: Needed | NotEstimable, plan: AnalysisPlan) -> str:
    """How much is missing until the plan's power."""
    wanted = f"to find a lift of {percent(plan.minimum_lift)} with {percent(plan.power, 0)} power"
    if isinstance(needed, NotEstimable):
        return f"How many units it takes {wanted} can't be estimated: {needed.reason}."
    if needed.missing <= 0:
        return f"{whole(needed.units)} units {wanted}: reached."
    if isinstance(needed.days, NotEstimable):
        return f"{whole(needed.missing)} of {whole(needed.units)} units are missing {wanted}."
    days = "about a day" if needed.days == 1 else f"about {whole(needed.days)} days"
    return f"{whole(needed.missing)} of {whole(needed.units)} units are missing {wanted}: {days} at today's pace."


def headline(results: IterationResults) -> Headline:
    """What the whole experiment says; a decisive fault comes before every number."""
    broken = [check for check in results.checks if check.status == "failed" and check.name in DECISIVE]
    if broken:
        return Headline("Don't trust these numbers yet", advice(broken[0]), "bad")
    if sum(results.exposed) == 0:
        return Headline("Waiting for the first units", waiting_for(results.checks), "accent")
    primary = next((one for one in results.metrics if one.label.role == "primary"), None)
    if not isinstance(primary, MetricResults):
        reason = primary.reason.reason if primary else "the iteration has no primary metric"
        return Headline("Nothing can be said yet", sentence(reason), "warn")
    return _of_primary(results, primary)


def waiting_for(checks: tuple[Check, ...]) -> str:
    failing = next((check for check in checks if check.status in ("failed", "warning")), None)
    if failing is None:
        return "The first evaluation of the flag by an SDK will show here within seconds."
    return advice(failing)


def check_name(check: Check) -> str:
    """What is expected, in words."""
    return CHECK_NAMES.get(check.name, check.name.replace("_", " ").capitalize())


def advice(check: Check) -> str:
    """Cause and remedy as sentences."""
    return " ".join(sentence(part) for part in (check.cause, check.remedy) if part)


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}" if text else ""


def _of_primary(results: IterationResults, primary: MetricResults) -> Headline:
    rows = [
        (arm, one)
        for arm, one in zip(results.arms, primary.comparisons, strict=True)
        if isinstance(one, Compared)
    ]
    better = [row for row in rows if row[1].verdict.word == "better"]
    if better:
        sign = -1 if primary.label.lower_is_better else 1
        arm, found = max(better, key=lambda row: sign * row[1].effect)
        return Headline(f"{arm.name} is better", _evidence(results, primary, found), "good")
    worse = [row for row in rows if row[1].verdict.word == "worse"]
    if worse and len(worse) == len(rows):
        names = " and ".join(arm.name for arm, _ in worse)
        which = "is" if len(worse) == 1 else "are"
        return Headline(f"{names} {which} worse", _evidence(results, primary, worse[0][1]), "bad")
    bounded = [row for row in rows if row[1].verdict.word == "no_difference_larger_than"]
    if bounded and len(bounded) == len(rows):
        words = compared_words(bounded[0][1], primary.label, minimum_lift=results.plan.minimum_lift)[0]
        return Headline(
            f"{words[:1].upper()}{words[1:]}", _evidence(results, primary, bounded[0][1]), "accent"
        )
    needed = next((one for one in primary.needed if isinstance(one, Needed)), None)
    missing = needed_words(needed, results.plan) if needed else ""
    return Headline("Not yet", f"{primary.label.name}: no verdict so far. {missing}".strip(), "accent")


def _evidence(results: IterationResults, primary: MetricResults, compared: Compared) -> str:
    """The primary metric's lift with its interval, and when that holds."""
    test = decisive_test(compared, results.plan)
    text = f"{primary.label.name} {lift_words(compared.lift)}"
    if isinstance(test.lift_interval, Interval):
        text += f" ({interval_words(test.lift_interval)})"
    elif isinstance(test.interval, Interval):
        text = f"{primary.label.name} {effect_words(compared.effect, primary.label)}"
    held = "valid however often you look" if results.plan.always_valid else "at the planned horizon"
    return f"{text}, {held}."
