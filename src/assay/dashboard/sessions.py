"""Who is signed in: sessions in memory, by an id that only the browser's cookie holds."""

import hmac
import secrets
import threading
import time
from dataclasses import dataclass

from assay.errors import Unauthorized
from assay.store.records import Token
from assay.store.store import Store

LIFETIME_S = 12 * 3600

_lock = threading.Lock()
_sessions: dict[str, tuple[str, float]] = {}


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in, and the token that operations are performed with."""

    actor: str
    token: Token


def create_session(store: Store, actor: str) -> str:
    """A new session's id for an actor as the audit log names it."""
    if _token(store, actor) is None:
        raise Unauthorized("There is no such access token")
    session = secrets.token_urlsafe(32)
    with _lock:
        now = time.time()
        for stale in [known for known, (_, until) in _sessions.items() if until < now]:
            del _sessions[stale]
        _sessions[session] = (actor, now + LIFETIME_S)
    return session


def find_session(store: Store, session: str) -> Session | None:
    """The session; None where it is over or never was."""
    actor, until = _sessions.get(session, ("", 0.0))
    token = _token(store, actor) if until > time.time() else None
    return None if token is None else Session(actor, token)


def end_session(_store: Store, session: str) -> None:
    with _lock:
        _sessions.pop(session, None)


def csrf_token(secret: bytes, session: str) -> str:
    """What every form of the session carries, and no other site can know."""
    return hmac.digest(secret, session.encode(), "sha256").hex()


def check_csrf(secret: bytes, session: str, given: str) -> bool:
    return hmac.compare_digest(csrf_token(secret, session).encode(), given.encode("utf-8", "replace"))


def _token(store: Store, actor: str) -> Token | None:
    kind, _, identifier = actor.partition("/")
    token: Token | None = store.state.find(("token", "", identifier)) if kind == "token" else None
    return token
