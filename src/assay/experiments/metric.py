"""The metric: which events count for a unit, and how they become one value."""

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from assay.experiments.event_filter import Filter

LAUNCHDARKLY_HOSTED = "launchdarkly-hosted"

ValueOf = Literal["conversion", "count", "sum", "average", "count_distinct", "percentile", "ratio"]
UnitValueOf = Literal["conversion", "count", "sum", "average", "count_distinct"]


class EventDefault(msgspec.Struct, frozen=True):
    """The value of a unit without events; where it is disabled, such a unit is left out."""

    disabled: bool = False
    value: float = 0.0


class DataSource(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """Where a metric's events come from: SDKs, whatever it is called."""

    key: str = msgspec.field()
    environment_key: str = ""


class Denominator(msgspec.Struct, frozen=True, rename="camel"):
    """What a ratio metric divides by: events of their own, made to a value of the unit like a metric's."""

    event_name: str = ""
    is_numeric: bool = False
    unit_aggregation_type: str = ""
    unit_aggregation_field: str = ""
    value_column: str = ""
    data_source: DataSource | None = None
    filters: Filter | None = None
    window_start_offset: int | None = None
    window_end_offset: int | None = None
    winsor_lower_percentile: float | None = None
    winsor_upper_percentile: float | None = None
    winsor_include_imputed: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """How events become one number of a unit: a metric's own, or its denominator's.

    Event times in `[first exposure + window_start, first exposure + window_end)` count. `property_name`: the
    event's property that is counted or summed, "" for its metric value.
    """

    kind: str
    event_key: str
    value_of: UnitValueOf
    property_name: str = ""
    filters: Filter | None = None
    window_start: int = 0
    window_end: int | None = None
    winsor_lower: float | None = None
    winsor_upper: float | None = None
    winsor_imputed: bool = False

    @property
    def numeric(self) -> bool:
        """Whether events without a number don't count."""
        return self.value_of in ("sum", "average")


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
    unit_aggregation_field: str = ""
    value_column: str = ""
    analysis_type: str = ""
    percentile_value: int | None = None
    event_default: EventDefault = EventDefault()
    analysis_units: tuple[str, ...] = ()
    randomization_units: tuple[str, ...] = ()
    filters: Filter | None = None
    denominator: Denominator | None = None
    winsor_lower_percentile: float | None = None
    winsor_upper_percentile: float | None = None
    winsor_include_imputed: bool = False
    data_source: DataSource = DataSource(LAUNCHDARKLY_HOSTED)
    archived: bool = False
    archived_at: int | None = None
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
        """A ratio or a percentile where the metric says so, else how a unit's events become its value."""
        if self.denominator is not None:
            return "ratio"
        return "percentile" if self.analysis_type == "percentile" else self.measure.value_of

    @property
    def measure(self) -> Measure:
        """The metric's own events; of a ratio, its numerator."""
        return Measure(
            kind=self.kind,
            event_key=self.event_key if self.kind == "custom" else self.key,
            value_of=_value_of(self),
            property_name=_property(self),
            filters=self.filters,
            window_start=self.window_start_offset or 0,
            window_end=self.window_end_offset,
            winsor_lower=self.winsor_lower_percentile,
            winsor_upper=self.winsor_upper_percentile,
            winsor_imputed=self.winsor_include_imputed,
        )

    @property
    def below(self) -> Measure | None:
        """What a ratio divides by."""
        one = self.denominator
        if one is None:
            return None
        return Measure(
            kind="custom",
            event_key=one.event_name,
            value_of=_value_of(one),
            property_name=_property(one),
            filters=one.filters,
            window_start=one.window_start_offset or 0,
            window_end=one.window_end_offset,
            winsor_lower=one.winsor_lower_percentile,
            winsor_upper=one.winsor_upper_percentile,
            winsor_imputed=one.winsor_include_imputed,
        )

    @property
    def plain(self) -> bool:
        """Whether flag-scoped experiments, whose generation knew nothing else, can be measured by it."""
        measure = self.measure
        return (
            self.value_of in ("conversion", "count", "sum", "average")
            and self.event_default == EventDefault()
            and measure.filters is None
            and not measure.property_name
            and measure.winsor_lower is None
            and measure.winsor_upper is None
        )

    @property
    def lower_is_better(self) -> bool:
        return self.success_criteria == "LowerThanBaseline"

    @property
    def units(self) -> tuple[str, ...]:
        """The context kinds that its events are said to carry; the founding generation knew users only."""
        return self.analysis_units or self.randomization_units or ("user",)


def _value_of(definition: Metric | Denominator) -> UnitValueOf:
    """Numeric: the sum unless told "average"; otherwise a conversion unless told to "sum", a count."""
    if definition.unit_aggregation_type == "count_distinct":
        return "count_distinct"
    if definition.is_numeric:
        return "average" if definition.unit_aggregation_type == "average" else "sum"
    return "count" if definition.unit_aggregation_type == "sum" else "conversion"


def _property(definition: Metric | Denominator) -> str:
    counts = definition.unit_aggregation_type == "count_distinct"
    return definition.unit_aggregation_field if counts else definition.value_column
