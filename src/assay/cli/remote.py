"""The REST API of a running server, as commands call it: an Assay server, or an account that it is leaving."""

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click
import msgspec

from assay.cli.options import data_option
from assay.errors import AssayError
from assay.settings import Settings, read_settings

F = TypeVar("F", bound=Callable[..., Any])

TIMEOUT_S = 120
MOST_WAITS = 5
LONGEST_WAIT_S = 60


class Refused(AssayError):
    """The server said no, or nothing at all."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a server listens (`https://host:port`), and the access token to show it."""

    server: str
    token: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The parsed answer of a request below /api/v2; waits where the server says that it is asked too often."""
        data = None if body is None else msgspec.json.encode(body)
        headers = {
            "Authorization": self.token,
            "Content-Type": "application/json",
            "LD-API-Version": "20240415",
        }
        request = urllib.request.Request(  # noqa: S310 (the scheme is checked in remote_of)
            f"{self.server}/api/v2{path}", data, headers, method=method
        )
        for _ in range(MOST_WAITS):
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                    content = answer.read()
                    return msgspec.json.decode(content) if content else None
            except urllib.error.HTTPError as error:
                with error:
                    if error.code != 429:
                        raise Refused(f"{method} {path}: {error.code} {_message(error.read())}") from None
                    time.sleep(_wait_s(error))
            except (OSError, http.client.HTTPException) as error:
                raise Refused(f"{self.server} can't be reached: {error}") from None
            except msgspec.DecodeError:
                raise Refused(f"{self.server} answered something that is no JSON") from None
        raise Refused(f"{self.server} keeps saying that it is asked too often")


def remote_options(command: F) -> F:
    """The options from which `remote_of` learns whom to ask."""
    server = click.option(
        "--server", envvar="ASSAY_SERVER", help="Its URL; else where the settings say that it listens."
    )
    token = click.option(
        "--token", envvar="ASSAY_TOKEN", help="An access token; else the data folder's admin-token."
    )
    return server(token(data_option(command)))


def remote_of(server: str | None, token: str | None, data: Path | None) -> Remote:
    settings = read_settings({"data": data})
    place = (server or _place(settings)).rstrip("/")
    if urlsplit(place).scheme not in ("http", "https"):
        raise Refused(f"a server is named by its URL, as in http://127.0.0.1:8030, not {place!r}")
    return Remote(place, token or _first_token(settings))


def _place(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _first_token(settings: Settings) -> str:
    path = settings.data / "admin-token"
    try:
        return path.read_text().strip()
    except OSError:
        raise Refused(
            f"there is no token: give --token, or the folder whose {path.name} is to be used"
        ) from None


def _message(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body, type=dict[str, Any])["message"])
    except (msgspec.DecodeError, KeyError, ValueError):
        return body[:200].decode(errors="replace")


def _wait_s(error: urllib.error.HTTPError) -> float:
    """Until the time that the refusal names, in either of its two headers."""
    after, reset = error.headers.get("Retry-After"), error.headers.get("X-Ratelimit-Reset")
    if after is not None and after.isdigit():
        return min(LONGEST_WAIT_S, int(after))
    if reset is not None and reset.isdigit():
        return min(LONGEST_WAIT_S, max(0.1, int(reset) / 1000 - time.time()))
    return 1
