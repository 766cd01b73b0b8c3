"""The kinds of context that a project's experiments may randomize."""

import msgspec
from msgspec.structs import replace

from assay.errors import InvalidRequest
from assay.flags.clause_validation import CONTEXT_KIND


class RandomizationUnit(msgspec.Struct, frozen=True, rename="camel"):
    """A context kind; `standard_randomization_unit` says what it stands for in a data warehouse."""

    randomization_unit: str
    default: bool = False
    standard_randomization_unit: str = ""


class ExperimentationSettings(msgspec.Struct, frozen=True, rename="camel"):
    """A project's units; one of them is the default."""

    randomization_units: tuple[RandomizationUnit, ...] = (RandomizationUnit("user", default=True),)
    creation_date: int = msgspec.field(name="_creationDate", default=0)

    @property
    def default(self) -> str:
        return next(unit.randomization_unit for unit in self.randomization_units if unit.default)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(unit.randomization_unit for unit in self.randomization_units)


def check_units(settings: ExperimentationSettings) -> None:
    """Raises `InvalidRequest` with what is wrong first."""
    names = settings.names
    if len(set(names)) < len(names):
        raise InvalidRequest("each randomizationUnit is listed once")
    for name in names:
        if not CONTEXT_KIND.fullmatch(name) or name in ("kind", "multi"):
            raise InvalidRequest(f"{name[:64]!r} is no context kind that could be randomized")
    if sum(unit.default for unit in settings.randomization_units) != 1:
        raise InvalidRequest("exactly one randomizationUnit is the default")


def with_units(
    before: ExperimentationSettings, units: tuple[RandomizationUnit, ...]
) -> ExperimentationSettings:
    """The settings with these units; where none is marked as the default, the one before stays it, or the first is."""
    if not any(unit.default for unit in units):
        names = [unit.randomization_unit for unit in units]
        chosen = before.default if before.default in names else names[0] if names else ""
        units = tuple(replace(unit, default=unit.randomization_unit == chosen) for unit in units)
    after = replace(before, randomization_units=units)
    check_units(after)
    return after


def settings_address(project: str) -> tuple[str, str, str]:
    """Where the store keeps them: one record for each project."""
    return ("experimentation_settings", project, "settings")
