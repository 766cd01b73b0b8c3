"""A server on a real socket that answers what a test tells it to, faults included."""

import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.parser import Parser


@dataclass(frozen=True)
class Request:
    """A request as it arrived."""

    line: str
    headers: dict[str, str]

    @property
    def method(self) -> str:
        return self.line.split(" ")[0]

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]


# What an answer is made of: bytes are sent, numbers are seconds of silence.
Answer = Iterable[bytes | float]
Script = Callable[[Request], Answer]


def response(
    body: bytes | str = b"", *, status: int = 200, reason: str = "OK", headers: dict[str, str] | None = None
) -> list[bytes | float]:
    """A whole, well-formed answer that closes its connection."""
    data = body.encode() if isinstance(body, str) else body
    given = {"Content-Type": "application/json", "Content-Length": str(len(data)), "Connection": "close"}
    head = [
        f"HTTP/1.1 {status} {reason}",
        *(f"{k}: {v}" for k, v in (given | (headers or {})).items()),
        "",
        "",
    ]
    return ["\r\n".join(head).encode() + data]


@dataclass
class Loopback:
    """Answers every request by the script; `requests` are those that came, in order."""

    script: Script
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._ended.set()
        socket.create_connection(self._listener.getsockname()).close()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            connection, _ = self._listener.accept()
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            received = b""
            while b"\r\n\r\n" not in received:
                chunk = connection.recv(65536)
                if not chunk:
                    return
                received += chunk
                if (
                    received[0] == 0x16
                ):  # a TLS greeting, to which a server of plain HTTP answers in plain HTTP
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                    return
            line, _, rest = received.split(b"\r\n\r\n")[0].decode("latin-1").partition("\r\n")
            request = Request(line, dict(Parser().parsestr(rest).items()))
            self.requests.append(request)
            try:
                for piece in self.script(request):
                    if isinstance(piece, bytes):
                        connection.sendall(piece)
                    else:
                        self._silence(connection, piece)
            except OSError:
                return

    def _silence(self, connection: socket.socket, seconds: float) -> None:
        """Wait, but no longer than the client stays or the test runs."""
        until = time.monotonic() + seconds
        connection.settimeout(0.02)
        while time.monotonic() < until and not self._ended.is_set():
            try:
                if connection.recv(1) == b"":
                    raise ConnectionResetError
            except TimeoutError:
                continue
        connection.settimeout(None)
