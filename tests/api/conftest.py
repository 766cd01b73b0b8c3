"""One server for all tests of the REST API that don't disturb one another."""

from collections.abc import Iterator

import pytest

from api.described import DescribedServer
from live import LiveServer


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A running server. Tests use keys of their own, and leave what others use alone.

    Every answer that they get is held against openapi.json.
    """
    server = DescribedServer(tmp_path_factory.mktemp("api") / "data").start()
    yield server
    assert server.stop() == 0
