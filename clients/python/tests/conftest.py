"""What several tests use: canned results, a loopback server, a client that does not wait long."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import launchdarkly_api
from canned import TOKEN, canned_results
from launchdarkly_api.api.experiments__beta_api import ExperimentsBetaApi
from loopback import Loopback, Script

Serve = Callable[[Script], Loopback]


@pytest.fixture
def results_body() -> str:
    return json.dumps(canned_results())


@pytest.fixture
def serve() -> Iterator[Serve]:
    started: list[Loopback] = []

    def start(script: Script) -> Loopback:
        started.append(Loopback(script))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture
def api_at() -> Iterator[Callable[..., ExperimentsBetaApi]]:
    """The document's client at a host; its calls end within 20 seconds whatever the server does."""
    opened: list[launchdarkly_api.ApiClient] = []

    def make(host: str, **settings: Any) -> ExperimentsBetaApi:
        configuration = launchdarkly_api.Configuration(host=host)
        configuration.api_key["ApiKey"] = TOKEN
        configuration.total_timeout = 20.0
        for name, value in settings.items():
            setattr(configuration, name, value)
        opened.append(launchdarkly_api.ApiClient(configuration))
        return ExperimentsBetaApi(opened[-1])

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def repository() -> Path:
    return Path(__file__).resolve().parents[3]


@pytest.fixture
def client_root() -> Path:
    return Path(__file__).resolve().parents[1]
