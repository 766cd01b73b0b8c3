"""Opening the metadata database: SQLite in WAL mode, every commit on the disk, at the newest migration."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa

HEAD = "0002"
MIGRATIONS = Path(__file__).parent / "migrations"


def open_database(path: Path) -> sa.Engine:
    """An engine on the database at `path`, created or migrated to `HEAD` first where needed."""
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 10}, hide_parameters=True)
    sa.event.listen(engine, "connect", _configure)
    try:
        if _revision(engine) != HEAD:
            _migrate(engine)
        path.chmod(0o600)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _configure(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode=wal", "synchronous=full", "foreign_keys=on"):
        connection.execute(f"pragma {pragma}")


def _revision(engine: sa.Engine) -> str | None:
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(sa.text("select version_num from alembic_version")).scalar()


def _migrate(engine: sa.Engine) -> None:
    # Imported here: it costs a fifth of a second, and only a first start or an upgrade needs it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        # Python's sqlite3 begins no transaction for DDL by itself: an interrupted migration would be half made.
        connection.execute(sa.text("begin immediate"))
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)
