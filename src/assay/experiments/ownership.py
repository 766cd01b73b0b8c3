"""A running iteration owns its rules: whoever else would change them is told which experiment stands in the way."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from assay.errors import OptimisticLock
from assay.experiments.experiment import FALLTHROUGH, Experiment, Iteration
from assay.experiments.rollout import rule_of
from assay.flags.model import Fallthrough, Flag, Rule


@dataclass(frozen=True, slots=True)
class OwnedRule:
    """A flag's rule that the running iteration of an experiment owns in the experiment's environment."""

    experiment: Experiment
    iteration: Iteration
    rule_id: str


def owned_rules(experiments: Iterable[Experiment], flag_key: str) -> Iterator[OwnedRule]:
    """Every rule of the flag that a running iteration owns."""
    for experiment in experiments:
        iteration = experiment.running
        if iteration is not None and flag_key in iteration.flags:
            yield OwnedRule(experiment, iteration, iteration.flags[flag_key].rule_id)


def check_owned(owned: Iterable[OwnedRule], before: Flag, after: Flag | None) -> None:
    """Raises `OptimisticLock` where `after` (None: the flag is gone) is not what an experiment needs.

    Everything else about the flag may change: its other rules, its targets, whether it is on.
    """
    for one in owned:
        environment = one.experiment.environment_key
        if after is None or after.archived:
            raise _refusal(one, before, "can't be archived or deleted")
        for treatment in one.iteration.treatments:
            for parameter in treatment.parameters:
                if parameter.flag_key == before.key:
                    _check_variation(one, before, after, parameter.variation_id)
        if environment not in after.environments:
            raise _refusal(one, before, f"can't leave {environment}")
        if _meaning(before, environment, one.rule_id) != _meaning(after, environment, one.rule_id):
            place = "fallthrough" if one.rule_id == FALLTHROUGH else f"rule {one.rule_id}"
            raise _refusal(one, before, f"can't change its {place} in {environment}")


def _check_variation(one: OwnedRule, before: Flag, after: Flag, variation_id: str) -> None:
    # Events name a variation by its number, so that it must keep its place too.
    was, now = (
        next((place for place in enumerate(flag.variations) if place[1].id == variation_id), None)
        for flag in (before, after)
    )
    if was is None or now is None or (was[0], _text(was[1].value)) != (now[0], _text(now[1].value)):
        raise _refusal(one, before, f"can't lose, change or move the variation {variation_id}")


def _meaning(flag: Flag, environment: str, rule_id: str) -> object:
    """Whom the rule takes and what it serves, by variation ids: numbers change where variations are reordered."""
    place = rule_of(flag.environments[environment], rule_id)
    if place is None:
        return None
    clauses = place.clauses if isinstance(place, Rule) else ()
    return _text(clauses), _ids(flag, place), _without_variations(place)


def _text(value: object) -> bytes:
    # As JSON has it: to Python, true is equal to 1.
    return msgspec.json.encode(value)


def _ids(flag: Flag, place: Fallthrough | Rule) -> tuple[str, ...]:
    numbers = [entry.variation for entry in place.rollout.variations] if place.rollout else [place.variation]
    admission = place.rollout.admission if place.rollout else None
    numbers += [admission.variation] if admission else []
    return tuple(flag.variations[number].id for number in numbers if number is not None)


def _without_variations(place: Fallthrough | Rule) -> object:
    rollout = place.rollout
    if rollout is None:
        return None
    weights = tuple((entry.weight, entry.untracked) for entry in rollout.variations)
    admission = rollout.admission
    admitted = (admission.inside, admission.outside) if admission else None
    return weights, rollout.kind, rollout.seed, rollout.bucket_by, rollout.context_kind, admitted


def _refusal(one: OwnedRule, flag: Flag, what: str) -> OptimisticLock:
    key = one.experiment.key
    return OptimisticLock(
        f"the flag {flag.key!r} {what} while the experiment {key!r} runs there; stop its iteration first"
    )
