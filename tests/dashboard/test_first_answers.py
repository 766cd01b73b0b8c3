"""A page whose figures were never computed says so within a second, asks again by itself, and then shows them."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import uvicorn

from api.experiments import started
from assay.analysis.experiment_results import IterationResults
from assay.analysis.iteration_analysis import analyse_iteration
from assay.analysis.iterations import IterationPromise
from assay.analysis.refresh import ResultsCache
from assay.app import create_app, open_house
from assay.settings import read_settings
from assay.warehouse.engine import Engine
from dashboard.visitor import Visitor, text_of
from live import LiveServer, exposure, tracked

HERE = "/p/default/production"


@dataclass
class SlowAnalyses:
    """Analyses that are held back until they may go on."""

    go_on: threading.Event = field(default_factory=threading.Event)

    def __call__(self, promise: IterationPromise, engine: Engine) -> IterationResults:
        assert self.go_on.wait(30)
        return analyse_iteration(promise, engine)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[tuple[LiveServer, SlowAnalyses]]:
    """A server in this process whose analyses are slow."""
    analyses = SlowAnalyses()
    settings = read_settings({"data": tmp_path / "data"}, {})
    house = open_house(settings)
    house = replace(house, rooms=replace(house.rooms, results=ResultsCache(analyses)))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(settings, house), log_config=None))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    port = listening.getsockname()[1]
    yield LiveServer(settings.data, port=port, host=f"http://127.0.0.1:{port}"), analyses
    analyses.go_on.set()
    server.should_exit = True
    thread.join(30)
    listening.close()
    assert not thread.is_alive()


def exposed(api: LiveServer, key: str, unit: str) -> dict[str, object]:
    found = api.rest("GET", f"/flags/default/{key}").body["environments"]["production"]
    reason = {"kind": "FALLTHROUGH", "inExperiment": True}
    return exposure(unit, ord(unit) % 2, flag=key, version=found["version"], reason=reason)


def test_what_takes_long_is_announced_and_then_shown(slow: tuple[LiveServer, SlowAnalyses]) -> None:
    api, analyses = slow
    started(api, "slow")
    events = [exposed(api, "slow", unit) for unit in "abcd"]
    assert api.send([*events, tracked("a", key="slow")]).status == 202
    visitor = Visitor(api.host).sign_in(api.token)

    page = visitor.send("GET", f"{HERE}/experiments/slow")
    assert page.status_code == 200
    assert page.headers["refresh"] == "1"
    assert "Being computed" in text_of(page.text)
    assert "Randomized by user" in text_of(page.text)
    for path in (HERE, f"{HERE}/experiments"):
        listed = visitor.send("GET", path)
        assert listed.headers["refresh"] == "1"
        assert "being computed" in text_of(listed.text)

    analyses.go_on.set()
    assert api.rest("GET", "/projects/default/environments/production/experiments/slow/results").status == 200
    page = visitor.send("GET", f"{HERE}/experiments/slow")
    assert "refresh" not in page.headers
    assert "Being computed" not in text_of(page.text)
    assert "How was this computed?" in text_of(page.text)
    assert "refresh" not in visitor.send("GET", HERE).headers


def test_a_question_to_the_tables_that_takes_long_has_a_page_of_its_own(
    slow: tuple[LiveServer, SlowAnalyses], monkeypatch: pytest.MonkeyPatch
) -> None:
    api, _ = slow
    assert api.rest("POST", "/metrics/default", {"key": "m", "kind": "custom", "eventKey": "m"}).status == 201
    visitor = Visitor(api.host).sign_in(api.token)
    monkeypatch.setattr("assay.dashboard.routes.PATIENCE_S", -1)
    page = visitor.send("GET", f"{HERE}/metrics/m")
    assert page.status_code == 200
    assert page.headers["refresh"] == "1"
    assert "The page comes as soon as it is there" in text_of(page.text)
    page = visitor.get(f"{HERE}/metrics/m")
    assert "The page comes" not in text_of(page.text)
