"""Whatever an instruction is given, it is followed or refused, and what comes out can be stored and read again."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from assay.errors import AssayError
from assay.flags.expiring_targets import apply_expiry
from assay.flags.instructions import IN_ENVIRONMENT, apply_instructions
from assay.flags.instructions_settings import SETTING_INSTRUCTIONS
from assay.flags.model import Clause, ExpiringTarget, Flag, Rule
from assay.flags.prerequisites import check_prerequisites
from assay.flags.targets import with_targets
from assay.flags.validation import check_flag
from flags.flags import config, flag

WORDS = st.sampled_from(
    [
        "id-0",
        "id-1",
        "id-2",
        "r0",
        "r1",
        "c0",
        "ann",
        "user",
        "org",
        "other",
        "flag",
        "usingMobileKey",
        "p",
        "",
    ]
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), WORDS, st.text(max_size=5)
)
CLAUSES = st.fixed_dictionaries(
    {
        "attribute": SCALARS,
        "op": st.sampled_from(["in", "matches", "before", "semVerEqual", "segmentMatch"]),
        "values": st.lists(SCALARS, max_size=3),
    }
)
WEIGHTS = st.dictionaries(WORDS, st.sampled_from([0, 50_000, 100_000, -1, 2**70, True, "1"]), max_size=3)
CLAUSE = st.just({"attribute": "a", "op": "in", "values": ["x"]})
IDS = st.sampled_from(["id-0", "id-1", "id-2"])
KEYS = st.lists(st.sampled_from(["x", "ann", "acme", "bob"]), max_size=2)
TARGET = st.fixed_dictionaries({"variationId": IDS, "values": KEYS})

# What each parameter is when it is right, or nearly.
PLAUSIBLE = {
    "value": st.sampled_from(["x", "usingMobileKey", {"a": 1}, 9000]),
    "values": KEYS,
    "name": st.just("N"),
    "description": st.just("d"),
    "key": st.sampled_from(["other", "p", "flag"]),
    "variationId": IDS,
    "contextKind": st.sampled_from(["user", "org"]),
    "rolloutWeights": st.just({"id-0": 40_000, "id-2": 60_000}),
    "beforeRuleId": st.just("r1"),
    "ruleId": st.sampled_from(["r0", "r1"]),
    "ruleIds": st.permutations(["r0", "r1"]),
    "rules": st.lists(st.fixed_dictionaries({"variationId": IDS, "clauses": st.lists(CLAUSE)}), max_size=2),
    "clauses": st.lists(CLAUSE, max_size=2),
    "clause": CLAUSE,
    "clauseId": st.sampled_from(["c0", "c1"]),
    "clauseIds": st.just(["c0"]),
    "targets": st.lists(TARGET, max_size=2),
    "prerequisites": st.lists(
        st.fixed_dictionaries({"key": st.just("other"), "variationId": IDS}), max_size=1
    ),
    "trackEvents": st.booleans(),
    "onVariationValue": st.sampled_from(["v0", "v2"]),
    "contextKey": st.sampled_from(["ann", "acme"]),
    "version": st.just(1),
}
NAMES = st.sampled_from(sorted(PLAUSIBLE))
PARTS = st.dictionaries(NAMES, st.one_of(SCALARS, st.lists(WORDS, max_size=3), WEIGHTS), max_size=4)
VALUES = st.one_of(
    SCALARS,
    WEIGHTS,
    CLAUSES,
    st.lists(st.one_of(SCALARS, CLAUSES, PARTS), max_size=3),
    st.dictionaries(st.text(max_size=3), SCALARS, max_size=2),
)
KINDS = st.sampled_from(sorted((*IN_ENVIRONMENT, *SETTING_INSTRUCTIONS)))
ENDS = st.sampled_from(["addExpiringTarget", "updateExpiringTarget", "removeExpiringTarget", "nonsense"])


def instructions(kinds: st.SearchStrategy[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Each right in all but a few parameters, or in all."""
    right = st.fixed_dictionaries({}, optional=PLAUSIBLE)
    junk = st.one_of(st.just({}), st.dictionaries(NAMES, VALUES, max_size=2))
    one = st.builds(lambda kind, good, bad: {**good, **bad, "kind": kind}, kinds, right, junk)
    return st.lists(one, min_size=1, max_size=3)


def start() -> Flag:
    """A flag with rules, targets, a property and an end, so that there is something to hit."""
    there = with_targets(
        config(
            rules=(
                Rule((Clause("a", "in", ("x", 1), id="c0"),), variation=0, id="r0"),
                Rule((Clause("b", "in", (True,), id="c1"),), variation=1, id="r1"),
            ),
            expiring_targets=(ExpiringTarget("e", "ann", "id-0", 5000),),
        ),
        {("user", 0): ("ann",), ("org", 1): ("acme",)},
    )
    held = flag(custom_properties={"p": {"name": "P", "value": ["a"]}})
    return replace(held, environments={"production": there, "test": config()})


def assert_storable(made: Flag) -> None:
    assert msgspec.json.decode(msgspec.json.encode(made), type=Flag) == made


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(instructions(KINDS))
def test_any_instruction_is_followed_or_refused(asked: list[dict[str, Any]]) -> None:
    before = start()
    flags = {"flag": before, "other": flag(key="other")}
    try:
        made = apply_instructions(
            before, "production", asked, flags=flags, now_ms=1000, new_id=iter(map(str, range(99))).__next__
        )
        check_flag(made)
        check_prerequisites(made, flags)
    except AssayError:
        assert before == start()
        return
    assert_storable(made)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(instructions(ENDS))
def test_any_end_is_set_or_refused(asked: list[dict[str, Any]]) -> None:
    try:
        made = apply_expiry(start(), "production", asked, now_ms=1000, new_id=lambda: "new")
    except AssayError:
        return
    check_flag(made)
    assert_storable(made)
