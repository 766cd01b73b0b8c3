"""Flags: the list, and making one."""

import re
from dataclasses import dataclass
from typing import Any

from assay.api import feature_flags, flag_listing
from assay.dashboard.addresses import PLACE
from assay.dashboard.forms import Form, parsed_json
from assay.dashboard.listings import Pager, page_of
from assay.dashboard.perform import check, may, perform
from assay.dashboard.visit import Page, SeeOther, Shown, View, Visit
from assay.dashboard.words import served_words
from assay.errors import AssayError, InvalidRequest
from assay.flags.model import Flag

PAGE_SIZE = 50
STATES = ("", "on", "off", "archived")
TYPES = {"boolean": "Boolean", "string": "String", "number": "Number", "json": "JSON"}


@dataclass(frozen=True, slots=True)
class FlagRow:
    key: str
    name: str
    href: str
    on: bool
    archived: bool
    served: str
    tags: tuple[str, ...]
    measured: bool
    changed_ms: int


@dataclass(frozen=True, slots=True)
class FlagsPage:
    """`exists`: the project has any flag at all."""

    pager: Pager[FlagRow]
    query: str
    state: str
    tag: str
    tags: tuple[str, ...]
    exists: bool
    may_create: bool
    new: str


@dataclass(frozen=True, slots=True)
class NewFlagPage:
    """The form with what was typed into it."""

    name: str
    key: str
    description: str
    type: str
    values: tuple[tuple[str, str], ...]
    tags: str
    client_side: bool
    back: str


def list_flags(visit: Visit) -> Shown:
    check(visit, flag_listing.list_flags, project=visit.path["project"])
    environment = visit.environment.key
    flags: list[Flag] = list(visit.state.all("flag", visit.project.key).values())
    query, state, tag = visit.query.text("q"), visit.query.text("state"), visit.query.text("tag")
    state = state if state in STATES else ""
    wanted = [flag for flag in flags if _wanted(flag, environment, query.lower(), state, tag)]
    rows = [_row(visit, flag) for flag in sorted(wanted, key=_newest(environment))]
    page = FlagsPage(
        pager=page_of(visit, rows, PAGE_SIZE, q=query, state=state, tag=tag),
        query=query,
        state=state,
        tag=tag,
        tags=tuple(sorted({tag for flag in flags for tag in flag.tags})),
        exists=bool(flags),
        may_create=may(visit, feature_flags.create_flag, project=visit.path["project"]),
        new=visit.here("new-flag"),
    )
    return Page("flags.html", "Flags", page)


def new_flag(visit: Visit) -> Shown:
    check(visit, feature_flags.create_flag, project=visit.path["project"])
    return _form(visit, Form({"client_side": ("on",)}))


def create_flag(visit: Visit) -> Shown:
    form, project = visit.form, visit.project.key
    if form.text("do") == "add":
        return _form(visit, form, more=1)
    try:
        created = perform(visit, feature_flags.create_flag, _flag_body(form), project=project)
    except AssayError as error:
        return _form(visit, form, error=error)
    return SeeOther(visit.here("flags", created["key"]), f"{created['name']} is made. It is off everywhere.")


def key_of_name(name: str) -> str:
    """A key in the way people write them: `New checkout!` becomes `new-checkout`."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:256]


def parsed_value(text: str, kind: str) -> Any:
    """A variation's value as typed into a form; `InvalidRequest` where it is none of its kind."""
    if kind == "string":
        return text
    try:
        value = parsed_json(text)
    except InvalidRequest:
        value = None
    if kind == "number" and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise InvalidRequest(f"{text[:40]!r} is no number")
    if kind == "json" and value is None and text.strip() != "null":
        raise InvalidRequest(f"{text[:40]!r} is no JSON")
    return value


def _flag_body(form: Form) -> dict[str, Any]:
    name, kind = form.text("name"), form.text("type", "boolean")
    if not name:
        raise InvalidRequest("Give the flag a name")
    client_side = form.ticked("client_side")
    return {
        "name": name,
        "key": form.text("key") or key_of_name(name),
        "description": form.raw("description"),
        "tags": form.words("tags"),
        "variations": _variations(form, kind),
        "clientSideAvailability": {"usingMobileKey": True, "usingEnvironmentId": client_side},
    }


def _variations(form: Form, kind: str) -> list[dict[str, Any]]:
    if kind == "boolean":
        return [{"value": True}, {"value": False}]
    rows = [row for row in form.numbered("variation") if row.text("value") or row.text("name")]
    if len(rows) < 2:
        raise InvalidRequest("a flag has at least two variations")
    return [{"value": parsed_value(row.raw("value"), kind), "name": row.text("name")} for row in rows]


def _form(visit: Visit, form: Form, *, more: int = 0, error: AssayError | None = None) -> Shown:
    rows = [(row.raw("value"), row.text("name")) for row in form.numbered("variation")]
    rows += [("", "")] * max(more, 2 - len(rows))
    kind = form.text("type", "boolean")
    page = NewFlagPage(
        name=form.text("name"),
        key=form.text("key"),
        description=form.raw("description"),
        type=kind if kind in TYPES else "boolean",
        values=tuple(rows),
        tags=form.raw("tags"),
        client_side=form.ticked("client_side"),
        back=visit.here("flags"),
    )
    status, text = (error.status, str(error)) if error else (200, "")
    return Page("flag_new.html", "New flag", page, status, text[:1].upper() + text[1:])


def _wanted(flag: Flag, environment: str, query: str, state: str, tag: str) -> bool:
    on = flag.environments[environment].on
    fits = {"": not flag.archived, "on": on and not flag.archived, "off": not on and not flag.archived}
    words = f"{flag.key} {flag.name} {flag.description} {' '.join(flag.tags)}".lower()
    return (
        fits.get(state, flag.archived)
        and (not tag or tag in flag.tags)
        and all(word in words for word in query.split())
    )


def _newest(environment: str) -> Any:
    return lambda flag: (-max(flag.environments[environment].last_modified, flag.creation_date), flag.key)


def _row(visit: Visit, flag: Flag) -> FlagRow:
    config = flag.environments[visit.path["environment"]]
    experiments = visit.state.experiments(visit.path["project"], flag.key)
    return FlagRow(
        key=flag.key,
        name=flag.name,
        href=visit.here("flags", flag.key),
        on=config.on,
        archived=flag.archived,
        served=served_words(flag, config),
        tags=flag.tags,
        measured=experiments.running(visit.path["environment"]),
        changed_ms=max(config.last_modified, flag.creation_date),
    )


VIEWS = (
    View("GET", PLACE + "/flags", list_flags, "flags"),
    View("GET", PLACE + "/new-flag", new_flag, "flags"),
    View("POST", PLACE + "/new-flag", create_flag, "flags"),
)
