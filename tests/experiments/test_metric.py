"""Metrics: how a unit's events become its value, and which definitions make no sense."""

from typing import Any

import msgspec
import pytest

from assay.errors import InvalidRequest
from assay.experiments.metric import Metric
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
