"""The flag as a value: it survives its JSON, and knows which unit its rollouts randomize."""

import msgspec
import pytest

from assay.flags.model import Clause, Flag, FlagConfig, Rule, Target, randomization_unit, rollouts
from flags.flags import config, flag, rollout, spread

CLAUSES = (Clause("plan", "in", ("pro", 1, True, None, 1.5)),)


def test_a_flag_is_what_its_json_says() -> None:
    full = flag(
        environments={
            "production": config(
                fallthrough=spread(60_000, 40_000, kind="experiment", seed=7, context_kind="org"),
                rules=(Rule(CLAUSES, rollout=rollout(100_000), id="r"),),
                targets=(Target(("a\x00", "\U0001f600"), 1),),
                off_variation=2,
                debug_events_until_date=2**53,
            )
        },
        custom_properties={"jira": {"name": "Jira", "value": ["A-1"]}},
        tags=("x", "y"),
    )
    assert msgspec.json.decode(msgspec.json.encode(full), type=Flag) == full


def test_two_flags_never_share_what_was_left_out() -> None:
    first, second = flag(), flag()
    first.custom_properties["x"] = 1
    assert second.custom_properties == {}


@pytest.mark.parametrize(
    ("made", "unit"),
    [
        (config(), "user"),
        (config(fallthrough=spread(100_000)), "user"),
        (config(fallthrough=spread(100_000, context_kind="org")), "org"),
        (config(rules=(Rule(CLAUSES, rollout=rollout(100_000, context_kind="device")),)), "device"),
        (
            config(
                fallthrough=spread(100_000, context_kind="org"),
                rules=(Rule(CLAUSES, rollout=rollout(100_000, context_kind="device")),),
            ),
            "org",
        ),
    ],
)
def test_the_unit_is_the_kind_that_the_first_rollout_names(made: FlagConfig, unit: str) -> None:
    assert randomization_unit(made) == unit


def test_rollouts_are_the_fallthrough_s_and_then_the_rules_in_order() -> None:
    rules = (Rule(CLAUSES, variation=0), Rule(CLAUSES, rollout=rollout(0, 100_000)))
    made = config(fallthrough=spread(100_000), rules=rules)
    assert rollouts(made) == (rollout(100_000), rollout(0, 100_000))
