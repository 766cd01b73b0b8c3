"""How a result came about: a snapshot that keeps the queries it was asked, and what computed the rest."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import assay
from assay.analysis.experiment_results import QueryText
from assay.warehouse.engine import Columns, FileFormat, Query, Snapshot

METHODS = {
    "fixed": "Welch's test and Student's interval of the difference (Welch 1947)",
    "hybrid": "group sequential boundary up to the horizon, valid ever after (Hwang, Shih & DeCani 1990)",
    "sequence": "asymptotic confidence sequence by a normal mixture (Waudby-Smith et al. 2024; Robbins 1970)",
    "lift": "inversion of the same test over fractions of the baseline (Fieller 1954)",
    "adjustment": "regression on the covariate with slopes of each arm's own (Lin 2013)",
    "ratio": "delta method, units as clusters (Deng, Knoblich & Lu 2018)",
    "percentile": "order statistics with the units as clusters (Deng, Knoblich & Lu 2018; Woodruff 1952)",
    "sampleRatio": "sequential multinomial test (Lindon & Malek 2022)",
    "bayesian": "beta-binomial and normal-normal posteriors, integrated by quadrature",
}

LIBRARIES = ("duckdb", "numpy", "scipy")


class RecordedSnapshot:
    """A snapshot that keeps the text of every query and the names, never the values, of its parameters."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._queries: list[QueryText] = []

    def columns(self, query: Query) -> Columns:
        self._note(query.sql, query)
        return self._snapshot.columns(query)

    def rows(self, query: Query) -> list[tuple[Any, ...]]:
        self._note(query.sql, query)
        return self._snapshot.rows(query)

    def keep(self, name: str, query: Query) -> None:
        self._note(f"create or replace temp table {name} as\n{query.sql}", query)
        self._snapshot.keep(name, query)

    def write(self, query: Query, path: Path, file_format: FileFormat) -> None:
        self._note(query.sql, query)
        self._snapshot.write(query, path, file_format)

    def taken(self) -> tuple[QueryText, ...]:
        """Those since this was asked last."""
        found, self._queries = tuple(self._queries), []
        return found

    def _note(self, sql: str, query: Query) -> None:
        self._queries.append(QueryText(sql, tuple(sorted(query.parameters))))


def versions() -> dict[str, str]:
    """Assay's version, and those of what it computes with."""
    return {"assay": assay.__version__} | {name: version(name) for name in LIBRARIES}
