"""One REST request as a value, its answer, and the row of the route table that joins them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from assay.access.policies import Step, parse_resource
from assay.access.rights import filled, may, require_right
from assay.access.tokens import actor_of
from assay.access.use import LastUses
from assay.analysis.refresh import ResultsCache
from assay.api.naming import default_action, default_resource
from assay.errors import InvalidRequest, Unavailable
from assay.events.log import EventLog
from assay.store.flag_sets import FlagSets
from assay.store.records import Token
from assay.store.state import State
from assay.store.store import Store
from assay.warehouse.engine import Engine
from assay.warehouse.loading import Loader

VERSIONS = ("20160426", "20191212", "20210729", "20220603", "20240415")
MODERN = VERSIONS[-1]
BETA = "beta"

# The role of an operation that takes no token.
ANYONE = "anyone"

# The role of operations that any token may perform, whatever its rights: they tell it about itself.
ANY_TOKEN = "no_access"  # noqa: S105  # a role, no secret

# What has an id of ours and no key of its maker's.
WITHOUT_KEY = ("service-token", "member", "webhook")

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
    last_uses: LastUses = field(default_factory=LastUses)

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
        return actor_of(self.token)

    def may(self, action: str, resource: str, role: str = "writer") -> bool:
        """Whether the caller's policy permits one thing among those that its operation does, named in full.

        `role` is the least built-in one that it takes; a view takes a reader.
        """
        least = "reader" if action.startswith("view") else role
        return may(self.rooms.store.state, self.token, least, action, parse_resource(resource))

    def require(self, action: str, resource: str, role: str = "writer") -> None:
        """Raises `Forbidden` where the caller may not."""
        least = "reader" if action.startswith("view") else role
        require_right(self.rooms.store.state, self.token, least, action, parse_resource(resource))

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
class Download:
    """A file that is open to be read, and the name to send it under."""

    file: BinaryIO
    size: int
    media_type: str
    name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body, or a file; no body where there is neither."""

    status: int = 200
    body: Any = None
    download: Download | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the route table. `role`: the least role it takes, or one of the two above. `results`: it counts
    as an analysis.

    `body` and `answer` are the types that describe the JSON that comes and goes (a msgspec struct, a typed
    dictionary, or a list of either), `status` what success answers with, `query` the parameters it reads,
    `media` the types of files that it answers with;
    the API's description is generated from them.

    `action` and `resource` are what policies call it; without them they follow from the method and the path. The
    action `*` asks only whether anything is allowed there: the handler asks for each thing that it does.
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
    media: tuple[str, ...] = ()
    action: str = ""
    resource: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "action", self.action or default_action(self.method, self.path, self.role))
        object.__setattr__(self, "resource", self.resource or default_resource(self.path))


def authorize(state: State, token: Token, operation: Operation, path: Mapping[str, str], body: Any) -> None:
    """Raises `Forbidden` where the token may not perform the operation; whoever calls handlers asks this first."""
    if operation.role in (ANYONE, ANY_TOKEN):
        return
    resource = filled(operation.resource, path)
    key = body.get("key") if isinstance(body, dict) else None
    if (
        operation.action.startswith("create")
        and resource[-1].kind not in WITHOUT_KEY
        and isinstance(key, str)
    ):
        # What is made is judged by the key that it will have, not as everything of its kind.
        resource = (*resource[:-1], Step(resource[-1].kind, key))
    require_right(state, token, operation.role, operation.action, resource)
