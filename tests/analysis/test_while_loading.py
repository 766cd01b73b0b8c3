"""An analysis while events are loaded: every payload is wholly in it or wholly out, and metrics fit together."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from analysis.iterations import number
from analysis.promises import BASE_MS, VERSION, metric, promise
from assay.analysis.experiment_results import IterationResults, MetricResults
from assay.analysis.iteration_analysis import analyse_iteration
from assay.analysis.refresh import ResultsCache
from live import exposure, tracked
from warehouse.tables import Tables, lines

ASKED = (
    metric("conversion"),
    metric("count", unit_aggregation_type="sum"),
    metric("sum", is_numeric=True),
)
EACH = 10


def payload(seq: int) -> bytes:
    """Units of both arms, each with one event worth 2."""
    reason = {"kind": "FALLTHROUGH", "inExperiment": True}
    events: list[dict[str, Any]] = []
    for index in range(EACH):
        unit = f"u{seq}-{index}"
        events.append(exposure(unit, index % 2, BASE_MS, version=VERSION, reason=reason))
        events.append(tracked(unit, BASE_MS + 1, metricValue=2))
    return lines(events, seq)


def check(results: IterationResults) -> int:
    """How many payloads are in the results, which everything in them agrees on."""
    payloads = sum(results.exposed) // EACH
    assert results.exposed == (payloads * EACH // 2,) * 2
    for found, total in zip(results.metrics, (1, 1, 2), strict=True):
        assert isinstance(found, MetricResults)
        for own, units in zip(found.arms, results.exposed, strict=True):
            assert own.units == units
            assert number(own.total) == total * units
    return payloads


def test_every_analysis_is_of_whole_payloads_and_of_no_fewer_than_the_one_before(tables: Tables) -> None:
    loads = 15
    begun = threading.Event()

    def load() -> None:
        for seq in range(1, loads + 1):
            tables.load(payload(seq))
            begun.set()

    seen = []
    with ThreadPoolExecutor(1) as other:
        loading = other.submit(load)
        assert begun.wait(30)
        while not loading.done():
            seen.append(check(analyse_iteration(promise(*ASKED), tables.engine)))
        loading.result(30)
    assert seen == sorted(seen)
    assert check(analyse_iteration(promise(*ASKED), tables.engine)) == loads


def test_a_cache_never_gives_less_than_what_was_loaded_before_it_was_asked(tables: Tables) -> None:
    cache = ResultsCache()
    with ThreadPoolExecutor(3) as threads:
        for seq in range(1, 8):
            tables.load(payload(seq))
            asking = [threads.submit(cache.results, promise(*ASKED), tables.engine) for _ in range(3)]
            assert [check(one.result(60)) for one in asking] == [seq] * 3


@pytest.mark.parametrize("arms", [2, 3])
def test_analyses_at_once_of_different_iterations_do_not_mix(tables: Tables, arms: int) -> None:
    for seq in range(1, 5):
        tables.load(payload(seq))
    other = metric("other", event_key="nothing like it")
    asked = [promise(*ASKED), promise(other, arms=arms), promise(metric(is_numeric=True))] * 3
    alone = [analyse_iteration(one, tables.engine) for one in asked[:3]] * 3
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda one: analyse_iteration(one, tables.engine), asked))
    for one, same in zip(alone, together, strict=True):
        assert (one.exposed, one.metrics, one.decisions) == (same.exposed, same.metrics, same.decisions)
