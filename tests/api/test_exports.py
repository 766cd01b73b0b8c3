"""Exports: the same rows in every format, harmless to spreadsheets, for those who may."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from api.experiments import ALL, make_experiment, started
from api.replies import assert_refused, fresh
from api.results import exposed, results, send_conversions
from live import LiveServer, Reply, now_ms, tracked

MEDIA = {"csv": "text/csv", "ndjson": "application/x-ndjson", "parquet": "application/vnd.apache.parquet"}


def export(api: LiveServer, key: str, what: str, query: str) -> Reply:
    reply = api.rest("GET", f"{ALL}/{key}/export/{what}?{query}")
    assert reply.status == 200, reply.body
    return reply


def rows(reply: Reply, kind: str, folder: Path) -> list[dict[str, Any]]:
    """The rows of a file, numbers as numbers; what is absent is left out."""
    assert isinstance(reply.body, bytes)
    if kind == "csv":
        read = csv.DictReader(io.StringIO(reply.body.decode()))
        return [{name: cell for name, cell in row.items() if cell} for row in read]
    if kind == "ndjson":
        read_json = [json.loads(line) for line in reply.body.splitlines()]
        return [{name: cell for name, cell in row.items() if cell is not None} for row in read_json]
    path = folder / "file.parquet"
    path.write_bytes(reply.body)
    table = duckdb.from_parquet(str(path))
    return [
        {name: cell for name, cell in zip(table.columns, row, strict=True) if cell is not None}
        for row in table.fetchall()
    ]


def as_text(found: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [
        {
            name: str(cell).lower()
            if isinstance(cell, bool)
            else str(float(cell))
            if is_number(cell)
            else cell
            for name, cell in row.items()
        }
        for row in found
    ]


def is_number(cell: Any) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("what", ["exposures", "metric-values", "results"])
def test_every_format_holds_the_same_rows(api: LiveServer, tmp_path: Path, what: str) -> None:
    key = fresh("formats")
    started(api, key)
    send_conversions(api, key, (0.2, 0.5), units=40)
    found = {}
    for kind, media in MEDIA.items():
        reply = export(api, key, what, f"format={kind}&metric={key}")
        assert reply.headers["content-type"].partition(";")[0] == media
        assert f"{key}-" in reply.headers["content-disposition"]
        assert reply.headers["content-disposition"].endswith(f'.{kind}"')
        found[kind] = as_text(rows(reply, kind, tmp_path))
    assert found["csv"] == found["ndjson"] == found["parquet"]
    assert len(found["csv"]) == (2 if what == "results" else 80)


def test_exposures_and_values_are_those_of_the_results(api: LiveServer, tmp_path: Path) -> None:
    key = fresh("sums")
    began = started(api, key)["currentIteration"]["treatments"]
    send_conversions(api, key, (0.2, 0.5), units=40)
    exposures = rows(export(api, key, "exposures", "format=ndjson"), "ndjson", tmp_path)
    assert [row["unit_key"] for row in exposures] == sorted(row["unit_key"] for row in exposures)
    assert {row["treatment_id"] for row in exposures} == {one["_id"] for one in began}
    values = rows(export(api, key, "metric-values", f"format=ndjson&metric={key}"), "ndjson", tmp_path)
    totals = [sum(row["value"] for row in values if row["treatment_id"] == one["_id"]) for one in began]
    (metric,) = results(api, key)["metrics"]
    assert totals == [arm["total"] for arm in metric["treatments"]] == [8, 20]
    table = rows(export(api, key, "results", "format=ndjson"), "ndjson", tmp_path)
    assert table[1]["effect"] == metric["comparisons"][0]["effect"]
    assert table[1]["verdict"] == metric["comparisons"][0]["verdict"]["word"]
    assert "effect" not in table[0]


def test_a_cell_never_becomes_a_formula(api: LiveServer, tmp_path: Path) -> None:
    key = fresh("formula")
    started(api, key)
    at = now_ms()
    units = ["=1+1", "+1", "-1", "@x", "\tx", 'a"b,c\nd', "plain"]
    api.send([exposed(api, key, unit, 0, at) for unit in units])
    plain = rows(export(api, key, "exposures", "format=ndjson"), "ndjson", tmp_path)
    assert [row["unit_key"] for row in plain] == sorted(units)
    safe = rows(export(api, key, "exposures", "format=csv"), "csv", tmp_path)
    expected = [f"'{unit}" if unit[0] in "=+-@\t" else unit for unit in sorted(units)]
    assert [row["unit_key"] for row in safe] == expected


def test_a_percentiles_values_are_its_events(api: LiveServer, tmp_path: Path) -> None:
    key = fresh("p90")
    make_experiment(api, key)
    patch = [
        {"op": "replace", "path": f"/{name}", "value": value}
        for name, value in (("isNumeric", True), ("analysisType", "percentile"), ("percentileValue", 90))
    ]
    assert api.rest("PATCH", f"/metrics/default/{key}", patch).status == 200
    start = {"instructions": [{"kind": "startIteration"}]}
    assert api.rest("PATCH", f"{ALL}/{key}", start).status == 200
    at = now_ms()
    events = [exposed(api, key, "a", 0, at), *(tracked("a", at + 1, key, metricValue=n) for n in (3, 1, 2))]
    api.send(events)
    found = rows(export(api, key, "metric-values", f"format=ndjson&metric={key}"), "ndjson", tmp_path)
    assert [row["value"] for row in found] == [1, 2, 3]


def test_units_are_for_writers_and_results_for_readers(api: LiveServer) -> None:
    key = fresh("roles")
    started(api, key)
    reader = api.rest("POST", "/tokens", {"name": key, "role": "reader"}).body["token"]
    for what in ("exposures", f"metric-values?metric={key}"):
        assert_refused(api.rest("GET", f"{ALL}/{key}/export/{what}", token=reader), 403, "forbidden")
    assert api.rest("GET", f"{ALL}/{key}/export/results", token=reader).status == 200


@pytest.mark.parametrize("suffix", ["exposures?format=xls", "metric-values", "exposures?from=x"])
def test_what_cannot_be_exported_is_refused(api: LiveServer, suffix: str) -> None:
    key = fresh("refused")
    started(api, key)
    assert api.rest("GET", f"{ALL}/{key}/export/{suffix}").status == 400


def test_an_export_of_nobody_is_an_empty_table(api: LiveServer, tmp_path: Path) -> None:
    key = fresh("nobody")
    started(api, key)
    reply = export(api, key, "exposures", "format=csv")
    assert isinstance(reply.body, bytes)
    assert reply.body.decode().split() == ["unit_key,treatment_id,treatment,first_exposed_ms"]
    assert api.rest("GET", f"{ALL}/{key}/export/metric-values?metric=unknown").status == 404
