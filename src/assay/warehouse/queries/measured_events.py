"""Measured events: which metric events a measure counts, when, and with which value."""

from assay.experiments.metric import Measure
from assay.flags.references import parse_reference
from assay.warehouse.engine import Engine, Parameters
from assay.warehouse.queries.event_filters import Predicate, filtered_events, json_at
from assay.warehouse.queries.metric_values import NO_END

LARGEST_VALUE = 1e30

# Which of an exposed unit's events count by their time.
IN_WINDOW = """m.at_ms < $end_ms
          and m.at_ms >= e.first_exposed_at + ${name}_start and m.at_ms < e.first_exposed_at + ${name}_end"""


def measured_events(
    engine: Engine, environment: str, unit_kind: str, measure: Measure, name: str
) -> Predicate:
    """The events that a measure counts, for units of the kind; `name` marks its parameters."""
    events = Predicate(
        f"m.environment = $environment and m.event_key = ${name}_event_key and m.kind = ${name}_kind",
        {"environment": environment, f"{name}_event_key": measure.event_key, f"{name}_kind": measure.kind},
    )
    own = Predicate(
        f"{events.sql} and m.unit_kind = $unit_kind", {**events.parameters, "unit_kind": unit_kind}
    )
    if measure.filters is None:
        return own
    passing = filtered_events(engine, events, unit_kind, measure.filters, name)
    return Predicate(f"{own.sql} and {passing.sql}", {**own.parameters, **passing.parameters})


def value_of_event(measure: Measure, name: str) -> Predicate:
    """SQL: an event's metric value, or its property: as JSON to be counted, as a number to be summed."""
    if not measure.property_name:
        return Predicate("m.value" if measure.numeric else "1", {})
    path = parse_reference(measure.property_name, literal=False) or ()
    found = json_at("m.properties", path, f"{name}_property")
    if not measure.numeric:
        return found
    number = f"try_cast({found.sql} as double)"
    sql = f"""case when json_type({found.sql}) in ('BIGINT', 'UBIGINT', 'DOUBLE')
            and abs({number}) <= {LARGEST_VALUE!r} then {number} end"""
    return Predicate(sql, found.parameters)


def window_parameters(measure: Measure, name: str) -> Parameters:
    end = NO_END if measure.window_end is None else measure.window_end
    return {f"{name}_start": measure.window_start, f"{name}_end": end}
