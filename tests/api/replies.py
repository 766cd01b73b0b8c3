"""What every refusal looks like, and keys that no other test uses."""

import itertools
import uuid

from live import Reply

_numbers = itertools.count()


def fresh(prefix: str) -> str:
    """A key that nobody has used on the shared server."""
    return f"{prefix}-{next(_numbers)}"


def assert_refused(reply: Reply, status: int, code: str) -> None:
    """The documented status, and a body of exactly code, message and an id."""
    assert reply.status == status, reply.body
    assert reply.headers["content-type"].startswith("application/json")
    assert set(reply.body) == {"code", "message", "id"}
    assert reply.body["code"] == code
    assert isinstance(reply.body["message"], str)
    assert reply.body["message"]
    assert uuid.UUID(reply.body["id"])
