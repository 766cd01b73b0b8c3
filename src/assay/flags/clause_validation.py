"""What a clause must hold, so that it can match at all, and no SDK stumbles over it."""

import math
import re
from collections.abc import Callable
from typing import Any

from assay.errors import InvalidRequest
from assay.flags.model import Clause
from assay.flags.operators import as_number, as_time, as_version
from assay.flags.references import parse_reference

CONTEXT_KIND = re.compile(r"[A-Za-z0-9._-]{1,64}")
RESERVED_KINDS = ("kind", "multi")


def check_clause(clause: Clause, where: str) -> None:
    """Raises `InvalidRequest` with what is wrong first."""
    if clause.op not in OPERATORS:
        raise InvalidRequest(f"{where}: unknown operator {clause.op!r}; there are {', '.join(OPERATORS)}")
    fits, wanted = OPERATORS[clause.op]
    for value in clause.values:
        if not fits(value):
            raise InvalidRequest(f"{where}: {clause.op} compares with {wanted}, not {str(value)[:80]!r}")
    if clause.context_kind:
        check_kind(clause.context_kind, where)
    if clause.op == "segmentMatch":
        return
    if parse_reference(clause.attribute, literal=not clause.context_kind) is None:
        raise InvalidRequest(f"{where}: {clause.attribute[:80]!r} names no attribute")


def check_kind(kind: str, where: str) -> None:
    if not CONTEXT_KIND.fullmatch(kind) or kind in RESERVED_KINDS:
        raise InvalidRequest(f"{where}: {kind[:80]!r} is no context kind")


def _scalar(value: Any) -> bool:
    return isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _pattern(value: Any) -> bool:
    try:
        re.compile(value)
    except (re.error, TypeError, OverflowError, RecursionError):
        return False
    return True


def _number(value: Any) -> bool:
    return as_number(value) is not None


def _time(value: Any) -> bool:
    return as_time(value) is not None


def _version(value: Any) -> bool:
    return as_version(value) is not None


_TEXTS = (_text, "strings")
_NUMBERS = (_number, "numbers")
_TIMES = (_time, "epoch milliseconds or ISO 8601 times with a zone")
_VERSIONS = (_version, "semantic versions")

OPERATORS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "in": (_scalar, "strings, numbers, true and false"),
    "startsWith": _TEXTS,
    "endsWith": _TEXTS,
    "contains": _TEXTS,
    "matches": (_pattern, "regular expressions"),
    "segmentMatch": (_text, "keys of segments"),
    "lessThan": _NUMBERS,
    "lessThanOrEqual": _NUMBERS,
    "greaterThan": _NUMBERS,
    "greaterThanOrEqual": _NUMBERS,
    "before": _TIMES,
    "after": _TIMES,
    "semVerEqual": _VERSIONS,
    "semVerLessThan": _VERSIONS,
    "semVerGreaterThan": _VERSIONS,
}
