"""Paths: what is unknown, what is not possible there, and how keys are spelled in them."""

import pytest

from api.replies import assert_refused
from live import LiveServer


@pytest.mark.parametrize(
    "path", ["/nowhere", "/api", "/api/v2/nothing", "/api/v3/projects", "/sdk", "/bulk/more"]
)
def test_an_unknown_path_is_not_found(api: LiveServer, path: str) -> None:
    assert_refused(api.request("GET", path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/v2/projects"),
        ("DELETE", "/api/v2/projects"),
        ("POST", "/api/v2/projects/default"),
        ("PUT", "/api/v2/flags/default/a"),
        ("PATCH", "/api/v2/metrics/default"),
        ("POST", "/api/v2/flags/default/a/experiments/production/m"),
        ("GET", "/api/v2/flags/default/a/experiments/production/m/results"),
        ("PUT", "/api/v2/tokens/a"),
        ("POST", "/healthz"),
        ("DELETE", "/metrics"),
        ("GET", "/bulk"),
        ("GET", "/diagnostic"),
        ("POST", "/all"),
        ("PUT", "/sdk/latest-all"),
    ],
)
def test_a_method_that_is_not_possible_is_said_so(api: LiveServer, method: str, path: str) -> None:
    reply = api.request(method, path, None, {"Authorization": api.token})
    assert_refused(reply, 405, "method_not_allowed")


@pytest.mark.parametrize(
    "path", ["//api/v2/projects", "/api//v2/projects", "///api////v2//projects//default", "/api/v2/projects/"]
)
def test_doubled_and_trailing_slashes_are_forgiven(api: LiveServer, path: str) -> None:
    assert api.request("GET", path, None, {"Authorization": api.token}).status == 200


def test_doubled_slashes_are_forgiven_to_sdks(api: LiveServer) -> None:
    key = {"Authorization": api.environment_rep()["apiKey"]}
    assert api.request("GET", "//sdk//latest-all", None, key).status == 200
    assert api.request("POST", "//bulk", [], key).status == 202


def test_a_percent_encoded_key_is_decoded_once(api: LiveServer) -> None:
    headers = {"Authorization": api.token}
    assert api.request("GET", "/api/v2/%70rojects", None, headers).status == 404, "the route itself is not"
    assert api.request("GET", "/api/v2/projects/%64efault", None, headers).body["key"] == "default"
    assert_refused(api.request("GET", "/api/v2/projects/%2564efault", None, headers), 404, "not_found")


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [
        ("a%2Fb", "a/b"),
        ("a%2fexperiments%2fproduction%2fm", "a/experiments/production/m"),
        ("a%20b", "a b"),
        ("a%3Fb", "a?b"),
        ("caf%C3%A9", "café"),
        ("%E2%98%83", "☃"),
        ("%25", "%"),
        ("..%2F..", "../.."),
    ],
)
def test_an_encoded_key_stays_one_segment(api: LiveServer, spelled: str, meant: str) -> None:
    reply = api.rest("GET", f"/flags/default/{spelled}")
    assert_refused(reply, 404, "not_found")
    assert reply.body["message"] == f"Unknown flag key {meant!r}"


@pytest.mark.parametrize("segment", ["%00", "%ff", "%", "%zz", "%C3", "%0d%0aX-Evil: 1".replace(" ", "%20")])
def test_odd_bytes_in_a_path_are_just_unknown(api: LiveServer, segment: str) -> None:
    reply = api.rest("GET", f"/flags/default/{segment}")
    assert_refused(reply, 404, "not_found")
    assert "x-evil" not in reply.headers


def test_a_key_in_a_path_may_be_as_long_as_a_request_line(api: LiveServer) -> None:
    assert_refused(api.rest("GET", f"/flags/default/{'a' * 8000}"), 404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "/projects/nowhere",
        "/projects/nowhere/environments",
        "/projects/default/environments/nowhere",
        "/flags/nowhere",
        "/flags/nowhere/a",
        "/metrics/nowhere",
        "/metrics/nowhere/a",
        "/metrics/default/nothing",
        "/tokens/nobody",
    ],
)
def test_an_unknown_key_is_not_found(api: LiveServer, path: str) -> None:
    assert_refused(api.rest("GET", path), 404, "not_found")
