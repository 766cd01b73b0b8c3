"""Metrics: how a unit's events become its value, and which definitions make no sense."""

from typing import Any

import msgspec
import pytest

from assay.errors import InvalidRequest
from assay.experiments.event_filter import ContextAttribute, EventProperty, Group, check_filter
from assay.experiments.metric import Denominator, EventDefault, Measure, Metric
from assay.experiments.metric_rules import LONGEST_WINDOW_MS, check_metric

URLS = ({"kind": "exact", "url": "http://shop/"},)


def metric(**changes: Any) -> Metric:
    fields: dict[str, Any] = {"id": "1", "key": "m", "name": "M", "kind": "custom", "creation_date": 1}
    return Metric(**{**fields, "event_key": "bought", **changes})


def goal(kind: str, **changes: Any) -> Metric:
    return metric(kind=kind, event_key="", urls=URLS, **changes)


@pytest.mark.parametrize(
    ("is_numeric", "aggregation", "value_of"),
    [
        (False, "", "conversion"),
        (False, "average", "conversion"),
        (False, "sum", "count"),
        (True, "", "sum"),
        (True, "sum", "sum"),
        (True, "average", "average"),
    ],
)
def test_the_kind_of_value_follows_from_two_fields(is_numeric: bool, aggregation: str, value_of: str) -> None:
    assert metric(is_numeric=is_numeric, unit_aggregation_type=aggregation).value_of == value_of


@pytest.mark.parametrize(
    ("fields", "value_of"),
    [
        ({"unit_aggregation_type": "count_distinct", "unit_aggregation_field": "sku"}, "count_distinct"),
        ({"is_numeric": True, "analysis_type": "percentile", "percentile_value": 90}, "percentile"),
        ({"is_numeric": True, "denominator": Denominator("visit")}, "ratio"),
        ({"is_numeric": True, "analysis_type": "mean"}, "sum"),
    ],
)
def test_todays_kinds_follow_from_what_they_need(fields: dict[str, Any], value_of: str) -> None:
    assert metric(**fields).value_of == value_of
    check_metric(metric(**fields))


def test_a_denominator_measures_events_of_its_own() -> None:
    below = Denominator("visit", unit_aggregation_type="sum", window_end_offset=5, winsor_upper_percentile=90)
    ratio = metric(is_numeric=True, denominator=below)
    assert ratio.measure.event_key == "bought"
    assert ratio.below == Measure("custom", "visit", "count", window_end=5, winsor_upper=90)
    assert metric().below is None


def test_clicks_and_page_views_are_events_by_the_metric_s_key() -> None:
    assert (goal("click").measure.kind, goal("click").measure.event_key) == ("click", "m")


@pytest.mark.parametrize(
    ("fields", "plain"),
    [
        ({}, True),
        ({"is_numeric": True, "window_end_offset": 5}, True),
        ({"event_default": EventDefault(disabled=True)}, False),
        ({"event_default": EventDefault(value=1)}, False),
        ({"filters": EventProperty("sku", "in", ("x",))}, False),
        ({"is_numeric": True, "winsor_upper_percentile": 99}, False),
        ({"is_numeric": True, "winsor_lower_percentile": 1}, False),
        ({"is_numeric": True, "value_column": "price"}, False),
        ({"denominator": Denominator("visit")}, False),
        ({"unit_aggregation_type": "count_distinct", "unit_aggregation_field": "x"}, False),
        ({"is_numeric": True, "analysis_type": "percentile", "percentile_value": 50}, False),
    ],
)
def test_flag_scoped_experiments_know_plain_metrics(fields: dict[str, Any], *, plain: bool) -> None:
    assert metric(**fields).plain is plain


def test_its_units_are_users_unless_it_says_otherwise() -> None:
    assert metric().units == ("user",)
    assert metric(randomization_units=("org",)).units == ("org",)
    assert metric(randomization_units=("org",), analysis_units=("device",)).units == ("device",)


def nested(depth: int) -> Group:
    leaf = Group("all", (EventProperty("sku", "in", ("x",)),))
    return leaf if depth == 1 else Group("any", (nested(depth - 1),))


def test_filters_are_bounded_in_depth_and_number() -> None:
    assert check_filter(nested(9)) == 1
    with pytest.raises(InvalidRequest, match="nest"):
        check_filter(nested(10))
    conditions = (EventProperty("sku", "in", ("x",)),) * 50
    assert check_filter(Group("all", conditions)) == 50
    with pytest.raises(InvalidRequest, match="50"):
        check_filter(Group("all", (*conditions, *conditions[:1])))


def test_a_filter_is_written_as_clients_write_it() -> None:
    leaf = ContextAttribute("plan", "in", ("pro",), "org", negate=True)
    written = msgspec.to_builtins(Group("any", (leaf,)))
    assert written == {
        "type": "group",
        "op": "any",
        "negate": False,
        "values": (
            {
                "type": "contextAttribute",
                "attribute": "plan",
                "op": "in",
                "values": ("pro",),
                "contextKind": "org",
                "negate": True,
            },
        ),
    }


def test_lower_is_better_only_where_it_was_said() -> None:
    assert not metric().lower_is_better
    assert metric(success_criteria="LowerThanBaseline").lower_is_better


@pytest.mark.parametrize(
    "good",
    [
        metric(),
        metric(is_numeric=True, unit="ms", window_start_offset=0, window_end_offset=1),
        metric(window_start_offset=5),
        metric(window_end_offset=LONGEST_WINDOW_MS),
        goal("pageview"),
        goal("click", selector=".buy"),
        metric(kind="pageview", urls=({"kind": "regex", "pattern": "^/shop/[0-9]+$"},)),
        metric(
            kind="pageview",
            urls=({"kind": "substring", "substring": "shop"}, {"kind": "canonical", "url": "x"}),
        ),
    ],
)
def test_ordinary_metrics_are_good(good: Metric) -> None:
    check_metric(good)
    assert msgspec.json.decode(msgspec.json.encode(good), type=Metric) == good


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (metric(kind="Custom"), "kind"),
        (metric(kind=""), "kind"),
        (metric(event_key=""), "eventKey"),
        (goal("pageview", is_numeric=True), "numeric"),
        (metric(kind="pageview"), "urls"),
        (goal("click"), "selector"),
        (metric(success_criteria="higher"), "successCriteria"),
        (metric(unit_aggregation_type="median"), "unitAggregationType"),
        (metric(urls=({"kind": "prefix", "url": "x"},)), "url"),
        (metric(urls=({},)), "url"),
        (metric(urls=({"kind": "exact", "substring": "x"},)), "url"),
        (metric(urls=({"kind": "regex", "pattern": "(unclosed"},)), "regular expression"),
        (metric(window_start_offset=-1), "window"),
        (metric(window_end_offset=0), "window"),
        (metric(window_start_offset=5, window_end_offset=5), "window"),
        (metric(window_end_offset=LONGEST_WINDOW_MS + 1), "window"),
        (metric(window_start_offset=2**63), "window"),
    ],
)
def test_a_metric_that_makes_no_sense_is_refused(bad: Metric, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        check_metric(bad)
