"""A metric as a form: from a metric, from what was typed, to the body of a request."""

from dataclasses import dataclass
from typing import Any

from assay.dashboard.forms import Form
from assay.dashboard.metric_filters import FilterRow, filter_body, rows_of_filter, rows_of_form
from assay.errors import InvalidRequest
from assay.experiments.metric import Metric

HOUR_MS = 3_600_000

MEASURES = {
    "conversion": "Whether it happened: the share of units with an event",
    "count": "How often it happened for each unit",
    "sum": "The sum of the events' values for each unit",
    "average": "The average of the events' values for each unit",
    "percentile": "A percentile of the events' values",
    "count_distinct": "How many different values of a property each unit had",
    "ratio": "A ratio: this event for each event of another key",
}
SOURCES = {"custom": "An event that your code tracks", "pageview": "Page views", "click": "Clicks"}
URL_KINDS = {
    "substring": "contains",
    "exact": "is exactly",
    "canonical": "is, whatever follows",
    "regex": "matches",
}
URL_FIELDS = {"exact": "url", "canonical": "url", "substring": "substring", "regex": "pattern"}


@dataclass(frozen=True, slots=True)
class MetricForm:
    """Every field as text; times are in hours. `filter_kept`: the metric has a filter that rows can't show."""

    name: str = ""
    key: str = ""
    description: str = ""
    tags: str = ""
    source: str = "custom"
    event_key: str = ""
    selector: str = ""
    url_kind: str = "substring"
    url: str = ""
    measure: str = "conversion"
    percentile: str = "95"
    property_name: str = ""
    denominator: str = ""
    lower: bool = False
    unit: str = ""
    units: str = "user"
    from_hours: str = ""
    until_hours: str = ""
    winsor: str = ""
    left_out: bool = False
    filter_join: str = "all"
    filters: tuple[FilterRow, ...] = ()
    filter_kept: bool = False


def form_of_metric(metric: Metric) -> MetricForm:
    url = metric.urls[0] if metric.urls else {}
    kind = str(url.get("kind", "substring"))
    rows = rows_of_filter(metric.filters)
    return MetricForm(
        name=metric.name,
        key=metric.key,
        description=metric.description,
        tags=", ".join(metric.tags),
        source=metric.kind,
        event_key=metric.event_key,
        selector=metric.selector,
        url_kind=kind,
        url=str(url.get(URL_FIELDS.get(kind, "url"), "")),
        measure=metric.value_of,
        percentile=str(metric.percentile_value or 95),
        property_name=metric.unit_aggregation_field,
        denominator=metric.denominator.event_name if metric.denominator else "",
        lower=metric.lower_is_better,
        unit=metric.unit,
        units=", ".join(metric.units),
        from_hours=_hours(metric.window_start_offset),
        until_hours=_hours(metric.window_end_offset),
        winsor=_number(metric.winsor_upper_percentile),
        left_out=metric.event_default.disabled,
        filter_join=rows[0] if rows else "all",
        filters=rows[1] if rows else (),
        filter_kept=rows is None,
    )


def form_as_typed(form: Form) -> MetricForm:
    source = form.text("source", "custom")
    return MetricForm(
        name=form.text("name"),
        key=form.text("key"),
        description=form.raw("description"),
        tags=form.raw("tags"),
        source=source if source in SOURCES else "custom",
        event_key=form.text("event_key"),
        selector=form.text("selector"),
        url_kind=form.text("url_kind", "substring"),
        url=form.text("url"),
        measure=form.text("measure", "conversion"),
        percentile=form.text("percentile"),
        property_name=form.text("property_name"),
        denominator=form.text("denominator"),
        lower=form.text("direction") == "lower",
        unit=form.text("unit"),
        units=form.text("units"),
        from_hours=form.text("from_hours"),
        until_hours=form.text("until_hours"),
        winsor=form.text("winsor"),
        left_out=form.ticked("left_out"),
        filter_join=form.text("filter_join", "all"),
        filters=rows_of_form(form),
        filter_kept=form.ticked("filter_kept"),
    )


def metric_body(typed: MetricForm) -> dict[str, Any]:
    """What the REST API takes; None takes a field away. `InvalidRequest` where a number is none."""
    if not typed.name:
        raise InvalidRequest("Give the metric a name")
    units = [unit.strip() for unit in typed.units.split(",") if unit.strip()] or ["user"]
    body: dict[str, Any] = {
        "name": typed.name,
        "description": typed.description,
        "tags": [tag.strip() for tag in typed.tags.split(",") if tag.strip()],
        "kind": typed.source,
        "successCriteria": "LowerThanBaseline" if typed.lower else "HigherThanBaseline",
        "unit": typed.unit,
        "randomizationUnits": units,
        "windowStartOffset": _ms(typed.from_hours),
        "windowEndOffset": _ms(typed.until_hours),
        **_source(typed),
        **_measure(typed),
    }
    if not typed.filter_kept:
        body["filters"] = filter_body(typed.filter_join, typed.filters)
    return body


def _source(typed: MetricForm) -> dict[str, Any]:
    if typed.source == "custom":
        return {"eventKey": typed.event_key}
    if typed.url_kind not in URL_FIELDS:
        raise InvalidRequest("choose how the address is matched")
    body: dict[str, Any] = {"urls": [{"kind": typed.url_kind, URL_FIELDS[typed.url_kind]: typed.url}]}
    return body | ({"selector": typed.selector} if typed.source == "click" else {})


def _measure(typed: MetricForm) -> dict[str, Any]:
    """How events become a unit's value. What isn't chosen is taken away."""
    measure = typed.measure if typed.measure in MEASURES else "conversion"
    numeric = measure in ("sum", "average", "percentile")
    aggregation = {"count": "sum", "average": "average", "count_distinct": "count_distinct", "ratio": "sum"}
    body: dict[str, Any] = {
        "isNumeric": numeric,
        "unitAggregationType": aggregation.get(measure, ""),
        "unitAggregationField": typed.property_name if measure == "count_distinct" else None,
        "analysisType": "percentile" if measure == "percentile" else "mean",
        "percentileValue": _whole(typed.percentile) if measure == "percentile" else None,
        "winsorUpperPercentile": _float(typed.winsor)
        if typed.winsor and numeric and measure != "percentile"
        else None,
        "eventDefault": {"disabled": typed.left_out, "value": 0},
    }
    if measure == "ratio":
        body["denominator"] = {"eventName": typed.denominator, "unitAggregationType": "sum"}
    else:
        body["denominator"] = None
    return body


def _hours(ms: int | None) -> str:
    return "" if not ms else _number(ms / HOUR_MS)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")


def _ms(hours: str) -> int | None:
    return round(_float(hours) * HOUR_MS) if hours else None


def _float(text: str) -> float:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        raise InvalidRequest(f"{text[:20]!r} is no number") from None
    if not abs(value) < 1e9:
        raise InvalidRequest(f"{text[:20]!r} is too large")
    return value


def _whole(text: str) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise InvalidRequest(f"{text[:20]!r} is no whole number")
    return int(text)
