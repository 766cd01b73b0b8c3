"""Raw ASGI for the hot paths: read a bounded body, send an answer."""

import asyncio
import binascii
import json
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from assay.errors import AssayError, InvalidRequest, Unavailable, error_body

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON: Headers = [(b"content-type", b"application/json")]
BODY_TIMEOUT_S = 120

# SDKs send one. Each further one costs a copy of the rest of the body.
MOST_GZIP_MEMBERS = 100


class Disconnected(Exception):
    """The client went away in the middle of its request; there is nobody to answer."""


def header(scope: Scope, name: bytes) -> str | None:
    """A header's value by its lower-case name; the first where it stands more than once."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


async def answer(send: Send, status: int, headers: Headers | None = None, body: bytes = b"") -> None:
    sized = [*(headers or []), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": sized})
    await send({"type": "http.response.body", "body": body})


async def answer_error(send: Send, error: AssayError) -> None:
    await answer(send, error.status, JSON, msgspec.json.encode(error_body(error)))


class Budget:
    """Bytes of bodies that may be in memory at one time, whoever sent them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0

    def take(self, size: int) -> None:
        if self._held + size > self._most:
            raise Unavailable("too many events are waiting to be written")
        self._held += size

    def give_back(self, size: int) -> None:
        self._held -= size


async def read_body(receive: Receive, most: int, budget: Budget) -> bytes:
    """The whole body, taken from the budget. Too large a one is a 503, never a 413: that silences Python SDKs."""
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Disconnected
                piece = message.get("body", b"")
                budget.take(len(piece))
                size += len(piece)
                pieces.append(piece)
                if size > most:
                    raise Unavailable(f"a payload holds at most {most} bytes")
                if not message.get("more_body"):
                    return b"".join(pieces)
    except TimeoutError:
        budget.give_back(size)
        raise Unavailable("the payload took too long to arrive") from None
    except (Disconnected, Unavailable):
        budget.give_back(size)
        raise


def inflate(body: bytes, encoding: str | None, most: int) -> bytes:
    """The body as it was before compression; a bomb stops at `most` bytes."""
    if encoding in (None, "", "identity"):
        return body
    if encoding != "gzip":
        raise InvalidRequest(f"content encoding {encoding!r} is not known; gzip is")
    pieces: list[bytes] = []
    size = 0
    try:
        while body:
            if len(pieces) == MOST_GZIP_MEMBERS:
                raise InvalidRequest(f"a gzip body has at most {MOST_GZIP_MEMBERS} members")
            stream = zlib.decompressobj(wbits=31)
            pieces.append(stream.decompress(body, most - size + 1))
            size += len(pieces[-1])
            if size > most:
                raise Unavailable(f"a payload holds at most {most} bytes")
            if not stream.eof:
                raise InvalidRequest("the gzip body is cut short")
            body = stream.unused_data
    except zlib.error as error:
        raise InvalidRequest(f"the body is no gzip: {error}") from None
    return b"".join(pieces)


def decode_json(raw: bytes) -> Any:
    """What a client says of itself; also half a surrogate pair, where JavaScript cut a text in two."""
    try:
        return msgspec.json.decode(raw)
    except RecursionError:
        raise InvalidRequest("the JSON is nested too deeply") from None
    except (ValueError, msgspec.DecodeError):
        return _decode_leniently(raw)


def _decode_leniently(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode(), parse_int=_whole_number, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        raise InvalidRequest("this is no JSON") from None


def _whole_number(digits: str) -> float:
    """JavaScript's number where it is longer than any that a unit is named by."""
    return int(digits) if len(digits) < 20 else float(digits)


def decode_base64(text: str) -> bytes:
    """Base64 of either alphabet, padded or not; `InvalidRequest` where it is neither.

    A space is a plus sign that came in a query unescaped.
    """
    plain = text.replace("-", "+").replace(" ", "+").replace("_", "/").rstrip("=")
    try:
        return binascii.a2b_base64(plain + "=" * (-len(plain) % 4), strict_mode=True)
    except (ValueError, UnicodeEncodeError):
        raise InvalidRequest("this is no base64") from None
