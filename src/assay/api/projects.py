"""Projects: /api/v2/projects."""

import re
import secrets
import uuid
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from assay.api.call import Answer, Call, Operation
from assay.api.filters import expanded, known_filters, sorted_by
from assay.api.paging import paged
from assay.api.patching import converted, only_json, parse_patch, patched
from assay.api.representations.projects import EDITABLE as OF_ENVIRONMENTS
from assay.api.representations.projects import AvailabilityRep, ProjectRep, ProjectsRep, project_rep
from assay.errors import Conflict, InvalidRequest
from assay.flags.model import ClientSideAvailability
from assay.flags.validation import require_key
from assay.store.records import Environment, Project
from assay.store.store import require_absent
from assay.store.transaction import Transaction

T = TypeVar("T", Project, Environment)

# Since this version projects and environments come in pages, and projects without environments.
PAGED_SINCE = "20220603"
PAGE = 20

DEFAULT_ENVIRONMENTS = (("production", "Production", "417505"), ("test", "Test", "F5A623"))
COLOR = re.compile("[0-9A-Fa-f]{6}")
LONGEST_TTL_MINUTES = 2**31 - 1


class SourceBody(msgspec.Struct):
    """The environment whose flags and segments a new one begins with."""

    key: str


class EnvironmentBody(msgspec.Struct, rename="camel"):
    """What makes an environment."""

    key: str
    name: str
    color: str = "417505"
    default_ttl: int = 0
    secure_mode: bool = False
    default_track_events: bool = False
    require_comments: bool = False
    confirm_changes: bool = False
    critical: bool = False
    tags: list[str] = []
    source: SourceBody | None = None


class ProjectBody(msgspec.Struct, rename="camel"):
    """What makes a project; without environments it gets production and test."""

    key: str
    name: str
    include_in_snippet_by_default: bool = False
    default_client_side_availability: AvailabilityRep | None = None
    tags: list[str] = []
    environments: list[EnvironmentBody] | None = None


def list_projects(call: Call) -> Answer:
    projects = call.rooms.store.state.all("project").values()
    known = [project for project in projects if call.may("viewProject", f"proj/{project.key}")]
    order = {project.key: number for number, project in enumerate(known)}
    asked = known_filters(call.query.get("filter"), ("query", "tags", "keys"))
    found = matching(known, asked)
    if "keys" in asked:
        keys = set(asked["keys"].split("|"))
        found = [project for project in found if project.key in keys]
    orders: dict[str, Callable[[Project], Any]] = {
        "name": lambda project: project.name.casefold(),
        "createdOn": lambda project: order[project.key],
    }
    body = paged(call, sorted_by(call, found, orders), "projects", default=PAGE, since=PAGED_SINCE)
    return Answer(body=body | {"items": [_rep(call, project) for project in body["items"]]})


def get_project(call: Call) -> Answer:
    return Answer(body=_rep(call, call.rooms.store.state.project(call.path["project"])))


def create_project(call: Call) -> Answer:
    body = call.object()
    key = require_key(body.get("key"), "A project's")
    given = body.get("environments")
    if given is not None and not (isinstance(given, list) and all(isinstance(item, dict) for item in given)):
        raise InvalidRequest("environments is an array of objects")
    environments = [new_environment(item) for item in given] if given else default_environments()
    if len({environment.key for environment in environments}) < len(environments):
        raise Conflict("two environments have the same key")
    own = {"_id": secrets.token_hex(12), "key": key, "name": body.get("name", key)}
    project = _edited(Project(own["_id"], key, ""), {**body, **own})
    project = replace(project, environments=tuple(environments))
    with call.rooms.store.writing(call.actor) as transaction:
        require_absent(transaction.state, ("project", "", key))
        transaction.put(("project", "", key), project, "createProject")
    return Answer(201, project_rep(project, _visible(call, project), expanded=False, listed=True))


def patch_project(call: Call) -> Answer:
    patch = only_json(parse_patch(call.body))
    key = call.path["project"]
    with call.rooms.store.writing(call.actor, patch.comment) as transaction:
        project = transaction.state.project(key)
        document: dict[str, Any] = dict(project_rep(project, (), expanded=False, listed=False))
        changed = patched(document, patch)
        if any(changed.get(name) != document[name] for name in ("key", "_id")):
            raise InvalidRequest("a project's key can't be changed")
        if changed.get("defaultClientSideAvailability") == document["defaultClientSideAvailability"]:
            # Where only the older name of the same setting was patched, it counts.
            changed.pop("defaultClientSideAvailability")
        project = _edited(project, changed)
        transaction.put(("project", "", key), project, "updateProject")
    return Answer(body=project_rep(project, _visible(call, project), expanded=False, listed=True))


def delete_project(call: Call) -> Answer:
    key = call.path["project"]
    with call.rooms.store.writing(call.actor) as transaction:
        state = transaction.state
        state.project(key)
        if len(state.all("project")) == 1:
            raise Conflict("the last project can't be deleted")
        for flag in list(state.all("flag", key)):
            transaction.delete_flag(key, flag)
        shelves = {shelf for _, shelf in state.records if shelf == key or shelf.startswith(f"{key}/")}
        for shelf in sorted(shelves):
            clear_shelf(transaction, shelf)
        transaction.put(("project", "", key), None, "deleteProject")
    return Answer(204)


def clear_shelf(transaction: Transaction, shelf: str) -> None:
    """Takes away every record of a project or an environment, whatever its kind."""
    records = transaction.state.records
    for kind, here in [place for place in records if place[1] == shelf]:
        for key in list(records[kind, here]):
            transaction.put((kind, here, key), None, f"delete{kind[0].upper()}{kind[1:]}")


def default_environments() -> list[Environment]:
    """What a project starts with where its environments aren't named."""
    return [
        new_environment({"key": key, "name": name, "color": color})
        for key, name, color in DEFAULT_ENVIRONMENTS
    ]


def new_environment(body: dict[str, Any]) -> Environment:
    """An environment from a request's fields, with keys of its own."""
    key = require_key(body.get("key"), "An environment's")
    own = {
        "_id": secrets.token_hex(12),
        "key": key,
        "name": body.get("name", key),
        "sdkKey": new_sdk_key(),
        "mobileKey": new_mobile_key(),
    }
    made = converted({name: body[name] for name in OF_ENVIRONMENTS if name in body} | own, Environment)
    check_environment(made)
    return made


def check_environment(environment: Environment) -> None:
    """Raises `InvalidRequest` where a setting can't be."""
    if not COLOR.fullmatch(environment.color):
        raise InvalidRequest("an environment's color is six hexadecimal digits")
    if not 0 <= environment.default_ttl <= LONGEST_TTL_MINUTES:
        raise InvalidRequest(f"defaultTtl lies between 0 and {LONGEST_TTL_MINUTES} minutes")


def new_sdk_key() -> str:
    return f"sdk-{uuid.uuid4()}"


def new_mobile_key() -> str:
    return f"mob-{uuid.uuid4()}"


def matching(items: Iterable[T], asked: dict[str, str]) -> list[T]:
    """Those whose key or name holds the `query`, and that have all the `tags`, whatever their case."""
    query = asked.get("query", "").casefold()
    # Where a + was not encoded it arrives as a space.
    tags = {tag.casefold() for tag in re.split(r"[+ ]", asked.get("tags", "")) if tag}
    return [
        item
        for item in items
        if (query in item.key.casefold() or query in item.name.casefold())
        and tags <= {tag.casefold() for tag in item.tags}
    ]


def _edited(project: Project, document: dict[str, Any]) -> Project:
    """The project with what a body says of it; what new flags begin with is kept with their other defaults."""
    fields = {"_id": project.id, "key": project.key, "name": document.get("name")}
    edited = converted(fields | {"tags": document.get("tags", [])}, Project)
    if not edited.name:
        raise InvalidRequest("a project's name is not empty")
    defaults = project.flag_defaults
    known = defaults.default_client_side_availability
    given = document.get("defaultClientSideAvailability")
    if given is None:
        shown = {"usingEnvironmentId": document.get("includeInSnippetByDefault", False)}
        given = {**shown, "usingMobileKey": known.using_mobile_key}
    available = converted(given, ClientSideAvailability)
    return replace(
        edited,
        environments=project.environments,
        flag_defaults=replace(defaults, default_client_side_availability=available),
    )


def _rep(call: Call, project: Project) -> ProjectRep:
    wide, listed = "environments" in expanded(call), not call.since(PAGED_SINCE)
    return project_rep(project, _visible(call, project), expanded=wide, listed=listed)


def _visible(call: Call, project: Project) -> list[Environment]:
    """The environments that the caller may see, and with them their SDK keys."""
    return [
        environment
        for environment in project.environments
        if call.may("viewEnvironment", f"proj/{project.key}:env/{environment.key}")
    ]


PROJECT = "/api/v2/projects/{project}"

OPERATIONS = (
    Operation(
        "GET",
        "/api/v2/projects",
        "reader",
        list_projects,
        answer=ProjectsRep,
        query=("limit", "offset", "filter", "sort", "expand"),
        action="*",
    ),
    Operation(
        "POST",
        "/api/v2/projects",
        "admin",
        create_project,
        status=201,
        body=ProjectBody,
        answer=ProjectRep,
    ),
    Operation("GET", PROJECT, "reader", get_project, answer=ProjectRep, query=("expand",)),
    Operation("PATCH", PROJECT, "admin", patch_project, answer=ProjectRep),
    Operation("DELETE", PROJECT, "admin", delete_project, status=204),
)
