"""Everything this client raises; nothing here performs a request.

OpenApiException
├── ApiTypeError (TypeError), ApiValueError (ValueError): an argument, a setting or a field is wrong
├── ApiAttributeError (AttributeError), ApiKeyError (KeyError)
└── ApiException: the call failed
    ├── UnauthorizedException, ForbiddenException, NotFoundException, ServiceException: 401, 403, 404, 5xx
    ├── InvalidResponseException (ApiTypeError): 2xx with a body that is not what was asked for
    ├── UnreachableException (ConnectionError): status 0, nothing that speaks HTTP answered
    └── TimeoutException (TimeoutError): status 0, no whole answer in the time allowed
"""

from collections.abc import Iterable, Mapping
from typing import Any


class OpenApiException(Exception):
    """Any failure of this client."""


class _LocatedException(OpenApiException):
    def __init__(self, msg: str = "", path_to_item: Iterable[str | int] | None = None) -> None:
        self.path_to_item = None if path_to_item is None else list(path_to_item)
        where = "".join(f"[{part!r}]" for part in self.path_to_item or ())
        super().__init__(f"{msg} at {where}" if where else msg)


class ApiTypeError(_LocatedException, TypeError):
    """An argument or a field has the wrong type."""


class ApiValueError(_LocatedException, ValueError):
    """An argument or a setting has an impossible value."""


class ApiAttributeError(_LocatedException, AttributeError):
    """A model does not hold that attribute or key."""


class ApiKeyError(_LocatedException, KeyError):
    """Never raised here; scripts name it in `except` clauses."""


class ApiException(OpenApiException):
    """The call failed: `status` (0 without an HTTP answer), `reason`, `body` (text) and `headers`."""

    def __init__(self, status: int | None = None, reason: str | None = None, http_resp: Any = None) -> None:
        super().__init__()
        self.status: int | None = http_resp.status if http_resp else status
        self.reason: str | None = http_resp.reason if http_resp else reason
        body = http_resp.data if http_resp else None
        self.body: str | None = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
        self.headers: Mapping[str, str] | None = http_resp.getheaders() if http_resp else None

    def __str__(self) -> str:
        headers = f"HTTP response headers: {dict(self.headers)}\n" if self.headers else ""
        body = f"HTTP response body: {self.body}\n" if self.body else ""
        return f"({self.status})\nReason: {self.reason}\n{headers}{body}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}(status={self.status!r}, reason={self.reason!r})"


class UnauthorizedException(ApiException):
    """401: the access token is missing or unknown."""


class ForbiddenException(ApiException):
    """403: the access token may not do this."""


class NotFoundException(ApiException):
    """404: an unknown project, flag, environment or metric key."""


class ServiceException(ApiException):
    """5xx: the server failed."""


class InvalidResponseException(ApiException, ApiTypeError):
    """The server answered 2xx with a body that is not what was asked for."""

    path_to_item: list[str | int] | None = None


class UnreachableException(ApiException, ConnectionError):
    """Nothing that speaks HTTP answered: refused, dropped, garbled, or redirected without end."""


class TimeoutException(ApiException, TimeoutError):
    """No whole answer came within the time allowed."""


def exception_class(status: int) -> type[ApiException]:
    """The exception that a status raises."""
    exact = {401: UnauthorizedException, 403: ForbiddenException, 404: NotFoundException}
    return exact.get(status, ServiceException if status in range(500, 600) else ApiException)
