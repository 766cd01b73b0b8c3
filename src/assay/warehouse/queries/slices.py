"""Slices: what an attribute of a unit was when it was first exposed."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from assay.errors import InvalidRequest
from assay.flags.references import parse_reference
from assay.warehouse.engine import Columns, Parameters, texts
from assay.warehouse.queries.event_filters import json_at


@dataclass(frozen=True, slots=True)
class Sliced:
    """SQL that gives each exposed unit its slice: tables, a column and its name, a join; or nothing."""

    tables: str = ""
    column: str = ""
    name: str = ""
    join: str = ""
    parameters: Parameters = field(default_factory=dict)

    def of(self, columns: Columns, kept: NDArray[np.bool_] | None = None) -> NDArray[np.object_] | None:
        if not self.tables:
            return None
        found = texts(columns["slice"])
        return found if kept is None else found[kept]


def sliced_by(attribute: str | None) -> Sliced:
    """By the attribute's value at the earliest time that tells it; the least of several at that time."""
    if attribute is None:
        return Sliced()
    path = parse_reference(attribute, literal=False)
    if path is None:
        raise InvalidRequest(f"{attribute[:60]!r} is no attribute reference")
    found = json_at("attributes", path, "slice")
    tables = f""",
slices as (
    -- one row per exposed unit with the attribute
    select unit_key, min({{'at': at_ms, 'text': text}}).text as slice
    from (select unit_key, at_ms, json_extract_string({found.sql}, '$') as text from exposure_events)
    where text is not null
    group by unit_key
)"""
    join = "\nleft join slices on slices.unit_key = e.unit_key"
    return Sliced(tables, ", slices.slice", ", slice", join, found.parameters)
