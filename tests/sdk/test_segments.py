"""Segments on their way to SDKs: streams, polls, both protocols, and results that they change."""

from typing import Any

import pytest

from live import LiveServer, Reply
from sdk.clients import UNIT, browser_flag, change, client_stream, encoded, evalx
from sdk.streams import Stream, fresh, stream

HERE = "/segments/default/production"


def server_side(live: LiveServer, path: str, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return live.request("GET", path, None, {"Authorization": live.environment_rep()["apiKey"], **named})


def new_segment(live: LiveServer, **fields: Any) -> str:
    key = fresh("segment")
    reply = live.rest("POST", HERE, {"key": key, "name": key, **fields})
    assert reply.status == 201, reply.body
    return key


def include(live: LiveServer, segment: str, *keys: str) -> int:
    """Makes these its members; the segment's new version."""
    patch = [{"op": "replace", "path": "/included", "value": list(keys)}]
    reply = live.rest("PATCH", f"{HERE}/{segment}", patch)
    assert reply.status == 200, reply.body
    version: int = reply.body["version"]
    return version


def flag_for(live: LiveServer, segment: str) -> str:
    """A flag that browsers see: "a" for members, else "b"."""
    key = fresh("flag")
    browser_flag(live, key)
    rule = {"clauses": [{"attribute": "", "op": "segmentMatch", "values": [segment]}], "variation": 0}
    change(
        live,
        key,
        ("add", "/environments/production/rules/-", rule),
        ("replace", "/environments/production/fallthrough", {"variation": 1}),
    )
    return key


def wait_for(opened: Stream, *wanted: str) -> tuple[str, Any]:
    """The next message that is about the path or key."""
    while True:
        name, data = opened.next()
        assert name != "end"
        if data.get("path", data.get("key")) in wanted:
            return name, data


def test_the_stream_says_what_a_segment_has_become(live: LiveServer) -> None:
    with stream(live) as opened:
        assert opened.next()[0] == "put"
        key = new_segment(live, included=["unit-1"])
        name, data = wait_for(opened, f"/segments/{key}")
        assert (name, data["data"]["included"]) == ("patch", ["unit-1"])
        version = include(live, key)
        name, data = wait_for(opened, f"/segments/{key}")
        assert (name, data["data"]["version"], data["data"]["included"]) == ("patch", version, [])
        assert live.rest("DELETE", f"{HERE}/{key}").status == 204
        name, data = wait_for(opened, f"/segments/{key}")
        assert (name, data["version"] > version) == ("delete", True)


def test_a_new_stream_and_a_poll_begin_with_every_segment(live: LiveServer) -> None:
    key = new_segment(live, rules=[{"clauses": [{"attribute": "a", "op": "in", "values": [1]}]}])
    with stream(live) as opened:
        found = opened.next()[1]["data"]["segments"][key]
    polled = server_side(live, "/sdk/latest-all")
    assert polled.body["segments"][key] == found
    assert found["rules"][0]["clauses"] == [{"attribute": "a", "op": "in", "values": [1], "negate": False}]
    include(live, key, "b")
    assert server_side(live, "/sdk/latest-all", If_None_Match=polled.headers["etag"]).status == 200


def test_php_asks_for_one_segment(live: LiveServer) -> None:
    key = new_segment(live, included=["a"])
    first = server_side(live, f"/sdk/segments/{key}")
    assert (first.status, first.body["included"]) == (200, ["a"])
    again = {"If_None_Match": first.headers["etag"]}
    assert server_side(live, f"/sdk/segments/{key}", **again).status == 304
    include(live, key, "b")
    assert server_side(live, f"/sdk/segments/{key}", **again).body["included"] == ["b"]
    assert server_side(live, "/sdk/segments/unknown").status == 404


def test_a_stream_of_flags_alone_hears_nothing_of_segments(live: LiveServer) -> None:
    headers = {"Authorization": live.environment_rep()["apiKey"]}
    with client_stream(live, "/flags", **headers) as opened:
        assert opened.next()[0] == "put"
        key = new_segment(live)
        flag = flag_for(live, key)
        paths = [wait_for(opened, f"/{flag}", f"/segments/{key}", f"/{key}")[1]["path"]]
        assert paths == [f"/{flag}"]


def test_the_second_protocol_carries_segments(live: LiveServer) -> None:
    headers = {"Authorization": live.environment_rep()["apiKey"]}
    key = new_segment(live, included=["a"])
    with client_stream(live, "/sdk/stream", **headers) as opened:
        name, data = wait_for(opened, key)
        assert (name, data["kind"], data["object"]["included"]) == ("put-object", "segment", ["a"])
        version = include(live, key, "b")
        name, data = wait_for(opened, key)
        assert (name, data["kind"], data["version"]) == ("put-object", "segment", version)
        assert opened.next()[0] == "payload-transferred"
        assert live.rest("DELETE", f"{HERE}/{key}").status == 204
        name, data = wait_for(opened, key)
        assert (name, data["kind"]) == ("delete-object", "segment")


def test_a_browsers_poll_follows_a_segment(live: LiveServer) -> None:
    segment = new_segment(live)
    flag = flag_for(live, segment)
    before = evalx(live).body[flag]
    version = include(live, segment, "unit-1")
    after = evalx(live).body[flag]
    assert (before["value"], after["value"]) == ("b", "a")
    assert after["version"] == version > before["version"]
    assert after["flagVersion"] == before["flagVersion"]


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_browsers_stream_follows_a_segment_however_deep_it_lies(live: LiveServer, depth: int) -> None:
    lowest = segment = new_segment(live)
    for _ in range(depth):
        asking = {"attribute": "", "op": "segmentMatch", "values": [segment]}
        segment = new_segment(live, rules=[{"clauses": [asking]}])
    flag = flag_for(live, segment)
    with client_stream(live, f"/eval/{live.environment_rep()['_id']}/{encoded(UNIT)}") as opened:
        assert opened.next()[1][flag]["value"] == "b"
        version = include(live, lowest, "unit-1")
        name, data = wait_for(opened, flag)
        assert (name, data["value"], data["version"]) == ("patch", "a", version)
        include(live, lowest)
        assert wait_for(opened, flag)[1]["value"] == "b"


def test_a_flag_whose_prerequisite_asks_for_the_segment_is_evaluated_anew(live: LiveServer) -> None:
    segment = new_segment(live)
    below = flag_for(live, segment)
    above = fresh("flag")
    browser_flag(live, above)
    change(live, above, ("add", "/environments/production/prerequisites/-", {"key": below, "variation": 0}))
    with client_stream(live, f"/eval/{live.environment_rep()['_id']}/{encoded(UNIT)}") as opened:
        assert opened.next()[1][above]["value"] == "b"
        include(live, segment, "unit-1")
        assert wait_for(opened, above)[1]["value"] == "a"


def test_a_browsers_second_protocol_follows_a_segment(live: LiveServer) -> None:
    segment = new_segment(live)
    flag = flag_for(live, segment)
    auth = live.environment_rep()["_id"]
    with client_stream(live, f"/sdk/stream/eval/{encoded(UNIT)}?auth={auth}") as opened:
        assert wait_for(opened, flag)[1]["object"]["value"] == "b"
        include(live, segment, "unit-1")
        assert wait_for(opened, flag)[1]["object"]["value"] == "a"


def test_a_segment_that_no_flag_asks_for_says_nothing_to_browsers(live: LiveServer) -> None:
    lonely, asked = new_segment(live), new_segment(live)
    flag = flag_for(live, asked)
    with client_stream(live, f"/eval/{live.environment_rep()['_id']}/{encoded(UNIT)}") as opened:
        assert opened.next()[0] == "put"
        include(live, lonely, "unit-1")
        include(live, asked, "unit-1")
        name, data = opened.next()
        assert (name, data["key"]) == ("patch", flag)
