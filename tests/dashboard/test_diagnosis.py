"""Why a metric shows nothing: each cause is found, and told from the others."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from dashboard.visitor import Visitor, text_of
from live import LiveServer, exposure, now_ms, tracked

WHY = "/p/default/production/live/why?flag=flag&metric=metric"


def diagnosed(server: LiveServer, until: str) -> str:
    """The page's words, once the events are in the tables."""
    visitor = Visitor(server.host).sign_in(server.token)
    for _ in range(100):
        page = text_of(visitor.get(WHY).text)
        if until in page:
            return page
        time.sleep(0.1)
    raise AssertionError(f"{until!r} never appeared: {page}")


def patch(server: LiveServer, *operations: tuple[str, str, Any]) -> None:
    body = [{"op": op, "path": path, "value": value} for op, path, value in operations]
    assert server.rest("PATCH", "/flags/default/flag", body).status == 200


def test_a_flag_that_is_off_is_the_first_to_be_named(server: LiveServer) -> None:
    server.create_experiment()
    patch(server, ("replace", "/environments/production/on", False))
    page = diagnosed(server, "What was found")
    assert "Fault: The flag is off" in page
    assert "No SDK asked for this flag" in page
    assert "No event of the metric arrived" in page


def test_without_a_rollout_there_is_nothing_to_compare(server: LiveServer) -> None:
    server.create_experiment()
    patch(server, ("replace", "/environments/production/fallthrough", {"variation": 0}))
    assert "Fault: Nobody is drawn by chance" in diagnosed(server, "What was found")


def test_without_an_experiment_sdks_send_only_summaries(server: LiveServer) -> None:
    server.create_experiment()
    patch(server, ("replace", "/experiments/items/0/environments", []))
    summary = {
        "kind": "summary",
        "startDate": now_ms() - 1000,
        "endDate": now_ms(),
        "features": {
            "flag": {
                "default": None,
                "contextKinds": ["user"],
                "counters": [{"variation": 0, "version": 1, "value": "v0", "count": 7}],
            }
        },
    }
    assert server.send([summary]).status == 202
    page = diagnosed(server, "send no single evaluations")
    assert "No running experiment measures this metric on the flag here" in page
    assert "7 evaluations came in summaries" in page


CASES: dict[str, tuple[Callable[[], list[dict[str, Any]]], str]] = {
    "another kind of unit": (
        lambda: [
            exposure("u1", 0),
            tracked("o1", context={"kind": "organization", "key": "o1"}),
        ],
        "Fault: Events are about another kind of unit",
    ),
    "exposures of another kind": (
        lambda: [exposure("o1", 0, context={"kind": "organization", "key": "o1"}), tracked("u1")],
        "Fault: No exposure carries a context of the kind user",
    ),
    "another key": (
        lambda: [exposure("u1", 0), tracked("u1", key="metrics")],
        "These look alike: metrics.",
    ),
    "too early": (
        lambda: [tracked("u1", now_ms() - 5000), exposure("u1", 0)],
        "Fault: Events before the exposure",
    ),
    "never exposed": (
        lambda: [exposure("u1", 0), tracked("u2")],
        "Fault: Events of units that were never exposed",
    ),
    "all is well": (
        lambda: [exposure("u1", 0, now_ms() - 5000), tracked("u1")],
        "Fine: Exposures and events meet",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_keeps_events_and_exposures_apart_is_named(server: LiveServer, name: str) -> None:
    events, expected = CASES[name]
    server.create_experiment()
    assert server.send(events()).status == 202
    page = diagnosed(server, expected)
    assert "Fine: The flag is on" in page
    assert "Fine: An experiment runs" in page


def test_a_numeric_metric_says_that_values_are_missing(server: LiveServer) -> None:
    server.create_experiment(numeric=True)
    assert server.send([exposure("u1", 0, now_ms() - 5000), tracked("u1")]).status == 202
    assert "Fault: Events have no value" in diagnosed(server, "Events have no value")


def test_an_unknown_flag_or_metric_is_not_found(admin: Visitor) -> None:
    assert admin.get(WHY.replace("=flag&", "=nothing&")).status_code == 404
