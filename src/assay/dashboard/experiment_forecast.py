"""How many units a design needs and how long that takes, from the traffic and the events of the last days."""

import time
from dataclasses import dataclass
from math import ceil, isfinite, sqrt

from assay.analysis.needs import LOOKS
from assay.dashboard.asking import days_ago_ms, lately_rows
from assay.dashboard.experiment_form import DesignForm, fraction, horizon_units, percents
from assay.dashboard.numbers import percent, plain, whole
from assay.dashboard.visit import Visit
from assay.experiments.metric import Metric
from assay.stats.estimate import NotEstimable
from assay.stats.power import LookingPlan, detectable_effect, effect_variance, sample_size
from assay.warehouse.queries.planning import unit_moments, units_met, units_seen

DAYS = 14
DAY_MS = 86_400_000
ALPHA = 0.05
LONGEST_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Traffic:
    """Units of the kind in `days`: those that met the rule, or with `is_anybody` all that were seen at all."""

    units: int
    days: float
    is_anybody: bool

    @property
    def per_day(self) -> float:
        return self.units / self.days


@dataclass(frozen=True, slots=True)
class Baseline:
    """The metric for those units as they are now."""

    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """In words. `size`: units that are needed over all treatments; `remarks`: what couldn't be told, and why."""

    traffic: str
    metric: str
    needed: str
    duration: str
    found: str
    remarks: tuple[str, ...]
    size: int | None


def forecast_of(visit: Visit, typed: DesignForm, metric: Metric | None) -> Forecast | None:
    """None where there is no flag to look at yet."""
    if not typed.flag:
        return None
    traffic = _traffic(visit, typed)
    baseline = _baseline(visit, typed, metric, traffic) if metric and traffic.units else None
    remarks = []
    size = _size(typed, baseline) if isinstance(baseline, Baseline) else None
    if isinstance(baseline, NotEstimable):
        remarks.append(f"How many units are needed can't be told beforehand: {baseline.reason}.")
    if isinstance(size, NotEstimable):
        remarks.append(f"How many units are needed can't be told: {size.reason}.")
    known = size if isinstance(size, int) else None
    planned = horizon_units(typed) or known
    return Forecast(
        traffic=_traffic_words(visit, typed, traffic),
        metric=_metric_words(metric, baseline) if metric and isinstance(baseline, Baseline) else "",
        needed=_needed_words(typed, known) if known else "",
        duration=_duration_words(typed, planned, traffic) if planned else "",
        found=_found_words(typed, baseline) if isinstance(baseline, Baseline) else "",
        remarks=tuple(remarks),
        size=known,
    )


def _traffic(visit: Visit, typed: DesignForm) -> Traffic:
    now_ms = time.time_ns() // 1_000_000
    place, unit, since_ms = visit.environment.id, typed.unit, days_ago_ms(DAYS)
    met = lately_rows(visit, units_met(place, typed.flag, typed.rule, unit_kind=unit, since_ms=since_ms))[0]
    anybody = not met[0]
    units, first_ms = (
        lately_rows(visit, units_seen(place, unit_kind=unit, since_ms=since_ms))[0] if anybody else met
    )
    days = (now_ms - first_ms) / DAY_MS if first_ms is not None else DAYS
    return Traffic(units, min(max(days, 1.0), DAYS), anybody)


def _baseline(
    visit: Visit, typed: DesignForm, metric: Metric, traffic: Traffic
) -> Baseline | NotEstimable | None:
    if not metric.plain or metric.window_start_offset or metric.window_end_offset is not None:
        return NotEstimable("the metric is more than a count, sum or average of its events")
    query = unit_moments(
        visit.environment.id,
        metric.measure,
        unit_kind=typed.unit,
        since_ms=days_ago_ms(DAYS),
        flag="" if traffic.is_anybody else typed.flag,
        rule=typed.rule,
    )
    _, mean, variance, with_events = lately_rows(visit, query)[0]
    if not with_events:
        return NotEstimable(f"none of these units had an event of {metric.name} in the last {DAYS} days")
    if not mean or not variance or not (isfinite(mean) and isfinite(variance)):
        return NotEstimable("the metric has the same value for all of these units")
    return Baseline(mean, variance)


def _looking(typed: DesignForm) -> LookingPlan | NotEstimable:
    power = fraction(typed.power)
    if power is None or not 0.5 <= power < 1:
        return NotEstimable("the power is no percentage from 50 to 100")
    treatments = max(1, len(typed.taken) - 1)
    if typed.plan == "horizon":
        return LookingPlan("hybrid", LOOKS, ALPHA, power, treatments=treatments)
    return LookingPlan("sequence", LOOKS, ALPHA, power, treatments=treatments)


def _pairs(typed: DesignForm) -> list[tuple[float, float]]:
    """For each treatment but the baseline: its part of the pair's units, and the pair's part of all."""
    shares = percents(typed.taken)
    if not shares:
        return []
    by_id = {one.variation_id: share for one, share in zip(typed.taken, shares, strict=True)}
    base = by_id.pop(typed.baseline, 0.0)
    if base <= 0 or not by_id or min(by_id.values()) <= 0:
        return []
    return [(share / (share + base), (share + base) / sum(shares)) for share in by_id.values()]


def _size(typed: DesignForm, baseline: Baseline) -> int | NotEstimable:
    """Units over all treatments until the one that takes longest has its power."""
    looking, lift, pairs = _looking(typed), fraction(typed.lift), _pairs(typed)
    if isinstance(looking, NotEstimable):
        return looking
    if lift is None or lift <= 0:
        return NotEstimable("the lift is no percentage above 0")
    if not pairs:
        return NotEstimable("the shares of the variations don't add up")
    sizes = []
    for share, of_all in pairs:
        variance = effect_variance(baseline.variance, baseline.variance, treatment_share=share)
        pair = sample_size(looking, effect=lift * abs(baseline.mean), variance=variance)
        if isinstance(pair, NotEstimable):
            return pair
        sizes.append(ceil(pair / of_all))
    return max(sizes)


def _traffic_words(visit: Visit, typed: DesignForm, traffic: Traffic) -> str:
    kind, place = typed.unit, visit.environment.name
    lately = f"in the last {DAYS} days" if traffic.days > DAYS - 1 else f"in {traffic.days:.0f} days"
    if traffic.days <= 1:
        lately = "in the last day"
    if not traffic.units:
        return f"No {kind} was seen in {place} in the last {DAYS} days, so no duration can be told."
    pace = f"{counted(traffic.units, kind)} {lately}, about {whole(traffic.per_day)} a day"
    if not traffic.is_anybody:
        return f"{pace}, met the flag there."
    return (
        f"{pace}, were seen in {place}. How many of them meet the flag is not known: SDKs tell whom they "
        "serve a flag to only while it is measured. What follows takes all of them."
    )


def counted(units: int, kind: str) -> str:
    return f"{whole(units)} {kind}{'' if units == 1 else 's'}"


def _metric_words(metric: Metric, baseline: Baseline) -> str:
    if metric.value_of == "conversion":
        return f"{percent(baseline.mean)} of them: {metric.name}"
    unit = f" {metric.unit}" if metric.unit else ""
    spread = plain(sqrt(baseline.variance), 3)
    return f"{plain(baseline.mean)}{unit} each, give or take {spread}: {metric.name}"


def _needed_words(typed: DesignForm, size: int) -> str:
    lift, power = fraction(typed.lift) or 0.0, fraction(typed.power) or 0.0
    return f"{counted(size, typed.unit)} to find a lift of {percent(lift)} with {percent(power, 0)} power"


def _duration_words(typed: DesignForm, units: int, traffic: Traffic) -> str:
    share = sum(percents(typed.taken))
    if not traffic.units or share <= 0:
        return ""
    days = units / (traffic.per_day * share)
    if days > LONGEST_DAYS:
        return "more than ten years at this pace"
    whole_days = max(1, ceil(days))
    return f"about {whole(whole_days)} {'day' if whole_days == 1 else 'days'} at this pace"


def _found_words(typed: DesignForm, baseline: Baseline) -> str:
    """What lift the horizon that was typed can find."""
    horizon, looking, pairs = horizon_units(typed), _looking(typed), _pairs(typed)
    if horizon is None or isinstance(looking, NotEstimable) or not pairs:
        return ""
    found = [
        detectable_effect(
            looking,
            units=horizon * of_all,
            variance=effect_variance(baseline.variance, baseline.variance, treatment_share=share),
        )
        for share, of_all in pairs
    ]
    effects = [one for one in found if not isinstance(one, NotEstimable)]
    if len(effects) < len(found):
        return ""
    return (
        f"{counted(horizon, typed.unit)} find a lift of {percent(max(effects) / abs(baseline.mean))} or more"
    )
