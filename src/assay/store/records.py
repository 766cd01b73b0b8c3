"""The records this room keeps beside flags, metrics and experiments, whose shape their own rooms define."""

import msgspec

from assay.flags.model import ClientSideAvailability


class Environment(msgspec.Struct, frozen=True, rename="camel"):
    """An environment; `id` is the client-side id, `flags_version` the counter that all its flags share."""

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
    include_in_snippet_by_default: bool = False
    tags: tuple[str, ...] = ()
    environments: tuple[Environment, ...] = ()
    flag_defaults: FlagDefaults = FlagDefaults()

    def environment(self, key: str) -> Environment | None:
        return next((environment for environment in self.environments if environment.key == key), None)


class Token(msgspec.Struct, frozen=True, rename="camel"):
    """An access token; only the SHA-256 of its secret is kept, and the last four characters to tell it by."""

    id: str = msgspec.field(name="_id")
    name: str
    role: str
    digest: str
    ending: str
    creation_date: int
    description: str = ""
    service_token: bool = False
    default_api_version: int | None = None


class Reset(msgspec.Struct, frozen=True):
    """Events accepted up to number `seq` no longer exist for one experiment."""

    seq: int
    at_ms: int
