"""Signing in: whose credentials a form holds, and where to go then."""

from dataclasses import dataclass

from assay.access.members import verify_password
from assay.access.tokens import authenticate
from assay.dashboard.forms import Form
from assay.errors import Unauthorized
from assay.store.state import State
from assay.store.store import Store


@dataclass(frozen=True, slots=True)
class SignInPage:
    """`fresh`: nobody did anything here yet, so the page says where the first token is."""

    after: str
    email: str
    members: bool
    fresh: bool
    folder: str


def sign_in_page(state: State, form: Form, after: str, folder: str) -> SignInPage:
    return SignInPage(
        after=after,
        email=form.text("email"),
        members=any(member.password_digest for member in state.all("member").values()),
        fresh=len(state.all("token")) == 1
        and not state.all("flag", "default")
        and len(state.all("member")) <= 1,
        folder=folder,
    )


def actor_of_form(store: Store, form: Form) -> str:
    """Whom the form's credentials belong to, as sessions name them; `Unauthorized` where nobody."""
    if form.text("email"):
        member = verify_password(store, form.text("email"), form.raw("password"))
        if member is None:
            raise Unauthorized("This email address and password don't belong together")
        return f"member/{member.id}"
    if not form.text("token"):
        raise Unauthorized("Paste an access token")
    try:
        return f"token/{authenticate(store, form.text('token')).id}"
    except Unauthorized:
        raise Unauthorized("This is not an access token of this server") from None


def safe_target(target: str) -> str:
    """Where to go after signing in: a page of ours, or the first page."""
    inside = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if inside else "/"
