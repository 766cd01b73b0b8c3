"""Commands that carry an account's documents: out of one server, LaunchDarkly's or Assay's, and into another."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import msgspec

from assay.cli.options import reported_errors
from assay.cli.remote import Refused, Remote, remote_of, remote_options

Document = dict[str, Any]

PAGE = 20
REQUEST_BYTES = 1_000_000


class Account(msgspec.Struct):
    """An account's documents as lists of the API give them; by project's key, and segments by environment's too."""

    projects: list[Document] = []
    metrics: dict[str, list[Document]] = {}
    segments: dict[str, dict[str, list[Document]]] = {}
    flags: dict[str, list[Document]] = {}


@click.command("export")
@remote_options
@click.option("--project", "projects", multiple=True, help="Only this project; may be repeated.")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), default="-")
def export_account(
    server: str | None, token: str | None, data: Path | None, projects: tuple[str, ...], file: Path
) -> None:
    """Write an account's projects, environments, metrics, segments and flags to FILE as JSON."""
    with reported_errors():
        account = exported(remote_of(server, token, data), projects)
    content = msgspec.json.format(msgspec.json.encode(account)) + b"\n"
    if str(file) == "-":
        sys.stdout.buffer.write(content)
        return
    file.touch(mode=0o600)
    file.write_bytes(content)
    click.echo(f"Exported {_counted(account)} to {file}.", err=True)


@click.command("import")
@remote_options
@click.option("--keep-keys", is_flag=True, help="Let SDKs go on with the keys that they have.")
@click.option("--project", "projects", multiple=True, help="Only this project; may be repeated.")
@click.argument("source", type=click.Path(path_type=Path, exists=True))
def import_account(
    server: str | None,
    token: str | None,
    data: Path | None,
    keep_keys: bool,
    projects: tuple[str, ...],
    source: Path,
) -> None:
    """Write the documents of SOURCE, a file or a folder, to a server; say what became of each.

    Exits with 1 where any was skipped.
    """
    with reported_errors():
        account, remote = read_account(source), remote_of(server, token, data)
        items = [
            item
            for body in import_bodies(account, projects, keep_keys=keep_keys)
            for item in remote.call("POST", "/import", body)["items"]
        ]
    outcomes = _outcomes(items)
    for item in outcomes.values():
        for note in item["notes"]:
            click.echo(f"{item['kind']} {item['key']} {item['outcome']}: {note}", err=True)
    for kind in dict.fromkeys(item["kind"] for item in outcomes.values()):
        counts = Counter(item["outcome"] for item in outcomes.values() if item["kind"] == kind)
        click.echo(f"{kind}s: {', '.join(f'{count} {outcome}' for outcome, count in sorted(counts.items()))}")
    if any(item["outcome"] == "skipped" for item in outcomes.values()):
        sys.exit(1)


def exported(remote: Remote, wanted: tuple[str, ...] = ()) -> Account:
    """What the lists of a server's API hold; each flag and metric is read by itself, as lists show less of them."""
    account = Account()
    for project in _listed(remote, "/projects"):
        key = project["key"]
        if wanted and key not in wanted:
            continue
        environments = list(_listed(remote, f"/projects/{_part(key)}/environments"))
        account.projects.append(project | {"environments": {"items": environments}})
        account.metrics[key] = [
            remote.call("GET", f"/metrics/{_part(key)}/{_part(metric['key'])}")
            for metric in _listed(remote, f"/metrics/{_part(key)}")
        ]
        account.segments[key] = {
            environment["key"]: list(_listed(remote, f"/segments/{_part(key)}/{_part(environment['key'])}"))
            for environment in environments
        }
        account.flags[key] = [
            remote.call("GET", f"/flags/{_part(key)}/{_part(flag['key'])}")
            for query in ("", "filter=state:archived")
            for flag in _listed(remote, f"/flags/{_part(key)}", query)
        ]
    return account


def read_account(source: Path) -> Account:
    """A file that holds everything, or a folder of the API's answers:

    projects.json, and for each project KEY/environments.json, KEY/metrics.json, KEY/flags.json and
    KEY/segments/ENVIRONMENT.json.
    """
    if not source.is_dir():
        try:
            return msgspec.json.decode(source.read_bytes(), type=Account)
        except (msgspec.DecodeError, OSError) as error:
            raise Refused(f"{source} is no account's JSON: {error}") from None
    account = Account(_items(source / "projects.json"))
    for number, project in enumerate(account.projects):
        key = str(project.get("key"))
        folder = source / key
        if environments := _items(folder / "environments.json"):
            account.projects[number] = project | {"environments": {"items": environments}}
        account.metrics[key] = _items(folder / "metrics.json")
        account.flags[key] = _items(folder / "flags.json")
        account.segments[key] = {
            path.stem: _items(path) for path in sorted((folder / "segments").glob("*.json"))
        }
    return account


def import_bodies(account: Account, wanted: tuple[str, ...], *, keep_keys: bool) -> Iterator[Document]:
    """Requests of a bounded size, in the order in which documents need one another."""
    for project in account.projects:
        key = str(project.get("key"))
        if wanted and key not in wanted:
            continue
        yield {"project": project, "keepKeys": keep_keys}
        bare = {"project": {"key": key}}
        for metrics in _pieces(account.metrics.get(key, [])):
            yield {**bare, "metrics": metrics}
        for environment, segments in account.segments.get(key, {}).items():
            for piece in _pieces(segments):
                yield {**bare, "segments": {environment: piece}}
        for flags in _pieces(_needed_first(account.flags.get(key, []))):
            yield {**bare, "flags": flags}


def _listed(remote: Remote, path: str, query: str = "") -> Iterator[Document]:
    """Every item of a listing, page by page."""
    offset = 0
    while True:
        asked = "&".join(part for part in (query, f"limit={PAGE}", f"offset={offset}") if part)
        items = remote.call("GET", f"{path}?{asked}")["items"]
        yield from items
        if len(items) < PAGE:
            return
        offset += PAGE


def _needed_first(flags: list[Document]) -> list[Document]:
    """Flags after their prerequisites; those that need what isn't there come last, to be told so."""
    waiting, known, ordered = flags, set[str](), list[Document]()
    while waiting:
        ready = [flag for flag in waiting if _prerequisites(flag) <= known]
        if not ready:
            return ordered + waiting
        ordered += ready
        known |= {str(flag.get("key")) for flag in ready}
        waiting = [flag for flag in waiting if str(flag.get("key")) not in known]
    return ordered


def _prerequisites(flag: Document) -> set[str]:
    configs = flag.get("environments") or {}
    return {
        str(prerequisite.get("key"))
        for config in configs.values()
        for prerequisite in config.get("prerequisites") or []
    }


def _pieces(documents: list[Document]) -> Iterator[list[Document]]:
    piece, size = list[Document](), 0
    for document in documents:
        length = len(msgspec.json.encode(document))
        if piece and size + length > REQUEST_BYTES:
            yield piece
            piece, size = [], 0
        piece.append(document)
        size += length
    if piece:
        yield piece


def _outcomes(items: list[Document]) -> dict[tuple[str, str], Document]:
    """By document; of a project that was told several times, the first time counts."""
    found: dict[tuple[str, str], Document] = {}
    for item in items:
        found.setdefault((item["kind"], item["key"]), item)
    return found


def _items(path: Path) -> list[Document]:
    """The items of a list's answer, or of a plain array; none where there is no such file."""
    if not path.exists():
        return []
    try:
        document = msgspec.json.decode(path.read_bytes())
        return msgspec.convert(
            document.get("items") if isinstance(document, dict) else document, list[Document]
        )
    except (msgspec.DecodeError, msgspec.ValidationError, OSError) as error:
        raise Refused(f"{path} is no answer of the API: {error}") from None


def _counted(account: Account) -> str:
    flags = sum(map(len, account.flags.values()))
    metrics = sum(map(len, account.metrics.values()))
    segments = sum(len(each) for one in account.segments.values() for each in one.values())
    return f"{len(account.projects)} projects, {metrics} metrics, {segments} segments, {flags} flags"


def _part(key: str) -> str:
    return quote(key, safe="")
