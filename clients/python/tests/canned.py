"""Results as a server sends them, and who asks for them."""

from typing import Any

TOKEN = "api-5ec3e7-token"
KEYS = ("default", "checkout", "production", "signup")


def canned_results() -> dict[str, Any]:
    """Two variations over two days, with the fields that only newer servers send."""
    interval = {"lower": 0.1, "upper": 0.14}

    def bucket(count: int, cumulative: int) -> dict[str, Any]:
        return {
            "value": float(count),
            "count": count,
            "cumulativeValue": float(cumulative),
            "cumulativeCount": cumulative,
            "conversionRate": 0.125,
            "cumulativeConversionRate": 0.25,
            "confidenceInterval": interval,
            "cumulativeConfidenceInterval": interval,
        }

    totals = {
        "cumulativeValue": 50.0,
        "cumulativeCount": 50,
        "cumulativeImpressionCount": 400,
        "cumulativeConversionRate": 0.125,
        "cumulativeConfidenceInterval": interval,
        "minSampleSize": 1000,
    }
    return {
        "_links": {"self": {"href": "/api/v2/flags/default/checkout", "type": "application/json"}},
        "metadata": [{"key": True}, {"key": False}],
        "totals": [totals | {"pValue": 0.03, "improvement": 0.25}, totals],
        "series": [
            {"Time": 1633305600000, "VariationData": [bucket(20, 20), bucket(25, 25)]},
            {"Time": 1633392000000, "VariationData": [bucket(30, 50), bucket(25, 50)]},
        ],
        "stats": {"pValue": 0.03, "chi2": 4.5, "winningVariationIdx": 0, "minSampleSizeMet": False},
        "granularity": "daily",
        "assay": {"health": {"sampleRatio": "ok", "reasons": []}, "alpha": 0.05},
    }
