"""The operator style of `filter`: `field op value`, joined by `,` or `and`, by `|` or `or`, and by parentheses."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

import msgspec

from assay.errors import InvalidRequest

T = TypeVar("T")

Op = Literal[
    "equals", "notEquals", "anyOf", "contains", "exists", "startsWith", "endsWith", "before", "after"
]

# Parentheses inside one another beyond which nobody means it.
DEEPEST = 50

# A token: an edge, a quoted text, a list in brackets, or whatever else stands between edges and white space.
_TOKEN = re.compile(
    r'\s*(?:([(),|])|("(?:[^"\\]|\\.)*")|(\[(?:"(?:[^"\\]|\\.)*"|[^]"])*\])|([^\s(),|"\[\]]+))'
)

_LISTED = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s,"\[\]][^,"\[\]]*')


@dataclass(frozen=True, slots=True)
class Condition:
    """One `field op value`; the value of `exists` is a boolean, true where none is given."""

    field: str
    op: Op
    value: Any

    @property
    def values(self) -> list[Any]:
        """The value as a list, whichever way it was written."""
        return self.value if isinstance(self.value, list) else [self.value]


@dataclass(frozen=True, slots=True)
class Joined:
    """Conditions of which all must hold, or any."""

    join: Literal["all", "any"]
    parts: tuple["Condition | Joined", ...]


# Whether an item meets a condition on a field.
Test = Callable[[T, Condition], bool]


def parse_filter(text: str | None) -> Condition | Joined:
    """The conditions of a filter, `,` binding closer than `|`; `InvalidRequest` says where it can't be read."""
    tokens = _tokens(text or "")
    if not tokens:
        return Joined("all", ())
    parser = _Parser(tokens)
    found = parser.any_of(0)
    if parser.left:
        raise InvalidRequest(f"a filter is not expected to go on with {parser.left[0][1][:40]!r}")
    return found


def holds(tree: Condition | Joined, test: Callable[[Condition], bool]) -> bool:
    """Whether the conditions hold, `test` saying so of each."""
    if isinstance(tree, Condition):
        return test(tree)
    results = (holds(part, test) for part in tree.parts)
    return all(results) if tree.join == "all" else any(results)


def conditions(tree: Condition | Joined) -> list[Condition]:
    """Every condition, as written from left to right."""
    if isinstance(tree, Condition):
        return [tree]
    return [condition for part in tree.parts for condition in conditions(part)]


def filtered(text: str | None, items: Iterable[T], fields: Mapping[str, Test[T]]) -> list[T]:
    """The items that a listing's filter lets through; `fields` are those it may name."""
    tree = parse_filter(text)
    for condition in conditions(tree):
        if condition.field not in fields:
            raise InvalidRequest(
                f"there is no filter {condition.field[:40]!r}; there are {', '.join(sorted(fields))}"
            )

    def lets_through(item: T) -> bool:
        return holds(tree, lambda condition: fields[condition.field](item, condition))

    return [item for item in items if lets_through(item)]


def by_values(values_of: Callable[[T], Sequence[Any]]) -> Test[T]:
    """A field with no value, one or several. `contains`: all of those named; `equals` holds for any of its own."""

    def test(item: T, condition: Condition) -> bool:
        return matches(values_of(item), condition)

    return test


def by_text(texts_of: Callable[[T], Iterable[str]]) -> Test[T]:
    """A field such as `query`: any of the texts contains the words, in whatever case."""

    def test(item: T, condition: Condition) -> bool:
        wanted = [str(value).casefold() for value in condition.values]
        found = any(word in text.casefold() for text in texts_of(item) for word in wanted)
        return not found if condition.op == "notEquals" else found

    return test


def matches(values: Sequence[Any], condition: Condition) -> bool:
    """Whether what a field holds meets the condition; values are compared as texts."""
    own, asked = [_text(value) for value in values], [_text(value) for value in condition.values]
    match condition.op:
        case "exists":
            return bool(condition.value) == bool(own)
        case "equals" | "anyOf":
            return any(text in own for text in asked)
        case "notEquals":
            return not any(text in own for text in asked)
        case "contains":
            return all(text in own for text in asked)
        case "startsWith":
            return any(one.startswith(text) for one in own for text in asked)
        case "endsWith":
            return any(one.endswith(text) for one in own for text in asked)
        case _:
            raise InvalidRequest(f"{condition.field[:40]!r} has no operator {condition.op}")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


Kind = Literal["edge", "quoted", "list", "word"]


def _tokens(text: str) -> list[tuple[Kind, str]]:
    found: list[tuple[Kind, str]] = []
    kinds: tuple[Kind, ...] = ("edge", "quoted", "list", "word")
    at, end = 0, len(text.rstrip())
    while at < end:
        token = _TOKEN.match(text, at)
        if token is None or token.lastindex is None:
            raise InvalidRequest(f"a filter can't be read from {text[at : at + 40]!r}")
        found.append((kinds[token.lastindex - 1], token[token.lastindex]))
        at = token.end()
    return found


class _Parser:
    """Reads the tokens from left to right; `left` are those still to come."""

    def __init__(self, tokens: list[tuple[Kind, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def left(self) -> list[tuple[Kind, str]]:
        return self._tokens[self._at :]

    def any_of(self, depth: int) -> Condition | Joined:
        return self._joined("any", ("|", "or"), lambda: self._all_of(depth))

    def _all_of(self, depth: int) -> Condition | Joined:
        return self._joined("all", (",", "and"), lambda: self._one(depth))

    def _joined(
        self, join: Literal["all", "any"], words: tuple[str, ...], part: Callable[[], Condition | Joined]
    ) -> Condition | Joined:
        parts = [part()]
        while self._at < len(self._tokens) and self._tokens[self._at] in {
            ("edge", words[0]),
            ("word", words[1]),
        }:
            self._at += 1
            parts.append(part())
        return parts[0] if len(parts) == 1 else Joined(join, tuple(parts))

    def _one(self, depth: int) -> Condition | Joined:
        if self._next() == ("edge", "("):
            if depth == DEEPEST:
                raise InvalidRequest(f"a filter nests at most {DEEPEST} parentheses")
            found = self.any_of(depth + 1)
            if self._next() != ("edge", ")"):
                raise InvalidRequest("a filter's parenthesis is never closed")
            return found
        self._at -= 1
        field = self._word("the name of a field")
        op = self._word(f"an operator after {field[:40]!r}")
        if op not in get_args(Op):
            raise InvalidRequest(f"a filter has the operators {', '.join(get_args(Op))}, not {op[:40]!r}")
        return Condition(field, op, self._existence() if op == "exists" else self._value(field))  # type: ignore[arg-type]

    def _next(self) -> tuple[Kind, str]:
        if self._at >= len(self._tokens):
            raise InvalidRequest("a filter ends too early: it is made of `field op value`")
        self._at += 1
        return self._tokens[self._at - 1]

    def _word(self, what: str) -> str:
        kind, text = self._next()
        if kind != "word":
            raise InvalidRequest(f"a filter needs {what}, not {text[:40]!r}")
        return text

    def _existence(self) -> bool:
        """`exists` alone, `exists true` and `exists false`."""
        if self.left and self.left[0] in {("word", "true"), ("word", "false")}:
            return self._next()[1] == "true"
        return True

    def _value(self, field: str) -> Any:
        kind, text = self._next()
        if kind == "list":
            return [_unquoted(part) for part in _LISTED.findall(text)]
        if kind == "edge":
            raise InvalidRequest(f"a filter needs a value for {field[:40]!r}, not {text!r}")
        return _unquoted(text)


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text.strip()
    try:
        return msgspec.json.decode(text, type=str, strict=True)
    except (msgspec.DecodeError, UnicodeError):
        raise InvalidRequest(f"{text[:40]} is no text in quotation marks") from None
