"""Measured events: which metric events a measure counts, when, and with which value."""

from assay.experiments.metric import Measure
from assay.flags.references import parse_reference
from assay.warehouse.engine import Reader
from assay.warehouse.queries.event_filters import Predicate, filtered_events, json_at

LARGEST_VALUE = 1e30


def measured_events(reader: Reader, environment: str, unit_kind: str, measure: Measure) -> Predicate:
    """The events that a measure counts, for units of the kind."""
    events = events_of(environment, measure)
    own = Predicate(
        f"{events.sql} and m.unit_kind = $unit_kind", {**events.parameters, "unit_kind": unit_kind}
    )
    if measure.filters is None:
        return own
    passing = filtered_events(reader, events, unit_kind, measure.filters)
    return Predicate(f"{own.sql} and {passing.sql}", {**own.parameters, **passing.parameters})


def events_of(environment: str, measure: Measure) -> Predicate:
    """The events with a measure's key, whoever's and whatever they say."""
    return Predicate(
        "m.environment = $environment and m.event_key = $event_key and m.kind = $metric_kind",
        {"environment": environment, "event_key": measure.event_key, "metric_kind": measure.kind},
    )


def value_of_event(measure: Measure) -> Predicate:
    """SQL: an event's metric value, or its property: as JSON to be counted, as a number to be summed."""
    if not measure.property_name:
        return Predicate("m.value", {})
    path = parse_reference(measure.property_name, literal=False) or ()
    found = json_at("m.properties", path, "property")
    if not measure.numeric:
        return found
    number = f"try_cast({found.sql} as double)"
    sql = f"""case when json_type({found.sql}) in ('BIGINT', 'UBIGINT', 'DOUBLE')
            and abs({number}) <= {LARGEST_VALUE!r} then {number} end"""
    return Predicate(sql, found.parameters)


def in_window(measure: Measure) -> str:
    """SQL: which of an exposed unit's kept events count by their time."""
    end = "" if measure.window_end is None else f" and after_ms < {measure.window_end}"
    return f"after_ms >= {measure.window_start}{end}"
