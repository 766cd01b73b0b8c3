"""Bodies of payloads: compressed, chunked, broken, empty, too large; nothing but nonsense is a 400, nothing a 413."""

import gzip
import json
import socket
import zlib
from collections.abc import Callable

import pytest

from live import LiveServer, exposure
from sdk.payloads import counter, new_experiment, new_id, post
from sdk.streams import speak


def test_a_compressed_body_is_inflated(live: LiveServer) -> None:
    experiment = new_experiment(live)
    events = json.dumps([exposure("u", 1, flag=experiment.flag)]).encode()
    half = len(events) // 2
    for body in (gzip.compress(events), gzip.compress(events[:half]) + gzip.compress(events[half:])):
        assert post(live, body, Content_Encoding="gzip").status == 202
    assert post(live, gzip.compress(events), Content_Encoding="GZIP ").status == 202
    assert post(live, events, Content_Encoding="identity").status == 202
    assert experiment.exposed() == [0, 1]


def test_a_chunked_body_needs_no_length(live: LiveServer) -> None:
    experiment = new_experiment(live)
    for compress in (False, True):
        events = json.dumps([exposure(f"u{compress}", 0, flag=experiment.flag)]).encode()
        body = gzip.compress(events) if compress else events
        pieces = [body[start : start + 7] for start in range(0, len(body), 7)]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        head = f"POST /bulk HTTP/1.1\r\nHost: a\r\nAuthorization: {live.environment_rep()['apiKey']}\r\n"
        head += "Connection: close\r\n" + ("Content-Encoding: gzip\r\n" if compress else "")
        request = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks + b"0\r\n\r\n"
        assert speak(live, request).startswith(b"HTTP/1.1 202")
    assert experiment.exposed() == [2, 0]


GOOD = gzip.compress(b"[]", mtime=0)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"no gzip at all", "gzip"),
        (b"[]", "gzip"),
        (b"", "gzip"),
        (GOOD[:-4], "gzip"),
        (GOOD[:5], "gzip"),
        (GOOD + b"trailing", "gzip"),
        (GOOD[:-8] + b"\0" * 8, "gzip"),
        (zlib.compress(b"[]"), "gzip"),
        (gzip.compress(GOOD, mtime=0), "gzip"),
        (gzip.compress(b"", mtime=0) * 10_000 + GOOD, "gzip"),
        (zlib.compress(b"[]"), "deflate"),
        (GOOD, "br"),
        (GOOD, ""),
        (b"", ""),
        (b"   ", ""),
        (b"nonsense", ""),
        (b"[", ""),
        (b'[{"kind": "custom"', ""),
        (b"[1,]", ""),
        (b'"text"', ""),
        (b"5", ""),
        (b"null", ""),
        (b"true", ""),
        (b"\xff\xfe[]", ""),
        (b"[" * 200_000, ""),
    ],
)
def test_what_cannot_be_read_is_refused(live: LiveServer, body: bytes, encoding: str) -> None:
    reply = post(live, body, **({"Content_Encoding": encoding} if encoding else {}))
    assert (reply.status, reply.body["code"]) == (400, "invalid_request")
    assert set(reply.body) == {"code", "message", "id"}


def test_an_empty_array_is_welcome(live: LiveServer) -> None:
    reply = post(live, [], X_LaunchDarkly_Payload_ID=new_id())
    assert (reply.status, reply.body) == (202, None)
    assert reply.headers["date"].endswith("GMT")


@pytest.mark.parametrize("kind", ["diagnostic", "diagnostic-init", "diagnostic-combined"])
def test_a_diagnostic_that_strayed_to_the_events_is_taken_and_dropped(live: LiveServer, kind: str) -> None:
    """js-core repeats a failed diagnostic there, as one object."""
    before = counter(live, "assay_diagnostics_total")
    assert post(live, {"kind": kind, "id": {"diagnosticId": "d"}, "creationDate": 1}).status == 202
    assert post(live, [{"kind": kind}]).status == 202
    assert counter(live, "assay_diagnostics_total") == before + 2


def test_one_event_may_come_without_its_array(live: LiveServer) -> None:
    experiment = new_experiment(live)
    assert post(live, exposure("u", 0, flag=experiment.flag)).status == 202
    assert experiment.exposed() == [1, 0]


@pytest.mark.parametrize(
    "body", [{"kind": "diagnostic"}, [], b"", b"nonsense", b"\xff", GOOD, b"[" * 100_000]
)
def test_a_diagnostic_is_taken_whatever_it_is(live: LiveServer, body: object) -> None:
    assert post(live, body, "/diagnostic").status == 202
    assert post(live, body, "/diagnostic", Content_Encoding="gzip").status == 202


def test_a_payload_beyond_the_limit_is_a_503_and_never_a_413(serve: Callable[..., LiveServer]) -> None:
    server = serve(ASSAY_MAX_PAYLOAD_BYTES="20000")
    experiment = new_experiment(server)
    small = [exposure(f"u{number}", 0, flag=experiment.flag) for number in range(20)]
    large = json.dumps(small * 10).encode()
    bomb = gzip.compress(b"[" + b" " * 10_000_000 + b"]")
    members = gzip.compress(b" " * 1000) * 50
    assert len(bomb) < 20_000
    for body, encoding in ((large, ""), (bomb, "gzip"), (members, "gzip"), (gzip.compress(large), "gzip")):
        reply = post(server, body, **({"Content_Encoding": encoding} if encoding else {}))
        assert (reply.status, reply.body["code"]) == (503, "service_unavailable")
    assert post(server, large, "/diagnostic").status == 503
    assert experiment.exposed() == [0, 0]
    assert post(server, small).status == 202
    assert experiment.exposed() == [20, 0]
    assert counter(server, "assay_payloads_total", status="503") == 4


def test_a_large_payload_is_taken_whole(live: LiveServer) -> None:
    experiment = new_experiment(live)
    filler = {"text": "x" * 800}
    events = [exposure(f"u{number}", number % 2, flag=experiment.flag, data=filler) for number in range(5000)]
    assert post(live, gzip.compress(json.dumps(events).encode()), Content_Encoding="gzip").status == 202
    assert experiment.exposed() == [2500, 2500]


def test_a_client_that_leaves_in_mid_body_costs_nothing(live: LiveServer) -> None:
    experiment = new_experiment(live)
    events = json.dumps([exposure("u", 0, flag=experiment.flag)]).encode()
    before = live.errors()
    head = f"POST /bulk HTTP/1.1\r\nHost: a\r\nAuthorization: {live.environment_rep()['apiKey']}\r\n"
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", live.port)) as connection:
            connection.sendall(f"{head}Content-Length: {len(events) + 1}\r\n\r\n".encode() + events)
    assert post(live, [exposure("whole", 1, flag=experiment.flag)]).status == 202
    assert experiment.exposed() == [0, 1]
    assert live.errors() == before


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET /" + b"a" * 200_000,
        b"POST /bulk HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"\0" * 100,
    ],
)
def test_what_is_no_http_harms_nobody(live: LiveServer, request_bytes: bytes) -> None:
    try:
        answer = speak(live, request_bytes, whole=False)
    except ConnectionError:
        answer = b""
    assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
    assert live.request("GET", "/healthz").status == 200
