"""Rate limits: 429 with the headers that make each client wait, for each caller alone."""

import time
from collections.abc import Callable

import pytest

from api.replies import assert_refused
from live import LiveServer, Reply, now_ms

LIMIT, RESULTS_LIMIT = 12, 3
RESULTS = "/flags/default/flag/experiments/production/metric"


@pytest.fixture
def limited(serve: Callable[..., LiveServer]) -> LiveServer:
    """A server of small limits, at the beginning of a window, so that no test runs into the next."""
    server = serve(ASSAY_RATE_LIMIT=str(LIMIT), ASSAY_RESULTS_RATE_LIMIT=str(RESULTS_LIMIT))
    left_s = int(server.rest("GET", "/tokens").headers["x-ratelimit-reset"]) / 1000 - time.time()
    if left_s < 5:
        time.sleep(max(0.0, left_s) + 0.05)
    return server


def assert_limited(reply: Reply) -> None:
    assert_refused(reply, 429, "rate_limited")
    assert 1 <= int(reply.headers["retry-after"]) <= 10
    assert now_ms() - 1000 <= int(reply.headers["x-ratelimit-reset"]) <= now_ms() + 10_000
    assert reply.headers["x-ratelimit-global-remaining"] == "0"


def until_limited(server: LiveServer, path: str, token: str) -> list[Reply]:
    replies = []
    for _ in range(LIMIT + 2):
        replies.append(server.rest("GET", path, token=token))
        if replies[-1].status == 429:
            break
    return replies


def test_too_many_requests_are_refused_until_the_window_ends(limited: LiveServer) -> None:
    *good, refused = until_limited(limited, "/projects", limited.token)
    assert {reply.status for reply in good} == {200}
    remaining = [int(reply.headers["x-ratelimit-global-remaining"]) for reply in good]
    assert remaining == list(range(len(good) - 1, -1, -1))
    assert all(int(reply.headers["x-ratelimit-reset"]) > now_ms() - 10_000 for reply in good)
    assert_limited(refused)
    time.sleep(int(refused.headers["retry-after"]) + 0.1)
    assert limited.rest("GET", "/projects").status == 200


def test_one_callers_limit_is_not_anothers(limited: LiveServer) -> None:
    other = limited.rest("POST", "/tokens", {"name": "other", "role": "reader"}).body["token"]
    assert_limited(until_limited(limited, "/projects", limited.token)[-1])
    assert limited.rest("GET", "/projects", token=other).status == 200


def test_results_have_a_smaller_limit_of_their_own(limited: LiveServer) -> None:
    replies = [limited.rest("GET", RESULTS) for _ in range(RESULTS_LIMIT + 1)]
    assert [reply.status for reply in replies] == [404, 404, 404, 429]
    left = [reply.headers["x-ratelimit-route-remaining"] for reply in replies[:-1]]
    assert left == ["2", "1", "0"]
    assert_refused(replies[-1], 429, "rate_limited")
    assert replies[-1].headers["x-ratelimit-route-remaining"] == "0"
    assert replies[-1].headers["x-ratelimit-global-remaining"] != "0", "other routes are not at their limit"
    assert int(replies[-1].headers["retry-after"]) >= 1
    assert limited.rest("GET", "/projects").status == 200, "other operations go on"


def test_guessing_tokens_is_limited_too(limited: LiveServer) -> None:
    replies = until_limited(limited, "/projects", "api-guess")
    assert {reply.status for reply in replies[:-1]} == {401}
    assert_limited(replies[-1])
    assert limited.rest("GET", "/projects").status == 200, "a good token still works from that address"


def test_sdks_are_not_limited(limited: LiveServer) -> None:
    headers = {"Authorization": limited.environment_rep()["apiKey"]}
    for _ in range(2 * LIMIT):
        assert limited.request("GET", "/sdk/latest-all", None, headers).status == 200
        assert limited.request("POST", "/bulk", [], headers).status == 202


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/projects", 200),
        ("HEAD", "/projects", 200),
        ("POST", "/projects", 400),
        ("GET", "/projects/nowhere", 404),
        ("PUT", "/projects", 405),
    ],
)
def test_every_answer_says_what_is_left(api: LiveServer, method: str, path: str, status: int) -> None:
    reply = api.rest(method, path)
    assert reply.status == status
    assert int(reply.headers["x-ratelimit-global-remaining"]) > 0
    assert int(reply.headers["x-ratelimit-route-remaining"]) > 0
    assert int(reply.headers["x-ratelimit-reset"]) > now_ms() - 10_000


def test_a_refusal_of_a_token_says_what_is_left_to_the_address(api: LiveServer) -> None:
    reply = api.rest("GET", "/projects", token="api-nobody")
    assert_refused(reply, 401, "unauthorized")
    assert int(reply.headers["x-ratelimit-global-remaining"]) > 0
