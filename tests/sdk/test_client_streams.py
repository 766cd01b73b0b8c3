"""The streams of browsers and mobile SDKs: everything first, then what changed for their one context."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from live import LiveServer
from sdk.clients import UNIT, browser_flag, change, client_stream, encoded, evalx, mobile
from sdk.streams import Stream, fresh

ON = "/environments/production/on"


@pytest.fixture(params=["browser", "browser's body", "mobile", "mobile's body"])
def opened(request: pytest.FixtureRequest, live: LiveServer) -> Iterator[Stream]:
    """One unit's stream, of every address in turn; its first message is still to be read."""
    environment = live.environment_rep()
    mine, written = environment["_id"], encoded(UNIT)
    by_key = {"Authorization": environment["mobileKey"]}
    path, method, body, headers = {
        "browser": (f"/eval/{mine}/{written}", "GET", None, {}),
        "browser's body": (f"/eval/{mine}", "REPORT", UNIT, {}),
        "mobile": (f"/meval/{written}", "GET", None, by_key),
        "mobile's body": ("/meval", "REPORT", UNIT, by_key),
    }[request.param]
    with client_stream(live, path, method, body, **headers) as stream:
        yield stream


def browser_stream(server: LiveServer, query: str = "") -> Any:
    return client_stream(server, f"/eval/{server.environment_rep()['_id']}/{encoded(UNIT)}{query}")


def test_a_stream_begins_with_what_a_poll_would_get(
    live: LiveServer, opened: Stream, request: pytest.FixtureRequest
) -> None:
    name, everything = opened.next()
    of_mobile = "mobile" in request.node.callspec.params["opened"]
    polled = mobile(live, f"/msdk/evalx/contexts/{encoded(UNIT)}") if of_mobile else evalx(live)
    assert (name, everything) == ("put", polled.body)
    headers = opened.response.headers
    assert headers["Content-Type"].startswith("text/event-stream")
    assert headers["X-Accel-Buffering"] == "no"
    assert headers["X-LD-EnvId"] == live.environment_rep()["_id"]


def test_a_change_is_patched_with_its_key_and_a_deletion_told(live: LiveServer, opened: Stream) -> None:
    key = fresh("flag")
    opened.next()
    assert live.rest("POST", "/flags/default", flag_for_both(key)).status == 201
    name, made = opened.next()
    assert (name, made["key"], made["value"]) == ("patch", key, "b")
    change(live, key, ("replace", ON, True))
    name, changed = opened.next()
    assert (name, changed["value"], changed["variation"]) == ("patch", "a", 0)
    assert changed["version"] > made["version"]
    assert changed == {"key": key, **evalx(live).body[key]}
    assert live.rest("DELETE", f"/flags/default/{key}").status == 204
    name, gone = opened.next()
    assert (name, gone["key"]) == ("delete", key)
    assert gone["version"] > changed["version"]


def flag_for_both(key: str) -> dict[str, Any]:
    seen = {"usingEnvironmentId": True, "usingMobileKey": True}
    return {
        "key": key,
        "name": key,
        "clientSideAvailability": seen,
        "variations": [{"value": "a"}, {"value": "b"}],
    }


def test_archiving_and_hiding_are_deletions_and_both_can_be_undone(live: LiveServer) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    hidden = "/clientSideAvailability/usingEnvironmentId"
    with browser_stream(live) as opened:
        opened.next()
        for path, gone, back in (("/archived", True, False), (hidden, False, True)):
            change(live, key, ("replace", path, gone))
            name, message = opened.next()
            assert (name, message["key"]) == ("delete", key)
            change(live, key, ("replace", path, back))
            name, restored = opened.next()
            assert (name, restored["key"], restored["value"]) == ("patch", key, "a")
            assert restored["version"] > message["version"]


def test_whoever_asks_for_a_flag_is_patched_with_it_even_at_a_distance(live: LiveServer) -> None:
    top, middle, bottom, other = (fresh("flag") for _ in range(4))
    for key in (top, middle, bottom, other):
        browser_flag(live, key)
    wanted = "/environments/production/prerequisites"
    change(live, middle, ("replace", wanted, [{"key": top, "variation": 0}]))
    change(live, bottom, ("replace", wanted, [{"key": middle, "variation": 0}]))
    with browser_stream(live) as opened:
        opened.next()
        change(live, top, ("replace", ON, False))
        told = {message["key"]: message["value"] for message in (opened.next()[1] for _ in range(3))}
        change(live, other, ("replace", ON, False))
        assert opened.next()[1]["key"] == other
    assert told == {top: "b", middle: "b", bottom: "b"}


def test_a_stream_evaluates_for_its_own_context_and_with_reasons_where_asked(live: LiveServer) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    targets = [{"contextKind": "user", "variation": 1, "values": ["unit-1"]}]
    environment = live.environment_rep()["_id"]
    someone = encoded({"kind": "user", "key": "someone"})
    with (
        browser_stream(live, "?withReasons=true") as mine,
        client_stream(live, f"/eval/{environment}/{someone}") as theirs,
    ):
        assert mine.next()[1][key]["reason"] == {"kind": "FALLTHROUGH"}
        assert "reason" not in theirs.next()[1][key]
        change(live, key, ("replace", "/environments/production/targets", targets))
        patched, other = mine.next()[1], theirs.next()[1]
    assert (patched["value"], patched["reason"]) == ("b", {"kind": "TARGET_MATCH"})
    assert (other["value"], "reason" in other) == ("a", False)


def test_a_running_experiment_is_told_to_open_streams(live: LiveServer) -> None:
    flag, metric = fresh("flag"), fresh("metric")
    live.create_experiment(flag, metric)
    change(live, flag, ("replace", "/clientSideAvailability/usingEnvironmentId", True))
    with browser_stream(live) as opened:
        assert opened.next()[1][flag]["trackReason"] is True
        change(live, flag, ("remove", "/experiments/items/0", None))
        stopped = opened.next()[1]
    assert stopped["key"] == flag
    assert not {"trackEvents", "trackReason", "reason"} & stopped.keys()


@pytest.mark.parametrize("protocol", ["first", "second"])
def test_a_hidden_flag_is_not_betrayed_by_its_changes(live: LiveServer, protocol: str) -> None:
    hidden, shown = fresh("flag"), fresh("flag")
    browser_flag(live, hidden, clientSideAvailability={"usingEnvironmentId": False, "usingMobileKey": True})
    browser_flag(live, shown)
    environment = live.environment_rep()["_id"]
    first, second = (
        f"/eval/{environment}/{encoded(UNIT)}",
        f"/sdk/stream/eval/{encoded(UNIT)}?auth={environment}",
    )
    with client_stream(live, first if protocol == "first" else second) as opened:
        while opened.next()[0] not in ("put", "payload-transferred"):
            pass
        change(live, hidden, ("replace", ON, False))
        assert live.rest("DELETE", f"/flags/default/{hidden}").status == 204
        change(live, shown, ("replace", ON, False))
        name, message = opened.next()
    assert (name, message["key"]) == ("patch" if protocol == "first" else "put-object", shown)


@pytest.mark.parametrize("side", ["browser", "mobile"])
def test_a_ping_comes_at_once_and_with_each_change(live: LiveServer, side: str) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    environment = live.environment_rep()
    path = "/mping" if side == "mobile" else f"/ping/{environment['_id']}"
    headers = {"Authorization": environment["mobileKey"]} if side == "mobile" else {}
    with client_stream(live, path, **headers) as opened:
        for on in (False, True):
            assert opened.response.readline() == b"event: ping\n"
            data = opened.response.readline()
            assert data.startswith(b"data:")
            assert len(data.removeprefix(b"data:").removeprefix(b" ").rstrip(b"\n")) > 0
            assert opened.response.readline() == b"\n"
            change(live, key, ("replace", ON, on))


def test_idle_streams_are_kept_alive(live: LiveServer, opened: Stream) -> None:
    opened.next()
    opened.wait_for_comment()


@pytest.mark.parametrize("side", ["browser", "mobile", "server", "ping"])
def test_a_revoked_credential_ends_its_streams(live: LiveServer, side: str) -> None:
    body = {"key": fresh("environment"), "name": "a", "color": "000000"}
    made = live.rest("POST", "/projects/default/environments", body).body
    path, shown = {
        "browser": (f"/eval/{made['_id']}/{encoded(UNIT)}", ""),
        "mobile": (f"/meval/{encoded(UNIT)}", made["mobileKey"]),
        "server": ("/sdk/stream", made["apiKey"]),
        "ping": (f"/ping/{made['_id']}", ""),
    }[side]
    with client_stream(live, path, **({"Authorization": shown} if shown else {})) as opened:
        assert opened.response.readline()
        assert live.rest("DELETE", f"/projects/default/environments/{body['key']}").status == 204
        while opened.response.readline():
            pass


def test_a_stop_ends_client_streams(serve: Callable[..., LiveServer]) -> None:
    server = serve()
    with browser_stream(server) as opened:
        opened.next()
        assert server.stop() == 0
        assert opened.next() == ("end", None)
