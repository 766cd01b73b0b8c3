"""Flag-scoped results as the founding document's client reads them.

That client accepts no null and no NaN anywhere, wants `Time` and `VariationData` capitalised, integers as
integers, and crashes when it prints an unknown field that holds a list of objects. What can't be estimated is
left out; `assay.notEstimable` says why.
"""

from typing import Any, Required, TypedDict, cast

import msgspec

from assay.analysis.estimates import ALPHA, LEVEL, MINIMUM_LIFT, POWER
from assay.analysis.results import (
    Anytime,
    AnytimeComparison,
    FlagExperimentResults,
    MaybeInterval,
    Measured,
    Overall,
    VariationBucket,
    VariationTotal,
)
from assay.api.links import Links
from assay.flags.model import Variation
from assay.stats.estimate import NotEstimable


class Bounds(TypedDict):
    """An interval of the level that the plan names."""

    upper: float
    lower: float


class Shown(TypedDict):
    """A variation's value, as text where it is compound."""

    key: str | float | bool


class Total(TypedDict, total=False):
    """A variation over the whole window. What can't be estimated is absent."""

    cumulativeValue: Required[float]
    cumulativeCount: Required[int]
    cumulativeImpressionCount: Required[int]
    cumulativeConversionRate: float
    cumulativeConfidenceInterval: Bounds
    pValue: float
    improvement: float
    minSampleSize: int


class VariationSlice(TypedDict, total=False):
    """A variation in one bucket, and from the window's start to the bucket's end."""

    value: Required[float]
    count: Required[int]
    conversionRate: float
    confidenceInterval: Bounds
    cumulativeValue: Required[float]
    cumulativeCount: Required[int]
    cumulativeConversionRate: float
    cumulativeConfidenceInterval: Bounds


class Slice(TypedDict):
    """One bucket of time: its start (epoch ms), and its variations in the flag's order."""

    Time: int
    VariationData: list[VariationSlice]


class Stats(TypedDict, total=False):
    """The test over all variations; the winner's index is absent where nobody has won."""

    pValue: float
    chi2: float
    winningVariationIdx: int
    minSampleSizeMet: Required[bool]


class MetricSeen(TypedDict, total=False):
    """Whether the metric ever received an event, and when last (epoch ms)."""

    ever: Required[bool]
    timestamp: int


class Plan(TypedDict):
    level: float
    alpha: float
    power: float
    minimumDetectableLift: float


class Comparison(TypedDict, total=False):
    """A variation against the baseline, valid at every look."""

    effect: Required[float]
    interval: Required[Bounds]
    lift: float
    liftInterval: Bounds
    pValue: Required[float]
    logEValue: Required[float]
    significant: Required[bool]


class AnytimeFigures(TypedDict):
    """The figures that hold at every look, by variation's index."""

    method: str
    level: float
    tunedAtUnits: int
    variations: dict[str, Comparison]


class HealthCounts(TypedDict):
    """Units and events that the figures leave out or rest on."""

    multipleVariations: int
    unitMissing: int
    notRandomized: int
    valueMissing: int
    clockSkew: int


class SampleRatioTest(TypedDict):
    """Whether units arrived in the shares that were planned."""

    probabilityOfMismatch: float
    pValue: float
    fixedPValue: float


class Extra(TypedDict, total=False):
    """What the founding generation's body has no place for. `notEstimable` is reasons by path."""

    method: Required[str]
    plan: Required[Plan]
    anytime: Required[AnytimeFigures]
    health: Required[HealthCounts]
    notEstimable: Required[dict[str, str]]
    sampleRatio: SampleRatioTest
    countedThrough: int


class FlagExperimentResultsRep(TypedDict):
    """Results of one metric on one flag in one environment, in the founding generation's words."""

    _links: Links
    metadata: list[Shown]
    totals: list[Total]
    series: list[Slice]
    stats: Stats
    granularity: str
    metricSeen: MetricSeen
    assay: Extra


def results_rep(
    results: FlagExperimentResults, variations: tuple[Variation, ...], links: Links
) -> FlagExperimentResultsRep:
    body: FlagExperimentResultsRep = {
        "_links": links,
        "metadata": [{"key": _shown(variation)} for variation in variations],
        "totals": [_total_rep(total) for total in results.totals],
        "series": [
            {"Time": start, "VariationData": [_bucket_rep(bucket) for bucket in buckets]}
            for start, buckets in zip(results.buckets, results.series, strict=True)
        ],
        "stats": _overall_rep(results.overall),
        "granularity": results.granularity,
        "metricSeen": {"ever": results.metric_seen_ms is not None},
        "assay": _extra_rep(results),
    }
    if results.metric_seen_ms is not None:
        body["metricSeen"]["timestamp"] = results.metric_seen_ms
    return body


def _shown(variation: Variation) -> Any:
    """The variation's value; a compound one as JSON text, which every client can print."""
    if isinstance(variation.value, str | bool | int | float):
        return variation.value
    return msgspec.json.encode(variation.value).decode()


def _total_rep(total: VariationTotal) -> Total:
    measured = total.measured
    return cast(
        Total,
        _estimated(
            {
                "cumulativeValue": measured.value,
                "cumulativeCount": measured.count,
                "cumulativeImpressionCount": total.exposed,
                "cumulativeConversionRate": measured.rate,
                "cumulativeConfidenceInterval": _interval_rep(measured.interval),
                "pValue": total.p_value,
                "improvement": total.lift,
                "minSampleSize": total.sample_size,
            }
        ),
    )


def _bucket_rep(bucket: VariationBucket) -> VariationSlice:
    within, so_far = _measured_rep(bucket.within), _measured_rep(bucket.so_far)
    cumulative = {f"cumulative{name[0].upper()}{name[1:]}": value for name, value in so_far.items()}
    return cast(VariationSlice, _estimated(within | cumulative))


def _measured_rep(measured: Measured) -> dict[str, Any]:
    return {
        "value": measured.value,
        "count": measured.count,
        "conversionRate": measured.rate,
        "confidenceInterval": _interval_rep(measured.interval),
    }


def _overall_rep(overall: Overall) -> Stats:
    body: dict[str, Any] = {
        "pValue": overall.p_value,
        "chi2": overall.chi_square,
        "minSampleSizeMet": overall.sample_size_met,
    }
    if overall.winner is not None:
        body["winningVariationIdx"] = overall.winner
    return cast(Stats, _estimated(body))


def _interval_rep(interval: MaybeInterval) -> Bounds | NotEstimable:
    return (
        interval if isinstance(interval, NotEstimable) else {"upper": interval.upper, "lower": interval.lower}
    )


def _estimated(body: dict[str, Any]) -> dict[str, Any]:
    """The body without the figures that can't be estimated."""
    return {name: value for name, value in body.items() if not isinstance(value, NotEstimable)}


def _extra_rep(results: FlagExperimentResults) -> Extra:
    """What that generation's body has no place for; dictionaries of scalars only."""
    plan: Plan = {"level": LEVEL, "alpha": ALPHA, "power": POWER, "minimumDetectableLift": MINIMUM_LIFT}
    body: Extra = {
        "method": "fixed horizon",
        "plan": plan,
        "anytime": _anytime_rep(results.anytime),
        "health": {
            "multipleVariations": results.health.multiple_variations,
            "unitMissing": results.health.unit_missing,
            "notRandomized": results.health.not_randomized,
            "valueMissing": results.health.value_missing,
            "clockSkew": results.health.clock_skew,
        },
        "notEstimable": _reasons(results),
    }
    if not isinstance(results.anytime.sample_ratio, NotEstimable):
        ratio = results.anytime.sample_ratio
        body["sampleRatio"] = {
            "probabilityOfMismatch": ratio.mismatch_probability,
            "pValue": ratio.p_value,
            "fixedPValue": ratio.fixed_p_value,
        }
    if results.counted_through_ms is not None:
        body["countedThrough"] = results.counted_through_ms
    return body


def _anytime_rep(anytime: Anytime) -> AnytimeFigures:
    """The figures that hold at every look, by variation's index; a comparison that can't be made is left out."""
    compared = {
        str(index): _comparison_rep(comparison)
        for index, comparison in enumerate(anytime.comparisons)
        if not isinstance(comparison, NotEstimable)
    }
    return {
        "method": "asymptotic confidence sequence",
        "level": 1 - anytime.rule.alpha,
        "tunedAtUnits": int(anytime.rule.size),
        "variations": compared,
    }


def _comparison_rep(comparison: AnytimeComparison) -> Comparison:
    return cast(
        Comparison,
        _estimated(
            {
                "effect": comparison.effect,
                "interval": _interval_rep(comparison.interval),
                "lift": comparison.lift,
                "liftInterval": _interval_rep(comparison.lift_interval),
                "pValue": comparison.p_value,
                "logEValue": comparison.log_e_value,
                "significant": comparison.is_significant,
            }
        ),
    )


def _reasons(results: FlagExperimentResults) -> dict[str, str]:
    """Why a figure of the totals or of the whole test is absent, by its path."""
    figures: dict[str, Any] = {
        "sampleRatio": results.anytime.sample_ratio,
        "stats.pValue": results.overall.p_value,
        "stats.chi2": results.overall.chi_square,
    }
    for index, comparison in enumerate(results.anytime.comparisons):
        figures[f"anytime.variations.{index}"] = comparison
    for index, total in enumerate(results.totals):
        place = f"totals.{index}"
        figures |= {
            f"{place}.cumulativeConversionRate": total.measured.rate,
            f"{place}.cumulativeConfidenceInterval": total.measured.interval,
            f"{place}.pValue": total.p_value,
            f"{place}.improvement": total.lift,
            f"{place}.minSampleSize": total.sample_size,
        }
    return {name: value.reason for name, value in figures.items() if isinstance(value, NotEstimable)}
