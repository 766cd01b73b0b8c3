"""What is known of flags from their use, by our own requests and by the official client."""

from datetime import UTC, datetime
from typing import Any

import launchdarkly_api
import ldclient
import pytest
from launchdarkly_api.api import account_usage__beta_api, feature_flags_api
from ldclient.config import Config

from api.replies import assert_refused, fresh
from live import LiveServer, exposure, now_ms

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def new_flag(api: LiveServer) -> str:
    key = fresh("asked")
    body = {"key": key, "name": key, "variations": [{"value": "a"}, {"value": {"b": 1}}]}
    assert api.rest("POST", "/flags/default", body).status == 201
    return key


def summary(flag: str, *counters: dict[str, Any], at_ms: int | None = None, **feature: Any) -> dict[str, Any]:
    end = now_ms() if at_ms is None else at_ms
    features = {flag: {"counters": list(counters), **feature}}
    return {"kind": "summary", "startDate": end - 5, "endDate": end, "features": features}


def served(variation: int | None, count: int) -> dict[str, Any]:
    return {"variation": variation, "version": 1, "count": count}


def usage(api: LiveServer, flag: str, query: str = "") -> Any:
    reply = api.rest("GET", f"/usage/evaluations/default/production/{flag}{query}")
    assert reply.status == 200, reply.body
    return reply.body


def status(api: LiveServer, flag: str, environment: str = "production") -> Any:
    reply = api.rest("GET", f"/flag-statuses/default/{environment}/{flag}")
    assert reply.status == 200, reply.body
    return reply.body


def test_a_new_flag_is_new_and_was_never_requested(api: LiveServer) -> None:
    flag = new_flag(api)
    found = status(api, flag)
    assert found["_links"]["self"]["href"] == f"/api/v2/flag-statuses/default/production/{flag}"
    assert found["_links"]["parent"]["href"] == f"/api/v2/flags/default/{flag}"
    assert {key: value for key, value in found.items() if key != "_links"} == {"name": "new"}


def test_a_summary_shows_at_once_where_its_flag_was_requested(api: LiveServer) -> None:
    flag, at = new_flag(api), now_ms()
    api.send([summary(flag, served(1, 3), at_ms=at, default={"d": None})])
    found = status(api, flag)
    assert (found["name"], found["default"]) == ("active", {"d": None})
    assert datetime.fromisoformat(found["lastRequested"]) == datetime.fromtimestamp(at / 1000, UTC)
    assert status(api, flag, "test")["name"] == "new"


def test_a_flag_whose_every_request_is_old_is_inactive(api: LiveServer) -> None:
    flag = new_flag(api)
    api.send([summary(flag, served(0, 1), at_ms=1_000)])
    found = status(api, flag)
    assert (found["name"], found["lastRequested"]) == ("inactive", "1970-01-01T00:00:01.000Z")


@pytest.mark.parametrize("at_ms", [-1, -(10**14), -8_639_999_999_999_000])
def test_a_clock_before_1970_is_shown_as_1970(api: LiveServer, at_ms: int) -> None:
    flag = new_flag(api)
    api.send([summary(flag, served(0, 1), at_ms=at_ms)])
    assert status(api, flag)["lastRequested"] == "1970-01-01T00:00:00.000Z"


def test_a_flag_that_is_made_anew_is_new_again(api: LiveServer) -> None:
    flag = new_flag(api)
    api.send([summary(flag, served(0, 1))])
    assert status(api, flag)["name"] == "active"
    assert api.rest("DELETE", f"/flags/default/{flag}").status == 204
    assert api.rest("POST", "/flags/default", {"key": flag, "name": flag}).status == 201
    assert status(api, flag)["name"] == "new"


def test_the_list_holds_every_flag_that_is_not_archived(api: LiveServer) -> None:
    used, unused, archived = (new_flag(api) for _ in range(3))
    api.send([summary(used, served(0, 1)), summary("no-such-flag", {"unknown": True, "count": 1})])
    archive = [{"op": "replace", "path": "/archived", "value": True}]
    assert api.rest("PATCH", f"/flags/default/{archived}", archive).status == 200
    body = api.rest("GET", "/flag-statuses/default/production").body
    names = {item["_links"]["parent"]["href"].rpartition("/")[2]: item["name"] for item in body["items"]}
    assert (names[used], names[unused]) == ("active", "new")
    assert names.keys().isdisjoint({archived, "no-such-flag"})
    assert status(api, archived)["name"] == "new"


def test_a_flag_has_a_status_in_each_environment(api: LiveServer) -> None:
    flag = new_flag(api)
    api.send([summary(flag, served(0, 1))], environment="test")
    body = api.rest("GET", f"/flag-status/default/{flag}").body
    assert body["key"] == flag
    names = {key: one["name"] for key, one in body["environments"].items()}
    assert names == {"production": "new", "test": "active"}
    one = api.rest("GET", f"/flag-status/default/{flag}?env=test").body["environments"]
    assert list(one) == ["test"]


def test_usage_counts_what_was_sent_by_variation(api: LiveServer) -> None:
    flag, at = new_flag(api), 50 * DAY_MS + 5
    events = [
        summary(flag, served(0, 3), served(1, 4), at_ms=at),
        summary(flag, served(0, 2), at_ms=at + HOUR_MS),
    ]
    for _ in range(2):
        assert api.send(events, f"payload-of-{flag}").status == 202
    body = usage(api, flag, f"?from={50 * DAY_MS}&to={51 * DAY_MS}")
    assert body["metadata"] == [{"key": "a"}, {"key": {"b": 1}}]
    assert body["series"] == [
        {"time": 50 * DAY_MS, "0": 3, "1": 4},
        {"time": 50 * DAY_MS + HOUR_MS, "0": 2, "1": 0},
    ]
    daily = usage(api, flag, f"?from={40 * DAY_MS}&to={60 * DAY_MS}")
    assert daily["series"] == [{"time": 50 * DAY_MS, "0": 5, "1": 4}]


def test_the_caller_s_default_stands_last_where_it_was_served(api: LiveServer) -> None:
    flag = new_flag(api)
    api.send([summary(flag, served(1, 1), {"unknown": True, "count": 2}, served(None, 5), served(9, 1))])
    body = usage(api, flag)
    assert body["metadata"][2:] == [{"key": None, "default": True}]
    assert [{**one, "time": 0} for one in body["series"]] == [{"time": 0, "0": 0, "1": 1, "2": 8}]


def test_nothing_asked_for_is_an_empty_series(api: LiveServer) -> None:
    body = usage(api, new_flag(api))
    assert (body["series"], len(body["metadata"])) == ([], 2)


@pytest.mark.parametrize("query", ["?from=5&to=4", "?from=yesterday", f"?to={10**30}"])
def test_a_window_that_is_none_is_refused(api: LiveServer, query: str) -> None:
    reply = api.rest("GET", f"/usage/evaluations/default/production/{new_flag(api)}{query}")
    assert_refused(reply, 400, "invalid_request")


@pytest.mark.parametrize("query", [f"?from={-(2**63)}&to={2**63 - 1}", f"?from={2**63 - 1}&to={2**63 - 1}"])
def test_the_widest_windows_are_answered(api: LiveServer, query: str) -> None:
    flag = new_flag(api)
    api.send([summary(flag, served(0, 2**32))])
    assert isinstance(usage(api, flag, query)["series"], list)


@pytest.mark.parametrize(
    ("headers", "counted"),
    [
        ({}, 0),
        ({"X-LaunchDarkly-Event-Schema": "3"}, 0),
        ({"X-LaunchDarkly-Event-Schema": "4", "X-LaunchDarkly-Unsummarized": "false"}, 0),
        ({"X-LaunchDarkly-Event-Schema": "4", "X-LaunchDarkly-Unsummarized": "true"}, 2),
        ({"X-LaunchDarkly-Event-Schema": "2"}, 2),
        ({"X-LaunchDarkly-Event-Schema": "1"}, 2),
    ],
)
def test_feature_events_count_where_the_sender_summarizes_nothing(
    api: LiveServer, headers: dict[str, str], counted: int
) -> None:
    flag = new_flag(api)
    credentials = {"Authorization": api.environment_rep()["apiKey"]}
    events = [exposure(unit, 1, flag=flag, version=1) for unit in "ab"]
    assert api.request("POST", "/bulk", events, credentials | headers).status == 202
    assert sum(one["1"] for one in usage(api, flag)["series"]) == counted
    assert status(api, flag)["name"] == ("active" if counted else "new")


@pytest.mark.parametrize(
    "path",
    [
        "/flag-statuses/nowhere/production",
        "/flag-statuses/default/nowhere",
        "/flag-statuses/default/production/nobody",
        "/flag-status/default/nobody",
        "/usage/evaluations/default/nowhere/nobody",
    ],
)
def test_what_is_unknown_has_no_status(api: LiveServer, path: str) -> None:
    assert_refused(api.rest("GET", path), 404, "not_found")


def test_the_official_client_reads_statuses_and_usage(api: LiveServer) -> None:
    flag = new_flag(api)
    api.send([summary(flag, served(0, 3), served(None, 1), default="d")])
    configuration = launchdarkly_api.Configuration(host=api.host)
    configuration.api_key["ApiKey"] = api.token
    with launchdarkly_api.ApiClient(configuration) as client:
        flags = feature_flags_api.FeatureFlagsApi(client)
        found = flags.get_feature_flag_status("default", "production", flag)
        assert (found.name, found.default) == ("active", "d")
        assert abs(found.last_requested.timestamp() - now_ms() / 1000) < 600
        assert repr(flags.get_feature_flag_statuses("default", "production").items)
        across = flags.get_feature_flag_status_across_environments("default", flag, env="production")
        assert across.environments["production"].name == "active"
        series = account_usage__beta_api.AccountUsageBetaApi(client).get_evaluations_usage(
            "default", "production", flag, _from=str(now_ms() - HOUR_MS), to=str(now_ms() + HOUR_MS)
        )
        (one,) = series.series
        assert (one["0"], one["1"], one["2"]) == (3, 0, 1)
        assert [entry["key"] for entry in series.metadata] == ["a", {"b": 1}, None]


@pytest.mark.parametrize("stream", [True, False])
def test_what_an_official_sdk_evaluates_is_what_is_counted(api: LiveServer, stream: bool) -> None:
    flag, unknown = new_flag(api), fresh("unknown")
    key, host = api.environment_rep()["apiKey"], api.host
    config = Config(key, base_uri=host, stream_uri=host, events_uri=host, stream=stream)
    with ldclient.LDClient(config, start_wait=10) as client:
        for number in range(7):
            context = ldclient.Context.create(f"unit-{number % 3}")
            assert client.variation(flag, context, "fallback") == {"b": 1}
            assert client.variation(unknown, context, 5) == 5
    (one,) = usage(api, flag)["series"]
    assert (one["0"], one["1"]) == (0, 7)
    found = status(api, flag)
    assert (found["name"], found["default"]) == ("active", "fallback")
    assert api.rest("POST", "/flags/default", {"key": unknown, "name": unknown}).status == 201
    assert usage(api, unknown)["series"][0]["2"] == 7
    assert status(api, unknown)["name"] == "new"
