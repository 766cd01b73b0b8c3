"""What tests of more than one room share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from live import LiveServer
from warehouse.tables import Tables, open_engine


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., LiveServer]]:
    """Starts servers, each on a folder of its own or the one given, and ends those that still run."""
    servers: list[LiveServer] = []

    def start(name: str = "data", **environment: str) -> LiveServer:
        servers.append(LiveServer(tmp_path / name, environment).start())
        return servers[-1]

    yield start
    for server in servers:
        if server.process is not None and server.process.poll() is None:
            server.stop()


@pytest.fixture
def server(serve: Callable[..., LiveServer]) -> LiveServer:
    """A server on an empty folder."""
    return serve()


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Tables]:
    """Empty tables."""
    made = Tables(tmp_path, open_engine(tmp_path / "tables.duckdb"))
    yield made
    made.engine.close()
