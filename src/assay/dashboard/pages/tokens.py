"""Access tokens: the list, making one (its secret is shown once), taking one away."""

from dataclasses import dataclass
from typing import Any

from assay.api import tokens
from assay.dashboard.people import actor_words
from assay.dashboard.perform import check, may, perform
from assay.dashboard.visit import Page, SeeOther, Shown, View, Visit
from assay.errors import AssayError, InvalidRequest
from assay.store.records import Token

DAY_MS = 86_400_000
BUILT_IN = {
    "reader": "Reader: sees everything",
    "writer": "Writer: changes flags, metrics and experiments",
    "admin": "Admin: does everything, tokens and projects too",
}
LIFETIMES = {"": "Never", "30": "In 30 days", "90": "In 90 days", "365": "In a year"}


@dataclass(frozen=True, slots=True)
class TokenRow:
    id: str
    name: str
    ending: str
    role: str
    service: bool
    owner: str
    created_ms: int
    expiry_ms: int | None
    own: bool


@dataclass(frozen=True, slots=True)
class TokensPage:
    """`secret`: of a token just made; it is in no other answer, ever."""

    rows: tuple[TokenRow, ...]
    roles: tuple[tuple[str, str], ...]
    lifetimes: tuple[tuple[str, str], ...]
    name: str
    role: str
    service: bool
    lifetime: str
    secret: str
    may_create: bool


def list_tokens(visit: Visit) -> Shown:
    check(visit, tokens.list_tokens)
    return _page(visit)


def change_tokens(visit: Visit) -> Shown:
    check(visit, tokens.list_tokens)
    form, (step, _, identifier) = visit.form, visit.form.text("do").partition(".")
    try:
        if step == "delete":
            token: Token | None = visit.state.find(("token", "", identifier))
            perform(visit, tokens.delete_token, token=identifier)
            name = token.name if token else ""
            return SeeOther("/settings/tokens", f"The token {name or identifier} opens nothing any more.")
        made = perform(visit, tokens.create_token, _body(visit))
    except AssayError as error:
        return _page(visit, error=error)
    return _page(visit, secret=str(made["token"]), made=form.text("name"))


def _body(visit: Visit) -> dict[str, Any]:
    form = visit.form
    role, lifetime = form.text("role", "reader"), form.text("lifetime")
    if not form.text("name"):
        raise InvalidRequest("Give the token a name: it is how you tell it from others later")
    body: dict[str, Any] = {"name": form.text("name"), "serviceToken": form.ticked("service")}
    body |= {"role": role} if role in BUILT_IN else {"customRoleIds": [role]}
    if lifetime in LIFETIMES and lifetime:
        body["expiry"] = visit.rooms.store.now_ms() + int(lifetime) * DAY_MS
    return body


def _page(visit: Visit, *, secret: str = "", made: str = "", error: AssayError | None = None) -> Shown:
    form = visit.form
    custom = [(role.id, f"{role.name} (custom role)") for role in visit.state.all("role").values()]
    page = TokensPage(
        rows=tuple(_row(visit, token) for token in visit.state.all("token").values()),
        roles=(*BUILT_IN.items(), *custom),
        lifetimes=tuple(LIFETIMES.items()),
        name=form.text("name") if error else made,
        role=form.text("role", "writer"),
        service=form.ticked("service"),
        lifetime=form.text("lifetime"),
        secret=secret,
        may_create=may(visit, tokens.create_token),
    )
    status, text = (error.status, str(error)) if error else (200, "")
    return Page("tokens.html", "Access tokens", page, status, text[:1].upper() + text[1:])


def _row(visit: Visit, token: Token) -> TokenRow:
    names = [role.name for role in visit.state.all("role").values() if role.id in token.custom_role_ids]
    own_policy = ["own policy"] if token.inline_role else []
    return TokenRow(
        id=token.id,
        name=token.name,
        ending=token.ending,
        role=token.role or ", ".join((*names, *own_policy)) or "nothing",
        service=token.service_token,
        owner=actor_words(visit.state, f"member/{token.member_id}") if token.member_id else "",
        created_ms=token.creation_date,
        expiry_ms=token.expiry or None,
        own=token.id == visit.token.id,
    )


VIEWS = (
    View("GET", "/settings/tokens", list_tokens, "tokens"),
    View("POST", "/settings/tokens", change_tokens, "tokens"),
)
