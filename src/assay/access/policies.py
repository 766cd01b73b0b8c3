"""Policies: statements that allow or deny actions on resources, and the one answer to whether a grant permits.

A resource is written as steps, `proj/default:env/production:flag/checkout`; a step's name may hold `*`, and tags
that the resource must have may follow it (`proj/*;mobile:metric/*`); `*` alone is everything. What is asked for
names one resource, except that a step called `*` stands for all there are: every flag of a project, or one flag in
every environment. Such a request is allowed only where a statement covers all of it, and denied where one denies
any of it. Whatever is denied is denied, whichever statements allow it and in whatever order they stand.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from assay.errors import InvalidRequest
from assay.store.records import Statement

RANKS = ("no_access", "reader", "writer", "admin", "owner")

MOST_STATEMENTS = 100
MOST_TERMS = 200
LONGEST_TERM = 1000

# As the action of a request: is anything at all allowed there? Whoever asks so asks again for each thing it does.
ANYTHING = "*"
EVERYTHING = "*"

# The one kind of resource without a name: there is one account.
ACCOUNT = "acct"

_STEP = re.compile(r"([A-Za-z*][A-Za-z0-9*-]*)(?:/([^/:;,\s]+)((?:;[^:;/]+)?))?")
_ACTION = re.compile(r"[A-Za-z0-9*]+")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a resource: `env/production` is of the kind env."""

    kind: str
    name: str = ""
    tags: frozenset[str] = frozenset()


Resource = tuple[Step, ...]


ALL: Resource = (Step(EVERYTHING, EVERYTHING),)


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody was given: a built-in role, and statements that say more, or less."""

    rank: str = "no_access"
    statements: tuple[Statement, ...] = ()


def permits(grant: Grant, role: str, action: str, resource: Resource) -> bool:
    """Whether a grant permits an action that takes `role` of those who have a built-in one."""
    possible = action == ANYTHING
    wanted = _alternatives(action, resource)

    def any_applies(effect: str, *, whole: bool) -> bool:
        return any(
            statement.effect == effect and _applies(statement, *one, whole=whole)
            for statement in grant.statements
            for one in wanted
        )

    ranked = RANKS.index(grant.rank) >= RANKS.index(role)
    return (ranked or any_applies("allow", whole=not possible)) and not any_applies("deny", whole=possible)


def covers(own: Grant, wanted: Grant) -> bool:
    """Whether `own` surely permits all that `wanted` does; True only where the statements show it.

    Each allowance must lie within one of its own, and each of its denials must stand in `wanted` word for word.
    """
    denials = [one for one in own.statements if one.effect == "deny"]
    if not all(denial in wanted.statements for denial in denials):
        return False
    rank = RANKS.index(own.rank)
    allowed = [one for one in own.statements if one.effect == "allow"]
    whole = rank >= RANKS.index("admin") or any(_within(_EVERYTHING, one) for one in allowed)
    if RANKS.index(wanted.rank) > (max(rank, RANKS.index("admin")) if whole else rank):
        return False
    return whole or all(
        one.effect == "deny" or any(_within(one, other) for other in allowed) for one in wanted.statements
    )


def parse_resource(text: str) -> Resource:
    """The steps of a resource; `InvalidRequest` where it is none."""
    if text == EVERYTHING:
        return ALL
    return tuple(_parsed_step(part, text) for part in text.split(":"))


def check_statements(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """The statements; `InvalidRequest` says what is wrong with the first that is."""
    checked = tuple(statements)
    if len(checked) > MOST_STATEMENTS:
        raise InvalidRequest(f"a policy has at most {MOST_STATEMENTS} statements")
    for statement in checked:
        _check_one_of(statement.resources, statement.not_resources, "resources", "notResources")
        _check_one_of(statement.actions, statement.not_actions, "actions", "notActions")
        for text in (*statement.resources, *statement.not_resources):
            parse_resource(text)
        for action in (*statement.actions, *statement.not_actions):
            if not _ACTION.fullmatch(action):
                raise InvalidRequest(f"{action[:40]!r} is no action")
    return checked


def matches(pattern: str, text: str) -> bool:
    """Whether the text fits a pattern in which `*` stands for any number of characters; linear in the text."""
    first, *others = pattern.split("*")
    if not others:
        return pattern == text
    *middle, last = others
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        at = text.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def _alternatives(action: str, resource: Resource) -> list[tuple[str, Resource]]:
    """Whoever may view a project may view what is in it; a denial of either view denies."""
    if action.startswith("view") and len(resource) > 1 and resource[0].kind == "proj":
        return [(action, resource), ("viewProject", resource[:1])]
    return [(action, resource)]


def _applies(statement: Statement, action: str, resource: Resource, *, whole: bool) -> bool:
    """Whether a statement speaks of the whole of what is asked for, or of any of it."""

    def on(text: str, *, whole: bool) -> bool:
        return _pairwise(_pattern(text), resource, _step_covers if whole else _step_overlaps)

    def does(pattern: str, *, whole: bool) -> bool:
        if action == ANYTHING:
            return not (whole and pattern.strip("*"))
        return matches(pattern, action)

    return _speaks(statement.resources, statement.not_resources, on, whole=whole) and _speaks(
        statement.actions, statement.not_actions, does, whole=whole
    )


def _speaks(
    given: tuple[str, ...], excepted: tuple[str, ...], test: Callable[..., bool], *, whole: bool
) -> bool:
    """What is excepted must be missed entirely for the whole to be meant, and wholly for nothing to be."""
    if given:
        return any(test(text, whole=whole) for text in given)
    return bool(excepted) and not any(test(text, whole=not whole) for text in excepted)


def _step_covers(own: Step, asked: Step) -> bool:
    named = own.name.strip("*") == "" if asked.name == "*" else matches(own.name, asked.name)
    return matches(own.kind, asked.kind) and named and own.tags <= asked.tags


def _step_overlaps(own: Step, asked: Step) -> bool:
    one = asked.name == "*" or (matches(own.name, asked.name) and own.tags <= asked.tags)
    return matches(own.kind, asked.kind) and one


def _step_within(own: Step, inner: Step) -> bool:
    """A `*` of the inner step is a letter like any other here: only a `*` of our own has room for it."""
    return matches(own.kind, inner.kind) and matches(own.name, inner.name) and own.tags <= inner.tags


def _pairwise(pattern: Resource, resource: Resource, test: Callable[[Step, Step], bool]) -> bool:
    if pattern == ALL:
        return True
    return len(pattern) == len(resource) and all(map(test, pattern, resource))


def _within(inner: Statement, outer: Statement) -> bool:
    """Whether all that `inner` speaks of surely lies within `outer`."""
    if not outer.resources or not outer.actions:
        return inner == outer
    resources, actions = inner.resources or (EVERYTHING,), inner.actions or (ANYTHING,)
    return all(any(_inside(text, other) for other in outer.resources) for text in resources) and all(
        any(matches(other, action) for other in outer.actions) for action in actions
    )


def _inside(inner: str, outer: str) -> bool:
    if inner == EVERYTHING:
        return outer == EVERYTHING
    return _pairwise(_pattern(outer), _pattern(inner), _step_within)


def _parsed_step(part: str, text: str) -> Step:
    found = _STEP.fullmatch(part)
    if found is None or "$" in part or (found[2] is None) != (found[1] == ACCOUNT):
        raise InvalidRequest(
            f"{text[:80]!r} is no resource; one is written like proj/*:env/production:flag/* or acct"
        )
    kind, name, tags = found.groups()
    wanted = frozenset(tag.strip() for tag in (tags or "")[1:].split(",") if tag.strip())
    return Step(kind, name or "", wanted)


def _check_one_of(given: tuple[str, ...], excepted: tuple[str, ...], name: str, opposite: str) -> None:
    if bool(given) == bool(excepted):
        raise InvalidRequest(f"a statement has either {name} or {opposite}")
    terms = given or excepted
    if len(terms) > MOST_TERMS or any(len(term) > LONGEST_TERM for term in terms):
        raise InvalidRequest(f"{name} lists at most {MOST_TERMS} texts of {LONGEST_TERM} characters")


@lru_cache(maxsize=4096)
def _pattern(text: str) -> Resource:
    return parse_resource(text)


_EVERYTHING = Statement("allow", resources=(EVERYTHING,), actions=("*",))
