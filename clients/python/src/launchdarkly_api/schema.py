"""What a model is: typed fields read from JSON, by attribute or by key; knows no model in particular.

A subclass declares its fields as annotations; on the wire a field is in camelCase unless `wire_names` says
otherwise. Reading is tolerant: null is the same as absent (inside an array it is an empty model, so that
positions hold), unknown fields are kept as they came, a field may be spelled as the attribute is, and a
whole number may be written with a fraction of zero.
"""

import functools
import re
from collections.abc import Mapping
from contextlib import suppress
from pprint import pformat
from typing import Any, ClassVar, Self, TypeVar, get_args, get_origin, get_type_hints

from launchdarkly_api.exceptions import ApiAttributeError, ApiTypeError

Path = tuple[str | int, ...]


class Model:
    """Fields by attribute (`totals.p_value`) or key (`totals["p_value"]`).

    An absent field raises `ApiAttributeError`; `get` answers with a default instead.
    """

    __hash__ = None  # type: ignore[assignment]

    wire_names: ClassVar[Mapping[str, str]] = {}
    field_types: ClassVar[dict[str, Any]]
    attributes: ClassVar[dict[str, str]]
    _fields: dict[str, Any]

    def __init_subclass__(cls) -> None:
        cls.field_types = {
            name: hint for name, hint in get_type_hints(cls).items() if name not in Model.__annotations__
        }
        camel = {name: re.sub("_(.)", lambda match: match[1].upper(), name) for name in cls.field_types}
        cls.attributes = {wire: name for name, wire in (camel | dict(cls.wire_names)).items()}

    def __init__(self, **fields: Any) -> None:
        object.__setattr__(self, "_fields", {})
        for name, value in fields.items():
            self[name] = value

    @classmethod
    def from_wire(cls, data: Mapping[str, Any], path: Path = (), *, check: bool = True) -> Self:
        """Read a decoded JSON object; `check=False` keeps values of a wrong type. Raises `ApiTypeError`."""
        model, names, types = cls(), cls.attributes, cls.field_types
        for key, value in data.items():
            name = names.get(key, key)
            if name not in types:
                model._fields[name] = value
            elif value is not None:
                model._fields[name] = _read(value, types[name], (*path, name), check=check)
        return model

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries and lists all the way down, keyed as the attributes are."""
        return {name: _plain(value) for name, value in self._fields.items()}

    def to_str(self) -> str:
        """The same, pretty-printed."""
        return pformat(self.to_dict())

    __repr__ = to_str

    def get(self, name: str, default: Any = None) -> Any:
        """The field, or `default` where it is absent."""
        return self._fields.get(name, default)

    def __getitem__(self, name: str) -> Any:
        if name not in self._fields:
            raise ApiAttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return self._fields[name]

    def __setitem__(self, name: str, value: object) -> None:
        self._fields[name] = _read(value, self.field_types.get(name, Any), (name,), check=True)

    def __getattr__(self, name: str) -> Any:
        if name == "_fields" or name.startswith("__"):  # copying asks before there are fields
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: object) -> None:
        self[name] = value

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and type(self) is type(other) and self._fields == other._fields

    def __reduce__(self) -> tuple[Any, ...]:
        return functools.partial(type(self).from_wire, check=False), (self._fields,)


M = TypeVar("M", bound=Model)


class ModelList(list[M]):
    """A list of models that also answers to `.value`, as the official client's wrapped arrays do."""

    item_type: ClassVar[type[Model]]

    @property
    def value(self) -> list[M]:
        """The list itself."""
        return self

    def to_str(self) -> str:
        """The list, pretty-printed."""
        return pformat(_plain(self))


def _read(value: Any, hint: Any, path: Path, *, check: bool) -> Any:
    if hint is Any:
        return value
    kind = get_origin(hint) or hint
    if kind is list and isinstance(value, list):
        return _read_items(value, get_args(hint)[0], path, check=check)
    if kind is dict and isinstance(value, dict):
        return {key: _read(item, get_args(hint)[1], (*path, key), check=check) for key, item in value.items()}
    if issubclass(kind, ModelList) and isinstance(value, list):
        return kind(_read_items(value, kind.item_type, path, check=check))
    if issubclass(kind, Model) and isinstance(value, kind):
        return value
    if issubclass(kind, Model) and (value is None or isinstance(value, Mapping)):
        return kind.from_wire(value or {}, path, check=check)
    if kind in (str, bool) and isinstance(value, kind):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        with suppress(OverflowError):
            if kind is float or (kind is int and value == value // 1):
                return kind(value)
    if not check:
        return value
    message = f"Required value type is {kind.__name__} and passed type was {type(value).__name__}"
    raise ApiTypeError(message, path)


def _read_items(values: list[Any], hint: Any, path: Path, *, check: bool) -> list[Any]:
    return [_read(value, hint, (*path, index), check=check) for index, value in enumerate(values)]


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
