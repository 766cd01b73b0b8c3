"""Exported files hold what the analysis computes with, and each format holds the same."""

import csv
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.promises import BASE_MS, VERSION, metric, promise
from assay.analysis.exports import result_rows, write_exposures, write_metric_values, write_results
from assay.analysis.iteration_analysis import analyse_iteration
from assay.analysis.iterations import IterationPromise, Measured
from assay.experiments.metric import Denominator, EventDefault, Metric
from assay.warehouse.engine import FileFormat
from live import exposure, tracked
from warehouse.tables import Tables, lines

FORMATS: tuple[FileFormat, ...] = ("csv", "ndjson", "parquet")
NO_DEFAULT = EventDefault(disabled=True)
KINDS: dict[str, dict[str, Any]] = {
    "conversion": {},
    "count": {"unit_aggregation_type": "sum"},
    "sum": {"is_numeric": True},
    "average without a default": {
        "is_numeric": True,
        "unit_aggregation_type": "average",
        "event_default": NO_DEFAULT,
    },
    "ratio": {"is_numeric": True, "denominator": Denominator("visit", unit_aggregation_type="sum")},
    "ratio without a default": {
        "is_numeric": True,
        "denominator": Denominator("visit", unit_aggregation_type="sum"),
        "event_default": NO_DEFAULT,
    },
    "default of seven": {"is_numeric": True, "event_default": EventDefault(value=7.5)},
}
EVENTS = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"),
        st.integers(-9, 9),
        st.sampled_from(["metric", "visit"]),
        st.floats(-1e9, 1e9) | st.integers(-3, 3),
    ),
    max_size=25,
)


def exposed(unit: str, variation: int, at_ms: int = BASE_MS) -> dict[str, Any]:
    reason = {"kind": "FALLTHROUGH", "inExperiment": True}
    return exposure(unit, variation, at_ms, version=VERSION, reason=reason)


def rows_of(path: Path) -> list[dict[str, Any]]:
    """A file's rows as any other program reads them; what is absent or empty is None."""
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return [{name: cell or None for name, cell in row.items()} for row in csv.DictReader(file)]
    if path.suffix == ".ndjson":
        return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    found = duckdb.connect().execute("select * from read_parquet(?)", [str(path)])
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def values_in(
    folder: Path, tables: Tables, of: IterationPromise, measured: Metric
) -> list[list[dict[str, Any]]]:
    """The rows of the metric's values in each format, numbers as numbers."""
    answers = []
    for file_format in FORMATS:
        path = folder / f"values.{file_format}"
        write_metric_values(of, measured, tables.engine, path, file_format)
        rows = rows_of(path)
        for row in rows:
            row["first_exposed_ms"] = int(row["first_exposed_ms"])
            for name in {"value", "denominator", "covariate"} & row.keys():
                row[name] = None if row[name] is None else float(row[name])
        answers.append(rows)
    return answers


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=6,
    deadline=timedelta(seconds=30),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(events=EVENTS)
def test_every_format_holds_the_units_values_that_the_analysis_takes(
    tables: Tables, tmp_path: Path, kind: str, events: list[tuple[str, int, str, float]]
) -> None:
    of = promise(metric(**KINDS[kind]))
    (question,) = of.questions
    assert isinstance(question, Measured)
    tables.empty()
    everybody = [exposed(unit, index % 2) for index, unit in enumerate("abcdefg")]
    told = [tracked(u, BASE_MS + after, key, metricValue=value) for u, after, key, value in events]
    tables.load(lines([*everybody, *told], 1))
    in_csv, in_lines, in_parquet = values_in(tmp_path, tables, of, question.metric)
    assert in_csv == in_lines == in_parquet
    found = tables.unit_values(of.scope, question.metric, covariate_days=of.plan.covariate_days)
    assert [row["value"] for row in in_csv] == found.value.tolist()
    assert [row["treatment_id"] for row in in_csv] == [f"id-{index}" for index in found.variation]
    assert [row["first_exposed_ms"] for row in in_csv] == found.first_exposed_ms.tolist()
    assert [row["unit_key"] for row in in_csv] == sorted(row["unit_key"] for row in in_csv)
    if found.denominator is not None:
        assert [row["denominator"] for row in in_csv] == found.denominator.tolist()
    assert found.covariate is not None
    default = question.metric.event_default
    before = [np.nan if row["covariate"] is None else row["covariate"] for row in in_csv]
    imputed = [default.value if np.isnan(value) and not default.disabled else value for value in before]
    np.testing.assert_array_equal(imputed, found.covariate)


@pytest.mark.parametrize("unit", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "=\n1", '="a"', "=é"])
def test_a_units_key_is_no_formula_in_csv_and_untouched_elsewhere(
    tables: Tables, tmp_path: Path, unit: str
) -> None:
    tables.load(lines([exposed(unit, 0), exposed("a=b", 1)], 1))
    keys = {}
    for file_format in FORMATS:
        path = tmp_path / f"units.{file_format}"
        write_exposures(promise(), tables.engine, path, file_format)
        keys[file_format] = {row["unit_key"] for row in rows_of(path)}
    assert keys == {"csv": {"'" + unit, "a=b"}, "ndjson": {unit, "a=b"}, "parquet": {unit, "a=b"}}


@pytest.mark.parametrize(
    "unit", ["a,b", 'a"b', "a\nb", "'a", "null", "NULL", "é😀", " a ", "0012", "1e5", "nan"]
)
def test_any_other_key_reads_back_as_it_is_in_every_format(tables: Tables, tmp_path: Path, unit: str) -> None:
    tables.load(lines([exposed(unit, 0)], 1))
    for file_format in FORMATS:
        path = tmp_path / f"units.{file_format}"
        write_exposures(promise(), tables.engine, path, file_format)
        assert [row["unit_key"] for row in rows_of(path)] == [unit]


def test_only_units_of_an_arm_are_in_a_file(tables: Tables, tmp_path: Path) -> None:
    twice = [exposed("twice", 0), exposed("twice", 1)]
    tables.load(lines([exposed("a", 0), exposed("b", 1), exposed("c", 2), *twice], 1))
    path = tmp_path / "units.csv"
    write_exposures(promise(), tables.engine, path, "csv")
    assert [(row["unit_key"], row["treatment"]) for row in rows_of(path)] == [("a", "arm 0"), ("b", "arm 1")]


@pytest.mark.parametrize("file_format", FORMATS)
def test_results_in_a_file_are_the_results(tables: Tables, tmp_path: Path, file_format: FileFormat) -> None:
    asked = (metric("sum", is_numeric=True), metric("=bad", event_key="metric"))
    units = [exposed(f"u{index}", index % 2, BASE_MS + index) for index in range(60)]
    told = [tracked(f"u{index}", BASE_MS + 90, metricValue=index / 7 - 1) for index in range(40)]
    tables.load(lines([*units, *told], 1))
    results = analyse_iteration(promise(*asked), tables.engine)
    path = tmp_path / f"results.{file_format}"
    write_results(results, tables.engine, path, file_format)
    wanted, rows = result_rows(results), rows_of(path)
    assert len(rows) == len(wanted) == 4
    for row, want in zip(rows, wanted, strict=True):
        assert {name for name, cell in row.items() if cell is not None} == want.keys()
        for name, value in want.items():
            if isinstance(value, bool):
                assert str(row[name]).lower() == str(value).lower()
            elif isinstance(value, int | float):
                assert float(row[name]) == value
            elif value == "=bad" and file_format == "csv":
                assert row[name] == "'=bad"
            else:
                assert row[name] == value
