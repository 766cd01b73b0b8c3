"""A design is made on one page: what was typed stays, what is wrong is said beside it, what it takes is forecast."""

import re
import time
from typing import Any

import pytest

from api.experiments import config, make_experiment, make_flag, make_metric, read, started
from api.replies import fresh
from assay.dashboard.experiment_form import even_percents
from assay.stats.power import LookingPlan, effect_variance, sample_size
from dashboard.visitor import Visitor, fields_of, text_of
from live import LiveServer, exposure, now_ms, tracked

NEW = "/p/default/production/new-experiment"
DAY_MS = 86_400_000


@pytest.fixture
def key(site: LiveServer) -> str:
    """A flag with three variations and a metric, which are called the same."""
    made = fresh("design")
    make_flag(site, made)
    make_metric(site, made)
    return made


def filled(admin: Visitor, key: str, **more: Any) -> dict[str, Any]:
    """The form as it stands for the flag and metric, with a name and what else is typed."""
    return admin.form_of(NEW, flag=key, metric=key) | {"name": key, "baseline": baseline(admin, key)} | more


def baseline(admin: Visitor, key: str) -> str:
    return admin.form_of(NEW, flag=key)["treatment.0.id"][0]


def sent(admin: Visitor, step: str, fields: dict[str, Any]) -> str:
    return admin.post(NEW, fields | {"do": step}).text


def test_creating_makes_a_draft_of_what_was_typed(site: LiveServer, admin: Visitor, key: str) -> None:
    other = fresh("other")
    make_metric(site, other)
    fields = filled(admin, key, hypothesis="It helps.", attributes="country, device")
    place = next(name for name, value in fields.items() if value == [other])
    fields |= {place.replace(".key", ".role"): "guardrail", "lift": "2,5", "power": "90 %"}
    page = text_of(sent(admin, "create", fields))
    assert "It is made." in page
    draft = read(site, key, "draftIteration,treatments,secondaryMetrics")["draftIteration"]
    assert draft["hypothesis"] == "It helps."
    assert [one["allocationPercent"] for one in draft["treatments"]] == ["33.333", "33.333", "33.334"]
    assert [one["baseline"] for one in draft["treatments"]] == [True, False, False]
    assert draft["primarySingleMetric"]["key"] == key
    assert [one["key"] for one in draft["secondaryMetrics"]] == [other]
    assert draft["assay"]["guardrails"] == [other]
    assert (draft["assay"]["minimumLift"], draft["assay"]["power"]) == (0.025, 0.9)
    assert draft["attributes"] == ["country", "device"]


def test_create_and_start_turns_the_flag_on_and_runs(site: LiveServer, admin: Visitor, key: str) -> None:
    switch(site, key, on=False)
    assert "Started." in text_of(sent(admin, "start", filled(admin, key)))
    assert read(site, key)["currentIteration"]["status"] == "running"
    assert config(site, key)["on"] is True


def test_starting_leaves_a_flag_off_where_that_is_unticked(
    site: LiveServer, admin: Visitor, key: str
) -> None:
    switch(site, key, on=False)
    fields = filled(admin, key)
    del fields["turn_on"]
    page = text_of(sent(admin, "start", fields))
    assert "It is made, but not started." in page
    assert config(site, key)["on"] is False


def test_one_of_the_variations_can_be_left_out(site: LiveServer, admin: Visitor, key: str) -> None:
    fields = filled(admin, key) | {"treatment.0.percent": "10", "treatment.2.percent": "20.5"}
    del fields["treatment.1.taken"]
    sent(admin, "create", fields)
    treatments = read(site, key, "draftIteration,treatments")["draftIteration"]["treatments"]
    assert [(one["name"], one["allocationPercent"]) for one in treatments] == [("v0", "10"), ("v2", "20.5")]


def test_a_rule_can_be_the_audience(site: LiveServer, admin: Visitor, key: str) -> None:
    clause = {"attribute": "plan", "op": "in", "values": ["pro"], "contextKind": "user"}
    patch = [
        {
            "op": "add",
            "path": "/environments/production/rules/-",
            "value": {"clauses": [clause], "variation": 0},
        }
    ]
    assert site.rest("PATCH", f"/flags/default/{key}", patch).status == 200
    rule = config(site, key)["rules"][0]["_id"]
    page = admin.get(NEW, flag=key).text
    assert "Rule 1: plan is one of pro" in text_of(page)
    sent(admin, "start", filled(admin, key, rule=rule))
    assert config(site, key)["rules"][0]["rollout"]["kind"] == "experiment"
    assert config(site, key)["fallthrough"] == {"variation": 0}


WRONG: list[tuple[dict[str, str], str]] = [
    ({"name": ""}, "Give it a name."),
    ({"flag": ""}, "Choose the flag whose variations are compared."),
    ({"primary": ""}, "Choose the metric that decides."),
    ({"baseline": ""}, "Choose as the baseline one of those that take part."),
    ({"treatment.0.percent": "many"}, "Shares are percentages between 0 and 100."),
    ({"treatment.0.percent": "90"}, "The shares add up to 156.667 %"),
    ({"treatment.0.percent": "0"}, "A variation that takes part has a share above 0 %."),
    ({"lift": "0"}, "A percentage above 0."),
    ({"lift": "nan"}, "A percentage above 0."),
    ({"power": "100"}, "A percentage above 0 and below 100."),
    ({"power": "30"}, "At least 50 %"),
    ({"plan": "horizon", "horizon": "soon"}, "A whole number of units, 1 or more."),
]


@pytest.mark.parametrize(("typed", "said"), WRONG, ids=[said[:28] for _, said in WRONG])
def test_what_is_wrong_is_said_beside_its_field(
    site: LiveServer, admin: Visitor, key: str, typed: dict[str, str], said: str
) -> None:
    reply = admin.post(NEW, filled(admin, key, hypothesis="kept <as> typed") | typed | {"do": "create"})
    assert reply.status_code == 400
    assert said in text_of(reply.text)
    assert "kept &lt;as&gt; typed</textarea>" in reply.text
    assert site.rest("GET", f"/projects/default/environments/production/experiments/{key}").status == 404


def test_checking_without_javascript_shows_another_flags_variations(
    site: LiveServer, admin: Visitor, key: str
) -> None:
    other = fresh("two-way")
    make_flag(site, other, 2)
    typed = filled(admin, key, hypothesis="stays")
    again = fields_of(sent(admin, "choose", typed | {"flag": other}))
    assert again["hypothesis"] == ["stays"]
    assert again["treatment.1.percent"] == ["50"]
    assert "treatment.2.percent" not in again


def test_a_key_that_is_taken_is_refused_with_the_input_kept(
    site: LiveServer, admin: Visitor, key: str
) -> None:
    make_experiment(site, taken := fresh("taken"))
    reply = admin.post(NEW, filled(admin, key) | {"key": taken, "do": "create"})
    assert reply.status_code == 409
    assert f'value="{taken}"' in reply.text


def test_a_flag_that_changed_meanwhile_is_looked_at_again(site: LiveServer, admin: Visitor, key: str) -> None:
    fields = filled(admin, key)
    switch(site, key, on=False)
    reply = admin.post(NEW, fields | {"do": "create"})
    assert reply.status_code == 409
    assert "It is made." in text_of(
        sent(admin, "create", fields_of(reply.text) | {"baseline": fields["baseline"]})
    )


def test_the_rule_of_a_running_experiment_is_said_to_be_taken(site: LiveServer, admin: Visitor) -> None:
    taken = fresh("occupied")
    started(site, taken)
    assert f"The experiment {taken} runs there." in text_of(admin.get(NEW, flag=taken).text)


def test_without_traffic_nothing_is_promised(admin: Visitor, key: str) -> None:
    page = text_of(sent(admin, "check", filled(admin, key)))
    assert "were seen in Production" in page or "No user was seen in Production" in page
    assert "Needed" not in page


def test_needed_units_and_days_follow_from_the_traffic_seen(
    site: LiveServer, admin: Visitor, key: str
) -> None:
    send_traffic(site, key, units=400, converted=100, days=10)
    page = forecast(admin, filled(admin, key), units=400)
    variance = effect_variance(0.25 * 0.75 * 400 / 399, 0.25 * 0.75 * 400 / 399)
    plan = LookingPlan("sequence", 28, 0.05, 0.8, treatments=2)
    pair = sample_size(plan, effect=0.05 * 0.25, variance=variance)
    assert isinstance(pair, int)
    shown = int(page.split("Needed ")[1].split(" users")[0])
    assert abs(shown - pair * 1.5) / shown < 0.001
    assert "400 users in 10 days, about 40 a day, met the flag there." in page
    assert "25.0 % of them" in page
    days = int(page.split("Duration about ")[1].split(" days")[0])
    assert abs(days - shown / 40) <= 2


def test_a_horizon_left_empty_is_the_size_that_is_needed(site: LiveServer, admin: Visitor, key: str) -> None:
    send_traffic(site, key, units=200, converted=100, days=5)
    fields = filled(admin, key, plan="horizon", horizon="")
    page = forecast(admin, fields, units=200)
    needed = int(page.split("Needed ")[1].split(" users")[0])
    sent(admin, "create", fields)
    assert read(site, key, "draftIteration")["draftIteration"]["assay"]["horizonUnits"] == needed


def test_a_horizon_that_is_typed_says_what_it_can_find(site: LiveServer, admin: Visitor, key: str) -> None:
    send_traffic(site, key, units=200, converted=100, days=5)
    fields = filled(admin, key, plan="horizon", horizon="10 000")
    page = forecast(admin, fields, units=200)
    assert "10000 users find a lift of " in page
    assert re.search("about 25[01] days at this pace", page)


def test_an_unknown_size_asks_for_the_horizon(admin: Visitor, key: str) -> None:
    page = text_of(sent(admin, "create", filled(admin, key, plan="horizon", horizon="")))
    assert "Say how many units the horizon is" in page


def test_a_metric_beyond_sums_says_that_its_size_is_not_known(
    site: LiveServer, admin: Visitor, key: str
) -> None:
    body = {"key": f"{key}-p95", "kind": "custom", "eventKey": key, "isNumeric": True}
    body |= {"analysisType": "percentile", "percentileValue": 95}
    assert site.rest("POST", "/metrics/default", body).status == 201
    send_traffic(site, key, units=20, converted=10, days=5)
    page = forecast(admin, filled(admin, key, primary=f"{key}-p95"), units=20)
    assert "more than a count, sum or average" in page


def test_readers_design_nothing(reader: Visitor) -> None:
    assert reader.get(NEW).status_code == 403
    assert reader.post(NEW, {"do": "create"}).status_code == 403


def test_hostile_names_are_text(site: LiveServer, admin: Visitor, key: str) -> None:
    word = '"><img src=x onerror=alert(1)>{{ 7 * 7 }}'
    body = {
        "key": fresh("hostile"),
        "name": word,
        "variations": [{"value": word, "name": word}, {"value": 1}],
    }
    assert site.rest("POST", "/flags/default", body).status == 201
    fields = {"flag": body["key"], "name": word, "key": word, "hypothesis": word, "attributes": word}
    page = sent(admin, "check", fields | {"lift": word, "power": word, "horizon": word, "rule": word})
    assert "<img src=x" not in page
    assert page.count("&gt;{{ 7 * 7 }}") >= 7


def test_even_shares_add_up_to_everybody() -> None:
    for number in range(1, 51):
        shares = [round(float(share) * 1000) for share in even_percents(number)]
        assert sum(shares) == 100_000
        assert max(shares) - min(shares) <= 1


def forecast(admin: Visitor, fields: dict[str, Any], *, units: int) -> str:
    """The page once it has seen the units, its numbers without blanks in them."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        page = re.sub(r"(?<=\d) (?=\d{3})", "", text_of(sent(admin, "check", fields)))
        if f"{units} users in " in page:
            return page
        time.sleep(0.1)
    raise AssertionError(page)


def send_traffic(site: LiveServer, key: str, *, units: int, converted: int, days: int) -> None:
    """`units` that met the flag first `days` ago, and of whom some had the metric's event."""
    start = now_ms() - days * DAY_MS
    events = []
    for number in range(units):
        at = start + number * (days * DAY_MS // units)
        events.append(exposure(f"{key}-{number}", 0, at, flag=key))
        if number < converted:
            events.append(tracked(f"{key}-{number}", at + 1000, key=key))
    assert site.send(events).status == 202


def switch(site: LiveServer, flag: str, *, on: bool) -> None:
    patch = [{"op": "replace", "path": "/environments/production/on", "value": on}]
    assert site.rest("PATCH", f"/flags/default/{flag}", patch).status == 200
