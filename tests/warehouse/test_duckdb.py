"""The embedded engine: every line becomes its rows, once, and the position moves with them."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from assay.events.log import Position
from assay.warehouse import tables as declared
from assay.warehouse.engine import Query, whole
from live import exposure, tracked
from warehouse.tables import RECEIVED_MS, Tables, lines, open_engine


def test_new_tables_are_empty_and_at_the_log_s_very_beginning(tables: Tables) -> None:
    assert tables.engine.position() == Position(0, 0)
    assert tables.counts() == {"flag_events": 0, "metric_events": 0, "quarantine": 0, "payloads": 0}


def test_an_exposure_is_one_row_for_each_context_kind(tables: Tables) -> None:
    context = {"kind": "multi", "user": {"key": "u"}, "org": {"key": "o"}}
    reason = {"kind": "RULE_MATCH", "ruleId": "r", "inExperiment": True}
    tables.load(lines([exposure("", 1, 5.9, version=3, reason=reason, context=context)], seq=7))
    assert tables.rows("select * from flag_events order by unit_kind") == [
        ("env", "flag", 7, 0, RECEIVED_MS, 5, False, 3, 1, True, "RULE_MATCH", "r", kind, key, told)
        for kind, key, told in (("org", "o", '{"key":"o"}'), ("user", "u", '{"key":"u"}'))
    ]


USER = '{"kind":"user","key":"u"}'


def test_a_metric_event_is_one_row_for_each_context_kind(tables: Tables) -> None:
    event = {"kind": "click", "key": "m", "creationDate": 5, "contextKeys": {"a": "x", "b": "y"}}
    tables.load(lines([event, tracked("u", 6, metricValue=-0.25)], seq=7))
    assert tables.rows("select * from metric_events order by n, unit_kind") == [
        ("env", "m", "click", 7, 0, RECEIVED_MS, 5, False, None, "a", "x", None, None),
        ("env", "m", "click", 7, 0, RECEIVED_MS, 5, False, None, "b", "y", None, None),
        ("env", "metric", "custom", 7, 1, RECEIVED_MS, 6, False, -0.25, "user", "u", USER, None),
    ]


@pytest.mark.parametrize(
    ("about", "attributes"),
    [
        ({"context": {"kind": "user", "key": "u", "plan": "pro"}}, '{"kind":"user","key":"u","plan":"pro"}'),
        ({"context": {"key": "u", "n": None}}, '{"key":"u","n":null}'),
        (
            {"context": {"kind": "user", "key": "u", "_meta": {"redactedAttributes": ["email"]}, "a": [1]}},
            '{"kind":"user","key":"u","a":[1]}',
        ),
        ({"context": {"kind": "multi", "a/b~c": {"key": "u", "x": {"y": 1}}}}, '{"key":"u","x":{"y":1}}'),
        ({"context": {"kind": "multi", "$": {"key": "u"}}}, '{"key":"u"}'),
        ({"context": None, "contextKeys": {"user": "u"}}, None),
        ({"context": None, "userKey": "u"}, None),
        ({"context": None, "user": {"key": "u", "email": "e"}}, '{"key":"u","email":"e"}'),
        (
            {
                "context": None,
                "user": {"key": "u", "custom": {"plan": "pro", "key": "no"}, "privateAttrs": ["email"]},
            },
            '{"plan":"pro","key":"u"}',
        ),
        ({"context": {"kind": "user", "key": "u", "long": "x" * 32_000}}, None),
    ],
)
def test_what_an_event_tells_of_its_unit_is_kept(
    tables: Tables, about: dict[str, Any], attributes: str | None
) -> None:
    tables.load(lines([{**exposure("u", 1, 5), **about}, {**tracked("u", 5), **about}], seq=1))
    for table in ("flag_events", "metric_events"):
        assert tables.rows(f"select unit_key, attributes from {table}") == [("u", attributes)]


@pytest.mark.parametrize(
    ("data", "properties"),
    [({"sku": "X1", "n": None}, '{"sku":"X1","n":null}'), (None, None), (7, "7"), ("null", '"null"')],
)
def test_what_came_with_a_metric_event_is_kept(tables: Tables, data: Any, properties: str | None) -> None:
    tables.load(lines([tracked("u", 5, data=data)], seq=1))
    assert tables.rows("select properties from metric_events") == [(properties,)]


def test_an_event_about_nobody_is_a_row_without_a_unit(tables: Tables) -> None:
    tables.load(lines([{**exposure("", 0, 5), "context": None}, {**tracked("", 5), "context": None}], seq=1))
    assert tables.rows("select unit_kind, unit_key from flag_events") == [(None, None)]
    assert tables.rows("select unit_kind, unit_key from metric_events") == [(None, None)]


def test_a_bad_event_is_in_quarantine_and_nowhere_else(tables: Tables) -> None:
    tables.load(lines([{"kind": "feature", "key": "flag"}], seq=1))
    assert tables.rows("select environment, seq, n, reason from quarantine") == [
        ("env", 1, 0, "creation_date_missing")
    ]
    assert tables.count("flag_events") == 0


@pytest.mark.parametrize("kind", ["debug", "summary", "index", "identify", "click_pageview", "migration_op"])
def test_other_kinds_never_reach_the_analysis(tables: Tables, kind: str) -> None:
    tables.load(lines([{**exposure("u", 1, 5), "kind": kind}], seq=1))
    assert (tables.count("flag_events"), tables.count("metric_events")) == (0, 0)


def test_an_empty_piece_moves_the_position_alone(tables: Tables) -> None:
    tables.engine.load(_file(tables.folder, b""), Position(4, 0))
    assert tables.engine.position() == Position(4, 0)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 4096,
        b'{"env":"env","seq":1',
        b"\xff\xfe",
        b"5",
        b"null",
        b"[]",
        b"{}",
        b'{"env":"env","seq":"many"}',
        b'{"env":"env","seq":9,"n":0,"received_ms":99999999999999999999,"kind":"feature"}',
        b'{"env":' * 5_000,
    ],
)
def test_a_line_that_is_no_row_is_set_aside_and_its_neighbours_count(tables: Tables, garbage: bytes) -> None:
    first, last = lines([exposure("a", 0, 5)], 1, "p"), lines([tracked("a", 6)], 2, "q")
    tables.load(first, garbage + b"\n", last)
    assert tables.counts() == {"flag_events": 1, "metric_events": 1, "quarantine": 1, "payloads": 2}
    assert tables.rows("select reason from quarantine") == [("unreadable",)]


def test_a_load_that_fails_changes_nothing_and_can_be_made_again(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assay.warehouse import duckdb as module

    tables.load(lines([exposure("a", 0, 5)], 1, "p"))
    before, position = tables.counts(), tables.engine.position()
    content = lines([exposure("b", 0, 5), tracked("b", 6), {}], 2, "q")
    with monkeypatch.context() as patch:
        patch.setattr(module, "_FORGET", "select no_such_function($remembered_ms)")
        with pytest.raises(duckdb.Error):
            tables.engine.load(_file(tables.folder, content), Position(1, 10_000))
    assert (tables.counts(), tables.engine.position()) == (before, position)
    tables.load(content)
    assert tables.counts() == {"flag_events": 2, "metric_events": 1, "quarantine": 1, "payloads": 2}


def test_rows_and_position_survive_closing(tables: Tables) -> None:
    tables.load(lines([exposure("a", 0, 5), tracked("a", 6)], 1, "p"))
    before, position = tables.counts(), tables.engine.position()
    tables.reopen()
    assert (tables.counts(), tables.engine.position()) == (before, position)


def test_tables_of_another_version_are_thrown_away(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    tables.load(lines([exposure("a", 0, 5)], 1))
    monkeypatch.setattr(declared, "VERSION", declared.VERSION + 1)
    tables.reopen()
    assert tables.engine.position() == Position(0, 0)
    assert tables.count("flag_events") == 0


def test_tables_whose_making_was_interrupted_are_made_again(tmp_path: Path) -> None:
    path = tmp_path / "half.duckdb"
    connection = duckdb.connect(str(path))
    connection.execute(declared.CREATE[0])
    connection.close()
    engine = open_engine(path)
    assert engine.position() == Position(0, 0)
    assert engine.rows(Query("select count(*) from flag_events", {})) == [(0,)]
    engine.close()


def test_the_file_is_readable_by_nobody_else(tables: Tables) -> None:
    assert (tables.folder / "tables.duckdb").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["a[b]c", "star*", "qu'ote", "sp ace", "läßt", "{a,b}"])
def test_a_data_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    made = Tables(folder, open_engine(folder / "tables.duckdb"))
    made.load(lines([exposure("a", 0, 5)], 1))
    assert made.count("flag_events") == 1
    made.engine.close()


def test_bound_values_are_data_however_they_look(tables: Tables) -> None:
    hostile = "'; drop table flag_events; --\x00\u2028"
    tables.load(lines([exposure(hostile, 0, 5, flag=hostile)], 1))
    found = tables.engine.columns(
        Query(
            "select count(*) as n from flag_events where flag = $flag and unit_key = $flag", {"flag": hostile}
        )
    )
    assert whole(found["n"]).tolist() == [1]


def _file(folder: Path, content: bytes) -> Path:
    path = folder / "rows.ndjson"
    path.write_bytes(content)
    return path
