"""The metric: which events count for a unit, and how they become one value."""

import re
from typing import Any, Literal

import msgspec

from assay.errors import InvalidRequest

KINDS = ("custom", "pageview", "click")
CRITERIA = ("HigherThanBaseline", "LowerThanBaseline")
URL_FIELDS = {"exact": "url", "canonical": "url", "substring": "substring", "regex": "pattern"}

LONGEST_WINDOW_MS = 2**53

ValueOf = Literal["conversion", "count", "sum", "average"]


class Metric(msgspec.Struct, frozen=True, rename="camel"):
    """A definition; `value_of` says how a unit's events become its metric value.

    `window_start_offset` and `window_end_offset` (ms after a unit's first exposure, half-open) narrow the
    events that count.
    """

    id: str = msgspec.field(name="_id")
    key: str
    name: str
    kind: str
    creation_date: int = msgspec.field(name="_creationDate")
    event_key: str = ""
    is_numeric: bool = False
    is_active: bool = True
    unit: str = ""
    description: str = ""
    success_criteria: str = "HigherThanBaseline"
    unit_aggregation_type: str = ""
    tags: tuple[str, ...] = ()
    maintainer_id: str = ""
    selector: str = ""
    urls: tuple[dict[str, Any], ...] = ()
    window_start_offset: int | None = None
    window_end_offset: int | None = None
    version: int = msgspec.field(name="_version", default=1)
    last_modified: int = 0

    @property
    def value_of(self) -> ValueOf:
        """Numeric: the sum unless told "average"; otherwise a conversion unless told to "sum", a count."""
        if self.is_numeric:
            return "average" if self.unit_aggregation_type == "average" else "sum"
        return "count" if self.unit_aggregation_type == "sum" else "conversion"

    @property
    def lower_is_better(self) -> bool:
        return self.success_criteria == "LowerThanBaseline"


def check_metric(metric: Metric) -> None:
    """Raises `InvalidRequest` with what is wrong first."""
    if metric.kind not in KINDS:
        raise InvalidRequest(f"kind is one of {', '.join(KINDS)}, not {metric.kind!r}")
    if metric.kind == "custom" and not metric.event_key:
        raise InvalidRequest("a custom metric needs an eventKey")
    if metric.kind != "custom" and (metric.is_numeric or not metric.urls):
        raise InvalidRequest(f"a {metric.kind} metric needs urls and can't be numeric")
    if metric.kind == "click" and not metric.selector:
        raise InvalidRequest("a click metric needs a selector")
    if metric.success_criteria not in CRITERIA:
        raise InvalidRequest(f"successCriteria is {' or '.join(CRITERIA)}, not {metric.success_criteria!r}")
    if metric.unit_aggregation_type not in ("", "sum", "average"):
        raise InvalidRequest("unitAggregationType is sum or average")
    for url in metric.urls:
        _check_url(url)
    _check_window(metric)


def _check_url(url: dict[str, Any]) -> None:
    field = URL_FIELDS.get(url.get("kind", ""))
    if field is None or not isinstance(url.get(field), str):
        raise InvalidRequest("a url has a kind (exact, canonical, substring or regex) and what it matches")
    if url["kind"] == "regex":
        try:
            re.compile(url[field])
        except re.error as error:
            raise InvalidRequest(f"{url[field]!r} is no regular expression: {error}") from None


def _check_window(metric: Metric) -> None:
    start, end = metric.window_start_offset or 0, metric.window_end_offset
    if start < 0 or (end is not None and end <= start) or max(start, end or 0) > LONGEST_WINDOW_MS:
        raise InvalidRequest(
            "a metric's window starts at 0 ms or later and ends after its start, within 2^53 ms"
        )
