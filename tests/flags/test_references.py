"""How attributes are found: literal names, references, paths, and what is no attribute."""

from typing import Any

import pytest

from assay.flags.context import parse_context
from assay.flags.evaluation import compile_set
from assay.flags.references import Malformed, compile_reference, parse_reference
from flags.documents import clause, flag, multi, rule, user
from flags.generated import FAULTY, NAMES, REFERENCES
from flags.official import Official, ours

ANN: dict[str, Any] = {
    "kind": "user",
    "key": "ann",
    "name": "Ann",
    "address": {"city": "Berlin", "geo": {"lat": 52.5}, "/slash": {"~": "deep"}, "nothing": None},
    "tags": ["x"],
    "/slash": "literal",
    "a/b": "escaped",
    "~": "tilde",
    "_meta": {"privateAttributes": ["name"]},
}


@pytest.mark.parametrize(
    ("reference", "literal", "path"),
    [
        ("name", False, ("name",)),
        ("/name", False, ("name",)),
        ("/name", True, ("/name",)),
        ("a/b", False, ("a/b",)),
        ("/a/b", False, ("a", "b")),
        ("/a~1b/~0", False, ("a/b", "~")),
        ("/~01", False, ("~1",)),
        ("~1", False, ("~1",)),
        ("", True, None),
        ("", False, None),
        ("/", False, None),
        ("/", True, ("/",)),
        ("/a//b", False, None),
        ("/a/", False, None),
        ("/a~2", False, None),
        ("/a~", False, None),
    ],
)
def test_a_reference_is_a_path(reference: str, literal: bool, path: tuple[str, ...] | None) -> None:
    assert parse_reference(reference, literal=literal) == path


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("/address/city", "Berlin"),
        ("/address/geo/lat", 52.5),
        ("/address/~1slash/~0", "deep"),
        ("/address/nothing", None),
        ("/address/absent/x", None),
        ("/tags/0", None),
        ("/name/x", None),
        ("anonymous", False),
        ("kind", "user"),
        ("/kind/x", None),
        ("_meta", None),
        ("/_meta/privateAttributes", None),
    ],
)
def test_a_path_leads_to_a_value_or_to_none(reference: str, value: Any) -> None:
    read = compile_reference(parse_reference(reference, literal=False), "user")
    assert read(parse_context(ANN)["user"]) == value


def test_what_is_no_reference_makes_the_flag_malformed_when_it_is_read() -> None:
    with pytest.raises(Malformed):
        compile_reference(None, "user")({"key": "ann"})


@pytest.mark.parametrize("kind", [None, "", "user", "org"])
@pytest.mark.parametrize("attribute", sorted({*NAMES, *REFERENCES, *FAULTY}))
def test_every_reference_agrees_with_the_official_sdk(attribute: str, kind: str | None) -> None:
    parts = {} if kind is None else {"contextKind": kind}
    values = ("Ann", "ann", "Berlin", 52.5, "deep", "literal", "escaped", "tilde", "x", "user", False, "y")
    clauses = [clause(attribute, "in", *values, negate=negate, **parts) for negate in (False, True)]
    flags = {f"flag-{n}": flag(f"flag-{n}", rules=[rule(each)]) for n, each in enumerate(clauses)}
    rollout = {
        "bucketBy": attribute,
        "variations": [{"variation": n, "weight": 33_333} for n in range(3)],
        **parts,
    }
    flags["flag-2"] = flag("flag-2", fallthrough={"rollout": rollout})
    compiled, official = compile_set(flags, {}), Official(flags, {})
    inner = {name: value for name, value in ANN.items() if name != "kind"}
    for context in (
        ANN,
        multi(user=inner, org={"key": "y"}),
        {**ANN, "kind": "device"},
        user(anonymous=True),
    ):
        for key in flags:
            assert ours(compiled, key, context) == official.answer(key, context)
