"""What clients show stays between them and the evaluation, and a fault that passes silences none of them."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from live import LiveServer, exposure
from sdk.clients import UNIT, browser_flag, client_stream, encoded, evalx, mobile, patch_environment, report
from sdk.streams import speak, stream

PRIVATE = "ann.private@shop.example"
NAME = "unit-that-nobody-should-read"
CONTEXT: dict[str, Any] = {
    "kind": "user",
    "key": NAME,
    "email": PRIVATE,
    "_meta": {"privateAttributes": ["email"]},
}
SPOILT: tuple[dict[str, Any], ...] = (
    CONTEXT,
    {**CONTEXT, "kind": PRIVATE},
    {**CONTEXT, "key": [PRIVATE]},
    {"kind": "multi", PRIVATE: CONTEXT},
    {**CONTEXT, "name": [PRIVATE]},
)


def misuse(server: LiveServer) -> Iterator[bytes]:
    """Every way in with something private, good and bad; the answers that are not flags."""
    environment = server.environment_rep()
    mine = environment["_id"]
    by_key = {"Authorization": environment["mobileKey"]}
    for context in SPOILT:
        written = encoded(context)
        replies = [
            evalx(server, context),
            report(server, context),
            mobile(server, f"/msdk/evalx/contexts/{written}"),
            mobile(server, "/msdk/evalx/context", "REPORT", context),
            server.request("GET", f"/sdk/evalx/unknown/contexts/{written}"),
            server.request("DELETE", f"/sdk/evalx/{mine}/contexts/{written}"),
            server.request("GET", f"/sdk/evalx/{mine}/contexts/{written}!"),
            server.request("GET", f"/sdk/poll/eval/{written}?auth={mine}"),
            server.request("POST", "/ofrep/v1/evaluate/flags", {"context": context}, by_key),
            server.request("GET", f"/nowhere/{written}"),
        ]
        yield from (str(reply.body).encode() for reply in replies if reply.status >= 400)
    for path, headers in ((f"/eval/{mine}/{encoded(CONTEXT)}", {}), (f"/meval/{encoded(CONTEXT)}", by_key)):
        with client_stream(server, path, **headers) as opened:
            opened.next()
            yield str(server.request("GET", "/metrics").body).encode()
    large = encoded({**CONTEXT, "attribute": "x" * 100_000})
    yield speak(server, f"GET /sdk/evalx/{mine}/contexts/{large} HTTP/1.1\r\nHost: a\r\n\r\n".encode())


@pytest.mark.parametrize("level", ["info", "debug"])
def test_the_log_and_the_refusals_keep_contexts_to_themselves(
    serve: Callable[..., LiveServer], level: str
) -> None:
    server = serve(ASSAY_LOG_LEVEL=level)
    browser_flag(server, "flag")
    answers = b"".join(misuse(server))
    environment = server.environment_rep()
    secrets = [environment["apiKey"], environment["mobileKey"], server.token, PRIVATE, NAME]
    secrets += [encoded(context)[:40] for context in SPOILT]
    assert server.stop() == 0
    written = server.errors() + "".join(server.greeting[1:])
    assert [secret for secret in secrets if secret in written] == []
    assert "Traceback" not in written
    assert [secret for secret in [PRIVATE, NAME, *secrets[:3]] if secret.encode() in answers] == []


def test_what_a_context_holds_is_not_kept(serve: Callable[..., LiveServer]) -> None:
    server = serve()
    browser_flag(server, "flag")
    for _ in misuse(server):
        pass
    assert server.stop() == 0
    kept = [path for path in server.folder.rglob("*") if path.is_file()]
    assert len(kept) > 2
    assert [path for path in kept if PRIVATE.encode() in path.read_bytes()] == []


def test_a_locked_store_silences_nobody(serve: Callable[..., LiveServer]) -> None:
    server = serve()
    browser_flag(server, "flag")
    environment = server.environment_rep()
    with closing(sqlite3.connect(server.folder / "metadata.sqlite")) as database:
        database.execute("BEGIN EXCLUSIVE")
        assert evalx(server).body["flag"]["value"] == "a"
        assert mobile(server, f"/msdk/evalx/contexts/{encoded(UNIT)}").status == 200
        assert server.request("GET", f"/sdk/goals/{environment['_id']}").status == 200
        assert server.send([exposure("unit", 0, flag="flag")]).status == 202
        with stream(server) as opened:
            assert opened.next()[0] == "put"
        database.rollback()
    patch_environment(server, "production", "/secureMode", True)
    assert evalx(server).status == 400
