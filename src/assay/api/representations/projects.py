"""Projects and environments as clients read them."""

from collections.abc import Sequence
from typing import Any, Required, TypedDict

import msgspec

from assay.api.links import Links, link
from assay.store.records import Environment, Project


class AvailabilityRep(TypedDict):
    """Which client-side SDKs see a new flag."""

    usingMobileKey: bool
    usingEnvironmentId: bool


class ApprovalSettingsRep(TypedDict):
    """Who must approve changes: kept and shown, enforced by nobody."""

    required: bool
    bypassApprovalsForPendingChanges: bool
    minNumApprovals: int
    canReviewOwnRequest: bool
    canApplyDeclinedChanges: bool
    autoApplyApprovedChanges: bool
    serviceKind: str
    serviceConfig: dict[str, Any]
    requiredApprovalTags: list[str]


class EnvironmentRep(TypedDict):
    _links: Links
    _id: str
    key: str
    name: str
    apiKey: str
    mobileKey: str
    color: str
    defaultTtl: int
    secureMode: bool
    defaultTrackEvents: bool
    requireComments: bool
    confirmChanges: bool
    critical: bool
    tags: list[str]
    approvalSettings: ApprovalSettingsRep


class EnvironmentsRep(TypedDict):
    items: list[EnvironmentRep]
    totalCount: int
    _links: Links


class ProjectRep(TypedDict, total=False):
    _links: Required[Links]
    _id: Required[str]
    key: Required[str]
    name: Required[str]
    includeInSnippetByDefault: Required[bool]
    defaultClientSideAvailability: Required[AvailabilityRep]
    tags: Required[list[str]]
    environments: EnvironmentsRep | list[EnvironmentRep]


class ProjectsRep(TypedDict):
    items: list[ProjectRep]
    totalCount: int
    _links: Links


def environment_rep(project: str, environment: Environment) -> EnvironmentRep:
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
        "critical": environment.critical,
        "tags": list(environment.tags),
        "approvalSettings": msgspec.to_builtins(environment.approval_settings),
    }


def environment_document(environment: Environment) -> dict[str, Any]:
    """What a patch may change of an environment, as plain JSON."""
    body = environment_rep("", environment)
    return {name: value for name, value in body.items() if name in EDITABLE}


EDITABLE = (
    *("name", "color", "defaultTtl", "secureMode", "defaultTrackEvents", "requireComments"),
    *("confirmChanges", "critical", "tags", "approvalSettings"),
)


def environments_rep(project: Project, environments: Sequence[Environment]) -> EnvironmentsRep:
    """Environments of a project as a collection."""
    items = [environment_rep(project.key, environment) for environment in environments]
    place = link("projects", project.key, "environments")
    return {"items": items, "totalCount": len(items), "_links": {"self": place}}


def project_rep(
    project: Project, environments: Sequence[Environment], *, expanded: bool, listed: bool
) -> ProjectRep:
    """Asked to expand, the environments that the caller may see are a collection; else a plain list where `listed`."""
    availability = project.flag_defaults.default_client_side_availability
    body: ProjectRep = {
        "_links": {
            "self": link("projects", project.key),
            "environments": link("projects", project.key, "environments"),
        },
        "_id": project.id,
        "key": project.key,
        "name": project.name,
        "includeInSnippetByDefault": availability.using_environment_id,
        "defaultClientSideAvailability": {
            "usingMobileKey": availability.using_mobile_key,
            "usingEnvironmentId": availability.using_environment_id,
        },
        "tags": list(project.tags),
    }
    if expanded:
        body["environments"] = environments_rep(project, environments)
    elif listed:
        body["environments"] = [environment_rep(project.key, item) for item in environments]
    return body
