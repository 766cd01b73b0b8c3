"""Webhooks: who is told of which change, what the message holds, and that nobody waits for it."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from api.replies import assert_refused, fresh
from assay.api.deliveries import signature
from live import LiveServer


@dataclass
class Mailbox:
    """An HTTP server that keeps what it is sent, and answers with `status`."""

    status: int = 200
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    url: str = ""

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first message that is wanted."""
        with self.changed:
            assert self.changed.wait_for(lambda: any(wanted(body) for body in self.bodies()), 20), (
                self.bodies()
            )
        return next(body for body in self.bodies() if wanted(body))

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with box.changed:
                box.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                box.changed.notify_all()
            self.send_response(box.status)
            self.send_header("Location", f"{box.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    box.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield box
    server.shutdown()
    thread.join()
    server.server_close()


def subscribed(api: LiveServer, mailbox: Mailbox, **more: Any) -> dict[str, Any]:
    body = {"url": f"{mailbox.url}/hook?a=1", "sign": True, "on": True, **more}
    reply = api.rest("POST", "/webhooks", body)
    assert reply.status == 200, reply.body
    made: dict[str, Any] = reply.body
    return made


def new_flag(api: LiveServer, prefix: str = "hooked") -> str:
    key = fresh(prefix)
    assert api.rest("POST", "/flags/default", {"key": key, "name": f"name of {key}"}).status == 201
    return key


def test_a_change_is_posted_and_signed(server: LiveServer, mailbox: Mailbox) -> None:
    made = subscribed(server, mailbox)
    key = new_flag(server)
    patch = {"patch": [{"op": "replace", "path": "/environments/test/on", "value": True}], "comment": "go"}
    assert server.rest("PATCH", f"/flags/default/{key}", patch).status == 200
    message = mailbox.wait_for(lambda body: body["titleVerb"] == "updateFlag")
    assert message["comment"] == "go"
    assert message["name"] == f"name of {key}"
    assert message["kind"] == "flag"
    assert message["accesses"] == [{"action": "updateFlag", "resource": f"proj/default:env/test:flag/{key}"}]
    assert message["previousVersion"]["environments"]["test"]["on"] is False
    assert message["currentVersion"]["environments"]["test"]["on"] is True
    for headers, body in mailbox.got:
        assert headers["x-ld-signature"] == signature(made["secret"], body)
        assert headers["content-type"] == "application/json"


def test_statements_choose_what_is_posted(server: LiveServer, mailbox: Mailbox) -> None:
    statements = [
        {"effect": "allow", "resources": ["proj/*:env/production:flag/*"], "actions": ["*"]},
        {"effect": "deny", "resources": ["proj/*:env/*:flag/secret-*"], "actions": ["*"]},
    ]
    subscribed(server, mailbox, statements=statements)
    keys = [new_flag(server, prefix) for prefix in ("shown", "secret")]
    for environment in ("test", "production"):
        for key in keys:
            patch = [{"op": "replace", "path": f"/environments/{environment}/on", "value": True}]
            server.rest("PATCH", f"/flags/default/{key}", patch)
    server.rest("POST", "/metrics/default", {"key": "m", "kind": "custom", "eventKey": "m"})
    last = new_flag(server, "last")
    mailbox.wait_for(lambda body: body["name"] == f"name of {last}")
    told = {(body["titleVerb"], body["name"]) for body in mailbox.bodies()}
    assert told == {
        ("createFlag", f"name of {keys[0]}"),
        ("updateFlag", f"name of {keys[0]}"),
        ("createFlag", f"name of {last}"),
    }
    updates = [body["accesses"] for body in mailbox.bodies() if body["titleVerb"] == "updateFlag"]
    assert updates == [[{"action": "updateFlag", "resource": f"proj/default:env/production:flag/{keys[0]}"}]]


def test_a_webhook_that_is_off_hears_nothing(server: LiveServer, mailbox: Mailbox) -> None:
    made = subscribed(server, mailbox, on=False)
    new_flag(server)
    patch = [{"op": "replace", "path": "/on", "value": True}]
    assert server.rest("PATCH", f"/webhooks/{made['_id']}", patch).body["on"] is True
    key = new_flag(server)
    mailbox.wait_for(lambda body: body["name"] == f"name of {key}")
    assert [body["titleVerb"] for body in mailbox.bodies()].count("createFlag") == 1


def test_no_message_holds_a_secret(server: LiveServer, mailbox: Mailbox) -> None:
    made = subscribed(server, mailbox)
    token = server.rest("POST", "/tokens", {"name": "hooked", "role": "reader"}).body["token"]
    body = {"key": "new", "name": "new", "color": "ffffff"}
    environment = server.rest("POST", "/projects/default/environments", body).body
    server.rest("PATCH", f"/webhooks/{made['_id']}", [{"op": "replace", "path": "/name", "value": "x"}])
    key = new_flag(server)
    mailbox.wait_for(lambda body: body["name"] == f"name of {key}")
    sent = b"".join(body for _, body in mailbox.got).decode()
    for secret in (token, made["secret"], environment["apiKey"], environment["mobileKey"]):
        assert secret not in sent


def test_a_redirect_is_not_followed(server: LiveServer, mailbox: Mailbox) -> None:
    mailbox.status = 307
    subscribed(server, mailbox)
    new_flag(server)
    mailbox.wait_for(lambda body: body["titleVerb"] == "createFlag")
    with mailbox.changed:
        assert mailbox.changed.wait_for(lambda: len(mailbox.got) >= 2, 20), "it is tried again"
    assert "elsewhere" not in str(mailbox.got)


def test_a_receiver_that_is_gone_holds_nobody_up_and_is_counted(server: LiveServer) -> None:
    body = {"url": "http://127.0.0.1:9/hook", "sign": False, "on": True}
    made = server.rest("POST", "/webhooks", body).body
    assert "secret" not in made
    for _ in range(5):
        new_flag(server)
    for _ in range(200):
        shown = server.request("GET", "/metrics").body.decode()
        if 'assay_webhook_deliveries_total{outcome="failed"}' in shown:
            break
        threading.Event().wait(0.05)
    assert 'assay_webhook_deliveries_total{outcome="failed"}' in shown
    assert server.stop() == 0, "and the end isn't held up by what still waits"
    assert made["_id"] in server.errors()
    assert "127.0.0.1:9" not in server.errors()


def test_a_webhook_is_made_read_changed_and_deleted(api: LiveServer) -> None:
    body = {
        "url": "https://receiver.example:8443/hook",
        "sign": True,
        "on": False,
        "secret": "mine",
        "name": "n",
        "tags": ["t"],
        "statements": [{"effect": "allow", "resources": ["proj/*"], "actions": ["*"]}],
    }
    made = api.rest("POST", "/webhooks", body).body
    assert {name: made[name] for name in body if name != "sign"} == {
        name: value for name, value in body.items() if name != "sign"
    }
    place = f"/webhooks/{made['_id']}"
    assert api.rest("GET", place).body == made
    assert made in api.rest("GET", "/webhooks").body["items"]
    changes = [
        {"op": "replace", "path": "/url", "value": "http://10.0.0.1/"},
        {"op": "remove", "path": "/secret"},
        {"op": "add", "path": "/tags/-", "value": "u"},
        {"op": "remove", "path": "/statements/0"},
    ]
    edited = api.rest("PATCH", place, changes).body
    assert (edited["url"], edited["tags"]) == ("http://10.0.0.1/", ["t", "u"])
    assert "secret" not in edited
    assert "statements" not in edited
    assert edited["_id"] == made["_id"]
    assert api.rest("DELETE", place).status == 204
    assert_refused(api.rest("GET", place), 404, "not_found")


@pytest.mark.parametrize(
    "change",
    [
        {"url": "ftp://receiver.example"},
        {"url": "receiver.example/hook"},
        {"url": "http://"},
        {"url": "http://receiver.example:port/"},
        {"url": "http://receiver.example:99999/"},
        {"url": "http://user:pass@receiver.example/"},
        {"url": "http://receiver.example/a b"},
        {"url": "http://receiver.example/\r\nX: y"},
        {"url": "http://[receiver/"},
        {"url": "http://receiver.example/" + "a" * 3000},
        {"url": 7},
        {"on": "yes"},
        {"sign": None},
        {"statements": [{"effect": "maybe", "resources": ["proj/*"], "actions": ["*"]}]},
        {"statements": [{"effect": "allow", "actions": ["*"]}]},
        {"tags": "t"},
    ],
)
def test_a_webhook_that_could_not_work_is_refused(api: LiveServer, change: dict[str, Any]) -> None:
    body = {"url": "http://receiver.example/", "sign": False, "on": False}
    before = api.rest("GET", "/webhooks").body["items"]
    assert_refused(api.rest("POST", "/webhooks", {**body, **change}), 400, "invalid_request")
    assert api.rest("GET", "/webhooks").body["items"] == before
