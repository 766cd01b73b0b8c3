"""Recorded traffic of real SDKs, replayed request by request: all of it is accepted, and yields the events it holds."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.clients import ROOT
from live import LiveServer

CAPTURES = ROOT.parent / "shared" / "reference" / "sdk" / "captures"
FILES = sorted(path.stem for path in CAPTURES.glob("[!_]*.json")) if CAPTURES.exists() else []
pytestmark = pytest.mark.skipif(not FILES, reason="the captures lie beside the checkout only")

POSTS = ("/bulk", "/mobile", "/events/bulk/")
DROPPED = ("diagnostic", "diagnostic-init", "diagnostic-combined")


def requests(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((CAPTURES / f"{name}.json").read_text())["requests"]
    return found


def replayed(server: LiveServer, request: dict[str, Any]) -> int:
    """The status of a recorded request, made with this server's credentials."""
    environment = server.environment_rep()
    headers = {name.lower(): value for name, value in request["request_headers"].items()}
    for gone in (
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "content-encoding",
        "accept-encoding",
    ):
        headers.pop(gone, None)
    if headers.get("authorization", "").removeprefix("api_key ").startswith("mob-"):
        headers["authorization"] = environment["mobileKey"]
    elif "authorization" in headers:
        headers["authorization"] = environment["apiKey"]
    path = request["path"]
    for prefix in ("/events/bulk/", "/events/diagnostic/", "/sdk/goals/"):
        if path.startswith(prefix):
            path = prefix + environment["_id"]
    body = request["body"]
    data = None if body is None else json.dumps(body).encode()
    return server.request(request["method"], path, data, headers).status


def kinds_in_log(server: LiveServer) -> Counter[str]:
    """Rows of the event log by kind."""
    lines = [
        line for path in (server.folder / "log").glob("*.ndjson") for line in path.read_text().splitlines()
    ]
    return Counter(json.loads(line)["kind"] for line in lines)


def sent_kinds(posts: list[dict[str, Any]]) -> Counter[str]:
    """Events by kind in the payloads, repeats of a payload included (the log keeps them, the tables don't)."""
    payloads = [post["body"] if isinstance(post["body"], list) else [post["body"]] for post in posts]
    return Counter(event["kind"] for payload in payloads for event in payload if event["kind"] not in DROPPED)


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One server for all captures: they only add to its log."""
    server = LiveServer(tmp_path_factory.mktemp("captures") / "data").start()
    yield server
    server.stop()


@pytest.mark.parametrize("name", FILES)
def test_a_capture_yields_its_events(shared_server: LiveServer, name: str) -> None:
    server, before = shared_server, kinds_in_log(shared_server)
    posts = [request for request in requests(name) if request["method"] == "POST"]
    assert [replayed(server, post) for post in posts] == [202] * len(posts)
    events = [post for post in posts if post["path"].startswith(POSTS) and "diagnostic" not in post["path"]]
    assert kinds_in_log(server) - before == sent_kinds(events)
