"""Signing in and out."""

from dataclasses import dataclass

from assay.access.tokens import authenticate
from assay.errors import Unauthorized
from assay.store.store import Store


@dataclass(frozen=True, slots=True)
class SignInPage:
    """`fresh`: nobody ever did anything here, so the page says where the first token is."""

    after: str
    fresh: bool
    folder: str


def actor_of_credentials(store: Store, secret: str) -> str:
    """Whom a token's secret belongs to, as the audit log names them; `Unauthorized` where nobody."""
    if not secret:
        raise Unauthorized("Paste an access token")
    try:
        return f"token/{authenticate(store, secret).id}"
    except Unauthorized:
        raise Unauthorized("This is not an access token of this server") from None


def safe_target(target: str) -> str:
    """Where to go after signing in: a page of ours, or the first page."""
    inside = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if inside else "/"
