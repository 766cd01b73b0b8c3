"""From events in the tables to the results of an iteration, every kind of metric held against plain Python."""

import random
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from analysis.iterations import bounds, number
from analysis.promises import BASE_MS, VERSION, metric, promise
from assay.analysis.experiment_results import (
    Check,
    Compared,
    Covariate,
    FailedMetric,
    IterationResults,
    MetricResults,
    Trend,
)
from assay.analysis.iteration_analysis import analyse_iteration
from assay.analysis.iterations import Funnel, IterationPromise, Missing
from assay.analysis.pipeline import Promise, analyse
from assay.analysis.results import AnytimeComparison
from assay.analysis.windows import Window
from assay.api.representations.experiment_results import experiment_results_rep
from assay.experiments.metric import Denominator, EventDefault
from assay.stats.decision import Decision, Verdict
from assay.stats.estimate import NotEstimable
from live import exposure, tracked
from warehouse.tables import Tables, lines

DAY_MS = 86_400_000
INSIDE = {"kind": "FALLTHROUGH", "inExperiment": True}
KINDS: dict[str, dict[str, Any]] = {
    "conversion": {},
    "count": {"unit_aggregation_type": "sum"},
    "sum": {"is_numeric": True},
    "average": {"is_numeric": True, "unit_aggregation_type": "average"},
    "ratio": {"is_numeric": True, "denominator": Denominator("visit", unit_aggregation_type="sum")},
    "p50": {"is_numeric": True, "analysis_type": "percentile", "percentile_value": 50},
}
EVERY = tuple(metric(kind, **fields) for kind, fields in KINDS.items())


def exposed(unit: str, variation: int, at_ms: int = BASE_MS, **more: Any) -> dict[str, Any]:
    return exposure(unit, variation, at_ms, **{"version": VERSION, "reason": INSIDE, **more})


def story(units: int = 200, seed: int = 1, effect: float = 0.0) -> list[dict[str, Any]]:
    """Exposures over ten days, before and after each of them purchases and visits."""
    rng, events = random.Random(seed), []
    for index in range(units):
        unit, variation = f"unit {index}", index % 2
        at = BASE_MS + rng.randrange(10 * DAY_MS)
        likes = rng.random()
        events.append(
            exposed(unit, variation, at, context={"kind": "user", "key": unit, "plan": "ab"[index % 3 == 0]})
        )
        for before in (True, False):
            for _ in range(rng.randrange(4)):
                when = at + (-1 if before else 1) * rng.randrange(1, 5 * DAY_MS)
                events.append(tracked(unit, when, "visit"))
                if rng.random() < likes + effect * variation * (not before):
                    events.append(tracked(unit, when, metricValue=round(10 * likes + rng.random(), 2)))
    return events


def load(tables: Tables, events: list[dict[str, Any]], pieces: int = 1, seed: int = 0) -> None:
    """The events shuffled, in so many payloads."""
    tables.empty()
    mixed = list(events)
    random.Random(seed).shuffle(mixed)
    size = -(-len(mixed) // pieces)
    for seq, start in enumerate(range(0, len(mixed), size), 1):
        tables.load(lines(mixed[start : start + size], seq))


def body(results: IterationResults) -> bytes:
    wanted = experiment_results_rep(results, "key", {}, wanted={"metric": "", "series": True})
    return msgspec.json.encode(wanted)


def found(results: IterationResults, key: str) -> MetricResults:
    one = next(one for one in results.metrics if one.label.key == key)
    assert isinstance(one, MetricResults)
    return one


def check(results: IterationResults, name: str) -> Check:
    return next(one for one in results.checks if one.name == name)


def values_of(events: list[dict[str, Any]], kind: str) -> dict[int, list[Fraction]]:
    """The values of each arm's units, the rules in a few lines."""
    first = {e["context"]["key"]: e for e in events if e["kind"] == "feature"}
    spent: dict[str, list[Fraction]] = defaultdict(list)
    visits: dict[str, int] = defaultdict(int)
    for event in events:
        unit = event["context"]["key"]
        if event["kind"] != "custom" or event["creationDate"] < first[unit]["creationDate"]:
            continue
        if event["key"] == "visit":
            visits[unit] += 1
        else:
            spent[unit].append(Fraction(event["metricValue"]))
    by_kind = {
        "conversion": lambda unit: Fraction(bool(spent[unit])),
        "count": lambda unit: Fraction(len(spent[unit])),
        "sum": lambda unit: sum(spent[unit], Fraction(0)),
        "average": lambda unit: sum(spent[unit], Fraction(0)) / max(1, len(spent[unit])),
    }
    arms: dict[int, list[Fraction]] = {0: [], 1: []}
    for unit, event in first.items():
        if kind == "ratio":
            arms[event["variation"]].append(Fraction(sum(spent[unit], Fraction(0))))
        else:
            arms[event["variation"]].append(by_kind[kind](unit))
    return arms


@pytest.mark.parametrize("kind", ["conversion", "count", "sum", "average"])
def test_a_kinds_figures_are_those_of_plain_python(tables: Tables, kind: str) -> None:
    events = story()
    load(tables, events, pieces=5)
    results = analyse_iteration(promise(*EVERY, plans={"covariate_days": 0}), tables.engine)
    one = found(results, kind)
    arms = values_of(events, kind)
    means = [sum(values, Fraction(0)) / len(values) for values in arms.values()]
    for arm, values, mean in zip(one.arms, arms.values(), means, strict=True):
        squares = sum(((value - mean) ** 2 for value in values), Fraction(0))
        assert arm.units == len(values) == 100
        assert number(arm.total) == pytest.approx(float(sum(values, Fraction(0))))
        assert number(arm.value) == pytest.approx(float(mean))
        assert number(arm.deviation) ** 2 == pytest.approx(float(squares / (len(values) - 1)))
    comparison = one.comparisons[1]
    assert isinstance(comparison, Compared)
    assert comparison.effect == pytest.approx(float(means[1] - means[0]))
    assert number(comparison.lift) == pytest.approx(float(means[1] / means[0] - 1))


def test_a_ratio_is_a_sum_over_a_sum_and_a_percentile_is_of_events(tables: Tables) -> None:
    events = story()
    load(tables, events)
    results = analyse_iteration(promise(*EVERY, plans={"covariate_days": 0}), tables.engine)
    first = {e["context"]["key"]: e["creationDate"] for e in events if e["kind"] == "feature"}
    own = [
        e
        for e in events
        if e["kind"] == "custom"
        and e["creationDate"] >= first[e["context"]["key"]]
        and int(e["context"]["key"].split()[1]) % 2 == 0
    ]
    spent = sorted(e["metricValue"] for e in own if e["key"] == "metric")
    visits = sum(e["key"] == "visit" for e in own)
    assert number(found(results, "ratio").arms[0].value) == pytest.approx(sum(spent) / visits)
    assert number(found(results, "p50").arms[0].value) == spent[-(-len(spent) // 2) - 1]


@pytest.mark.parametrize(("seed", "pieces"), [(1, 1), (2, 3), (3, 9)])
def test_the_order_of_arrival_changes_no_byte(tables: Tables, seed: int, pieces: int) -> None:
    events = story(60)
    asked = replace(promise(*EVERY), slice_by="plan")
    load(tables, events)
    plain = body(analyse_iteration(asked, tables.engine))
    load(tables, events, pieces, seed)
    assert body(analyse_iteration(asked, tables.engine)) == plain
    assert b":null" not in plain
    assert b"NaN" not in plain


@pytest.mark.parametrize("kind", ["conversion", "count", "sum", "average"])
def test_both_generations_show_the_same_numbers(tables: Tables, kind: str) -> None:
    load(tables, story(effect=0.3))
    asked = promise(metric(**KINDS[kind]), plans={"covariate_days": 0})
    window = Window(BASE_MS, BASE_MS + 100 * DAY_MS)
    old = analyse(
        Promise("env", "flag", 2, 0, metric(**KINDS[kind]), "user", window, 0, {}, (0.5, 0.5)), tables.engine
    )
    new = analyse_iteration(asked, tables.engine)
    one, before = found(new, "metric").comparisons[1], old.anytime.comparisons[1]
    assert isinstance(one, Compared)
    assert isinstance(before, AnytimeComparison)
    assert one.effect == pytest.approx(before.effect)
    assert bounds(one.sequential.interval) == pytest.approx((before.interval.lower, before.interval.upper))
    assert one.lift == pytest.approx(number(before.lift))
    assert [arm.units for arm in found(new, "metric").arms] == [total.exposed for total in old.totals]
    assert [arm.total for arm in found(new, "metric").arms] == pytest.approx(
        [total.measured.value for total in old.totals]
    )
    assert new.sample_ratio == old.anytime.sample_ratio


def test_a_covariate_from_before_the_exposure_sharpens_the_effect(tables: Tables) -> None:
    load(tables, story(600))
    with_it, without = (
        found(analyse_iteration(promise(EVERY[2], plans={"covariate_days": days}), tables.engine), "sum")
        for days in (7, 0)
    )
    assert isinstance(with_it.covariate, Covariate)
    assert isinstance(without.covariate, NotEstimable)
    sharp, plain = with_it.comparisons[1], without.comparisons[1]
    assert isinstance(sharp, Compared)
    assert isinstance(plain, Compared)
    assert number(sharp.standard_error) < number(plain.standard_error)
    assert number(with_it.covariate.variance_removed[0]) > 0.05
    assert [arm.value for arm in with_it.arms] == [arm.value for arm in without.arms]


def test_one_bad_metric_costs_the_others_nothing(tables: Tables) -> None:
    events = story(40)
    events += [tracked(f"unit {i}", BASE_MS + 20 * DAY_MS, "huge", metricValue=1e30) for i in range(8)]
    load(tables, events)
    huge = metric("huge", event_key="huge", is_numeric=True)
    asked = promise(*EVERY, huge)
    gone = replace(asked, questions=(*asked.questions, Missing("gone", "secondary", "it was deleted")))
    results = analyse_iteration(gone, tables.engine)
    alone = analyse_iteration(promise(*EVERY), tables.engine)
    assert [found(results, one.key).arms for one in EVERY] == [found(alone, one.key).arms for one in EVERY]
    assert isinstance(results.metrics[-1], FailedMetric)
    assert results.metrics[-1].reason.reason == "it was deleted"
    assert b":null" not in body(results)


def test_a_funnels_last_step_carries_its_role(tables: Tables) -> None:
    load(tables, story())
    steps = (metric("visit", event_key="visit"), metric("buy"))
    asked = replace(promise(), questions=(Funnel("funnel", "Funnel", "primary", steps),))
    results = analyse_iteration(asked, tables.engine)
    visit, buy = found(results, "visit"), found(results, "buy")
    assert [(one.label.step, one.label.role) for one in (visit, buy)] == [(1, "secondary"), (2, "primary")]
    assert number(visit.arms[0].total) > number(buy.arms[0].total)
    assert visit.arms[0].units == buy.arms[0].units == 100


def test_a_metric_without_a_default_leaves_out_units_without_events(tables: Tables) -> None:
    load(tables, story())
    only_seen = metric(is_numeric=True, event_default=EventDefault(disabled=True))
    results = analyse_iteration(promise(only_seen), tables.engine)
    arms = found(results, "metric").arms
    assert all(arm.units < shown for arm, shown in zip(arms, results.exposed, strict=True))


def test_slices_hold_their_units_and_others_are_left_out(tables: Tables) -> None:
    load(tables, [*story(90), exposed("nobody", 0)])
    results = analyse_iteration(replace(promise(*EVERY), slice_by="plan"), tables.engine)
    for one in results.metrics:
        assert isinstance(one, MetricResults)
        assert [piece.value for piece in one.slices] == ["a", "b"]
    units = [sum(arm.units for arm in piece.arms) for piece in found(results, "conversion").slices]
    assert units == [60, 30]


def test_the_series_ends_with_the_result(tables: Tables) -> None:
    load(tables, story(400, effect=0.4))
    results = analyse_iteration(promise(*EVERY), tables.engine)
    for one in results.metrics:
        assert isinstance(one, MetricResults)
        if not isinstance(one.trend, Trend):
            assert one.label.key == "p50"
            continue
        comparison = one.comparisons[1]
        assert isinstance(comparison, Compared)
        assert one.trend.points[-1].effects[1] == comparison.effect
        assert len(one.trend.points) <= 120


def test_clients_with_wild_clocks_make_no_endless_series(tables: Tables) -> None:
    events = [exposed("a", 0, 1), exposed("b", 1, BASE_MS), exposed("c", 0, BASE_MS + DAY_MS)]
    load(tables, events)
    trend = found(analyse_iteration(promise(), tables.engine), "metric").trend
    assert isinstance(trend, Trend)
    assert len(trend.points) <= 121


def decided(tables: Tables, asked: IterationPromise) -> Decision:
    found = analyse_iteration(asked, tables.engine).decisions[1]
    assert isinstance(found, Decision)
    return found


def test_the_decision_ships_a_gain_and_holds_back_a_broken_guardrail(tables: Tables) -> None:
    events = [exposed(f"u{i}", i % 2) for i in range(800)]
    events += [tracked(f"u{i}", BASE_MS + 5) for i in range(800) if i % 10 < (3, 7)[i % 2]]
    events += [tracked(f"u{i}", BASE_MS + 5, "crash") for i in range(800) if i % 2 and i % 4 == 1]
    load(tables, events)
    gain = promise()
    assert decided(tables, gain).verdict is Verdict.SHIP
    crash = metric("crash", event_key="crash", success_criteria="LowerThanBaseline")
    guarded = promise(metric(), crash)
    second = replace(guarded.questions[1], role="guardrail")
    broken = decided(tables, replace(guarded, questions=(guarded.questions[0], second)))
    assert broken.verdict is Verdict.DO_NOT_SHIP
    assert any("crash" in reason for reason in broken.reasons)


def test_a_broken_split_fails_its_check_and_decides_nothing(tables: Tables) -> None:
    events = [exposed(f"u{i}", int(i % 10 == 0)) for i in range(1000)]
    events += [tracked(f"u{i}", BASE_MS + 5) for i in range(1000) if i % 10 == 0]
    load(tables, events)
    results = analyse_iteration(promise(), tables.engine)
    ratio = check(results, "sample_ratio")
    assert ratio.status == "failed"
    assert "10.00%" in ratio.cause
    assert ratio.remedy
    decision = results.decisions[1]
    assert isinstance(decision, Decision)
    assert decision.verdict is Verdict.INCONCLUSIVE


def unit_missing() -> list[dict[str, Any]]:
    org = {"kind": "org", "key": "o"}
    return [exposed("a", 0), exposed("", 0, context=org), tracked("a", BASE_MS, context=org)]


@pytest.mark.parametrize(
    ("events", "name", "status", "cause"),
    [
        ([], "exposures_arriving", "failed", "no evaluation"),
        ([exposed("a", 0, BASE_MS - 5 * DAY_MS)], "exposures_arriving", "warning", "came in before"),
        ([exposed("a", 0, BASE_MS + DAY_MS)], "exposures_arriving", "ok", ""),
        (
            [exposed("a", 0, reason={"kind": "FALLTHROUGH"})],
            "in_experiment",
            "failed",
            "no evaluation says",
        ),
        ([exposed("a", 0), exposed("a", 1)], "multiple_variations", "warning", "change variation"),
        (unit_missing(), "unit_missing", "warning", "lack the randomization unit"),
        (unit_missing(), "metric_unit_missing", "warning", "another kind of context"),
        ([exposed("a", 0)], "metric_seen", "failed", "no event of this metric"),
        ([exposed("a", 0), tracked("b", BASE_MS + 1)], "metric_seen", "failed", "of a unit that was exposed"),
        (
            [exposed("a", 0, BASE_MS + 5), exposed("b", 0), tracked("a", BASE_MS + 1)],
            "metric_seen",
            "failed",
            "before its first exposure",
        ),
        ([exposed("a", 0), tracked("a", BASE_MS + 1)], "metric_seen", "ok", ""),
        ([exposed("a", 0, 1_900_000_000_000)], "clock_skew", "warning", "clocks"),
        ([exposed("a", 0, BASE_MS)], "late_exposures", "warning", "late"),
    ],
)
def test_a_check_names_cause_and_remedy(
    tables: Tables, events: list[dict[str, Any]], name: str, status: str, cause: str
) -> None:
    if events:
        load(tables, events)
    found = check(analyse_iteration(promise(), tables.engine), name)
    assert found.status == status
    assert cause in found.cause
    assert bool(found.remedy) == (status in ("failed", "warning"))


def test_events_without_a_number_are_counted(tables: Tables) -> None:
    load(tables, [exposed("a", 0), tracked("a", BASE_MS + 1), tracked("a", BASE_MS + 1, metricValue=2)])
    found = check(analyse_iteration(promise(is_numeric=True), tables.engine), "value_missing")
    assert (found.status, found.figure) == ("warning", 1.0)


def test_a_flag_that_is_off_is_told(tables: Tables) -> None:
    results = analyse_iteration(replace(promise(), flag_is_on=False), tables.engine)
    assert check(results, "flag_on").status == "failed"


@pytest.mark.parametrize("units", [0, 1, 2])
def test_hardly_anybody_is_a_valid_answer(tables: Tables, units: int) -> None:
    events = [exposed(f"u{i}", i % 2) for i in range(units)]
    if events:
        load(tables, events)
    results = analyse_iteration(replace(promise(*EVERY), slice_by="plan"), tables.engine)
    assert sum(results.exposed) == units
    assert b":null" not in body(results)
    for one in results.metrics:
        assert isinstance(one, MetricResults)
        comparison = one.comparisons[1]
        assert isinstance(comparison, NotEstimable) or comparison.verdict.word in ("not_estimable", "not_yet")
