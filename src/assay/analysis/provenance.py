"""How a result came about: an engine that keeps the queries it was asked, and what computed the rest."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import assay
from assay.analysis.experiment_results import QueryText
from assay.events.log import Position
from assay.warehouse.engine import Columns, Engine, FileFormat, Query

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


class RecordedEngine:
    """An engine that keeps the text of every query and the names, never the values, of its parameters."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.queries: list[QueryText] = []

    def position(self) -> Position:
        return self._engine.position()

    def load(self, rows: Path, until: Position) -> int:
        return self._engine.load(rows, until)

    def columns(self, query: Query) -> Columns:
        self._keep(query)
        return self._engine.columns(query)

    def rows(self, query: Query) -> list[tuple[Any, ...]]:
        self._keep(query)
        return self._engine.rows(query)

    def write(self, query: Query, path: Path, file_format: FileFormat) -> None:
        self._keep(query)
        self._engine.write(query, path, file_format)

    def close(self) -> None:
        self._engine.close()

    def _keep(self, query: Query) -> None:
        self.queries.append(QueryText(query.sql, tuple(sorted(query.parameters))))


def versions() -> dict[str, str]:
    """Assay's version, and those of what it computes with."""
    return {"assay": assay.__version__} | {name: version(name) for name in LIBRARIES}
