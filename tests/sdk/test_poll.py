"""The poll `/sdk/latest-all`, and the credentials of everything an SDK asks for."""

import pytest

from live import LiveServer, Reply
from sdk.streams import create_flag, fresh, patch_flag

ENDPOINTS = (("GET", "/all"), ("GET", "/sdk/latest-all"), ("POST", "/bulk"), ("POST", "/diagnostic"))


def poll(server: LiveServer, etag: str = "", environment: str = "production") -> Reply:
    headers = {"Authorization": server.environment_rep(environment)["apiKey"]}
    if etag:
        headers["If-None-Match"] = etag
    return server.request("GET", "/sdk/latest-all?filter=any", None, headers)


def test_a_poll_has_flags_and_segments_and_names_its_environment(live: LiveServer) -> None:
    key = fresh("flag")
    create_flag(live, key)
    reply = poll(live)
    assert (reply.status, set(reply.body)) == (200, {"flags", "segments"})
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-ld-envid"] == live.environment_rep()["_id"]
    assert reply.headers["date"].endswith("GMT")
    flag = reply.body["flags"][key]
    assert {"key", "version", "on", "variations", "fallthrough", "offVariation", "salt"} <= flag.keys()
    assert all(
        isinstance(flag[name], list) for name in ("prerequisites", "targets", "contextTargets", "rules")
    )
    assert type(flag["version"]) is int
    assert None not in flag.values()


def test_what_has_not_changed_is_not_sent_again(live: LiveServer) -> None:
    key = fresh("flag")
    create_flag(live, key)
    first = poll(live)
    same = poll(live, first.headers["etag"])
    assert (same.status, same.body, same.headers["etag"]) == (304, None, first.headers["etag"])
    patch_flag(live, key, "/environments/test/on", True)
    assert poll(live, first.headers["etag"]).status == 304, "another environment's change is none here"
    patch_flag(live, key, "/environments/production/on", True)
    changed = poll(live, first.headers["etag"])
    assert changed.status == 200
    assert changed.headers["etag"] != first.headers["etag"]
    assert poll(live, '"another"').status == 200


def test_two_environments_never_share_an_etag(live: LiveServer) -> None:
    assert poll(live).headers["etag"] != poll(live, environment="test").headers["etag"]


def test_deleting_a_flag_changes_the_etag(live: LiveServer) -> None:
    key = fresh("flag")
    create_flag(live, key)
    before = poll(live).headers["etag"]
    assert live.rest("DELETE", f"/flags/default/{key}").status == 204
    after = poll(live, before)
    assert after.status == 200
    assert key not in after.body["flags"]


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_an_unknown_key_is_unauthorized_and_told_why(live: LiveServer, method: str, path: str) -> None:
    environment = live.environment_rep()
    body: list[object] | None = None if method == "GET" else []
    for key in (
        None,
        "",
        "sdk-00000000-0000-0000-0000-000000000000",
        environment["mobileKey"],
        environment["_id"],
        live.token,
        f"Bearer {environment['apiKey']}",
        f"{environment['apiKey']} x",
        environment["apiKey"].upper(),
        "x" * 8000,
        "\u00e9",
    ):
        headers = {} if key is None else {"Authorization": key}
        reply = live.request(method, path, body, headers)
        assert reply.status == 401, key
        assert set(reply.body) == {"code", "message", "id"}
        assert reply.body["code"] == "unauthorized"


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
@pytest.mark.parametrize("prefix", ["", "api_key "])
def test_a_key_is_found_in_any_case_of_the_header_and_behind_api_key(
    live: LiveServer, name: str, prefix: str
) -> None:
    headers = {name: prefix + live.environment_rep()["apiKey"]}
    assert live.request("GET", "/sdk/latest-all", None, headers).status == 200
    assert live.request("POST", "/bulk", [], headers).status == 202
    assert live.request("POST", "/diagnostic", {"kind": "diagnostic"}, headers).status == 202


def test_the_server_is_healthy_without_any_credential(live: LiveServer) -> None:
    reply = live.request("GET", "/healthz")
    assert (reply.status, reply.body) == (200, b"ok\n")
