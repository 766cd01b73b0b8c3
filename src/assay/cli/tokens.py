"""Commands for access tokens, which a running server keeps."""

from pathlib import Path

import click

from assay.access.tokens import ROLES
from assay.cli.options import reported_errors
from assay.cli.remote import remote_of, remote_options


@click.group()
def token() -> None:
    """Access tokens of the REST API, on a running server."""


@token.command("create")
@remote_options
@click.option("--name", default="", help="What it is for.")
@click.option("--role", type=click.Choice(ROLES), default="reader", show_default=True)
def create_token(server: str | None, token: str | None, data: Path | None, name: str, role: str) -> None:
    """Make a token and print its secret, which is never shown again."""
    with reported_errors():
        made = remote_of(server, token, data).call("POST", "/tokens", {"name": name, "role": role})
    click.echo(made["token"])


@token.command("list")
@remote_options
def list_tokens(server: str | None, token: str | None, data: Path | None) -> None:
    """One line a token: its id, role, ending and name."""
    with reported_errors():
        listed = remote_of(server, token, data).call("GET", "/tokens?limit=1000")
    for item in listed["items"]:
        click.echo("\t".join((item["_id"], item.get("role", "custom"), item["token"], item.get("name", ""))))


@token.command("revoke")
@remote_options
@click.argument("identifier")
def revoke_token(server: str | None, token: str | None, data: Path | None, identifier: str) -> None:
    """Take a token away, by the id that the list shows. It opens nothing from then on."""
    if not identifier.isalnum():
        raise click.UsageError("a token is named by its id, as the list shows it")
    with reported_errors():
        remote_of(server, token, data).call("DELETE", f"/tokens/{identifier}")
    click.echo(f"Revoked {identifier}.")
