"""A policy allows what its statements cover, and nothing that one of them denies."""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assay.access.policies import (
    ANYTHING,
    MOST_STATEMENTS,
    RANKS,
    Grant,
    Resource,
    Step,
    check_statements,
    covers,
    matches,
    parse_resource,
    permits,
)
from assay.errors import InvalidRequest
from assay.store.records import Statement

NAMES = ("a", "ab", "b", "production", "test")
KINDS = ("flag", "segment", "experiment")
ACTIONS = ("viewFlag", "viewProject", "updateOn", "updateRules", "deleteFlag", "createFlag")
TAGS = ("x", "y")

name_patterns = st.sampled_from((*NAMES, "*", "a*", "*b", "t*t", "**", "*o*"))
tag_parts = st.sampled_from(("", "", "", ";x", ";x,y", ";y"))
action_patterns = st.sampled_from((*ACTIONS, "*", "view*", "*Flag", "update*"))


@st.composite
def resource_patterns(draw: st.DrawFn) -> str:
    if draw(st.integers(0, 9)) == 0:
        return "*"
    kinds = draw(
        st.sampled_from(
            (("proj",), ("proj", "env"), ("proj", "env", "flag"), ("proj", "env", "*"), ("acct",))
        )
    )
    return ":".join(
        kind if kind == "acct" else f"{kind}/{draw(name_patterns)}{draw(tag_parts)}" for kind in kinds
    )


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    resources = draw(st.lists(resource_patterns(), min_size=1, max_size=2).map(tuple))
    actions = draw(st.lists(action_patterns, min_size=1, max_size=2).map(tuple))
    given: dict[str, Any] = {"effect": draw(st.sampled_from(("allow", "allow", "deny")))}
    given["resources" if draw(st.integers(0, 4)) else "not_resources"] = resources
    given["actions" if draw(st.integers(0, 4)) else "not_actions"] = actions
    return Statement(**given)


@st.composite
def single_resources(draw: st.DrawFn) -> Resource:
    kinds = draw(
        st.sampled_from((("proj",), ("proj", "env"), ("proj", "env", "flag"), ("proj", "env", "segment")))
    )
    return tuple(
        Step(kind, draw(st.sampled_from(NAMES)), frozenset(draw(st.sets(st.sampled_from(TAGS)))))
        for kind in kinds
    )


@st.composite
def requests(draw: st.DrawFn) -> Resource:
    """Of one resource, or with steps that stand for all."""
    return tuple(
        Step(step.kind, "*") if draw(st.integers(0, 3)) == 0 else step for step in draw(single_resources())
    )


policies = st.lists(statements(), max_size=5).map(tuple)
actions = st.sampled_from(ACTIONS)
ranks = st.sampled_from(RANKS)


def allowed(policy: tuple[Statement, ...], action: str, resource: Resource | str) -> bool:
    steps = parse_resource(resource) if isinstance(resource, str) else resource
    return permits(Grant(statements=policy), "reader", action, steps)


def allow(resource: str, action: str = "*") -> Statement:
    return Statement("allow", resources=(resource,), actions=(action,))


def deny(resource: str, action: str = "*") -> Statement:
    return Statement("deny", resources=(resource,), actions=(action,))


@given(policies, statements(), actions, requests())
def test_a_denial_that_covers_the_request_wins_over_everything(
    policy: tuple[Statement, ...], last: Statement, action: str, resource: Resource
) -> None:
    allowance, denial = (msgspec.structs.replace(last, effect=effect) for effect in ("allow", "deny"))
    if allowed((allowance,), action, resource):
        for rank in RANKS:
            assert not permits(Grant(rank, (*policy, denial)), "reader", action, resource)


@given(policies, actions, requests(), st.randoms(use_true_random=False))
def test_the_order_of_statements_does_not_matter(
    policy: tuple[Statement, ...], action: str, resource: Resource, random: Any
) -> None:
    shuffled = list(policy)
    random.shuffle(shuffled)
    assert allowed(policy, action, resource) == allowed(tuple(shuffled), action, resource)


@given(policies, statements(), actions, requests())
def test_one_more_denial_never_allows_more_and_one_more_allowance_never_less(
    policy: tuple[Statement, ...], more: Statement, action: str, resource: Resource
) -> None:
    before, after = allowed(policy, action, resource), allowed((*policy, more), action, resource)
    assert after <= before if more.effect == "deny" else after >= before


@given(policies, actions, requests())
def test_nothing_is_allowed_that_no_statement_allows(
    policy: tuple[Statement, ...], action: str, resource: Resource
) -> None:
    only_denials = tuple(one for one in policy if one.effect == "deny")
    assert not allowed(only_denials, action, resource)
    assert not allowed((), action, resource)


@given(policies, actions, requests(), single_resources())
def test_whoever_may_do_it_to_all_may_do_it_to_each(
    policy: tuple[Statement, ...], action: str, resource: Resource, one: Resource
) -> None:
    same_shape = [step.kind for step in one] == [step.kind for step in resource]
    if same_shape and allowed(policy, action, resource):
        each = tuple(
            single if asked.name == "*" else asked for single, asked in zip(one, resource, strict=True)
        )
        assert allowed(policy, action, each)


@given(policies, actions, single_resources())
def test_whoever_may_do_something_somewhere_is_not_turned_away_at_the_door(
    policy: tuple[Statement, ...], action: str, resource: Resource
) -> None:
    if not action.startswith("view") and allowed(policy, action, resource):
        assert allowed(policy, ANYTHING, resource)
        assert allowed(policy, ANYTHING, tuple(Step(step.kind, "*") for step in resource))


@settings(max_examples=400)
@given(policies, policies, ranks, ranks, st.lists(st.tuples(actions, requests()), min_size=1, max_size=8))
@example((allow("*"),), (allow("*"),), "no_access", "no_access", [("updateOn", parse_resource("proj/a"))])
@example(
    (allow("proj/*", "viewProject"), deny("proj/*:env/*", "viewFlag")),
    (allow("proj/a", "viewProject"),),
    "no_access",
    "no_access",
    [("viewFlag", parse_resource("proj/a:env/test"))],
)
def test_a_grant_that_another_covers_permits_nothing_more(
    own: tuple[Statement, ...],
    wanted: tuple[Statement, ...],
    own_rank: str,
    wanted_rank: str,
    asked: list[tuple[str, Resource]],
) -> None:
    mine, theirs = Grant(own_rank, own), Grant(wanted_rank, wanted)
    if covers(mine, theirs):
        for role, (action, resource) in itertools.product(RANKS[1:4], asked):
            assert permits(mine, role, action, resource) >= permits(theirs, role, action, resource)


@given(policies, ranks)
def test_every_grant_covers_itself_and_an_admin_covers_whatever_no_owner_has(
    policy: tuple[Statement, ...], rank: str
) -> None:
    assert covers(Grant(rank, policy), Grant(rank, policy))
    if rank != "owner":
        assert covers(Grant("admin"), Grant(rank, policy))


@given(policies, statements())
def test_part_of_a_policy_without_its_denials_is_more_than_the_policy(
    policy: tuple[Statement, ...], last: Statement
) -> None:
    denied = Grant(statements=(*policy, deny("proj/a")))
    assert not covers(denied, Grant(statements=(allow("proj/a"),)))
    assert covers(Grant(statements=(*policy, last)), Grant(statements=(last,))) or any(
        one.effect == "deny" for one in policy
    )


@pytest.mark.parametrize(
    ("own", "wanted", "covered"),
    [
        (allow("proj/*:env/*:flag/*"), allow("proj/a:env/*:flag/b*"), True),
        (allow("proj/a:env/*:flag/*"), allow("proj/*:env/*:flag/*"), False),
        (allow("proj/*:env/*:flag/*", "update*"), allow("proj/*:env/*:flag/*", "updateOn"), True),
        (allow("proj/*:env/*:flag/*", "updateOn"), allow("proj/*:env/*:flag/*", "update*"), False),
        (allow("proj/*;x:metric/*"), allow("proj/*:metric/*"), False),
        (allow("proj/*:metric/*"), allow("proj/*;x:metric/*"), True),
        (allow("proj/*"), allow("*"), False),
        (allow("*/*"), allow("*"), False),
        (allow("*"), Statement("allow", not_resources=("proj/a",), actions=("*",)), True),
        (allow("proj/*"), Statement("allow", not_resources=("acct",), actions=("*",)), False),
        (allow("proj/a", "view*"), Statement("allow", resources=("proj/a",), not_actions=("viewX",)), False),
        (allow("proj/a"), deny("proj/b"), True),
    ],
)
def test_what_one_statement_covers(own: Statement, wanted: Statement, covered: bool) -> None:
    assert covers(Grant(statements=(own,)), Grant(statements=(wanted,))) is covered


def test_nobody_but_an_owner_covers_an_owner() -> None:
    assert covers(Grant("owner"), Grant("owner"))
    assert not covers(Grant("admin"), Grant("owner"))
    assert not covers(Grant(statements=(allow("*"),)), Grant("owner"))
    assert covers(Grant(statements=(allow("*"),)), Grant("admin"))
    assert not covers(Grant("writer"), Grant(statements=(allow("proj/a"),)))


ONE = "proj/shop:env/production:flag/checkout"


@pytest.mark.parametrize(
    ("pattern", "asked", "expected"),
    [
        (ONE, ONE, True),
        ("*", ONE, True),
        ("proj/*:env/*:flag/*", ONE, True),
        ("proj/*:env/prod*:flag/*out", ONE, True),
        ("proj/s*p:env/*:flag/c*k*t", ONE, True),
        ("proj/*:env/test:flag/*", ONE, False),
        ("proj/*:env/*", ONE, False),
        ("proj/*", ONE, False),
        ("proj/*:env/*:flag/*:x/*", ONE, False),
        ("proj/*:env/*:segment/*", ONE, False),
        ("proj/*:env/*:*/*", ONE, True),
        ("*/*:*/*:*/*", ONE, True),
        ("proj/Shop:env/*:flag/*", ONE, False),
        ("proj/sho:env/*:flag/*", ONE, False),
        ("acct", "acct", True),
        ("acct", "member/a", False),
        ("member/*", "acct", False),
        ("proj/*:env/*:flag/*", "proj/shop:env/*:flag/checkout", True),
        ("proj/*:env/production:flag/*", "proj/shop:env/*:flag/checkout", False),
        ("proj/*:env/p*:flag/*", "proj/shop:env/*:flag/checkout", False),
    ],
)
def test_what_a_resource_in_a_statement_allows(pattern: str, asked: str, expected: bool) -> None:
    assert allowed((allow(pattern),), "updateOn", asked) is expected


@pytest.mark.parametrize(
    ("pattern", "asked", "denied"),
    [
        ("proj/*:env/production:flag/*", ONE, True),
        ("proj/*:env/test:flag/*", ONE, False),
        ("proj/*:env/production:flag/*", "proj/shop:env/*:flag/checkout", True),
        ("proj/other:env/production:flag/*", "proj/shop:env/*:flag/checkout", False),
        ("proj/*:env/*:flag/*;x", "proj/shop:env/*:flag/*", True),
        ("proj/*:env/*:flag/*;x", ONE, False),
    ],
)
def test_a_denial_of_any_of_it_denies(pattern: str, asked: str, denied: bool) -> None:
    assert allowed((allow("*"), deny(pattern)), "deleteFlag", asked) is not denied


@pytest.mark.parametrize(
    ("tags", "pattern", "expected"),
    [
        ({"x"}, ";x", True),
        ({"x", "y"}, ";x", True),
        ({"x", "y"}, ";x,y", True),
        ({"x"}, ";x,y", False),
        (set(), ";x", False),
        ({"xx"}, ";x", False),
        (set(), "", True),
    ],
)
def test_a_resource_must_have_every_tag_that_a_statement_names(
    tags: set[str], pattern: str, expected: bool
) -> None:
    resource = (Step("proj", "a"), Step("metric", "m", frozenset(tags)))
    assert allowed((allow(f"proj/*:metric/*{pattern}"),), "updateMetric", resource) is expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (Statement("allow", not_resources=("proj/other",), actions=("*",)), True),
        (Statement("allow", not_resources=("proj/shop",), actions=("*",)), False),
        (Statement("allow", resources=("proj/*",), not_actions=("delete*",)), True),
        (Statement("allow", resources=("proj/*",), not_actions=("update*",)), False),
        (Statement("allow"), False),
    ],
)
def test_what_is_excepted_is_not_meant(statement: Statement, expected: bool) -> None:
    assert allowed((statement,), "updateProject", "proj/shop") is expected


def test_an_exception_for_one_environment_keeps_what_touches_all_of_them_out() -> None:
    policy = (Statement("allow", not_resources=("proj/*:env/production:flag/*",), actions=("*",)),)
    assert allowed(policy, "updateOn", "proj/a:env/test:flag/f")
    assert not allowed(policy, "updateOn", "proj/a:env/production:flag/f")
    assert not allowed(policy, "deleteFlag", "proj/a:env/*:flag/f")


def test_whoever_may_view_a_project_may_view_what_is_in_it_unless_that_is_denied() -> None:
    viewer = allow("proj/a", "viewProject")
    assert allowed((viewer,), "viewFlag", "proj/a:env/*:flag/f")
    assert not allowed((viewer,), "viewFlag", "proj/b:env/*:flag/f")
    assert not allowed((viewer,), "updateFlag", "proj/a:env/*:flag/f")
    assert not allowed((viewer, deny("proj/a:env/*:flag/*")), "viewFlag", "proj/a:env/*:flag/f")
    assert not allowed((allow("*"), deny("proj/a", "viewProject")), "viewFlag", "proj/a:env/*:flag/f")


@pytest.mark.parametrize(("held", "needed"), [*itertools.product(RANKS, RANKS[1:4])])
def test_a_built_in_role_includes_those_below_it(held: str, needed: str) -> None:
    expected = RANKS.index(held) >= RANKS.index(needed)
    assert permits(Grant(held), needed, "anyAction", parse_resource("acct")) is expected


def test_a_base_of_reading_lets_a_policy_s_holder_read_but_for_what_it_denies() -> None:
    grant = Grant("reader", (allow("proj/*:env/test:flag/*"), deny("proj/secret", "view*")))
    assert permits(grant, "reader", "viewFlag", parse_resource(ONE))
    assert not permits(grant, "reader", "viewFlag", parse_resource("proj/secret:env/*:flag/f"))
    assert not permits(grant, "writer", "updateOn", parse_resource(ONE))
    assert permits(grant, "writer", "updateOn", parse_resource("proj/a:env/test:flag/f"))


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_a_wildcard_matches_as_a_search_by_hand_does(pattern: str, text: str) -> None:
    def by_hand(rest: str, left: str) -> bool:
        if not rest:
            return not left
        if rest[0] == "*":
            return any(by_hand(rest[1:], left[at:]) for at in range(len(left) + 1))
        return bool(left) and left[0] == rest[0] and by_hand(rest[1:], left[1:])

    assert matches(pattern, text) == by_hand(pattern, text)


def test_many_wildcards_cost_no_more_than_the_text_is_long() -> None:
    assert not matches("a*" * 400 + "b", "a" * 900)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "proj",
        "env",
        "proj/",
        "/a",
        "proj/a:",
        ":proj/a",
        "proj/a::env/b",
        "proj/a/b",
        "proj/a b",
        "proj/a,b",
        "acct/x",
        "proj/${roleAttribute/projects}",
        "proj/a\n",
        "**",
        "proj/a;",
    ],
)
def test_what_is_no_resource_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="no resource"):
        parse_resource(text)


@pytest.mark.parametrize(
    "statement",
    [
        Statement("allow"),
        Statement("allow", resources=("proj/a",)),
        Statement("allow", actions=("*",)),
        Statement("allow", resources=("proj/a",), not_resources=("proj/b",), actions=("*",)),
        Statement("allow", resources=("proj/a",), actions=("*",), not_actions=("b",)),
        Statement("allow", resources=("proj",), actions=("*",)),
        Statement("allow", resources=("proj/a",), actions=("update flag",)),
        Statement("allow", resources=("proj/a",), actions=("",)),
        Statement("allow", resources=("proj/" + "a" * 1000,), actions=("*",)),
        Statement("allow", resources=("proj/a",) * 201, actions=("*",)),
    ],
)
def test_a_statement_that_says_nothing_clear_is_refused(statement: Statement) -> None:
    with pytest.raises(InvalidRequest):
        check_statements([statement])


def test_a_policy_has_an_end() -> None:
    assert len(check_statements([allow("*")] * MOST_STATEMENTS)) == MOST_STATEMENTS
    with pytest.raises(InvalidRequest, match="at most"):
        check_statements([allow("*")] * (MOST_STATEMENTS + 1))
