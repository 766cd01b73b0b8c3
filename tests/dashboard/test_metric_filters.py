"""Conditions on a metric's events are rows of its form; what rows can't show is told in words and kept."""

from typing import Any

import msgspec
import pytest

from api.replies import fresh
from assay.dashboard.metric_filters import filter_body, filter_words, rows_of_filter
from assay.experiments.event_filter import Filter, Group
from dashboard.visitor import Visitor, fields_of, text_of
from live import LiveServer

PLACE = "/p/default/production"
BASIS = {"source": "custom", "event_key": "bought", "units": "user", "direction": "higher"}

PAID = {"type": "eventProperty", "attribute": "paid", "op": "in", "values": [True, 5, "5"], "negate": False}
COUNTRY = {
    "type": "contextAttribute",
    "attribute": "country",
    "op": "in",
    "values": ["DE", "AT"],
    "contextKind": "user",
    "negate": True,
}
LATE = {"type": "eventProperty", "attribute": "/at/hour", "op": "greaterThan", "values": [20], "negate": True}


def tree_of(document: dict[str, Any]) -> Filter:
    tree: Filter = msgspec.convert(document, Filter)
    return tree


def group(op: str, *values: dict[str, Any], negate: bool = False) -> dict[str, Any]:
    return {"type": "group", "op": op, "values": list(values), "negate": negate}


def filters_of(site: LiveServer, key: str) -> Any:
    headers = {"Authorization": site.token, "LD-API-Version": "20240415"}
    return site.request("GET", f"/api/v2/metrics/default/{key}", None, headers).body.get("filters")


def made(site: LiveServer, filters: dict[str, Any]) -> str:
    key = fresh("filtered")
    body = {"key": key, "name": key, "kind": "custom", "eventKey": "bought", "filters": filters}
    assert site.rest("POST", "/metrics/default", body).status == 201
    return key


@pytest.mark.parametrize("op", ["all", "any"])
def test_rows_and_conditions_are_inverse(op: str) -> None:
    tree = tree_of(group(op, PAID, COUNTRY, LATE))
    found = rows_of_filter(tree)
    assert found is not None
    assert found[1][0].values == 'true\n5\n"5"'
    assert tree_of(filter_body(*found) or {}) == tree


@pytest.mark.parametrize(
    "document",
    [
        group("all", group("any", PAID, LATE), COUNTRY),
        group("all", PAID, negate=True),
        PAID | {"values": ["two\nlines"]},
        PAID | {"values": [""]},
        PAID | {"values": [" blank"]},
    ],
)
def test_what_rows_would_change_is_no_row(document: dict[str, Any]) -> None:
    assert rows_of_filter(tree_of(document)) is None


def test_other_words_for_the_joins_are_understood() -> None:
    assert [(rows_of_filter(tree_of(group(op, PAID))) or ("",))[0] for op in ("and", "or")] == ["all", "any"]


def test_a_filter_reads_as_a_condition() -> None:
    words = filter_words(tree_of(group("or", group("and", PAID, COUNTRY), LATE, negate=True)))
    assert words == (
        "not ((the event's paid is one of true, 5, 5 and user country is none of DE, AT) "
        "or the event's /at/hour not: is greater than 20)"
    )


def test_conditions_are_added_without_javascript_and_saved(site: LiveServer, admin: Visitor) -> None:
    name = fresh("paid")
    first = admin.post(f"{PLACE}/new-metric", {**BASIS, "name": name, "do": "add-filter"})
    assert first.status_code == 200
    fields: dict[str, Any] = fields_of(first.text) | {
        "filter.0.attribute": "paid",
        "filter.0.values": "true",
        "filter_join": "any",
    }
    second: dict[str, Any] = fields_of(admin.post(f"{PLACE}/new-metric", fields | {"do": "add-filter"}).text)
    assert (second["name"], second["filter.0.attribute"], second["filter_join"]) == (
        [name],
        ["paid"],
        ["any"],
    )
    second |= {
        "filter.1.where": "context/user",
        "filter.1.attribute": "country",
        "filter.1.op": "!in",
        "filter.1.values": "DE\r\nAT\r\n",
    }
    page = admin.post(f"{PLACE}/new-metric", second | {"do": "save"})
    assert page.url.path == f"{PLACE}/metrics/{name}", text_of(page.text)
    saved = tree_of(filters_of(site, name))
    assert saved == tree_of(group("any", PAID | {"values": [True]}, COUNTRY))


def test_a_condition_is_changed_and_the_last_one_taken_away(site: LiveServer, admin: Visitor) -> None:
    key = made(site, group("all", PAID, LATE))
    home = f"{PLACE}/metrics/{key}"
    less: dict[str, Any] = fields_of(admin.post(home, admin.form_of(home) | {"do": "remove-filter.0"}).text)
    assert less["filter.0.attribute"] == ["/at/hour"]
    assert "filter.1.attribute" not in less
    assert admin.post(home, less | {"filter.0.values": "21", "do": "save"}).status_code == 200
    assert tree_of(filters_of(site, key)) == tree_of(group("all", LATE | {"values": [21]}))
    none = fields_of(admin.post(home, admin.form_of(home) | {"do": "remove-filter.0"}).text)
    assert admin.post(home, none | {"do": "save"}).status_code == 200
    assert not filters_of(site, key)


def test_nested_conditions_are_told_and_kept(site: LiveServer, admin: Visitor) -> None:
    document = group("all", group("any", PAID, LATE), COUNTRY)
    key = made(site, document)
    home = f"{PLACE}/metrics/{key}"
    assert "(the event's paid is one of true, 5, 5 or the event's /at/hour" in text_of(admin.get(home).text)
    fields = admin.form_of(home) | {"name": "Renamed", "do": "save"}
    assert "Saved." in admin.post(home, fields).text
    assert isinstance(tree_of(filters_of(site, key)), Group)
    assert tree_of(filters_of(site, key)) == tree_of(document)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"filter.0.attribute": "", "filter.0.values": "x"}, "Say which property or attribute"),
        ({"filter.0.attribute": "paid", "filter.0.values": ""}, "needs values"),
        ({"filter.0.attribute": "paid", "filter.0.op": "telepathy", "filter.0.values": "x"}, "telepathy"),
        ({"filter.0.attribute": "<i>", "filter.0.values": "</textarea>", "filter.0.op": "?"}, "'?'"),
    ],
)
def test_what_is_wrong_is_said_and_the_rows_are_kept(admin: Visitor, row: dict[str, str], said: str) -> None:
    page = admin.post(f"{PLACE}/new-metric", {**BASIS, "name": fresh("wrong"), "do": "save", **row})
    assert page.status_code == 400
    assert said in text_of(page.text)
    kept = fields_of(page.text)
    assert kept["filter.0.attribute"] == [row["filter.0.attribute"]]
    assert kept["filter.0.values"] == [row["filter.0.values"]]


def test_readers_see_the_conditions_and_change_nothing(
    site: LiveServer, admin: Visitor, reader: Visitor
) -> None:
    key = made(site, PAID)
    home = f"{PLACE}/metrics/{key}"
    fields = reader.form_of(home)
    assert fields["filter.0.attribute"] == ["paid"]
    assert reader.post(home, fields | {"filter.0.values": "no", "do": "save"}).status_code == 403
    assert tree_of(filters_of(site, key)) == tree_of(PAID)
