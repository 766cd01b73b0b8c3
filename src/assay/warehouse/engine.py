"""What every analytics engine must do: load a piece of the log exactly once, and answer queries by column."""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.events.log import Position

_PARAMETER = re.compile(r"\$(\w+)")

FileFormat = Literal["csv", "ndjson", "parquet"]

Columns = Mapping[str, NDArray[Any]]
Parameters = Mapping[str, str | int | float | list[str]]


@dataclass(frozen=True, slots=True)
class Query:
    """SQL in the portable subset, with the values it is bound to."""

    sql: str
    parameters: Parameters


def bound(sql: str, *parameters: Parameters) -> Query:
    """The SQL with those of the parameters that it names: an engine takes no others."""
    named = set(_PARAMETER.findall(sql))
    given = {name: value for some in parameters for name, value in some.items()}
    return Query(sql, {name: value for name, value in given.items() if name in named})


class Reader(Protocol):
    def columns(self, query: Query) -> Columns:
        """The answer, one array for each column."""

    def rows(self, query: Query) -> list[tuple[Any, ...]]:
        """The answer, row by row; null is None."""


class Snapshot(Reader, Protocol):
    """The tables as they are when it is first asked, whatever is loaded from then on, for one thread."""

    def keep(self, name: str, query: Query) -> None:
        """Keeps the answer as a table that only this snapshot's queries see, in place of another of the name."""

    def write(self, query: Query, path: Path, file_format: FileFormat) -> None:
        """The answer as a file, however large, in its order."""


class Engine(Reader, Protocol):
    def position(self) -> Position:
        """Up to where the log has been loaded."""

    def load(self, rows: Path, until: Position) -> int:
        """Loads the log lines in `rows` and moves the position, in one transaction; how many payloads were repeats."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """For what takes several queries; what was kept is gone at its end."""

    def close(self) -> None: ...


def whole(column: NDArray[Any]) -> NDArray[np.int64]:
    """A column of whole numbers without gaps."""
    return np.asarray(column, dtype=np.int64)


def texts(column: NDArray[Any]) -> NDArray[np.object_]:
    """A column of texts; None where there is none."""
    found = np.array(np.ma.getdata(column), dtype=np.object_)
    found[np.ma.getmaskarray(column)] = None
    return found


def real(column: NDArray[Any]) -> NDArray[np.float64]:
    """A column of numbers; NaN where there is none."""
    return np.ma.filled(np.ma.asarray(column, dtype=np.float64), np.nan)
