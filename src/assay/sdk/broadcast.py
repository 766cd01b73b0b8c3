"""Fan-out of flag changes to open streams: one encoded message for all, and nobody waits for a slow reader."""

import asyncio
import contextlib
from collections.abc import Iterator

import msgspec

from assay.store.transaction import FlagChange

# How long a stream may take to send its last message when the server stops.
STUCK_S = 2


class Subscription:
    """One stream's queue. `dropped` is set where it fell too far behind; its task is then cancelled."""

    def __init__(self, backlog: int) -> None:
        self.messages: asyncio.Queue[bytes | None] = asyncio.Queue(backlog)
        self.dropped = False
        self._task = asyncio.current_task()

    def push(self, message: bytes | None) -> None:
        try:
            self.messages.put_nowait(message)
        except asyncio.QueueFull:
            self.drop()

    def drop(self) -> None:
        """Ends the stream although it may be stuck inside a send, where no queue can reach it."""
        self.dropped = True
        if self._task is not None:
            self._task.cancel()


class Broadcast:
    """Subscriptions by environment id. All but `publish` is called in the event loop's thread."""

    def __init__(self, backlog: int) -> None:
        self._backlog = backlog
        self._subscriptions: dict[str, set[Subscription]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def attach(self) -> None:
        """From now on changes are delivered in the running loop."""
        self._loop = asyncio.get_running_loop()

    def publish(self, change: FlagChange) -> None:
        """Called from any thread after a commit."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._deliver, change.environment_id, encode_change(change))

    @contextlib.contextmanager
    def subscription(self, environment_id: str) -> Iterator[Subscription]:
        """A queue that gets every change from now on; None in it means: the server stops."""
        mine = Subscription(self._backlog)
        everyone = self._subscriptions.setdefault(environment_id, set())
        everyone.add(mine)
        if self._closed:
            mine.push(None)
        try:
            yield mine
        finally:
            everyone.discard(mine)

    def close(self) -> None:
        """Ends every stream; those that are stuck a little later."""
        self._closed = True
        for environment_id in list(self._subscriptions):
            self._deliver(environment_id, None)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_later(STUCK_S, self._drop_all)

    def count(self) -> int:
        return sum(len(everyone) for everyone in self._subscriptions.values())

    def _drop_all(self) -> None:
        for subscription in [one for everyone in self._subscriptions.values() for one in everyone]:
            subscription.drop()

    def _deliver(self, environment_id: str, message: bytes | None) -> None:
        for subscription in list(self._subscriptions.get(environment_id, ())):
            subscription.push(message)


def encode_message(name: str, data: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))


def encode_change(change: FlagChange) -> bytes:
    path = f"/flags/{change.flag}"
    if change.delivered is None:
        return encode_message("delete", {"path": path, "version": change.version})
    return encode_message("patch", {"path": path, "data": change.delivered})
