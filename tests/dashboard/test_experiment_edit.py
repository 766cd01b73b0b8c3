"""A draft that was mistyped is designed anew: what was planned stands in the form, and only what is typed changes."""

from typing import Any

import pytest

from api.experiments import ALL, config, make_experiment, make_flag, make_metric, planned, read
from api.replies import fresh
from dashboard.visitor import Visitor, fields_of, text_of
from live import LiveServer

PLACE = "/p/default/production/experiments"
EVERYTHING = "draftIteration,metrics,treatments"


@pytest.fixture
def key(site: LiveServer) -> str:
    """An experiment that was never started."""
    made = fresh("draft")
    make_experiment(site, made, "20", "30", "50", attributes=["country"], assay={"covariateDays": 3})
    return made


def draft_of(site: LiveServer, key: str) -> dict[str, Any]:
    found: dict[str, Any] = read(site, key, EVERYTHING)["draftIteration"]
    return found


def saved(visitor: Visitor, key: str, fields: dict[str, Any]) -> str:
    reply = visitor.post(f"{PLACE}/{key}/edit", fields | {"do": "save"})
    assert reply.status_code == 200, text_of(reply.text)
    return reply.text


def test_the_draft_stands_in_the_form_as_it_was_planned(admin: Visitor, key: str) -> None:
    fields = admin.form_of(f"{PLACE}/{key}/edit")
    assert fields["hypothesis"] == ["it helps"]
    assert [fields[f"treatment.{n}.percent"] for n in range(3)] == [["20"], ["30"], ["50"]]
    assert fields["treatment.1.name"] == ["treatment 1"]
    assert (fields["primary"], fields["attributes"]) == ([key], ["country"])
    assert (fields["flag"], fields["rule"], fields["power"], fields["lift"]) == (
        [key],
        ["fallthrough"],
        ["80"],
        ["5"],
    )


def test_saving_what_stands_there_changes_nothing(site: LiveServer, admin: Visitor, key: str) -> None:
    before = draft_of(site, key)
    assert "Saved." in saved(admin, key, admin.form_of(f"{PLACE}/{key}/edit"))
    assert draft_of(site, key) == before


def test_what_was_mistyped_is_mended(site: LiveServer, admin: Visitor, key: str) -> None:
    other, guard = fresh("better"), fresh("guard")
    make_metric(site, other)
    make_metric(site, guard)
    fields = admin.form_of(f"{PLACE}/{key}/edit")
    number = next(
        name.split(".")[1] for name, value in fields.items() if name.endswith(".key") and value == [guard]
    )
    before = draft_of(site, key)
    changed = {
        "name": "A better name",
        "hypothesis": "It helps more.",
        "treatment.0.percent": "40",
        "treatment.2.percent": "10",
        "primary": other,
        f"metric.{number}.role": "guardrail",
        "plan": "horizon",
        "horizon": "5000",
        "power": "90",
    }
    del fields["treatment.1.taken"]
    saved(admin, key, fields | changed)
    after = draft_of(site, key)
    assert after["_id"] == before["_id"]
    assert after["hypothesis"] == "It helps more."
    assert [(one["name"], one["allocationPercent"]) for one in after["treatments"]] == [
        ("treatment 0", "40"),
        ("treatment 2", "10"),
    ]
    assert (after["assay"]["horizonUnits"], after["assay"]["power"]) == (5000, 0.9)
    assert after["assay"]["covariateDays"] == 3
    assert after["assay"]["guardrails"] == [guard]
    assert after["primarySingleMetric"]["key"] == other
    assert read(site, key)["name"] == "A better name"


def test_another_flag_can_be_chosen_without_javascript(site: LiveServer, admin: Visitor, key: str) -> None:
    other = fresh("other")
    make_flag(site, other, values=2)
    fields = admin.form_of(f"{PLACE}/{key}/edit") | {"flag": other}
    chosen = fields_of(admin.post(f"{PLACE}/{key}/edit", fields | {"do": "choose"}).text)
    assert chosen["hypothesis"] == ["it helps"]
    assert "treatment.2.id" not in chosen
    saved(admin, key, chosen)
    after = draft_of(site, key)
    assert list(after["flags"]) == [other]
    assert [one["allocationPercent"] for one in after["treatments"]] == ["50", "50"]


def test_what_is_wrong_is_said_and_nothing_is_saved(site: LiveServer, admin: Visitor, key: str) -> None:
    before = draft_of(site, key)
    fields = admin.form_of(f"{PLACE}/{key}/edit") | {"treatment.0.percent": "90", "name": "<b>kept"}
    reply = admin.post(f"{PLACE}/{key}/edit", fields | {"do": "save"})
    assert reply.status_code == 400
    assert "The shares add up to 170 %" in text_of(reply.text)
    assert 'value="&lt;b&gt;kept"' in reply.text
    assert draft_of(site, key) == before


def test_a_flag_that_changed_meanwhile_is_looked_at_again(site: LiveServer, admin: Visitor, key: str) -> None:
    fields = admin.form_of(f"{PLACE}/{key}/edit")
    patch = [{"op": "replace", "path": "/environments/production/on", "value": False}]
    assert site.rest("PATCH", f"/flags/default/{key}", patch).status == 200
    reply = admin.post(f"{PLACE}/{key}/edit", fields | {"do": "save"})
    assert reply.status_code == 409
    again = fields_of(reply.text)
    assert again["version"] == [str(config(site, key)["version"])]
    assert "Saved." in saved(admin, key, again)


def test_the_form_is_reached_from_the_drafts_page_by_those_who_may_change_it(
    site: LiveServer, admin: Visitor, reader: Visitor, key: str
) -> None:
    assert f'href="{PLACE}/{key}/edit"' in admin.get(f"{PLACE}/{key}").text
    assert f'href="{PLACE}/{key}/edit"' not in reader.get(f"{PLACE}/{key}").text
    assert reader.get(f"{PLACE}/{key}/edit").status_code == 403
    fields = admin.form_of(f"{PLACE}/{key}/edit")
    assert reader.post(f"{PLACE}/{key}/edit", fields | {"do": "save"}).status_code == 403


def test_what_has_been_started_keeps_its_design(site: LiveServer, admin: Visitor, key: str) -> None:
    start = {"instructions": [{"kind": "startIteration"}]}
    assert site.rest("PATCH", f"{ALL}/{key}", start).status == 200
    reply = admin.get(f"{PLACE}/{key}/edit")
    assert reply.status_code == 404
    assert "has no draft" in text_of(reply.text)
    assert "/edit" not in admin.get(f"{PLACE}/{key}").text


def test_a_draft_of_several_flags_is_left_to_the_rest_api(site: LiveServer, admin: Visitor) -> None:
    one, two = fresh("one"), fresh("two")
    make_metric(site, one)
    for flag in (one, two):
        make_flag(site, flag, values=2)
    body = planned(site, one, one)
    more = planned(site, two, one)
    body["flags"] |= more["flags"]
    for mine, other in zip(body["treatments"], more["treatments"], strict=True):
        mine["parameters"] += other["parameters"]
    assert site.rest("POST", ALL, {"key": one, "name": one, "iteration": body}).status == 201
    assert "/edit" not in admin.get(f"{PLACE}/{one}").text
    reply = admin.get(f"{PLACE}/{one}/edit")
    assert reply.status_code == 400
    assert "several flags" in text_of(reply.text)


def test_a_funnel_can_decide_and_stays_when_the_draft_is_edited(site: LiveServer, admin: Visitor) -> None:
    key, step = fresh("funnel"), fresh("step")
    make_experiment(site, key)
    make_metric(site, step)
    group = {
        "key": key,
        "name": "Way to the till",
        "kind": "funnel",
        "metrics": [{"key": one, "nameInGroup": one} for one in (key, step)],
    }
    assert site.rest("POST", "/projects/default/metric-groups", group).status == 201
    fields = admin.form_of(f"{PLACE}/{key}/edit") | {"primary": f"group/{key}"}
    saved(admin, key, fields)
    assert draft_of(site, key)["primaryFunnel"]["key"] == key
    assert admin.form_of(f"{PLACE}/{key}/edit")["primary"] == [f"group/{key}"]
    saved(admin, key, admin.form_of(f"{PLACE}/{key}/edit") | {"hypothesis": "Later."})
    after = draft_of(site, key)
    assert (after["primaryFunnel"]["key"], after["hypothesis"]) == (key, "Later.")
