"""Fan-out of flag changes to open streams: one encoded message for all, and nobody waits for a slow reader."""

import asyncio
import contextlib
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec

from assay.store.transaction import FlagChange


class Update:
    """A flag's change in an environment; each protocol's message is encoded once, for all its streams."""

    def __init__(self, change: FlagChange) -> None:
        self.flag = change.flag
        self.version = change.version
        self.delivered: dict[str, Any] | None = change.delivered
        self.encoded: dict[str, bytes] = {}

    @cached_property
    def message(self) -> bytes:
        """A `patch` or `delete` of the first protocol, by the path below which the SDK keeps its flags."""
        path = f"/flags/{self.flag}"
        if self.delivered is None:
            return encode_message("delete", {"path": path, "version": self.version})
        return encode_message("patch", {"path": path, "data": self.delivered})


class Subscription:
    """One stream's queue of updates. None in it means: this stream ends."""

    def __init__(self, backlog: int) -> None:
        self.updates: asyncio.Queue[Update | None] = asyncio.Queue(backlog)
        self.task = asyncio.current_task()

    def push(self, update: Update | None) -> None:
        try:
            self.updates.put_nowait(update)
        except asyncio.QueueFull:
            # It may be stuck inside a send, where no queue can reach it.
            if self.task is not None:
                self.task.cancel()


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
            self._loop.call_soon_threadsafe(self._deliver, change.environment_id, Update(change))

    @contextlib.contextmanager
    def subscription(self, environment_id: str) -> Iterator[Subscription]:
        """A queue that gets every change from now on."""
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
        """Ends every stream."""
        self._closed = True
        for environment_id in list(self._subscriptions):
            self._deliver(environment_id, None)

    def count(self) -> int:
        return sum(len(everyone) for everyone in self._subscriptions.values())

    def _deliver(self, environment_id: str, update: Update | None) -> None:
        for subscription in list(self._subscriptions.get(environment_id, ())):
            subscription.push(update)


def encode_message(name: str, data: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))
