"""What a server can do wrong, and what a caller sees of it."""

import asyncio
import json
import logging
import pickle
import random
import socket
import traceback
from collections.abc import Callable, Iterator
from email.utils import formatdate

import pytest

import launchdarkly_api
from canned import KEYS, TOKEN
from conftest import Serve
from launchdarkly_api import (
    ApiException,
    ApiTypeError,
    ApiValueError,
    Configuration,
    ForbiddenException,
    InvalidResponseException,
    NotFoundException,
    OpenApiException,
    ServiceException,
    TimeoutException,
    UnauthorizedException,
    UnreachableException,
    rest,
    retry,
)
from launchdarkly_api.api.experiments__beta_api import ExperimentsBetaApi
from loopback import Answer, Request, response

ApiAt = Callable[..., ExperimentsBetaApi]

OPERATIONS = ("get_experiment", "reset_experiment")
STATUSES = [
    (400, ApiException, "invalid_request"),
    (401, UnauthorizedException, "unauthorized"),
    (403, ForbiddenException, "forbidden"),
    (404, NotFoundException, "not_found"),
    (405, ApiException, "method_not_allowed"),
    (409, ApiException, "optimistic_locking_error"),
    (429, ApiException, "rate_limited"),
    (500, ServiceException, "internal"),
    (502, ServiceException, "bad_gateway"),
    (503, ServiceException, "service_unavailable"),
    (599, ServiceException, "strange"),
    (304, ApiException, "not_modified"),
]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.01)


def failure_of(api: ExperimentsBetaApi, operation: str = "get_experiment", **options: object) -> ApiException:
    with pytest.raises(ApiException) as caught:
        getattr(api, operation)(*KEYS, **options)
    return caught.value


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(("status", "kind", "code"), STATUSES)
def test_every_status_raises_its_exception_with_all_that_came(
    operation: str, status: int, kind: type[ApiException], code: str, serve: Serve, api_at: ApiAt
) -> None:
    body = json.dumps({"code": code, "message": "It is so."})
    server = serve(lambda request: response(body, status=status, reason="It Is So", headers={"X-Id": "7"}))
    error = failure_of(api_at(server.host), operation)
    assert type(error) is kind
    assert isinstance(error, OpenApiException)
    assert (error.status, error.reason) == (status, "It Is So")
    assert error.headers is not None
    assert error.headers["x-id"] == "7"
    assert error.body == ("" if status == 304 else body)
    assert str(status) in str(error)
    assert "It Is So" in str(error)
    assert repr(error) == f"{kind.__name__}(status={status}, reason='It Is So')"


def test_an_error_without_a_body_or_with_a_broken_one_keeps_its_status(serve: Serve, api_at: ApiAt) -> None:
    bodies = iter([b"", b"<html>\xff</html>"])
    api = api_at(serve(lambda request: response(next(bodies), status=401, reason="")).host)
    assert failure_of(api).body == ""
    assert failure_of(api).body == "<html>\ufffd</html>"


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Sign in</body></html>",
        b"",
        b"null",
        b"[]",
        b"5",
        b'"text"',
        b'{"totals": [{"pValue": 0.0',
        b"\xff\xfe\x00",
        b"\x80abc",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"9" * 10_000,
        b'{"totals": {}}',
        b'{"series": [{"Time": "now"}]}',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_an_answer_that_is_not_results_is_both_an_api_and_a_type_error(
    body: bytes, serve: Serve, api_at: ApiAt
) -> None:
    server = serve(lambda request: response(body, headers={"Content-Type": "text/html"}))
    error = failure_of(api_at(server.host))
    assert type(error) is InvalidResponseException
    assert isinstance(error, ApiTypeError)
    assert error.status == 200
    assert error.reason is not None
    assert error.reason.startswith("the answer ")
    assert error.body == body.decode("utf-8", "replace")
    assert error.headers is not None
    assert error.headers["Content-Type"] == "text/html"
    assert len(server.requests) == 1


def test_a_wrong_shape_names_the_place(serve: Serve, api_at: ApiAt) -> None:
    error = failure_of(api_at(serve(lambda request: response('{"totals": [{}, {"pValue": "x"}]}')).host))
    assert isinstance(error, InvalidResponseException)
    assert error.path_to_item == ["totals", 1, "p_value"]
    assert "['totals'][1]['p_value']" in str(error)


def test_an_empty_success_where_results_were_asked_for_is_an_error(serve: Serve, api_at: ApiAt) -> None:
    error = failure_of(api_at(serve(lambda request: response(status=204, reason="No Content")).host))
    assert type(error) is InvalidResponseException
    assert error.status == 204


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_server_that_is_down_is_unreachable(operation: str, api_at: ApiAt) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = failure_of(api_at(f"http://127.0.0.1:{port}"), operation)
    assert type(error) is UnreachableException
    assert isinstance(error, ConnectionError)
    assert (error.status, error.body, error.headers) == (0, None, None)
    assert error.reason is not None
    assert f"127.0.0.1:{port}" in error.reason


def test_a_name_that_does_not_resolve_is_unreachable_or_given_up(api_at: ApiAt) -> None:
    error = failure_of(api_at("http://no-such-host.invalid", retries=0), _request_timeout=5)
    assert type(error) in (UnreachableException, TimeoutException)  # a resolver may not answer at all


def test_a_server_without_tls_is_unreachable_over_https(serve: Serve, api_at: ApiAt) -> None:
    server = serve(lambda request: response("{}"))
    error = failure_of(api_at(server.host.replace("http:", "https:"), retries=0))
    assert type(error) is UnreachableException


GARBAGE: list[list[bytes | float]] = [
    [],
    [b"\x00\x01\x02\x03\r\n\r\n"],
    [b"SSH-2.0-OpenSSH_9.0\r\n"],
    [b"HTTP/1.1 banana\r\n\r\n"],
    [b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"],
    [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"],
    [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
    [b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"],
    [b"HTTP/1.1 200 OK\r\n" + b"X-Filler: " + b"y" * 300_000],
    [b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n"],
    [b"HTTP/1.1 302 Found\r\nLocation: gopher://x/\r\nContent-Length: 0\r\n\r\n"],
    [b"HTTP/1.1 302 Found\r\nLocation: http://x:999999/\r\nContent-Length: 0\r\n\r\n"],
]


@pytest.mark.parametrize("answer", GARBAGE, ids=lambda answer: repr(answer)[:60])
def test_what_is_not_http_is_unreachable(answer: list[bytes | float], serve: Serve, api_at: ApiAt) -> None:
    server = serve(lambda request: answer)
    error = failure_of(api_at(server.host))
    assert type(error) is UnreachableException
    assert error.reason is not None
    assert error.reason.startswith(server.host)


def test_random_bytes_never_raise_anything_but_an_api_exception(serve: Serve, api_at: ApiAt) -> None:
    rng = random.Random(20210704)
    heads = [
        b"",
        b"HTTP/1.1 ",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nLocation: ",
        b"HTTP/1.1 302 F\r\nLocation: ",
    ]
    api = api_at(
        serve(lambda request: [rng.choice(heads) + rng.randbytes(rng.randrange(80)) + b"\r\n\r\n"]).host,
        retries=0,
    )
    for _ in range(150):
        assert failure_of(api).status is not None


def test_redirects_without_end_are_unreachable(serve: Serve, api_at: ApiAt) -> None:
    server = serve(lambda request: response(status=302, reason="Found", headers={"Location": request.target}))
    error = failure_of(api_at(server.host))
    assert type(error) is UnreachableException
    assert error.reason is not None
    assert "TooManyRedirects" in error.reason
    assert len(server.requests) == rest.MAX_REDIRECTS + 1


def test_a_redirect_of_reading_is_followed_but_the_key_stays_at_home(
    serve: Serve, api_at: ApiAt, results_body: str
) -> None:
    away = serve(lambda request: response(results_body))
    home = serve(lambda request: response(status=307, reason="T", headers={"Location": away.host + "/new"}))
    assert api_at(home.host).get_experiment(*KEYS).granularity == "daily"
    assert home.requests[0].headers["Authorization"] == TOKEN
    assert "Authorization" not in away.requests[0].headers


def test_a_redirect_of_a_reset_is_an_error_and_deletes_nothing(serve: Serve, api_at: ApiAt) -> None:
    server = serve(lambda request: response(status=302, reason="Found", headers={"Location": "/elsewhere"}))
    error = failure_of(api_at(server.host), "reset_experiment")
    assert (type(error), error.status) == (ApiException, 302)
    assert len(server.requests) == 1


def silent(request: Request) -> Answer:
    return [30.0]


def header_drip(request: Request) -> Answer:
    yield b"HTTP/1.1 200 OK\r\nX-Filler: "
    while True:
        yield b"y"
        yield 0.05


def body_drip(request: Request) -> Answer:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    while True:
        yield b" "
        yield 0.05


@pytest.mark.parametrize("script", [silent, header_drip, body_drip])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_slow_server_is_given_up_after_the_whole_time_allowed(
    operation: str, script: Callable[[Request], Answer], serve: Serve, api_at: ApiAt
) -> None:
    server = serve(script)
    error = failure_of(api_at(server.host), operation, _request_timeout=0.4)
    assert type(error) is TimeoutException
    assert isinstance(error, TimeoutError)
    assert (error.status, error.body, error.headers) == (0, None, None)
    assert error.reason is not None
    assert "(total; allowed: connect 5 s, read 30 s, whole call 0.4 s)" in error.reason
    assert len(server.requests) == 1


def test_a_pair_of_timeouts_bounds_connecting_and_reading(serve: Serve, api_at: ApiAt) -> None:
    error = failure_of(api_at(serve(silent).host), _request_timeout=(5, 0.2))
    assert type(error) is TimeoutException
    assert error.reason is not None
    assert "ReadTimeout" in error.reason


def test_an_address_that_never_accepts_is_given_up(api_at: ApiAt) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        crowd = [socket.socket() for _ in range(4)]
        for waiting in crowd:
            waiting.setblocking(False)
            waiting.connect_ex(address)
        error = failure_of(api_at(f"http://127.0.0.1:{address[1]}", retries=0), _request_timeout=0.5)
        for waiting in crowd:
            waiting.close()
    assert type(error) is TimeoutException


def test_a_body_without_end_is_given_up(serve: Serve, api_at: ApiAt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "LARGEST_BODY_BYTES", 1_000_000)

    def endless(request: Request) -> Answer:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            yield b" " * 65536

    error = failure_of(api_at(serve(endless).host))
    assert type(error) is UnreachableException
    assert error.reason is not None
    assert "larger than 1000000 bytes" in error.reason


def scripted(
    *answers: list[bytes | float],
) -> tuple[Callable[[Request], Answer], Iterator[list[bytes | float]]]:
    rest_of_them = iter(answers)
    return (lambda request: next(rest_of_them)), rest_of_them


def test_a_passing_failure_is_repeated(serve: Serve, api_at: ApiAt, results_body: str) -> None:
    busy = response(status=503, reason="Busy", headers={"Retry-After": "0"})
    limited = response(status=429, reason="Slow Down", headers={"Retry-After": formatdate(0, usegmt=True)})
    script, _ = scripted(busy, limited, [], response(results_body))
    server = serve(script)
    assert api_at(server.host).get_experiment(*KEYS).granularity == "daily"
    assert len(server.requests) == 4


@pytest.mark.parametrize(("retries", "requests"), [(None, 4), (0, 1), (False, 1), (1, 2)])
def test_repeats_are_counted(retries: int | None, requests: int, serve: Serve, api_at: ApiAt) -> None:
    server = serve(lambda request: response(status=429, reason="Slow Down"))
    assert failure_of(api_at(server.host, retries=retries)).status == 429
    assert len(server.requests) == requests


@pytest.mark.parametrize(("status", "requests"), [(400, 1), (401, 1), (403, 1), (404, 1), (500, 1), (502, 4)])
def test_what_will_not_pass_is_not_repeated(status: int, requests: int, serve: Serve, api_at: ApiAt) -> None:
    server = serve(lambda request: response(status=status, reason="No"))
    assert failure_of(api_at(server.host)).status == status
    assert len(server.requests) == requests


@pytest.mark.parametrize(
    "lost", [[], response(status=502, reason="Bad Gateway"), response(status=504, reason="Gateway Timeout")]
)
def test_a_reset_whose_answer_was_lost_is_not_sent_again(
    lost: list[bytes | float], serve: Serve, api_at: ApiAt
) -> None:
    server = serve(lambda request: lost)
    failure_of(api_at(server.host), "reset_experiment")
    assert len(server.requests) == 1


def test_a_reset_that_was_refused_is_sent_again(serve: Serve, api_at: ApiAt) -> None:
    script, _ = scripted(response(status=429, reason="Slow Down"), response(status=204, reason="No Content"))
    server = serve(script)
    assert api_at(server.host).reset_experiment(*KEYS) is None
    assert len(server.requests) == 2


@pytest.mark.parametrize("headers", [{"Retry-After": "3600"}, {"X-Ratelimit-Reset": "99999999999999"}])
def test_a_wait_longer_than_the_time_allowed_is_not_begun(
    headers: dict[str, str], serve: Serve, api_at: ApiAt
) -> None:
    server = serve(lambda request: response(status=429, reason="Slow Down", headers=headers))
    error = failure_of(api_at(server.host))
    assert error.status == 429
    assert error.headers is not None
    assert error.headers.items() >= headers.items() or dict(error.headers).keys() >= {
        k.lower() for k in headers
    }
    assert len(server.requests) == 1


def test_the_awaited_entry_fails_in_the_same_ways(serve: Serve) -> None:
    server = serve(lambda request: response(status=404, reason="Not Found"))

    async def read(timeout: float) -> None:
        async with launchdarkly_api.experiments(server.host, TOKEN, timeout=timeout) as experiments:
            await experiments.read_async(project="p", flag="f", environment="e", metric="m")

    with pytest.raises(NotFoundException):
        asyncio.run(read(10))
    server.script = silent
    with pytest.raises(TimeoutException):
        asyncio.run(read(0.3))


def everything_said(error: BaseException) -> str:
    """The error as any handler could print it: itself, its attributes, its trace, what caused it."""
    told = ["".join(traceback.format_exception(error)), repr(error), repr(vars(error)), repr(error.args)]
    for cause in (error.__cause__, error.__context__):
        if cause is not None:
            told += [everything_said(cause), repr(vars(cause))]
    return "\n".join(told)


ECHO = response(f"you sent {TOKEN}", status=500, reason=f"Bad {TOKEN}", headers={"X-Echo": TOKEN})


@pytest.mark.parametrize("answer", [ECHO, [], response(f"<html>{TOKEN}"), silent(Request("", {}))])
def test_the_key_is_in_no_exception_and_no_log(
    answer: list[bytes | float], serve: Serve, api_at: ApiAt, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(lambda request: answer)
    api = api_at(server.host, api_key_prefix={"ApiKey": "Bearer"}, timeout=(1.0, 0.2))
    error = failure_of(api)
    assert TOKEN not in everything_said(error)
    spoken = [record for record in caplog.records if answer is not ECHO or record.name == "launchdarkly_api"]
    assert all(TOKEN not in record.getMessage() for record in spoken)
    assert server.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert error.__cause__ is None
    assert error.__context__ is None


def test_the_key_is_in_no_representation() -> None:
    configuration = Configuration(host="http://x", api_key={"ApiKey": TOKEN})
    configuration.proxy = None
    shown = [repr(configuration), str(configuration), repr(configuration.api_key), repr(vars(configuration))]
    with launchdarkly_api.experiments("http://x", TOKEN) as experiments:
        shown += [repr(experiments), repr(vars(experiments))]
    assert all(TOKEN not in text for text in shown)
    assert "***" in repr(configuration)
    assert configuration.api_key["ApiKey"] == TOKEN


@pytest.mark.parametrize("key", [f"{TOKEN}\n", f"{TOKEN}\r\nX: y", f" {TOKEN}", f"{TOKEN}é"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(key: str, api_at: ApiAt) -> None:
    with pytest.raises(ApiValueError, match="API key") as caught:
        api_at("http://127.0.0.1:1", api_key={"ApiKey": key}).get_experiment(*KEYS)
    assert TOKEN not in everything_said(caught.value)


def test_a_host_with_a_password_is_refused_without_showing_it(api_at: ApiAt) -> None:
    api = api_at("https://me:pa55word@flags.example.com")
    with pytest.raises(ApiValueError, match=r"\*\*\*@flags.example.com") as caught:
        api.get_experiment(*KEYS)
    assert "pa55word" not in everything_said(caught.value)
    assert "pa55word" not in repr(api.api_client.configuration)


@pytest.mark.parametrize("setting", ["ssl_ca_cert", "cert_file"])
def test_a_certificate_that_cannot_be_read_is_a_value_error(setting: str, api_at: ApiAt) -> None:
    with pytest.raises(ApiValueError, match="certificate"):
        api_at("https://127.0.0.1:1", **{setting: "/no/such/file.pem"}).get_experiment(*KEYS)


def test_a_proxy_is_used_when_set(serve: Serve, api_at: ApiAt, results_body: str) -> None:
    proxy = serve(lambda request: response(results_body))
    api = api_at("http://flags.invalid", proxy=proxy.host, proxy_headers={"X-Proxy": "1"})
    assert api.get_experiment(*KEYS).granularity == "daily"
    assert proxy.requests[0].target.startswith("http://flags.invalid/api/v2/flags/")
    assert proxy.requests[0].headers["X-Proxy"] == "1"


def test_proxies_of_the_environment_are_not_used(
    serve: Serve, api_at: ApiAt, results_body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server = serve(lambda request: response(results_body))
    assert api_at(server.host).get_experiment(*KEYS).granularity == "daily"


def test_exceptions_can_be_made_by_hand_and_pickled() -> None:
    error = NotFoundException(status=404, reason="Not Found")
    assert (error.status, error.reason, error.body, error.headers) == (404, "Not Found", None, None)
    assert str(error) == "(404)\nReason: Not Found\n"
    for kind in (
        ApiException,
        UnreachableException,
        TimeoutException,
        InvalidResponseException,
        ServiceException,
    ):
        twin = pickle.loads(pickle.dumps(kind(status=5, reason="r")))
        assert (type(twin), twin.status, twin.reason, twin.body) == (kind, 5, "r", None)
