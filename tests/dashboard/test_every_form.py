"""Every form of the dashboard, sent as no page sends it: without rights, without its token, with anything in it."""

import re
from typing import Any

import httpx
import pytest

from api.replies import fresh
from assay.dashboard.pages.table import VIEWS
from dashboard.visitor import Visitor, fields_of, text_of
from live import LiveServer

PLACE = "/p/default/production"
POSTED = sorted(view.path for view in VIEWS if view.method == "POST")

# A flag's preview changes nothing: whoever may read may ask who would get what.
READ_ONLY = {"/p/{project}/{environment}/flags/{flag}/preview"}

HOSTILE = {
    "digits without end": "9" * 5_000,
    "beyond every float": "1e999",
    "below zero": "-1",
    "deep": "[" * 60_000,
    "long": "x" * 70_000,
    "a null byte": "a\x00b",
    "emoji": "\U0001f389" * 200,
    "right to left": "\u202e\u05d0\u05d1",
    "half a character": '"\\ud800"',
    "an open object": '{"a":' * 3_000,
    "another script's digits": "\u0661\u0662",
}


@pytest.fixture(scope="session")
def shelf(site: LiveServer) -> dict[str, str]:
    """A record of every kind, by the name of its part of an address."""
    key = fresh("form")
    metric = {"key": key, "name": key, "kind": "custom", "eventKey": key}
    made: list[tuple[str, Any]] = [
        ("/flags/default", {"key": key, "name": key}),
        ("/metrics/default", metric),
        ("/segments/default/production", {"key": key, "name": key}),
    ]
    for path, body in made:
        assert site.rest("POST", path, body).status == 201, path
    steps = [{"key": key, "nameInGroup": "Only"}]
    group = {"key": key, "name": key, "kind": "standard", "metrics": steps}
    assert site.rest("POST", "/projects/default/metric-groups", group).status == 201
    flag = site.rest("GET", f"/flags/default/{key}").body
    version = flag["environments"]["production"]["version"]
    ids = [one["_id"] for one in flag["variations"]]
    treatments = [
        {
            "name": str(n),
            "allocationPercent": "50",
            "baseline": n == 0,
            "parameters": [{"flagKey": key, "variationId": one}],
        }
        for n, one in enumerate(ids)
    ]
    iteration = {
        "hypothesis": "It helps",
        "flags": {key: {"ruleId": "fallthrough", "flagConfigVersion": version}},
        "treatments": treatments,
        "metrics": [{"key": key}],
        "primarySingleMetricKey": key,
    }
    experiments = "/projects/default/environments/production/experiments"
    made_one = site.rest("POST", experiments, {"key": key, "name": key, "iteration": iteration})
    assert made_one.status == 201, made_one.body
    project = {"key": key, "name": key}
    assert site.rest("POST", "/projects", project).status == 201
    return dict.fromkeys(("flag", "metric", "segment", "group", "experiment"), key)


def address_of(view: str, shelf: dict[str, str]) -> str:
    """A page of the shelf's own records; of settings, its own project."""
    own = shelf if view.startswith("/p/") else {"project": shelf["flag"]}
    parts = {"project": "default", "environment": "production"} | own
    return re.sub(r"\{(\w+)\}", lambda found: parts[found[1]], view)


def page_of(address: str) -> str:
    """Where the form stands that is sent to the address."""
    return re.sub(r"/(do|switch)$", "", address)


def last_change(site: LiveServer) -> str:
    """The newest entry of the audit log; another one after any change."""
    return str(site.rest("GET", "/auditlog?limit=1").body["items"][0]["_id"])


@pytest.mark.parametrize("view", POSTED)
def test_a_form_without_its_token_is_refused_and_changes_nothing(
    site: LiveServer, admin: Visitor, shelf: dict[str, str], view: str
) -> None:
    address = address_of(view, shelf)
    fields = admin.form_of(page_of(address))
    for csrf in (None, "", "0" * 64, "\u0661"):
        before = last_change(site)
        sent = {**fields, "confirm": shelf["flag"], "do": "delete", "on": "true"}
        reply = admin.send("POST", address, data=sent | ({} if csrf is None else {"csrf": csrf}))
        assert reply.status_code == 403
        assert "too old, or didn't come from this page" in text_of(reply.text)
        assert last_change(site) == before


@pytest.mark.parametrize("view", POSTED)
def test_a_form_from_another_site_is_refused_though_it_knows_the_token(
    admin: Visitor, shelf: dict[str, str], view: str
) -> None:
    address, csrf = address_of(view, shelf), admin.csrf()
    for header in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert admin.send("POST", address, data={"csrf": csrf}, headers=header).status_code == 403


@pytest.mark.parametrize("view", sorted(set(POSTED) - READ_ONLY))
def test_a_reader_sends_any_form_and_changes_nothing(
    site: LiveServer, admin: Visitor, reader: Visitor, shelf: dict[str, str], view: str
) -> None:
    address = address_of(view, shelf)
    shown = admin.get(page_of(address))
    fields = fields_of(shown.text)
    steps = set(re.findall(r'name="do" value="([^"]+)"', shown.text)) | {"save", "create", "delete", ""}
    before = last_change(site)
    for step in sorted(steps):
        sent = {**fields, "name": "Mine", "confirm": shelf["flag"], "on": "true", "do": step}
        reply = reader.post(address, sent)
        assert reply.status_code in (200, 400, 403), (step, reply.status_code)
    assert last_change(site) == before


@pytest.mark.parametrize("word", HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize("view", POSTED)
def test_anything_in_every_field_is_no_fault_of_the_servers(
    admin: Visitor, shelf: dict[str, str], view: str, word: str
) -> None:
    address = address_of(view, shelf)
    shown = admin.get(page_of(address)).text
    names = set(re.findall(r'name="([^"]+)"', shown)) - {"csrf", "do"}
    steps = {"save", "create", "check", "preview"} & set(re.findall(r'name="do" value="([^"]+)"', shown))
    for step in sorted(steps or {"save"}):
        reply = admin.post(address, {**dict.fromkeys(names, word), "do": step})
        assert reply.status_code < 500, step
        assert "Traceback" not in reply.text


@pytest.mark.parametrize("view", POSTED)
def test_a_form_with_nothing_in_it_is_answered_with_a_page(
    admin: Visitor, shelf: dict[str, str], view: str
) -> None:
    reply = admin.post(address_of(view, shelf), {"do": "no-such-thing"})
    assert reply.status_code < 500
    assert "<h1" in reply.text


def test_forms_that_are_too_large_or_of_no_record_say_so(site: LiveServer, admin: Visitor) -> None:
    assert admin.post(f"{PLACE}/new-flag", {"name": "x" * 2_100_000}).status_code == 413
    for view in POSTED:
        gone = re.sub(r"\{(\w+)\}", "gone", view)
        if gone != view:
            assert admin.post(gone, {"do": "save"}).status_code == 404, view


def test_whoever_is_signed_out_is_asked_to_sign_in(site: LiveServer, shelf: dict[str, str]) -> None:
    for view in POSTED:
        reply = httpx.post(site.host + address_of(view, shelf), data={"do": "delete"})
        assert (reply.status_code, reply.headers["location"]) == (303, "/sign-in"), view
