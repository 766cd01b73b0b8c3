"""Flags that need other flags: whom a flag needs, who needs it, and that nobody needs themselves."""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from assay.errors import Conflict, InvalidRequest
from assay.flags.model import Flag, Variation


def check_prerequisites(flag: Flag, flags: Mapping[str, Flag]) -> None:
    """Raises `InvalidRequest` where a prerequisite is unknown or leads back; `flags` are those of the project."""
    known = {**flags, flag.key: flag}
    for environment, config in flag.environments.items():
        where = f"environments.{environment}.prerequisites"
        keys = [prerequisite.key for prerequisite in config.prerequisites]
        if len(set(keys)) < len(keys):
            raise InvalidRequest(f"{where} name a flag twice")
        for prerequisite in config.prerequisites:
            if prerequisite.key not in known:
                raise InvalidRequest(f"{where}: there is no flag {prerequisite.key!r}")
            if not 0 <= prerequisite.variation < len(known[prerequisite.key].variations):
                raise InvalidRequest(
                    f"{where}: {prerequisite.key!r} has no variation {prerequisite.variation}"
                )
        if config.prerequisites and flag.key in _needed(flag.key, known, environment):
            raise InvalidRequest(f"{where}: the flag would need itself")


def dependents(key: str, flags: Mapping[str, Flag]) -> Iterator[tuple[Flag, str]]:
    """Each flag that needs the flag `key`, with the environment in which it does."""
    for flag in flags.values():
        for environment, config in flag.environments.items():
            if any(prerequisite.key == key for prerequisite in config.prerequisites):
                yield flag, environment


def require_no_dependents(key: str, flags: Mapping[str, Flag]) -> None:
    """Raises `Conflict` where another flag needs this one."""
    needing = sorted({flag.key for flag, _ in dependents(key, flags)})
    if needing:
        raise Conflict(f"the flag is a prerequisite of {', '.join(needing[:10])}")


def following(before: tuple[Variation, ...], after: Flag, flags: Mapping[str, Flag]) -> list[Flag]:
    """The dependents of a flag whose variations moved from `before`, as they must be to mean the same variations.

    Raises `Conflict` where one of them needs a variation that is gone.
    """
    if [variation.id for variation in before] == [variation.id for variation in after.variations]:
        return []
    places = {variation.id: index for index, variation in enumerate(after.variations)}
    moved = {index: places.get(variation.id) for index, variation in enumerate(before)}
    needing = {flag.key: flag for flag, _ in dependents(after.key, flags) if flag.key != after.key}
    return [_moved(flag, after.key, moved) for flag in needing.values()]


def _moved(flag: Flag, key: str, moved: Mapping[int, int | None]) -> Flag:
    configs = {}
    for environment, config in flag.environments.items():
        prerequisites = []
        for held in config.prerequisites:
            place = moved.get(held.variation) if held.key == key else held.variation
            if place is None:
                raise Conflict(f"the flag {flag.key!r} needs the variation")
            prerequisites.append(replace(held, variation=place))
        configs[environment] = replace(config, prerequisites=tuple(prerequisites))
    return replace(flag, environments=configs)


def _needed(key: str, flags: Mapping[str, Flag], environment: str) -> set[str]:
    """The keys of all flags that the flag needs there, through however many others."""
    found: set[str] = set()
    waiting = [key]
    while waiting:
        config = flags[waiting.pop()].environments.get(environment)
        for prerequisite in () if config is None else config.prerequisites:
            if prerequisite.key not in found and prerequisite.key in flags:
                found.add(prerequisite.key)
                waiting.append(prerequisite.key)
    return found
