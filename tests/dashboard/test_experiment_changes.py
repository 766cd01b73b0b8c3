"""An experiment's page does what its forms say, and explains what it can't do."""

from typing import Any

from api.experiments import ALL, config, instruct, make_experiment, planned, read, started
from api.replies import fresh
from dashboard.visitor import Visitor, text_of
from live import LiveServer

PAGES = "/p/default/production/experiments"


def do(visitor: Visitor, key: str, step: str, **fields: Any) -> str:
    """What the page says after a form was sent."""
    return text_of(visitor.post(f"{PAGES}/{key}/do", {"do": step, **fields}).text)


def test_a_draft_starts_from_its_page(site: LiveServer, admin: Visitor) -> None:
    key = fresh("start")
    make_experiment(site, key)
    page = text_of(admin.get(f"{PAGES}/{key}").text)
    assert f"Decided by {key} Plan Open-ended; to find a lift of 5.0 % with 80 % power" in page
    assert "Start the experiment" in page
    assert "Started." in do(admin, key, "start")
    assert read(site, key)["currentIteration"]["status"] == "running"


def test_starting_turns_the_flag_on_where_it_is_ticked(site: LiveServer, admin: Visitor) -> None:
    key = fresh("off")
    make_experiment(site, key)
    turn_off(site, key)
    assert f"The flag {key} is off" in text_of(admin.get(f"{PAGES}/{key}").text)
    assert "Started." in do(admin, key, "start", turn_on="on")
    assert config(site, key)["on"] is True


def test_a_flag_that_is_off_stays_so_where_nothing_is_ticked(site: LiveServer, admin: Visitor) -> None:
    key = fresh("stays-off")
    make_experiment(site, key)
    turn_off(site, key)
    assert "turn it on first" in do(admin, key, "start")
    assert config(site, key)["on"] is False


def test_a_flag_goes_off_again_where_its_experiment_cannot_start(site: LiveServer, admin: Visitor) -> None:
    key = fresh("unstarted")
    make_experiment(site, key, "0", "0")
    turn_off(site, key)
    assert "No treatment gets any units" in do(admin, key, "start", turn_on="on")
    assert config(site, key)["on"] is False


def test_shipping_serves_the_chosen_treatment_to_everybody(site: LiveServer, admin: Visitor) -> None:
    key = fresh("ship")
    winner = started(site, key)["currentIteration"]["treatments"][1]["_id"]
    page = do(admin, key, "ship", treatment=winner, reason="it sold <b>more</b>")
    assert "treatment 1 was shipped." in page
    assert "it sold <b>more</b>" in page
    assert config(site, key)["fallthrough"] == {"variation": 1}


def test_shipping_asks_which_one_and_keeps_what_was_typed(site: LiveServer, admin: Visitor) -> None:
    key = fresh("which")
    started(site, key)
    reply = admin.post(f"{PAGES}/{key}/do", {"do": "ship", "reason": "because it <won>"})
    assert reply.status_code == 400
    assert "Choose the treatment that everybody is to get" in reply.text
    assert "because it &lt;won&gt;</textarea>" in reply.text
    assert read(site, key)["currentIteration"]["status"] == "running"


def test_stopping_ships_nothing(site: LiveServer, admin: Visitor) -> None:
    key = fresh("stop")
    started(site, key)
    assert "Nothing was shipped" in do(admin, key, "stop", reason="no effect")
    current = read(site, key)["currentIteration"]
    assert (current["status"], current.get("winningTreatmentId")) == ("stopped", None)
    assert current["winningReason"] == "no effect"


def test_a_new_iteration_says_why_it_runs(site: LiveServer, admin: Visitor) -> None:
    key = fresh("again")
    first = started(site, key)["currentIteration"]
    assert "say why" in do(admin, key, "iterate").lower()
    assert "A new iteration runs" in do(admin, key, "iterate", justification="a bug", reshuffle="on")
    second = read(site, key)["currentIteration"]
    assert second["_id"] != first["_id"]
    assert second["assay"]["seed"] != first["assay"]["seed"]


def test_units_keep_their_treatment_where_they_are_not_drawn_anew(site: LiveServer, admin: Visitor) -> None:
    key = fresh("kept")
    first = started(site, key)["currentIteration"]
    do(admin, key, "iterate", justification="longer")
    assert read(site, key)["currentIteration"]["assay"]["seed"] == first["assay"]["seed"]


def test_a_second_experiment_on_the_rule_is_told_which_one_stands_there(
    site: LiveServer, admin: Visitor
) -> None:
    key, other = fresh("owner"), fresh("latecomer")
    started(site, key)
    body = {"key": other, "name": other, "iteration": planned(site, key, key)}
    assert site.rest("POST", ALL, body).status == 201
    reply = admin.post(f"{PAGES}/{other}/do", {"do": "start"})
    assert reply.status_code == 409
    assert f"the experiment '{key}' runs there" in text_of(reply.text)


def test_archiving_renaming_and_restoring(site: LiveServer, admin: Visitor) -> None:
    key = fresh("shelf")
    make_experiment(site, key)
    assert "Archived." in do(admin, key, "archive")
    assert "Restored." in do(admin, key, "restore")
    name = '"><script>alert(1)</script>'
    reply = admin.post(f"{PAGES}/{key}/do", {"do": "rename", "name": name, "description": "{{ 7 * 7 }}"})
    assert "<script>alert" not in reply.text
    assert "{{ 7 * 7 }}" in reply.text
    assert read(site, key)["name"] == name


def test_what_is_running_is_not_archived(site: LiveServer, admin: Visitor) -> None:
    key = fresh("busy")
    started(site, key)
    reply = admin.post(f"{PAGES}/{key}/do", {"do": "archive"})
    assert reply.status_code == 409
    assert "An iteration is running; stop it" in reply.text


def test_readers_see_no_forms_and_may_do_nothing(site: LiveServer, reader: Visitor) -> None:
    key = fresh("looked-at")
    started(site, key)
    assert "Ship or stop" not in reader.get(f"{PAGES}/{key}").text
    assert reader.post(f"{PAGES}/{key}/do", {"do": "stop"}).status_code == 403
    assert read(site, key)["currentIteration"]["status"] == "running"


def test_nothing_is_done_without_a_step(site: LiveServer, admin: Visitor) -> None:
    key = fresh("nothing")
    make_experiment(site, key)
    assert "Choose what to do" in do(admin, key, "explode")


def test_a_stopped_experiment_runs_again(site: LiveServer, admin: Visitor) -> None:
    key = fresh("rerun")
    started(site, key)
    instruct(site, key, "stopIteration")
    assert "A new iteration runs" in do(admin, key, "iterate", justification="once more")


def turn_off(site: LiveServer, flag: str) -> None:
    patch = [{"op": "replace", "path": "/environments/production/on", "value": False}]
    assert site.rest("PATCH", f"/flags/default/{flag}", patch).status == 200
