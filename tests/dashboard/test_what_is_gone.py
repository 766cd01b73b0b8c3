"""Pages of what was stopped, archived or deleted; and forms of settings that were refused."""

import json
import re
import time
from typing import Any

import pytest

from api.experiments import ALL, instruct, make_experiment, planned, started
from api.replies import fresh
from dashboard.visitor import Visitor, text_of
from live import LiveServer, exposure, now_ms

PLACE = "/p/default/production"
HOSTILE = '<b>"x"</b> \u202e🎉 ${y}`'


def files_of(admin: Visitor, page: str) -> dict[str, int]:
    """The status of every file that the page offers."""
    offered = sorted(set(re.findall(r'href="([^"]*/download/[^"]*)"', page)))
    return {one: admin.get(one.replace("&amp;", "&")).status_code for one in offered}


@pytest.mark.parametrize("shares", [["100"], ["50", "50"], ["16"] * 6], ids=len)
def test_an_experiment_without_events_has_a_page_and_its_files(
    site: LiveServer, admin: Visitor, shares: list[str]
) -> None:
    key = fresh("arms")
    started(site, key, *shares)
    page = admin.get(f"{PLACE}/experiments/{key}")
    assert page.status_code == 200
    shown = text_of(page.text)
    assert all(f"treatment {n}" in shown for n in range(len(shares)))
    assert set(files_of(admin, page.text).values()) == {200}


def test_a_stopped_experiment_outlives_its_flag(site: LiveServer, admin: Visitor) -> None:
    key = fresh("outlived")
    started(site, key)
    assert instruct(site, key, "stopIteration", winningReason=HOSTILE).status == 200
    assert site.rest("DELETE", f"/flags/default/{key}").status == 204
    for path in (f"/experiments/{key}", "/experiments", "/layers", "/metrics", f"/metrics/{key}", ""):
        page = admin.get(PLACE + path)
        assert page.status_code == 200, path
        assert "<b>" not in page.text
    page = admin.get(f"{PLACE}/experiments/{key}")
    assert f"Unknown flag key '{key}'" in text_of(page.text)
    assert set(files_of(admin, page.text).values()) <= {200}


def test_what_an_experiment_runs_on_cannot_be_deleted_from_its_page(site: LiveServer, admin: Visitor) -> None:
    key = fresh("needed")
    started(site, key)
    for path in (f"/flags/{key}/about", f"/metrics/{key}"):
        refused = admin.post(PLACE + path, {"do": "delete", "confirm": key})
        assert refused.status_code == 409, path
        assert key in text_of(refused.text)
    assert admin.get(f"{PLACE}/experiments/{key}").status_code == 200


def test_a_draft_whose_flag_is_gone_asks_for_another(site: LiveServer, admin: Visitor) -> None:
    key = fresh("orphan")
    make_experiment(site, key)
    assert site.rest("DELETE", f"/flags/default/{key}").status == 204
    page = f"{PLACE}/experiments/{key}/edit"
    fields = admin.form_of(page)
    assert fields["flag"] == [""]
    refused = admin.post(page, {**fields, "do": "save"})
    assert refused.status_code == 400
    assert "Choose the flag whose variations are compared." in text_of(refused.text)


def test_names_of_every_alphabet_reach_the_files(site: LiveServer, admin: Visitor) -> None:
    key = fresh("alphabet")
    make_experiment(site, key)
    named: list[dict[str, Any]] = [{"kind": "updateName", "value": HOSTILE}, {"kind": "startIteration"}]
    for one in named:
        assert instruct(site, key, **one).status == 200
    report = admin.get(f"{PLACE}/experiments/{key}/download/report")
    assert report.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    assert "<b>" not in report.text
    assert HOSTILE in text_of(report.text)
    notebook = json.loads(admin.get(f"{PLACE}/experiments/{key}/download/notebook").text)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            compile("".join(cell["source"]), "cell", "exec")


def test_an_iteration_that_is_none_has_no_page(site: LiveServer, admin: Visitor) -> None:
    key = fresh("iterations")
    started(site, key)
    for asked in ("gone", "", "9" * 5_000, "\x00"):
        page = admin.get(f"{PLACE}/experiments/{key}", iteration=asked)
        assert page.status_code == (404 if asked else 200), asked[:10]


def test_pages_of_an_environment_that_was_deleted_say_so(site: LiveServer, admin: Visitor) -> None:
    key = fresh("place")
    assert site.rest("POST", "/projects", {"key": key, "name": key}).status == 201
    visitor = Visitor(site.host).sign_in(site.token)
    home = f"/p/{key}/test"
    assert visitor.get(home).status_code == 200
    assert site.rest("DELETE", f"/projects/{key}/environments/test").status == 204
    for path in (
        "",
        "/flags",
        "/experiments",
        "/metrics",
        "/segments",
        "/layers",
        "/live",
        "/live/why",
        "/new-flag",
    ):
        page = visitor.get(home + path)
        assert page.status_code == 404, path
        assert "<h1" in page.text
    late = {"name": "Too late", "event_key": "late", "kind": "standard"}
    for path, records in (("new-flag", "/flags"), ("new-metric", "/metrics")):
        assert visitor.post(f"{home}/{path}", late).status_code == 404
        assert site.rest("GET", f"{records}/{key}/too-late").status == 404, path
    assert visitor.get("/").status_code == 200
    assert site.rest("DELETE", f"/projects/{key}").status == 204
    assert visitor.get(f"/p/{key}/production").status_code == 404
    assert visitor.get("/").status_code == 200


def test_an_environments_refused_settings_stay_as_typed(site: LiveServer, admin: Visitor) -> None:
    key = fresh("settings")
    assert site.rest("POST", "/projects", {"key": key, "name": key}).status == 201
    page = f"/settings/projects/{key}/environments/test"
    typed = {"name": "Typed 🎉", "color": "no colour", "tags": "a, b", "requireComments": "on"}
    refused = admin.post(page, {**typed, "do": "save"})
    assert refused.status_code == 400
    assert 'value="Typed 🎉"' in refused.text
    assert 'value="no colour"' in refused.text
    assert 'value="a, b"' in refused.text
    assert re.search(r'name="requireComments" checked', refused.text)
    assert "<h1>" in refused.text
    assert "Typed" not in refused.text.split("<h1>")[1].split("</h1>")[0]
    assert site.rest("GET", f"/projects/{key}/environments/test").body["requireComments"] is False


def test_a_projects_refused_name_stays_as_typed(site: LiveServer, admin: Visitor) -> None:
    key = fresh("settings")
    assert site.rest("POST", "/projects", {"key": key, "name": key}).status == 201
    page = f"/settings/projects/{key}"
    refused = admin.post(page, {"name": "", "tags": "one, two", "do": "save"})
    assert refused.status_code == 400
    assert 'value="one, two"' in refused.text
    added = admin.post(page, {"name": "日本", "key": "", "do": "environment"})
    assert added.status_code == 400
    assert 'value="日本"' in added.text
    assert f'value="{key}"' in added.text


def test_live_events_show_those_that_were_quarantined(site: LiveServer, admin: Visitor) -> None:
    sent = [
        {"kind": "telepathy"},
        "no event",
        {"kind": "custom", "creationDate": now_ms()},
        exposure("somebody", 0, now_ms(), flag=fresh("unknown")),
    ]
    assert site.send(sent).status == 202
    deadline = time.monotonic() + 10
    page = ""
    while "of an unknown flag" not in page and time.monotonic() < deadline:
        page = text_of(admin.get(f"{PLACE}/live").text)
    assert "of an unknown flag" in page
    assert "Quarantined kept aside in the last seven days, because they can't count" in page


def test_an_experiment_of_a_flag_is_of_no_other_environment(site: LiveServer, admin: Visitor) -> None:
    key = fresh("elsewhere")
    make_experiment(site, key)
    assert admin.get(f"/p/default/test/experiments/{key}").status_code == 404
    other = fresh("elsewhere")
    body = {"key": other, "name": other, "iteration": planned(site, key, key)}
    assert site.rest("POST", ALL, body).status == 201
    assert other not in text_of(admin.get("/p/default/test/experiments").text)


@pytest.mark.parametrize(
    ("path", "body", "where", "word"),
    [
        ("/flags/default", {}, "/name", "Name"),
        ("/metrics/default", {"kind": "custom", "eventKey": "e"}, "/name", "name"),
        ("/segments/default/production", {}, "/name", "name"),
        ("/projects", {}, "/name", "name"),
    ],
)
def test_the_audit_log_shows_what_a_change_was_and_is(
    site: LiveServer, admin: Visitor, path: str, body: dict[str, Any], where: str, word: str
) -> None:
    key = fresh("audited")
    assert site.rest("POST", path, {"key": key, "name": f"{key} before", **body}).status == 201
    patch = [{"op": "replace", "path": where, "value": f"{key} <b>after</b>"}]
    assert site.rest("PATCH", f"{path}/{key}", patch).status == 200
    page = admin.get("/audit", q=key)
    shown = text_of(page.text)
    assert f"{key} before" in shown
    assert f"{key} <b>after</b>" in shown
    assert word in shown
    assert "<b>after" not in page.text


def test_a_list_is_paged_and_keeps_what_was_searched(site: LiveServer, admin: Visitor) -> None:
    stem = fresh("paged")
    for n in range(51):
        body = {"key": f"{stem}-{n}", "name": f"{stem} & {n:02}", "eventKey": "e", "kind": "custom"}
        assert site.rest("POST", "/metrics/default", body).status == 201
    first = admin.get(f"{PLACE}/metrics", q=f"{stem} &")
    following = re.search(r'href="([^"]*page=2[^"]*)"', first.text)
    assert following is not None
    second = admin.get(following[1].replace("&amp;", "&"))
    names = [set(re.findall(rf"{stem} &amp; (\d\d)", page.text)) for page in (first, second)]
    assert [len(one) for one in names] == [50, 1]
    assert names[0].isdisjoint(names[1])
    assert re.search(rf'value="{stem} &amp;"', second.text)


def test_why_an_experiment_was_stopped_is_said_where_nothing_was_shipped(
    site: LiveServer, admin: Visitor
) -> None:
    key = fresh("why")
    started(site, key)
    page = admin.post(f"{PLACE}/experiments/{key}/do", {"do": "stop", "reason": HOSTILE})
    said = f"Stopped, and nothing was shipped. {HOSTILE}"
    assert said in text_of(page.text)
    assert said in text_of(admin.get(f"{PLACE}/experiments/{key}/download/report").text)
    assert "<b>" not in page.text


def test_two_people_who_stop_an_experiment_stop_it_once(site: LiveServer, admin: Visitor) -> None:
    key = fresh("twice")
    started(site, key)
    address = f"{PLACE}/experiments/{key}/do"
    assert admin.post(address, {"do": "stop", "reason": "First"}).status_code == 200
    second = admin.post(address, {"do": "stop", "reason": "Second"})
    assert second.status_code in (400, 409)
    assert 'role="alert"' in second.text
    assert "nothing was shipped. First" in text_of(admin.get(f"{PLACE}/experiments/{key}").text)


def test_a_draft_that_was_started_meanwhile_is_not_edited(site: LiveServer, admin: Visitor) -> None:
    key = fresh("begun")
    make_experiment(site, key)
    page = f"{PLACE}/experiments/{key}/edit"
    fields = admin.form_of(page)
    assert instruct(site, key, "startIteration").status == 200
    late = admin.post(page, {**fields, "name": "Too late", "do": "save"})
    assert late.status_code == 404
    assert "what has been started keeps its design" in text_of(late.text)
    assert site.rest("GET", f"{ALL}/{key}").body["name"] == key


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "Give it a name."),
        ("primary", "", "Choose the metric that decides."),
        ("power", "NaN", "A percentage above 0 and below 100."),
        ("power", "10", "it would rather miss the effect than find it"),
        ("lift", "1e999", "A percentage above 0."),
        ("lift", "-5", "A percentage above 0."),
        ("treatment.0.percent", "101", "Shares are percentages between 0 and 100."),
        ("treatment.0.percent", "0", "has a share above 0 %"),
        ("treatment.0.percent", "99", "The shares add up to 149 %; 100 % is the most."),
        ("baseline", "gone", "Choose as the baseline one of those that take part."),
        ("version", "9" * 5_000, ""),
        ("version", "\u0661", ""),
    ],
)
def test_a_draft_with_a_wrong_field_is_kept_as_typed_beside_its_fault(
    site: LiveServer, admin: Visitor, field: str, value: str, words: str
) -> None:
    key = fresh("faulty")
    make_experiment(site, key)
    page = f"{PLACE}/experiments/{key}/edit"
    fields = admin.form_of(page)
    refused = admin.post(page, {**fields, field: value, "hypothesis": HOSTILE, "do": "save"})
    assert refused.status_code in (400, 409)
    assert words in text_of(refused.text)
    assert HOSTILE in text_of(refused.text)
    assert (
        site.rest("GET", f"{ALL}/{key}?expand=draftIteration").body["draftIteration"]["hypothesis"]
        == "it helps"
    )
