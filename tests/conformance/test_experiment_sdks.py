"""An official server SDK follows an experiment in a layer and a holdout by stream; results count whom it marked."""

from collections import Counter
from typing import Any

import ldclient

from api.experiments import ALL, instruct, make_flag, make_metric, planned
from conformance.test_server_sdks import config, wait_for
from live import LiveServer

UNITS = 600


def prepare(server: LiveServer) -> dict[str, Any]:
    """A draft on the flag, for 60 percent of a layer without the 20 percent that a holdout keeps; the holdout."""
    make_flag(server, "flag", 2)
    make_metric(server, "metric")
    place = "/projects/default/environments/production/holdouts"
    held: dict[str, Any] = server.rest("POST", place, {"key": "held", "holdoutamount": "20"}).body
    iteration = planned(server, "flag", "metric")
    body = {"key": "exp", "name": "Exp", "holdoutId": held["_id"], "iteration": iteration}
    assert server.rest("POST", ALL, body).status == 201
    layer = {"key": "layer", "name": "Layer", "description": ""}
    assert server.rest("POST", "/projects/default/layers", layer).status == 201
    reserve = {"kind": "updateExperimentReservation", "experimentKey": "exp", "reservationPercent": 60}
    patch = {"environmentKey": "production", "instructions": [reserve]}
    assert server.rest("PATCH", "/projects/default/layers/layer", patch).status == 200
    return held


def test_the_python_sdk_marks_whom_the_results_count(server: LiveServer) -> None:
    held = prepare(server)
    with ldclient.LDClient(config(server), 5) as client:
        probe = ldclient.Context.create("probe")
        assert client.variation_detail("flag", probe, None).reason == {"kind": "FALLTHROUGH"}
        started = instruct(server, "exp", "startIteration").body["currentIteration"]
        version = started["assay"]["firstVersions"]["flag"]
        assert wait_for(lambda: flag_version(client) == version)
        counts: Counter[int] = Counter()
        for number in range(UNITS):
            context = ldclient.Context.create(f"unit-{number}")
            detail = client.variation_detail("flag", context, None)
            held_out = client.variation(held["baseExperiment"]["key"], context, None)
            if detail.reason.get("inExperiment"):
                assert held_out is False
                counts[detail.variation_index] += 1
        client.flush()
        # 60 percent of 80 percent of 600, give or take five standard deviations.
        assert abs(sum(counts.values()) - 288) < 62
        assert wait_for(lambda: exposed(server) == [counts[0], counts[1]])


def flag_version(client: ldclient.LDClient) -> int:
    # Only an evaluation of all flags tells their versions.
    state = client.all_flags_state(ldclient.Context.create("probe")).to_json_dict()
    version: int = state["$flagsState"]["flag"]["version"]
    return version


def exposed(server: LiveServer) -> list[int]:
    reply = server.rest("GET", f"{ALL}/exp/results")
    assert reply.status == 200, reply.body
    return [treatment["units"] for treatment in reply.body["treatments"]]
