"""Client-side SDKs at work: in Node, in jsdom, and in a real browser on a page of another origin."""

import json
import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from conformance.clients import node_client
from live import LiveServer

NODE = Path(__file__).parent / "node"
UNITS, BUYERS = 24, 15
PATIENCE = 30


@dataclass
class Actor:
    """A process that says a line of JSON for each thing that it sees."""

    process: subprocess.Popen[str]
    lines: "queue.Queue[str]"

    def hears(self) -> Any:
        """What it says next."""
        try:
            return json.loads(self.lines.get(timeout=PATIENCE))
        except queue.Empty:
            raise AssertionError("the client said nothing") from None

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()


@contextmanager
def run(folder: Path, script: str, *arguments: str) -> Iterator[Actor]:
    """A script of ours that requires from the folder's node_modules."""
    environment = {**os.environ, "NODE_PATH": str(folder / "node_modules")}
    command = ["node", str(NODE / script), *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        lines: queue.Queue[str] = queue.Queue()
        reader = threading.Thread(target=_read, args=(process, lines))
        reader.start()
        try:
            yield Actor(process, lines)
        finally:
            _end(process)
            reader.join(PATIENCE)


@contextmanager
def in_browser(bundle: Path, settings: dict[str, Any]) -> Iterator[Actor]:
    """Chromium on a page with that SDK; skips where there is none, which CI always has."""
    chromium = shutil.which("chromium")
    if chromium is None:
        assert not os.environ.get("CI"), "CI must install Chromium"
        pytest.skip("needs Chromium: apt-get install chromium")
    files = {
        "/": NODE / "page.html",
        "/scenario.js": NODE / "scenario.js",
        "/sdk.js": bundle,
    }
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(StaticPage, files)) as pages:
        threading.Thread(target=pages.serve_forever).start()
        address = f"http://localhost:{pages.server_port}/?{quote(json.dumps(settings))}"
        try:
            with run(node_client("playwright-core@1"), "browser.js", chromium, address) as actor:
                yield actor
        finally:
            pages.shutdown()


class StaticPage(BaseHTTPRequestHandler):
    """The page, and the two scripts that it loads."""

    def __init__(self, files: dict[str, Path], *arguments: Any) -> None:
        self._files = files
        super().__init__(*arguments)

    def do_GET(self) -> None:
        file = self._files.get(self.path.split("?")[0])
        self.send_response(200 if file else 404)
        self.send_header("Content-Type", "text/html" if self.path.startswith("/?") else "text/javascript")
        self.end_headers()
        self.wfile.write(file.read_bytes() if file else b"")

    def log_message(self, *_: Any) -> None:
        """Nothing: pytest's output is not the page's."""


def _end(process: subprocess.Popen[str]) -> None:
    """The end of its input ends a script, and the browser that it has opened."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()


def _read(process: subprocess.Popen[str], lines: "queue.Queue[str]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        # The SDKs' own logs stand on standard output too.
        if line.startswith(("{", '"')):
            lines.put(line)


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def show_to_browsers(server: LiveServer) -> None:
    """The flag, to those that show a client-side id."""
    value = {"usingEnvironmentId": True, "usingMobileKey": True}
    patch = [{"op": "replace", "path": "/clientSideAvailability", "value": value}]
    assert server.rest("PATCH", "/flags/default/flag", patch).status == 200


def settings_for(server: LiveServer, scenario: str, kind: str | None = "user", **more: Any) -> dict[str, Any]:
    """What a client-side script is told; without a kind its contexts are users of old."""
    named = {} if kind is None else {"kind": kind}
    contexts = [{**named, "key": f"client-{n}"} for n in range(UNITS)]
    return {
        "scenario": scenario,
        "host": server.host,
        "environment": server.environment_rep()["_id"],
        "context": contexts[0],
        "contexts": contexts,
        "buyers": BUYERS,
        "options": {},
        **more,
    }


def check_units(server: LiveServer, actor: Actor) -> None:
    """The scenario `units`: rows as counted by hand of what was served, and a change that is seen."""
    said = actor.hears()
    assert "served" in said, said
    served: dict[str, str] = said["served"]
    assert set(served) == {f"client-{n}" for n in range(UNITS)}
    assert set(served.values()) == {"v0", "v1"}
    # An earlier batch may still be on its way when the last flush ends.
    expected = by_hand(served)
    assert wait_for(lambda: counted(server) == expected), (counted(server), expected)
    assert actor.hears() == "watches"
    other = 1 - int(served[f"client-{UNITS - 1}"][1])
    path = "/environments/production/fallthrough"
    patch = [{"op": "replace", "path": path, "value": {"variation": other}}]
    assert server.rest("PATCH", "/flags/default/flag", patch).status == 200
    assert actor.hears() == {"now": f"v{other}"}


def by_hand(served: dict[str, str]) -> list[tuple[int, int, float]]:
    """Per variation: exposed units, their metric events, and the sum of the values tracked."""
    rows = []
    for value in ("v0", "v1"):
        buyers = [n for n in range(BUYERS) if served[f"client-{n}"] == value]
        rows.append((list(served.values()).count(value), len(buyers), sum(n / 4 for n in buyers)))
    return rows


def counted(server: LiveServer, metric: str = "metric") -> list[tuple[int, int, float]]:
    """The same, of the server."""
    names = ("cumulativeImpressionCount", "cumulativeCount", "cumulativeValue")
    totals = server.results(metric=metric)["totals"]
    return [tuple(row[name] for name in names) for row in totals]
