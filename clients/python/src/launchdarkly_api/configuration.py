"""The settings of a client, under the names scripts already use; holds values, opens nothing."""

import copy
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import httpx

from launchdarkly_api.exceptions import ApiValueError


class Secrets(dict[str, str]):
    """A dictionary that never prints its values."""

    def __repr__(self) -> str:
        return repr(dict.fromkeys(self, "***"))


class Configuration:
    """Where to call, as whom, and how patiently.

    `timeout`: (connect, read) seconds of one attempt. `total_timeout`: seconds of the whole call, repeats
    included. `retries`: how often a failed attempt is repeated. Settings of the official client that have
    nothing to act on here are accepted with a warning.
    """

    _default: ClassVar["Configuration | None"] = None

    host: str
    api_key: Secrets
    api_key_prefix: dict[str, str]
    refresh_api_key_hook: "Callable[[Configuration], None] | None" = None
    timeout: tuple[float, float] = (5.0, 30.0)
    total_timeout: float = 60.0
    retries: int | None = None
    verify_ssl: bool = True
    ssl_ca_cert: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    proxy: str | None = None
    proxy_headers: Mapping[str, str] | None = None
    connection_pool_maxsize: int = 10

    def __init__(
        self,
        host: str | None = None,
        api_key: Mapping[str, str] | None = None,
        api_key_prefix: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        self.host = "https://app.launchdarkly.com" if host is None else host
        self.api_key = Secrets(api_key or {})
        self.api_key_prefix = dict(api_key_prefix or {})
        for name, value in settings.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "api_key":
            value = Secrets(value)
        elif name not in Configuration.__annotations__:
            warnings.warn(f"Configuration.{name} has no effect in this client", stacklevel=2)
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        return f"Configuration(host={_masked(self.host)!r}, api_key={self.api_key!r})"

    @classmethod
    def set_default(cls, default: "Configuration | None") -> None:
        """Remember a copy of `default` for clients made without a configuration."""
        cls._default = copy.deepcopy(default)

    @classmethod
    def get_default_copy(cls) -> "Configuration":
        """A copy of the remembered default, or fresh settings."""
        return Configuration() if cls._default is None else copy.deepcopy(cls._default)

    def get_api_key_with_prefix(self, identifier: str) -> str | None:
        """The value of the authorization header, or None without a key."""
        if self.refresh_api_key_hook is not None:
            self.refresh_api_key_hook(self)
        key, prefix = self.api_key.get(identifier), self.api_key_prefix.get(identifier)
        return f"{prefix} {key}" if key and prefix else key or None

    def get_host_from_settings(self, index: int | None) -> str:
        """The address to call, without a trailing slash; there is one, so `index` is None or 0."""
        if index not in (None, 0):
            raise ApiValueError(f"Invalid host index {index}. There is one host, number 0")
        try:
            url = httpx.URL(self.host)
        except (httpx.InvalidURL, TypeError):
            url = httpx.URL("")
        if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
            wanted = "scheme and name, port and path where needed, no user name, query or fragment"
            raise ApiValueError(f"host {_masked(self.host)!r} is not an address: {wanted}")
        return str(url).rstrip("/")


def _masked(address: object) -> str:
    _, found, rest = str(address).rpartition("@")
    return f"***@{rest}" if found else str(address)
