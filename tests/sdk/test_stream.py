"""The stream `/all`: everything first, then every change, and nobody waits for anybody."""

import contextlib
import socket
import time
from collections.abc import Callable

from live import LiveServer
from sdk.streams import create_flag, fresh, patch_flag, stream


def test_a_stream_begins_with_everything(live: LiveServer) -> None:
    key = fresh("flag")
    create_flag(live, key)
    with stream(live) as opened:
        headers = opened.response.headers
        assert headers["Content-Type"].startswith("text/event-stream")
        assert headers["Cache-Control"] == "no-cache"
        assert headers["X-Accel-Buffering"] == "no"
        assert headers["X-LD-EnvId"] == live.environment_rep()["_id"]
        assert headers["Date"].endswith("GMT")
        name, message = opened.next()
    assert (name, message["path"], set(message["data"])) == ("put", "/", {"flags", "segments"})
    polled = live.request("GET", "/sdk/latest-all", None, {"Authorization": live.environment_rep()["apiKey"]})
    assert message["data"] == polled.body
    assert message["data"]["flags"][key]["key"] == key


def test_a_change_is_patched_at_once_and_a_deletion_told(live: LiveServer) -> None:
    key = fresh("flag")
    with stream(live) as opened:
        opened.next()
        create_flag(live, key)
        name, made = opened.next()
        assert (name, made["path"], made["data"]["on"]) == ("patch", f"/flags/{key}", False)
        patch_flag(live, key, "/environments/production/on", True)
        name, changed = opened.next()
        assert (name, changed["path"], changed["data"]["on"]) == ("patch", f"/flags/{key}", True)
        assert changed["data"]["version"] > made["data"]["version"]
        assert live.rest("DELETE", f"/flags/default/{key}").status == 204
        name, gone = opened.next()
        assert (name, gone["path"]) == ("delete", f"/flags/{key}")
        assert gone["version"] > changed["data"]["version"]
        create_flag(live, key)
        assert opened.next()[1]["data"]["version"] > gone["version"]


def test_a_heartbeat_is_a_comment_that_ends_no_message(live: LiveServer) -> None:
    with stream(live) as opened:
        opened.next()
        opened.wait_for_comment()
        assert opened.response.readline() == b":\n"


def test_archiving_is_a_deletion_to_sdks(live: LiveServer) -> None:
    key = fresh("flag")
    create_flag(live, key)
    with stream(live) as opened:
        opened.next()
        patch_flag(live, key, "/archived", True)
        assert opened.next()[0] == "delete"
        patch_flag(live, key, "/archived", False)
        name, back = opened.next()
    assert (name, back["data"]["key"]) == ("patch", key)


def test_a_stream_hears_of_its_own_environment_only(live: LiveServer) -> None:
    key = fresh("flag")
    create_flag(live, key)
    test_key = live.environment_rep("test")["apiKey"]
    with stream(live, test_key) as opened:
        opened.next()
        patch_flag(live, key, "/environments/production/on", True)
        patch_flag(live, key, "/environments/test/on", True)
        assert opened.next()[1]["data"]["on"] is True
        assert opened.response.headers["X-LD-EnvId"] == live.environment_rep("test")["_id"]


def test_every_stream_gets_every_change_in_order(live: LiveServer) -> None:
    key = fresh("flag")
    create_flag(live, key)
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(stream(live)) for _ in range(10)]
        for one in opened:
            one.next()
        for number in range(20):
            patch_flag(live, key, "/environments/production/on", number % 2 == 0)
        seen = [[one.next()[1]["data"]["version"] for _ in range(20)] for one in opened]
    assert seen[0] == sorted(set(seen[0]))
    assert all(versions == seen[0] for versions in seen)


def test_an_idle_stream_is_kept_alive_by_comments(live: LiveServer) -> None:
    with stream(live, query="?filter=ignored") as opened:
        opened.next()
        opened.wait_for_comment()
        opened.wait_for_comment()


def test_a_stream_ends_when_its_environment_is_deleted(live: LiveServer) -> None:
    body = {"key": fresh("environment"), "name": "a", "color": "000000"}
    made = live.rest("POST", "/projects/default/environments", body).body
    with stream(live, made["apiKey"]) as opened:
        opened.next()
        assert live.rest("DELETE", f"/projects/default/environments/{made['key']}").status == 204
        assert opened.next() == ("end", None)


def test_streams_are_counted_while_they_are_open(live: LiveServer) -> None:
    until(lambda: streams(live) == 0)
    with stream(live) as opened:
        opened.next()
        assert streams(live) == 1
    until(lambda: streams(live) == 0)


def test_a_slow_reader_is_dropped_and_hurts_nobody(serve: Callable[..., LiveServer]) -> None:
    server = serve(ASSAY_STREAM_BACKLOG="4", ASSAY_HEARTBEAT_S="1")
    create_flag(server, "big")
    key = server.environment_rep()["apiKey"]
    with socket.socket() as slow, stream(server) as quick:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", server.port))
        slow.sendall(f"GET /all HTTP/1.1\r\nHost: a\r\nAuthorization: {key}\r\n\r\n".encode())
        quick.next()
        # Each change carries half a megabyte, so that the buffers between us and the slow one fill.
        rounds = 0
        until(lambda: streams(server) == 2)
        while streams(server) == 2:
            value = [{"value": f"{rounds}" + "x" * 500_000}, {"value": 1}]
            patch_flag(server, "big", "/variations", value)
            name, message = quick.next()
            assert (name, message["data"]["variations"][0][:3]) == ("patch", f"{rounds}xx"[:3])
            rounds += 1
            assert rounds < 100, "the slow reader is never dropped"
        patch_flag(server, "big", "/environments/production/on", True)
        assert quick.next()[1]["data"]["on"] is True
    assert "stream_dropped" in server.errors()
    assert "Traceback" not in server.errors()


def test_streams_end_when_the_server_stops(serve: Callable[..., LiveServer]) -> None:
    server = serve()
    with stream(server) as opened, stream(server) as other:
        opened.next()
        other.next()
        assert server.stop() == 0
        assert opened.next() == ("end", None)
        assert other.next() == ("end", None)
    assert "Traceback" not in server.errors()


def test_a_reader_that_is_stuck_does_not_keep_the_server_from_stopping(
    serve: Callable[..., LiveServer],
) -> None:
    server = serve()
    create_flag(server, "big")
    key = server.environment_rep()["apiKey"]
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(("127.0.0.1", server.port))
        stuck.sendall(f"GET /all HTTP/1.1\r\nHost: a\r\nAuthorization: {key}\r\n\r\n".encode())
        until(lambda: streams(server) == 1)
        for number in range(20):
            value = [{"value": f"{number}" + "x" * 500_000}, {"value": 1}]
            patch_flag(server, "big", "/variations", value)
        assert server.stop() == 0
    assert "Traceback" not in server.errors()


def streams(server: LiveServer) -> float:
    lines = server.request("GET", "/metrics").body.decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("assay_streams "))


def until(holds: Callable[[], bool]) -> None:
    """Waits, not forever, for what happens soon."""
    end = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
