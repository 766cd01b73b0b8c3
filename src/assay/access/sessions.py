"""Browser sessions: a random id in a cookie, its digest in the store, and a token against forged forms.

A session acts for an access token or for a member (`token/{id}`, `member/{id}`). It ends when that one is removed,
is given another secret or password, or expires; after 12 hours without a request; and after 7 days in any case.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from assay.access.first_start import write_secret
from assay.access.tokens import as_token, digest, expired
from assay.errors import Unauthorized
from assay.store.records import Member, Token
from assay.store.state import State
from assay.store.store import Store
from assay.store.tables import sessions

IDLE_MS = 12 * 3_600_000
LONGEST_MS = 7 * 24 * 3_600_000

# The row is written at most this often while a session is in use.
TOUCH_MS = 60_000

SECRET_FILE = "session-secret"  # noqa: S105  # its name, not what it holds


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in. `token` is what operations are performed with; `member` is None for a token's session."""

    actor: str
    token: Token
    member: Member | None
    created_ms: int
    used_ms: int


def create_session(store: Store, actor: str) -> str:
    """A new session of `token/{id}` or `member/{id}`; returns the cookie's value, which is kept nowhere else.

    Raises `Unauthorized` where there is no such actor.
    """
    found = _actor(store.state, actor, store.now_ms())
    if found is None:
        raise Unauthorized("There is no such member or access token")
    session_id, now_ms = secrets.token_urlsafe(32), store.now_ms()
    row = {"digest": digest(session_id), "actor": actor, "proof": _proof(found)}
    too_old = sa.or_(sessions.c.used_ms <= now_ms - IDLE_MS, sessions.c.created_ms <= now_ms - LONGEST_MS)
    with store.engine.begin() as connection:
        connection.execute(sa.delete(sessions).where(too_old))
        connection.execute(sa.insert(sessions).values(**row, created_ms=now_ms, used_ms=now_ms))
    return session_id


def find_session(store: Store, session_id: str) -> Session | None:
    """The session of a cookie's value, None where it has ended; finding it counts as using it."""
    now_ms, here = store.now_ms(), sessions.c.digest == digest(session_id)
    with store.engine.connect() as connection:
        row = connection.execute(sa.select(sessions).where(here)).one_or_none()
    if row is None:
        return None
    found = _actor(store.state, row.actor, now_ms)
    young = row.used_ms > now_ms - IDLE_MS and row.created_ms > now_ms - LONGEST_MS
    if found is None or not young or not hmac.compare_digest(_proof(found), row.proof):
        end_session(store, session_id)
        return None
    if now_ms - row.used_ms >= TOUCH_MS:
        with store.engine.begin() as connection:
            connection.execute(sa.update(sessions).where(here).values(used_ms=now_ms))
    member = found if isinstance(found, Member) else None
    token = as_token(found) if isinstance(found, Member) else found
    return Session(row.actor, token, member, row.created_ms, now_ms)


def end_session(store: Store, session_id: str) -> None:
    """Signs the browser out; nothing happens where the session has ended already."""
    with store.engine.begin() as connection:
        connection.execute(sa.delete(sessions).where(sessions.c.digest == digest(session_id)))


def session_secret(folder: Path) -> bytes:
    """The key of this server's CSRF tokens, made when it is first asked for."""
    path = folder / SECRET_FILE
    if not path.exists():
        write_secret(path, secrets.token_hex(32))
    return path.read_bytes().strip()


def csrf_token(secret: bytes, session_id: str) -> str:
    """What every form of this session carries; from it the cookie can't be had."""
    return hmac.new(secret, b"csrf:" + session_id.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def check_csrf(secret: bytes, session_id: str, given: str) -> bool:
    """Whether a form came from a page of this session."""
    return hmac.compare_digest(csrf_token(secret, session_id).encode(), given.encode("utf-8", "replace"))


def _actor(state: State, actor: str, now_ms: int) -> Token | Member | None:
    kind, _, key = actor.partition("/")
    if kind not in ("token", "member"):
        return None
    found: Token | Member | None = state.find((kind, "", key))
    return None if isinstance(found, Token) and expired(found, now_ms) else found


def _proof(found: Token | Member) -> str:
    """Changes with the token's secret and the member's password, and with it every session ends."""
    return digest(found.digest if isinstance(found, Token) else f"{found.id}:{found.password_digest}")
