"""Instructions about rules and their clauses, and about what is served, in one environment."""

from collections.abc import Callable

from msgspec.structs import replace

from assay.errors import InvalidRequest
from assay.flags.context import USER
from assay.flags.instructions_parameters import Instruction, Scene, index_of, with_values, without_values
from assay.flags.model import Clause, Fallthrough, Flag, FlagConfig, Rollout, Rule, WeightedVariation

ConfigChange = Callable[[Scene, FlagConfig, Instruction], FlagConfig]


def _add_rule(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    rules, place = list(config.rules), len(config.rules)
    if instruction.has("beforeRuleId"):
        place = rules.index(_rule(config, instruction.text("beforeRuleId")))
    rules.insert(place, _new_rule(scene, instruction))
    return replace(config, rules=tuple(rules))


def _remove_rule(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    identifier = instruction.text("ruleId")
    return replace(config, rules=tuple(rule for rule in config.rules if rule.id != identifier))


def _reorder_rules(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    wanted = instruction.texts("ruleIds")
    by_id = {rule.id: rule for rule in config.rules}
    if sorted(wanted) != sorted(by_id):
        raise InvalidRequest("ruleIds must name every rule once")
    return replace(config, rules=tuple(by_id[identifier] for identifier in wanted))


def _replace_rules(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    made = tuple(_new_rule(scene, part) for part in instruction.parts("rules"))
    return replace(config, rules=made)


def _add_clauses(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    rule = _rule(config, instruction.text("ruleId"))
    return _with_clauses(config, rule, (*rule.clauses, *_clauses(scene, instruction)))


def _remove_clauses(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    rule, gone = _rule(config, instruction.text("ruleId")), set(instruction.texts("clauseIds"))
    unknown = gone - {clause.id for clause in rule.clauses}
    if unknown:
        raise InvalidRequest(f"the rule has no clause with the id {min(unknown)!r}")
    return _with_clauses(config, rule, tuple(clause for clause in rule.clauses if clause.id not in gone))


def _update_clause(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    rule = _rule(config, instruction.text("ruleId"))
    old = _clause(rule, instruction.text("clauseId"))
    return _with_clause(config, rule, _new_clause(instruction.part("clause"), old.id))


def _add_values(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    rule = _rule(config, instruction.text("ruleId"))
    clause = _clause(rule, instruction.text("clauseId"))
    values = with_values(clause.values, instruction.items("values"))
    return _with_clause(config, rule, replace(clause, values=values))


def _remove_values(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    rule = _rule(config, instruction.text("ruleId"))
    clause = _clause(rule, instruction.text("clauseId"))
    values = without_values(clause.values, instruction.items("values"))
    return _with_clause(config, rule, replace(clause, values=values))


def _update_rule_serving(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    rule = _rule(config, instruction.text("ruleId"))
    place = served(scene.flag, rule.rollout, instruction)
    return _with_rule(config, replace(rule, variation=place.variation, rollout=place.rollout))


def _update_rule_description(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    rule = _rule(config, instruction.text("ruleId"))
    return _with_rule(config, replace(rule, description=instruction.text("description")))


def _update_rule_tracking(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    rule = _rule(config, instruction.text("ruleId"))
    return _with_rule(config, replace(rule, track_events=instruction.truth("trackEvents")))


def _update_fallthrough(scene: Scene, config: FlagConfig, instruction: Instruction) -> FlagConfig:
    return replace(config, fallthrough=served(scene.flag, config.fallthrough.rollout, instruction))


def served(flag: Flag, before: Rollout | None, instruction: Instruction) -> Fallthrough:
    """One variation, or the weights of several.

    New weights keep the rollout's seed, kind and unit: who is in which variation must not be drawn anew.
    """
    if instruction.has("rolloutWeights") and instruction.has("variationId"):
        raise InvalidRequest("it takes either variationId or rolloutWeights")
    if not instruction.has("rolloutWeights"):
        return Fallthrough(variation=index_of(flag.variations, instruction.given.get("variationid")))
    kept = before or Rollout(())
    context_kind = instruction.text_or("rolloutContextKind", kept.context_kind or "")
    bucket_by = instruction.text_or("rolloutBucketBy", kept.bucket_by or "")
    rollout = replace(
        kept,
        variations=_weighted(flag, instruction.given["rolloutweights"]),
        context_kind=context_kind or None,
        bucket_by=bucket_by or None,
    )
    return Fallthrough(rollout=rollout)


def _weighted(flag: Flag, weights: object) -> tuple[WeightedVariation, ...]:
    if not isinstance(weights, dict) or not all(type(weight) is int for weight in weights.values()):
        raise InvalidRequest("rolloutWeights maps variation ids to whole numbers")
    found = sorted((index_of(flag.variations, identifier), weight) for identifier, weight in weights.items())
    return tuple(WeightedVariation(index, weight) for index, weight in found)


def _new_rule(scene: Scene, part: Instruction) -> Rule:
    place = served(scene.flag, None, part)
    return Rule(
        _clauses(scene, part),
        id=scene.new_id(),
        variation=place.variation,
        rollout=place.rollout,
        track_events=part.truth("trackEvents") if part.has("trackEvents") else False,
        description=part.text_or("description", ""),
    )


def _clauses(scene: Scene, instruction: Instruction) -> tuple[Clause, ...]:
    return tuple(_new_clause(part, scene.new_id()) for part in instruction.parts("clauses"))


def _new_clause(part: Instruction, identifier: str) -> Clause:
    """A segment is no attribute of any kind of context."""
    op = part.text("op")
    in_segment = op == "segmentMatch"
    return Clause(
        attribute=part.text_or("attribute", "") if in_segment else part.text("attribute"),
        op=op,
        values=tuple(part.items("values")),
        negate=part.truth("negate") if part.has("negate") else False,
        context_kind=part.text_or("contextKind", "" if in_segment else USER),
        id=identifier,
    )


def _rule(config: FlagConfig, identifier: str) -> Rule:
    for rule in config.rules:
        if rule.id == identifier:
            return rule
    raise InvalidRequest(f"there is no rule with the id {identifier!r} in this environment")


def _clause(rule: Rule, identifier: str) -> Clause:
    for clause in rule.clauses:
        if clause.id == identifier:
            return clause
    raise InvalidRequest(f"the rule has no clause with the id {identifier!r}")


def _with_rule(config: FlagConfig, changed: Rule) -> FlagConfig:
    return replace(config, rules=tuple(changed if rule.id == changed.id else rule for rule in config.rules))


def _with_clauses(config: FlagConfig, rule: Rule, clauses: tuple[Clause, ...]) -> FlagConfig:
    return _with_rule(config, replace(rule, clauses=clauses))


def _with_clause(config: FlagConfig, rule: Rule, changed: Clause) -> FlagConfig:
    clauses = tuple(changed if clause.id == changed.id else clause for clause in rule.clauses)
    return _with_clauses(config, rule, clauses)


RULE_INSTRUCTIONS: dict[str, ConfigChange] = {
    "addRule": _add_rule,
    "removeRule": _remove_rule,
    "reorderRules": _reorder_rules,
    "replaceRules": _replace_rules,
    "addClauses": _add_clauses,
    "removeClauses": _remove_clauses,
    "updateClause": _update_clause,
    "addValuesToClause": _add_values,
    "removeValuesFromClause": _remove_values,
    "updateRuleVariationOrRollout": _update_rule_serving,
    "updateRuleDescription": _update_rule_description,
    "updateRuleTrackEvents": _update_rule_tracking,
    "updateFallthroughVariationOrRollout": _update_fallthrough,
}
