"""What a form sends, as values."""

from dataclasses import dataclass

import pytest

from assay.dashboard.forms import Form, parts_of, read_form
from assay.errors import InvalidRequest


@dataclass(frozen=True)
class Typed:
    name: str = ""
    plan: str = "open"
    ticked: bool = False


def test_the_texts_of_a_form_are_those_of_a_dataclass_with_its_defaults() -> None:
    form = read_form(b"name=+Ada+&name=+Grace+&ticked=on&more=1")
    assert form.texts(Typed) == {"name": "Grace", "plan": "open"}
    assert read_form(b"plan=").texts(Typed)["plan"] == ""


@pytest.mark.parametrize(("typed", "read"), [("12,5 %", "12.5"), (" 3% ", "3"), ("many", "many"), ("", "")])
def test_a_percentage_is_read_without_its_sign(typed: str, read: str) -> None:
    assert Form({"share": (typed,)}).percent("share") == read


def test_parts_are_between_commas_and_line_ends() -> None:
    assert parts_of(" a, b\nc,, a\n") == ["a", "b", "c"]


def test_a_deletion_is_confirmed_by_the_key() -> None:
    Form({"confirm": (" mine ",)}).check_confirmed("mine", "flag")
    with pytest.raises(InvalidRequest, match="type the flag's key, mine, to delete it"):
        Form({"confirm": ("yours",)}).check_confirmed("mine", "flag")
