"""Slices: what an attribute of a unit was when it was first exposed."""

from assay.errors import InvalidRequest
from assay.flags.references import parse_reference
from assay.warehouse.queries.event_filters import Predicate, json_at


def slices(attribute: str) -> Predicate:
    """SQL over exposure events: one row per exposed unit that tells the attribute, `unit_key` and `slice`.

    By its value at the earliest time that tells it; the least of several at that time.
    """
    path = parse_reference(attribute, literal=False)
    if path is None:
        raise InvalidRequest(f"{attribute[:60]!r} is no attribute reference")
    found = json_at("attributes", path, "slice")
    sql = f"""
    -- one row per exposed unit with the attribute
    select unit_key, min({{'at': at_ms, 'text': text}}).text as slice
    from (select unit_key, at_ms, json_extract_string({found.sql}, '$') as text from exposure_events)
    where text is not null
    group by unit_key
"""
    return Predicate(sql, found.parameters)
