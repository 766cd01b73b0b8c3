"""What commands share: the settings that they were given, and refusals in one line."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from assay.errors import AssayError
from assay.settings import Settings, read_settings

data_option = click.option("--data", type=click.Path(path_type=Path), help="The data folder.")


def settings_of(given: dict[str, Any]) -> Settings:
    with reported_errors():
        return read_settings(given)


@contextlib.contextmanager
def reported_errors() -> Iterator[None]:
    """A refusal of ours is one line for the user, not a traceback."""
    try:
        yield
    except AssayError as error:
        raise click.ClickException(str(error)) from error
