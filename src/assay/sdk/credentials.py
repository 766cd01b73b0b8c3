"""From what an SDK shows to the environment it may use."""

from assay.errors import Unauthorized
from assay.sdk.wire import Scope, header
from assay.store.store import Place, Store


def server_place(store: Store, scope: Scope) -> Place:
    """The project key and environment of the SDK key in `Authorization`; else `Unauthorized`."""
    key = (header(scope, b"authorization") or "").removeprefix("api_key ")
    place = store.place_of(key)
    if place is None:
        raise Unauthorized("Unknown SDK key")
    return place


def is_known(store: Store, scope: Scope) -> bool:
    """Whether the SDK key in `Authorization` still is one."""
    try:
        server_place(store, scope)
    except Unauthorized:
        return False
    return True
