"""The flag as SDKs know it: exact integers, real booleans, arrays instead of null, absent instead of guessed."""

from typing import Any

from assay.flags.model import Clause, Fallthrough, Flag, FlagConfig, Rollout, Rule, Target


def delivered_flag(flag: Flag, config: FlagConfig, *, tracked: bool) -> dict[str, Any]:
    """The flag for server-side SDKs in one environment.

    `tracked`: a flag-scoped experiment runs here, so every evaluation must reach us, with its reason. An SDK
    sends the event for `trackEvents`, and adds the reason for a rule's `trackEvents` or for
    `trackEventsFallthrough`.
    """
    availability = flag.client_side_availability
    body: dict[str, Any] = {
        "key": flag.key,
        "version": config.version,
        "on": config.on,
        "variations": [variation.value for variation in flag.variations],
        "fallthrough": _place(config.fallthrough),
        "prerequisites": [{"key": p.key, "variation": p.variation} for p in config.prerequisites],
        "targets": [_target(target) for target in config.targets],
        "contextTargets": [_context_target(target) for target in config.context_targets],
        "rules": _rules(config, tracked),
        "salt": config.salt,
        "trackEvents": config.track_events or tracked,
        "trackEventsFallthrough": config.track_events_fallthrough or tracked,
        "clientSideAvailability": {
            "usingMobileKey": availability.using_mobile_key,
            "usingEnvironmentId": availability.using_environment_id,
        },
        "clientSide": availability.using_environment_id,
    }
    if config.off_variation is not None:
        body["offVariation"] = config.off_variation
    if config.debug_events_until_date is not None:
        body["debugEventsUntilDate"] = config.debug_events_until_date
    return body


def _rules(config: FlagConfig, tracked: bool) -> list[dict[str, Any]]:
    """The rules, each after those that keep whom it doesn't admit out of its rollout."""
    rules: list[dict[str, Any]] = []
    for rule in config.rules:
        rules += [*_gates(rule, rule.id, rule.clauses, tracked), _rule(rule, tracked)]
    return [*rules, *_gates(config.fallthrough, "fallthrough", (), tracked)]


def _gates(
    place: Fallthrough | Rule, name: str, clauses: tuple[Clause, ...], tracked: bool
) -> list[dict[str, Any]]:
    """Rules that no client sees: an SDK can't ask for a segment and spread over variations in one.

    They report nothing of themselves, so that units which aren't admitted are no exposures.
    """
    admission = place.rollout.admission if place.rollout else None
    if admission is None:
        return []
    tests = [(key, False) for key in admission.outside] + [(key, True) for key in admission.inside]
    return [
        {
            "id": f"{name}/{key}",
            "clauses": [delivered_clause(one) for one in (*clauses, _membership(key, negate=negate))],
            "trackEvents": tracked,
            "variation": admission.variation,
        }
        for key, negate in tests
    ]


def _membership(segment: str, *, negate: bool) -> Clause:
    return Clause("", "segmentMatch", (segment,), negate=negate)


def _place(place: Fallthrough | Rule) -> dict[str, Any]:
    if place.rollout is None:
        return {"variation": place.variation}
    return {"rollout": _rollout(place.rollout)}


def _rollout(rollout: Rollout) -> dict[str, Any]:
    body: dict[str, Any] = {
        "kind": rollout.kind,
        "variations": [
            {"variation": entry.variation, "weight": entry.weight}
            | ({"untracked": True} if entry.untracked else {})
            for entry in rollout.variations
        ],
    }
    optional = {
        "seed": rollout.seed,
        "bucketBy": rollout.bucket_by,
        "contextKind": rollout.context_kind,
    }
    return body | {name: value for name, value in optional.items() if value is not None}


def _target(target: Target) -> dict[str, Any]:
    return {"variation": target.variation, "values": list(target.values)}


def _context_target(target: Target) -> dict[str, Any]:
    return _target(target) | {"contextKind": target.context_kind}


def _rule(rule: Rule, tracked: bool) -> dict[str, Any]:
    return {
        "id": rule.id,
        "clauses": [delivered_clause(clause) for clause in rule.clauses],
        "trackEvents": rule.track_events or tracked,
        **_place(rule),
    }


def delivered_clause(clause: Clause) -> dict[str, Any]:
    """A condition of a flag's or a segment's rule."""
    body = {
        "attribute": clause.attribute,
        "op": clause.op,
        "values": list(clause.values),
        "negate": clause.negate,
    }
    # With a context kind SDKs read the attribute as a reference, without one as a literal name.
    return body | ({"contextKind": clause.context_kind} if clause.context_kind else {})
