"""Metrics and designs that tests of an iteration's analysis begin with."""

from typing import Any

import numpy as np

from assay.analysis.arms import UnitTable
from assay.analysis.comparisons import Design
from assay.analysis.experiment_results import Compared, Estimator, MetricLabel, MetricResults
from assay.analysis.judging import Moment, judged
from assay.analysis.measuring import Measured, measured_units
from assay.analysis.needs import DAY_MS, Pace
from assay.analysis.plans import AnalysisPlan
from assay.analysis.trends import buckets_of
from assay.stats.estimate import Interval, NotEstimable
from assay.stats.multiplicity import Scope

START = 1_700_000_000_000


def plan(**changes: Any) -> AnalysisPlan:
    """Open-ended, without correction, unless told otherwise."""
    given: dict[str, Any] = {
        "alpha": 0.05,
        "correction": "none",
        "scope": Scope.VARIATIONS,
        "horizon": None,
        "always_valid": True,
        "power": 0.8,
        "minimum_lift": 0.05,
        "bayesian_level": 0.95,
        "covariate_days": 7,
    }
    return AnalysisPlan(**{**given, **changes})


def design(arms: int = 2, baseline: int = 0, **changes: Any) -> Design:
    return Design(plan(**changes), (1 / arms,) * arms, baseline)


def label(
    key: str = "metric", estimator: Estimator = "mean", *, lower_is_better: bool = False
) -> MetricLabel:
    return MetricLabel(key, key, 1, "primary", "custom", estimator, lower_is_better)


def measured(
    table: UnitTable, of: MetricLabel | None = None, *, arms: int = 2, is_share: bool = False
) -> Measured:
    """A table as it comes from the tables, with times where it lacks them."""
    times = table.first_exposed_ms
    buckets = None if times is None or len(times) == 0 else buckets_of(int(times.min()), int(times.max()))
    return measured_units(of or label(), table, arms, buckets=buckets, is_share=is_share)


def results(*metrics: Measured, of: Design | None = None, is_over: bool = False) -> tuple[MetricResults, ...]:
    own = of or design()
    units = max(int(metric.found.plain.n.sum()) for metric in metrics)
    found = judged(metrics, own, Moment(is_over, Pace(units, 10 * DAY_MS)))
    assert all(isinstance(one, MetricResults) for one in found)
    return tuple(one for one in found if isinstance(one, MetricResults))


def only(*metrics: Measured, of: Design | None = None, is_over: bool = False) -> Compared:
    """The one treatment's comparison in the first metric."""
    found = results(*metrics, of=of, is_over=is_over)[0].comparisons[1]
    assert isinstance(found, Compared)
    return found


def units(n: int, effect: float, *, seed: int = 1, arms: int = 2, days: int = 10, **more: Any) -> UnitTable:
    """Normal values around 10 with deviation 2, later arms higher by `effect` each."""
    rng = np.random.default_rng(seed)
    arm = rng.integers(0, arms, n)
    value = rng.normal(10, 2, n) + effect * arm
    times = START + rng.integers(0, days * DAY_MS, n)
    return UnitTable(arm, value, first_exposed_ms=times, **more)


def bounds(interval: Interval | NotEstimable) -> tuple[float, float]:
    assert isinstance(interval, Interval)
    return interval.lower, interval.upper


def number(figure: float | NotEstimable) -> float:
    assert not isinstance(figure, NotEstimable), figure.reason
    return figure
