"""The database that migrations make is the one that the tables declare, on a new and on an old file."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from assay.store import tables
from assay.store.database import HEAD, MIGRATIONS, open_database


def schema(engine: sa.Engine) -> dict[str, Any]:
    inspector = sa.inspect(engine)
    return {
        name: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(name)],
            inspector.get_pk_constraint(name)["constrained_columns"],
            sorted(tuple(one["column_names"]) for one in inspector.get_unique_constraints(name)),
            sorted((one["name"], tuple(one["column_names"])) for one in inspector.get_indexes(name)),
        )
        for name in inspector.get_table_names()
        if name != "alembic_version"
    }


def test_migrations_make_exactly_the_declared_tables(tmp_path: Path) -> None:
    migrated = open_database(tmp_path / "migrated.sqlite")
    declared = sa.create_engine(f"sqlite:///{tmp_path / 'declared.sqlite'}")
    tables.metadata.create_all(declared)
    assert schema(migrated) == schema(declared)
    assert set(schema(migrated)) == {table.name for table in tables.metadata.sorted_tables}
    for engine in (migrated, declared):
        engine.dispose()


def test_alembic_itself_finds_nothing_left_to_do(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "db.sqlite")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
    engine.dispose()


def test_the_head_is_the_last_migration_and_each_follows_the_one_before() -> None:
    names = sorted(path.name for path in (MIGRATIONS / "versions").glob("m*.py"))
    assert [name[1:5] for name in names] == [f"{number:04d}" for number in range(1, len(names) + 1)]
    assert names[-1].startswith(f"m{HEAD}_")


def test_opening_again_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    for number in range(3):
        engine = open_database(path)
        with engine.begin() as connection:
            row = {"at_ms": number, "actor": "a", "action": "b", "target": "c", "comment": ""}
            connection.execute(sa.insert(tables.audit).values(**row))
            assert (
                connection.execute(sa.select(sa.func.count()).select_from(tables.audit)).scalar()
                == number + 1
            )
        engine.dispose()


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)]
)
def test_every_connection_is_durable(tmp_path: Path, pragma: str, value: object) -> None:
    engine = open_database(tmp_path / "db.sqlite")
    for _ in range(2):
        with engine.connect() as connection:
            assert connection.execute(sa.text(f"pragma {pragma}")).scalar() == value
        engine.dispose()


def test_a_migration_that_was_interrupted_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "db.sqlite"
    from alembic import op

    def full(*_: Any, **__: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(op, "create_index", full)
        with pytest.raises(sqlite3.OperationalError):
            open_database(path)
    engine = open_database(path)
    assert set(schema(engine)) == {table.name for table in tables.metadata.sorted_tables}
    engine.dispose()


def test_the_file_is_readable_by_nobody_else(tmp_path: Path) -> None:
    open_database(tmp_path / "db.sqlite").dispose()
    assert (tmp_path / "db.sqlite").stat().st_mode & 0o077 == 0
