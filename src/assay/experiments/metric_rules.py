"""Which metrics make sense: the rules that a definition keeps before it is stored."""

import re
from math import isfinite
from typing import Any

from assay.errors import InvalidRequest
from assay.experiments.event_filter import check_filter
from assay.experiments.metric import LAUNCHDARKLY_HOSTED, DataSource, Denominator, Metric
from assay.flags.references import parse_reference

KINDS = ("custom", "pageview", "click")
CRITERIA = ("HigherThanBaseline", "LowerThanBaseline")
AGGREGATIONS = ("", "sum", "average", "count_distinct")
# The names under which clients know the events that SDKs send.
SOURCES = (LAUNCHDARKLY_HOSTED, "launchdarkly")
# A hundred years: far from where adding it to an event's time would overflow.
LONGEST_WINDOW_MS = 36_525 * 86_400_000
LARGEST_DEFAULT = 1e30

URL_FIELDS = {"exact": "url", "canonical": "url", "substring": "substring", "regex": "pattern"}


def check_metric(metric: Metric) -> None:
    """Raises `InvalidRequest` with what is wrong first."""
    _check_kind(metric)
    if metric.success_criteria not in CRITERIA:
        raise InvalidRequest(f"successCriteria is {' or '.join(CRITERIA)}, not {metric.success_criteria!r}")
    for url in metric.urls:
        _check_url(url)
    _check_measure(metric)
    _check_analysis(metric)
    _check_default(metric)
    if metric.denominator is not None:
        _check_denominator(metric.denominator)


def _check_kind(metric: Metric) -> None:
    if metric.kind == "trace":
        raise InvalidRequest("Assay receives no traces: a metric's kind is custom, pageview or click")
    if metric.kind not in KINDS:
        raise InvalidRequest(f"kind is one of {', '.join(KINDS)}, not {metric.kind!r}")
    if metric.kind == "custom" and not metric.event_key:
        raise InvalidRequest("a custom metric needs an eventKey")
    if metric.kind != "custom" and (metric.is_numeric or not metric.urls):
        raise InvalidRequest(f"a {metric.kind} metric needs urls and can't be numeric")
    if metric.kind == "click" and not metric.selector:
        raise InvalidRequest("a click metric needs a selector")


def _check_url(url: dict[str, Any]) -> None:
    kind = url.get("kind")
    field = URL_FIELDS.get(kind) if isinstance(kind, str) else None
    if field is None or not isinstance(url.get(field), str):
        raise InvalidRequest("a url has a kind (exact, canonical, substring or regex) and what it matches")
    if url["kind"] == "regex":
        try:
            re.compile(url[field])
        except (re.error, OverflowError, RecursionError) as error:
            raise InvalidRequest(f"{url[field]!r} is no regular expression: {error}") from None


def _check_measure(definition: Metric | Denominator) -> None:
    """What a metric and a denominator have in common."""
    if definition.unit_aggregation_type not in AGGREGATIONS:
        raise InvalidRequest("unitAggregationType is sum, average or count_distinct")
    _check_property("unitAggregationField", definition.unit_aggregation_field)
    _check_property("valueColumn", definition.value_column)
    if (definition.unit_aggregation_type == "count_distinct") != bool(definition.unit_aggregation_field):
        raise InvalidRequest(
            "count_distinct counts the property that unitAggregationField names; nothing else does"
        )
    if definition.value_column and not definition.is_numeric:
        raise InvalidRequest(
            "valueColumn names the property that holds a numeric metric's value: set isNumeric"
        )
    if definition.filters is not None:
        check_filter(definition.filters)
    _check_source(definition.data_source)
    _check_window(definition)
    _check_winsor(definition)


def _check_property(name: str, reference: str) -> None:
    if reference and parse_reference(reference, literal=False) is None:
        raise InvalidRequest(f"{name} {reference[:60]!r} is no reference to a property")


def _check_source(source: DataSource | None) -> None:
    if source is not None and source.key not in SOURCES:
        raise InvalidRequest(
            f"there is no data source {source.key[:60]!r}; SDKs' events are {LAUNCHDARKLY_HOSTED}"
        )


def _check_window(definition: Metric | Denominator) -> None:
    start, end = definition.window_start_offset or 0, definition.window_end_offset
    latest = LONGEST_WINDOW_MS if end is None else end
    if not 0 <= start < latest <= LONGEST_WINDOW_MS:
        raise InvalidRequest(
            f"a metric's window starts at 0 ms or later and ends after its start, by {LONGEST_WINDOW_MS} ms"
        )


def _check_winsor(definition: Metric | Denominator) -> None:
    lower, upper = definition.winsor_lower_percentile, definition.winsor_upper_percentile
    bounds = (0.0 if lower is None else lower, 100.0 if upper is None else upper)
    if not 0 <= bounds[0] < bounds[1] <= 100:
        raise InvalidRequest(
            "winsorLowerPercentile and winsorUpperPercentile lie between 0 and 100, in this order"
        )


def _check_analysis(metric: Metric) -> None:
    if metric.analysis_type not in ("", "mean", "percentile"):
        raise InvalidRequest("analysisType is mean or percentile")
    if metric.analysis_type != "percentile":
        if metric.percentile_value is not None:
            raise InvalidRequest("percentileValue belongs to a metric of analysisType percentile")
        return
    if metric.percentile_value is None or not 1 <= metric.percentile_value <= 99:
        raise InvalidRequest("analysisType percentile needs a percentileValue from 1 to 99")
    if not metric.is_numeric or metric.unit_aggregation_type == "count_distinct":
        raise InvalidRequest("a percentile is of the values of a numeric metric's events")
    if metric.denominator is not None:
        raise InvalidRequest("a percentile has no denominator")
    if metric.winsor_lower_percentile is not None or metric.winsor_upper_percentile is not None:
        raise InvalidRequest("a percentile is not winsorized: it doesn't move with the extremes")


def _check_default(metric: Metric) -> None:
    value = metric.event_default.value
    if not isfinite(value) or abs(value) > LARGEST_DEFAULT:
        raise InvalidRequest(f"eventDefault's value is a number up to {LARGEST_DEFAULT:g}")


def _check_denominator(denominator: Denominator) -> None:
    if not denominator.event_name:
        raise InvalidRequest("a denominator needs the eventName of its events")
    _check_measure(denominator)
