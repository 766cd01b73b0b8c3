"""A published experiment with three arms, replayed as an iteration, gives the figures of its own table of units."""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.iterations import number
from analysis.promises import VERSION, metric, promise
from assay.analysis.experiment_results import Compared, IterationResults, MetricResults
from assay.analysis.iteration_analysis import analyse_iteration
from assay.experiments.metric import Denominator
from assay.stats.estimate import NotEstimable
from live import exposure, tracked
from warehouse.tables import Tables, lines, open_engine

DATA = Path(__file__).parents[2] / "shared" / "data" / "hillstrom"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.exists(), reason="the data lie beside the checkout only"),
]

DAY_MS = 86_400_000
ARMS = ("none", "mens", "womens")
WINDOW = {"window_start_offset": 0, "window_end_offset": 14 * DAY_MS}
METRICS = (
    metric("visit", event_key="visit", **WINDOW),
    metric("spend", event_key="purchase", is_numeric=True, **WINDOW),
    metric(
        "spend_per_visit",
        event_key="purchase",
        is_numeric=True,
        denominator=Denominator("visit", unit_aggregation_type="sum", window_end_offset=14 * DAY_MS),
        **WINDOW,
    ),
)


def rows(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(DATA / f"{name}.csv.gz", "rt") as file:
        yield from csv.DictReader(file)


def at_ms(row: dict[str, str]) -> float:
    return datetime.fromisoformat(row["timestamp"]).timestamp() * 1000


def sdk_events() -> Iterator[dict[str, Any]]:
    inside = {"kind": "FALLTHROUGH", "inExperiment": True}
    for row in rows("exposures"):
        attributes = json.loads(row["attributes"])
        context = {"kind": "user", "key": row["unit_key"], "zip": attributes["zip_code"]}
        yield exposure(
            row["unit_key"],
            ARMS.index(row["variation"]),
            at_ms(row),
            version=VERSION,
            reason=inside,
            context=context,
        )
    for row in rows("events"):
        yield tracked(row["unit_key"], at_ms(row), row["event"], metricValue=float(row["value"] or 0))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> IterationResults:
    folder = tmp_path_factory.mktemp("hillstrom")
    (folder / "log").mkdir()
    tables = Tables(folder, open_engine(folder / "tables.duckdb"))
    events = list(sdk_events())
    pieces = [lines(events[start : start + 5000], start + 1) for start in range(0, len(events), 5000)]
    tables.load(*pieces)
    asked = promise(*METRICS, arms=3, plans={"covariate_days": 365, "correction": "bonferroni"})
    found = analyse_iteration(replace(asked, slice_by="zip"), tables.engine)
    tables.engine.close()
    return found


@pytest.fixture(scope="module")
def units() -> dict[str, np.ndarray]:
    table = list(rows("units"))
    columns = {name: np.array([float(row[name]) for row in table]) for name in ("visit", "spend", "history")}
    return columns | {
        "arm": np.array([ARMS.index(row["variation"]) for row in table]),
        "zip": np.array([row["zip_code"] for row in table]),
    }


def of(results: IterationResults, key: str) -> MetricResults:
    one = next(one for one in results.metrics if one.label.key == key)
    assert isinstance(one, MetricResults)
    return one


def test_everybody_is_exposed_once_and_in_the_planned_shares(
    results: IterationResults, units: dict[str, np.ndarray]
) -> None:
    assert results.exposed == tuple(np.bincount(units["arm"]).tolist())
    assert not isinstance(results.sample_ratio, NotEstimable)
    assert results.sample_ratio.mismatch_probability < 0.5


def test_visits_and_spending_are_those_of_the_table(
    results: IterationResults, units: dict[str, np.ndarray]
) -> None:
    for key in ("visit", "spend"):
        for arm, figures in enumerate(of(results, key).arms):
            own = units[key][units["arm"] == arm]
            assert number(figures.total) == pytest.approx(own.sum())
            assert number(figures.value) == pytest.approx(own.mean())


def test_the_adjusted_effect_is_the_regression_on_the_years_before(
    results: IterationResults, units: dict[str, np.ndarray]
) -> None:
    """Purchases of the year before are the table's `history`."""
    adjusted = []
    for arm in range(3):
        own = units["arm"] == arm
        slope, _ = np.polyfit(units["history"][own], units["spend"][own], 1)
        distance = units["history"][own].mean() - units["history"].mean()
        adjusted.append(units["spend"][own].mean() - slope * distance)
    for arm in (1, 2):
        one = of(results, "spend").comparisons[arm]
        assert isinstance(one, Compared)
        assert one.effect == pytest.approx(adjusted[arm] - adjusted[0], rel=1e-3)


def test_both_mailings_bring_visits_and_the_verdicts_say_so(results: IterationResults) -> None:
    words = [
        one.verdict.word for one in of(results, "visit").comparisons if not isinstance(one, NotEstimable)
    ]
    assert words == ["better", "better"]


def test_a_ratio_is_spending_over_visits(results: IterationResults, units: dict[str, np.ndarray]) -> None:
    own = units["arm"] == 1
    expected = units["spend"][own].sum() / units["visit"][own].sum()
    assert number(of(results, "spend_per_visit").arms[1].value) == pytest.approx(expected)


def test_slices_by_an_attribute_are_those_of_the_table(
    results: IterationResults, units: dict[str, np.ndarray]
) -> None:
    pieces = {piece.value: piece for piece in of(results, "visit").slices}
    assert set(pieces) == set(units["zip"])
    for name, piece in pieces.items():
        own = (units["zip"] == name) & (units["arm"] == 2)
        assert piece.arms[2].units == own.sum()
        assert number(piece.arms[2].value) == pytest.approx(units["visit"][own].mean())
