"""Commands; each reads the settings and calls one room, or the REST API of a running server."""

import click

from assay import __version__
from assay.cli.accounts import export_account, import_account
from assay.cli.backups import backup, restore
from assay.cli.demonstration import demo
from assay.cli.replaying import replay
from assay.cli.serving import serve
from assay.cli.tokens import token


@click.group()
@click.version_option(__version__)
def main() -> None:
    """Assay: flags out, events in, results you can trust back."""


for command in (serve, replay, token, backup, restore, export_account, import_account, demo):
    main.add_command(command)
