"""Server-sent events: what every stream has in common, whatever it says."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from assay.errors import AssayError
from assay.sdk.broadcast import Broadcast, Render
from assay.sdk.credentials import FindPlace
from assay.sdk.endpoint import Exchange
from assay.sdk.wire import Disconnected, Headers, Receive

HEADERS: Headers = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
# A line of its own: an empty line after it is a nameless message to old Python SDKs, which warn of each.
HEARTBEAT = b":\n"
LAST_WORD_S = 1


@dataclass(frozen=True, slots=True)
class Streams:
    """Opens streams: a first message, then one for each update."""

    broadcast: Broadcast

    async def follow(
        self, exchange: Exchange, find_place: FindPlace, begin: Callable[[], bytes], render: Render
    ) -> None:
        """Goes on until the client or the server ends it, or its credential is no longer one.

        The first message is made by `begin` once every later change is sure to be heard of. `render` may give
        an empty message: nothing is sent then.
        """
        _, environment = find_place(exchange)
        await exchange.send(_start(environment.id))
        subscription = self.broadcast.subscribe(
            environment.id, exchange.send, render, _knower(exchange, find_place)
        )
        try:
            await subscription.begin(begin())
            if not self.broadcast.closed:
                await _wait_for_disconnect(exchange.receive)
                raise Disconnected
        except asyncio.CancelledError:
            # Told to end: by the server's stop, a revoked key, or for being too far behind to be told so.
            pass
        finally:
            self.broadcast.leave(environment.id, subscription)
        # A reader that is stuck does not get it; the server closes its connection all the same.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD_S):
                await exchange.send({"type": "http.response.body", "body": b""})


async def keep_alive(broadcast: Broadcast, every_s: int) -> None:
    """One clock for all streams."""
    while True:
        await asyncio.sleep(every_s)
        broadcast.heartbeat(HEARTBEAT)


def _start(environment_id: str) -> dict[str, object]:
    headers = [*HEADERS, (b"x-ld-envid", environment_id.encode())]
    return {"type": "http.response.start", "status": 200, "headers": headers}


def _knower(exchange: Exchange, find_place: FindPlace) -> Callable[[], bool]:
    def is_known() -> bool:
        try:
            find_place(exchange)
        except AssayError:
            return False
        return True

    return is_known


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
