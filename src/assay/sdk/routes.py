"""The endpoints of server-side SDKs. Read this table to know the protocol we speak."""

from starlette.routing import BaseRoute, Route

from assay.events.log import EventLog
from assay.sdk.broadcast import Broadcast
from assay.sdk.delivery import FlagDelivery
from assay.sdk.intake import EventIntake
from assay.sdk.payloads import FlagSets
from assay.sdk.wire import Receive, Scope, Send
from assay.settings import Settings
from assay.store.store import Store


class _Endpoint:
    """Starlette takes an object, but not a function, as a raw ASGI application."""

    def __init__(self, application: object) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._application(scope, receive, send)  # type: ignore[operator]


def sdk_routes(store: Store, log: EventLog, broadcast: Broadcast, settings: Settings) -> list[BaseRoute]:
    flags = FlagDelivery(store, FlagSets(store), broadcast, settings.heartbeat_s)
    intake = EventIntake(
        store,
        log,
        max_payload_bytes=settings.max_payload_bytes,
        max_held_bytes=settings.max_pending_bytes,
    )
    return [
        # stream: put, patch, delete
        Route("/all", _Endpoint(flags.stream), methods=["GET"]),
        # poll: {flags, segments}, ETag
        Route("/sdk/latest-all", _Endpoint(flags.poll), methods=["GET"]),
        # events: 202 once they are on the disk
        Route("/bulk", _Endpoint(intake.events), methods=["POST"]),
        # diagnostics: 202, not kept
        Route("/diagnostic", _Endpoint(intake.diagnostic), methods=["POST"]),
    ]
