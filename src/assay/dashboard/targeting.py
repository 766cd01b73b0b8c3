"""A flag's targeting as a draft in a form: from the flag, from the form, and one step further."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from assay.dashboard.forms import Form, parsed_json
from assay.errors import InvalidRequest
from assay.flags.model import Clause, Fallthrough, Flag, FlagConfig, Rollout, Rule, Target

T = TypeVar("T")

ROLLOUT = "rollout"
KEPT = "kept"
NOBODY = ""

# Whatever stands there is text: never a number, although it looks like one.
TEXT_ATTRIBUTES = frozenset(
    {"key", "kind", "name", "email", "country", "ip", "firstName", "lastName", "avatar"}
)
TEXT_OPERATORS = frozenset(
    {"startsWith", "endsWith", "contains", "matches", "segmentMatch"}
    | {"semVerEqual", "semVerLessThan", "semVerGreaterThan"}
)


@dataclass(frozen=True, slots=True)
class DraftClause:
    """`op` begins with `!` where the clause is negated; `values` has a line for each."""

    kind: str = ""
    attribute: str = ""
    op: str = "in"
    values: str = ""


@dataclass(frozen=True, slots=True)
class DraftServe:
    """What is served: a variation's index, `rollout` with percentages by variation, or `kept` as it is."""

    choice: str = "0"
    weights: tuple[str, ...] = ()
    unit: str = ""
    bucket_by: str = ""


@dataclass(frozen=True, slots=True)
class DraftRule:
    """`id` is empty for a rule that is new."""

    id: str = ""
    description: str = ""
    clauses: tuple[DraftClause, ...] = (DraftClause(),)
    serve: DraftServe = DraftServe()


@dataclass(frozen=True, slots=True)
class DraftTarget:
    variation: int = 0
    kind: str = "user"
    keys: str = ""


@dataclass(frozen=True, slots=True)
class DraftPrerequisite:
    key: str = ""
    variation: str = "0"


@dataclass(frozen=True, slots=True)
class Draft:
    """`version`: of the configuration that the draft began with."""

    version: int
    rules: tuple[DraftRule, ...]
    fallthrough: DraftServe
    off: str
    targets: tuple[DraftTarget, ...]
    prerequisites: tuple[DraftPrerequisite, ...]


def draft_of_flag(flag: Flag, config: FlagConfig) -> Draft:
    return Draft(
        version=config.version,
        rules=tuple(_rule_draft(flag, rule) for rule in config.rules),
        fallthrough=_serve_draft(flag, config.fallthrough),
        off=NOBODY if config.off_variation is None else str(config.off_variation),
        targets=tuple(
            DraftTarget(target.variation, target.context_kind or "user", "\n".join(target.values))
            for target in all_targets(config)
        ),
        prerequisites=tuple(DraftPrerequisite(p.key, str(p.variation)) for p in config.prerequisites),
    )


def draft_of_form(form: Form) -> Draft:
    return Draft(
        version=form.version(),
        rules=tuple(_rule_form(rule) for rule in form.numbered("rule")),
        fallthrough=_serve_form(form.within("fallthrough")),
        off=form.text("off"),
        targets=tuple(
            DraftTarget(_index(row.text("variation")), row.text("kind") or "user", row.raw("keys"))
            for row in form.numbered("target")
        ),
        prerequisites=tuple(
            DraftPrerequisite(row.text("key"), row.text("variation", "0"))
            for row in form.numbered("prerequisite")
        ),
    )


def stepped(draft: Draft, step: str) -> Draft:
    """The draft after a button like `add-rule` or `remove-clause.1.0`; the same one after any other."""
    name, *places = step.split(".")
    action = STEPS.get(name)
    numbers = [_index(place) for place in places]
    return draft if action is None else action(draft, numbers)


def all_targets(config: FlagConfig) -> list[Target]:
    """Targets of every context kind; those without keys only say where the users' targets stand among others."""
    return [target for target in (*config.targets, *config.context_targets) if target.values]


def value_line(value: Any, *, text_only: bool) -> str:
    """A clause's value as a line: a text plainly, unless that would be read as something else."""
    plain = isinstance(value, str) and value == value.strip() and value and "\n" not in value
    if plain and parsed_line(value, text_only=text_only) == value:
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def parsed_line(line: str, *, text_only: bool) -> Any:
    """What a line stands for: a number, true, false, or whatever is quoted, as JSON; else the text itself."""
    try:
        value = parsed_json(line)
    except InvalidRequest:
        return line
    return line if value is None or (text_only and not isinstance(value, str)) else value


def is_text(attribute: str, op: str) -> bool:
    """Whether the values of such a clause are texts in any case."""
    return op in TEXT_OPERATORS or attribute in TEXT_ATTRIBUTES


def keeps_rollout(rollout: Rollout) -> bool:
    """Whether a form with one percentage for each variation would lose something of the rollout."""
    seen = [entry.variation for entry in rollout.variations]
    untracked = any(entry.untracked for entry in rollout.variations)
    return rollout.kind == "experiment" or untracked or len(set(seen)) < len(seen)


def _rule_draft(flag: Flag, rule: Rule) -> DraftRule:
    return DraftRule(
        id=rule.id,
        description=rule.description,
        clauses=tuple(clause_draft(clause) for clause in rule.clauses),
        serve=_serve_draft(flag, rule),
    )


def clause_draft(clause: Clause) -> DraftClause:
    text_only = is_text(clause.attribute, clause.op)
    return DraftClause(
        kind=clause.context_kind,
        attribute=clause.attribute,
        op=("!" if clause.negate else "") + clause.op,
        values="\n".join(value_line(value, text_only=text_only) for value in clause.values),
    )


def _serve_draft(flag: Flag, place: Fallthrough | Rule) -> DraftServe:
    rollout = place.rollout
    if rollout is None:
        return DraftServe(str(place.variation), even_weights(len(flag.variations)))
    weights = [0] * len(flag.variations)
    for entry in rollout.variations:
        weights[entry.variation] += entry.weight
    return DraftServe(
        choice=KEPT if keeps_rollout(rollout) else ROLLOUT,
        weights=tuple(_percent(weight) for weight in weights),
        unit=rollout.context_kind or "",
        bucket_by=rollout.bucket_by or "",
    )


def even_weights(count: int) -> tuple[str, ...]:
    """Equal percentages; the last takes what rounding leaves."""
    each = 100_000 // count
    return tuple(_percent(each if n < count - 1 else 100_000 - each * (count - 1)) for n in range(count))


def _percent(weight: int) -> str:
    return f"{weight / 1000:.3f}".rstrip("0").rstrip(".")


def clauses_of_form(form: Form) -> tuple[DraftClause, ...]:
    return tuple(
        DraftClause(row.text("kind"), row.text("attribute"), row.text("op", "in"), row.raw("values"))
        for row in form.numbered("clause")
    )


def _rule_form(form: Form) -> DraftRule:
    serve = _serve_form(form.within("serve"))
    return DraftRule(form.text("id"), form.text("description"), clauses_of_form(form), serve)


def _serve_form(form: Form) -> DraftServe:
    weights = tuple(row.text("percent", "0") for row in form.numbered("weight"))
    return DraftServe(form.text("choice", "0"), weights, form.text("unit"), form.text("bucket_by"))


def _index(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else 0


def _without(items: tuple[T, ...], numbers: list[int]) -> tuple[T, ...]:
    return tuple(item for n, item in enumerate(items) if n != numbers[0]) if numbers else items


def _moved(items: tuple[T, ...], numbers: list[int], by: int) -> tuple[T, ...]:
    order, place = list(items), numbers[0] if numbers else -1
    if 0 <= place < len(order) and 0 <= place + by < len(order):
        order[place], order[place + by] = order[place + by], order[place]
    return tuple(order)


def _with_rule(
    draft: Draft, numbers: list[int], change: Callable[[tuple[DraftClause, ...]], tuple[DraftClause, ...]]
) -> Draft:
    rules = tuple(
        replace(rule, clauses=change(rule.clauses)) if [n] == numbers[:1] else rule
        for n, rule in enumerate(draft.rules)
    )
    return replace(draft, rules=rules)


def _new_rule(draft: Draft) -> DraftRule:
    count = len(draft.fallthrough.weights) or 2
    return DraftRule(serve=DraftServe(weights=even_weights(count)))


STEPS: dict[str, Callable[[Draft, list[int]], Draft]] = {
    "add-rule": lambda draft, _: replace(draft, rules=(*draft.rules, _new_rule(draft))),
    "remove-rule": lambda draft, at: replace(draft, rules=_without(draft.rules, at)),
    "up": lambda draft, at: replace(draft, rules=_moved(draft.rules, at, -1)),
    "down": lambda draft, at: replace(draft, rules=_moved(draft.rules, at, 1)),
    "add-clause": lambda draft, at: _with_rule(draft, at, lambda clauses: (*clauses, DraftClause())),
    "remove-clause": lambda draft, at: _with_rule(draft, at, lambda clauses: _without(clauses, at[1:])),
    "add-target": lambda draft, _: replace(draft, targets=(*draft.targets, DraftTarget())),
    "remove-target": lambda draft, at: replace(draft, targets=_without(draft.targets, at)),
    "add-prerequisite": lambda draft, _: replace(
        draft, prerequisites=(*draft.prerequisites, DraftPrerequisite())
    ),
    "remove-prerequisite": lambda draft, at: replace(draft, prerequisites=_without(draft.prerequisites, at)),
}
