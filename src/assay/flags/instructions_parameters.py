"""One instruction of a semantic patch: its parameters, read by name in any spelling and by type."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from assay.errors import InvalidRequest
from assay.flags.model import Flag, Variation


@dataclass(frozen=True, slots=True)
class Instruction:
    """`given` is by lower-case name: the field's own documentation spells parameters in two ways."""

    kind: str
    given: Mapping[str, Any]

    def has(self, name: str) -> bool:
        return self.given.get(name.lower()) is not None

    def any(self, name: str) -> Any:
        """A value of any type, which must be there; null is a value too."""
        if name.lower() not in self.given:
            raise InvalidRequest(f"it needs {name}")
        return self.given[name.lower()]

    def text(self, name: str) -> str:
        value = self.given.get(name.lower())
        if not isinstance(value, str):
            raise InvalidRequest(f"it needs a string as {name}")
        return value

    def text_or(self, name: str, default: str) -> str:
        return self.text(name) if self.has(name) else default

    def texts(self, name: str) -> list[str]:
        values = self.items(name)
        if not all(isinstance(value, str) for value in values):
            raise InvalidRequest(f"it needs a list of strings as {name}")
        return values

    def truth(self, name: str) -> bool:
        value = self.given.get(name.lower())
        if not isinstance(value, bool):
            raise InvalidRequest(f"it needs true or false as {name}")
        return value

    def items(self, name: str) -> list[Any]:
        value = self.given.get(name.lower())
        if not isinstance(value, list):
            raise InvalidRequest(f"it needs a list as {name}")
        return value

    def part(self, name: str) -> "Instruction":
        """The object `name`, as an instruction of the same kind."""
        return folded(self.kind, self.given.get(name.lower()), name)

    def parts(self, name: str) -> list["Instruction"]:
        """The objects in the list `name`."""
        return [folded(self.kind, value, f"{name}[{place}]") for place, value in enumerate(self.items(name))]


@dataclass(frozen=True, slots=True)
class Scene:
    """What an instruction sees: the flag as the ones before it left it, every flag of the project, the time."""

    flag: Flag
    flags: Mapping[str, Flag]
    now_ms: int
    new_id: Callable[[], str]


def folded(kind: str, raw: object, name: str) -> Instruction:
    """The object under the name, its own names in lower case."""
    if not isinstance(raw, dict):
        raise InvalidRequest(f"it needs an object as {name}")
    return Instruction(kind, {key.lower(): value for key, value in raw.items()})


def index_of(variations: tuple[Variation, ...], identifier: object) -> int:
    """The place of the variation with this id."""
    for index, variation in enumerate(variations):
        if variation.id == identifier:
            return index
    raise InvalidRequest(f"the flag has no variation with the id {identifier!r}")


def with_values(held: tuple[Any, ...], added: list[Any]) -> tuple[Any, ...]:
    """The values and, behind them, those that weren't among them; true is not 1."""
    values = held
    for value in added:
        values = values if _holds(values, value) else (*values, value)
    return values


def without_values(held: tuple[Any, ...], gone: list[Any]) -> tuple[Any, ...]:
    """The values that aren't among those gone."""
    return tuple(value for value in held if not _holds(gone, value))


def _holds(values: list[Any] | tuple[Any, ...], wanted: Any) -> bool:
    return any(isinstance(value, bool) == isinstance(wanted, bool) and value == wanted for value in values)
