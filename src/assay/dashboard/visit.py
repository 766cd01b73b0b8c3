"""One visit of a page as a value: who asks for what; and what a view answers with."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

from assay.access.sessions import Session
from assay.api.call import Rooms
from assay.dashboard.addresses import place_address
from assay.dashboard.forms import Form
from assay.dashboard.lately import Lately
from assay.sdk.arrivals import Arrivals
from assay.store.records import Environment, Project, Token
from assay.store.state import State

Theme = Literal["auto", "light", "dark"]


@dataclass(frozen=True, slots=True)
class Workplace:
    """What views work with. `secret`: the key of the tokens in forms; `lately`: what pages may show late."""

    rooms: Rooms
    arrivals: Arrivals
    secret: bytes
    lately: Lately


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who is signed in. `path` holds decoded parameters; `origin` is the server's address.

    `session_id` is the cookie's value, `session` whom it belongs to. `known_tag`: the tag of the page that a live
    region was fetched with before. `due_s`: until when, by the monotonic clock, the page waits for what takes long;
    None where somebody has sent a form, and waits for what comes of it.
    """

    workplace: Workplace
    session_id: str
    session: Session
    path: Mapping[str, str]
    query: Form
    form: Form
    origin: str
    target: str
    known_tag: str = ""
    due_s: float | None = None

    @property
    def patience_s(self) -> float | None:
        """How long the page may still wait; None: as long as it takes."""
        return None if self.due_s is None else max(0.0, self.due_s - time.monotonic())

    @property
    def token(self) -> Token:
        """What operations are performed with."""
        return self.session.token

    @property
    def rooms(self) -> Rooms:
        return self.workplace.rooms

    @property
    def state(self) -> State:
        return self.workplace.rooms.store.state

    @property
    def project(self) -> Project:
        """The project of the page; `NotFound` where there is none."""
        return self.state.project(self.path["project"])

    @property
    def environment(self) -> Environment:
        """The environment of the page; `NotFound` where there is none."""
        return self.state.environment(self.path["project"], self.path["environment"])

    def here(self, *rest: str) -> str:
        """The address of a page of this project and environment."""
        return place_address(self.path["project"], self.path["environment"], *rest)


@dataclass(frozen=True, slots=True)
class Page:
    """A page to be rendered: `context` is a frozen value that only the template `template` reads, as `page`.

    `tag` changes whenever what its live regions show does. `reload_s`: so soon the browser asks for the page again,
    since something on it is still being computed.
    """

    template: str
    title: str
    context: Any
    status: int = 200
    error: str = ""
    tag: str = ""
    reload_s: int = 0


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A live page still says what it said under the tag `Visit.known_tag`."""


@dataclass(frozen=True, slots=True)
class SeeOther:
    """After a form did its work: go on there, and say `notice` once."""

    location: str
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """A file, at once or open to be read; whoever sends it closes it."""

    name: str
    media_type: str
    body: bytes | BinaryIO


Shown = Page | SeeOther | Download | Unchanged
Handler = Callable[[Visit], Shown]


@dataclass(frozen=True, slots=True)
class View:
    """One row of the table of pages. `section`: the entry of the navigation that it belongs to."""

    method: str
    path: str
    handler: Handler
    section: str = ""
