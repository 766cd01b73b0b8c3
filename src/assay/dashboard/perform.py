"""The one way in which pages read and change anything: the REST API's own operations, with the visitor's rights."""

from collections.abc import Callable, Mapping
from typing import Any

from assay.api.call import MODERN, Answer, Call, Operation, authorize
from assay.api.routes import OPERATIONS
from assay.dashboard.visit import Visit
from assay.errors import Forbidden

BY_HANDLER: dict[Callable[[Call], Answer], Operation] = {row.handler: row for row in OPERATIONS}


def perform(
    visit: Visit,
    handler: Callable[[Call], Answer],
    body: Any = None,
    *,
    query: Mapping[str, str] | None = None,
    **path: str,
) -> Any:
    """The body of the answer; raises what the operation raises, `Forbidden` where the visitor may not."""
    return answer_to(visit, handler, body, query=query, **path).body


def answer_to(
    visit: Visit,
    handler: Callable[[Call], Answer],
    body: Any = None,
    *,
    query: Mapping[str, str] | None = None,
    **path: str,
) -> Answer:
    """The whole answer; raises as `perform` does."""
    authorize(visit.state, visit.token, BY_HANDLER[handler], path, body)
    return handler(Call(visit.rooms, visit.token, path, query or {}, body, MODERN, visit.target))


def check(visit: Visit, handler: Callable[[Call], Answer], **path: str) -> None:
    """Raises `Forbidden` where the visitor may not perform the operation."""
    authorize(visit.state, visit.token, BY_HANDLER[handler], path, None)


def may(visit: Visit, handler: Callable[[Call], Answer], **path: str) -> bool:
    """Whether the visitor may perform the operation."""
    try:
        check(visit, handler, **path)
    except Forbidden:
        return False
    return True
