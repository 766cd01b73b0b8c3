"""Access tokens: minted once, stored as a digest, compared in constant time."""

import hashlib
import hmac
import secrets
import uuid

from assay.errors import Forbidden, Unauthorized
from assay.store.records import Token
from assay.store.store import Store

ROLES = ("reader", "writer", "admin")
FIRST = "bootstrap"


def new_secret() -> str:
    return f"api-{uuid.uuid4()}"


def digest(secret: str) -> str:
    """SHA-256 suffices: a secret holds 122 random bits, so there is no dictionary to try."""
    return hashlib.sha256(secret.encode()).hexdigest()


def mint(name: str, role: str, secret: str, now_ms: int, service_token: bool = False) -> Token:
    """The record of a new token."""
    return Token(
        id=secrets.token_hex(12),
        name=name,
        role=role,
        digest=digest(secret),
        ending=secret[-4:],
        creation_date=now_ms,
        service_token=service_token,
    )


def authenticate(store: Store, header: str | None) -> Token:
    """The token of an Authorization header, with or without the word Bearer; else `Unauthorized`."""
    secret = (header or "").removeprefix("Bearer ").strip()
    presented = digest(secret)
    found = [
        token for token in store.state.all("token").values() if hmac.compare_digest(token.digest, presented)
    ]
    if not found:
        raise Unauthorized("Invalid access token")
    token: Token = found[0]
    return token


def require(token: Token, role: str) -> None:
    """Raises `Forbidden` where the token's role is below the one needed."""
    if ROLES.index(token.role) < ROLES.index(role):
        raise Forbidden(f"This needs the role {role}; the access token has the role {token.role}")
