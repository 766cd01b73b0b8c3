"""Metrics by forms: every kind is made and read back, and a preview counts as the events are."""

import re
import time
from typing import Any

import pytest

from assay.dashboard.metric_form import form_of_metric, metric_body
from assay.dashboard.numbers import THIN, whole
from assay.experiments.metric import Metric
from dashboard.visitor import Visitor, text_of
from live import LiveServer, exposure, now_ms, tracked

PLACE = "/p/default/production"
BASIS = {"source": "custom", "event_key": "bought", "units": "user", "direction": "higher", "do": "save"}


def metric_of(site: LiveServer, key: str) -> dict[str, Any]:
    headers = {"Authorization": site.token, "LD-API-Version": "20240415"}
    body: dict[str, Any] = site.request("GET", f"/api/v2/metrics/default/{key}", None, headers).body
    return body


@pytest.mark.parametrize(
    ("measure", "more", "expected"),
    [
        ("conversion", {}, {"isNumeric": False}),
        ("count", {}, {"isNumeric": False, "unitAggregationType": "sum"}),
        (
            "sum",
            {"unit": "€", "winsor": "99.5"},
            {"isNumeric": True, "unit": "€", "winsorUpperPercentile": 99.5},
        ),
        (
            "average",
            {"direction": "lower"},
            {"unitAggregationType": "average", "successCriteria": "LowerThanBaseline"},
        ),
        ("percentile", {"percentile": "90"}, {"analysisType": "percentile", "percentileValue": 90}),
        (
            "count_distinct",
            {"property_name": "/article"},
            {"unitAggregationType": "count_distinct", "unitAggregationField": "/article"},
        ),
        ("ratio", {"denominator": "session"}, {}),
    ],
)
def test_a_metric_of_every_measure_is_made_and_its_form_says_the_same(
    site: LiveServer, admin: Visitor, measure: str, more: dict[str, str], expected: dict[str, Any]
) -> None:
    key = f"measured-{measure.replace('_', '-')}"
    page = admin.post(f"{PLACE}/new-metric", {**BASIS, "name": key, "measure": measure, **more})
    assert page.url.path == f"{PLACE}/metrics/{key}", text_of(page.text)
    metric = metric_of(site, key)
    assert {name: metric.get(name) for name in expected} == expected
    form = admin.form_of(f"{PLACE}/metrics/{key}")
    assert form["measure"] == [measure]
    for name, value in more.items():
        assert form[name] == [value], name


def test_clicks_and_page_views_have_addresses(site: LiveServer, admin: Visitor) -> None:
    fields = {
        **BASIS,
        "name": "Clicked buy",
        "source": "click",
        "selector": ".buy",
        "url_kind": "exact",
        "url": "https://a/b",
    }
    page = admin.post(f"{PLACE}/new-metric", fields)
    assert page.url.path == f"{PLACE}/metrics/clicked-buy", text_of(page.text)
    assert metric_of(site, "clicked-buy")["urls"] == [{"kind": "exact", "url": "https://a/b"}]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": ""}, "Give the metric a name"),
        ({"event_key": ""}, "needs an eventKey"),
        ({"from_hours": "soon"}, "'soon' is no number"),
        ({"from_hours": "2", "until_hours": "1"}, "window starts at 0 ms or later"),
        ({"measure": "percentile", "percentile": "200"}, "from 1 to 99"),
        ({"source": "pageview", "url_kind": "regex", "url": "("}, "no regular expression"),
    ],
)
def test_what_is_wrong_stands_beside_the_form_and_the_form_is_kept(
    admin: Visitor, fields: dict[str, str], words: str
) -> None:
    page = admin.post(f"{PLACE}/new-metric", {**BASIS, "name": "Wrong", "description": "kept", **fields})
    assert page.status_code == 400
    assert words in text_of(page.text)
    assert ">kept</textarea>" in page.text


def test_saving_an_untouched_form_changes_nothing(site: LiveServer, admin: Visitor) -> None:
    filters = {
        "type": "eventProperty",
        "attribute": "/shop",
        "op": "in",
        "values": ["a"],
        "negate": False,
        "contextKind": "",
    }
    body = {"key": "untouched", "name": "Untouched", "kind": "custom", "eventKey": "e", "isNumeric": True}
    more = {"windowEndOffset": 3_600_000, "filters": filters, "randomizationUnits": ["user", "org"]}
    assert site.rest("POST", "/metrics/default", body | more).status == 201
    before = metric_of(site, "untouched")
    page = admin.post(
        f"{PLACE}/metrics/untouched", {**admin.form_of(f"{PLACE}/metrics/untouched"), "do": "save"}
    )
    assert page.status_code == 200
    assert metric_of(site, "untouched") == before


def test_a_metrics_form_and_body_are_inverse() -> None:
    metric = Metric(
        "i", "k", "Name", "custom", 1, event_key="e", is_numeric=True, window_start_offset=1_800_000
    )
    body = metric_body(form_of_metric(metric))
    assert body["windowStartOffset"] == 1_800_000
    assert body["windowEndOffset"] is None
    assert (body["isNumeric"], body["eventKey"]) == (True, "e")


def test_a_metric_is_deleted_by_its_key_unless_it_is_measured(site: LiveServer, admin: Visitor) -> None:
    site.create_experiment("measured-flag", "measured-metric")
    home = f"{PLACE}/metrics/measured-metric"
    assert admin.post(home, {"do": "delete", "confirm": "measured-metric"}).status_code == 409
    assert (
        site.rest("POST", "/metrics/default", {"key": "free", "kind": "custom", "eventKey": "e"}).status
        == 201
    )
    assert admin.post(f"{PLACE}/metrics/free", {"do": "delete", "confirm": "no"}).status_code == 400
    assert admin.post(f"{PLACE}/metrics/free", {"do": "delete", "confirm": "free"}).status_code == 200
    assert site.rest("GET", "/metrics/default/free").status == 404


def test_a_preview_counts_events_units_and_values(server: LiveServer) -> None:
    at = now_ms() - 1000
    events = [tracked(f"u{n}", at, key="buy", metricValue=10 + n) for n in range(3)]
    events += [tracked("u0", at, key="buy"), tracked("u9", at, key="bye")]
    assert server.send(events).status == 202
    server.rest("POST", "/metrics/default", {"key": "buy", "kind": "custom", "eventKey": "buy"})
    visitor = Visitor(server.host).sign_in(server.token)
    page = text_of(eventually(visitor, f"{PLACE}/metrics/buy", "3 users would count as converted"))
    assert "4 events" in page
    typed = {**BASIS, "event_key": "buy", "measure": "sum", "unit": "€", "name": "x", "do": "preview"}
    page = text_of(visitor.post(f"{PLACE}/new-metric", typed).text)
    assert "11.00 € for each user that had any" in page
    assert "1 events have no value" in page
    page = text_of(visitor.post(f"{PLACE}/new-metric", {**typed, "units": "organization"}).text)
    assert "No event carries a context of the kind organization; they carry user." in page
    page = text_of(visitor.post(f"{PLACE}/new-metric", {**typed, "event_key": "buyy"}).text)
    assert "Did you mean" in page
    listing = text_of(visitor.get(f"{PLACE}/metrics").text)
    assert "Events that no metric counts" in listing
    assert "bye" in listing


def test_the_figures_of_a_preview_are_of_one_moment_while_events_arrive(server: LiveServer) -> None:
    """Every unit has one event here, so that both figures are the same in each moment."""
    server.rest("POST", "/metrics/default", {"key": "buy", "kind": "custom", "eventKey": "buy"})
    visitor = Visitor(server.host).sign_in(server.token)
    seen: set[str] = set()
    payloads = 0
    while len(seen) < 5:
        events = [tracked(f"u{payloads}-{n}", now_ms(), key="buy") for n in range(10)]
        assert server.send(events).status == 202
        payloads += 1
        page = text_of(visitor.get(f"{PLACE}/metrics/buy").text)
        events_shown = shown(page, "events in the last 14 days")
        assert shown(page, "users would count as converted") == events_shown
        seen.add(events_shown)
        assert payloads < 1000, seen
    eventually(visitor, f"{PLACE}/metrics/buy", f"{whole(payloads * 10)} users would count as converted")


def shown(page: str, words: str) -> str:
    """The number before the words; none where the page has nothing to show."""
    found = re.search(rf"([\d{THIN}]+) {words}", page)
    return found[1] if found else ""


def eventually(visitor: Visitor, path: str, words: str) -> str:
    """The page, as soon as it holds the words: events take a moment to reach the tables."""
    for _ in range(100):
        page = visitor.get(path).text
        if words in text_of(page):
            return page
        time.sleep(0.1)
    raise AssertionError(f"{words!r} never appeared on {path}")


def test_what_arrives_is_counted_by_sdk_and_kind_and_shown_without_attributes(server: LiveServer) -> None:
    key = server.environment_rep()["apiKey"]
    secret = {"kind": "user", "key": "u1", "email": "secret@example.com"}
    events = [
        exposure("u1", 0, flag="shown", context=secret),
        tracked("u1", key="shown-too"),
        {"kind": "what"},
    ]
    headers = {"Authorization": key, "User-Agent": "PythonClient/9.9.9 more"}
    assert server.request("POST", "/bulk", events, headers).status == 202
    browser = {
        "Authorization": key,
        "X-LaunchDarkly-User-Agent": "JSClient/3.9.0",
        "User-Agent": "Mozilla/5.0",
    }
    assert server.request("POST", "/bulk", [tracked("u2", key="shown-too")], browser).status == 202
    visitor = Visitor(server.host).sign_in(server.token)
    page = eventually(visitor, f"{PLACE}/live", "shown-too")
    words = text_of(page)
    for expected in (
        "PythonClient/9.9.9",
        "JSClient/3.9.0",
        "quarantined",
        "unknown_kind",
        "No SDK sends such a kind",
    ):
        assert expected in words
    assert "Mozilla" not in page
    assert "secret@example.com" not in page
    elsewhere = text_of(visitor.get("/p/default/test/live").text)
    assert "Nothing arrived yet" in elsewhere
