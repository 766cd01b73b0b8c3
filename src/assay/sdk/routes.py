"""The endpoints of SDKs. Read this table to know the protocol we speak.

By whom: server-side SDKs show an SDK key, mobile ones a mobile key (both in `Authorization`), browsers a
client-side id in the path.
"""

from starlette.routing import BaseRoute, Route

from assay.events.log import EventLog
from assay.sdk.arrivals import Arrivals
from assay.sdk.broadcast import Broadcast
from assay.sdk.client_flags import ClientFlags
from assay.sdk.credentials import FindPlace, by_access_token, by_client_id, by_mobile_key, by_sdk_key
from assay.sdk.endpoint import BrowserEndpoint, Endpoint, Exchange, Handler
from assay.sdk.goals import goals
from assay.sdk.intake import EventIntake
from assay.sdk.ofrep import Ofrep
from assay.sdk.server_flags import ServerFlags
from assay.sdk.streams import Streams
from assay.sdk.wire import Budget
from assay.settings import Settings
from assay.store.flag_sets import FlagSets
from assay.store.store import Store


def sdk_routes(
    store: Store, log: EventLog, broadcast: Broadcast, settings: Settings, arrivals: Arrivals
) -> list[BaseRoute]:
    streams, flag_sets = Streams(broadcast), FlagSets(store)
    budget = Budget(settings.max_pending_bytes)
    intake = EventIntake(log, budget, arrivals, max_payload_bytes=settings.max_payload_bytes)
    return [
        *_server_side(ServerFlags(flag_sets, streams, by_sdk_key(store)), intake, by_sdk_key(store)),
        *_browser_side(store, flag_sets, streams, intake, budget),
        *_mobile_side(store, flag_sets, streams, intake, budget),
        *_either_side(store, flag_sets, streams, budget),
        # Metric events from elsewhere, say a warehouse, with an access token that may write.
        _route(
            "POST", "/v2/event-data-import/{project}/{environment}", intake.events(by_access_token(store))
        ),
    ]


def _server_side(flags: ServerFlags, intake: EventIntake, find_place: FindPlace) -> list[BaseRoute]:
    return [
        # The stream, the poll, and the stream of SDKs from before segments.
        _route("GET", "/all", flags.stream),
        _route("GET", "/sdk/latest-all", flags.poll),
        _route("GET", "/flags", flags.stream_flags_only),
        # PHP asks for what it needs.
        _route("GET", "/sdk/flags", flags.all_flags),
        _route("GET", "/sdk/flags/{key}", flags.one_flag),
        _route("GET", "/sdk/segments/{key}", flags.one_segment),
        # The second delivery protocol.
        _route("GET", "/sdk/poll", flags.poll_changes),
        _route("GET", "/sdk/stream", flags.stream_changes),
        # Events: 202 once they are on the disk. Diagnostics: 202, not kept.
        _route("POST", "/bulk", intake.events(find_place)),
        _route("POST", "/diagnostic", intake.diagnostic(find_place)),
    ]


def _browser_side(
    store: Store, flag_sets: FlagSets, streams: Streams, intake: EventIntake, budget: Budget
) -> list[BaseRoute]:
    find_place = by_client_id(store)
    flags = ClientFlags(flag_sets, streams, find_place, "browser", budget)
    return [
        # All flags for a context in the path, or in the body of a REPORT; `users` for SDKs from before contexts.
        _browser("GET", "/sdk/evalx/{environment}/contexts/{context:path}", flags.poll),
        _browser("GET", "/sdk/evalx/{environment}/users/{context:path}", flags.poll),
        _browser("REPORT", "/sdk/evalx/{environment}/context", flags.poll),
        _browser("REPORT", "/sdk/evalx/{environment}/user", flags.poll),
        _browser("GET", "/eval/{environment}/{context:path}", flags.stream),
        _browser("REPORT", "/eval/{environment}", flags.stream),
        _browser("GET", "/ping/{environment}", flags.ping),
        # What to watch for: clicks and page views that a metric counts.
        _browser("GET", "/sdk/goals/{environment}", goals(store, find_place)),
        _browser("POST", "/events/bulk/{environment}", intake.events(find_place)),
        _browser("POST", "/events/diagnostic/{environment}", intake.diagnostic(find_place)),
        # Events in an image's address; 2.x browsers append that path to the whole address of their events.
        _browser("GET", "/a/{environment}.gif", intake.image(find_place)),
        _browser("GET", "/events/bulk/{ignored}/a/{environment}.gif", intake.image(find_place)),
    ]


def _mobile_side(
    store: Store, flag_sets: FlagSets, streams: Streams, intake: EventIntake, budget: Budget
) -> list[BaseRoute]:
    find_place = by_mobile_key(store)
    flags = ClientFlags(flag_sets, streams, find_place, "mobile", budget)
    return [
        _route("GET", "/msdk/evalx/contexts/{context:path}", flags.poll),
        _route("GET", "/msdk/evalx/users/{context:path}", flags.poll),
        _route("REPORT", "/msdk/evalx/context", flags.poll),
        _route("REPORT", "/msdk/evalx/user", flags.poll),
        _route("GET", "/meval/{context:path}", flags.stream),
        _route("REPORT", "/meval", flags.stream),
        _route("GET", "/mping", flags.ping),
        _route("POST", "/mobile", intake.events(find_place)),
        _route("POST", "/mobile/events", intake.events(find_place)),
        _route("POST", "/mobile/events/bulk", intake.events(find_place)),
        _route("POST", "/mobile/events/diagnostic", intake.diagnostic(find_place)),
    ]


def _either_side(store: Store, flag_sets: FlagSets, streams: Streams, budget: Budget) -> list[BaseRoute]:
    """The second delivery protocol of client-side SDKs (a browser names its id in the query), and OFREP."""
    browser = ClientFlags(flag_sets, streams, by_client_id(store), "browser", budget)
    mobile = ClientFlags(flag_sets, streams, by_mobile_key(store), "mobile", budget)
    ofrep = Ofrep(store, flag_sets, budget)

    async def poll(exchange: Exchange) -> None:
        await (browser if exchange.query("auth") else mobile).poll_changes(exchange)

    async def stream(exchange: Exchange) -> None:
        await (browser if exchange.query("auth") else mobile).stream_changes(exchange)

    return [
        _browser("GET", "/sdk/poll/eval/{context:path}", poll),
        _browser("POST", "/sdk/poll/eval", poll),
        _browser("GET", "/sdk/stream/eval/{context:path}", stream),
        _browser("POST", "/sdk/stream/eval", stream),
        _browser("POST", "/ofrep/v1/evaluate/flags", ofrep.bulk),
        _browser("POST", "/ofrep/v1/evaluate/flags/{key}", ofrep.single),
    ]


def _route(method: str, path: str, handler: Handler) -> Route:
    return Route(path, Endpoint(method, handler))


def _browser(method: str, path: str, handler: Handler) -> Route:
    return Route(path, BrowserEndpoint(method, handler))
