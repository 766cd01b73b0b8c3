"""One server for all tests of pages that don't disturb one another, and somebody signed in."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from dashboard.visitor import Visitor
from live import LiveServer


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A running server. Tests use keys of their own, and leave what others use alone."""
    server = LiveServer(tmp_path_factory.mktemp("site") / "data").start()
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="session")
def admin(site: LiveServer) -> Visitor:
    return Visitor(site.host).sign_in(site.token)


@pytest.fixture(scope="session")
def reader(site: LiveServer) -> Visitor:
    made = site.rest("POST", "/tokens", {"name": "reader", "role": "reader"})
    return Visitor(site.host).sign_in(made.body["token"])


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Closed with its module: while it is open its event loop runs, and no other test could run one."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        assert not os.environ.get("CI"), "CI must install Chromium"
        pytest.skip("needs Chromium: apt-get install chromium")
    browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
    yield browser
    browser.close()
