"""PHP's way: the flags it needs, one request each, and events that nobody has summed up."""

import pytest

from live import LiveServer, Reply
from sdk.clients import browser_flag, change, client_stream
from sdk.streams import fresh


def ask(server: LiveServer, path: str, environment: str = "production", **headers: str) -> Reply:
    shown = {"Authorization": server.environment_rep(environment)["apiKey"]}
    return server.request("GET", path, None, shown | {k.replace("_", "-"): v for k, v in headers.items()})


def test_one_flag_and_all_flags_are_those_of_the_poll(live: LiveServer) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    polled = ask(live, "/sdk/latest-all").body["flags"]
    assert ask(live, "/sdk/flags").body == polled
    assert ask(live, f"/sdk/flags/{key}").body == polled[key]


@pytest.mark.parametrize("path", ["/sdk/flags/{key}", "/sdk/flags"])
def test_what_has_not_changed_is_not_sent_again(live: LiveServer, path: str) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    address = path.format(key=key)
    etag = ask(live, address).headers["etag"]
    assert ask(live, address, If_None_Match=etag).status == 304
    assert ask(live, address, "test", If_None_Match=etag).status == 200
    change(live, key, ("replace", "/environments/production/on", False))
    assert ask(live, address, If_None_Match=etag).body is not None


def test_what_does_not_exist_is_not_found(live: LiveServer) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    assert ask(live, "/sdk/flags/unknown").status == 404
    assert ask(live, "/sdk/segments/unknown").status == 404
    change(live, key, ("replace", "/archived", True))
    assert ask(live, f"/sdk/flags/{key}").status == 404


@pytest.mark.parametrize("path", ["/sdk/flags", "/sdk/flags/any", "/sdk/segments/any"])
def test_only_sdk_keys_are_answered(live: LiveServer, path: str) -> None:
    for wrong in ("", live.environment_rep()["mobileKey"]):
        assert live.request("GET", path, None, {"Authorization": wrong}).status == 401


def test_the_oldest_sdks_stream_flags_alone(live: LiveServer) -> None:
    key = fresh("flag")
    browser_flag(live, key)
    with client_stream(live, "/flags", Authorization=live.environment_rep()["apiKey"]) as opened:
        name, flags = opened.next()
        assert (name, flags[key]["key"]) == ("put", key)
        change(live, key, ("replace", "/environments/production/on", False))
        name, patched = opened.next()
        assert (name, patched["path"], patched["data"]["on"]) == ("patch", f"/{key}", False)
        assert live.rest("DELETE", f"/flags/default/{key}").status == 204
        name, gone = opened.next()
    assert (name, gone["path"]) == ("delete", f"/{key}")
