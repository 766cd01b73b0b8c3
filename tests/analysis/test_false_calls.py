"""Of experiments without an effect at most 5 % are ever called, over all looks together, on the way results go."""

import numpy as np
import pytest

from analysis.iterations import START, design, measured, results
from assay.analysis.arms import UnitTable
from assay.analysis.experiment_results import Trend
from assay.analysis.needs import DAY_MS
from assay.stats.estimate import Interval

TESTS = 120
UNITS = 2000


def ever_called(trend: Trend) -> bool:
    bands = [point.effect_bands[1] for point in trend.points]
    return any(isinstance(band, Interval) and not band.lower < 0 < band.upper for band in bands)


@pytest.mark.slow
@pytest.mark.parametrize("horizon", [None, 1500])
@pytest.mark.parametrize("kind", ["sparse conversions", "adjusted spending"])
def test_looking_at_every_point_calls_few_tests_without_an_effect(horizon: int | None, kind: str) -> None:
    rng = np.random.default_rng(20)
    called = 0
    for _ in range(TESTS):
        arm = rng.integers(0, 2, UNITS)
        times = START + rng.integers(0, 30 * DAY_MS, UNITS)
        if kind == "adjusted spending":
            before = rng.exponential(10, UNITS)
            value = 0.7 * before + rng.exponential(5, UNITS)
            table = UnitTable(arm, value, covariate=before, first_exposed_ms=times)
        else:
            table = UnitTable(arm, (rng.random(UNITS) < 0.02).astype(float), first_exposed_ms=times)
        trend = results(measured(table), of=design(horizon=horizon), is_over=True)[0].trend
        assert isinstance(trend, Trend)
        called += ever_called(trend)
    assert called / TESTS <= 0.05 + 2.5 * (0.05 * 0.95 / TESTS) ** 0.5
