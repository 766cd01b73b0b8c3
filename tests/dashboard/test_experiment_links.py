"""Flags and metrics lead to the experiments that use them."""

from api.experiments import instruct, make_experiment, started
from api.replies import fresh
from dashboard.visitor import Visitor, text_of
from live import LiveServer

PLACE = "/p/default/production"


def test_a_flag_says_which_experiment_owns_its_rule(site: LiveServer, admin: Visitor) -> None:
    key = fresh("owned")
    started(site, key)
    page = admin.get(f"{PLACE}/flags/{key}").text
    assert f"The experiment {key} owns the default rule while it runs." in text_of(page)
    assert f'href="{PLACE}/experiments/{key}"' in page
    instruct(site, key, "stopIteration")
    assert "owns the default rule" not in admin.get(f"{PLACE}/flags/{key}").text


def test_a_metric_leads_to_the_experiments_that_it_measures(site: LiveServer, admin: Visitor) -> None:
    key = fresh("measuring")
    make_experiment(site, key)
    page = admin.get(f"{PLACE}/metrics/{key}").text
    assert f'measures <a href="{PLACE}/experiments/{key}">{key}</a>' in page
    instruct(site, key, "archiveExperiment")
    assert f'href="{PLACE}/experiments/{key}"' not in admin.get(f"{PLACE}/metrics/{key}").text
