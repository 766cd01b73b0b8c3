"""Pictures of every page in light and dark, from a furnished server: `make screenshots`."""

import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from playwright.sync_api import Browser, ViewportSize, sync_playwright

from assay.demo.history import make_history
from dashboard.showcase import PAGES as FURNISHED
from dashboard.showcase import PLACE, furnish_shop
from dashboard.visitor import go_to
from live import LiveServer, exposure, tracked

# The demo's own experiments; it has no draft.
DRAFTS = ("experiment-draft", "experiment-edit")
PAGES = {name: path for name, path in FURNISHED.items() if name not in DRAFTS} | {
    "experiment": f"{PLACE}/experiments/free-shipping",
    "experiment-shipped": f"{PLACE}/experiments/learned-search",
}
FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
SIZE: ViewportSize = {"width": 1280, "height": 900}


def main() -> None:
    """Takes all pictures, or those of the pages named as arguments."""
    wanted = set(sys.argv[1:]) or {"sign-in", *PAGES}
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="assay-screenshots-") as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        if "sign-in" in wanted:
            _sign_in_page(browser, Path(folder) / "new")
        _shoot(browser, Path(folder) / "data", wanted)
        browser.close()


def _shoot(browser: Browser, folder: Path, wanted: set[str]) -> None:
    """The demo's four weeks, what the showcase adds, and somebody who uses it all while pictures are taken."""
    make_history(folder)
    server = LiveServer(folder).start()
    furnish_shop(server)
    # What arrived is forgotten, so that the week's events don't dwarf the traffic.
    server.stop()
    server.start()
    over = threading.Event()
    traffic = threading.Thread(target=_traffic, args=(server, over))
    traffic.start()
    time.sleep(45)
    try:
        for theme in ("light", "dark"):
            _pages(browser, server, theme, wanted)
    finally:
        over.set()
        traffic.join()
        server.stop()


def _sign_in_page(browser: Browser, folder: Path) -> None:
    server = LiveServer(folder).start()
    context = browser.new_context(base_url=server.host, viewport=SIZE, color_scheme="light")
    page = context.new_page()
    page.goto("/sign-in")
    page.screenshot(path=FOLDER / "sign-in-light.png")
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=FOLDER / "sign-in-dark.png")
    context.close()
    server.stop()


def _pages(browser: Browser, server: LiveServer, theme: str, wanted: set[str]) -> None:
    context = browser.new_context(base_url=server.host, viewport=SIZE)
    page = context.new_page()
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.goto("/sign-in")
    page.fill("#token", server.token)
    page.press("#token", "Enter")
    page.wait_for_url("**/p/**")
    for name, path in PAGES.items():
        if name in wanted:
            go_to(page, path)
            if name == "flag-preview":
                page.click("text=Show what it gets")
            page.wait_for_load_state("networkidle")
            page.screenshot(path=FOLDER / f"{name}-{theme}.png")
    context.close()


def _traffic(server: LiveServer, over: threading.Event) -> None:
    """A few events a second, so that what is live looks alive."""
    names = ("PythonClient/9.12.0", "NodeJSClient/9.7.1", "JSClient/3.9.0")
    key, number = server.environment_rep()["apiKey"], 0
    while not over.wait(0.7):
        units = [f"visitor-{number}-{n}" for n in range(1 + number * 7 % 5)]
        events = [exposure(unit, n % 2, flag="checkout-button") for n, unit in enumerate(units)]
        body = [*events, *(tracked(unit, key="added-to-cart") for unit in units[::2])]
        server.request("POST", "/bulk", body, {"Authorization": key, "User-Agent": names[number % 3]})
        number += 1


if __name__ == "__main__":
    main()
