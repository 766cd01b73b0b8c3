"""CORS: a page of any origin calls the REST API with a token, and reads every answer, also a refusal."""

import pytest

from live import LiveServer, Reply

ORIGIN = "https://dashboard.example"


def names(reply: Reply, header: str) -> set[str]:
    return {name.strip().lower() for name in reply.headers[f"access-control-{header}"].split(",")}


@pytest.mark.parametrize(
    "path", ["/api/v2/projects", "/api/v2/flags/default/a", "/api/v2/nowhere", "/api/v2"]
)
def test_a_preflight_is_answered_without_a_token(api: LiveServer, path: str) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,content-type,ld-api-version",
    }
    reply = api.request("OPTIONS", path, None, asked)
    assert (reply.status, reply.body) == (204, None)
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert reply.headers["access-control-max-age"] == "300"
    assert names(reply, "allow-methods") >= {"options", "get", "post", "put", "patch", "delete"}
    assert names(reply, "allow-headers") >= {
        *("accept", "content-type", "content-length", "accept-encoding", "authorization"),
        *("ld-api-version", "x-http-method-override"),
    }


@pytest.mark.parametrize(
    ("method", "path", "token", "status"),
    [
        ("GET", "/api/v2/projects", "good", 200),
        ("GET", "/api/v2/projects/nowhere", "good", 404),
        ("GET", "/api/v2/nowhere", "good", 404),
        ("POST", "/api/v2/projects", "good", 400),
        ("PUT", "/api/v2/projects", "good", 405),
        ("GET", "/api/v2/projects", "bad", 401),
    ],
)
def test_a_page_reads_every_answer(api: LiveServer, method: str, path: str, token: str, status: int) -> None:
    secret = api.token if token == "good" else "api-nobody"
    reply = api.request(method, path, None, {"Authorization": secret, "Origin": ORIGIN})
    assert reply.status == status
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert "origin" in reply.headers["vary"].lower()
    assert names(reply, "expose-headers") >= {
        *("x-ratelimit-global-remaining", "x-ratelimit-route-remaining", "x-ratelimit-reset", "retry-after")
    }
    assert "access-control-allow-credentials" not in reply.headers, "a cookie is never sent along"


def test_without_an_origin_any_may_read(api: LiveServer) -> None:
    reply = api.rest("GET", "/projects")
    assert reply.headers["access-control-allow-origin"] == "*"


def test_pages_read_nothing_else(api: LiveServer) -> None:
    for path in ("/healthz", "/metrics", "/nowhere"):
        reply = api.request("GET", path, None, {"Origin": ORIGIN})
        assert "access-control-allow-origin" not in reply.headers
