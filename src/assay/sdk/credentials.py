"""From what an SDK shows to the environment it may use.

An unknown key in a header is a 401, an unknown client-side id in the path a 404: SDKs take both as final, so
neither is said of anything that may pass.
"""

from collections.abc import Callable

from assay.access.rights import filled, require_right
from assay.access.tokens import authenticate
from assay.errors import NotFound, Unauthorized
from assay.sdk.endpoint import Exchange
from assay.store.store import Place, Store

FindPlace = Callable[[Exchange], Place]


def by_sdk_key(store: Store) -> FindPlace:
    """The environment of the SDK key in `Authorization`."""

    def find(exchange: Exchange) -> Place:
        place = store.place_of("server", _authorization(exchange))
        if place is None:
            raise Unauthorized("Unknown SDK key")
        return place

    return find


def by_mobile_key(store: Store) -> FindPlace:
    """The environment of the mobile key in `Authorization`."""

    def find(exchange: Exchange) -> Place:
        place = store.place_of("mobile", _authorization(exchange))
        if place is None:
            raise Unauthorized("Unknown mobile key")
        return place

    return find


def by_client_id(store: Store) -> FindPlace:
    """The environment of the client-side id in the path, or in the query's `auth`."""

    def find(exchange: Exchange) -> Place:
        given = exchange.scope["path_params"].get("environment") or exchange.query("auth") or ""
        place = store.place_of("client", given)
        if place is None:
            raise NotFound("Unknown client-side id")
        return place

    return find


def by_access_token(store: Store) -> FindPlace:
    """The environment that the path names by its keys, for whoever may write there."""

    def find(exchange: Exchange) -> Place:
        token = authenticate(store, exchange.header(b"authorization"))
        project, environment = exchange.segment("project"), exchange.segment("environment")
        place = filled("proj/{project}:env/{environment}", {"project": project, "environment": environment})
        require_right(store.state, token, "writer", "importEventData", place)
        return project, store.state.environment(project, environment)

    return find


def _authorization(exchange: Exchange) -> str:
    return (exchange.header(b"authorization") or "").removeprefix("api_key ")
