"""Whatever people and events call things, pages show it as text."""

from typing import Any

import pytest

from api.replies import fresh
from dashboard.visitor import Visitor, text_of
from live import LiveServer, now_ms

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'\"&<>",
    "{{ 7 * 7 }}{% raw %}",
    "\u202eevil\u202c",
    "\u0000nul".replace("\u0000", "\ufffd"),
    "javascript:alert(1)",
    "日本語 🎉 é",
]
PLACE = "/p/default/production"


def unescaped(page: str) -> list[str]:
    """Pieces of markup that none of our templates holds."""
    traces = ("<script>alert", "<img src=x", "49{%", "onerror=alert(1)>", 'href="javascript:')
    return [trace for trace in traces if trace in page]


# Of the session, as the server is; keys of their own, should a worker make them twice.
@pytest.fixture(scope="session")
def hostile(site: LiveServer) -> list[str]:
    """The keys of flags that carry each word everywhere a word can stand."""
    keys = []
    for number, word in enumerate(HOSTILE):
        key = fresh(f"hostile-{number}")
        variations: list[Any] = [{"value": word, "name": word}, {"value": {word: word}, "description": word}]
        body = {"key": key, "name": word, "description": word, "tags": [word], "variations": variations}
        assert site.rest("POST", "/flags/default", body).status == 201, word
        clause = {"attribute": word, "op": "in", "values": [word], "contextKind": "user"}
        rule = {"clauses": [clause], "variation": 0, "description": word}
        changes = {"rules": [rule], "targets": [{"variation": 1, "values": [word]}]}
        patch = [
            {"op": "replace", "path": f"/environments/production/{name}", "value": value}
            for name, value in changes.items()
        ]
        assert site.rest("PATCH", f"/flags/default/{key}", {"patch": patch, "comment": word}).status == 200
        metric = {"key": key, "name": word, "kind": "custom", "eventKey": word, "unit": word}
        assert site.rest("POST", "/metrics/default", metric).status == 201, word
        event = {
            "kind": "custom",
            "key": word,
            "creationDate": now_ms(),
            "context": {"kind": "user", "key": word},
        }
        assert site.send([event]).status == 202
        keys.append(key)
    return keys


def test_lists_escape_every_word(admin: Visitor, hostile: list[str]) -> None:
    for path in ("", "/flags", "/metrics", "/segments", "/live", "/live/why"):
        page = admin.get(PLACE + path)
        assert page.status_code == 200, path
        assert unescaped(page.text) == []
    shown = text_of(admin.get(f"{PLACE}/flags").text)
    for word in HOSTILE:
        assert word in shown


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_every_page_of_a_flag_escapes_it(admin: Visitor, hostile: list[str], number: int) -> None:
    for tab in ("", "/preview", "/variations", "/history", "/connect", "/about"):
        page = admin.get(f"{PLACE}/flags/{hostile[number]}{tab}")
        assert page.status_code == 200, tab
        assert unescaped(page.text) == []
        assert HOSTILE[number] in text_of(page.text)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_metric_and_the_audit_log_escape_it(admin: Visitor, hostile: list[str], number: int) -> None:
    page = admin.get(f"{PLACE}/metrics/{hostile[number]}")
    assert page.status_code == 200
    assert unescaped(page.text) == []
    audit = admin.get("/audit", q=HOSTILE[number])
    assert audit.status_code == 200
    assert unescaped(audit.text) == []


@pytest.mark.parametrize("word", HOSTILE)
def test_what_is_typed_into_a_search_or_an_address_comes_back_as_text(admin: Visitor, word: str) -> None:
    for path in (f"{PLACE}/flags", f"{PLACE}/metrics", f"{PLACE}/segments", "/audit"):
        page = admin.get(path, q=word)
        assert page.status_code == 200
        assert unescaped(page.text) == []
    assert unescaped(admin.get(f"{PLACE}/live/why", flag=word, metric=word).text) == []
    assert unescaped(admin.get(f"/p/{word}/production").text) == []


@pytest.mark.parametrize("word", HOSTILE)
def test_what_a_refused_form_holds_comes_back_as_text(admin: Visitor, word: str) -> None:
    for path, fields in (
        (f"{PLACE}/new-flag", {"name": word, "key": word, "description": word, "type": "json"}),
        (f"{PLACE}/new-metric", {"name": word, "key": word, "measure": "percentile", "percentile": word}),
        (f"{PLACE}/segments", {"name": word, "key": word}),
        (
            f"{PLACE}/new-metric",
            {"name": word, "filter.0.attribute": word, "filter.0.where": word, "do": "add-filter"},
        ),
        (
            f"{PLACE}/new-metric-group",
            {"name": word, "row.0.metric": word, "row.0.name": word, "do": "add-row"},
        ),
        (f"{PLACE}/layers", {"name": word, "key": word, "description": word, "do": "make-layer"}),
        (f"{PLACE}/layers", {"name": word, "key": word, "amount": word, "unit": word, "do": "make-holdout"}),
        (f"{PLACE}/new-experiment", {"name": word, "layer": word, "holdout": word, "layer_share": word}),
        ("/settings/projects", {"name": word, "key": word}),
    ):
        page = admin.post(path, fields)
        assert page.status_code in (200, 400), path
        assert unescaped(page.text) == []


@pytest.mark.parametrize("page", ["", "0", "-1", "x", "9" * 30, "1.5", "\u0661"])
def test_a_page_number_of_any_kind_is_harmless(admin: Visitor, page: str) -> None:
    assert admin.get(f"{PLACE}/flags", page=page).status_code == 200
    assert admin.get("/audit", before=page).status_code == 200


@pytest.mark.parametrize(
    "name", ["rule.0.clause.0.op", "rule.9999999999.id", "rule.x.id", "target.0.variation", "do"]
)
@pytest.mark.parametrize("value", ["", "x" * 10_000, "remove-rule.99", "up.0", "add-clause", "²", "-1"])
def test_the_editor_survives_fields_that_no_page_sends(
    admin: Visitor, hostile: list[str], name: str, value: str
) -> None:
    page = admin.post(f"{PLACE}/flags/{hostile[0]}", {name: value, "version": "0"})
    assert page.status_code < 500
