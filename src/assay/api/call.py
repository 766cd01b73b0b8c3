"""One REST request as a value, its answer, and the row of the route table that joins them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay.analysis.refresh import ResultsCache
from assay.errors import InvalidRequest, Unavailable
from assay.events.log import EventLog
from assay.store.flag_sets import FlagSets
from assay.store.records import Token
from assay.store.store import Store
from assay.warehouse.engine import Engine
from assay.warehouse.loading import Loader

VERSIONS = ("20160426", "20191212", "20210729", "20220603", "20240415")
MODERN = VERSIONS[-1]
BETA = "beta"

# The role of an operation that takes no token.
ANYONE = "anyone"

WHOLE_NUMBER = re.compile(r"-?[0-9]{1,19}")

# How long results wait for the tables to hold every event that was acked before they were asked for.
LOADING_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Rooms:
    """What handlers work with."""

    store: Store
    flag_sets: FlagSets
    log: EventLog
    engine: Engine
    loader: Loader
    results: ResultsCache = field(default_factory=ResultsCache)

    def await_events(self) -> None:
        """Returns when the tables hold every event that was acked before."""
        if not self.loader.wait_until(self.log.durable, LOADING_TIMEOUT_S):
            raise Unavailable("events are still being loaded; results would be incomplete")


@dataclass(frozen=True, slots=True)
class Call:
    """A request of an authenticated token. `path` holds the decoded path parameters, `body` the parsed JSON."""

    rooms: Rooms
    token: Token
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    version: str
    target: str

    @property
    def modern(self) -> bool:
        """Whether the caller asked for today's representations; clients of the founding generation never do."""
        return self.since(MODERN)

    def since(self, version: str) -> bool:
        """Whether the caller asked for this version of the API or a later one."""
        return self.version == BETA or self.version >= version

    @property
    def actor(self) -> str:
        """Who the audit log names."""
        return f"token/{self.token.id}"

    def object(self) -> dict[str, Any]:
        """The body, which must be an object."""
        if not isinstance(self.body, dict):
            raise InvalidRequest("the body must be a JSON object")
        return self.body

    def boolean(self, name: str) -> bool:
        """A query parameter that is true or false; false where it is absent."""
        raw = self.query.get(name, "false").lower()
        if raw not in ("true", "false"):
            raise InvalidRequest(f"{name} is true or false, not {raw[:40]!r}")
        return raw == "true"

    def whole_number(self, name: str) -> int | None:
        """A query parameter that is a whole number of 64 bits; None where it is absent."""
        raw = self.query.get(name)
        if raw is None:
            return None
        if not WHOLE_NUMBER.fullmatch(raw):
            raise InvalidRequest(f"{name} is a whole number of 64 bits, not {raw[:40]!r}")
        number = int(raw)
        if not -(2**63) <= number < 2**63:
            raise InvalidRequest(f"{name} is out of range")
        return number


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body; no body where it is None."""

    status: int = 200
    body: Any = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the route table. `role`: the least role it takes, or `ANYONE`. `results`: it counts as an analysis.

    `body` and `answer` are the types that describe the JSON that comes and goes (a msgspec struct, a typed
    dictionary, or a list of either), `status` what success answers with, `query` the parameters it reads;
    the API's description is generated from them.
    """

    method: str
    path: str
    role: str
    handler: Callable[[Call], Answer]
    results: bool = False
    status: int = 200
    body: Any = None
    answer: Any = None
    query: tuple[str, ...] = ()
