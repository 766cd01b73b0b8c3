"""Semantic patches of segments: each instruction is a pure function from a segment to its next state."""

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, get_args

import msgspec
from msgspec.structs import replace

from assay.errors import InvalidRequest
from assay.flags.context import USER
from assay.flags.instructions_parameters import Instruction, folded, with_values, without_values
from assay.flags.model import Clause
from assay.flags.segment import Segment, SegmentRule, SegmentTarget, Side, listed

Change = Callable[[Segment, Instruction], Segment]


def apply_segment_instructions(segment: Segment, instructions: list[Any]) -> Segment:
    """The segment after all `instructions`, in order; none of them is applied where one is refused."""
    for place, raw in enumerate(instructions):
        kind = raw.get("kind") if isinstance(raw, dict) else None
        if not isinstance(kind, str):
            raise InvalidRequest(f"instructions[{place}] must be an object with a kind")
        try:
            segment = _changed(segment, folded(kind, raw, "instruction"))
        except InvalidRequest as error:
            raise InvalidRequest(f"instructions[{place}] {kind[:80]}: {error}") from None
    return segment


def with_keys(segment: Segment, side: Side, kind: str, keys: frozenset[str]) -> Segment:
    """The segment with exactly these keys of one context kind on that side, the order of those kept."""
    contexts = segment.included_contexts if side == "included" else segment.excluded_contexts
    if kind == USER:
        users = segment.included if side == "included" else segment.excluded
        # Clients may list users among the contexts as well; a key is kept in one place.
        others = tuple(target for target in contexts if target.context_kind != USER)
        listed_before = (*users, *_values(contexts, USER))
        return _with_lists(segment, side, _ordered(listed_before, keys), others)
    values = _ordered(_values(contexts, kind), keys)
    others = tuple(target for target in contexts if target.context_kind != kind)
    added = (SegmentTarget(values, kind),) if values else ()
    return _with_lists(segment, side, None, (*others, *added))


def identified_rule(rule: SegmentRule) -> SegmentRule:
    """The rule and its clauses with ids, new ones where they had none."""
    clauses = tuple(_identified(clause) for clause in rule.clauses)
    return replace(rule, id=rule.id or str(uuid.uuid4()), clauses=clauses)


def _with_lists(
    segment: Segment, side: Side, users: tuple[str, ...] | None, contexts: tuple[SegmentTarget, ...]
) -> Segment:
    if side == "included":
        kept = segment.included if users is None else users
        return replace(segment, included=kept, included_contexts=contexts)
    kept = segment.excluded if users is None else users
    return replace(segment, excluded=kept, excluded_contexts=contexts)


def _values(targets: tuple[SegmentTarget, ...], kind: str) -> tuple[str, ...]:
    return tuple(value for target in targets if target.context_kind == kind for value in target.values)


def _ordered(before: tuple[str, ...], keys: frozenset[str]) -> tuple[str, ...]:
    kept = dict.fromkeys(key for key in before if key in keys)
    return (*kept, *sorted(keys - kept.keys()))


def _add_keys(side: Side, segment: Segment, instruction: Instruction) -> Segment:
    kind, keys = _kind(segment, instruction), frozenset(instruction.texts("values"))
    both = keys & listed(segment, kind, included=side == "excluded")
    if both:
        raise InvalidRequest(f"{min(both)[:80]!r} would be both included and excluded")
    return with_keys(segment, side, kind, keys | listed(segment, kind, included=side == "included"))


def _remove_keys(side: Side, segment: Segment, instruction: Instruction) -> Segment:
    kind, keys = _kind(segment, instruction), frozenset(instruction.texts("values"))
    return with_keys(segment, side, kind, listed(segment, kind, included=side == "included") - keys)


def _kind(segment: Segment, instruction: Instruction) -> str:
    if "bigsegment" in instruction.kind.lower():
        return segment.unbounded_kind
    return instruction.text_or("contextKind", USER)


def _update_name(segment: Segment, instruction: Instruction) -> Segment:
    return replace(segment, name=instruction.text("value"))


def _update_description(segment: Segment, instruction: Instruction) -> Segment:
    return replace(segment, description=instruction.text("value"))


def _add_tags(segment: Segment, instruction: Instruction) -> Segment:
    return replace(segment, tags=tuple(dict.fromkeys((*segment.tags, *instruction.texts("values")))))


def _remove_tags(segment: Segment, instruction: Instruction) -> Segment:
    gone = set(instruction.texts("values"))
    return replace(segment, tags=tuple(tag for tag in segment.tags if tag not in gone))


def _add_rule(segment: Segment, instruction: Instruction) -> Segment:
    document = {
        "clauses": instruction.given.get("clauses"),
        "description": instruction.given.get("description") or "",
        "weight": instruction.given.get("weight"),
        "rolloutContextKind": instruction.given.get("rolloutcontextkind"),
        "bucketBy": instruction.given.get("bucketby"),
    }
    rule = _converted(document, SegmentRule)
    rule = identified_rule(replace(rule, clauses=tuple(map(_new, rule.clauses))))
    before = instruction.given.get("beforeruleid")
    ids = [rule.id for rule in segment.rules]
    if before is not None and before not in ids:
        raise InvalidRequest(f"the segment has no rule with the id {str(before)[:80]!r}")
    at = len(ids) if before is None else ids.index(before)
    return replace(segment, rules=(*segment.rules[:at], rule, *segment.rules[at:]))


def _remove_rule(segment: Segment, instruction: Instruction) -> Segment:
    gone = instruction.text("ruleId")
    return replace(segment, rules=tuple(rule for rule in segment.rules if rule.id != gone))


def _reorder_rules(segment: Segment, instruction: Instruction) -> Segment:
    by_id = {rule.id: rule for rule in segment.rules}
    ids = instruction.texts("ruleIds")
    if sorted(ids) != sorted(by_id):
        raise InvalidRequest("ruleIds must name each rule of the segment once")
    return replace(segment, rules=tuple(by_id[key] for key in ids))


def _update_rule_description(segment: Segment, instruction: Instruction) -> Segment:
    description = instruction.text("description")
    return _on_rule(segment, instruction, lambda rule: replace(rule, description=description))


def _update_rule_rollout(segment: Segment, instruction: Instruction) -> Segment:
    # The field's own example sends the weight as a string.
    weight = instruction.given.get("weight")
    weight = int(weight) if isinstance(weight, str) and weight.isdecimal() and len(weight) < 9 else weight
    if type(weight) is not int:
        raise InvalidRequest("it needs a whole number as weight")
    kind = instruction.text_or("contextKind", "")
    return _on_rule(
        segment,
        instruction,
        lambda rule: replace(rule, weight=weight, rollout_context_kind=kind or rule.rollout_context_kind),
    )


def _add_clauses(segment: Segment, instruction: Instruction) -> Segment:
    added = map(_new, _converted(instruction.given.get("clauses"), tuple[Clause, ...]))
    return _on_clauses(segment, instruction, lambda clauses: (*clauses, *added))


def _remove_clauses(segment: Segment, instruction: Instruction) -> Segment:
    gone = set(instruction.texts("clauseIds"))

    def kept(clauses: tuple[Clause, ...]) -> tuple[Clause, ...]:
        unknown = gone - {clause.id for clause in clauses}
        if unknown:
            raise InvalidRequest(f"the rule has no clause with the id {min(unknown)[:80]!r}")
        return tuple(clause for clause in clauses if clause.id not in gone)

    return _on_clauses(segment, instruction, kept)


def _update_clause(segment: Segment, instruction: Instruction) -> Segment:
    updated = _converted(instruction.given.get("clause"), Clause)
    return _on_clause(segment, instruction, lambda clause: replace(updated, id=clause.id))


def _add_values(segment: Segment, instruction: Instruction) -> Segment:
    added = instruction.items("values")
    return _on_clause(
        segment, instruction, lambda clause: replace(clause, values=with_values(clause.values, added))
    )


def _remove_values(segment: Segment, instruction: Instruction) -> Segment:
    gone = instruction.items("values")
    return _on_clause(
        segment, instruction, lambda clause: replace(clause, values=without_values(clause.values, gone))
    )


_KEY_CHANGES: dict[str, Change] = {
    f"{verb}{size}{side.capitalize()}{what}": partial(change, side)
    for verb, change in (("add", _add_keys), ("remove", _remove_keys))
    for side in get_args(Side)
    for size, what in (("", "Targets"), ("", "Users"), ("BigSegment", "Targets"))
}

KINDS: dict[str, Change] = _KEY_CHANGES | {
    "updateName": _update_name,
    "updateDescription": _update_description,
    "addTags": _add_tags,
    "removeTags": _remove_tags,
    "addRule": _add_rule,
    "removeRule": _remove_rule,
    "reorderRules": _reorder_rules,
    "updateRuleDescription": _update_rule_description,
    "updateRuleRolloutAndContextKind": _update_rule_rollout,
    "addClauses": _add_clauses,
    "removeClauses": _remove_clauses,
    "updateClause": _update_clause,
    "addValuesToClause": _add_values,
    "removeValuesFromClause": _remove_values,
}
_CHANGES = {kind.lower(): change for kind, change in KINDS.items()}


def _changed(segment: Segment, instruction: Instruction) -> Segment:
    change = _CHANGES.get(instruction.kind.lower())
    if change is None:
        raise InvalidRequest(f"there is no such instruction; there are {', '.join(sorted(KINDS))}")
    return change(segment, instruction)


def _on_rule(
    segment: Segment, instruction: Instruction, change: Callable[[SegmentRule], SegmentRule]
) -> Segment:
    key = instruction.text("ruleId")
    if key not in {rule.id for rule in segment.rules}:
        raise InvalidRequest(f"the segment has no rule with the id {key[:80]!r}")
    return replace(segment, rules=tuple(change(rule) if rule.id == key else rule for rule in segment.rules))


def _on_clauses(
    segment: Segment,
    instruction: Instruction,
    change: Callable[[tuple[Clause, ...]], tuple[Clause, ...]],
) -> Segment:
    return _on_rule(segment, instruction, lambda rule: replace(rule, clauses=change(rule.clauses)))


def _on_clause(segment: Segment, instruction: Instruction, change: Callable[[Clause], Clause]) -> Segment:
    key = instruction.text("clauseId")

    def changed(clauses: tuple[Clause, ...]) -> tuple[Clause, ...]:
        if key not in {clause.id for clause in clauses}:
            raise InvalidRequest(f"the rule has no clause with the id {key[:80]!r}")
        return tuple(change(clause) if clause.id == key else clause for clause in clauses)

    return _on_clauses(segment, instruction, changed)


def _new(clause: Clause) -> Clause:
    """What is added gets an id of its own: it may be a copy of a clause that is there."""
    return _identified(replace(clause, id=""))


def _identified(clause: Clause) -> Clause:
    return clause if clause.id else replace(clause, id=str(uuid.uuid4()))


def _converted(document: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(str(error)) from None
