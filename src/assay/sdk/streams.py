"""Server-sent events: what every stream has in common, whatever it says."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from assay.errors import AssayError
from assay.sdk.broadcast import Broadcast, Subscription, Update
from assay.sdk.credentials import FindPlace
from assay.sdk.endpoint import Exchange
from assay.sdk.wire import Disconnected, Headers, Receive, Send

HEADERS: Headers = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
HEARTBEAT = b":\n\n"

Render = Callable[[Update], bytes]


@dataclass(frozen=True, slots=True)
class Streams:
    """Opens streams: a first message, then one for each update, a comment where there is nothing to say."""

    broadcast: Broadcast
    heartbeat_s: int

    async def follow(
        self, exchange: Exchange, find_place: FindPlace, begin: Callable[[], bytes], render: Render
    ) -> None:
        """Goes on until the client or the server ends it, or its credential is no longer one.

        The first message is made by `begin` once every later change is sure to be heard of. `render` may give
        an empty message: nothing is sent then.
        """
        _, environment = find_place(exchange)
        with self.broadcast.subscription(environment.id) as subscription:
            headers = [*HEADERS, (b"x-ld-envid", environment.id.encode())]
            first = begin()
            await exchange.send({"type": "http.response.start", "status": 200, "headers": headers})
            await _push(exchange.send, first)
            await self._updates(exchange, find_place, subscription, render)
        await exchange.send({"type": "http.response.body", "body": b""})

    async def _updates(
        self, exchange: Exchange, find_place: FindPlace, subscription: Subscription, render: Render
    ) -> None:
        gone = asyncio.create_task(_wait_for_disconnect(exchange.receive))
        gone.add_done_callback(lambda _: subscription.push(None))
        try:
            while True:
                try:
                    async with asyncio.timeout(self.heartbeat_s):
                        update = await subscription.updates.get()
                except TimeoutError:
                    if not _still_known(exchange, find_place):
                        return
                    await _push(exchange.send, HEARTBEAT)
                    continue
                if update is None:
                    if gone.done():
                        raise Disconnected
                    return
                if message := render(update):
                    await _push(exchange.send, message)
        finally:
            gone.cancel()


def _still_known(exchange: Exchange, find_place: FindPlace) -> bool:
    try:
        find_place(exchange)
    except AssayError:
        return False
    return True


async def _push(send: Send, message: bytes) -> None:
    await send({"type": "http.response.body", "body": message, "more_body": True})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
