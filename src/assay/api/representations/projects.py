"""Projects and environments as clients read them."""

from typing import Any

from assay.api.links import link, listing
from assay.store.records import Environment, Project


def environment_rep(project: str, environment: Environment) -> dict[str, Any]:
    return {
        "_links": {"self": link("projects", project, "environments", environment.key)},
        "_id": environment.id,
        "key": environment.key,
        "name": environment.name,
        "apiKey": environment.sdk_key,
        "mobileKey": environment.mobile_key,
        "color": environment.color,
        "defaultTtl": environment.default_ttl,
        "secureMode": environment.secure_mode,
        "defaultTrackEvents": environment.default_track_events,
        "requireComments": environment.require_comments,
        "confirmChanges": environment.confirm_changes,
        "tags": list(environment.tags),
    }


def environments_rep(project: Project) -> dict[str, Any]:
    """All environments of a project as a collection."""
    items = [environment_rep(project.key, environment) for environment in project.environments]
    return listing(items, len(items), "projects", project.key, "environments")


def project_rep(project: Project, *, expanded: bool, modern: bool) -> dict[str, Any]:
    """Asked to expand, environments are a collection; else clients of the founding generation want a plain list."""
    body: dict[str, Any] = {
        "_links": {
            "self": link("projects", project.key),
            "environments": link("projects", project.key, "environments"),
        },
        "_id": project.id,
        "key": project.key,
        "name": project.name,
        "includeInSnippetByDefault": project.include_in_snippet_by_default,
        "defaultClientSideAvailability": {
            "usingMobileKey": True,
            "usingEnvironmentId": project.include_in_snippet_by_default,
        },
        "tags": list(project.tags),
    }
    if expanded:
        body["environments"] = environments_rep(project)
    elif not modern:
        body["environments"] = [environment_rep(project.key, item) for item in project.environments]
    return body
