"""The pure function from (flags, segments, context) to a flag's value with its reason.

Each flag is compiled once: every answer that it can give is made then, and evaluation only chooses one. It follows
the official Python SDK, also where SDKs differ; docs/explanation/evaluation.md says how.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from assay.flags.bucketing import compile_hashing, compile_shares
from assay.flags.clauses import Matcher, Scope, compile_clauses
from assay.flags.context import USER, Context
from assay.flags.references import Malformed
from assay.flags.results import Evaluation, Reason
from assay.flags.segments import compile_segment
from assay.flags.wire import WireFlag, WirePlace, WireRollout, WireRule

Decide = Callable[[Scope], Evaluation]
Served = Evaluation | Decide
Source = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CompiledFlag:
    """A flag in its wire form (`source`, `flag`), and what chooses among its answers: `only` where there is one."""

    source: Source
    flag: WireFlag
    decide: Decide
    only: Evaluation | None = None


@dataclass(frozen=True, slots=True)
class CompiledSet:
    """All flags and segments of an environment; `browser` and `mobile` are those that such SDKs may see."""

    flags: dict[str, CompiledFlag]
    segments: dict[str, Matcher]
    segment_sources: dict[str, Source]
    browser: tuple[CompiledFlag, ...]
    mobile: tuple[CompiledFlag, ...]


def compile_set(
    flags: Mapping[str, Source], segments: Mapping[str, Source], *, previous: CompiledSet | None = None
) -> CompiledSet:
    """Compiles what SDKs get, by key; what is the same as in `previous` is taken from there."""
    old_flags = {} if previous is None else previous.flags
    compiled = {
        key: old_flags[key]
        if key in old_flags and old_flags[key].source == source
        else compile_flag(key, source)
        for key, source in flags.items()
        if not source.get("deleted")
    }
    sources = {key: source for key, source in segments.items() if not source.get("deleted")}
    kept = {} if previous is None else previous.segments
    old_sources = {} if previous is None else previous.segment_sources
    return CompiledSet(
        flags=compiled,
        segments={
            key: kept[key] if old_sources.get(key) == source else compile_segment(source)
            for key, source in sources.items()
        },
        segment_sources=sources,
        browser=tuple(flag for flag in compiled.values() if flag.flag.for_browsers),
        mobile=tuple(flag for flag in compiled.values() if flag.flag.for_mobile),
    )


def evaluate(compiled: CompiledSet, key: str, context: Context) -> Evaluation | None:
    """What the flag `key` is for `context`; None if there is no such flag."""
    flag = compiled.flags.get(key)
    if flag is None:
        return None
    return flag.only or decide(flag, Scope(context, compiled.flags, compiled.segments))


def decide(flag: CompiledFlag, scope: Scope) -> Evaluation:
    """One evaluation; a fault of the flag is an answer too. A scope is good for any number, one after the other."""
    try:
        evaluation = flag.decide(scope)
    except Malformed as fault:
        scope.asked_big_segment = False
        return _error(flag.flag, fault.prerequisites)
    except RecursionError:
        return _error(flag.flag)
    if scope.asked_big_segment:
        scope.asked_big_segment = False
        return replace(evaluation, reason=evaluation.reason | {"bigSegmentsStatus": "NOT_CONFIGURED"})
    return evaluation


def compile_flag(key: str, source: Source) -> CompiledFlag:
    """One that can't be read answers with an error, and no client-side SDK sees it."""
    try:
        flag = msgspec.convert(source, WireFlag)
    except msgspec.ValidationError:
        version = source.get("version")
        unseen: Source = {"usingMobileKey": False, "usingEnvironmentId": False}
        header = {
            "key": key,
            "version": version if type(version) is int else 0,
            "clientSideAvailability": unseen,
        }
        flag = msgspec.convert(header, WireFlag)
        return _compiled(source, flag, _error(flag))
    return _compiled(source, flag, _compile_decision(flag))


def _compiled(source: Source, flag: WireFlag, served: Served) -> CompiledFlag:
    only = served if isinstance(served, Evaluation) else None
    return CompiledFlag(source, flag, _deciding(served), only)


def _compile_decision(flag: WireFlag) -> Served:
    if not flag.on:
        return _off(flag, {"kind": "OFF"})
    passed = tuple(prerequisite.key for prerequisite in flag.prerequisites or [])
    served = _compile_serving(flag, passed)
    return _after_prerequisites(flag, _deciding(served)) if passed else served


def _compile_serving(flag: WireFlag, passed: tuple[str, ...]) -> Served:
    """Targets, rules, fallthrough: what comes after the prerequisites."""
    served = _compile_place(
        flag,
        flag.fallthrough or WirePlace(),
        {"kind": "FALLTHROUGH"},
        tracked=bool(flag.track_events_fallthrough),
        passed=passed,
    )
    if flag.rules:
        served = _after_rules(_compile_rules(flag, flag.rules, passed), _deciding(served))
    targets = _compile_targets(flag, passed)
    return _after_targets(targets, _deciding(served)) if targets else served


def _deciding(served: Served) -> Decide:
    return (lambda _scope: served) if isinstance(served, Evaluation) else served


def _error(flag: WireFlag, passed: tuple[str, ...] = ()) -> Evaluation:
    reason = {"kind": "ERROR", "errorKind": "MALFORMED_FLAG"}
    return Evaluation(flag, None, None, reason, prerequisites=passed)


def _off(flag: WireFlag, reason: Reason, passed: tuple[str, ...] = ()) -> Evaluation:
    if flag.off_variation is None:
        return Evaluation(flag, None, None, reason, prerequisites=passed)
    return _serve(flag, flag.off_variation, reason, passed=passed)


def _serve(
    flag: WireFlag, variation: int, reason: Reason, *, tracked: bool = False, passed: tuple[str, ...] = ()
) -> Evaluation:
    values = flag.variations or []
    if not 0 <= variation < len(values):
        return _error(flag, passed)
    experiment = tracked or "inExperiment" in reason
    return Evaluation(flag, values[variation], variation, reason, experiment=experiment, prerequisites=passed)


def _after_prerequisites(flag: WireFlag, served: Decide) -> Decide:
    wanted = [(prerequisite.key, prerequisite.variation) for prerequisite in flag.prerequisites or []]
    keys = tuple(key for key, _ in wanted)
    failed = [
        _off(flag, {"kind": "PREREQUISITE_FAILED", "prerequisiteKey": key}, keys[: place + 1])
        for place, key in enumerate(keys)
    ]

    def decide(scope: Scope) -> Evaluation:
        evaluated = 0
        outer = scope.flag_path
        scope.flag_path = (*outer, flag.key)
        try:
            for key, variation in wanted:
                if key in scope.flag_path:
                    raise Malformed
                evaluated += 1
                if not _holds(scope.flags.get(key), variation, scope):
                    return failed[evaluated - 1]
            return served(scope)
        except Malformed:
            # A fault anywhere below is a fault of the flag asked for, which lists its own prerequisites.
            raise Malformed(keys[:evaluated]) from None
        finally:
            scope.flag_path = outer

    return decide


def _holds(prerequisite: CompiledFlag | None, variation: int, scope: Scope) -> bool:
    """A flag that is off fails, whatever its off variation."""
    return (
        prerequisite is not None
        and bool(prerequisite.flag.on)
        and prerequisite.decide(scope).variation == variation
    )


def _compile_targets(flag: WireFlag, passed: tuple[str, ...]) -> list[tuple[str, dict[str, Evaluation]]]:
    """For each context kind the answers by key, in order.

    An entry of `contextTargets` for users only marks the place of the first entry of `targets` with its variation.
    """
    users = flag.targets or []
    if flag.context_targets:
        ordered = []
        for target in flag.context_targets:
            kind = target.context_kind or USER
            here = [user for user in users if user.variation == target.variation][:1]
            ordered += [(kind, entry) for entry in (here if kind == USER else [target])]
    else:
        ordered = [(USER, target) for target in users]
    compiled: list[tuple[str, dict[str, Evaluation]]] = []
    for kind, target in ordered:
        answer = _serve(flag, target.variation, {"kind": "TARGET_MATCH"}, passed=passed)
        answers = dict.fromkeys(target.values, answer)
        if compiled and compiled[-1][0] == kind:
            compiled[-1] = kind, answers | compiled[-1][1]
        else:
            compiled.append((kind, answers))
    return compiled


def _after_targets(targets: list[tuple[str, dict[str, Evaluation]]], served: Decide) -> Decide:
    def decide(scope: Scope) -> Evaluation:
        for kind, answers in targets:
            attributes = scope.context.get(kind)
            if attributes is not None and attributes["key"] in answers:
                return answers[attributes["key"]]
        return served(scope)

    return decide


def _compile_rules(
    flag: WireFlag, rules: list[WireRule], passed: tuple[str, ...]
) -> list[tuple[Matcher, Decide]]:
    compiled = []
    for index, rule in enumerate(rules):
        reason: Reason = {"kind": "RULE_MATCH", "ruleIndex": index}
        if rule.id is not None:
            reason["ruleId"] = rule.id
        served = _compile_place(flag, rule, reason, tracked=bool(rule.track_events), passed=passed)
        compiled.append((compile_clauses(rule.clauses), _deciding(served)))
    return compiled


def _after_rules(rules: list[tuple[Matcher, Decide]], served: Decide) -> Decide:
    def decide(scope: Scope) -> Evaluation:
        for matches, place in rules:
            if matches(scope):
                return place(scope)
        return served(scope)

    return decide


def _compile_place(
    flag: WireFlag, place: WirePlace, reason: Reason, *, tracked: bool, passed: tuple[str, ...]
) -> Served:
    if place.variation is not None:
        return _serve(flag, place.variation, reason, tracked=tracked, passed=passed)
    if place.rollout is None or not place.rollout.variations:
        return _error(flag, passed)

    def serve(variation: int, counted: bool) -> Evaluation:
        why = reason | ({"inExperiment": True} if counted else {})
        return _serve(flag, variation, why, tracked=tracked, passed=passed)

    return _compile_rollout(flag, place.rollout, serve)


def _compile_rollout(
    flag: WireFlag, rollout: WireRollout, serve: Callable[[int, bool], Evaluation]
) -> Decide:
    experiment = rollout.kind == "experiment"
    entries = rollout.variations
    hashing = compile_hashing(
        f"{flag.key}.{flag.salt or ''}" if rollout.seed is None else str(rollout.seed),
        kind=rollout.context_kind,
        # An experiment randomizes its unit, never an attribute.
        bucket_by=None if experiment else rollout.bucket_by,
    )
    share = compile_shares([weighted.weight for weighted in entries])
    answers = [serve(weighted.variation, experiment and not weighted.untracked) for weighted in entries]
    without_unit = serve(entries[0].variation, False)

    def decide(scope: Scope) -> Evaluation:
        hashed = hashing(scope.context)
        # Without a unit the first entry serves, even one without weight, and no experiment counts it.
        return without_unit if hashed is None else answers[share(hashed)]

    return decide
