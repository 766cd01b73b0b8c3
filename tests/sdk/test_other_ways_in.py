"""Events that come by an image's address, or as an import with an access token."""

import base64
import gzip
import json
from typing import Any

import pytest

from live import LiveServer, Reply, exposure, now_ms
from sdk.payloads import Experiment, new_experiment, new_id


def image(server: LiveServer, path: str, events: object, *, plain: bool = False) -> Reply:
    """Events as a browser that can't post them puts them into an address."""
    raw = json.dumps(events, ensure_ascii=False).encode()
    written = base64.b64encode(raw) if plain else base64.urlsafe_b64encode(raw).rstrip(b"=")
    environment = server.environment_rep()["_id"]
    return server.request("GET", f"{path.format(id=environment)}?d={written.decode()}&v=3")


def imported(server: LiveServer, events: Any, token: str, place: str = "default/production") -> Reply:
    headers = {
        "Authorization": token,
        "Content-Type": "application/json",
        "X-LaunchDarkly-Event-Schema": "4",
    }
    return server.request("POST", f"/v2/event-data-import/{place}", events, headers)


def new_token(server: LiveServer, role: str) -> str:
    return str(server.rest("POST", "/tokens", {"name": role, "role": role}).body["token"])


def bought(experiment: Experiment, unit: str) -> dict[str, Any]:
    """What a warehouse exports: a metric event with the keys of its unit alone."""
    created = now_ms() + 1
    return {
        "kind": "custom",
        "key": experiment.metric,
        "creationDate": created,
        "metricValue": 2.5,
        "contextKeys": {"user": unit},
    }


@pytest.mark.parametrize("path", ["/a/{id}.gif", "/events/bulk/{id}/a/{id}.gif"])
@pytest.mark.parametrize("plain", [False, True])
def test_an_images_address_carries_events(live: LiveServer, path: str, plain: bool) -> None:
    experiment = new_experiment(live)
    # The name makes a plus sign in the plain alphabet, which a query's reader would take for a space.
    events = [
        exposure("unit", 0, flag=experiment.flag, context={"kind": "user", "key": "unit", "n": "ü>>~>>?"})
    ]
    assert b"+" in base64.b64encode(json.dumps(events, ensure_ascii=False).encode())
    reply = image(live, path, events, plain=plain)
    assert (reply.status, reply.headers["content-type"]) == (200, "image/gif")
    assert reply.body.startswith(b"GIF8")
    assert sum(experiment.exposed()) == 1


def test_an_image_without_readable_events_is_refused_and_counts_nothing(live: LiveServer) -> None:
    environment = live.environment_rep()["_id"]
    for query in ("", "?d=", "?d=!", "?d=eyJ"):
        assert live.request("GET", f"/a/{environment}.gif{query}").status == 400
    assert live.request("GET", f"/a/{environment}.gif?d=W10").status == 200
    assert live.request("GET", "/a/unknown.gif?d=W10").status == 404


def test_an_import_reaches_the_experiment_that_its_units_are_in(live: LiveServer) -> None:
    experiment = new_experiment(live, numeric=True)
    assert live.send([exposure("unit-1", 0, flag=experiment.flag)]).status == 202
    token = new_token(live, "writer")
    assert imported(live, [bought(experiment, "unit-1"), bought(experiment, "unknown")], token).status == 202
    packed = gzip.compress(json.dumps([bought(experiment, "unit-1")]).encode())
    headers = {"Authorization": f"Bearer {token}", "Content-Encoding": "gzip"}
    path = "/v2/event-data-import/default/production"
    assert live.request("POST", path, packed, headers).status == 202
    assert sum(total["cumulativeValue"] for total in experiment.totals()) == pytest.approx(5.0)


def test_an_import_that_is_repeated_counts_once(live: LiveServer) -> None:
    experiment = new_experiment(live)
    assert live.send([exposure("unit-1", 0, flag=experiment.flag)]).status == 202
    headers = {"Authorization": live.token, "X-LaunchDarkly-Payload-ID": new_id()}
    body = [bought(experiment, "unit-1")]
    for _ in range(2):
        path = "/v2/event-data-import/default/production"
        assert live.request("POST", path, body, headers).status == 202
    assert sum(experiment.counted()) == 1


def test_an_import_needs_a_token_that_may_write(live: LiveServer) -> None:
    environment = live.environment_rep()
    for credential in ("", "api-0", environment["apiKey"], environment["mobileKey"]):
        reply = imported(live, [], credential)
        assert (reply.status, reply.body["code"]) == (401, "unauthorized")
    reply = imported(live, [], new_token(live, "reader"))
    assert (reply.status, reply.body["code"]) == (403, "forbidden")
    for role in ("writer", "admin"):
        assert imported(live, [], new_token(live, role)).status == 202


def test_an_import_names_a_project_and_an_environment_that_exist(live: LiveServer) -> None:
    for place in ("unknown/production", "default/unknown", "default%2Fx/production"):
        assert imported(live, [], live.token, place).status == 404
    assert imported(live, b"{", live.token).status == 400
    assert live.request("GET", "/v2/event-data-import/default/production").status == 405


def test_an_import_goes_to_the_environment_that_it_names(live: LiveServer) -> None:
    experiment = new_experiment(live)
    assert live.send([exposure("unit-1", 0, flag=experiment.flag)]).status == 202
    assert imported(live, [bought(experiment, "unit-1")], live.token, "default/test").status == 202
    assert sum(experiment.counted()) == 0
