"""Turns an operation and its arguments into a request, and the answer into a model."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

import httpx

from launchdarkly_api.background import BACKGROUND, PendingResult
from launchdarkly_api.configuration import Configuration
from launchdarkly_api.exceptions import ApiException, ApiTypeError, ApiValueError, InvalidResponseException
from launchdarkly_api.rest import Patience, RESTClient, RESTResponse, without_secrets
from launchdarkly_api.retry import DEFAULT_RETRIES
from launchdarkly_api.schema import Model

Arguments = Mapping[str, Any]

_FLAGS = (
    "async_req",
    "_preload_content",
    "_return_http_data_only",
    "_check_input_type",
    "_check_return_type",
)


@dataclass(frozen=True)
class Operation:
    """One thing the API does. `path` names its keys in braces; `query` maps arguments to parameters."""

    name: str
    method: str
    path: str
    query: Mapping[str, str]
    returns: type[Model] | None


class ApiClient:
    """Connections to one server; use it as a context manager or call `close`.

    `pool_threads` is accepted for the scripts that pass it: calls with `async_req` share an event loop.
    """

    def __init__(
        self,
        configuration: Configuration | None = None,
        header_name: str | None = None,
        header_value: str | None = None,
        cookie: str | None = None,
        pool_threads: int = 1,  # noqa: ARG002
    ) -> None:
        self.configuration = Configuration.get_default_copy() if configuration is None else configuration
        self.default_headers = {"User-Agent": "assay-launchdarkly-api", "Accept-Encoding": "gzip, deflate"}
        if header_name is not None and header_value is not None:
            self.set_default_header(header_name, header_value)
        if cookie is not None:
            self.set_default_header("Cookie", cookie)
        self.last_response: RESTResponse | None = None
        self._rest = RESTClient(self.configuration)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        BACKGROUND.run(self._rest.aclose())

    async def aclose(self) -> None:
        """Close the connections that belong to the running event loop."""
        await self._rest.aclose()

    @property
    def user_agent(self) -> str:
        """What the client calls itself."""
        return self.default_headers["User-Agent"]

    @user_agent.setter
    def user_agent(self, value: str) -> None:
        self.set_default_header("User-Agent", value)

    def set_default_header(self, header_name: str, header_value: str) -> None:
        """Send a header with every request."""
        self.default_headers[header_name] = header_value

    def call(self, operation: Operation, keys: Arguments, options: Arguments) -> Any:
        """Perform an operation; with `async_req=True` return a `PendingResult` at once."""
        request, patience = self._prepare(operation, keys, options)
        pending = self._perform(operation, request, patience, options)
        if options.get("async_req", False):
            return PendingResult(BACKGROUND.submit(pending))
        return BACKGROUND.run(pending)

    async def acall(self, operation: Operation, keys: Arguments, options: Arguments) -> Any:
        """The same on the caller's event loop."""
        request, patience = self._prepare(operation, keys, options)
        return await self._perform(operation, request, patience, options)

    async def _perform(
        self, operation: Operation, request: httpx.Request, patience: Patience, options: Arguments
    ) -> Any:
        response = self.last_response = await self._rest.send(request, patience)
        if not options.get("_preload_content", True):
            return response
        data = None
        if operation.returns is not None:
            data = _decoded(response, operation.returns, check=options.get("_check_return_type", True))
            if isinstance(data, ApiException):
                raise without_secrets(data, request)
        if options.get("_return_http_data_only", True):
            return data
        return data, response.status, response.headers

    def _prepare(
        self, operation: Operation, keys: Arguments, options: Arguments
    ) -> tuple[httpx.Request, Patience]:
        _check(operation, keys, options)
        url = self.configuration.get_host_from_settings(options.get("_host_index"))
        url += operation.path.format_map({name: quote(str(key), safe="") for name, key in keys.items()})
        query = {wire: options[name] for name, wire in operation.query.items() if name in options}
        headers = dict(self.default_headers)
        if operation.returns is not None:
            headers["Accept"] = "application/json"
        secret = self.configuration.get_api_key_with_prefix("ApiKey")
        if secret:
            if not (secret.isascii() and secret.isprintable()) or secret != secret.strip():
                raise ApiValueError("the API key holds what a header cannot carry (a line break?)")
            headers["Authorization"] = secret
        request = httpx.Request(operation.method, url, params=query or None, headers=headers)
        return request, _patience(self.configuration, options.get("_request_timeout"))


def _check(operation: Operation, keys: Arguments, options: Arguments) -> None:
    types: dict[str, type] = dict.fromkeys(keys, str)
    types |= dict.fromkeys(operation.query, int)
    types |= dict.fromkeys(_FLAGS, bool)
    for name, value in {**keys, **options}.items():
        if name in ("_request_timeout", "_host_index"):
            continue
        if name not in types:
            raise ApiTypeError(f"Got an unexpected parameter '{name}' to method `{operation.name}`")
        wanted, got = types[name], type(value)
        checked = name in _FLAGS or options.get("_check_input_type", True)
        if checked and (not isinstance(value, wanted) or (wanted is int and got is bool)):
            text = f"Invalid type for variable '{name}'. Required value type is {wanted.__name__}"
            raise ApiTypeError(f"{text} and passed type was {got.__name__}", [name])
        if value is None:
            raise ApiValueError(f"`{name}` may not be None when calling `{operation.name}`")
        if str(value) in ("", ".", ".."):  # these would address another resource
            raise ApiValueError(f"{value!r} cannot be a key", [name])


def _patience(configuration: Configuration, timeout: Any) -> Patience:
    """A number bounds the whole call; a pair (connect, read) bounds each attempt."""
    pair: Any = configuration.timeout
    total_s = configuration.total_timeout
    if isinstance(timeout, list | tuple):
        pair = timeout
    elif timeout is not None:
        total_s = timeout
    limits = [*pair, total_s] if isinstance(pair, list | tuple) else []
    if len(limits) != 3 or any(type(limit) not in (int, float) for limit in limits):
        raise ApiTypeError("timeouts are a number of seconds for the call or a pair (connect, read)")
    if not all(0 < limit < math.inf for limit in limits):
        raise ApiValueError("timeouts are positive, finite numbers of seconds")
    retries = getattr(configuration.retries, "total", configuration.retries)  # urllib3's Retry has a total
    connect_s, read_s, total_s = limits
    return Patience(connect_s, read_s, total_s, DEFAULT_RETRIES if retries is None else int(retries))


def _decoded(response: RESTResponse, model: type[Model], *, check: bool) -> Model | ApiException:
    failure = InvalidResponseException(http_resp=response)
    try:
        data = json.loads(response.data)
        if isinstance(data, dict):
            return model.from_wire(data, check=check)
        failure.reason = f"the answer is no JSON object but a {type(data).__name__}"
    except ApiTypeError as error:
        failure.reason, failure.path_to_item = f"the answer has the wrong shape: {error}", error.path_to_item
    except (ValueError, RecursionError) as error:
        failure.reason = f"the answer is not JSON: {type(error).__name__}: {error}"
    return failure
