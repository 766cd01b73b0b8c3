"""The courier: what fails is tried again, a bounded number of times, and nothing holds up what comes after."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY

from assay.api.deliveries import Courier, Delivery, signature
from assay.store.records import Webhook

WEBHOOK = Webhook("w1", "http://receiver.example/hook", secret="s3cret")
QUICK = (0.001, 0.001, 0.001)


@dataclass
class Receiver:
    """Answers with `statuses` in order, the last one for ever; an exception is raised instead."""

    statuses: list[int | Exception]
    expected: int = 1
    got: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.got.append((url, body, dict(headers)))
        status = self.statuses[min(len(self.got), len(self.statuses)) - 1]
        if len(self.got) == self.expected:
            self.done.set()
        if isinstance(status, Exception):
            raise status
        return status


def count(outcome: str) -> float:
    return REGISTRY.get_sample_value("assay_webhook_deliveries_total", {"outcome": outcome}) or 0


def settled(check: Callable[[], bool]) -> bool:
    """Whether it comes true; the counter moves a moment after the receiver was called."""
    waiting = threading.Event()
    return any(check() or waiting.wait(0.01) for _ in range(500)) and check()


@pytest.fixture
def courier() -> Iterator[Callable[..., Courier]]:
    made: list[Courier] = []

    def make(receiver: Receiver, webhook: Webhook | None = WEBHOOK, **more: int) -> Courier:
        made.append(Courier(lambda _: webhook, post=receiver.post, delays_s=QUICK, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_body_is_posted_once_and_signed(courier: Callable[..., Courier]) -> None:
    receiver, before = Receiver([200]), count("delivered")
    courier(receiver).send(Delivery(WEBHOOK, b'{"a":1}'))
    assert receiver.done.wait(10)
    assert settled(lambda: count("delivered") == before + 1)
    ((url, body, headers),) = receiver.got
    assert (url, body) == (WEBHOOK.url, b'{"a":1}')
    assert headers["X-LD-Signature"] == signature("s3cret", b'{"a":1}')
    assert headers["Content-Type"] == "application/json"


def test_the_signature_is_the_hex_of_hmac_sha256() -> None:
    """Source: RFC 4231, section 4.3 (test case 2)."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert signature("Jefe", b"what do ya want for nothing?") == expected


def test_without_a_secret_there_is_no_signature(courier: Callable[..., Courier]) -> None:
    receiver, plain = Receiver([204]), replace(WEBHOOK, secret="")
    courier(receiver, plain).send(Delivery(plain, b"{}"))
    assert receiver.done.wait(10)
    assert "X-LD-Signature" not in receiver.got[0][2]


@pytest.mark.parametrize(
    "problem", [500, 404, 301, 302, 101, OSError("refused"), ValueError("bad"), TimeoutError()]
)
def test_whatever_is_no_success_is_tried_again(
    courier: Callable[..., Courier], problem: int | Exception
) -> None:
    receiver, before = Receiver([problem, problem, 200], expected=3), count("delivered")
    courier(receiver).send(Delivery(WEBHOOK, b"{}"))
    assert receiver.done.wait(10)
    assert settled(lambda: count("delivered") == before + 1)
    assert len({body for _, body, _ in receiver.got}) == 1


def test_it_is_given_up_after_the_last_delay(courier: Callable[..., Courier]) -> None:
    receiver = Receiver([503], expected=1 + len(QUICK))
    failed, given_up = count("failed"), count("given_up")
    courier(receiver).send(Delivery(WEBHOOK, b"{}"))
    assert receiver.done.wait(10)
    assert settled(lambda: count("given_up") == given_up + 1)
    assert count("failed") == failed + 1 + len(QUICK)
    assert len(receiver.got) == 1 + len(QUICK)


@pytest.mark.parametrize("now", [None, replace(WEBHOOK, on=False)])
def test_a_webhook_that_is_gone_or_off_gets_nothing(
    courier: Callable[..., Courier], now: Webhook | None
) -> None:
    receiver, reached = Receiver([200]), threading.Event()
    one = Courier(lambda _: reached.set() or now, post=receiver.post, delays_s=QUICK)  # type: ignore[func-returns-value]
    one.send(Delivery(WEBHOOK, b"{}"))
    assert reached.wait(10)
    one.close()
    assert receiver.got == []


def test_an_edited_webhook_is_used_as_it_is_now(courier: Callable[..., Courier]) -> None:
    receiver = Receiver([200])
    courier(receiver, replace(WEBHOOK, url="http://new.example/")).send(Delivery(WEBHOOK, b"{}"))
    assert receiver.done.wait(10)
    assert receiver.got[0][0] == "http://new.example/"


def test_what_is_too_much_is_dropped_and_said_so(courier: Callable[..., Courier]) -> None:
    inside, go = threading.Event(), threading.Event()

    def slow(_: str, __: bytes, ___: Mapping[str, str]) -> int:
        inside.set()
        assert go.wait(10)
        return 200

    before = count("dropped")
    one = Courier(lambda _: WEBHOOK, post=slow, most_waiting=5)
    for _ in range(30):
        one.send(Delivery(WEBHOOK, b"{}"))
    assert inside.wait(10)
    assert count("dropped") - before >= 30 - 5 - 4
    go.set()
    one.close()


def test_nothing_is_sent_once_it_is_closed(courier: Callable[..., Courier]) -> None:
    receiver = Receiver([200])
    one = courier(receiver)
    one.close()
    before = count("dropped")
    one.send(Delivery(WEBHOOK, b"{}"))
    assert count("dropped") == before + 1
    assert receiver.got == []
