"""A reader of server-sent events that a test can hold, and requests that no HTTP library would send."""

import contextlib
import http.client
import itertools
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from live import LiveServer

PATIENCE_S = 15

_numbers = itertools.count()


def fresh(prefix: str) -> str:
    """A key that nobody has used on the shared server."""
    return f"{prefix}-{next(_numbers)}"


@dataclass
class Stream:
    """An open stream. `comments` counts the heartbeats that were read so far."""

    response: http.client.HTTPResponse
    comments: int = 0

    def next(self) -> tuple[str, Any]:
        """The next message's name and data; ("end", None) where the server ended the stream."""
        name = ""
        while line := self.response.readline():
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if line.startswith(b":"):
                self.comments += 1
            elif field == "event":
                name = value
            elif field == "data":
                assert self.response.readline() == b"\n"
                return name, json.loads(value)
        return "end", None

    def wait_for_comment(self) -> None:
        while not (line := self.response.readline()).startswith(b":"):
            assert line, "the stream ended"


@contextlib.contextmanager
def stream(server: LiveServer, key: str | None = None, query: str = "") -> Iterator[Stream]:
    """The stream of an SDK key, production's unless given."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    try:
        authorization = server.environment_rep()["apiKey"] if key is None else key
        connection.request("GET", f"/all{query}", headers={"Authorization": authorization})
        yield Stream(connection.getresponse())
    finally:
        connection.close()


def speak(server: LiveServer, request: bytes, *, whole: bool = True) -> bytes:
    """What the server says to these bytes until it closes; a request that isn't whole is ended by a half-close."""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as connection:
        connection.sendall(request)
        if not whole:
            connection.shutdown(socket.SHUT_WR)
        pieces = []
        while piece := connection.recv(65536):
            pieces.append(piece)
        return b"".join(pieces)


def create_flag(server: LiveServer, key: str) -> None:
    assert server.rest("POST", "/flags/default", {"key": key, "name": key}).status == 201


def patch_flag(server: LiveServer, key: str, path: str, value: object) -> None:
    body = [{"op": "add", "path": path, "value": value}]
    assert server.rest("PATCH", f"/flags/default/{key}", body).status == 200
