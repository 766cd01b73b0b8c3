"""Flag-scoped results as the founding document's client reads them.

That client accepts no null and no NaN anywhere, wants `Time` and `VariationData` capitalised, integers as
integers, and crashes when it prints an unknown field that holds a list of objects. What can't be estimated is
left out; `assay.notEstimable` says why.
"""

from typing import Any

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
from assay.flags.model import Variation
from assay.stats.estimate import NotEstimable


def results_rep(
    results: FlagExperimentResults, variations: tuple[Variation, ...], links: dict[str, Any]
) -> dict[str, Any]:
    body: dict[str, Any] = {
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


def _total_rep(total: VariationTotal) -> dict[str, Any]:
    measured = total.measured
    return _without_unknown(
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
    )


def _bucket_rep(bucket: VariationBucket) -> dict[str, Any]:
    within, so_far = _measured_rep(bucket.within), _measured_rep(bucket.so_far)
    return within | {f"cumulative{name[0].upper()}{name[1:]}": value for name, value in so_far.items()}


def _measured_rep(measured: Measured) -> dict[str, Any]:
    return _without_unknown(
        {
            "value": measured.value,
            "count": measured.count,
            "conversionRate": measured.rate,
            "confidenceInterval": _interval_rep(measured.interval),
        }
    )


def _overall_rep(overall: Overall) -> dict[str, Any]:
    body = {
        "pValue": overall.p_value,
        "chi2": overall.chi_square,
        "minSampleSizeMet": overall.sample_size_met,
    }
    if overall.winner is not None:
        body["winningVariationIdx"] = overall.winner
    return _without_unknown(body)


def _interval_rep(interval: MaybeInterval) -> dict[str, float] | NotEstimable:
    return (
        interval if isinstance(interval, NotEstimable) else {"upper": interval.upper, "lower": interval.lower}
    )


def _without_unknown(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if not isinstance(value, NotEstimable)}


def _extra_rep(results: FlagExperimentResults) -> dict[str, Any]:
    """What that generation's body has no place for; dictionaries of scalars only."""
    plan = {"level": LEVEL, "alpha": ALPHA, "power": POWER, "minimumDetectableLift": MINIMUM_LIFT}
    body: dict[str, Any] = {
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


def _anytime_rep(anytime: Anytime) -> dict[str, Any]:
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


def _comparison_rep(comparison: AnytimeComparison) -> dict[str, Any]:
    return _without_unknown(
        {
            "effect": comparison.effect,
            "interval": _interval_rep(comparison.interval),
            "lift": comparison.lift,
            "liftInterval": _interval_rep(comparison.lift_interval),
            "pValue": comparison.p_value,
            "logEValue": comparison.log_e_value,
            "significant": comparison.is_significant,
        }
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
