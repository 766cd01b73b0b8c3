"""Published experiments replayed as SDK payloads give their published numbers."""

import csv
import gzip
import json
import random
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from live import LiveServer, exposure, tracked

DATA = Path(__file__).parents[2] / "shared" / "data" / "cookie_cats"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the data lie beside the checkout only")

DAY_MS = 86_400_000
PAYLOAD = 2000
VARIATIONS = {"gate_30": 0, "gate_40": 1}


def rows(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(DATA / f"{name}.csv.gz", "rt") as file:
        yield from csv.DictReader(file)


def at_ms(row: dict[str, str]) -> float:
    return datetime.fromisoformat(row["timestamp"]).timestamp() * 1000


def sdk_events() -> list[dict[str, Any]]:
    """Exposures and events of the data set as an SDK would send them, in no order at all."""
    exposures = [
        exposure(row["unit_key"], VARIATIONS[row["variation"]], at_ms(row)) for row in rows("exposures")
    ]
    events = [
        tracked(row["unit_key"], at_ms(row), row["event"], metricValue=float(row["value"]))
        for row in rows("events")
    ]
    mixed = exposures + events
    random.Random(7).shuffle(mixed)
    return mixed


def attach(server: LiveServer, key: str, body: dict[str, Any]) -> None:
    assert server.rest("POST", "/metrics/default", {"key": key, "kind": "custom", **body}).status == 201
    item = {"metricKey": key, "environments": ["production"]}
    patch = [{"op": "add", "path": "/experiments/items/-", "value": item}]
    assert server.rest("PATCH", "/flags/default/flag", patch).status == 200


def window(days: tuple[int, int]) -> dict[str, int]:
    return {"windowStartOffset": days[0] * DAY_MS, "windowEndOffset": days[1] * DAY_MS}


@pytest.mark.slow
def test_cookie_cats_gives_its_counts_and_its_published_difference(server: LiveServer) -> None:
    meta = json.loads((DATA / "meta.json").read_text())
    server.create_experiment()
    attach(server, "retention_1", {"eventKey": "session", **window((1, 2))})
    attach(server, "retention_7", {"eventKey": "session", **window((7, 8))})
    attach(server, "rounds", {"eventKey": "rounds", "isNumeric": True, **window((0, 14))})
    events = sdk_events()
    for start in range(0, len(events), PAYLOAD):
        assert server.send(events[start : start + PAYLOAD]).status == 202
    span = f"?from={int(datetime(2024, 1, 1).timestamp() * 1000)}&to={int(datetime(2025, 1, 1).timestamp() * 1000)}"
    units = list(rows("units"))
    for metric in ("retention_1", "retention_7"):
        totals = server.results(metric=metric, query=span)["totals"]
        assert [row["cumulativeImpressionCount"] for row in totals] == list(meta["variations"].values())
        returned = [
            sum(int(unit[metric]) for unit in units if unit["variation"] == variation)
            for variation in VARIATIONS
        ]
        assert [row["cumulativeCount"] for row in totals] == returned
    results = server.results(metric="retention_7", query=span)
    rates = [round(100 * row["cumulativeConversionRate"], 2) for row in results["totals"]]
    assert rates == [19.02, 18.2]
    assert results["totals"][1]["pValue"] == pytest.approx(0.00155, abs=1e-5)
    assert results["stats"]["winningVariationIdx"] == 0
    assert results["granularity"] == "daily"
    assert sum(row["VariationData"][0]["count"] for row in results["series"]) == totals[0]["cumulativeCount"]
    played = server.results(metric="rounds", query=span)["totals"]
    for variation, index in VARIATIONS.items():
        wanted = sum(int(unit["sum_gamerounds"]) for unit in units if unit["variation"] == variation)
        assert played[index]["cumulativeValue"] == wanted
