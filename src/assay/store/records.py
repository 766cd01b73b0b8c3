"""The records this room keeps beside flags, metrics and experiments, whose shape their own rooms define."""

from typing import Any, Literal

import msgspec

from assay.flags.model import ClientSideAvailability


class ApprovalSettings(msgspec.Struct, frozen=True, rename="camel"):
    """Who must approve changes in an environment: kept and shown for clients that manage it, enforced by nobody."""

    required: bool = False
    bypass_approvals_for_pending_changes: bool = False
    min_num_approvals: int = 1
    can_review_own_request: bool = False
    can_apply_declined_changes: bool = True
    auto_apply_approved_changes: bool = False
    service_kind: str = "launchdarkly"
    service_config: dict[str, Any] = {}
    required_approval_tags: tuple[str, ...] = ()


class Environment(msgspec.Struct, frozen=True, rename="camel"):
    """An environment; `id` is the client-side id, `flags_version` the counter that its flags and segments share.

    `former_sdk_keys` and `former_mobile_keys` are keys that were replaced, and until when each still works.
    """

    id: str = msgspec.field(name="_id")
    key: str
    name: str
    sdk_key: str
    mobile_key: str
    color: str = "417505"
    default_ttl: int = 0
    secure_mode: bool = False
    default_track_events: bool = False
    require_comments: bool = False
    confirm_changes: bool = False
    tags: tuple[str, ...] = ()
    flags_version: int = 0
    critical: bool = False
    approval_settings: ApprovalSettings = ApprovalSettings()
    former_sdk_keys: dict[str, int] = {}
    former_mobile_keys: dict[str, int] = {}

    def sdk_keys(self, now_ms: int) -> tuple[str, ...]:
        """Every SDK key that works."""
        return self.sdk_key, *(key for key, expiry in self.former_sdk_keys.items() if now_ms < expiry)


class BooleanDefaults(msgspec.Struct, frozen=True, rename="camel"):
    """What the two variations of a new boolean flag are called, and which of them is served."""

    true_display_name: str = ""
    false_display_name: str = ""
    true_description: str = ""
    false_description: str = ""
    on_variation: int = 0
    off_variation: int = 1


class FlagDefaults(msgspec.Struct, frozen=True, rename="camel"):
    """What holds for a project's new flags where the request says nothing."""

    tags: tuple[str, ...] = ()
    temporary: bool = True
    default_client_side_availability: ClientSideAvailability = ClientSideAvailability()
    boolean_defaults: BooleanDefaults = BooleanDefaults()


class Project(msgspec.Struct, frozen=True, rename="camel"):
    """A project and its environments, in the order they were made."""

    id: str = msgspec.field(name="_id")
    key: str
    name: str
    tags: tuple[str, ...] = ()
    environments: tuple[Environment, ...] = ()
    flag_defaults: FlagDefaults = FlagDefaults()

    def environment(self, key: str) -> Environment | None:
        return next((environment for environment in self.environments if environment.key == key), None)


class ContextKind(msgspec.Struct, frozen=True, rename="camel"):
    """What a project knows of a context kind; `created_from` says by what it came to be: default, auto-add or api."""

    key: str
    name: str
    description: str = ""
    version: int = 1
    creation_date: int = 0
    last_modified: int = 0
    archived: bool = False
    created_from: str = "api"


class Statement(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One sentence of a policy: these actions on these resources are allowed, or denied."""

    effect: Literal["allow", "deny"]
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()


class Role(msgspec.Struct, frozen=True, rename="camel"):
    """A custom role; `base_permissions` is what holds where its policy says nothing: reader or no_access."""

    id: str = msgspec.field(name="_id")
    key: str
    name: str
    policy: tuple[Statement, ...]
    description: str = ""
    base_permissions: Literal["reader", "no_access"] = "no_access"
    creation_date: int = 0


class Token(msgspec.Struct, frozen=True, rename="camel"):
    """An access token; only the SHA-256 of its secret is kept, and the last four characters to tell it by.

    `role` is empty where custom roles (by id) or statements of its own say what it may do. `old_digest` opens
    until `old_expiry`, after a reset. `member_id` is who made it; a token that isn't a service token may never
    do more than that member.
    """

    id: str = msgspec.field(name="_id")
    name: str
    role: str
    digest: str
    ending: str
    creation_date: int
    description: str = ""
    service_token: bool = False
    default_api_version: int | None = None
    member_id: str = ""
    custom_role_ids: tuple[str, ...] = ()
    inline_role: tuple[Statement, ...] = ()
    last_modified: int = 0
    expiry: int = 0
    old_digest: str = ""
    old_expiry: int = 0


class Member(msgspec.Struct, frozen=True, rename="camel"):
    """Somebody who may sign in; `password_digest` is Argon2's whole string, empty where there is no password."""

    id: str = msgspec.field(name="_id")
    email: str
    role: str
    creation_date: int
    first_name: str = ""
    last_name: str = ""
    custom_roles: tuple[str, ...] = ()
    verified: bool = False
    password_digest: str = ""
    version: int = 1


class Webhook(msgspec.Struct, frozen=True, rename="camel"):
    """Where to post changes: all of them without statements. Bodies are signed where there is a secret."""

    id: str = msgspec.field(name="_id")
    url: str
    name: str = ""
    secret: str = ""
    on: bool = True
    statements: tuple[Statement, ...] = ()
    tags: tuple[str, ...] = ()


class Reset(msgspec.Struct, frozen=True):
    """Events accepted up to number `seq` no longer exist for one experiment."""

    seq: int
    at_ms: int
