"""Writes what gbstats 0.8.0 answers to the cases of gbstats_0_8_0.json; it needs numpy 1, so apart from us.

python3 -m venv /tmp/gbstats && /tmp/gbstats/bin/pip install gbstats==0.8.0
/tmp/gbstats/bin/python tests/golden/gbstats_reference.py > tests/golden/gbstats_0_8_0.json
"""

import json
from typing import Any

from gbstats.frequentist.tests import FrequentistConfig, OneSidedTreatmentLesserTTest, TwoSidedTTest
from gbstats.models.statistics import (
    QuantileClusteredStatistic,
    RatioStatistic,
    RegressionAdjustedStatistic,
    SampleMeanStatistic,
    compute_theta,
)

# Raw sums: n, sum, sum of squares; of a second variable; sum of the products of both.
MEAN = ((1000, 5200.0, 31000.0), (900, 4860.0, 30100.0))
RATIO = (
    (500, 900.0, 3100.0, 1500.0, 5600.0, 3300.0),
    (520, 1050.0, 3900.0, 1540.0, 5800.0, 3700.0),
)
CUPED = (
    (1000, 5200.0, 31000.0, 4000.0, 19000.0, 23000.0),
    (900, 4860.0, 30100.0, 3640.0, 17400.0, 21500.0),
)
# Events below the percentile by cluster, and events: clusters, sums, squares, product.
CLUSTERS = (200, 1500.0, 14500.0, 2980.0, 52000.0, 26500.0)


def mean(n: int, total: float, squares: float) -> Any:
    return SampleMeanStatistic(n=n, sum=total, sum_squares=squares)


def ratio(case: tuple[int, float, float, float, float, float]) -> Any:
    n, m, mm, d, dd, md = case
    return RatioStatistic(n=n, m_statistic=mean(n, m, mm), d_statistic=mean(n, d, dd), m_d_sum_of_products=md)


def adjusted(case: tuple[int, float, float, float, float, float], theta: float) -> Any:
    n, y, yy, x, xx, yx = case
    return RegressionAdjustedStatistic(
        n=n,
        post_statistic=mean(n, y, yy),
        pre_statistic=mean(n, x, xx),
        post_pre_sum_of_products=yx,
        theta=theta,
    )


def answer(pair: tuple[Any, Any], difference: str, test: Any = TwoSidedTTest) -> dict[str, Any]:
    result = test(*pair, FrequentistConfig(difference_type=difference)).compute_result()
    return {
        "value": float(result.expected),
        "interval": [float(end) for end in result.ci],
        "p": result.p_value,
    }


def cluster_variance() -> float:
    n, s, ss, d, dd, sd = CLUSTERS
    return float(
        QuantileClusteredStatistic(
            n=int(d),
            n_star=int(d),
            nu=0.5,
            quantile_hat=1.0,
            quantile_lower=0.9,
            quantile_upper=1.1,
            main_sum=s,
            main_sum_squares=ss,
            denominator_sum=d,
            denominator_sum_squares=dd,
            main_denominator_sum_product=sd,
            n_clusters=n,
        ).get_cluster_variance
    )


def main() -> None:
    theta = compute_theta(adjusted(CUPED[0], 0.0), adjusted(CUPED[1], 0.0))
    pairs = {
        "mean": (mean(*MEAN[0]), mean(*MEAN[1])),
        "ratio": (ratio(RATIO[0]), ratio(RATIO[1])),
        "cuped": (adjusted(CUPED[0], theta), adjusted(CUPED[1], theta)),
    }
    cases: dict[str, Any] = {"mean": MEAN, "ratio": RATIO, "cuped": CUPED, "clusters": CLUSTERS}
    answers: dict[str, Any] = {name: answer(pair, "absolute") for name, pair in pairs.items()}
    answers["cluster_variance"] = cluster_variance()
    defects = {
        "lesser": answer(pairs["mean"], "absolute", OneSidedTreatmentLesserTTest)["interval"][1],
        "no conversions": answer((mean(1131, 0.0, 0.0), mean(1129, 18.0, 18.0)), "absolute"),
        "negative baseline": answer((mean(500, -1000.0, 2500.0), mean(500, -500.0, 1000.0)), "relative"),
        "offset": mean(4, 4e9 + 40, sum((1e9 + x) ** 2 for x in (4.0, 7.0, 13.0, 16.0))).variance,
    }
    print(json.dumps({"cases": cases, "answers": answers, "defects": defects}, indent=1))


if __name__ == "__main__":
    main()
