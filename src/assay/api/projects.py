"""Projects: /api/v2/projects."""

import secrets
import uuid
from typing import Any

from msgspec.structs import replace

from assay.api.call import Answer, Call, Operation
from assay.api.links import listing, page_of
from assay.api.patching import converted, only_json, parse_patch, patched
from assay.api.representations.projects import project_rep
from assay.errors import Conflict, InvalidRequest
from assay.flags.validation import require_key
from assay.store.records import Environment, Project
from assay.store.store import require_absent

DEFAULT_ENVIRONMENTS = (("production", "Production", "417505"), ("test", "Test", "F5A623"))
EDITABLE = ("name", "tags", "includeInSnippetByDefault")


def list_projects(call: Call) -> Answer:
    projects = list(call.rooms.store.state.all("project").values())
    page = page_of(projects, call.whole_number("limit"), call.whole_number("offset"))
    return Answer(body=listing([_rep(call, project) for project in page], len(projects), "projects"))


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
    project = converted(
        {
            "_id": secrets.token_hex(12),
            "key": key,
            "name": body.get("name", key),
            "tags": body.get("tags", []),
            "includeInSnippetByDefault": body.get("includeInSnippetByDefault", False),
        },
        Project,
    )
    project = replace(project, environments=tuple(environments))
    with call.rooms.store.writing(call.actor) as transaction:
        require_absent(transaction.state, ("project", "", key))
        transaction.put(("project", "", key), project, "createProject")
    return Answer(201, project_rep(project, expanded=False, modern=False))


def patch_project(call: Call) -> Answer:
    patch = only_json(parse_patch(call.body))
    key = call.path["project"]
    with call.rooms.store.writing(call.actor, patch.comment) as transaction:
        project = transaction.state.project(key)
        document = {
            "name": project.name,
            "tags": list(project.tags),
            "includeInSnippetByDefault": project.include_in_snippet_by_default,
        }
        changes = {name: value for name, value in patched(document, patch).items() if name in EDITABLE}
        edited = converted({"_id": project.id, "key": key, **changes}, Project)
        project = replace(edited, environments=project.environments, flag_defaults=project.flag_defaults)
        transaction.put(("project", "", key), project, "updateProject")
    return Answer(body=project_rep(project, expanded=False, modern=False))


def delete_project(call: Call) -> Answer:
    key = call.path["project"]
    with call.rooms.store.writing(call.actor) as transaction:
        state = transaction.state
        state.project(key)
        if len(state.all("project")) == 1:
            raise Conflict("the last project can't be deleted")
        for flag in list(state.all("flag", key)):
            transaction.delete_flag(key, flag)
        for metric in list(state.all("metric", key)):
            transaction.put(("metric", key, metric), None, "deleteMetric")
        transaction.put(("project", "", key), None, "deleteProject")
    return Answer(204)


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
        "sdkKey": f"sdk-{uuid.uuid4()}",
        "mobileKey": f"mob-{uuid.uuid4()}",
    }
    optional = (
        "color",
        "defaultTtl",
        "secureMode",
        "defaultTrackEvents",
        "requireComments",
        "confirmChanges",
        "tags",
    )
    return converted(own | {name: body[name] for name in optional if name in body}, Environment)


def _rep(call: Call, project: Project) -> dict[str, Any]:
    expanded = "environments" in call.query.get("expand", "").split(",")
    return project_rep(project, expanded=expanded, modern=call.modern)


PROJECT = "/api/v2/projects/{project}"

OPERATIONS = (
    Operation("GET", "/api/v2/projects", "reader", list_projects),
    Operation("POST", "/api/v2/projects", "admin", create_project),
    Operation("GET", PROJECT, "reader", get_project),
    Operation("PATCH", PROJECT, "admin", patch_project),
    Operation("DELETE", PROJECT, "admin", delete_project),
)
