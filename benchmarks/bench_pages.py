"""How long results of an experiment take over ten million events: first computed, kept, and as the dashboard's page.

1,500,000 units are exposed twice each to one of three treatments; the other events are metrics', a tenth of them
from before the exposure. `python benchmarks/bench_pages.py 2000000` takes fewer events of fewer units. Everything
runs in one process: the server's time without a network's. The reference counts the distinct units of the events.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from assay.analysis.iteration_analysis import analyse_iteration
from assay.analysis.iterations import IterationPromise, iteration_promise
from assay.api import experiments, feature_flags, metrics
from assay.api.call import Answer, Call
from assay.app import House, create_app, open_house
from assay.settings import Settings, read_settings
from assay.warehouse.engine import Query

EVENTS = 10_000_000
DAY_MS = 86_400_000
DAYS = 14
ROUNDS = 3
PLACE = {"project": "default", "environment": "production"}

METRICS: tuple[dict[str, Any], ...] = (
    {"key": "bought", "eventKey": "purchase"},
    {"key": "revenue", "eventKey": "purchase", "isNumeric": True, "unitAggregationType": "sum"},
    {"key": "baskets", "eventKey": "basket", "unitAggregationType": "sum"},
    {"key": "returns", "eventKey": "return", "successCriteria": "LowerThanBaseline"},
    {
        "key": "page-load",
        "eventKey": "page-load",
        "isNumeric": True,
        "analysisType": "percentile",
        "percentileValue": 95,
        "successCriteria": "LowerThanBaseline",
    },
)

FLAG_EVENTS = """insert into flag_events
select $environment, 'flag', i, 0, at_ms + 2000, at_ms, false, $version, cast(hash(unit) % 3 as integer), true,
    'FALLTHROUGH', null, 'user', 'unit-' || unit,
    '{"kind":"user","key":"unit-' || unit || '","country":"'
        || ['de', 'fr', 'it'][1 + cast(hash(unit * 7) % 3 as integer)] || '"}'
from (
    select i, i * 7919 % $units as unit,
        $start_ms + cast(i * cast($length_ms as double) / (2 * $units) as bigint) as at_ms
    from range(2 * $units) t(i)
)"""
METRIC_EVENTS = """insert into metric_events
select $environment, ['purchase', 'purchase', 'purchase', 'basket', 'basket', 'return', 'page-load', 'page-load',
        'page-load', 'page-load'][1 + i % 10],
    'custom', 2 * $units + i, 0, at_ms + 2000, at_ms, false, round(cast(hash(i * 5) % 10000 as double) / 100, 2),
    'user', 'unit-' || cast(hash(i * 11) % $units as bigint), '{"kind":"user","country":"de"}', null
from (
    select i, $start_ms - $length_ms // 9 + cast(i * (10 * cast($length_ms as double) / 9) / $events as bigint) as at_ms
    from range($events) t(i)
)"""
REFERENCE = """select (select count(distinct unit_key) from flag_events where environment = $environment),
    (select count(distinct unit_key) from metric_events where environment = $environment)"""


def perform(house: House, handler: Callable[[Call], Answer], body: Any, **path: str) -> Any:
    """What a REST request would do, in process."""
    token = next(iter(house.rooms.store.state.all("token").values()))
    return handler(
        Call(house.rooms, token, PLACE | path, query={}, body=body, version="20240415", target="")
    ).body


def start_experiment(house: House) -> None:
    """A flag of three variations, measured by all metrics over everybody."""
    body = {"key": "flag", "name": "Flag", "variations": [{"value": value} for value in "abc"]}
    perform(house, feature_flags.create_flag, body)
    turn_on = {"instructions": [{"kind": "turnFlagOn"}], "environmentKey": "production"}
    perform(house, feature_flags.patch_flag, turn_on, flag="flag")
    for metric in METRICS:
        perform(house, metrics.create_metric, {"name": metric["key"], "kind": "custom"} | metric)
    flag = house.rooms.store.state.flag("default", "flag")
    shares = ("33.333", "33.333", "33.334")
    treatments = [
        {
            "name": str(variation.value),
            "baseline": index == 0,
            "allocationPercent": shares[index],
            "parameters": [{"flagKey": "flag", "variationId": variation.id}],
        }
        for index, variation in enumerate(flag.variations)
    ]
    iteration = {
        "hypothesis": "It pays",
        "metrics": [{"key": metric["key"]} for metric in METRICS],
        "primarySingleMetricKey": METRICS[0]["key"],
        "treatments": treatments,
        "flags": {
            "flag": {"ruleId": "fallthrough", "flagConfigVersion": flag.environments["production"].version}
        },
        "randomizationUnit": "user",
        "attributes": ["country"],
    }
    perform(
        house,
        experiments.create_experiment,
        {"key": "experiment", "name": "Experiment", "iteration": iteration},
    )
    start = {"instructions": [{"kind": "startIteration"}]}
    perform(house, experiments.patch_experiment, start, experiment="experiment")


def promise_of(house: House) -> IterationPromise:
    place = ("default", "production", "experiment", "")
    return iteration_promise(house.rooms.store.state, place, now_ms=time.time_ns() // 1_000_000)


def fill(house: House, events: int) -> None:
    """Events of the days since the experiment began, and of some before it, in the order of their times."""
    promise = promise_of(house)
    units = events * 3 // 20
    values: dict[str, str | int | float | list[str]] = {
        "environment": promise.scope.environment,
        "version": (promise.scope.versions or (1, None))[0],
        "units": units,
        "start_ms": promise.started_ms + 1000,
        "length_ms": (DAYS - 1) * DAY_MS,
        "events": events - 2 * units,
    }
    for sql in (FLAG_EVENTS, METRIC_EVENTS):
        house.rooms.engine.rows(
            Query(sql, {name: value for name, value in values.items() if f"${name}" in sql})
        )


def timed(ask: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the wall and of the processor."""
    started, worked = time.perf_counter(), time.process_time()
    ask()
    return time.perf_counter() - started, time.process_time() - worked


def show(label: str, took: tuple[float, float], reference: tuple[float, float]) -> None:
    wall, processor = took
    print(
        f"{label:<44}{wall * 1e3:>9.0f}{processor * 1e3:>11.0f}{processor / reference[1]:>9.2f}", flush=True
    )


def analyses(house: House, reference: tuple[float, float]) -> None:
    """Whole analyses, none of them kept."""
    promise = promise_of(house)
    for count in (1, 3, 5):
        asked = replace(promise, questions=promise.questions[:count])
        show(
            f"computed, {count} metric{'s'[: count - 1]}",
            min(
                timed(lambda asked=asked: analyse_iteration(asked, house.rooms.engine)) for _ in range(ROUNDS)
            ),  # type: ignore[misc]
            reference,
        )


def answers(house: House, settings: Settings, reference: tuple[float, float]) -> None:
    """What a client and a reader wait for, of a house whose results nobody asked for yet; it is closed at the end."""
    secret = (settings.data / "admin-token").read_text().strip()
    here = "/p/default/production"
    rest = "/api/v2/projects/default/environments/production/experiments/experiment/results"
    page = f"{here}/experiments/experiment"
    with TestClient(create_app(settings, house)) as client:
        client.post("/sign-in", data={"token": secret}, follow_redirects=False)

        def ask(label: str, path: str) -> None:
            headers = {"Authorization": secret, "LD-API-Version": "beta"}
            show(label, timed(lambda: client.get(path, headers=headers).raise_for_status()), reference)

        ask("REST, first", rest)
        ask("REST, kept", rest)
        ask("page, for the first time", page)
        ask("page", page)
        ask("overview", here)
        ask("live events", f"{here}/live")
        ask("a metric, for the first time", f"{here}/metrics/revenue")
        ask("a metric", f"{here}/metrics/revenue")
        ask("metrics", f"{here}/metrics")
        ask("flags", f"{here}/flags")
        ask("flag", f"{here}/flags/flag")
        nudge(house)
        for name, path in (("page", page), ("overview", here), ("a metric", f"{here}/metrics/revenue")):
            ask(f"{name}, events having come since", path)


def nudge(house: House) -> None:
    """As if events had been loaded."""
    house.rooms.engine.rows(Query("update loaded set bytes = bytes + 1", {}))


def main(events: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = read_settings({"data": Path(folder) / "data"}, {})
        past_ms = time.time_ns() // 1_000_000 - DAYS * DAY_MS
        house = open_house(settings, lambda: past_ms)
        house.rooms.loader.start()
        start_experiment(house)
        fill(house, events)
        house.close()
        house = open_house(settings)
        environment = promise_of(house).scope.environment
        reference = min(
            timed(lambda: house.rooms.engine.rows(Query(REFERENCE, {"environment": environment})))
            for _ in range(ROUNDS)
        )
        print(f"{events:,} events{'':<28}wall, ms  processor    ratio")
        show("reference: count distinct units", reference, reference)
        analyses(house, reference)
        answers(house, settings, reference)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS)
