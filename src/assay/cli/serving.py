"""The command that serves: the process, its signals and its log."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Iterator
from typing import Any

import click
import structlog
import uvicorn

from assay import __version__
from assay.app import House, create_app, open_house
from assay.cli.options import data_option, reported_errors, settings_of
from assay.settings import Settings

GRACE_S = 5


@click.command()
@data_option
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=int, help="The port of everything; 0 takes a free one.")
def serve(**given: Any) -> None:
    """Serve SDKs and API clients on one port."""
    settings = settings_of(given)
    configure_logs(settings.log_level)
    with reported_errors():
        house = open_house(settings)
    if house.admin_token is not None:
        click.echo(f"Admin token (shown once, kept in {settings.data / 'admin-token'}): {house.admin_token}")
    _serve(settings, house)


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


def _is_news(record: logging.LogRecord) -> bool:
    """A stream that is dropped in the middle is no error, and has its own line."""
    return "without completing response" not in record.getMessage()


def configure_logs(level: str) -> None:
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
