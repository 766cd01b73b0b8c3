"""What each operator says of a value, and that the official SDK says the same of every pair we can think of."""

from typing import Any

import pytest

from assay.flags.evaluation import compile_set
from assay.flags.operators import as_time, as_version, compile_test
from flags.documents import clause, flag, rule, user
from flags.generated import NESTED, OPERATORS, POOLS, SCALARS
from flags.official import Official, ours

TABLE: list[tuple[str, Any, list[Any], bool]] = [
    ("in", "a", ["b", "a"], True),
    ("in", "a", [], False),
    ("in", "A", ["a"], False),
    ("in", 1, [1.0], True),
    ("in", 1, ["1"], False),
    ("in", "1", [1], False),
    ("in", True, [1], False),
    ("in", 0, [False], False),
    ("in", False, [False], True),
    ("in", {"x": [1]}, [{"x": [1]}], True),
    ("in", {"x": [1]}, [{"x": [1], "y": 2}], False),
    ("startsWith", "treatment", ["x", "treat"], True),
    ("startsWith", "treatment", ["ment"], False),
    ("startsWith", "treatment", [""], True),
    ("startsWith", 10, ["1"], False),
    ("endsWith", "treatment", ["ment"], True),
    ("endsWith", "treatment", ["treat", 1, None], False),
    ("contains", "treatment", ["atm"], True),
    ("contains", "treatment", ["ATM"], False),
    ("contains", ["a"], ["a"], False),
    ("matches", "ann@example.com", ["@example[.]"], True),
    ("matches", "ann@example.com", ["^example"], False),
    ("matches", "ann", ["(", "n$"], True),
    ("matches", "ann", ["("], False),
    ("matches", 10, ["1"], False),
    ("lessThan", 1, [1], False),
    ("lessThan", 1, [0, 1.5], True),
    ("lessThanOrEqual", 1, [1], True),
    ("greaterThan", 1, [5, 0.5], True),
    ("greaterThan", "2", [1], False),
    ("greaterThan", 2, ["1"], False),
    ("greaterThan", True, [0], False),
    ("greaterThanOrEqual", 1.0, [1], True),
    ("greaterThan", 10**400, [1], True),
    ("lessThan", -(10**400), [1], True),
    ("before", "2020-01-01T00:00:00Z", ["2020-01-01T00:00:00.001Z"], True),
    ("before", "2020-01-01T00:00:00Z", [1_577_836_800_000], False),
    ("before", 1_577_836_799_999, ["2020-01-01T00:00:00Z"], True),
    ("before", "2020-01-01T00:30:00+01:00", ["2020-01-01T00:00:00Z"], True),
    ("after", "2020-01-01T00:00:00z", ["2021-01-01T00:00:00Z", "2019-01-01T00:00:00Z"], True),
    ("after", "2020-01-01T00:00:00", ["2019-01-01T00:00:00Z"], False),
    ("after", "2020-01-01", [0], False),
    ("after", True, [0], False),
    ("semVerEqual", "2", ["2.0.0"], True),
    ("semVerEqual", "2.0", ["1", "2.0.0+build"], True),
    ("semVerEqual", "2.0.0-rc.1", ["2.0.0"], False),
    ("semVerEqual", "v2.0.0", ["2.0.0"], False),
    ("semVerEqual", "02.0.0", ["2.0.0"], False),
    ("semVerLessThan", "2.0.0-rc.1", ["2"], True),
    ("semVerLessThan", "2.0.0-rc.2", ["2.0.0-rc.10"], True),
    ("semVerLessThan", "2.9.0", ["2.10.0"], True),
    ("semVerGreaterThan", "2.0.0-rc.x", ["2.0.0-rc.1"], True),
    ("semVerGreaterThan", "2.0.0-rc.1.1", ["2.0.0-rc.1"], True),
    ("semVerGreaterThan", 3, ["2.0.0"], False),
    ("unheardOf", "a", ["a"], False),
]


@pytest.mark.parametrize(("op", "value", "values", "expected"), TABLE)
def test_an_operator_holds_or_not(op: str, value: Any, values: list[Any], expected: bool) -> None:
    assert compile_test(op, values)(value) is expected


@pytest.mark.parametrize("op", OPERATORS)
def test_an_operator_agrees_with_the_official_one_on_every_pair_of_values(op: str) -> None:
    values = [*POOLS[op], *SCALARS, *NESTED, None]
    lists = [[value] for value in values] + [values[:2], values[2:5], []]
    flags = {
        f"flag-{n}": flag(f"flag-{n}", rules=[rule(clause("value", op, *some))])
        for n, some in enumerate(lists)
    }
    compiled, official = compile_set(flags, {}), Official(flags, {})
    for value in [*values, [value for value in values if isinstance(value, str)], values]:
        context = user(value=value)
        for key in flags:
            assert ours(compiled, key, context) == official.answer(key, context)


def test_versions_sort_as_semver_org_says() -> None:
    ascending = (
        *("1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11"),
        *("1.0.0-rc.1", "1.0.0", "1.0.1", "1.2", "1.10", "2", "10"),
    )
    keys = [as_version(version) for version in ascending]
    assert None not in keys
    assert sorted(keys, key=lambda key: key or ()) == keys
    assert len(set(keys)) == len(keys)


def test_a_version_may_be_longer_than_any_number_that_python_reads() -> None:
    long = as_version("9" * 10_000)
    longer = as_version("1" + "0" * 10_000)
    assert long is not None
    assert longer is not None
    assert long < longer


@pytest.mark.parametrize(
    "text", ["", "Z", "z", "x", "2020-02-30T00:00:00Z", "2020-01-01T00:00:00+99:00", "٢"]
)
def test_what_is_no_time_has_none(text: str) -> None:
    assert as_time(text) is None
