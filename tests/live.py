"""A real server in a process of its own, and the few requests that most tests make of it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Reply:
    """A status, headers by lower-case name, and the parsed body (None where there is none)."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class LiveServer:
    """`assay serve` on a folder. Start it, talk to it, stop or kill it, start it again."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[str] | None = None
    host: str = ""
    greeting: list[str] = field(default_factory=list)

    def start(self) -> "LiveServer":
        command = [
            sys.executable,
            "-m",
            "assay",
            "serve",
            "--data",
            str(self.folder),
            "--port",
            str(self.port),
        ]
        log = (self.folder.parent / f"{self.folder.name}.log").open("a")
        environment = {**os.environ, **self.environment}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
        )
        log.close()
        assert self.process.stdout is not None
        self.greeting = []
        for line in self.process.stdout:
            self.greeting.append(line)
            if found := re.search(r"listens on (http://\S+:(\d+))", line):
                self.host, self.port = found[1], int(found[2])
                return self
        raise AssertionError(f"the server did not start: {self.errors()}")

    def stop(self) -> int:
        """Asks it to end; its exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """Ends it without warning."""
        return self._end(signal.SIGKILL)

    def _end(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        status = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def errors(self) -> str:
        """What it wrote to standard error."""
        return (self.folder.parent / f"{self.folder.name}.log").read_text()

    @property
    def token(self) -> str:
        return (self.folder / "admin-token").read_text().strip()

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """Any request; `body` is sent as JSON unless it is bytes."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.host + path, data, headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return _reply(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return _reply(error.code, error.headers, error.read())

    def rest(self, method: str, path: str, body: Any = None, token: str | None = None) -> Reply:
        """A REST request below /api/v2."""
        headers = {"Authorization": token or self.token, "Content-Type": "application/json"}
        return self.request(method, f"/api/v2{path}", body, headers)

    def send(
        self, events: list[Any], payload_id: str | None = None, environment: str = "production"
    ) -> Reply:
        """A payload of events as a server SDK posts it."""
        headers = {
            "Authorization": self.environment_rep(environment)["apiKey"],
            "Content-Type": "application/json",
            "X-LaunchDarkly-Event-Schema": "4",
            "X-LaunchDarkly-Payload-ID": payload_id or str(uuid.uuid4()),
        }
        return self.request("POST", "/bulk", events, headers)

    def environment_rep(self, key: str = "production") -> dict[str, Any]:
        project = self.rest("GET", "/projects/default?expand=environments").body
        found: dict[str, Any] = next(item for item in project["environments"]["items"] if item["key"] == key)
        return found

    def create_experiment(
        self, flag: str = "flag", metric: str = "metric", numeric: bool = False, variations: int = 2
    ) -> None:
        """A flag on with an even rollout in production, and a running experiment with a custom metric on it."""
        values = [{"value": f"v{index}"} for index in range(variations)]
        share = 100_000 // variations
        weights = [{"variation": index, "weight": share} for index in range(variations)]
        weights[-1]["weight"] += 100_000 - share * variations
        assert (
            self.rest("POST", "/flags/default", {"key": flag, "name": flag, "variations": values}).status
            == 201
        )
        body = {"key": metric, "kind": "custom", "eventKey": metric, "isNumeric": numeric}
        assert self.rest("POST", "/metrics/default", body).status == 201
        operations = [
            ("replace", "/environments/production/on", True),
            ("replace", "/environments/production/fallthrough", {"rollout": {"variations": weights}}),
            ("add", "/experiments/items/0", {"metricKey": metric, "environments": ["production"]}),
        ]
        patch = [{"op": op, "path": path, "value": value} for op, path, value in operations]
        assert self.rest("PATCH", f"/flags/default/{flag}", patch).status == 200

    def results(self, flag: str = "flag", metric: str = "metric", query: str = "") -> Any:
        reply = self.rest("GET", f"/flags/default/{flag}/experiments/production/{metric}{query}")
        assert reply.status == 200, reply.body
        return reply.body


def _reply(status: int, headers: Any, body: bytes) -> Reply:
    names = {name.lower(): value for name, value in headers.items()}
    is_json = "json" in names.get("content-type", "") and "ndjson" not in names["content-type"]
    return Reply(status, names, json.loads(body) if body and is_json else body or None)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def exposure(
    unit: str, variation: int, at_ms: float | None = None, flag: str = "flag", **more: Any
) -> dict[str, Any]:
    """A feature event as server SDKs send it."""
    return {
        "kind": "feature",
        "creationDate": now_ms() if at_ms is None else at_ms,
        "key": flag,
        "variation": variation,
        "value": f"v{variation}",
        "default": None,
        "reason": {"kind": "FALLTHROUGH"},
        "context": {"kind": "user", "key": unit},
        **more,
    }


def tracked(unit: str, at_ms: float | None = None, key: str = "metric", **more: Any) -> dict[str, Any]:
    """A custom event as server SDKs send it."""
    created = now_ms() if at_ms is None else at_ms
    return {
        "kind": "custom",
        "creationDate": created,
        "key": key,
        "context": {"kind": "user", "key": unit},
        **more,
    }
