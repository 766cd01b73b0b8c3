"""The one door to metadata: read the state freely, change it in a transaction that is audited and announced."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from assay.errors import Conflict, NotFound
from assay.store import tables
from assay.store.database import open_database
from assay.store.records import Environment, Reset
from assay.store.state import TYPES, Address, State
from assay.store.transaction import Change, Transaction

_RESOURCES = sa.select(
    tables.resources.c.kind, tables.resources.c.project, tables.resources.c.key, tables.resources.c.document
)

Listener = Callable[[Change], None]
Entry = dict[str, Any]  # a row of the audit table
AuditListener = Callable[[Entry], None]
Place = tuple[str, Environment]  # an environment's project key, and the environment
CredentialKind = Literal["server", "mobile", "client"]


class Store:
    """Metadata in SQLite and in memory. Writers queue up behind one lock; readers never wait."""

    def __init__(self, path: Path, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        """Opens the database, creating or migrating it where it must be. `now_ms` dates what is written."""
        self._engine = open_database(path)
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._audit_listeners: list[AuditListener] = []
        self._state = self._load()
        self._places = _places(self._state)

    @property
    def engine(self) -> sa.Engine:
        """The database, for what is no record: it is neither audited nor announced."""
        return self._engine

    def now_ms(self) -> int:
        """The time by the clock that dates what is written."""
        return self._now_ms()

    @property
    def state(self) -> State:
        """The metadata as of now; a value, that later changes leave alone."""
        return self._state

    def place_of(self, kind: CredentialKind, credential: str) -> Place | None:
        """The environment that a credential of this kind belongs to, and its project's key."""
        expiry, place = self._places.get((kind, credential), (None, None))
        return place if expiry is None or self._now_ms() < expiry else None

    def listen(self, listener: Listener) -> None:
        """`listener` hears of each change of a flag or a segment, after it is committed, in the writer's thread."""
        self._listeners.append(listener)

    def listen_audit(self, listener: AuditListener) -> None:
        """The same of each entry of the audit log."""
        self._audit_listeners.append(listener)

    @contextlib.contextmanager
    def writing(self, actor: str, comment: str = "") -> Iterator[Transaction]:
        """A transaction: all that is put into it is committed together, or nothing where the body raises."""
        with self._lock:
            transaction = Transaction(self._state, self._now_ms())
            yield transaction
            entries = self._commit(transaction, actor, comment)
            for change in transaction.changes:
                for listener in self._listeners:
                    listener(change)
            for entry in entries:
                for hear in self._audit_listeners:
                    hear(entry)

    def preview(self) -> Transaction:
        """A transaction that nobody commits: what a change would lead to."""
        return Transaction(self._state, self._now_ms())

    def flag_history(self, environment_id: str, flag: str) -> list[tuple[int, dict[str, Any]]]:
        """Every version of a flag in an environment with what its SDKs got, ascending; deletions left out."""
        query = (
            sa.select(tables.flag_versions.c.version, tables.flag_versions.c.document)
            .where(tables.flag_versions.c.environment_id == environment_id)
            .where(tables.flag_versions.c.flag == flag)
            .where(tables.flag_versions.c.document.is_not(None))
            .order_by(tables.flag_versions.c.version)
        )
        with self._engine.connect() as connection:
            return [
                (version, msgspec.json.decode(document)) for version, document in connection.execute(query)
            ]

    def audit_entries(self, limit: int = 100) -> list[dict[str, Any]]:
        """The latest changes, newest first."""
        query = sa.select(tables.audit).order_by(tables.audit.c.id.desc()).limit(limit)
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def latest_reset_seq(self) -> int:
        """The largest event number that any reset names; 0 without resets."""
        return max((reset.seq for reset in self._state.resets.values()), default=0)

    def close(self) -> None:
        self._engine.dispose()

    def _load(self) -> State:
        state = State()
        shelves: dict[tuple[str, str], dict[str, Any]] = {}
        with self._engine.connect() as connection:
            rows = connection.execute(_RESOURCES.order_by(tables.resources.c.id))
            for kind, project, key, document in rows:
                shelves.setdefault((kind, project), {})[key] = msgspec.json.decode(document, type=TYPES[kind])
            resets = {
                (row.environment_id, row.flag, row.metric): Reset(row.seq, row.at_ms)
                for row in connection.execute(sa.select(tables.resets).order_by(tables.resets.c.seq))
            }
        return State(shelves, resets) if shelves else state

    def _commit(self, transaction: Transaction, actor: str, comment: str) -> list[Entry]:
        if not transaction.entries:
            return []
        entries: list[Entry] = []
        at_ms = transaction.now_ms
        with self._engine.begin() as connection:
            for address, record in transaction.records.items():
                _write_record(connection, address, record)
            for change in transaction.changes:
                if change.kind == "flag":
                    connection.execute(sa.insert(tables.flag_versions).values(**_version_row(change, at_ms)))
            for (environment_id, flag, metric), reset in transaction.resets.items():
                place = {"environment_id": environment_id, "flag": flag, "metric": metric}
                connection.execute(sa.insert(tables.resets).values(**place, seq=reset.seq, at_ms=reset.at_ms))
            for entry in transaction.entries:
                row = {"at_ms": at_ms, "actor": actor, "comment": comment, **entry}
                inserted = connection.execute(sa.insert(tables.audit).values(**row)).inserted_primary_key
                entries.append(row | {"id": inserted[0] if inserted else 0})
        self._state = transaction.state
        self._places = _places(self._state)
        return entries


def require_absent(state: State, address: Address) -> None:
    """Raises `Conflict` where the record exists."""
    if state.find(address) is not None:
        raise Conflict(f"A {address[0]} with the key {address[2]!r} exists already")


def require_present(state: State, address: Address) -> None:
    """Raises `NotFound` where the record doesn't exist."""
    if state.find(address) is None:
        raise NotFound(f"Unknown {address[0]} key {address[2]!r}")


def _write_record(connection: sa.Connection, address: Address, record: Any) -> None:
    kind, project, key = address
    here = sa.and_(
        tables.resources.c.kind == kind, tables.resources.c.project == project, tables.resources.c.key == key
    )
    if record is None:
        connection.execute(sa.delete(tables.resources).where(here))
        return
    document = msgspec.json.encode(record)
    changed = connection.execute(sa.update(tables.resources).where(here).values(document=document))
    if changed.rowcount == 0:
        row = {"kind": kind, "project": project, "key": key, "document": document}
        connection.execute(sa.insert(tables.resources).values(**row))


def _version_row(change: Change, at_ms: int) -> dict[str, Any]:
    document = None if change.delivered is None else msgspec.json.encode(change.delivered)
    return {
        "environment_id": change.environment_id,
        "version": change.version,
        "flag": change.key,
        "at_ms": at_ms,
        "document": document,
    }


def _places(state: State) -> dict[tuple[CredentialKind, str], tuple[int | None, Place]]:
    """The places by credential, each with the time (epoch ms) from which on it no longer opens; None for never."""
    found: dict[tuple[CredentialKind, str], tuple[int | None, Place]] = {}
    for project in state.all("project").values():
        for item in project.environments:
            place = project.key, item
            found |= {("server", key): (expiry, place) for key, expiry in item.former_sdk_keys.items()}
            found |= {("mobile", key): (expiry, place) for key, expiry in item.former_mobile_keys.items()}
            found["server", item.sdk_key] = None, place
            found["mobile", item.mobile_key] = None, place
            found["client", item.id] = None, place
    return found
