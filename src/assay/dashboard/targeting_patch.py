"""From a draft of a flag's targeting to the JSON Patch that makes it so; what is wrong is said in a reader's words."""

import re
from typing import Any

import msgspec

from assay.dashboard.targeting import (
    KEPT,
    ROLLOUT,
    Draft,
    DraftClause,
    DraftRule,
    DraftServe,
    DraftTarget,
    clause_draft,
    is_text,
    parsed_line,
)
from assay.errors import InvalidRequest
from assay.flags.model import Clause, Fallthrough, Flag, FlagConfig, Rollout, Rule, WeightedVariation

WHOLE = 100_000
_PERCENT = re.compile(r"[0-9]{1,3}(?:[.,][0-9]{1,3})?")


def targeting_patch(draft: Draft, flag: Flag, environment: str) -> list[dict[str, Any]]:
    """Operations that replace the whole targeting, if it is still of the draft's version."""
    config = flag.environments[environment]
    path = f"/environments/{environment.replace('~', '~0').replace('/', '~1')}"
    targets, context_targets = _targets(draft.targets, flag)
    parts = {
        "rules": [_rule(rule, n + 1, flag, config) for n, rule in enumerate(draft.rules)],
        "fallthrough": _serve(draft.fallthrough, flag, config.fallthrough, "the default rule"),
        "targets": targets,
        "contextTargets": context_targets,
        "prerequisites": [
            {"key": row.key, "variation": _number(row.variation, "a prerequisite's variation")}
            for row in draft.prerequisites
            if row.key
        ],
    }
    operations: list[dict[str, Any]] = [{"op": "test", "path": f"{path}/version", "value": draft.version}]
    operations += [{"op": "add", "path": f"{path}/{name}", "value": value} for name, value in parts.items()]
    return [*operations, *_off(draft.off, flag, config, f"{path}/offVariation")]


def _off(choice: str, flag: Flag, config: FlagConfig, path: str) -> list[dict[str, Any]]:
    if choice == "":
        return [] if config.off_variation is None else [{"op": "remove", "path": path}]
    return [{"op": "add", "path": path, "value": _variation(choice, flag)}]


def _rule(draft: DraftRule, number: int, flag: Flag, config: FlagConfig) -> dict[str, Any]:
    before = next((rule for rule in config.rules if draft.id and rule.id == draft.id), None)
    where = f"rule {number}"
    if not draft.clauses:
        raise InvalidRequest(f"{where} has no condition; add one, or remove the rule")
    body: dict[str, Any] = {
        "clauses": clause_bodies(draft.clauses, before.clauses if before else (), where),
        "trackEvents": before.track_events if before else False,
        **_serve(draft.serve, flag, before, where),
    }
    body |= {"_id": draft.id} if before else {}
    return body | ({"description": draft.description} if draft.description else {})


def clause_bodies(
    drafts: tuple[DraftClause, ...], before: tuple[Clause, ...], where: str
) -> list[dict[str, Any]]:
    """Clauses as they are typed; one that nobody touched stays as it was, also where a line can't show it."""
    kept = {clause_draft(clause): clause for clause in before}
    return [
        msgspec.json.decode(msgspec.json.encode(kept[draft])) if draft in kept else clause_body(draft, where)
        for draft in drafts
    ]


def clause_body(draft: DraftClause, where: str) -> dict[str, Any]:
    op = draft.op.removeprefix("!")
    if not draft.attribute and op != "segmentMatch":
        raise InvalidRequest(f"a condition of {where} names no attribute")
    lines = [line.strip() for line in draft.values.split("\n") if line.strip()]
    if not lines:
        raise InvalidRequest(f"a condition of {where} has no values")
    text_only = is_text(draft.attribute, op)
    body = {
        "attribute": "" if op == "segmentMatch" else draft.attribute,
        "op": op,
        "values": [parsed_line(line, text_only=text_only) for line in lines],
        "negate": draft.op.startswith("!"),
    }
    return body | ({"contextKind": draft.kind} if draft.kind and op != "segmentMatch" else {})


def _serve(draft: DraftServe, flag: Flag, before: Fallthrough | Rule | None, where: str) -> dict[str, Any]:
    kept = before.rollout if before else None
    if draft.choice == KEPT and kept is not None:
        return {"rollout": _absent_left_out(kept)}
    if draft.choice != ROLLOUT:
        return {"variation": _variation(draft.choice, flag)}
    weights = [percent_weight(text, where) for text in draft.weights[: len(flag.variations)]]
    if sum(weights) != WHOLE:
        total = f"{sum(weights) / 1000:.3f}".rstrip("0").rstrip(".")
        raise InvalidRequest(f"the percentages of {where} add up to {total}, not to 100")
    entries = tuple(WeightedVariation(n, weight) for n, weight in enumerate(weights))
    # The seed stays: who is in which variation must not be drawn anew.
    rollout = Rollout(
        entries,
        seed=kept.seed if kept else None,
        bucket_by=draft.bucket_by or None,
        context_kind=draft.unit or None,
    )
    return {"rollout": _absent_left_out(rollout)}


def _absent_left_out(rollout: Rollout) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(rollout)
    body["variations"] = list(body["variations"])
    return {name: value for name, value in body.items() if value is not None}


def percent_weight(text: str, where: str) -> int:
    """A percentage as typed, in thousandths of a percent."""
    if not _PERCENT.fullmatch(text or "0"):
        raise InvalidRequest(f"{text[:20]!r} is no percentage ({where})")
    return round(float((text or "0").replace(",", ".")) * 1000)


def _variation(text: str, flag: Flag) -> int:
    number = _number(text, "a variation")
    if number >= len(flag.variations):
        raise InvalidRequest(f"there is no variation number {number}")
    return number


def _number(text: str, what: str) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise InvalidRequest(f"{what} is a number, not {text[:20]!r}")
    return int(text)


def _targets(
    drafts: tuple[DraftTarget, ...], flag: Flag
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Users' targets, and those of other kinds; among the latter an empty one says where the users' stand."""
    keys: dict[tuple[str, int], list[str]] = {}
    for draft in drafts:
        _variation(str(draft.variation), flag)
        place = (draft.kind, draft.variation)
        keys[place] = [*keys.get(place, []), *(line.strip() for line in draft.keys.split("\n"))]
    rows = [
        {"variation": variation, "contextKind": kind, "values": list(dict.fromkeys(filter(None, values)))}
        for (kind, variation), values in keys.items()
        if any(values)
    ]
    users = [row for row in rows if row["contextKind"] == "user"]
    if len(users) == len(rows):
        return users, []
    return users, [row | {"values": []} if row["contextKind"] == "user" else row for row in rows]
