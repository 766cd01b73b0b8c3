"""Any events, in any order and any pieces, give each unit what the rules give in plain Python."""

import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from assay.errors import InvalidRequest
from assay.experiments.event_filter import ContextAttribute, EventProperty, Filter, Group, check_filter
from assay.experiments.metric import Denominator, EventDefault, Metric
from assay.warehouse.queries.exposures import ExposureScope
from assay.warehouse.queries.unit_values import UnitValues
from warehouse import unit_oracle as oracle
from warehouse.tables import RECEIVED_MS, Tables, lines

BASE_MS = RECEIVED_MS - 20 * oracle.DAY_MS
HALF_DAY_MS = oracle.DAY_MS // 2

UNITS = st.sampled_from(["a", "b", "c", "d", "é/~'$", "Z"])
PLANS = st.sampled_from(["pro", "free", None, 1, 1.5, True, ["pro", 2], {"x": "y"}, "1.2.3", "it's; --"])
TOLD = st.builds(
    lambda plan, anonymous: {"plan": plan, "address": {"city": plan}, "n/1": plan, "anonymous": anonymous},
    PLANS,
    st.sampled_from([True, False]),
)
ABOUT = st.one_of(
    st.builds(lambda key, told: {"context": {"kind": "user", "key": key, **told}}, UNITS, TOLD),
    st.builds(lambda key, told: {"context": {"kind": "user", "key": key, **told}}, UNITS, TOLD),
    st.builds(
        lambda u, o, told: {"context": {"kind": "multi", "user": {"key": u}, "org": {"key": o, **told}}},
        UNITS,
        UNITS,
        TOLD,
    ),
    st.builds(lambda u, o: {"contextKeys": {"user": u, "org": o}}, UNITS, UNITS),
)
# Few different times, so that events often share a millisecond or a window's edge.
TIMES = st.builds(
    lambda step, ms: BASE_MS + step * HALF_DAY_MS + ms, st.integers(-4, 12), st.sampled_from([0, 0, 1, 0.5])
)
REASONS = st.sampled_from(
    [
        {"kind": "FALLTHROUGH", "inExperiment": True},
        {"kind": "FALLTHROUGH", "inExperiment": True},
        {"kind": "FALLTHROUGH"},
        {"kind": "RULE_MATCH", "ruleId": "r", "inExperiment": True},
        None,
    ]
)
FEATURES = st.builds(
    lambda about, fields: {"kind": "feature", "key": "flag", **about, **fields},
    ABOUT,
    st.fixed_dictionaries(
        {
            "creationDate": TIMES,
            "variation": st.sampled_from([0, 1, 1, 0, 2, None]),
            "version": st.sampled_from([None, 2, 3, 3, 4]),
            "reason": REASONS,
        }
    ),
)
DATA = st.sampled_from(
    [None, 5, ["x"], {"sku": "x"}, {"sku": "x", "n": 2}, {"sku": "y", "n": 0.1}, {"sku": None}, {"n": "2"}]
)
TRACKED = st.builds(
    lambda about, fields: {**about, **fields},
    ABOUT,
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["custom", "custom", "custom", "click"]),
            "key": st.sampled_from(["bought", "bought", "visit"]),
            "creationDate": TIMES,
            "metricValue": st.sampled_from([None, 0, 1, 2.5, -3, 0.1, 1e6, 1e-9]),
            "data": DATA,
        }
    ),
)
PAYLOADS = st.lists(
    st.lists(st.one_of(FEATURES, TRACKED, TRACKED), min_size=1, max_size=8), min_size=1, max_size=6
)

SCOPE = ExposureScope("env", "flag", "user", 3, 0, RECEIVED_MS, 0)
SCOPES = st.builds(
    lambda kind, start, end, after, extra: replace(
        SCOPE, unit_kind=kind, start_ms=start, end_ms=end, after_seq=after, **extra
    ),
    st.sampled_from(["user", "user", "org"]),
    st.sampled_from([0, BASE_MS, BASE_MS + oracle.DAY_MS]),
    st.sampled_from([RECEIVED_MS, BASE_MS + 4 * oracle.DAY_MS, BASE_MS]),
    st.sampled_from([0, 0, 1]),
    st.sampled_from(
        [
            {},
            {"versions": (3, None), "rule": "fallthrough", "in_experiment_only": True},
            {"versions": (2, 4), "rule": "fallthrough", "in_experiment_only": True},
            {"versions": (2, 4), "rule": "r", "in_experiment_only": True},
        ]
    ),
)

OPS = st.sampled_from(
    [
        *("in", "startsWith", "endsWith", "contains", "matches", "lessThan", "greaterThanOrEqual"),
        *("before", "after", "semVerEqual", "semVerLessThan"),
    ]
)
COMPARED = st.lists(
    st.sampled_from(["pro", "p", 1, 2, True, "1.2.3", "2", ".*", "x", "it's; --"]), min_size=1
)
CONDITIONS = st.one_of(
    st.builds(
        lambda attribute, op, values, kind, negate: ContextAttribute(
            attribute, op, tuple(values), kind, negate
        ),
        st.sampled_from(["plan", "/plan", "/address/city", "/n~11", "key", "anonymous", "nothing"]),
        OPS,
        COMPARED,
        st.sampled_from(["user", "user", "org"]),
        st.booleans(),
    ),
    st.builds(
        lambda attribute, op, values, negate: EventProperty(attribute, op, tuple(values), negate),
        st.sampled_from(["sku", "n", "/sku", "0"]),
        OPS,
        COMPARED,
        st.booleans(),
    ),
)
FILTERS: st.SearchStrategy[Filter] = st.recursive(
    CONDITIONS,
    lambda inner: st.builds(
        lambda op, values, negate: Group(op, tuple(values), negate),
        st.sampled_from(["all", "any", "and", "or"]),
        st.lists(inner, min_size=1, max_size=3),
        st.booleans(),
    ),
    max_leaves=4,
)
AGGREGATIONS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {},
        {"unit_aggregation_type": "sum"},
        {"is_numeric": True},
        {"is_numeric": True, "unit_aggregation_type": "average"},
        {"is_numeric": True, "value_column": "n"},
        {"unit_aggregation_type": "count_distinct", "unit_aggregation_field": "sku"},
    ]
)
MORE: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "filters": FILTERS,
        "winsor_lower_percentile": st.sampled_from([10.0, 34.0, 50.0]),
        "winsor_upper_percentile": st.sampled_from([51.0, 75.0, 99.0]),
        "winsor_include_imputed": st.booleans(),
        "window_start_offset": st.sampled_from([0, 1, HALF_DAY_MS]),
        "window_end_offset": st.sampled_from([HALF_DAY_MS + 1, 3 * oracle.DAY_MS]),
    },
)
DEFAULTS = st.sampled_from(
    [EventDefault(), EventDefault(), EventDefault(value=2.5), EventDefault(disabled=True, value=9)]
)
DENOMINATORS = st.builds(lambda kind, more: Denominator("visit", **kind, **more), AGGREGATIONS, MORE)


def metric(**fields: Any) -> Metric:
    return Metric("1", "m", "m", "custom", 0, **{"event_key": "bought", **fields})


METRICS = st.builds(
    lambda kind, more, default, denominator: metric(
        **kind, **more, event_default=default, denominator=denominator
    ),
    AGGREGATIONS,
    MORE,
    DEFAULTS,
    st.none() | DENOMINATORS,
)


def load(tables: Tables, payloads: list[tuple[int, list[dict[str, Any]]]], pieces: int = 1) -> None:
    tables.empty()
    written = [lines(events, seq) for seq, events in payloads]
    size = -(-len(written) // pieces)
    for start in range(0, len(written), size):
        tables.load(*written[start : start + size])


def numbers(values: list[Fraction | None]) -> list[Any]:
    return [
        pytest.approx(float("nan") if v is None else float(v), rel=1e-12, abs=1e-9, nan_ok=True)
        for v in values
    ]


def check(found: UnitValues, events: list[oracle.Seen], scope: ExposureScope, wanted: Metric) -> None:
    default = wanted.event_default
    rows = list(oracle.rows(events, scope, wanted, days=2, slice_by="plan"))
    if default.disabled:
        rows = [row for row in rows if row.value is not None or row.denominator is not None]
    imputed = None if default.disabled else Fraction(default.value)
    nothing = Fraction(0) if default.disabled else imputed
    assert found.variation.tolist() == [row.variation for row in rows]
    expected = oracle.winsorized([row.value for row in rows], nothing, wanted.measure)
    assert found.value.tolist() == numbers(expected)
    assert found.covariate is not None
    expected = oracle.winsorized([row.covariate for row in rows], imputed, wanted.measure)
    assert found.covariate.tolist() == numbers(expected)
    assert found.slice is not None
    assert found.slice.tolist() == [row.slice for row in rows]
    assert (found.denominator is None) == (wanted.below is None)
    if found.denominator is not None and wanted.below is not None:
        expected = oracle.winsorized([row.denominator for row in rows], Fraction(0), wanted.below)
        assert found.denominator.tolist() == numbers(expected)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(batches=PAYLOADS, scope=SCOPES, wanted=METRICS, pieces=st.integers(1, 3), data=st.data())
def test_each_unit_has_the_value_that_the_rules_give_it(
    tables: Tables,
    batches: list[list[dict[str, Any]]],
    scope: ExposureScope,
    wanted: Metric,
    pieces: int,
    data: st.DataObject,
) -> None:
    payloads = data.draw(st.permutations(list(enumerate(batches, 1))))
    load(tables, payloads, pieces)
    events = oracle.accepted(payloads)
    check(tables.unit_values(scope, wanted, covariate_days=2, slice_by="plan"), events, scope, wanted)
    units, left_out = oracle.exposed(events, scope)
    counts = [sum(unit.variation == variation for unit in units.values()) for variation in range(3)]
    assert tables.exposed_counts(scope) == (tuple(counts), left_out)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    batches=PAYLOADS,
    scope=SCOPES,
    more=MORE,
    steps=st.lists(st.tuples(st.sampled_from(["bought", "visit"]), MORE)),
)
def test_events_and_steps_are_those_that_the_rules_give(
    tables: Tables,
    batches: list[list[dict[str, Any]]],
    scope: ExposureScope,
    more: dict[str, Any],
    steps: list[tuple[str, dict[str, Any]]],
) -> None:
    payloads = list(enumerate(batches, 1))
    load(tables, payloads)
    events = oracle.accepted(payloads)
    wanted = metric(is_numeric=True, analysis_type="percentile", percentile_value=90, **more)
    found = tables.event_values(scope, wanted)
    expected = oracle.event_rows(events, scope, wanted)
    assert found.variation.tolist() == [variation for variation, _, _ in expected]
    assert found.value.tolist() == [value for _, value, _ in expected]
    keys = sorted({key for _, _, key in expected})
    assert found.unit.tolist() == [keys.index(key) for _, _, key in expected]
    funnel = [metric(event_key=key, **fields) for key, fields in steps]
    assert tables.funnel_steps(scope, funnel).steps.tolist() == oracle.funnel(events, scope, funnel)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(batches=PAYLOADS, wanted=METRICS, seed=st.integers(0, 100))
def test_the_order_of_arrival_changes_no_byte(
    tables: Tables, batches: list[list[dict[str, Any]]], wanted: Metric, seed: int
) -> None:
    def answer() -> list[Any]:
        found = tables.unit_values(SCOPE, wanted, covariate_days=2, slice_by="plan")
        columns = (found.variation, found.value, found.denominator, found.covariate)
        return [None if one is None else one.tobytes() for one in columns] + [
            None if found.slice is None else found.slice.tolist()
        ]

    load(tables, list(enumerate(batches, 1)))
    first = answer()
    events = [event for batch in batches for event in batch]
    random.Random(seed).shuffle(events)
    load(tables, [(seq, [event]) for seq, event in enumerate(events, 1)], pieces=2)
    assert answer() == first


HOSTILE = st.one_of(
    st.text(min_size=1, max_size=12),
    st.sampled_from(
        [
            *(
                "'",
                "''; drop table metric_events; --",
                '"',
                '$."x"',
                "$[0]",
                "$x",
                "a\x00b",
                "/",
                "/~1",
                "~",
                "*",
            ),
            *("{0}", "%s", "?", "$own_kind", "\\", "[*]", "🙂", "-"),
        ]
    ),
)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=HOSTILE, value=HOSTILE, other=HOSTILE, about_context=st.booleans())
@example(name="a\x00b", value="a\x00b", other="a", about_context=True)
def test_no_attribute_s_name_or_value_is_taken_for_sql(
    tables: Tables, name: str, value: str, other: str, *, about_context: bool
) -> None:
    """The condition holds for the one event that has the value, whatever it is called."""
    tables.empty()
    reference = "/" + name.replace("~", "~0").replace("/", "~1")

    def event(unit: str, told: str) -> dict[str, Any]:
        context = (
            {name: told, "kind": "user", "key": unit} if about_context else {"kind": "user", "key": unit}
        )
        return {
            "kind": "custom",
            "key": "bought",
            "creationDate": 2,
            "context": context,
            "data": {name: told},
        }

    exposures = [
        {
            "kind": "feature",
            "key": "flag",
            "creationDate": 1,
            "variation": 0,
            "context": {"kind": "user", "key": key},
        }
        for key in ("a", "b")
    ]
    tables.load(lines([*exposures, event("a", value), event("b", other)], 1))
    make = ContextAttribute if about_context else EventProperty
    leaf = make(reference, "in", (value,))
    try:
        check_filter(leaf)
    except InvalidRequest:
        return
    if about_context and name in ("kind", "key", "anonymous", "_meta"):
        return
    found = tables.unit_values(SCOPE, metric(filters=leaf), slice_by=reference)
    assert found.value.tolist() == [1, float(other == value)]
    assert tables.count("metric_events") == 2


def test_a_number_leads_into_no_list(tables: Tables) -> None:
    context = {"kind": "user", "key": "a", "0": "yes", "list": ["yes"]}
    event = {"kind": "custom", "key": "bought", "creationDate": 2, "context": context, "data": ["yes"]}
    exposure = {"kind": "feature", "key": "flag", "creationDate": 1, "variation": 0, "context": context}
    tables.load(lines([exposure, event], 1))
    for leaf, value in (
        (ContextAttribute("0", "in", ("yes",)), 1),
        (ContextAttribute("/list/0", "in", ("yes",)), 0),
        (ContextAttribute("list", "in", ("yes",)), 1),
        (EventProperty("0", "in", ("yes",)), 0),
    ):
        assert tables.unit_values(SCOPE, metric(filters=leaf)).value.tolist() == [value]
