"""Flags to server-side SDKs: the stream `/all` and the poll `/sdk/latest-all`."""

import asyncio

import structlog

from assay.errors import AssayError
from assay.sdk.broadcast import Broadcast, Subscription
from assay.sdk.credentials import is_known, server_place
from assay.sdk.payloads import FlagSets
from assay.sdk.wire import JSON, Headers, Receive, Scope, Send, answer, answer_error, header
from assay.store.store import Store

_log = structlog.get_logger("sdk")

STREAM_HEADERS: Headers = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class FlagDelivery:
    """Two ASGI callables over the same flag sets."""

    def __init__(self, store: Store, flag_sets: FlagSets, broadcast: Broadcast, heartbeat_s: int) -> None:
        self._store = store
        self._flag_sets = flag_sets
        self._broadcast = broadcast
        self._heartbeat_s = heartbeat_s

    async def poll(self, scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            place = server_place(self._store, scope)
        except AssayError as error:
            await answer_error(send, error)
            return
        flags = self._flag_sets.current(place)
        headers = [(b"etag", flags.etag.encode()), (b"x-ld-envid", place[1].id.encode())]
        if header(scope, b"if-none-match") == flags.etag:
            await answer(send, 304, headers)
        else:
            await answer(send, 200, [*JSON, *headers], flags.body)

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            place = server_place(self._store, scope)
        except AssayError as error:
            await answer_error(send, error)
            return
        environment_id = place[1].id
        with self._broadcast.subscription(environment_id) as subscription:
            headers = [*STREAM_HEADERS, (b"x-ld-envid", environment_id.encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            body = self._flag_sets.current(place).body
            try:
                await _push(send, b'event: put\ndata: {"path":"/","data":%s}\n\n' % body)
                await self._follow(subscription, scope, receive, send)
            except asyncio.CancelledError:
                if not subscription.dropped:
                    raise
                _log.info("stream_dropped", environment=environment_id)

    async def _follow(self, subscription: Subscription, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends what comes until the client or the server ends it, or its environment is deleted.

        A comment now and then keeps it alive.
        """
        gone = asyncio.create_task(_wait_for_disconnect(receive))
        gone.add_done_callback(lambda _: subscription.push(None))
        try:
            while True:
                try:
                    async with asyncio.timeout(self._heartbeat_s):
                        message = await subscription.messages.get()
                except TimeoutError:
                    message = b":\n\n" if is_known(self._store, scope) else None
                if message is None:
                    break
                await _push(send, message)
        finally:
            gone.cancel()
        await send({"type": "http.response.body", "body": b""})


async def _push(send: Send, message: bytes) -> None:
    await send({"type": "http.response.body", "body": message, "more_body": True})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
