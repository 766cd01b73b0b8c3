"""The endpoints of SDKs. Read this table to know the protocol we speak.

By whom: server-side SDKs show an SDK key, mobile ones a mobile key (both in `Authorization`), browsers a
client-side id in the path.
"""

from starlette.routing import BaseRoute, Route

from assay.events.log import EventLog
from assay.sdk.broadcast import Broadcast
from assay.sdk.credentials import by_client_id, by_mobile_key, by_sdk_key
from assay.sdk.endpoint import BrowserEndpoint, Endpoint, Handler
from assay.sdk.goals import goals
from assay.sdk.intake import EventIntake
from assay.sdk.payloads import FlagSets
from assay.sdk.server_flags import ServerFlags
from assay.sdk.streams import Streams
from assay.settings import Settings
from assay.store.store import Store


def sdk_routes(store: Store, log: EventLog, broadcast: Broadcast, settings: Settings) -> list[BaseRoute]:
    streams = Streams(broadcast)
    server, mobile, client = by_sdk_key(store), by_mobile_key(store), by_client_id(store)
    flags = ServerFlags(FlagSets(store), streams, server)
    intake = EventIntake(
        log, max_payload_bytes=settings.max_payload_bytes, max_held_bytes=settings.max_pending_bytes
    )
    return [
        # Flags to server-side SDKs: the stream, the poll, PHP's single flags, the second delivery protocol.
        _get("/all", flags.stream),
        _get("/flags", flags.stream_flags_only),
        _get("/sdk/latest-all", flags.poll),
        _get("/sdk/flags", flags.all_flags),
        _get("/sdk/flags/{key}", flags.one_flag),
        _get("/sdk/segments/{key}", flags.one_segment),
        _get("/sdk/poll", flags.poll_changes),
        _get("/sdk/stream", flags.stream_changes),
        # Events: 202 once they are on the disk. Diagnostics: 202, not kept.
        _post("/bulk", intake.events(server)),
        _post("/diagnostic", intake.diagnostic(server)),
        _post("/mobile", intake.events(mobile)),
        _post("/mobile/events", intake.events(mobile)),
        _post("/mobile/events/bulk", intake.events(mobile)),
        _post("/mobile/events/diagnostic", intake.diagnostic(mobile)),
        _browser("POST", "/events/bulk/{environment}", intake.events(client)),
        _browser("POST", "/events/diagnostic/{environment}", intake.diagnostic(client)),
        # Events in an image's address; 2.x browsers append that path to the whole address of their events.
        _browser("GET", "/a/{environment}.gif", intake.image(client)),
        _browser("GET", "/events/bulk/{ignored}/a/{environment}.gif", intake.image(client)),
        # What browsers are to watch for: clicks and page views that a metric counts.
        _browser("GET", "/sdk/goals/{environment}", goals(store, client)),
    ]


def _get(path: str, handler: Handler) -> Route:
    return Route(path, Endpoint(handler), methods=["GET"])


def _post(path: str, handler: Handler) -> Route:
    return Route(path, Endpoint(handler), methods=["POST"])


def _browser(method: str, path: str, handler: Handler) -> Route:
    return Route(path, BrowserEndpoint(handler), methods=[method, "OPTIONS"])
