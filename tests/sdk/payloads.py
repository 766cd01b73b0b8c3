"""Posting payloads of any shape, and asking what became of them."""

import re
import uuid
from dataclasses import dataclass
from typing import Any

from live import LiveServer, Reply
from sdk.streams import fresh


@dataclass(frozen=True)
class Experiment:
    """A running experiment on a server that others use too."""

    server: LiveServer
    flag: str
    metric: str

    def exposed(self) -> list[int]:
        return [total["cumulativeImpressionCount"] for total in self.totals()]

    def counted(self) -> list[int]:
        return [total["cumulativeCount"] for total in self.totals()]

    def totals(self) -> list[dict[str, Any]]:
        totals: list[dict[str, Any]] = self.server.results(self.flag, self.metric, "?from=0")["totals"]
        return totals


def new_experiment(server: LiveServer, *, numeric: bool = False) -> Experiment:
    experiment = Experiment(server, fresh("flag"), fresh("metric"))
    server.create_experiment(experiment.flag, experiment.metric, numeric=numeric)
    return experiment


def post(server: LiveServer, body: Any, path: str = "/bulk", **headers: str) -> Reply:
    """A payload to production; header names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    credentials = {"Authorization": server.environment_rep()["apiKey"], "Content-Type": "application/json"}
    return server.request("POST", path, body, credentials | named)


def new_id() -> str:
    return str(uuid.uuid4())


def counter(server: LiveServer, name: str, **labels: str) -> float:
    """A figure of `/metrics`; 0 where it has not been counted yet."""
    text = server.request("GET", "/metrics").body.decode()
    label = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    pattern = re.escape(f"{name}{{{label}}}" if label else name) + r" ([0-9.e+-]+)"
    found = re.search(f"^{pattern}$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0
