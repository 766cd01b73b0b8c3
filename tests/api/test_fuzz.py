"""Schemathesis over openapi.json: whatever is sent, no 5xx, and every answer is one that the description has.

`make test` sends the same few requests to each operation every time; `make soak` sends many, and others each time.
"""

import os
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.experiments import started
from api.results import send_conversions
from assay.api.openapi import description
from assay.api.routes import OPERATIONS
from live import LiveServer, exposure, tracked

SOAK = int(os.environ.get("ASSAY_SOAK_EXAMPLES", "0"))

# Keys that exist, so that requests get past the 404s; ids are added once they are known.
KNOWN = {
    "project": "default",
    "environment": "production",
    "flag": "flag",
    "metric": "metric",
    "segment": "segment",
    "experiment": "experiment",
    "group": "group",
    "layer": "layer",
    "holdout": "holdout",
    "kind": "user",
    "key": "a",
    "context": "a",
    "user": "a",
    "attribute": "key",
}

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)

STEPS = [{"key": key, "nameInGroup": key} for key in ("metric", "experiment")]
MADE: tuple[tuple[str, Any], ...] = (
    ("/segments/default/production", {"key": "segment", "name": "s"}),
    ("/projects/default/layers", {"key": "layer", "name": "l", "description": "l"}),
    (
        "/projects/default/metric-groups",
        {"key": "group", "name": "g", "kind": "funnel", "maintainerId": "", "tags": [], "metrics": STEPS},
    ),
)
IDENTIFIED: tuple[tuple[str, str, Any], ...] = (
    ("token", "/tokens", {"name": "fuzzed", "role": "reader"}),
    ("webhook", "/webhooks", {"url": "http://127.0.0.1:9/", "sign": True, "on": False}),
)

schema = schemathesis.openapi.from_dict(description(OPERATIONS))
schema.config.phases.coverage.enabled = SOAK > 0


@schema.hook("flatmap_path_parameters")
def often_known(context: Any, parameters: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The parameters as they were drawn, or mostly keys that exist; what is deleted never is one of those."""
    if context.operation.method.upper() == "DELETE" or not parameters:
        return st.just(parameters)
    known = {name: KNOWN.get(name, value) for name, value in parameters.items()}
    return st.sampled_from([*[known] * 7, parameters])


@schema.hook("map_body")
def half_of_them_valid(context: Any, body: Any) -> Any:
    """Of keys drawn at random hardly one is possible, so half of them are made so."""
    if isinstance(body, dict) and isinstance(body.get("key"), str) and len(body["key"]) % 2:
        return {**body, "key": f"drawn-{zlib.crc32(body['key'].encode(errors='replace'))}"}
    return body


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with a running experiment, and no limit that a test could reach."""
    environment = {"ASSAY_RATE_LIMIT": "1000000", "ASSAY_RESULTS_RATE_LIMIT": "1000000"}
    server = LiveServer(tmp_path_factory.mktemp("fuzz") / "data", environment).start()
    server.create_experiment()
    started(server, "experiment")
    send_conversions(server, "experiment", (0.2, 0.5))
    for path, body in MADE:
        assert server.rest("POST", path, body).status == 201
    for name, path, body in IDENTIFIED:
        KNOWN[name] = server.rest("POST", path, body).body["_id"]
    server.send([exposure("a", 0), exposure("b", 1), tracked("b")])
    yield server
    assert server.stop() == 0


@schema.parametrize()
@settings(
    max_examples=SOAK or 25,
    derandomize=not SOAK,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_described(case: schemathesis.Case[Any], fuzzed: LiveServer) -> None:
    response = case.call(base_url=fuzzed.host, headers={"Authorization": fuzzed.token})
    case.validate_response(response, checks=list(CHECKS))
