"""One HTTP exchange with its repeats and its deadline; knows nothing of experiments or models."""

import asyncio
import itertools
import logging
import random
import ssl
import time
import weakref
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from launchdarkly_api import retry
from launchdarkly_api.configuration import Configuration
from launchdarkly_api.exceptions import (
    ApiException,
    ApiValueError,
    TimeoutException,
    UnreachableException,
    exception_class,
)

LARGEST_BODY_BYTES = 64 * 1024 * 1024
MAX_REDIRECTS = 5

logger = logging.getLogger("launchdarkly_api")

# The connection was never made, so the server cannot have acted.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_BROKEN_OFF = (httpx.NetworkError, httpx.RemoteProtocolError)


@dataclass(frozen=True)
class RESTResponse:
    """A whole response; what `_preload_content=False` returns."""

    status: int
    reason: str
    data: bytes
    headers: httpx.Headers

    def getheaders(self) -> httpx.Headers:
        """All headers; names in any case."""
        return self.headers

    def getheader(self, name: str, default: str | None = None) -> str | None:
        """One header."""
        return str(self.headers[name]) if name in self.headers else default

    def read(self) -> bytes:
        """The body."""
        return self.data


@dataclass(frozen=True)
class Patience:
    """Seconds that one attempt and the whole call may take, and how often an attempt is repeated."""

    connect_s: float
    read_s: float
    total_s: float
    retries: int

    def __str__(self) -> str:
        return f"allowed: connect {self.connect_s:g} s, read {self.read_s:g} s, whole call {self.total_s:g} s"


@dataclass(frozen=True)
class _Failure:
    error: ApiException
    repeatable: bool


class RESTClient:
    """Sends requests; keeps a pool of connections per event loop, since a connection belongs to one."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient]
        self._pools = weakref.WeakKeyDictionary()

    async def send(self, request: httpx.Request, patience: Patience) -> RESTResponse:
        """The answer with status 2xx. Raises `ApiException`; never takes longer than `patience.total_s`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience.total_s
        for attempt in itertools.count():
            outcome = await self._attempt(request, patience, deadline)
            if isinstance(outcome, RESTResponse):
                return outcome
            error = without_secrets(outcome.error, request)
            wait = retry.wait_s(attempt, error.headers, now_s=time.time(), jitter=random.random())  # noqa: S311
            if not outcome.repeatable or attempt >= patience.retries or loop.time() + wait >= deadline:
                break
            logger.warning("%s: %s %s; again in %.1f s", request.method, error.status, error.reason, wait)
            await asyncio.sleep(wait)
        raise error

    async def aclose(self) -> None:
        """Close the connections that belong to the running event loop."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.aclose()

    def _pool(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if loop not in self._pools:
            self._pools[loop] = _new_pool(self._configuration)
        return self._pools[loop]

    async def _attempt(
        self, request: httpx.Request, patience: Patience, deadline: float
    ) -> RESTResponse | _Failure:
        # The exceptions of the HTTP library carry the request and with it the key, so that ours are made
        # from their text and raised elsewhere, without them as context.
        reading = request.method == "GET"
        address = request.url.copy_with(query=None)
        request.extensions = {"timeout": httpx.Timeout(patience.read_s, connect=patience.connect_s).as_dict()}
        try:
            async with asyncio.timeout_at(deadline):
                # A DELETE is not followed: after 302 the custom is to go on with GET, which deletes nothing.
                response = await self._pool().send(request, stream=True, follow_redirects=reading)
                try:
                    answer = await _read_whole(response)
                finally:
                    await response.aclose()
        except (httpx.TimeoutException, TimeoutError) as error:
            kind = type(error).__name__ if isinstance(error, httpx.TimeoutException) else "total"
            reason = f"{address} did not answer in time ({kind}; {patience})"
            return _Failure(TimeoutException(0, reason), isinstance(error, _NOT_SENT))
        except httpx.RequestError as error:
            again = isinstance(error, _NOT_SENT) or (reading and isinstance(error, _BROKEN_OFF))
            reason = f"{address} gave no usable answer: {type(error).__name__}: {error}"
            return _Failure(UnreachableException(0, reason), again)
        logger.debug("%s %s: %d", request.method, address, answer.status)
        if answer.status in range(200, 300):
            return answer
        problem = exception_class(answer.status)(http_resp=answer)
        return _Failure(problem, retry.repeatable(request.method, answer.status))


def without_secrets(error: ApiException, request: httpx.Request) -> ApiException:
    """Blank out the authorization wherever a server echoes it, so that an exception may be logged."""
    secret = request.headers.get("Authorization", "").rpartition(" ")[2]
    if secret:
        error.reason = error.reason and error.reason.replace(secret, "***")
        error.body = error.body and error.body.replace(secret, "***")
        if isinstance(error.headers, httpx.Headers):  # bytes: a server may send what no text encoding holds
            hidden = secret.encode()
            error.headers = httpx.Headers(
                [(name, v.replace(hidden, b"***")) for name, v in error.headers.raw]
            )
    return error


async def _read_whole(response: httpx.Response) -> RESTResponse:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LARGEST_BODY_BYTES:
            raise httpx.DecodingError(f"the body is larger than {LARGEST_BODY_BYTES} bytes")
    return RESTResponse(response.status_code, response.reason_phrase, bytes(body), response.headers)


def _new_pool(configuration: Configuration) -> httpx.AsyncClient:
    proxy = configuration.proxy
    return httpx.AsyncClient(
        verify=_tls(configuration),
        proxy=httpx.Proxy(proxy, headers=dict(configuration.proxy_headers or {})) if proxy else None,
        limits=httpx.Limits(max_connections=configuration.connection_pool_maxsize),
        max_redirects=MAX_REDIRECTS,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        trust_env=False,
    )


def _tls(configuration: Configuration) -> ssl.SSLContext:
    try:
        context = httpx.create_ssl_context(verify=configuration.verify_ssl, trust_env=False)
        if configuration.ssl_ca_cert and configuration.verify_ssl:
            context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        if configuration.cert_file:
            context.load_cert_chain(configuration.cert_file, configuration.key_file)
    except OSError as error:
        raise ApiValueError(f"a certificate or key file cannot be used: {error}") from None
    return context
