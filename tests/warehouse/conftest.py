"""One set of tables for a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from warehouse.tables import Tables, open_engine


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Tables]:
    made = Tables(tmp_path, open_engine(tmp_path / "tables.duckdb"))
    yield made
    made.engine.close()
