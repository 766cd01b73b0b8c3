"""What a form sends, as a value: names with dots are parts, `rule.0.clause.1.op`."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from assay.errors import InvalidRequest

MOST_FIELDS = 20_000


@dataclass(frozen=True, slots=True)
class Form:
    """The fields by name, each with all its values in order."""

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """The field's last value, without the blanks around it."""
        values = self.fields.get(name)
        return values[-1].strip() if values else default

    def raw(self, name: str) -> str:
        """The field's last value as it was typed, with the line ends of Unix."""
        return self.fields.get(name, ("",))[-1].replace("\r\n", "\n")

    def every(self, name: str) -> tuple[str, ...]:
        return self.fields.get(name, ())

    def ticked(self, name: str) -> bool:
        return name in self.fields

    def words(self, name: str) -> list[str]:
        """The parts of a field between commas or line ends, without repeats."""
        return parts_of(self.raw(name))

    def texts(self, kind: type) -> dict[str, Any]:
        """What was sent for each field of a dataclass that is a text; its default where nothing was."""
        return {
            one.name: self.text(one.name, one.default)
            for one in dataclasses.fields(kind)
            if isinstance(one.default, str)
        }

    def percent(self, name: str) -> str:
        """A percentage as typed, without its sign and with a decimal point."""
        return self.text(name).removesuffix("%").strip().replace(",", ".")

    def version(self) -> int:
        """Of the record that the form began with; 0, which is none's, where that is no number."""
        text = self.text("version")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0

    def check_confirmed(self, key: str, noun: str) -> None:
        """Raises `InvalidRequest` unless the key of what is to be deleted was typed."""
        if self.text("confirm") != key:
            raise InvalidRequest(f"type the {noun}'s key, {key}, to delete it")

    def lines(self, name: str) -> list[str]:
        """The lines of a field that hold anything, without repeats."""
        return list(dict.fromkeys(line.strip() for line in self.raw(name).split("\n") if line.strip()))

    def within(self, name: str) -> "Form":
        """The fields below `name`, by the rest of their names."""
        prefix = f"{name}."
        return Form(
            {key.removeprefix(prefix): value for key, value in self.fields.items() if key.startswith(prefix)}
        )

    def numbered(self, name: str) -> list["Form"]:
        """The parts `name.0`, `name.1`, … in the order of their numbers."""
        inside = self.within(name)
        numbers = {key.partition(".")[0] for key in inside.fields}
        return [inside.within(number) for number in sorted(filter(str.isdecimal, numbers), key=int)]


def parts_of(text: str) -> list[str]:
    """The parts between commas or line ends, without repeats."""
    parts = (part.strip() for part in re.split(r"[,\n]", text))
    return list(dict.fromkeys(part for part in parts if part))


def parsed_json(text: str, what: str = "this") -> Any:
    """The JSON value that was typed, read as strictly as the REST API reads it; else `InvalidRequest`."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(f"{what} is no JSON: {error}") from None


def read_form(body: bytes) -> Form:
    """The form in a URL-encoded body or query; what isn't UTF-8 is replaced."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
            errors="replace",
        )
    except ValueError:
        raise InvalidRequest("the form has too many fields") from None
    sent: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        sent[name] = (*sent.get(name, ()), value)
    return Form(sent)
