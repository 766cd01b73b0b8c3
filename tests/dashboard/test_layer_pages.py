"""Layers and holdouts by forms: made, filled, emptied and ended; and chosen where an experiment is designed."""

from typing import Any

import pytest

from api.experiments import ALL, make_experiment, read
from api.replies import fresh
from dashboard.visitor import Visitor, text_of
from live import LiveServer

PLACE = "/p/default/production"
LAYERS, HOLDOUTS = "/projects/default/layers", "/projects/default/environments/production/holdouts"


@pytest.fixture
def experiment(site: LiveServer) -> str:
    key = fresh("apart")
    make_experiment(site, key)
    return key


@pytest.fixture
def layer(site: LiveServer) -> str:
    key = fresh("layer")
    assert site.rest("POST", LAYERS, {"key": key, "name": key}).status == 201
    return key


def shares(site: LiveServer, layer: str) -> dict[str, int]:
    """The percent of each experiment in the layer."""
    found = site.rest("GET", f"{LAYERS}?filter=query:{layer}").body["items"]
    (one,) = [item for item in found if item["key"] == layer]
    inside = one["environments"].get("production", {"reservations": []})["reservations"]
    return {row["experimentKey"]: row["reservationPercent"] for row in inside}


def done(visitor: Visitor, step: str, **fields: str) -> Any:
    return visitor.post(f"{PLACE}/layers", {"do": step, **fields})


def make_holdout(site: LiveServer) -> dict[str, Any]:
    reply = site.rest("POST", HOLDOUTS, {"key": fresh("holdout"), "name": "Held <b>out</b>"})
    assert reply.status == 201
    body: dict[str, Any] = reply.body
    return body


def test_a_layer_is_made_filled_and_emptied(site: LiveServer, admin: Visitor, experiment: str) -> None:
    name = fresh("checkout")
    assert f"{name} is made." in done(admin, "make-layer", name=name).text
    assert "Saved." in done(admin, "reserve", layer=name, experiment=experiment, percent="30 %").text
    assert shares(site, name) == {experiment: 30}
    words = text_of(admin.get(f"{PLACE}/layers").text)
    assert "users, 70 % free in Production" in words
    assert f"{experiment} 30 %" in words
    assert "Taken out." in done(admin, "take-out", layer=name, experiment=experiment).text
    assert shares(site, name) == {}


@pytest.mark.parametrize(
    ("step", "fields", "said"),
    [
        ("make-layer", {"name": ""}, "Give it a name"),
        ("reserve", {"percent": "half"}, "A share is a whole number of percent"),
        ("reserve", {"percent": "0"}, "from 1 to 100"),
        ("reserve", {"percent": "101"}, "from 1 to 100"),
        ("make-holdout", {"name": "x", "amount": "100"}, "above"),
        ("make-holdout", {"name": "x", "amount": "5", "metric": "nothing"}, "no metric"),
        ("juggle", {}, "Choose what to do"),
    ],
)
def test_what_is_wrong_is_said(
    admin: Visitor, experiment: str, layer: str, step: str, fields: dict[str, str], said: str
) -> None:
    page = done(admin, step, **{"layer": layer, "experiment": experiment, **fields})
    assert page.status_code == 400
    assert said in text_of(page.text)


def test_a_refused_form_keeps_what_was_typed(admin: Visitor, layer: str) -> None:
    page = done(admin, "make-layer", name='"><i>', key=layer, description="why")
    assert page.status_code == 409
    assert 'value="&#34;&gt;&lt;i&gt;"' in page.text
    assert 'value="why"' in page.text


def test_a_holdout_is_made_left_and_ended(site: LiveServer, admin: Visitor, experiment: str) -> None:
    name = fresh("year")
    page = done(admin, "make-holdout", name=name, amount="2,5", unit="user", metric=experiment)
    assert f"{name} is made." in page.text
    made = site.rest("GET", f"{HOLDOUTS}/{name}").body
    assert made["holdoutAmount"] == "2.5"
    join = {
        "kind": "updateExperimentFields",
        "value": {"holdoutId": {"operation": "update", "value": made["_id"]}},
    }
    assert site.rest("PATCH", f"{ALL}/{experiment}", {"instructions": [join]}).status == 200
    assert "Holds out 2.5 % of users." in text_of(admin.get(f"{PLACE}/layers").text)
    assert "Taken out." in done(admin, "leave-holdout", holdout=name, experiment=experiment).text
    assert site.rest("GET", f"{HOLDOUTS}/{name}").body["relatedExperiments"] == []
    assert admin.get(f"{PLACE}/experiments/holdout-{name}").status_code == 200
    assert "Ended." in done(admin, "end-holdout", holdout=name).text
    assert site.rest("GET", f"{HOLDOUTS}/{name}").body["status"] == "ended"
    assert done(admin, "end-holdout", holdout=name).status_code == 409


def test_a_running_experiment_keeps_its_share(
    site: LiveServer, admin: Visitor, experiment: str, layer: str
) -> None:
    done(admin, "reserve", layer=layer, experiment=experiment, percent="40")
    start = {"instructions": [{"kind": "startIteration"}]}
    assert site.rest("PATCH", f"{ALL}/{experiment}", start).status == 200
    assert f'aria-label="Take out {experiment}"' not in admin.get(f"{PLACE}/layers").text
    assert done(admin, "take-out", layer=layer, experiment=experiment).status_code == 409
    assert shares(site, layer) == {experiment: 40}


def test_a_draft_is_put_into_a_layer_and_a_holdout_where_it_is_designed(
    site: LiveServer, admin: Visitor, experiment: str, layer: str
) -> None:
    other, holdout = fresh("other"), make_holdout(site)
    assert site.rest("POST", LAYERS, {"key": other, "name": other}).status == 201
    home = f"{PLACE}/experiments/{experiment}/edit"
    page = admin.get(home).text
    assert f"{layer} (100 % free)" in page
    assert "Held &lt;b&gt;out&lt;/b&gt; (5 %)" in page
    typed = {"layer": layer, "layer_share": "60", "holdout": holdout["_id"]}
    assert "Saved." in admin.post(home, admin.form_of(home) | typed | {"do": "save"}).text
    assert shares(site, layer) == {experiment: 60}
    assert read(site, experiment)["holdoutId"] == holdout["_id"]
    kept = admin.form_of(home)
    assert (kept["layer"], kept["layer_share"], kept["holdout"]) == ([layer], ["60"], [holdout["_id"]])
    planned = admin.get(f"{PLACE}/experiments/{experiment}").text
    assert f"60 % of {layer}" in planned
    assert "without the 5 % of Held &lt;b&gt;out&lt;/b&gt;" in planned
    moved = {"layer": other, "layer_share": "10", "holdout": "", "do": "save"}
    assert "Saved." in admin.post(home, kept | moved).text
    assert (shares(site, layer), shares(site, other)) == ({}, {experiment: 10})
    assert not read(site, experiment).get("holdoutId")
    wrong = admin.post(home, admin.form_of(home) | {"layer_share": "1.5", "do": "save"})
    assert wrong.status_code == 400
    assert "A whole number of percent, from 1 to 100." in text_of(wrong.text)
    assert "Saved." in admin.post(home, admin.form_of(home) | {"layer": "", "do": "save"}).text
    assert shares(site, other) == {}


def test_a_new_experiment_that_finds_no_room_is_made_and_not_started(
    site: LiveServer, admin: Visitor, experiment: str, layer: str
) -> None:
    done(admin, "reserve", layer=layer, experiment=experiment, percent="90")
    new, name = f"{PLACE}/new-experiment", fresh("late")
    fields = admin.form_of(new, flag=experiment, metric=experiment) | {"name": name, "layer": layer}
    page = admin.post(new, fields | {"layer_share": "20", "do": "start"})
    words = text_of(page.text)
    assert "It is made, but not in the layer, and not started. 10 percent of the layer" in words
    assert read(site, name)["currentIteration"]["status"] == "not_started"
    fields |= {"name": fresh("fits"), "layer_share": "10", "do": "create"}
    assert "It is made." in admin.post(new, fields).text
    assert sum(shares(site, layer).values()) == 100


def test_readers_look_and_change_nothing(
    site: LiveServer, reader: Visitor, experiment: str, layer: str
) -> None:
    page = reader.get(f"{PLACE}/layers")
    assert page.status_code == 200
    assert 'name="do"' not in page.text
    assert done(reader, "reserve", layer=layer, experiment=experiment, percent="5").status_code == 403
    assert done(reader, "make-layer", name=fresh("mine")).status_code == 403
    assert done(reader, "make-holdout", name=fresh("mine"), amount="5").status_code == 403
    assert shares(site, layer) == {}
