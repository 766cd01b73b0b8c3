"""Webhooks at work: each audited change is posted to whoever subscribed to it, in threads of its own.

Deliveries wait in memory only, so a restart forgets those that are still waiting. Redirects are not followed. Any
address may be subscribed, private ones too: whoever may make webhooks runs this server.
"""

import hashlib
import heapq
import hmac
import http.client
import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from prometheus_client import Counter

from assay.store.records import Webhook

DELIVERIES = Counter("assay_webhook_deliveries_total", "Attempts to deliver to webhooks", ["outcome"])

THREADS = 4
MOST_WAITING = 10_000
TIMEOUT_S = 10
DELAYS_S = (1.0, 5.0, 30.0, 120.0, 600.0)

_log = structlog.get_logger("webhooks")

Post = Callable[[str, bytes, Mapping[str, str]], int]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One body for one webhook, and how often it was tried."""

    webhook: Webhook
    body: bytes
    attempts: int = 0


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """The status of a POST."""
    place = urlsplit(url)
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    connection = kind(place.hostname or "", place.port, timeout=TIMEOUT_S)
    try:
        connection.request(
            "POST", f"{place.path or '/'}{'?' if place.query else ''}{place.query}", body, headers
        )
        return connection.getresponse().status
    finally:
        connection.close()


def signature(secret: str, body: bytes) -> str:
    """What `X-LD-Signature` says: HMAC-SHA256 of the body, in hexadecimal."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Courier:
    """Delivers; what fails is tried again after each of `delays_s`, then given up. `current` is asked before each
    attempt: a webhook that is gone or off gets nothing more.
    """

    def __init__(
        self,
        current: Callable[[str], Webhook | None],
        *,
        post: Post = post,
        delays_s: tuple[float, ...] = DELAYS_S,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._current = current
        self._post = post
        self._delays_s = delays_s
        self._most_waiting = most_waiting
        self._waiting: list[tuple[float, int, Delivery]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._closing = False
        self._threads: list[threading.Thread] = []

    def send(self, delivery: Delivery, after_s: float = 0) -> None:
        """Returns at once. What is too much to remember is dropped, and said so."""
        with self._changed:
            if self._closing or len(self._waiting) >= self._most_waiting:
                _report("dropped", delivery, "too many deliveries are waiting")
                return
            heapq.heappush(self._waiting, (time.monotonic() + after_s, next(self._numbers), delivery))
            self._start()
            self._changed.notify()

    def close(self) -> None:
        """Forgets what is waiting; an attempt that is under way ends within its time limit, or with the process."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def _start(self) -> None:
        """Threads begin with the first delivery: most servers have no webhooks."""
        if not self._threads:
            self._threads = [
                threading.Thread(target=self._work, name=f"webhooks-{number}", daemon=True)
                for number in range(THREADS)
            ]
            for thread in self._threads:
                thread.start()

    def _work(self) -> None:
        while (delivery := self._next()) is not None:
            self._deliver(delivery)

    def _next(self) -> Delivery | None:
        """The delivery that is due; None once this is closed."""
        with self._changed:
            while not self._closing:
                due_s = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if due_s is not None and due_s <= 0:
                    return heapq.heappop(self._waiting)[2]
                self._changed.wait(due_s)
        return None

    def _deliver(self, delivery: Delivery) -> None:
        webhook = self._current(delivery.webhook.id)
        if webhook is None or not webhook.on:
            return
        headers = {"Content-Type": "application/json", "User-Agent": "Assay"}
        if webhook.secret:
            headers["X-LD-Signature"] = signature(webhook.secret, delivery.body)
        try:
            status = self._post(webhook.url, delivery.body, headers)
            problem = "" if 200 <= status < 300 else f"it answered {status}"
        except (OSError, http.client.HTTPException, ValueError) as error:
            problem = str(error) or type(error).__name__
        if not problem:
            DELIVERIES.labels("delivered").inc()
            return
        _report("failed", delivery, problem)
        if delivery.attempts < len(self._delays_s):
            again = Delivery(webhook, delivery.body, delivery.attempts + 1)
            self.send(again, self._delays_s[delivery.attempts])
        else:
            _report("given_up", delivery, problem)


def _report(outcome: str, delivery: Delivery, reason: str) -> None:
    """Names the webhook by its id: its URL may hold a secret."""
    DELIVERIES.labels(outcome).inc()
    _log.warning(
        f"webhook_{outcome}", webhook=delivery.webhook.id, attempt=delivery.attempts + 1, reason=reason
    )
