"""What was changed, read back from the audit trail."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from assay.store import tables
from assay.store.store import Store


@dataclass(frozen=True, slots=True)
class Entry:
    """One change: the documents before and after as JSON, None where there was nothing."""

    id: int
    at_ms: int
    actor: str
    action: str
    target: str
    comment: str
    before: bytes | None
    after: bytes | None


def entries(
    store: Store,
    *,
    limit: int,
    before: int | None = None,
    targets: Sequence[str] = (),
    contains: str = "",
    actor: str = "",
    period_ms: tuple[int | None, int | None] = (None, None),
) -> list[Entry]:
    """The latest entries, newest first: those numbered below `before`, of these targets where any are named.

    `contains`: a part of the target, the action, the actor or the comment. `period_ms`: from and to, half-open.
    """
    start, end = period_ms
    columns = [tables.audit.c[name] for name in Entry.__dataclass_fields__]
    query = sa.select(*columns).order_by(tables.audit.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(tables.audit.c.id < before)
    if targets:
        query = query.where(tables.audit.c.target.in_(targets))
    if actor:
        query = query.where(tables.audit.c.actor == actor)
    if start is not None:
        query = query.where(tables.audit.c.at_ms >= start)
    if end is not None:
        query = query.where(tables.audit.c.at_ms < end)
    if contains:
        places = (tables.audit.c.target, tables.audit.c.action, tables.audit.c.actor, tables.audit.c.comment)
        query = query.where(sa.or_(*(place.icontains(contains, autoescape=True) for place in places)))
    with store.engine.connect() as connection:
        return [Entry(**row) for row in connection.execute(query).mappings()]
