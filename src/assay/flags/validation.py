"""What a flag must hold before any SDK may see it; a bad one would keep every Python SDK from starting."""

import re

from assay.errors import InvalidRequest
from assay.flags.clause_validation import check_clause, check_kind
from assay.flags.context import USER
from assay.flags.model import Fallthrough, Flag, FlagConfig, Rollout, Rule
from assay.flags.references import parse_reference

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,255}")
WHOLE = 100_000
LARGEST_SEED = 2**31 - 1
MOST_VARIATIONS = 100


def require_key(key: object, what: str) -> str:
    """A resource's key as given, or `InvalidRequest`."""
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise InvalidRequest(
            f"{what} key must start with a letter or digit and hold only letters, digits, '.', '_' or '-'"
        )
    return key


def check_flag(flag: Flag) -> None:
    """Raises `InvalidRequest` with what is wrong first."""
    count = len(flag.variations)
    if not 2 <= count <= MOST_VARIATIONS:
        raise InvalidRequest(f"a flag has 2 to {MOST_VARIATIONS} variations, not {count}")
    _check_index(flag.defaults.on_variation, count, "defaults.onVariation")
    _check_index(flag.defaults.off_variation, count, "defaults.offVariation")
    if len({variation.id for variation in flag.variations}) != count:
        raise InvalidRequest("two variations have the same _id")
    for name, held in flag.custom_properties.items():
        _check_property(held, f"customProperties.{name}")
    for environment, config in flag.environments.items():
        _check_config(config, count, f"environments.{environment}")


def _check_config(config: FlagConfig, count: int, where: str) -> None:
    if config.off_variation is not None:
        _check_index(config.off_variation, count, f"{where}.offVariation")
    _check_place(config.fallthrough, count, f"{where}.fallthrough")
    for number, rule in enumerate(config.rules):
        _check_rule(rule, count, f"{where}.rules[{number}]")
    if len({rule.id for rule in config.rules}) != len(config.rules):
        raise InvalidRequest(f"{where}: two rules have the same _id")
    _check_targets(config, count, f"{where}.targets")


def _check_targets(config: FlagConfig, count: int, where: str) -> None:
    places: dict[tuple[str, str], int] = {}
    for target in (*config.targets, *config.context_targets):
        _check_index(target.variation, count, where)
        kind = target.context_kind or USER
        check_kind(kind, where)
        for key in target.values:
            if places.setdefault((kind, key), target.variation) != target.variation:
                raise InvalidRequest(f"{where}: {kind} {key[:80]!r} is a target of two variations")


def _check_rule(rule: Rule, count: int, where: str) -> None:
    if not rule.clauses:
        raise InvalidRequest(f"{where} has no clauses")
    for number, clause in enumerate(rule.clauses):
        check_clause(clause, f"{where}.clauses[{number}]")
    _check_place(rule, count, where)


def _check_place(place: Fallthrough | Rule, count: int, where: str) -> None:
    if (place.variation is None) == (place.rollout is None):
        raise InvalidRequest(f"{where} needs either a variation or a rollout")
    if place.variation is not None:
        _check_index(place.variation, count, f"{where}.variation")
    if place.rollout is not None:
        _check_rollout(place.rollout, count, f"{where}.rollout")


def _check_rollout(rollout: Rollout, count: int, where: str) -> None:
    for entry in rollout.variations:
        _check_index(entry.variation, count, f"{where}.variations")
        if not 0 <= entry.weight <= WHOLE:
            raise InvalidRequest(f"{where}: a weight lies between 0 and {WHOLE}, not {entry.weight}")
    if rollout.admission is not None:
        _check_index(rollout.admission.variation, count, f"{where}.admission")
    if sum(entry.weight for entry in rollout.variations) != WHOLE:
        raise InvalidRequest(f"{where}: the weights must add up to {WHOLE}")
    if rollout.kind not in ("rollout", "experiment"):
        raise InvalidRequest(f"{where}: kind is rollout or experiment, not {rollout.kind!r}")
    # Seed 0 is read as "no seed" by Node and as "0" by Python: two different assignments for one flag.
    if rollout.seed is not None and not 1 <= rollout.seed <= LARGEST_SEED:
        raise InvalidRequest(f"{where}: a seed lies between 1 and {LARGEST_SEED}, not {rollout.seed}")
    if rollout.context_kind is not None:
        check_kind(rollout.context_kind, where)
    if rollout.bucket_by and parse_reference(rollout.bucket_by, literal=not rollout.context_kind) is None:
        raise InvalidRequest(f"{where}: {rollout.bucket_by[:80]!r} names no attribute")


def _check_property(held: object, where: str) -> None:
    values = held.get("value") if isinstance(held, dict) else None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InvalidRequest(f"{where} needs a list of strings as its value")
    if not isinstance(held, dict) or not isinstance(held.get("name"), str):
        raise InvalidRequest(f"{where} needs a string as its name")


def _check_index(index: int, count: int, where: str) -> None:
    if not 0 <= index < count:
        raise InvalidRequest(f"{where}: there is no variation {index}; the flag has {count}")
