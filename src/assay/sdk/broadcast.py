"""Fan-out of flag changes to open streams: one encoded message for all, and nobody waits for a slow reader.

An idle stream costs one task, which sleeps until its client goes away; what there is to say is sent by a task that
lives as long as there is something to send.
"""

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import Any

import msgspec
import structlog

from assay.sdk.wire import Send
from assay.store.transaction import Change

_log = structlog.get_logger("sdk")


class Update:
    """A flag's or segment's change in an environment; each protocol's message is encoded once, for all its streams.

    `affected`: the flags whose results it may change, by the environment's version when somebody asked.
    """

    def __init__(self, change: Change) -> None:
        self.kind = change.kind
        self.key = change.key
        self.version = change.version
        self.delivered: dict[str, Any] | None = change.delivered
        self.encoded: dict[str, bytes] = {}
        self.affected: dict[int, list[str]] = {}

    @cached_property
    def message(self) -> bytes:
        """A `patch` or `delete` of the first protocol, by the path below which the SDK keeps it."""
        path = f"/{self.kind}s/{self.key}"
        if self.delivered is None:
            return encode_message("delete", {"path": path, "version": self.version})
        return encode_message("patch", {"path": path, "data": self.delivered})


Render = Callable[[Update], bytes]


class Subscription:
    """One stream: what it has still to be told, in order, and the task that tells it."""

    __slots__ = ("_backlog", "_limit", "_render", "_send", "_sending", "is_known", "reader")

    def __init__(self, send: Send, render: Render, is_known: Callable[[], bool], limit: int) -> None:
        self._send = send
        self._render = render
        self._limit = limit
        # Mostly empty and never long; an empty deque weighs a dozen times as much.
        self._backlog: list[Update | bytes] = []
        self._sending: asyncio.Task[None] | None = None
        self.is_known = is_known
        self.reader = asyncio.current_task()

    async def begin(self, first: bytes) -> None:
        """Sends the first message, then whatever came up meanwhile; from then on `tell` sends at once."""
        self._sending = asyncio.current_task()
        await self._push(first)
        await self._send_backlog()

    def tell(self, update: Update | bytes) -> None:
        """Queues an update or a ready message; a stream that is too far behind is ended instead."""
        if len(self._backlog) >= self._limit:
            _log.info("stream_dropped", behind=len(self._backlog))
            self.end()
            return
        self._backlog.append(update)
        if self._sending is None and self.reader is not None:
            self._sending = asyncio.get_running_loop().create_task(self._send_backlog())

    def end(self) -> None:
        """Ends the stream; its reader may be asleep, or stuck inside a send."""
        if self.reader is not None:
            self.reader.cancel()

    def forget(self) -> None:
        """Nothing is sent any more."""
        self.reader, sending = None, self._sending
        if sending is not None and sending is not asyncio.current_task():
            sending.cancel()

    async def _push(self, message: bytes) -> None:
        await self._send({"type": "http.response.body", "body": message, "more_body": True})

    async def _send_backlog(self) -> None:
        while self._backlog:
            update = self._backlog.pop(0)
            message = self._render(update) if isinstance(update, Update) else update
            if message:
                await self._push(message)
        self._sending = None


class Broadcast:
    """Subscriptions by environment id. All but `publish` is called in the event loop's thread."""

    def __init__(self, backlog: int) -> None:
        self._backlog = backlog
        self._subscriptions: dict[str, set[Subscription]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self.closed = False

    def attach(self) -> None:
        """From now on changes are delivered in the running loop."""
        self._loop = asyncio.get_running_loop()

    def publish(self, change: Change) -> None:
        """Called from any thread after a commit."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._deliver, change.environment_id, Update(change))

    def subscribe(
        self, environment_id: str, send: Send, render: Render, is_known: Callable[[], bool]
    ) -> Subscription:
        """A stream that is told every change from now on, once it has begun, until it leaves."""
        mine = Subscription(send, render, is_known, self._backlog)
        self._subscriptions.setdefault(environment_id, set()).add(mine)
        return mine

    def leave(self, environment_id: str, subscription: Subscription) -> None:
        """The stream is over."""
        self._subscriptions[environment_id].discard(subscription)
        subscription.forget()

    def heartbeat(self, message: bytes) -> None:
        """Shows every stream that we are there; ends those whose credential is no longer one."""
        for everyone in self._subscriptions.values():
            for subscription in list(everyone):
                if subscription.is_known():
                    subscription.tell(message)
                else:
                    subscription.end()

    def close(self) -> None:
        """Ends every stream."""
        self.closed = True
        for everyone in self._subscriptions.values():
            for subscription in list(everyone):
                subscription.end()

    def count(self) -> int:
        return sum(len(everyone) for everyone in self._subscriptions.values())

    def _deliver(self, environment_id: str, update: Update) -> None:
        for subscription in list(self._subscriptions.get(environment_id, ())):
            subscription.tell(update)


def encode_message(name: str, data: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))
