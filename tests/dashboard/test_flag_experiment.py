"""The results of flag-scoped experiments in the dashboard: what their page says, its health, and the reset."""

import html
import random
import re
from typing import Any

import pytest

from api.replies import fresh
from assay.analysis.estimates import IS_BASELINE
from assay.analysis.results import (
    Anytime,
    AnytimeComparison,
    FlagExperimentResults,
    Health,
    Measured,
    Overall,
    VariationBucket,
    VariationTotal,
)
from assay.analysis.windows import Window
from assay.dashboard.flag_results_view import Named, flag_results_view
from assay.experiments.metric import Metric
from assay.stats.default_rule import DefaultRule
from assay.stats.estimate import Interval, NotEstimable
from dashboard.visitor import Visitor, text_of
from live import LiveServer, exposure, now_ms, tracked

HOUR_MS = 3_600_000
PLACE = "/p/default/production"
METRIC = Metric("1", "converted", "Converted", "custom", 0, event_key="converted")
HOSTILE = "<script>alert(1)</script>"


def address(key: str) -> str:
    return f"{PLACE}/flags/{key}/experiments/{key}"


def begun(server: LiveServer, prefix: str, *, rollout: bool = True, **metric: Any) -> str:
    """The key of a flag of three variations, and of the metric that is measured on it from now on."""
    key = fresh(prefix)
    names = ("Old", "New", HOSTILE)
    variations = [{"value": f"v{index}", "name": name} for index, name in enumerate(names)]
    body = {"key": key, "name": f"Flag {key}", "variations": variations}
    assert server.rest("POST", "/flags/default", body).status == 201
    measured = {"key": key, "name": f"Metric {key}", "kind": "custom", "eventKey": key, **metric}
    assert server.rest("POST", "/metrics/default", measured).status == 201
    shares = [{"variation": index, "weight": weight} for index, weight in enumerate((40_000, 30_000, 30_000))]
    changes: dict[str, Any] = {
        "/environments/production/on": True,
        "/experiments": {"baselineIdx": 0, "items": [{"metricKey": key, "environments": ["production"]}]},
    }
    if rollout:
        changes["/environments/production/fallthrough"] = {"rollout": {"variations": shares}}
    patch = [{"op": "add", "path": path, "value": value} for path, value in changes.items()]
    assert server.rest("PATCH", f"/flags/default/{key}", patch).status == 200
    return key


def send(server: LiveServer, key: str, units: tuple[int, ...], rates: tuple[float, ...], **more: Any) -> None:
    """Units of each variation of which a share does what the metric counts."""
    chance, events = random.Random(5), []
    for variation, (number, rate) in enumerate(zip(units, rates, strict=True)):
        for index in range(number):
            at = now_ms()
            events.append(exposure(f"{variation}-{index}", variation, at, key))
            if index % 100 < 100 * rate:
                value = (
                    {"metricValue": round(chance.lognormvariate(1, 0.3), 2)} if more.get("numeric") else {}
                )
                events.append(tracked(f"{variation}-{index}", at + 5, key, **value))
    assert server.send(events).status == 202
    server.results(key, key)


def test_the_anytime_verdict_is_the_headline(site: LiveServer, admin: Visitor) -> None:
    key = begun(site, "verdict")
    send(site, key, (400, 300, 300), (0.2, 0.5, 0.2))
    page = admin.get(address(key))
    shown = text_of(page.text)
    assert "New is better" in shown
    assert "valid however often you look" in shown
    results = site.results(key, key)
    assert f"{results['totals'][1]['cumulativeImpressionCount']}" == "300"
    for words in ("50.0 %", "20.0 %", "+150 %", "1 000", "not yet", "baseline"):
        assert words in shown, words
    assert HOSTILE not in page.text
    assert html.escape(HOSTILE) in page.text


def test_less_is_better_where_the_metric_says_so(site: LiveServer, admin: Visitor) -> None:
    key = begun(site, "less", successCriteria="LowerThanBaseline")
    send(site, key, (400, 300, 300), (0.2, 0.5, 0.5))
    shown = text_of(admin.get(address(key)).text)
    assert "are worse" in shown
    assert "lower is better" in shown


def test_every_interval_lies_on_one_scale_and_stands_in_the_table(site: LiveServer, admin: Visitor) -> None:
    key = begun(site, "figures", isNumeric=True, unit="€")
    send(site, key, (200, 150, 150), (1.0, 1.0, 1.0), numeric=True)
    page = admin.get(address(key)).text
    drawn = re.findall(r'<svg class="figure interval [^>]*aria-label="([^"]*)"', page)
    assert len(drawn) == 3
    rows = re.findall(
        r'<td class="number right"><span class="strong[^>]*>([^<]*)</span><span[^>]*>([^<]*)<', page
    )
    for (lift, interval), title in zip(rows, drawn[1:], strict=True):
        assert f"lift {lift}, {interval}" in title
    assert "€" in text_of(page)


def test_one_bucket_is_no_course(site: LiveServer, admin: Visitor) -> None:
    key = begun(site, "course")
    send(site, key, (100, 80, 80), (0.2, 0.4, 0.3))
    if len(site.results(key, key)["series"]) == 1:
        assert "A line needs a second hour or day of data." in admin.get(address(key)).text


def test_the_course_is_a_line_for_each_treatment_and_a_table_with_the_same_lifts() -> None:
    """Of values so far: 20, 30 and nothing at first, then 25, 30 and 20 percent."""
    rates = ((0.2, 0.3, None), (0.25, 0.3, 0.2))
    view = flag_results_view(course(rates), Named(("Old", "New", "Newest"), 0, METRIC))
    assert view.trend is not None
    assert view.trend.drawn.count('class="line v') == 2
    assert "Lift of Converted so far" in view.trend.drawn
    assert view.trend.head == ("From", "Old", "New", "Newest")
    lifts = [[cell.partition(", lift ")[2] for cell in row[1:]] for row in view.trend.rows]
    assert [[text.replace("\u202f", " ") for text in row] for row in lifts] == [
        ["", "+50.0 %", ""],
        ["", "+20.0 %", "−20.0 %"],
    ]
    assert view.headline.title == "Not yet"
    assert [row.verdict for row in view.rows] == ["baseline", "not yet", "can't be said: too few"]


def course(rates: tuple[tuple[float | None, ...], ...]) -> FlagExperimentResults:
    """Results whose buckets are hours from 0, with these values so far."""
    few = NotEstimable("too few")

    def measured(rate: float | None) -> Measured:
        if rate is None:
            return Measured(0.0, 0, few, few)
        return Measured(100 * rate, round(100 * rate), rate, Interval(rate / 2, 2 * rate, 0.95))

    level = Interval(-0.1, 0.2, 0.975)
    compared = AnytimeComparison(0.05, level, 0.2, level, 0.4, 0.1)
    return FlagExperimentResults(
        window=Window(0, 7 * HOUR_MS),
        granularity="hourly",
        buckets=tuple(HOUR_MS * hour for hour in range(len(rates))),
        totals=tuple(VariationTotal(100, measured(rate), few, few, few) for rate in rates[-1]),
        series=tuple(tuple(VariationBucket(measured(rate), measured(rate)) for rate in row) for row in rates),
        overall=Overall(few, few, None, sample_size_met=False),
        anytime=Anytime(DefaultRule(alpha=0.025, forecast=10_000), (IS_BASELINE, compared, few), few),
        health=Health(0, 0, 0, 0, 0),
        metric_seen_ms=1,
        counted_through_ms=1,
    )


def test_before_the_first_unit_it_says_what_it_waits_for(site: LiveServer, admin: Visitor) -> None:
    key = begun(site, "waiting")
    shown = text_of(admin.get(address(key)).text)
    assert "Waiting for the first units" in shown
    assert "No event of the metric arrived" in shown


def test_units_in_wrong_shares_come_before_every_number(site: LiveServer, admin: Visitor) -> None:
    key = begun(site, "ratio")
    send(site, key, (400, 300, 60), (0.2, 0.9, 0.2))
    page = admin.get(address(key)).text
    assert "Don&#39;t trust these numbers yet" in page
    assert "New is better" not in page
    overview = text_of(admin.get(PLACE).text)
    assert "units don't arrive in their planned shares" in overview


def test_health_counts_what_is_left_out(site: LiveServer, admin: Visitor) -> None:
    key = begun(site, "health", rollout=False)
    at = now_ms()
    both = [exposure("both", variation, at + variation, key) for variation in (0, 1)]
    nameless = exposure("x", 0, at, key, context={"kind": "organization", "key": "o"})
    assert site.send([*both, nameless]).status == 202
    site.results(key, key)
    page = admin.get(address(key)).text
    for name, figure in (("Each unit sees one variation", "1"), ("Evaluations name the unit", "1")):
        row = re.search(rf"{name}</th>.*?</tr>", page, re.DOTALL)
        assert row is not None
        assert "warning" in row[0]
        assert f'optional">{figure}<' in row[0]
    ratio = re.search(r"planned shares</th>.*?</tr>", page, re.DOTALL)
    assert ratio is not None
    assert "unknown" in ratio[0]


def test_the_flag_and_the_overview_lead_there(site: LiveServer, admin: Visitor) -> None:
    key = begun(site, "linked")
    assert f'href="{address(key)}">Results: Metric {key}</a>' in admin.get(f"{PLACE}/flags/{key}").text
    assert f'href="{address(key)}" aria-current="page"' in admin.get(address(key)).text
    assert f'href="{address(key)}"' in admin.get(PLACE).text
    assert address(key) not in admin.get(f"/p/default/test/flags/{key}").text.replace("production", "test")


def test_a_reset_forgets_what_was_and_is_seen_at_once(site: LiveServer, admin: Visitor) -> None:
    key = begun(site, "reset")
    send(site, key, (40, 30, 30), (0.2, 0.5, 0.2))
    before = admin.get(address(key)).text
    assert "Waiting for the first units" not in before
    assert 'data-confirm="Every event from before stops counting' in before
    after = admin.post(address(key))
    assert after.status_code == 200
    assert "Results begin anew." in after.text
    assert "Waiting for the first units" in after.text
    assert site.results(key, key)["totals"][0]["cumulativeImpressionCount"] == 0


def test_a_reader_looks_and_resets_nothing(site: LiveServer, admin: Visitor, reader: Visitor) -> None:
    key = begun(site, "reader")
    send(site, key, (40, 30, 30), (0.2, 0.5, 0.2))
    assert "Reset the results" in admin.get(address(key)).text
    assert "Reset the results" not in reader.get(address(key)).text
    assert reader.post(address(key)).status_code == 403
    assert site.results(key, key)["totals"][0]["cumulativeImpressionCount"] == 40


def test_what_was_never_measured_is_not_found(site: LiveServer, admin: Visitor) -> None:
    key = begun(site, "known")
    other = begun(site, "other")
    assert admin.get(f"{PLACE}/flags/{key}/experiments/nothing").status_code == 404
    assert admin.get(f"{PLACE}/flags/nothing/experiments/{key}").status_code == 404
    unmeasured = admin.get(f"{PLACE}/flags/{key}/experiments/{other}")
    assert "has no experiment with the metric" in html.unescape(unmeasured.text)


def test_a_page_that_did_not_change_is_not_sent_again(site: LiveServer, admin: Visitor) -> None:
    key = begun(site, "same")
    send(site, key, (40, 30, 30), (0.2, 0.5, 0.2))
    tag = admin.get(address(key)).headers["etag"]
    live = {"X-Live": "1", "If-None-Match": tag}
    assert admin.send("GET", address(key), headers=live).status_code == 304
    admin.post(address(key))
    assert admin.send("GET", address(key), headers=live).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_nothing_else_can_be_done_to_it(site: LiveServer, admin: Visitor, method: str) -> None:
    assert admin.send(method, address(begun(site, "methods"))).status_code == 405
