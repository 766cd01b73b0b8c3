"""The command that builds the tables anew."""

from typing import Any

import click

from assay.app import forget_tables, lock_folder, open_engine
from assay.cli.options import data_option, reported_errors, settings_of
from assay.events.log import EventLog
from assay.warehouse.loading import load_piece, next_piece


@click.command()
@data_option
def replay(**given: Any) -> None:
    """Throw the tables away and load them anew from the event log. The server must be stopped."""
    settings = settings_of(given)
    with reported_errors():
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
