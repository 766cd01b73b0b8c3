"""How an iteration becomes the rule of its flags, and what the rule is afterwards."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal

from msgspec.structs import replace

from assay.experiments.experiment import FALLTHROUGH, FlagUse, Iteration, Slice, Treatment
from assay.flags.model import Admission, Fallthrough, Flag, FlagConfig, Rollout, Rule, WeightedVariation

WHOLE = 100_000


def treatment_weights(treatments: Iterable[Treatment]) -> dict[str, int]:
    """Whole thousandths of a percent by treatment id, that add up to the rounded sum of the allocations.

    What rounding down leaves goes to the largest remainders, the earlier treatment first. Source: largest
    remainder method of Hamilton.
    """
    exact = {one.id: Decimal(one.allocation_percent) * 1000 for one in treatments}
    weights = {name: int(share) for name, share in exact.items()}
    total = int(sum(exact.values(), Decimal(0)).to_integral_value(ROUND_HALF_EVEN))
    by_remainder = sorted(exact, key=lambda name: weights[name] - exact[name])
    for name in by_remainder[: total - sum(weights.values())]:
        weights[name] += 1
    return weights


def fresh_slices(weights: Mapping[str, int], first: str) -> tuple[Slice, ...]:
    """The rest of the traffic, then the treatments, `first` before the others.

    A context without the randomization unit's kind falls into the first slice that isn't empty: so it gets what
    units get that aren't in the experiment, or else the baseline.
    """
    order = sorted(weights, key=lambda name: name != first)
    rest = Slice(WHOLE - sum(weights.values()))
    return tuple(one for one in (rest, *(Slice(weights[name], name) for name in order)) if one.weight)


def moved_slices(weights: Mapping[str, int], before: Iterable[Slice]) -> tuple[Slice, ...]:
    """The slices for new weights in which as few units as possible change what they get.

    A treatment keeps what it had; what it needs more comes from units that were in no treatment, and only then
    from those that another treatment gave up.
    """
    needed = dict(weights)
    kept: list[tuple[str, Slice]] = []
    for one in before:
        stays = min(one.weight, needed.get(one.treatment_id, 0))
        needed[one.treatment_id] = needed.get(one.treatment_id, 0) - stays
        kept += [(one.treatment_id, replace(one, weight=stays))]
        kept += [(one.treatment_id, Slice(one.weight - stays))]
    for source in ("", *sorted({name for name, _ in kept if name})):
        kept = [piece for origin, one in kept for piece in _filled(origin, one, source, needed)]
    return _joined(one for _, one in kept)


def _filled(origin: str, one: Slice, source: str, needed: dict[str, int]) -> list[tuple[str, Slice]]:
    """The slice cut up for those who need more, where it is free and came from `source`."""
    if one.treatment_id or origin != source:
        return [(origin, one)]
    pieces, left = [], one.weight
    for name in [name for name in needed if name]:
        taken = min(left, needed[name])
        needed[name], left = needed[name] - taken, left - taken
        pieces.append((origin, Slice(taken, name)))
    return [*pieces, (origin, Slice(left))]


def _joined(slices: Iterable[Slice]) -> tuple[Slice, ...]:
    joined: list[Slice] = []
    for one in slices:
        if joined and joined[-1].treatment_id == one.treatment_id:
            joined[-1] = replace(one, weight=joined[-1].weight + one.weight)
        elif one.weight:
            joined.append(one)
    return tuple(joined)


def variation_of(treatment: Treatment, flag_key: str) -> str:
    """The id of the variation that the treatment's units get of a flag."""
    return next(one.variation_id for one in treatment.parameters if one.flag_key == flag_key)


def telling_flag(iteration: Iteration) -> str | None:
    """The first flag on which each treatment has a variation of its own, so that an evaluation tells the treatment."""
    for key in iteration.flags:
        if len({variation_of(one, key) for one in iteration.treatments}) == len(iteration.treatments):
            return key
    return None


def not_in_experiment(iteration: Iteration, flag_key: str) -> str:
    """The id of the variation for whoever is not in the experiment: the one named, or else the baseline's."""
    named = iteration.flags[flag_key].not_in_experiment_variation_id
    baseline = iteration.baseline
    return named or (variation_of(baseline, flag_key) if baseline else "")


def experiment_rollout(iteration: Iteration, flag: Flag) -> Rollout:
    """What the iteration's rule of a flag serves while it runs.

    SDKs mark an evaluation with `inExperiment` where the kind is "experiment" and the slice is not untracked;
    with the same seed a unit falls into the same treatment on every flag.
    """
    index = {variation.id: number for number, variation in enumerate(flag.variations)}
    served = {one.id: index[variation_of(one, flag.key)] for one in iteration.treatments}
    rest = index[not_in_experiment(iteration, flag.key)]
    limited = bool(iteration.inside or iteration.outside)
    return Rollout(
        variations=tuple(
            WeightedVariation(
                served.get(one.treatment_id, rest), one.weight, untracked=one.treatment_id not in served
            )
            for one in iteration.slices
        ),
        kind="experiment",
        seed=iteration.seed,
        context_kind=iteration.randomization_unit,
        admission=Admission(rest, iteration.inside, iteration.outside) if limited else None,
    )


def carrying(flag: Flag, environment: str, iteration: Iteration) -> Flag:
    """The flag with the running iteration on the rule that it uses."""
    return _served(flag, environment, iteration.flags[flag.key], rollout=experiment_rollout(iteration, flag))


def released(flag: Flag, environment: str, iteration: Iteration) -> Flag:
    """The flag after the iteration: the winner for everybody, or without one what was outside the experiment."""
    winner = next((one for one in iteration.treatments if one.id == iteration.winning_treatment_id), None)
    wanted = variation_of(winner, flag.key) if winner else not_in_experiment(iteration, flag.key)
    index = next(number for number, variation in enumerate(flag.variations) if variation.id == wanted)
    return _served(flag, environment, iteration.flags[flag.key], variation=index)


def rule_of(config: FlagConfig, rule_id: str) -> Fallthrough | Rule | None:
    """The rule with the id, or the fallthrough; None where there is none."""
    if rule_id == FALLTHROUGH:
        return config.fallthrough
    return next((rule for rule in config.rules if rule.id == rule_id), None)


def _served(
    flag: Flag,
    environment: str,
    use: FlagUse,
    *,
    variation: int | None = None,
    rollout: Rollout | None = None,
) -> Flag:
    config = flag.environments[environment]
    if use.rule_id == FALLTHROUGH:
        config = replace(config, fallthrough=Fallthrough(variation=variation, rollout=rollout))
    else:
        rules = tuple(
            replace(rule, variation=variation, rollout=rollout) if rule.id == use.rule_id else rule
            for rule in config.rules
        )
        config = replace(config, rules=rules)
    return replace(flag, environments=flag.environments | {environment: config})
