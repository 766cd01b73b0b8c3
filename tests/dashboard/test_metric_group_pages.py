"""Metric groups by forms: funnels keep the order of their steps, and what is wrong changes nothing."""

from typing import Any

import pytest

from api.experiments import make_experiment, make_metric
from api.replies import fresh
from dashboard.visitor import Visitor, fields_of, text_of
from live import LiveServer

PLACE = "/p/default/production"
REST = "/projects/default/metric-groups"


@pytest.fixture
def keys(site: LiveServer) -> list[str]:
    """Three metrics that a funnel may hold."""
    made = [fresh(name) for name in ("seen", "basket", "till")]
    for key in made:
        make_metric(site, key)
    return made


def group_of(site: LiveServer, key: str) -> dict[str, Any]:
    found: dict[str, Any] = site.rest("GET", f"{REST}/{key}").body
    return found


def steps_of(site: LiveServer, key: str) -> list[tuple[str, str]]:
    return [(one["key"], one.get("nameInGroup", "")) for one in group_of(site, key)["metrics"]]


def made(site: LiveServer, keys: list[str], **more: Any) -> str:
    key = fresh("group")
    steps = [{"key": one, "nameInGroup": one.upper()} for one in keys]
    body = {"key": key, "name": key, "kind": "funnel", "metrics": steps, "tags": ["a", "b"], **more}
    assert site.rest("POST", REST, body).status == 201
    return key


def test_a_funnel_is_made_step_by_step_without_javascript(
    site: LiveServer, admin: Visitor, keys: list[str]
) -> None:
    name = fresh("funnel")
    fields: dict[str, Any] = admin.form_of(f"{PLACE}/new-metric-group")
    fields |= {"name": name, "row.0.metric": keys[0], "row.1.metric": keys[2], "row.1.name": "Paid"}
    fields = fields_of(admin.post(f"{PLACE}/new-metric-group", fields | {"do": "add-row"}).text)
    fields = fields_of(
        admin.post(f"{PLACE}/new-metric-group", fields | {"row.2.metric": keys[1], "do": "up-row.2"}).text
    )
    page = admin.post(f"{PLACE}/new-metric-group", fields | {"do": "save"})
    assert page.url.path == f"{PLACE}/metric-groups/{name}", text_of(page.text)
    assert group_of(site, name)["kind"] == "funnel"
    assert steps_of(site, name) == [(keys[0], keys[0]), (keys[1], keys[1]), (keys[2], "Paid")]
    listed = text_of(admin.get(f"{PLACE}/metrics").text)
    assert f"{keys[0]} → {keys[1]} → Paid" in listed


def test_a_group_is_changed_and_an_untouched_one_stays(
    site: LiveServer, admin: Visitor, keys: list[str]
) -> None:
    key = made(site, keys)
    home, before = f"{PLACE}/metric-groups/{key}", group_of(site, key)
    assert "Saved." in admin.post(home, admin.form_of(home) | {"do": "save"}).text
    assert group_of(site, key) == before
    fields = {**fields_of(admin.post(home, admin.form_of(home) | {"do": "remove-row.1"}).text)}
    changes = {"kind": "standard", "name": "Read together", "tags": "b", "do": "save"}
    assert "Saved." in admin.post(home, fields | changes).text
    after = group_of(site, key)
    assert (after["kind"], after["name"], after["tags"]) == ("standard", "Read together", ["b"])
    assert steps_of(site, key) == [(keys[0], keys[0].upper()), (keys[2], keys[2].upper())]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": ""}, "Give the group a name"),
        ({"row.1.metric": ""}, "holds 2 to 50 metrics"),
        ({"row.1.metric": "nothing-of-the-kind"}, "Unknown metric key 'nothing-of-the-kind'"),
        ({"kind": "pyramid"}, "pyramid"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    admin: Visitor, keys: list[str], typed: dict[str, str], said: str
) -> None:
    fields = {"name": fresh("wrong"), "kind": "funnel", "row.0.metric": keys[0], "row.1.metric": keys[1]}
    fields |= {"row.0.name": "<b>kept</b>"} | typed
    page = admin.post(f"{PLACE}/new-metric-group", fields | {"do": "save"})
    assert page.status_code == 400
    assert said in text_of(page.text)
    assert 'value="&lt;b&gt;kept&lt;/b&gt;"' in page.text


def test_a_step_that_is_no_conversion_is_refused(site: LiveServer, admin: Visitor, keys: list[str]) -> None:
    value = fresh("value")
    body = {"key": value, "kind": "custom", "eventKey": "e", "isNumeric": True}
    assert site.rest("POST", "/metrics/default", body).status == 201
    fields = {"name": value, "kind": "funnel", "row.0.metric": keys[0], "row.1.metric": value}
    page = admin.post(f"{PLACE}/new-metric-group", fields | {"do": "save"})
    assert page.status_code == 400
    assert "a funnel's step is a conversion" in text_of(page.text).lower()


def test_a_group_is_deleted_by_its_key_unless_an_experiment_uses_it(
    site: LiveServer, admin: Visitor, keys: list[str]
) -> None:
    key, used = made(site, keys), made(site, keys)
    metrics = [{"key": keys[0], "primary": True}, {"key": used, "isGroup": True}]
    make_experiment(site, fresh("user"), metrics=metrics, primarySingleMetricKey=keys[0])
    home = f"{PLACE}/metric-groups/{key}"
    assert admin.post(home, {"do": "delete", "confirm": "no"}).status_code == 400
    assert "is deleted" in admin.post(home, {"do": "delete", "confirm": key}).text
    assert site.rest("GET", f"{REST}/{key}").status == 404
    refused = admin.post(f"{PLACE}/metric-groups/{used}", {"do": "delete", "confirm": used})
    assert refused.status_code == 409
    assert site.rest("GET", f"{REST}/{used}").status == 200


def test_readers_look_and_change_nothing(
    site: LiveServer, admin: Visitor, reader: Visitor, keys: list[str]
) -> None:
    key = made(site, keys)
    home = f"{PLACE}/metric-groups/{key}"
    assert "Delete this group" not in reader.get(home).text
    assert 'href="/p/default/production/new-metric-group"' not in reader.get(f"{PLACE}/metrics").text
    assert reader.get(f"{PLACE}/new-metric-group").status_code == 403
    fields = admin.form_of(home) | {"name": "Mine", "do": "save"}
    assert reader.post(home, fields).status_code == 403
    assert reader.post(home, {"do": "delete", "confirm": key}).status_code == 403
    assert group_of(site, key)["name"] == key
