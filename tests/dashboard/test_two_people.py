"""Two people at one record: who saves second is told of it, keeps what they typed, and may go on."""

from typing import Any

import pytest

from api.replies import fresh
from dashboard.visitor import Visitor, fields_of, text_of
from live import LiveServer

PLACE = "/p/default/production"
LATE = "Somebody changed this"


def made(site: LiveServer, kind: str) -> tuple[str, str]:
    """A record of the kind: its page, and its address in the REST API."""
    key = fresh("two")
    metric = {"key": key, "name": key, "kind": "custom", "eventKey": key}
    if kind == "segment":
        path, body = "/segments/default/production", {"key": key, "name": key}
        page, one = f"{PLACE}/segments/{key}", f"{path}/{key}"
    elif kind == "metric":
        path, body = "/metrics/default", metric
        page, one = f"{PLACE}/metrics/{key}", f"{path}/{key}"
    elif kind == "group":
        assert site.rest("POST", "/metrics/default", metric).status == 201
        path = "/projects/default/metric-groups"
        own = [{"key": key, "nameInGroup": "Only"}]
        body = {"key": key, "name": key, "kind": "standard", "metrics": own}  # type: ignore[dict-item]
        page, one = f"{PLACE}/metric-groups/{key}", f"{path}/{key}"
    else:
        path, body = "/flags/default", {"key": key, "name": key}
        page, one = f"{PLACE}/flags/{key}/{kind}", f"{path}/{key}"
    assert site.rest("POST", path, body).status == 201, kind
    return page, one


@pytest.mark.parametrize("kind", ["segment", "metric", "group", "about"])
def test_whoever_saves_second_is_told_and_may_save_again(site: LiveServer, admin: Visitor, kind: str) -> None:
    page, one = made(site, kind)
    fields = admin.form_of(page)
    ours: list[dict[str, Any]] = [{"op": "replace", "path": "/name", "value": "By the other"}]
    assert site.rest("PATCH", one, ours).status == 200
    late = admin.post(page, {**fields, "name": "By the second", "do": "save"})
    assert late.status_code == 409
    assert LATE in text_of(late.text)
    assert 'value="By the second"' in late.text
    assert site.rest("GET", one).body["name"] == "By the other"
    again = fields_of(late.text) | {"name": ["By the second"], "confirm": [], "do": ["save"]}
    assert admin.post(page, again).status_code == 200
    assert site.rest("GET", one).body["name"] == "By the second"


def test_variations_that_somebody_else_renamed_are_not_named_back(site: LiveServer, admin: Visitor) -> None:
    page, one = made(site, "variations")
    fields = admin.form_of(page)
    renamed = [{"op": "add", "path": "/variations/0/name", "value": "By the other"}]
    assert site.rest("PATCH", one, renamed).status == 200
    late = admin.post(page, {**fields, "variation.1.name": "By the second", "do": "save"})
    assert late.status_code == 409
    assert LATE in text_of(late.text)
    assert 'value="By the second"' in late.text
    assert site.rest("GET", one).body["variations"][0]["name"] == "By the other"


@pytest.mark.parametrize(
    ("kind", "step"),
    [("segment", "add-rule"), ("metric", "add-filter"), ("group", "add-row"), ("variations", "add")],
)
def test_a_step_of_an_editor_forgets_not_what_version_it_began_with(
    site: LiveServer, admin: Visitor, kind: str, step: str
) -> None:
    page, one = made(site, kind)
    fields = admin.form_of(page)
    ours = [{"op": "replace", "path": "/name", "value": "By the other"}]
    assert site.rest("PATCH", one, ours).status == 200
    stepped = fields_of(admin.post(page, {**fields, "do": step}).text)
    assert stepped["version"] == fields["version"]
    assert stepped["version"] != admin.form_of(page)["version"]


@pytest.mark.parametrize("kind", ["segment", "metric", "group", "about", "variations"])
@pytest.mark.parametrize("version", ["x", "-1", "9" * 5_000, "\u0661"])
def test_a_version_that_is_none_is_an_old_one(
    site: LiveServer, admin: Visitor, kind: str, version: str
) -> None:
    page, _ = made(site, kind)
    late = admin.post(page, {**admin.form_of(page), "version": version, "do": "save"})
    assert late.status_code == 409
    assert LATE in text_of(late.text)


@pytest.mark.parametrize("kind", ["segment", "metric", "group", "about", "variations"])
def test_a_form_that_nobody_touched_changes_nothing(site: LiveServer, admin: Visitor, kind: str) -> None:
    page, one = made(site, kind)
    before = site.rest("GET", one).body
    fields = admin.form_of(page)
    fields.pop("confirm", None)
    assert admin.post(page, {**fields, "do": "save"}).status_code == 200
    after = site.rest("GET", one).body
    counted = {"_version", "version", "lastModified", "_lastModified", "lastModifiedDate", "_versionId"}
    counted |= {"_lastModifiedDate", "_links", "environments"}
    kept = {name: value for name, value in before.items() if name not in counted}
    assert {name: value for name, value in after.items() if name not in counted} == kept


@pytest.mark.parametrize("kind", ["segment", "metric", "group", "about", "variations"])
def test_a_record_that_was_deleted_meanwhile_is_said_to_be_gone(
    site: LiveServer, admin: Visitor, kind: str
) -> None:
    page, one = made(site, kind)
    fields = admin.form_of(page)
    assert site.rest("DELETE", one).status == 204
    gone = admin.post(page, {**fields, "do": "save"})
    assert gone.status_code == 404
    assert "<h1" in gone.text
    assert admin.get(page).status_code == 404
