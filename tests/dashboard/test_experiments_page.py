"""The list of experiments says what runs, what it says, and what to do next."""

from api.experiments import instruct, make_experiment, make_flag, make_metric, started
from api.replies import fresh
from dashboard.visitor import Visitor, text_of
from live import LiveServer, exposure, now_ms

LIST = "/p/default/production/experiments"


def rows(visitor: Visitor, **query: str) -> str:
    return text_of(visitor.get(LIST, **query).text)


def test_a_running_experiment_is_listed_with_its_verdict_and_units(site: LiveServer, admin: Visitor) -> None:
    key = fresh("listed")
    started(site, key)
    site.send([exposure(f"unit-{number}", number % 2, now_ms(), flag=key) for number in range(6)])
    page = rows(admin, q=key)
    assert f"{key} on {key}" in page
    assert "Running" in page
    assert f'href="{LIST}/{key}"' in admin.get(LIST, q=key).text


def test_states_are_told_apart_and_filtered_by(site: LiveServer, admin: Visitor) -> None:
    mark = fresh("state")
    draft, stopped, archived = f"{mark}-draft", f"{mark}-stopped", f"{mark}-archived"
    make_experiment(site, draft)
    winner = started(site, stopped)["currentIteration"]["treatments"][1]["_id"]
    instruct(site, stopped, "stopIteration", winningTreatmentId=winner, winningReason="it won")
    make_experiment(site, archived)
    instruct(site, archived, "archiveExperiment")
    every = rows(admin, q=mark)
    assert draft in every
    assert "treatment 1 shipped" in every
    assert archived not in every
    for state, key in (("draft", draft), ("stopped", stopped), ("archived", archived)):
        page = admin.get(LIST, q=mark, state=state).text
        assert [
            name for name in (draft, stopped, archived) if f'/{name}"' in page and f">{name}<" in page
        ] == [key], state


def test_experiments_of_the_first_generation_lead_to_their_flag(site: LiveServer, admin: Visitor) -> None:
    key = fresh("first-generation")
    make_flag(site, key)
    make_metric(site, key)
    value = {"metricKey": key, "environments": ["production"]}
    patch = [{"op": "add", "path": "/experiments/items/-", "value": value}]
    assert site.rest("PATCH", f"/flags/default/{key}", patch).status == 200
    page = admin.get(LIST, q=key, state="running").text
    assert f'<a class="name" href="/p/default/production/flags/{key}/experiments/{key}">' in page


def test_nothing_that_fits_leads_back_to_all(admin: Visitor) -> None:
    page = rows(admin, q="no-such-experiment-anywhere")
    assert "No experiment fits" in page or "No experiments yet" in page


def test_an_environment_without_experiments_says_what_to_do_next(site: LiveServer, admin: Visitor) -> None:
    project = fresh("empty")
    assert site.rest("POST", "/projects", {"key": project, "name": project}).status == 201
    page = admin.get(f"/p/{project}/production/experiments").text
    assert "First make a flag" in page
    flag = {"key": "flag", "name": "flag"}
    assert site.rest("POST", f"/flags/{project}", flag).status == 201
    assert "First make a metric" in admin.get(f"/p/{project}/production/experiments").text
    metric = {"key": "metric", "name": "metric", "kind": "custom", "eventKey": "metric"}
    assert site.rest("POST", f"/metrics/{project}", metric).status == 201
    assert "Design the first experiment" in admin.get(f"/p/{project}/production/experiments").text


def test_readers_are_not_offered_what_they_may_not_do(site: LiveServer, reader: Visitor) -> None:
    make_experiment(site, fresh("readable"))
    assert "New experiment" not in reader.get(LIST).text
    assert 'aria-current="page"' in reader.get(LIST).text


def test_hostile_names_are_text(site: LiveServer, admin: Visitor) -> None:
    key = fresh("hostile")
    make_experiment(site, key)
    word = '"><img src=x onerror=alert(1)>{{ 7 * 7 }}'
    instruct(site, key, "updateName", value=word)
    page = admin.get(LIST, q="onerror").text
    assert "<img src=x" not in page
    assert word in text_of(page)
