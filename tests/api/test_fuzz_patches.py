"""Patches at places that exist, with values that nobody would send: refused or followed, never a 5xx.

A schema says that an instruction is an object and a patch a list of operations; how they can be wrong is drawn here
from kinds, parameters, paths and values that are known.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.described import DescribedServer
from api.experiments import instruct, make_experiment
from assay.experiments.instructions import KINDS as EXPERIMENT_KINDS
from assay.flags.instructions import IN_ENVIRONMENT
from assay.flags.instructions_settings import SETTING_INSTRUCTIONS
from assay.flags.segment_instructions import KINDS as SEGMENT_KINDS
from live import LiveServer

SOAK = int(os.environ.get("ASSAY_SOAK_EXAMPLES", "0"))

PLACES = {
    "flag": "/flags/default/flag",
    "segment": "/segments/default/production/segment",
    "experiment": "/projects/default/environments/production/experiments/experiment",
    "metric": "/metrics/default/metric",
    "group": "/projects/default/metric-groups/group",
    "project": "/projects/default",
    "environment": "/projects/default/environments/production",
    "layer": "/projects/default/layers/layer",
}
INSTRUCTIONS = {
    "flag": [*IN_ENVIRONMENT, *SETTING_INSTRUCTIONS],
    "segment": list(SEGMENT_KINDS),
    "experiment": list(EXPERIMENT_KINDS),
    "layer": ["updateName", "updateDescription", "updateExperimentReservation", "removeExperiment"],
}
PARAMETERS = (
    *(
        "value",
        "values",
        "name",
        "key",
        "description",
        "variationId",
        "ruleId",
        "ruleIds",
        "rules",
        "clauses",
    ),
    *("clauseIds", "clauseId", "clause", "beforeRuleId", "rolloutWeights", "rolloutBucketBy", "contextKind"),
    *(
        "rolloutContextKind",
        "targets",
        "prerequisites",
        "onVariationValue",
        "offVariationValue",
        "trackEvents",
    ),
    *("weight", "experimentKey", "reservationPercent", "winningTreatmentId", "winningReason"),
    *("changeJustification", "operation", "contextKey", "expirationDate", "version", "values"),
)

WORDS = st.sampled_from(
    [
        *(
            "",
            "flag",
            "segment",
            "metric",
            "user",
            "production",
            "in",
            "segmentMatch",
            "fallthrough",
            "50",
            "0",
        ),
        "é\x00",
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2, 100_000, 2**31, 2**63 - 1, -(2**63), 10**40]),
    st.floats(allow_nan=False, allow_infinity=False),
    WORDS,
    st.text(max_size=5),
)
NAMES = st.one_of(
    st.sampled_from(
        [
            *("attribute", "op", "values", "contextKind", "negate", "variation", "rollout", "variations"),
            *("weight", "key", "_id", "value", "clauses", "id", "kind", "url", "pattern", "items", "field"),
        ]
    ),
    st.sampled_from(PARAMETERS),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=8,
)
# What most parameters are, more often than chance would have it.
ARGUMENTS = st.one_of(WORDS, st.lists(WORDS, min_size=1, max_size=2), VALUES)
LIMITS = settings(
    max_examples=SOAK or 60,
    derandomize=not SOAK,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    environment = {"ASSAY_RATE_LIMIT": "1000000"}
    server = DescribedServer(tmp_path_factory.mktemp("patched") / "data", environment).start()
    server.create_experiment()
    make_experiment(server, "experiment")
    assert instruct(server, "experiment", "startIteration").status == 200
    steps = [{"key": key, "nameInGroup": key} for key in ("metric", "experiment")]
    group = {"key": "group", "name": "g", "kind": "funnel", "maintainerId": "", "tags": [], "metrics": steps}
    made: list[tuple[str, dict[str, Any]]] = [
        ("/segments/default/production", {"key": "segment", "name": "s"}),
        ("/projects/default/layers", {"key": "layer", "name": "l", "description": "l"}),
        ("/projects/default/metric-groups", group),
    ]
    for path, body in made:
        assert server.rest("POST", path, body).status == 201
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.errors()


def send(server: LiveServer, place: str, body: Any, version: str) -> int:
    """Whatever the answer is, it is described (`DescribedServer` sees to that), and the resource can still be read."""
    headers = {"Authorization": server.token, "LD-API-Version": version}
    reply = server.request("PATCH", f"/api/v2{place}", body, headers)
    assert reply.status < 500, reply.body
    if "layers" not in place:
        assert server.request("GET", f"/api/v2{place}", None, headers).status in (200, 404)
    return reply.status


def pointers(document: Any, prefix: str = "") -> list[str]:
    """Every place in a document, and the ends of its lists."""
    found = [prefix]
    if isinstance(document, dict):
        for name, value in document.items():
            found += pointers(value, f"{prefix}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(document, list):
        found.append(f"{prefix}/-")
        for index, value in enumerate(document):
            found += pointers(value, f"{prefix}/{index}")
    return found


@pytest.mark.parametrize("resource", INSTRUCTIONS)
def test_strange_instructions_are_refused_or_followed(fuzzed: LiveServer, resource: str) -> None:
    instruction = st.builds(
        lambda kind, rest: {"kind": kind, **rest},
        st.sampled_from(INSTRUCTIONS[resource]),
        st.dictionaries(st.sampled_from(PARAMETERS), ARGUMENTS, min_size=6, max_size=20),
    )

    statuses: set[int] = set()

    @LIMITS
    @given(st.lists(instruction, min_size=1, max_size=2), st.sampled_from(["20240415", "20191212"]))
    def check(instructions: list[dict[str, Any]], version: str) -> None:
        body = {"instructions": instructions, "environmentKey": "production", "comment": "c"}
        statuses.add(send(fuzzed, PLACES[resource], body, version))

    check()
    assert {200, 400} <= statuses


@pytest.mark.parametrize("resource", [name for name in PLACES if name not in ("experiment", "layer")])
def test_strange_json_patches_are_refused_or_followed(fuzzed: LiveServer, resource: str) -> None:
    headers = {"Authorization": fuzzed.token, "LD-API-Version": "20240415"}
    shown = fuzzed.request("GET", f"/api/v2{PLACES[resource]}", None, headers).body
    path = st.one_of(st.sampled_from(pointers(shown)), st.builds("/{}".format, NAMES))
    operation = st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "replace", "remove", "copy", "move", "test"]), "path": path},
        optional={"value": VALUES, "from": path},
    )

    statuses: set[int] = set()

    @LIMITS
    @given(st.lists(operation, min_size=1, max_size=2), st.sampled_from(["20240415", "20191212"]))
    def check(operations: list[dict[str, Any]], version: str) -> None:
        statuses.add(send(fuzzed, PLACES[resource], operations, version))

    check()
    assert {200, 400} <= statuses


@pytest.mark.parametrize("resource", [name for name in PLACES if name not in ("experiment", "layer")])
def test_strange_merge_patches_are_refused_or_followed(fuzzed: LiveServer, resource: str) -> None:
    headers = {"Authorization": fuzzed.token, "LD-API-Version": "20240415"}
    shown = fuzzed.request("GET", f"/api/v2{PLACES[resource]}", None, headers).body
    names = st.one_of(st.sampled_from(sorted(shown)), NAMES)

    statuses: set[int] = set()

    @LIMITS
    @given(st.dictionaries(names, VALUES, min_size=1, max_size=4), st.sampled_from(["20240415", "20191212"]))
    def check(changes: dict[str, Any], version: str) -> None:
        statuses.add(send(fuzzed, PLACES[resource], {"merge": changes}, version))

    check()
    assert {200, 400} <= statuses
