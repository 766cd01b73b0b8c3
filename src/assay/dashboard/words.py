"""Flags in words: what a variation is called, what a rule asks, why a context got what it got."""

import json
from typing import Any

from assay.flags.model import Clause, Fallthrough, Flag, FlagConfig, Rollout, Rule
from assay.flags.results import Evaluation

LONGEST_VALUE = 60

OPERATORS = {
    "in": "is one of",
    "startsWith": "starts with",
    "endsWith": "ends with",
    "contains": "contains",
    "matches": "matches the expression",
    "lessThan": "is less than",
    "lessThanOrEqual": "is at most",
    "greaterThan": "is greater than",
    "greaterThanOrEqual": "is at least",
    "before": "is before",
    "after": "is after",
    "semVerEqual": "is the version",
    "semVerLessThan": "is a version before",
    "semVerGreaterThan": "is a version after",
    "segmentMatch": "is in the segment",
}
NEGATED = {
    "in": "is none of",
    "startsWith": "doesn't start with",
    "endsWith": "doesn't end with",
    "contains": "doesn't contain",
    "matches": "doesn't match the expression",
    "segmentMatch": "is not in the segment",
}

FAULTS = {
    "MALFORMED_FLAG": "the flag can't be evaluated: it, a prerequisite or a segment of it is malformed",
    "FLAG_NOT_FOUND": "there is no such flag",
    "WRONG_TYPE": "the value has another type than was asked for",
}


def value_text(value: Any, longest: int = LONGEST_VALUE) -> str:
    """A JSON value on one line, cut short."""
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def variation_label(flag: Flag, index: int | None) -> str:
    """A variation by its name, or by its value where it has none."""
    if index is None or not 0 <= index < len(flag.variations):
        return "the caller's default"
    variation = flag.variations[index]
    return variation.name or value_text(variation.value)


def percent(weight: int) -> str:
    """Thousandths of a percent in the fewest digits: `33.333 %`."""
    return f"{f'{weight / 1000:.3f}'.rstrip('0').rstrip('.')} %"


def rollout_words(flag: Flag, rollout: Rollout) -> str:
    shares: dict[int, int] = {}
    for entry in rollout.variations:
        shares[entry.variation] = shares.get(entry.variation, 0) + entry.weight
    served = {index: weight for index, weight in shares.items() if weight}
    parts = [f"{percent(weight)} {variation_label(flag, index)}" for index, weight in served.items()]
    if len(served) > 2 and max(served.values()) - min(served.values()) <= len(served):
        parts = [variation_label(flag, index) for index in served]
        parts[-1] += ", evenly"
    unit = f" of {rollout.context_kind or 'user'}s" if rollout.context_kind not in (None, "user") else ""
    by = f" by {rollout.bucket_by}" if rollout.bucket_by not in (None, "", "key") else ""
    return " / ".join(parts) + unit + by


def place_words(flag: Flag, place: Fallthrough | Rule) -> str:
    """What is served at a place: a variation, or shares of several."""
    if place.rollout is not None:
        return rollout_words(flag, place.rollout)
    return variation_label(flag, place.variation)


def clause_words(clause: Clause) -> str:
    kind = f"{clause.context_kind} " if clause.context_kind not in ("", "user") else ""
    words = OPERATORS.get(clause.op, clause.op)
    if clause.negate:
        words = NEGATED.get(clause.op, f"not: {words}")
    if clause.op == "segmentMatch":
        words = words.removeprefix("is ")
    values = ", ".join(value_text(value) for value in clause.values[:5])
    more = f" and {len(clause.values) - 5} more" if len(clause.values) > 5 else ""
    attribute = "" if clause.op == "segmentMatch" else f"{clause.attribute} "
    return f"{kind}{attribute}{words} {values}{more}"


def rule_words(rule: Rule) -> str:
    return " and ".join(clause_words(clause) for clause in rule.clauses)


def served_words(flag: Flag, config: FlagConfig) -> str:
    """What the flag gives in an environment, on one line."""
    if not config.on:
        return variation_label(flag, config.off_variation)
    words = place_words(flag, config.fallthrough)
    targets = sum(len(target.values) for target in (*config.targets, *config.context_targets))
    extra = [
        f"{number} {noun}{'' if number == 1 else 's'}"
        for number, noun in ((len(config.rules), "rule"), (targets, "target"))
        if number
    ]
    return f"{words}, {', '.join(extra)}" if extra else words


def reason_words(config: FlagConfig, evaluation: Evaluation) -> str:
    """Why the context gets what it gets, as a sentence."""
    reason = evaluation.reason
    kind = reason.get("kind")
    if kind == "OFF":
        return "The flag is off, so everybody gets its off variation."
    if kind == "TARGET_MATCH":
        return "The context's key is among the targets."
    if kind == "RULE_MATCH":
        return _rule_reason(config, reason)
    if kind == "PREREQUISITE_FAILED":
        return f"The prerequisite {reason.get('prerequisiteKey')} isn't on with the variation that is needed."
    if kind == "FALLTHROUGH":
        rollout = config.fallthrough.rollout is not None
        drawn = " Which variation is drawn from the context's key, and stays the same." if rollout else ""
        return f"No target and no rule matched, so the default rule decides.{drawn}"
    fault = FAULTS.get(str(reason.get("errorKind")), str(reason.get("errorKind", kind)))
    return f"An error: {fault}. The SDK serves the default of the code."


def _rule_reason(config: FlagConfig, reason: dict[str, Any]) -> str:
    index = reason.get("ruleIndex")
    if not isinstance(index, int) or index >= len(config.rules):
        return "A rule matched."
    rule = config.rules[index]
    name = f" “{rule.description}”" if rule.description else ""
    drawn = " Which variation is drawn from the context's key, and stays the same." if rule.rollout else ""
    return f"Rule {index + 1}{name} matched: {rule_words(rule)}.{drawn}"
