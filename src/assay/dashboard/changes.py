"""What an entry of the audit trail changed, field by field, in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from assay.dashboard.words import clause_words, place_words, rule_words, value_text, variation_label
from assay.flags.model import Clause, Flag, FlagConfig, Rule
from assay.store.history import Entry

# Numbers that the server counts up by itself.
OWN = frozenset(
    {"version", "_version", "lastModified", "lastModifiedDate", "flagsVersion", "_links", "salt", "sel"}
)
LONGEST = 400
MOST_CHANGES = 40

ACTIONS = {
    "create": "made",
    "update": "changed",
    "delete": "deleted",
    "reset": "reset",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One field: where it is, what it was and what it is; empty where there was or is nothing."""

    where: str
    before: str = ""
    after: str = ""


def changes_of(entry: Entry) -> tuple[Change, ...]:
    """Every change of an entry, the most important first; flags in their own words, whatever else by field."""
    before, after = _decoded(entry.before), _decoded(entry.after)
    if entry.target.startswith("flag/") and before is not None and after is not None:
        flags = _flags(before, after)
        found = _flag_changes(*flags) if flags else _differences("", before, after)
    elif before is None or after is None:
        found = iter(())
    else:
        found = _differences("", _readable(before), _readable(after))
    return tuple(change for change, _ in zip(found, range(MOST_CHANGES), strict=False))


def action_words(action: str) -> str:
    """`updateFlag` as `changed`; an action that nobody knows as it stands."""
    return next((words for verb, words in ACTIONS.items() if action.startswith(verb)), action)


def _decoded(document: bytes | None) -> Any:
    return None if document is None else msgspec.json.decode(document)


def _readable(document: Any) -> Any:
    """With rules as sentences, where it has any."""
    rules = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(rules, list):
        return document
    try:
        clauses = [msgspec.convert(rule["clauses"], tuple[Clause, ...]) for rule in rules]
    except (msgspec.ValidationError, KeyError, TypeError):
        return document
    return document | {"rules": [" and ".join(map(clause_words, each)) for each in clauses]}


def _flags(before: Any, after: Any) -> tuple[Flag, Flag] | None:
    """Both as flags; None where one was written by another version of Assay."""
    try:
        return msgspec.convert(before, Flag), msgspec.convert(after, Flag)
    except msgspec.ValidationError:
        return None


def _flag_changes(before: Flag, after: Flag) -> Iterator[Change]:
    for environment in after.environments:
        old, new = before.environments.get(environment), after.environments[environment]
        if old is not None:
            yield from _config_changes(environment, (before, old), (after, new))
    if before.archived != after.archived:
        yield Change("Archived", _yes(before.archived), _yes(after.archived))
    yield from _variation_changes(before, after)
    rest = {
        name: (getattr(before, name), getattr(after, name))
        for name in ("name", "description", "tags", "temporary", "maintainer_id", "custom_properties")
    }
    rest["client-side availability"] = (before.client_side_availability, after.client_side_availability)
    rest["defaults"] = (before.defaults, after.defaults)
    for name, (old_value, new_value) in rest.items():
        if old_value != new_value:
            where = name.replace("_", " ").capitalize()
            yield Change(where, _text(msgspec.to_builtins(old_value)), _text(msgspec.to_builtins(new_value)))


def _config_changes(
    environment: str, before: tuple[Flag, FlagConfig], after: tuple[Flag, FlagConfig]
) -> Iterator[Change]:
    (old_flag, old), (new_flag, new) = before, after
    if old.on != new.on:
        yield Change(f"Targeting in {environment}", _on(old.on), _on(new.on))
    yield from _rule_changes(environment, before, after)
    if old.fallthrough != new.fallthrough:
        yield Change(
            f"Default rule in {environment}",
            place_words(old_flag, old.fallthrough),
            place_words(new_flag, new.fallthrough),
        )
    if old.off_variation != new.off_variation:
        yield Change(
            f"While off in {environment}",
            variation_label(old_flag, old.off_variation),
            variation_label(new_flag, new.off_variation),
        )
    yield from _target_changes(environment, before, after)
    if old.prerequisites != new.prerequisites:
        yield Change(f"Prerequisites in {environment}", _prerequisites(old), _prerequisites(new))
    yield from _differences(environment, _others(old), _others(new))


def _rule_changes(
    environment: str, before: tuple[Flag, FlagConfig], after: tuple[Flag, FlagConfig]
) -> Iterator[Change]:
    (old_flag, old), (new_flag, new) = before, after
    old_rules = {rule.id: (n + 1, rule) for n, rule in enumerate(old.rules)}
    new_rules = {rule.id: (n + 1, rule) for n, rule in enumerate(new.rules)}
    for rule_id, (number, rule) in new_rules.items():
        was = old_rules.get(rule_id)
        if was is None:
            yield Change(f"Rule {number} in {environment}", after=_rule(new_flag, rule))
        elif was[1] != rule:
            yield Change(f"Rule {number} in {environment}", _rule(old_flag, was[1]), _rule(new_flag, rule))
    for rule_id, (number, rule) in old_rules.items():
        if rule_id not in new_rules:
            yield Change(f"Rule {number} in {environment}", before=_rule(old_flag, rule))
    kept_before = [rule_id for rule_id in old_rules if rule_id in new_rules]
    kept_after = [rule_id for rule_id in new_rules if rule_id in old_rules]
    if kept_before != kept_after:
        yield Change(
            f"Order of rules in {environment}", _order(kept_before, old_rules), _order(kept_after, old_rules)
        )


def _order(rule_ids: list[str], numbers: Mapping[str, tuple[int, Rule]]) -> str:
    return ", ".join(str(numbers[rule_id][0]) for rule_id in rule_ids)


def _rule(flag: Flag, rule: Rule) -> str:
    name = f"“{rule.description}”: " if rule.description else ""
    return f"{name}if {rule_words(rule)}, serve {place_words(flag, rule)}"


def _target_changes(
    environment: str, before: tuple[Flag, FlagConfig], after: tuple[Flag, FlagConfig]
) -> Iterator[Change]:
    old, new = _keys(before[1]), _keys(after[1])
    for place in sorted(old.keys() | new.keys()):
        kind, variation = place
        gone = [key for key in old.get(place, ()) if key not in new.get(place, ())]
        come = [key for key in new.get(place, ()) if key not in old.get(place, ())]
        if gone or come:
            label = variation_label(after[0], variation)
            yield Change(f"Targets ({kind}) of {label} in {environment}", _list(gone), _list(come))


def _keys(config: FlagConfig) -> dict[tuple[str, int], tuple[str, ...]]:
    found: dict[tuple[str, int], tuple[str, ...]] = {}
    for target in (*config.targets, *config.context_targets):
        place = (target.context_kind or "user", target.variation)
        found[place] = (*found.get(place, ()), *target.values)
    return found


def _variation_changes(before: Flag, after: Flag) -> Iterator[Change]:
    old = {variation.id: variation for variation in before.variations}
    new = {variation.id: variation for variation in after.variations}
    for variation_id in (*old, *(one for one in new if one not in old)):
        was, now = old.get(variation_id), new.get(variation_id)
        if was != now:
            yield Change("Variation", *("" if one is None else _variation(one) for one in (was, now)))


def _variation(variation: Any) -> str:
    name = f"{variation.name}: " if variation.name else ""
    return f"{name}{value_text(variation.value, LONGEST)}"


def _prerequisites(config: FlagConfig) -> str:
    return ", ".join(f"{row.key} with variation {row.variation}" for row in config.prerequisites)


def _others(config: FlagConfig) -> dict[str, Any]:
    told = ("on", "rules", "fallthrough", "offVariation", "targets", "contextTargets", "prerequisites")
    document = msgspec.to_builtins(config)
    return {name: value for name, value in document.items() if name not in told}


def _differences(where: str, before: Any, after: Any) -> Iterator[Change]:
    """By path, down to the first value that isn't an object on both sides."""
    if before == after:
        return
    if not (isinstance(before, dict) and isinstance(after, dict)):
        yield Change(where, _text(before), _text(after))
        return
    for name in dict.fromkeys((*before, *after)):
        if name not in OWN:
            inside = f"{where} / {name}" if where else str(name)
            yield from _differences(inside, before.get(name), after.get(name))


def _text(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return _yes(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return _list(value)
    return value_text(value, LONGEST)


def _list(values: list[str]) -> str:
    text = ", ".join(values)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _on(value: bool) -> str:
    return "on" if value else "off"
