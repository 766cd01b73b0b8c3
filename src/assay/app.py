"""Composition: settings in, an ASGI application out, and everything it opened closed again."""

import asyncio
import contextlib
import fcntl
import os
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from assay.access.first_start import prepare
from assay.access.sessions import session_secret
from assay.api.call import Rooms
from assay.api.cors import OpenToPages
from assay.api.deliveries import Courier
from assay.api.expiring_targets import keep_expiring
from assay.api.http import error_response, operation_routes, unknown_path
from assay.api.limits import RateLimits
from assay.api.projects import default_environments
from assay.api.routes import OPERATIONS
from assay.api.webhooks import subscribe
from assay.dashboard.lately import Lately
from assay.dashboard.routes import dashboard_routes
from assay.dashboard.visit import Workplace
from assay.errors import AssayError, DataFolderError, MethodNotAllowed
from assay.events.log import EventLog
from assay.sdk.arrivals import Arrivals
from assay.sdk.broadcast import Broadcast
from assay.sdk.routes import sdk_routes
from assay.sdk.streams import keep_alive
from assay.settings import Settings
from assay.store.flag_sets import FlagSets
from assay.store.store import Store
from assay.warehouse.duckdb import DuckDBEngine
from assay.warehouse.loading import Loader

STREAMS = Gauge("assay_streams", "Open streams of flag changes")
BEHIND = Gauge(
    "assay_loading_behind_bytes", "Bytes of the current log segment that the tables don't hold yet"
)
LOADED = Counter("assay_loaded_bytes_total", "Bytes of the event log loaded into the tables")
REPEATS = Counter(
    "assay_payload_repeats_total", "Payloads that had been stored before, and were not counted again"
)

_log = structlog.get_logger("assay")
_SLASHES = re.compile("/{2,}")


@dataclass(frozen=True, slots=True)
class House:
    """Everything that is open while the server runs. `admin_token`: the secret, where this start made it."""

    rooms: Rooms
    broadcast: Broadcast
    courier: Courier
    lock: int
    admin_token: str | None

    def close(self) -> None:
        self.courier.close()
        self.rooms.loader.close()
        self.rooms.engine.close()
        self.rooms.log.close()
        self.rooms.store.close()
        os.close(self.lock)


def open_house(settings: Settings, now_ms: Callable[[], int] | None = None) -> House:
    """Opens the data folder, which no other process may have open. `now_ms`: a clock other than the wall's."""
    folder = settings.data
    with contextlib.ExitStack() as opened:
        lock = lock_folder(folder)
        opened.callback(os.close, lock)
        store = Store(folder / "metadata.sqlite", *([now_ms] if now_ms else []))
        opened.callback(store.close)
        admin_token = prepare(store, folder, tuple(default_environments()), settings.admin_token)
        log = EventLog(
            folder / "log",
            segment_bytes=settings.segment_bytes,
            max_pending_bytes=settings.max_pending_bytes,
            floor_seq=store.latest_reset_seq(),
        )
        opened.callback(log.close)
        engine = open_engine(settings)
        if engine.position() > log.durable:
            # A log restored from an earlier day: what it lacks must not count, nor hide what is yet to come.
            engine.close()
            forget_tables(folder)
            engine = open_engine(settings)
        # All is well: from here on the house closes it.
        opened.pop_all()
    loader = Loader(folder / "log", engine, durable=lambda: log.durable, report=_report_loading)
    log.on_durable(loader.wake)
    broadcast = Broadcast(settings.stream_backlog)
    store.listen(broadcast.publish)
    courier = Courier(lambda identifier: store.state.find(("webhook", "", identifier)))
    subscribe(store, courier)
    return House(Rooms(store, FlagSets(store), log, engine, loader), broadcast, courier, lock, admin_token)


def open_engine(settings: Settings) -> DuckDBEngine:
    return DuckDBEngine(
        settings.data / "tables.duckdb",
        memory_mb=settings.duckdb_memory_mb,
        threads=settings.duckdb_threads,
        query_timeout_s=settings.query_timeout_s,
    )


def forget_tables(folder: Path) -> None:
    """Throws away what is derived from the log; it is loaded anew."""
    for name in ("tables.duckdb", "tables.duckdb.wal"):
        (folder / name).unlink(missing_ok=True)


def lock_folder(folder: Path) -> int:
    """Takes the data folder for this process, making it where it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DataFolderError(f"{folder} can't be the data folder: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise DataFolderError(f"{folder} is in use by another Assay process") from None
    return lock


def create_app(settings: Settings, house: House) -> ASGIApp:
    """The application over an open house; its lifespan starts the loader and closes the house at the end."""

    lately = Lately()

    @contextlib.asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        house.broadcast.attach()
        house.rooms.loader.start()
        clock = asyncio.create_task(keep_alive(house.broadcast, settings.heartbeat_s))
        expiry = asyncio.create_task(keep_expiring(house.rooms.store))
        yield
        expiry.cancel()
        clock.cancel()
        house.broadcast.close()
        lately.close()
        house.close()
        _log.info("stopped")

    def metrics(_: Request) -> Response:
        STREAMS.set(house.broadcast.count())
        durable, loaded = house.rooms.log.durable, house.rooms.loader.loaded
        BEHIND.set(durable.offset - (loaded.offset if loaded.segment == durable.segment else 0))
        return PlainTextResponse(generate_latest())

    arrivals = Arrivals()
    workplace = Workplace(house.rooms, arrivals, session_secret(settings.data), lately)
    limits = RateLimits(settings.rate_limit, settings.results_rate_limit)
    application = Starlette(
        routes=[
            Route("/healthz", _healthy),
            Route("/metrics", metrics),
            *operation_routes(OPERATIONS, house.rooms, limits, settings.max_body_bytes),
            *dashboard_routes(workplace, str(settings.data)),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _unforeseen},
    )
    # SDKs come first and without the layers around REST handlers: ten thousand streams would hold them all.
    sdk = Router(
        sdk_routes(house.rooms.store, house.rooms.log, house.broadcast, settings, arrivals),
        redirect_slashes=False,
        default=OpenToPages(application),
        lifespan=lifespan,
    )
    return UndecodedPaths(sdk)


class UndecodedPaths:
    """Routes on the path as it was sent, doubled slashes collapsed; segments are decoded after routing.

    Clients encode keys completely, so a `%2F` inside a key must not become a path separator.
    """

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            raw: bytes = scope.get("raw_path") or scope["path"].encode()
            path = raw.partition(b"?")[0].decode("latin-1")
            # In place: a stream would keep its copy for as long as it is open.
            scope["path"] = _SLASHES.sub("/", path)
        await self._application(scope, receive, send)


def _healthy(_: Request) -> Response:
    return PlainTextResponse("ok\n")


def _http_error(request: Request, error: Exception) -> Response:
    """Starlette's own refusals, in our one shape."""
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == 405:
        return error_response(
            MethodNotAllowed(f"{request.method} is not possible here"), dict(error.headers or {})
        )
    return unknown_path(request.url.path)


def _unforeseen(request: Request, error: Exception) -> Response:
    _log.error("unforeseen", method=request.method, exc_info=error)
    return error_response(AssayError("An unforeseen error; the server's log has its traceback"))


def _report_loading(event: str, fields: dict[str, Any]) -> None:
    if event == "loaded":
        LOADED.inc(fields["bytes"])
        REPEATS.inc(fields["repeats"])
        _log.debug(event, **fields)
    else:
        _log.error(event, **fields)
