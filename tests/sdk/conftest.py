"""One server for all tests of the SDK side that don't disturb one another."""

from collections.abc import Iterator

import pytest

from live import LiveServer


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A running server with a short heartbeat. Tests use flags of their own."""
    folder = tmp_path_factory.mktemp("sdk") / "data"
    server = LiveServer(folder, {"ASSAY_HEARTBEAT_S": "1"}).start()
    yield server
    assert server.stop() == 0
