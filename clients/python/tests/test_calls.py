"""The document's client against a server on a socket: what it sends, what its keywords do."""

import asyncio
import gzip
import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest

import launchdarkly_api
from canned import KEYS, TOKEN, canned_results
from conftest import Serve
from launchdarkly_api import ApiTypeError, ApiValueError, Configuration
from launchdarkly_api.api.experiments__beta_api import ExperimentsBetaApi
from launchdarkly_api.background import PendingResult
from launchdarkly_api.model.experiment_results_rep import ExperimentResultsRep
from launchdarkly_api.session import Measured
from loopback import Answer, Loopback, Request, response

ApiAt = Callable[..., ExperimentsBetaApi]
WHERE: Measured = {
    "project": "default",
    "flag": "checkout",
    "environment": "production",
    "metric": "signup",
}
PATH = "/api/v2/flags/default/checkout/experiments/production/signup"


@pytest.fixture
def server(serve: Serve, results_body: str) -> Loopback:
    def answer(request: Request) -> Answer:
        return (
            response(status=204, reason="No Content")
            if request.method == "DELETE"
            else response(results_body)
        )

    return serve(answer)


@pytest.fixture
def api(server: Loopback, api_at: ApiAt) -> ExperimentsBetaApi:
    return api_at(server.host)


def test_reading_sends_the_documented_request(api: ExperimentsBetaApi, server: Loopback) -> None:
    results = api.get_experiment(*KEYS)
    assert isinstance(results, ExperimentResultsRep)
    assert results.to_dict()["granularity"] == "daily"
    (request,) = server.requests
    assert request.line == f"GET {PATH} HTTP/1.1"
    assert request.headers["Authorization"] == TOKEN
    assert request.headers["Accept"] == "application/json"
    assert "LD-API-Version" not in request.headers


def test_a_window_is_sent_in_the_documents_names(api: ExperimentsBetaApi, server: Loopback) -> None:
    api.get_experiment(*KEYS, _from=1, to=1)
    api.get_experiment(*KEYS, _from=0)
    api.get_experiment(*KEYS, to=-5)
    assert [request.target for request in server.requests] == [
        PATH + "?from=1&to=1",
        PATH + "?from=0",
        PATH + "?to=-5",
    ]


def test_resetting_deletes_and_returns_nothing(api: ExperimentsBetaApi, server: Loopback) -> None:
    assert api.reset_experiment(*KEYS) is None
    (request,) = server.requests
    assert request.line == f"DELETE {PATH}/results HTTP/1.1"


def test_a_reset_that_answers_with_a_body_returns_nothing_too(serve: Serve, api_at: ApiAt) -> None:
    api = api_at(serve(lambda request: response("<html>done")).host)
    assert api.reset_experiment(*KEYS) is None


@pytest.mark.parametrize(
    "key", ["a/b", "a b", "a?b=1", "ü", "a%2Fb", "a+b", "..%2f", "a#b", "a;b", "{flag_key}"]
)
def test_a_key_of_any_characters_arrives_as_one_path_segment(
    key: str, api: ExperimentsBetaApi, server: Loopback
) -> None:
    api.get_experiment("default", key, "production", "signup")
    segments = server.requests[0].target.split("/")
    assert len(segments) == len(PATH.split("/"))
    assert unquote(segments[5]) == key


@pytest.mark.parametrize("key", ["", ".", ".."])
def test_a_key_that_would_address_another_resource_is_refused(
    key: str, api: ExperimentsBetaApi, server: Loopback
) -> None:
    with pytest.raises(ApiValueError, match="cannot be a key"):
        api.reset_experiment("default", "checkout", "production", key)
    assert server.requests == []


@pytest.mark.parametrize("suffix", ["", "/", "/base", "/base/"])
def test_a_host_may_carry_a_path_and_a_trailing_slash(suffix: str, server: Loopback, api_at: ApiAt) -> None:
    api_at(server.host + suffix).get_experiment(*KEYS)
    assert server.requests[0].target == suffix.rstrip("/") + PATH


@pytest.mark.parametrize(
    "host", ["", "127.0.0.1:80", "ftp://x", "http://", "http://x?a=1", "http://x:port", "//x"]
)
def test_a_host_that_is_not_an_address_is_refused(host: str, api_at: ApiAt) -> None:
    with pytest.raises(ApiValueError, match="is not an address"):
        api_at(host).get_experiment(*KEYS)


def test_a_prefix_stands_before_the_key_and_no_key_sends_no_header(server: Loopback, api_at: ApiAt) -> None:
    api_at(server.host, api_key_prefix={"ApiKey": "Bearer"}).get_experiment(*KEYS)
    api_at(server.host, api_key={}).get_experiment(*KEYS)
    assert server.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert "Authorization" not in server.requests[1].headers


def test_a_hook_may_renew_the_key_before_each_call(server: Loopback, api_at: ApiAt) -> None:
    keys = iter(["first", "second"])

    def renew(configuration: Configuration) -> None:
        configuration.api_key["ApiKey"] = next(keys)

    api = api_at(server.host, refresh_api_key_hook=renew)
    api.get_experiment(*KEYS)
    api.get_experiment(*KEYS)
    assert [request.headers["Authorization"] for request in server.requests] == ["first", "second"]


def test_headers_of_the_client_go_with_every_request(server: Loopback) -> None:
    configuration = Configuration(host=server.host)
    with launchdarkly_api.ApiClient(configuration, "X-Team", "growth", cookie="a=b") as client:
        client.set_default_header("X-Trace", "7")
        client.user_agent = "report/1"
        ExperimentsBetaApi(client).get_experiment(*KEYS)
    headers = server.requests[0].headers
    assert [headers[name] for name in ("X-Team", "X-Trace", "Cookie")] == ["growth", "7", "a=b"]
    assert headers["User-Agent"] == client.user_agent == "report/1"


def test_cookies_of_the_server_are_not_kept(serve: Serve, api_at: ApiAt, results_body: str) -> None:
    server = serve(lambda request: response(results_body, headers={"Set-Cookie": "ldso=1; Path=/"}))
    api = api_at(server.host)
    api.get_experiment(*KEYS)
    api.get_experiment(*KEYS)
    assert "Cookie" not in server.requests[1].headers


def test_async_req_returns_at_once_something_to_get(serve: Serve, api_at: ApiAt, results_body: str) -> None:
    released = threading.Event()

    def answer(request: Request) -> Answer:
        released.wait(10)
        yield from response(results_body)

    pending = api_at(serve(answer).host).get_experiment(*KEYS, async_req=True)
    assert isinstance(pending, PendingResult)
    assert not pending.ready()
    with pytest.raises(ValueError, match="not ended"):
        pending.successful()
    with pytest.raises(TimeoutError):
        pending.get(timeout=0.01)
    pending.wait(0.01)
    released.set()
    assert pending.get().granularity == "daily"
    pending.wait()
    assert pending.ready()
    assert pending.successful()


def test_async_req_raises_where_it_is_got(serve: Serve, api_at: ApiAt) -> None:
    api = api_at(serve(lambda request: response("no", status=404, reason="Not Found")).host)
    calls = [api.get_experiment(*KEYS, async_req=True) for _ in range(5)]
    for pending in calls:
        with pytest.raises(launchdarkly_api.NotFoundException):
            pending.get()
        assert not pending.successful()


def test_without_preloading_the_raw_response_is_returned(api: ExperimentsBetaApi, results_body: str) -> None:
    raw = api.get_experiment(*KEYS, _preload_content=False)
    assert (raw.status, raw.reason) == (200, "OK")
    assert raw.data == raw.read() == results_body.encode()
    assert raw.getheader("content-type") == raw.headers["Content-Type"] == "application/json"
    assert raw.getheader("x-none", "none") == "none"
    assert raw.getheaders() is raw.headers
    assert api.api_client.last_response is raw


def test_the_status_and_headers_are_returned_on_request(api: ExperimentsBetaApi) -> None:
    data, status, headers = api.get_experiment(*KEYS, _return_http_data_only=False)
    assert (data.granularity, status, headers["CONTENT-TYPE"]) == ("daily", 200, "application/json")
    assert api.reset_experiment(*KEYS, _return_http_data_only=False)[:2] == (None, 204)


def test_host_index_zero_is_the_configured_host(api: ExperimentsBetaApi) -> None:
    assert api.get_experiment(*KEYS, _host_index=0).granularity == "daily"
    assert api.get_experiment(*KEYS, _host_index=None).granularity == "daily"
    with pytest.raises(ApiValueError, match="host index 1"):
        api.get_experiment(*KEYS, _host_index=1)


def test_return_types_are_checked_unless_told_otherwise(serve: Serve, api_at: ApiAt) -> None:
    api = api_at(serve(lambda request: response('{"granularity": 3, "totals": [{"pValue": "x"}]}')).host)
    with pytest.raises(ApiTypeError, match="granularity"):
        api.get_experiment(*KEYS)
    unchecked = api.get_experiment(*KEYS, _check_return_type=False)
    assert unchecked.to_dict() == {"granularity": 3, "totals": [{"p_value": "x"}]}


@pytest.mark.parametrize(
    ("arguments", "options", "error"),
    [
        ((None, "f", "e", "m"), {}, ApiTypeError),
        ((1, "f", "e", "m"), {}, ApiTypeError),
        (KEYS, {"_from": None}, ApiTypeError),
        (KEYS, {"_from": 1.0}, ApiTypeError),
        (KEYS, {"_from": "1"}, ApiTypeError),
        (KEYS, {"to": True}, ApiTypeError),
        (KEYS, {"to": None, "_check_input_type": False}, ApiValueError),
        (KEYS, {"start": 1}, ApiTypeError),
        (KEYS, {"async_req": "yes"}, ApiTypeError),
        (KEYS, {"_request_timeout": "1"}, ApiTypeError),
        (KEYS, {"_request_timeout": (1, None)}, ApiTypeError),
        (KEYS, {"_request_timeout": True}, ApiTypeError),
        (KEYS, {"_request_timeout": (1, 2, 3)}, ApiTypeError),
        (KEYS, {"_request_timeout": 0}, ApiValueError),
        (KEYS, {"_request_timeout": [1, -1]}, ApiValueError),
        (KEYS, {"_request_timeout": float("nan")}, ApiValueError),
        (("p", "f", "e"), {}, TypeError),
        ((*KEYS, 1), {}, TypeError),
    ],
)
def test_wrong_arguments_raise_before_anything_is_sent(
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    error: type[Exception],
    api: ExperimentsBetaApi,
    server: Loopback,
) -> None:
    with pytest.raises(error):
        api.get_experiment(*arguments, **options)
    assert server.requests == []


def test_timeouts_of_the_configuration_are_checked_as_well(server: Loopback, api_at: ApiAt) -> None:
    for settings, error in (({"timeout": 10}, ApiTypeError), ({"total_timeout": -1}, ApiValueError)):
        with pytest.raises(error, match="timeouts are"):
            api_at(server.host, **settings).get_experiment(*KEYS)
    assert server.requests == []


def test_retries_may_be_an_object_with_a_total(serve: Serve, api_at: ApiAt) -> None:
    class Retry:
        total = 0

    server = serve(lambda request: response(status=503, reason="Busy"))
    with pytest.raises(launchdarkly_api.ServiceException):
        api_at(server.host, retries=Retry()).get_experiment(*KEYS)
    assert len(server.requests) == 1


def test_input_types_go_unchecked_on_request(api: ExperimentsBetaApi, server: Loopback) -> None:
    api.get_experiment(*KEYS, _check_input_type=False, _from=1.5)
    assert server.requests[0].target == PATH + "?from=1.5"


def test_a_closed_client_opens_anew(server: Loopback) -> None:
    client = launchdarkly_api.ApiClient(Configuration(host=server.host))
    api = ExperimentsBetaApi(client)
    with client:
        api.get_experiment(*KEYS)
    with client:
        api.get_experiment(*KEYS)
    assert len(server.requests) == 2


def test_one_client_serves_many_threads(api: ExperimentsBetaApi, server: Loopback) -> None:
    seen: list[str] = []
    threads = [
        threading.Thread(target=lambda: seen.append(api.get_experiment(*KEYS).granularity)) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["daily"] * 20
    assert len(server.requests) == 20


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
def test_a_client_made_before_a_fork_works_in_the_child(api: ExperimentsBetaApi, server: Loopback) -> None:
    api.get_experiment(*KEYS)
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if api.get_experiment(*KEYS).granularity == "daily" else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_blocking_call_works_where_an_event_loop_runs_already(api: ExperimentsBetaApi) -> None:
    async def notebook_cell() -> str:
        return api.get_experiment(*KEYS).granularity

    assert asyncio.run(notebook_cell()) == "daily"


def test_a_default_configuration_is_copied(server: Loopback) -> None:
    Configuration.set_default(Configuration(host=server.host, api_key={"ApiKey": TOKEN}))
    try:
        api = ExperimentsBetaApi()
        api.get_experiment(*KEYS)
        api.api_client.configuration.host = "http://elsewhere"
        assert Configuration.get_default_copy().host == server.host
        api.api_client.close()
    finally:
        Configuration.set_default(None)
    assert server.requests[0].headers["Authorization"] == TOKEN
    assert Configuration.get_default_copy().host == "https://app.launchdarkly.com"


def test_a_setting_without_effect_warns_and_is_accepted() -> None:
    with pytest.warns(UserWarning, match="assert_hostname has no effect"):
        Configuration(host="http://x").assert_hostname = False
    with pytest.warns(UserWarning, match="username has no effect"):
        assert Configuration(username="me", ssl_ca_cert="ca.pem").ssl_ca_cert == "ca.pem"


def test_the_modern_entry_reads_and_resets_by_keyword(server: Loopback) -> None:
    start = datetime(2021, 10, 4, tzinfo=UTC)
    with launchdarkly_api.experiments(server.host, TOKEN) as experiments:
        results = experiments.read(**WHERE, start=start, end=start + timedelta(days=1))
        assert experiments.read(**WHERE, end=5) == results == ExperimentResultsRep.from_wire(canned_results())
        experiments.reset(**WHERE)
    assert [request.line for request in server.requests] == [
        f"GET {PATH}?from=1633305600000&to=1633392000000 HTTP/1.1",
        f"GET {PATH}?to=5 HTTP/1.1",
        f"DELETE {PATH}/results HTTP/1.1",
    ]
    assert {request.headers["Authorization"] for request in server.requests} == {TOKEN}


def test_the_modern_entry_is_awaited_on_any_number_of_event_loops(server: Loopback) -> None:
    experiments = launchdarkly_api.experiments(server.host, TOKEN, timeout=20)

    async def read_twice_and_reset() -> list[ExperimentResultsRep]:
        async with experiments:
            found = await asyncio.gather(experiments.read_async(**WHERE), experiments.read_async(**WHERE))
            await experiments.reset_async(**WHERE)
            return list(found)

    for _ in range(2):
        assert [results.granularity for results in asyncio.run(read_twice_and_reset())] == ["daily", "daily"]
    with experiments:
        assert experiments.read(**WHERE).granularity == "daily"
    assert [request.method for request in server.requests].count("DELETE") == 2


@pytest.mark.parametrize("start", [datetime(2021, 10, 4), 1.5, True, "2021"])
def test_a_moment_that_is_not_one_point_in_time_is_refused(start: Any, server: Loopback) -> None:
    with (
        launchdarkly_api.experiments(server.host, TOKEN) as experiments,
        pytest.raises((ApiTypeError, ApiValueError)),
    ):
        experiments.read(project="p", flag="f", environment="e", metric="m", start=start)
    assert server.requests == []


def test_a_forgotten_or_unknown_keyword_is_a_type_error(server: Loopback) -> None:
    incomplete: Any = {"project": "p", "flag": "f", "environment": "e"}
    with launchdarkly_api.experiments(server.host, TOKEN) as experiments:
        with pytest.raises(TypeError, match="metric"):
            experiments.read(**incomplete)
        with pytest.raises(TypeError, match="unit"):
            experiments.read(**incomplete | {"metric": "m", "unit": 3})
    assert server.requests == []


def test_compressed_answers_are_read(serve: Serve, api_at: ApiAt, results_body: str) -> None:
    packed = gzip.compress(results_body.encode())
    api = api_at(serve(lambda request: response(packed, headers={"Content-Encoding": "gzip"})).host)
    assert (
        api.get_experiment(*KEYS).to_dict()
        == ExperimentResultsRep.from_wire(json.loads(results_body)).to_dict()
    )
