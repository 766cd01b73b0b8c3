"""The second delivery protocol, for servers and clients: polls by basis, then pushes."""

from typing import Any

import pytest

from live import LiveServer, Reply
from sdk.clients import UNIT, browser_flag, change, client_stream, encoded, evalx, mobile
from sdk.streams import Stream, fresh

ON = "/environments/production/on"


def server_poll(server: LiveServer, query: str = "") -> Reply:
    headers = {"Authorization": server.environment_rep()["apiKey"]}
    return server.request("GET", f"/sdk/poll{query}", None, headers)


def client_poll(server: LiveServer, query: str = "") -> Reply:
    environment = server.environment_rep()["_id"]
    return server.request("GET", f"/sdk/poll/eval/{encoded(UNIT)}?auth={environment}{query}")


def events(reply: Reply) -> list[tuple[str, Any]]:
    assert reply.status == 200, reply.body
    return [(event["event"], event["data"]) for event in reply.body["events"]]


def intent(found: list[tuple[str, Any]]) -> dict[str, Any]:
    name, data = found[0]
    assert name == "server-intent"
    (payload,) = data["payloads"]
    assert payload.keys() == {"id", "target", "intentCode", "reason"}
    assert type(payload["target"]) is int
    return dict(payload)


def state(found: list[tuple[str, Any]]) -> str:
    name, data = found[-1]
    assert name == "payload-transferred"
    assert data.keys() == {"state", "version", "id"}
    return str(data["state"])


def objects(found: list[tuple[str, Any]]) -> dict[str, Any]:
    return {data["key"]: data for name, data in found if name == "put-object"}


def up_to_transfer(opened: Stream) -> list[tuple[str, Any]]:
    """The messages of one change set."""
    messages = [opened.next()]
    while messages[-1][0] != "payload-transferred":
        assert messages[-1][0] != "end"
        messages.append(opened.next())
    return messages


def test_a_server_without_a_basis_gets_every_flag(live: LiveServer) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    found = events(server_poll(live))
    assert intent(found)["intentCode"] == "xfer-full"
    everything = live.request(
        "GET", "/sdk/latest-all", None, {"Authorization": live.environment_rep()["apiKey"]}
    ).body
    assert {name: data["object"] for name, data in objects(found).items()} == everything["flags"]
    one = objects(found)[key]
    assert (one["kind"], one["version"]) == ("flag", one["object"]["version"])
    assert all(name in ("server-intent", "put-object", "payload-transferred") for name, _ in found)


@pytest.mark.parametrize("poll", [server_poll, client_poll])
def test_the_current_basis_gets_nothing_and_any_other_everything(live: LiveServer, poll: Any) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    first = state(events(poll(live)))
    assert first.isascii()
    assert first.replace(".", "").replace("-", "").isalnum(), "Node does not escape it"
    join = "&" if poll is client_poll else "?"
    nothing = events(poll(live, f"{join}basis={first}&filter=x"))
    assert (intent(nothing)["intentCode"], len(nothing)) == ("none", 1)
    change(live, key, ("replace", ON, False))
    for basis in (first, "(p:p1:5)", "", "%28p%3A1%29"):
        found = events(poll(live, f"{join}basis={basis}"))
        assert intent(found)["intentCode"] == "xfer-full"
        assert key in objects(found)
        assert state(found) != first


def test_a_client_gets_results_whose_version_stands_outside(live: LiveServer) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    one = objects(events(client_poll(live)))[key]
    expected = evalx(live).body[key]
    version = expected.pop("version")
    assert one == {"kind": "flag-eval", "key": key, "version": version, "object": expected}
    explained = objects(events(client_poll(live, "&withReasons=true")))[key]["object"]
    assert explained["reason"] == {"kind": "FALLTHROUGH"}


def test_the_context_may_be_posted(live: LiveServer) -> None:
    environment = live.environment_rep()
    path = f"/sdk/poll/eval?auth={environment['_id']}"
    assert live.request("POST", path, UNIT).body == client_poll(live).body
    assert mobile(live, "/sdk/poll/eval", "POST", UNIT).status == 200
    with client_stream(live, f"/sdk/stream/eval?auth={environment['_id']}", "POST", UNIT) as opened:
        assert up_to_transfer(opened) == events(client_poll(live))
    by_key = {"Authorization": environment["mobileKey"]}
    with client_stream(live, "/sdk/stream/eval", "POST", UNIT, **by_key) as opened:
        assert intent(up_to_transfer(opened))["intentCode"] == "xfer-full"


@pytest.mark.parametrize("side", ["server", "browser", "mobile"])
def test_a_stream_transfers_everything_then_pushes_without_a_new_intent(live: LiveServer, side: str) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    environment = live.environment_rep()
    path, headers = {
        "server": ("/sdk/stream?filter=x", {"Authorization": environment["apiKey"]}),
        "browser": (f"/sdk/stream/eval/{encoded(UNIT)}?auth={environment['_id']}", {}),
        "mobile": (f"/sdk/stream/eval/{encoded(UNIT)}", {"Authorization": environment["mobileKey"]}),
    }[side]
    kind = "flag" if side == "server" else "flag-eval"
    with client_stream(live, path, **headers) as opened:
        begun = up_to_transfer(opened)
        assert intent(begun)["intentCode"] == "xfer-full"
        before = objects(begun)[key]["version"]
        change(live, key, ("replace", ON, False))
        (name, put), (end, transferred) = up_to_transfer(opened)
        assert (name, put["kind"], put["key"], end) == ("put-object", kind, key, "payload-transferred")
        assert put["version"] > before
        assert live.rest("DELETE", f"/flags/default/{key}").status == 204
        (name, gone), (_, last) = up_to_transfer(opened)
    assert (name, gone.keys()) == ("delete-object", {"kind", "key", "version"})
    assert (gone["kind"], gone["key"]) == (kind, key)
    assert gone["version"] > put["version"]
    assert last["version"] > transferred["version"]


@pytest.mark.parametrize("side", ["server", "browser"])
def test_a_stream_goes_on_from_where_a_poll_or_a_push_ended(live: LiveServer, side: str) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    environment = live.environment_rep()
    path = (
        f"/sdk/stream/eval/{encoded(UNIT)}?auth={environment['_id']}&"
        if side == "browser"
        else "/sdk/stream?"
    )
    headers = {} if side == "browser" else {"Authorization": environment["apiKey"]}
    polled = state(events(client_poll(live) if side == "browser" else server_poll(live)))
    with client_stream(live, f"{path}basis={polled}", **headers) as opened:
        assert intent([opened.next()])["intentCode"] == "none"
        change(live, key, ("replace", ON, False))
        pushed = state(up_to_transfer(opened))
    with client_stream(live, f"{path}basis={pushed}", **headers) as opened:
        assert intent([opened.next()])["intentCode"] == "none"
    with client_stream(live, f"{path}basis={polled}", **headers) as opened:
        assert intent(up_to_transfer(opened))["intentCode"] == "xfer-full"


def test_dependents_of_a_prerequisite_come_in_the_same_change_set(live: LiveServer) -> None:
    top, bottom = fresh("flag"), fresh("flag")
    browser_flag(live, top)
    browser_flag(live, bottom)
    wanted = [{"key": top, "variation": 0}]
    change(live, bottom, ("replace", "/environments/production/prerequisites", wanted))
    environment = live.environment_rep()["_id"]
    with client_stream(live, f"/sdk/stream/eval/{encoded(UNIT)}?auth={environment}") as opened:
        up_to_transfer(opened)
        change(live, top, ("replace", ON, False))
        found = objects(up_to_transfer(opened))
    assert {key: data["object"]["value"] for key, data in found.items()} == {top: "b", bottom: "b"}


@pytest.mark.parametrize("path", ["/sdk/poll", "/sdk/stream"])
def test_only_sdk_keys_open_the_servers_side(live: LiveServer, path: str) -> None:
    environment = live.environment_rep()
    for wrong in ("", "sdk-0", environment["mobileKey"], environment["_id"]):
        assert live.request("GET", path, None, {"Authorization": wrong}).status == 401
