"""Flags, segments and contexts that refer to one another often enough to meet every branch of evaluation."""

from typing import Any

from hypothesis import strategies as st

KINDS = ("user", "org", "device")
KEYS = ("a", "b", "c", "d:e%f", "ключ", "user-1", "user-2")
FLAGS = ("flag-0", "flag-1", "flag-2", "flag-3")
SEGMENTS = ("segment-0", "segment-1", "segment-2", "segment-3")

NAMES = ("name", "email", "age", "tags", "address", "release", "joined", "/slash", "a/b", "~", "flaky")
REFERENCES = (
    *(*NAMES[:7], "/email", "/tags", "/address/city", "/address/geo/lat", "/address/~1slash/~0"),
    *("/~1slash", "/a~1b", "/~0", "key", "/key", "kind", "/kind", "anonymous", "/anonymous", "/anonymous/x"),
    *("/key/x", "/kind/x", "_meta", "/_meta/privateAttributes", "absent", "/address/absent", "/tags/0"),
)
# What is no reference at all, with or without a context kind; kept rare, because it ends an evaluation.
FAULTY = ("", "/", "//", "/address/", "/address//city", "/bad~2escape", "/bad~")

TEXTS = ("a", "b", "Ann", "ann@example.com", "example", "user", "org", "us", "", "10", "true")
NUMBERS = (0, 1, -1, 10, 10.0, 10.5, -0.0, 2**53, 2**53 + 1, 1_577_836_800_000, 1e300)
TIMES = (
    *("2020-01-01T00:00:00Z", "2020-01-01T00:00:00.5Z", "2020-01-01T01:00:00+01:00", "2019-12-31T23:59:59z"),
    *(
        "2020-01-01T00:00:00.123456789-00:00",
        "1970-01-01T00:00:00Z",
        "2020-01-01T00:00:00",
        "2020-13-01T00:00:00Z",
    ),
    *("2020-01-01", "not a date", "2020-01-01 00:00:00Z", "0001-01-01T00:00:00+14:00"),
)
VERSIONS = (
    *("2", "2.0", "2.0.0", "2.0.1", "2.1", "10.0.0", "2.0.0-rc.1", "2.0.0-rc.2", "2.0.0-rc.10", "2.0.0-rc"),
    *("2-rc.1", "2.0-rc.1", "2.0.0+build.7", "2+build", "2.0.0-alpha.beta", "2.0.0-1", "02.0.0", "2.0.0-01"),
    *("v2.0.0", "2.0.0.0", "2.", "2.0.0-", "", "2.0.0-rc..1", "2.0.0+a+b"),
)
PATTERNS = ("^a", "n+", "@example\\.com$", ".", "", "(", "[a-", "a(?=b)", "(?i)ANN", "^10$")
SCALARS = (*TEXTS, *NUMBERS, True, False)
NESTED: tuple[Any, ...] = ([], ["a", 10], [["a"], True, None], [True], {"city": "a"}, {})

POOLS: dict[str, tuple[Any, ...]] = {
    "in": (*SCALARS, *KEYS, *NESTED, None),
    "startsWith": (*TEXTS, *KEYS),
    "endsWith": (*TEXTS, *KEYS),
    "contains": (*TEXTS, *KEYS),
    "matches": PATTERNS,
    "lessThan": NUMBERS,
    "lessThanOrEqual": NUMBERS,
    "greaterThan": NUMBERS,
    "greaterThanOrEqual": NUMBERS,
    "before": (*TIMES, *NUMBERS),
    "after": (*TIMES, *NUMBERS),
    "semVerEqual": VERSIONS,
    "semVerLessThan": VERSIONS,
    "semVerGreaterThan": VERSIONS,
    "unheardOf": TEXTS,
}
OPERATORS = tuple(POOLS)

any_value = st.sampled_from((*SCALARS, *TIMES, *VERSIONS, *NESTED, None))
kinds = st.sampled_from(KINDS)
maybe_kind = st.sampled_from((None, None, "", *KINDS))
rarely = st.sampled_from((False, False, False, False, True))
booleans = st.booleans()


def without_none(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}


@st.composite
def any_clause(draw: st.DrawFn) -> dict[str, Any]:
    """Mostly nonsense, as broad as the model."""
    op = draw(st.sampled_from(OPERATORS))
    return {
        "attribute": draw(st.sampled_from((*REFERENCES, *FAULTY[:2]))),
        "op": op,
        "values": draw(st.lists(st.sampled_from((*POOLS[op] * 4, *SCALARS)), max_size=4)),
        "negate": draw(rarely),
        "contextKind": draw(maybe_kind),
    }


@st.composite
def likely_clause(draw: st.DrawFn) -> dict[str, Any]:
    """Matches about every second context."""
    attribute, op, values = draw(
        st.sampled_from(
            (
                ("key", "in", ["a", "b", "user-1", "d:e%f"]),
                ("/key", "contains", ["user", "c"]),
                ("kind", "in", ["org", "device"]),
                ("anonymous", "in", [True]),
                ("name", "matches", ["n", "^u"]),
                ("age", "greaterThan", [1]),
                ("release", "semVerLessThan", ["2.0.1"]),
                ("joined", "before", ["2020-01-01T00:00:00Z"]),
                ("/address/city", "in", ["a"]),
            )
        )
    )
    clause = {"attribute": attribute, "op": op, "values": values, "negate": draw(rarely)}
    return clause | {"contextKind": "user" if attribute.startswith("/") else draw(maybe_kind)}


@st.composite
def segment_clause(draw: st.DrawFn) -> dict[str, Any]:
    keys = draw(st.lists(st.sampled_from((*SEGMENTS, "absent")), min_size=1, max_size=2))
    return {"attribute": "", "op": "segmentMatch", "values": keys, "negate": draw(rarely)}


clauses = st.one_of(likely_clause(), segment_clause(), likely_clause(), any_clause()).map(without_none)
weights = st.sampled_from((0, 1, 20_000, 40_000, 50_000, 60_000, 100_000))
weighted = st.fixed_dictionaries(
    {"variation": st.sampled_from((*(0, 1, 2) * 5, 7)), "weight": weights}, optional={"untracked": booleans}
)
rollouts = st.fixed_dictionaries(
    {"variations": st.lists(weighted, min_size=1, max_size=4) | st.lists(weighted, max_size=4)},
    optional={
        "kind": st.sampled_from(("rollout", "experiment", "experiment", "unheardOf")),
        "contextKind": maybe_kind,
        "bucketBy": st.sampled_from(("", *REFERENCES, *NAMES * 2, FAULTY[1])),
        "seed": st.sampled_from((0, 1, 61, 2**31 - 1)),
    },
)
places = st.one_of(
    st.fixed_dictionaries({"variation": st.sampled_from((*(0, 1, 2) * 5, -1, 3))}),
    st.fixed_dictionaries({"rollout": rollouts}),
    st.fixed_dictionaries({"rollout": rollouts}),
    st.fixed_dictionaries({"rollout": rollouts}),
    st.fixed_dictionaries({}, optional={"variation": st.just(1), "rollout": rollouts}),
)
key_lists = st.lists(st.sampled_from(KEYS), max_size=2)
targets = st.fixed_dictionaries({"variation": st.sampled_from((0, 1, 2, 9)), "values": key_lists})
context_targets = st.fixed_dictionaries(
    {"variation": st.sampled_from((0, 1, 2)), "values": key_lists}, optional={"contextKind": maybe_kind}
)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    rule: dict[str, Any] = {"clauses": draw(st.lists(clauses, min_size=1, max_size=2)), **draw(places)}
    identifier = draw(st.sampled_from((None, "", "rule-id")))
    return without_none(rule | {"id": identifier, "trackEvents": draw(booleans)})


prerequisites = st.fixed_dictionaries(
    {"key": st.sampled_from((*FLAGS, "absent")), "variation": st.sampled_from((0, 1, 2))}
)


@st.composite
def flags(draw: st.DrawFn, key: str) -> dict[str, Any]:
    document = {
        "key": key,
        "version": 7,
        "on": not (draw(rarely) and draw(rarely)),
        "variations": draw(st.sampled_from((["x", "y", "z"], [False, 1.5, {"deep": [1]}], [None, "y", "z"]))),
        "offVariation": draw(st.sampled_from((None, 0, 1, 5))),
        "fallthrough": draw(places),
        "prerequisites": draw(st.lists(prerequisites, min_size=1, max_size=2)) if draw(rarely) else [],
        "targets": draw(st.lists(targets, max_size=2)) if draw(booleans) else [],
        "contextTargets": draw(st.lists(context_targets, max_size=3)) if draw(booleans) else [],
        "rules": draw(st.lists(rules(), min_size=1, max_size=3)),
        "salt": draw(st.sampled_from((None, "", "salty"))),
        "trackEvents": draw(booleans),
        "trackEventsFallthrough": draw(booleans),
    }
    return without_none(document)


segment_targets = st.fixed_dictionaries({"values": key_lists}, optional={"contextKind": maybe_kind})
segment_rules = st.fixed_dictionaries(
    {"clauses": st.lists(clauses, max_size=2)},
    optional={
        "weight": weights,
        "bucketBy": st.sampled_from(("", *REFERENCES, *NAMES * 2, FAULTY[1])),
        "rolloutContextKind": maybe_kind,
    },
)


@st.composite
def segments(draw: st.DrawFn, key: str) -> dict[str, Any]:
    document = {
        "key": key,
        "version": 3,
        "included": draw(key_lists),
        "excluded": draw(key_lists),
        "includedContexts": draw(st.lists(segment_targets, max_size=2)),
        "excludedContexts": draw(st.lists(segment_targets, max_size=2)),
        "rules": draw(st.lists(segment_rules, max_size=2)),
        "salt": draw(st.sampled_from((None, "pepper"))),
    }
    if draw(rarely):
        document |= {
            "unbounded": True,
            "generation": draw(st.sampled_from((None, 2))),
            "unboundedContextKind": draw(maybe_kind),
        }
    return without_none(document)


attributes = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(TEXTS),
        "anonymous": booleans,
        "email": st.sampled_from((*TEXTS, 10, None)),
        "age": st.sampled_from((*NUMBERS, "10")),
        "tags": st.lists(any_value, max_size=3),
        "address": st.sampled_from(
            ({"city": "a", "geo": {"lat": 10.5}}, {"city": ["a", "b"], "geo": 1}, {"/slash": {"~": "a"}}, "a")
        ),
        "release": st.sampled_from(VERSIONS),
        "joined": st.sampled_from((*TIMES, *NUMBERS)),
        "/slash": st.sampled_from(TEXTS),
        "a/b": st.sampled_from(TEXTS),
        "~": any_value,
        "_meta": st.just({"privateAttributes": ["email"]}),
    },
)
singles = st.builds(lambda key, rest: {"key": key, **rest}, st.sampled_from(KEYS), attributes)
contexts = st.one_of(
    st.builds(lambda kind, single: {"kind": kind, **single}, kinds, singles),
    st.builds(
        lambda parts: {"kind": "multi", **parts}, st.dictionaries(kinds, singles, min_size=1, max_size=3)
    ),
)
flag_sets = st.fixed_dictionaries({key: flags(key) for key in FLAGS})
segment_sets = st.fixed_dictionaries({key: segments(key) for key in SEGMENTS})
