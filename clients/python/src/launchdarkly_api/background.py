"""One event loop on a daemon thread, so that blocking calls share the asynchronous code and its deadlines."""

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class PendingResult(Generic[T]):
    """What a call with `async_req=True` returns."""

    def __init__(self, future: Future[T]) -> None:
        self._future = future

    def get(self, timeout: float | None = None) -> T:
        """Wait for the call and return its result or raise its exception; TimeoutError when still unready."""
        return self._future.result(timeout)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the call has ended or `timeout` seconds have passed."""
        with suppress(TimeoutError, CancelledError):
            self._future.exception(timeout)

    def ready(self) -> bool:
        """Whether the call has ended."""
        return self._future.done()

    def successful(self) -> bool:
        """Whether it ended without an exception; ValueError while it has not ended."""
        if not self.ready():
            raise ValueError("the call has not ended")
        return self._future.exception() is None


class BackgroundLoop:
    """Runs coroutines for threads that have no event loop of their own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        if hasattr(os, "register_at_fork"):  # threads do not survive a fork: a child starts its own
            os.register_at_fork(after_in_child=self._forget)

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Start `coroutine`; the thread is started with the first."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="launchdarkly_api", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run `coroutine` to its end; an interrupt cancels it."""
        future = self.submit(coroutine)
        try:
            return future.result()
        finally:
            future.cancel()

    def _forget(self) -> None:
        self._lock, self._loop = threading.Lock(), None


BACKGROUND = BackgroundLoop()
