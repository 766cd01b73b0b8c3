"""What every analytics engine must do: load a piece of the log exactly once, and answer queries by column."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.events.log import Position

Columns = Mapping[str, NDArray[Any]]
Parameters = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Query:
    """SQL in the portable subset, with the values it is bound to."""

    sql: str
    parameters: Parameters


class Engine(Protocol):
    def position(self) -> Position:
        """Up to where the log has been loaded."""

    def load(self, rows: Path, until: Position) -> int:
        """Loads the log lines in `rows` and moves the position, in one transaction; how many payloads were repeats."""

    def columns(self, query: Query) -> Columns:
        """The answer, one array for each column."""

    def rows(self, query: Query) -> list[tuple[Any, ...]]:
        """The answer, row by row; null is None."""

    def close(self) -> None: ...


def whole(column: NDArray[Any]) -> NDArray[np.int64]:
    """A column of whole numbers without gaps."""
    return np.asarray(column, dtype=np.int64)
