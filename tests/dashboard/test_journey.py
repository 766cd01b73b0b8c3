"""A newcomer's first experiment, from signing in to the winner that the SDK gets, by our forms alone."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page

from conformance.client_side import StaticPage
from conformance.clients import node_client
from live import LiveServer

SDK = Path("@launchdarkly") / "js-client-sdk" / "dist" / "index.js"
SHOPPERS = 80
PATIENCE_MS = 60_000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[LiveServer]:
    """A server that nobody has used yet."""
    server = LiveServer(tmp_path / "data").start()
    yield server
    assert server.stop() == 0


@pytest.fixture
def shop() -> Iterator[str]:
    """A page of another origin that asks for the flag by the official SDK."""
    files = {
        "/": Path(__file__).parent / "shop.html",
        "/sdk.js": node_client("@launchdarkly/js-client-sdk@4") / "node_modules" / SDK,
    }
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(StaticPage, files)) as pages:
        threading.Thread(target=pages.serve_forever).start()
        yield f"http://localhost:{pages.server_port}/"
        pages.shutdown()


def test_a_newcomer_runs_an_experiment_and_ships_the_winner(
    chromium: Browser, house: LiveServer, shop: str
) -> None:
    context = chromium.new_context(base_url=house.host, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    sign_in(page, house)
    make_flag(page)
    make_metric(page)
    start_experiment(page)

    loaded = page.evaluate("performance.timeOrigin")
    street = context.new_page()
    street.goto(
        shop
        + "?"
        + urlencode(
            {"host": house.host, "environment": house.environment_rep()["_id"], "flag": "new-checkout"}
        )
    )
    street.wait_for_function("window.open_shop")
    served = street.evaluate(f"open_shop({SHOPPERS})")
    assert {True, False} == set(served)
    left_out = served.index(False)
    assert street.evaluate(f"stay({left_out})") is False

    page.wait_for_selector("#results >> text=true is better")
    assert page.evaluate("performance.timeOrigin") == loaded, "it appeared without reloading"
    assert f"{SHOPPERS}" in page.locator("#results .facts").inner_text()

    page.locator("label", has_text="true").click()
    page.fill("#reason", "More shoppers bought.")
    page.click("text=Ship the chosen one")
    page.click("dialog >> text=Ship it >> nth=-1")
    page.wait_for_selector("text=true was shipped. More shoppers bought.")
    street.wait_for_function("document.getElementById('checkout').textContent === 'true'")
    assert complaints == []
    context.close()


def sign_in(page: Page, house: LiveServer) -> None:
    page.goto("/")
    page.fill("#token", house.token)
    page.press("#token", "Enter")
    page.wait_for_selector("text=Begin here")


def make_flag(page: Page) -> None:
    page.click("text=Experiments")
    page.click("text=First make a flag")
    page.fill("#name", "New checkout")
    page.check("#client_side")
    page.click("text=Make the flag")
    page.wait_for_url("**/flags/new-checkout")


def make_metric(page: Page) -> None:
    page.click("text=Experiments")
    page.click("text=First make a metric")
    page.fill("#name", "Bought something")
    page.fill("#event_key", "purchase")
    page.click("text=Make the metric")
    page.wait_for_selector("text=Bought something is made.")


def start_experiment(page: Page) -> None:
    page.click("text=Experiments")
    page.click("text=Design the first experiment")
    page.fill("#name", "One page to pay")
    page.fill("#hypothesis", "With fewer pages more people buy.")
    page.select_option("#flag", "new-checkout")
    page.wait_for_selector("text=Starting turns the flag on")
    assert page.input_value("#name") == "One page to pay"
    page.select_option("#primary", "bought-something")
    page.wait_for_selector("#preview >> text=so no duration can be told")
    page.click("text=Create and start")
    page.click("dialog >> text=Start >> nth=-1")
    page.wait_for_selector("text=Started. Results appear here")
    page.wait_for_url("**/experiments/one-page-to-pay")
