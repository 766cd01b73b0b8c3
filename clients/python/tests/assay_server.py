"""A running `assay serve` with one experiment on it, made through REST and fed through an SDK's endpoint."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

# The keys that the founding document writes in its examples.
PROJECT, FLAG, ENVIRONMENT, METRIC = KEYS = (
    "projKey_example",
    "flagKey_example",
    "envKey_example",
    "metricKey_example",
)
UNITS_PER_VARIATION = 40
CONVERTED = (10, 24)


@dataclass
class AssayServer:
    """The process, and what a client must know to use it."""

    process: subprocess.Popen[str]
    host: str
    token: str
    rest: httpx.Client

    @property
    def keys(self) -> tuple[str, str, str, str]:
        return KEYS

    def experiment(self) -> None:
        """A project, a flag split evenly between two variations, a metric, and a running experiment."""
        environment = {"key": ENVIRONMENT, "name": "Example", "color": "417505"}
        self._ask("POST", "/projects", {"key": PROJECT, "name": "Example", "environments": [environment]})
        metric = {"key": METRIC, "kind": "custom", "eventKey": "signed-up", "isNumeric": False, "tags": []}
        self._ask("POST", f"/metrics/{PROJECT}", metric)
        values = [{"value": "plain"}, {"value": "bold"}]
        self._ask("POST", f"/flags/{PROJECT}", {"key": FLAG, "name": "Example", "variations": values})
        halves = {"rollout": {"variations": [{"variation": index, "weight": 50_000} for index in (0, 1)]}}
        item = {"metricKey": METRIC, "environments": [ENVIRONMENT]}
        changes = [
            ("replace", f"/environments/{ENVIRONMENT}/on", True),
            ("replace", f"/environments/{ENVIRONMENT}/fallthrough", halves),
            ("add", "/experiments/items/0", item),
        ]
        operations = [{"op": op, "path": path, "value": value} for op, path, value in changes]
        self._ask("PATCH", f"/flags/{PROJECT}/{FLAG}", {"patch": operations, "comment": "start"})

    def feed(self) -> None:
        """Every unit sees its variation; the first few of each are then counted by the metric."""
        project = self._ask("GET", f"/projects/{PROJECT}?expand=environments", None)
        key = next(item["apiKey"] for item in project["environments"]["items"] if item["key"] == ENVIRONMENT)
        now_ms = time.time_ns() // 1_000_000
        events: list[dict[str, Any]] = []
        for variation, converted in enumerate(CONVERTED):
            for number in range(UNITS_PER_VARIATION):
                unit = {"kind": "user", "key": f"unit-{variation}-{number}"}
                seen = {
                    "kind": "feature",
                    "key": FLAG,
                    "variation": variation,
                    "reason": {"kind": "FALLTHROUGH"},
                }
                events.append(seen | {"context": unit, "creationDate": now_ms})
                if number < converted:
                    done = {"kind": "custom", "key": "signed-up", "creationDate": now_ms}
                    events.append(done | {"context": unit})
        headers = {"Authorization": key, "X-LaunchDarkly-Event-Schema": "4"}
        httpx.post(f"{self.host}/bulk", json=events, headers=headers, timeout=30).raise_for_status()

    def reader_token(self) -> str:
        """A token that may read and nothing else."""
        made = self._ask("POST", "/tokens", {"name": "reader", "role": "reader"})
        return str(made["token"])

    def _ask(self, method: str, path: str, body: Any) -> Any:
        answer = self.rest.request(method, f"{self.host}/api/v2{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def stop(self) -> None:
        self.rest.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()


def start(folder: Path, **settings: str) -> AssayServer:
    """Serve `folder` on a free port, with the experiment set up and fed."""
    command = [sys.executable, "-m", "assay", "serve", "--data", str(folder), "--port", "0"]
    with folder.with_suffix(".log").open("w") as log:
        environment = {**os.environ, **settings}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"listens on (http://\S+:\d+)", line):
            token = (folder / "admin-token").read_text().strip()
            rest = httpx.Client(headers={"Authorization": token}, timeout=30, trust_env=False)
            server = AssayServer(process, found[1], token, rest)
            server.experiment()
            server.feed()
            return server
    raise AssertionError(folder.with_suffix(".log").read_text())
