"""Commands; each reads the settings and calls one room."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import structlog
import uvicorn

from assay import __version__
from assay.access.tokens import ROLES, mint, new_secret
from assay.app import House, create_app, forget_tables, lock_folder, open_engine, open_house
from assay.errors import AssayError
from assay.events.log import EventLog
from assay.settings import Settings, read_settings
from assay.store.store import Store
from assay.warehouse.loading import load_piece, next_piece

GRACE_S = 5

data_option = click.option("--data", type=click.Path(path_type=Path), help="The data folder.")


@click.group()
@click.version_option(__version__)
def main() -> None:
    """Assay: flags out, events in, results you can trust back."""


@main.command()
@data_option
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=int, help="The port of everything; 0 takes a free one.")
def serve(**given: Any) -> None:
    """Serve SDKs and API clients on one port."""
    settings = _settings(given)
    _configure_logs(settings.log_level)
    with _reported_errors():
        house = open_house(settings)
    if house.admin_token is not None:
        click.echo(f"Admin token (shown once, kept in {settings.data / 'admin-token'}): {house.admin_token}")
    _serve(settings, house)


@main.command()
@data_option
def replay(**given: Any) -> None:
    """Throw the tables away and load them anew from the event log. The server must be stopped."""
    settings = _settings(given)
    with _reported_errors():
        lock_folder(settings.data)
        forget_tables(settings.data)
        log = EventLog(settings.data / "log", segment_bytes=2**62, max_pending_bytes=0)
        engine = open_engine(settings)
        position = engine.position()
        while position < log.durable:
            piece, position = next_piece(settings.data / "log", position, log.durable)
            load_piece(settings.data / "log", engine, piece, position)
        engine.close()
        log.close()
    click.echo(f"Loaded the event log up to segment {position.segment}, byte {position.offset}.")


@main.group()
def token() -> None:
    """Access tokens of the REST API."""


@token.command("create")
@data_option
@click.option("--name", default="", help="What it is for.")
@click.option("--role", type=click.Choice(ROLES), default="reader", show_default=True)
def create_token(data: Path | None, name: str, role: str) -> None:
    """Make a token and print its secret. The server must be stopped; else use POST /api/v2/tokens."""
    settings = _settings({"data": data})
    with _reported_errors():
        lock_folder(settings.data)
        store = Store(settings.data / "metadata.sqlite")
        secret = new_secret()
        with store.writing("cli") as transaction:
            made = mint(name, role, secret, transaction.now_ms)
            transaction.put(("token", "", made.id), made, "createToken")
        store.close()
    click.echo(secret)


@main.command()
@click.option("--once", is_flag=True, help="End after the results instead of staying up.")
@click.option("--shoppers", type=click.IntRange(100, 100_000), default=20_000, show_default=True)
@click.option("--port", type=int, default=0, help="The port; 0 takes a free one.", show_default=True)
def demo(once: bool, shoppers: int, port: int) -> None:
    """Watch an experiment from an SDK's first evaluation to its result."""
    from assay.demo.live import run_demo

    _configure_logs("warning")
    run_demo(shoppers=shoppers, port=port, stay=not once)


class _Server(uvicorn.Server):
    """Ends open streams when it is told to stop, says where it listens, and exits with 0 after SIGTERM."""

    def __init__(self, config: uvicorn.Config, house: House) -> None:
        super().__init__(config)
        self._house = house

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            click.echo(f"Assay {__version__} listens on http://{host}:{port}")

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        self._house.broadcast.close()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _serve(settings: Settings, house: House) -> None:
    config = uvicorn.Config(
        create_app(settings, house),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        lifespan="on",
        backlog=4096,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config, house)
    log = logging.getLogger("uvicorn.error")
    log.addFilter(_is_news)
    try:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(server.serve())
    finally:
        # Left there, it would keep this module and DuckDB's alive past the interpreter's end, and DuckDB complains.
        log.removeFilter(_is_news)
    if not server.started:
        sys.exit(1)


def _settings(given: dict[str, Any]) -> Settings:
    with _reported_errors():
        return read_settings(given)


@contextlib.contextmanager
def _reported_errors() -> Iterator[None]:
    """A refusal of ours is one line for the user, not a traceback."""
    try:
        yield
    except AssayError as error:
        raise click.ClickException(str(error)) from error


def _is_news(record: logging.LogRecord) -> bool:
    """A stream that is dropped in the middle is no error, and has its own line."""
    return "without completing response" not in record.getMessage()


def _configure_logs(level: str) -> None:
    """One JSON object a line on standard error: a stable message, data as fields."""
    number = getattr(logging, level.upper())
    logging.basicConfig(level=max(number, logging.WARNING), format="%(message)s", stream=sys.stderr)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
