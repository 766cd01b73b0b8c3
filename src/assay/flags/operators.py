"""The tests of clauses: one function of an attribute's value for an operator and all its values, made once."""

import math
import operator
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

Test = Callable[[Any], bool]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = r"(0|[1-9][0-9]*)"
_IDENTIFIER = r"(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
_VERSION = re.compile(
    rf"{_NUMBER}(?:\.{_NUMBER}(?:\.{_NUMBER})?)?"
    rf"(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
)


def compile_test(op: str, values: list[Any]) -> Test:
    """Whether any of `values` fits. An operator that nobody knows fits nothing."""
    if op in _ORDERED:
        read, furthest, holds = _ORDERED[op]
        return _ordered(read, _known(map(read, values)), furthest=furthest, holds=holds)
    return _OTHERS[op](values) if op in _OTHERS else _never


def as_number(value: Any) -> float | None:
    """A JSON number as all SDKs compare it; true and false are no numbers."""
    if type(value) is float:
        return value
    if type(value) is not int:
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def as_time(value: Any) -> float | None:
    """Milliseconds since the epoch, of a number or of an ISO 8601 text that names its zone."""
    if type(value) is not str:
        return as_number(value)
    try:
        time = datetime.fromisoformat(value[:-1] + "+00:00" if value[-1:] in ("z", "Z") else value)
    except ValueError:
        return None
    return None if time.tzinfo is None else (time - _EPOCH).total_seconds() * 1000.0


def as_version(value: Any) -> tuple[Any, ...] | None:
    """A semantic version as a tuple that sorts by precedence (semver.org 2.0, section 11); `2` means `2.0.0`."""
    found = _VERSION.fullmatch(value) if type(value) is str else None
    if found is None:
        return None
    *numbers, prerelease = found.groups()
    release = tuple(_digits(number or "0") for number in numbers)
    # A version without a prerelease comes after all of its prereleases.
    return (*release, prerelease is None, tuple(map(_identifier, (prerelease or "").split("."))))


def _digits(text: str) -> tuple[int, str]:
    """Sorts like the number, at any length, where there are no leading zeros."""
    return len(text), text


def _identifier(text: str) -> tuple[bool, int, str]:
    return (False, *_digits(text)) if text.isdigit() else (True, 0, text)


def _never(_value: Any) -> bool:
    return False


def _known(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if value is not None]


def _strings(values: list[Any]) -> tuple[str, ...]:
    return tuple(value for value in values if type(value) is str)


def _ordered(
    read: Callable[[Any], Any],
    bounds: list[Any],
    *,
    furthest: Callable[[list[Any]], Any],
    holds: Callable[[Any, Any], bool],
) -> Test:
    """To be before any of several bounds is to be before the last of them."""
    if not bounds:
        return _never
    bound = furthest(bounds)

    def test(value: Any) -> bool:
        known = read(value)
        return known is not None and holds(known, bound)

    return test


def _in(values: list[Any]) -> Test:
    strings = frozenset(_strings(values))
    others = [value for value in values if type(value) is not str]

    def one_of_strings(value: Any) -> bool:
        return type(value) is str and value in strings

    def one_of_all(value: Any) -> bool:
        return one_of_strings(value) or any(
            isinstance(value, bool) == isinstance(other, bool) and value == other for other in others
        )

    return one_of_all if others else one_of_strings


def _starts_with(values: list[Any]) -> Test:
    prefixes = _strings(values)
    return lambda value: type(value) is str and value.startswith(prefixes)


def _ends_with(values: list[Any]) -> Test:
    suffixes = _strings(values)
    return lambda value: type(value) is str and value.endswith(suffixes)


def _contains(values: list[Any]) -> Test:
    parts = _strings(values)
    return lambda value: type(value) is str and any(part in value for part in parts)


def _matches(values: list[Any]) -> Test:
    searches = [pattern.search for pattern in _known(map(_pattern, _strings(values)))]
    return lambda value: type(value) is str and any(search(value) for search in searches)


def _pattern(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return None


_ORDERED: dict[str, tuple[Callable[[Any], Any], Callable[[list[Any]], Any], Callable[[Any, Any], bool]]] = {
    "lessThan": (as_number, max, operator.lt),
    "lessThanOrEqual": (as_number, max, operator.le),
    "greaterThan": (as_number, min, operator.gt),
    "greaterThanOrEqual": (as_number, min, operator.ge),
    "before": (as_time, max, operator.lt),
    "after": (as_time, min, operator.gt),
    "semVerEqual": (as_version, frozenset, lambda version, versions: version in versions),
    "semVerLessThan": (as_version, max, operator.lt),
    "semVerGreaterThan": (as_version, min, operator.gt),
}

_OTHERS: dict[str, Callable[[list[Any]], Test]] = {
    "in": _in,
    "startsWith": _starts_with,
    "endsWith": _ends_with,
    "contains": _contains,
    "matches": _matches,
}
