"""Access tokens: minted once, stored as a digest, compared in constant time."""

import hashlib
import hmac
import secrets
import uuid

from assay.errors import Unauthorized
from assay.store.records import Member, Token
from assay.store.store import Store

ROLES = ("reader", "writer", "admin")


def new_secret() -> str:
    return f"api-{uuid.uuid4()}"


def digest(secret: str) -> str:
    """SHA-256 suffices: a secret holds 122 random bits, so there is no dictionary to try."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def mint(name: str, role: str, secret: str, now_ms: int, service_token: bool = False) -> Token:
    """The record of a new token."""
    return Token(
        id=secrets.token_hex(12),
        name=name,
        role=role,
        digest=digest(secret),
        ending=secret[-4:],
        creation_date=now_ms,
        last_modified=now_ms,
        service_token=service_token,
    )


def authenticate(store: Store, header: str | None) -> Token:
    """The token of an Authorization header, with or without the word Bearer; else `Unauthorized`."""
    presented = digest((header or "").removeprefix("Bearer ").strip())
    now_ms = store.now_ms()
    found = [token for token in store.state.all("token").values() if _opens(token, presented, now_ms)]
    if not found:
        raise Unauthorized("Invalid access token")
    token: Token = found[0]
    return token


def expired(token: Token, now_ms: int) -> bool:
    return 0 < token.expiry <= now_ms


def as_token(member: Member) -> Token:
    """What a signed-in member acts with; it is never stored, and no secret opens it."""
    return Token(
        id=f"member/{member.id}",
        name=member.email,
        role=member.role,
        digest="",
        ending="",
        creation_date=member.creation_date,
        member_id=member.id,
        custom_role_ids=member.custom_roles,
    )


def actor_of(token: Token) -> str:
    """Whom the audit log names."""
    return token.id if token.id.startswith("member/") else f"token/{token.id}"


def _opens(token: Token, presented: str, now_ms: int) -> bool:
    current = hmac.compare_digest(token.digest, presented)
    earlier = hmac.compare_digest(token.old_digest, presented) and now_ms < token.old_expiry
    return (current or earlier) and not expired(token, now_ms)
