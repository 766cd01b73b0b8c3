"""What a running iteration keeps of its flag, and what anybody may still change."""

from typing import Any

import pytest
from msgspec.structs import replace

from assay.errors import OptimisticLock
from assay.experiments.experiment import Experiment
from assay.experiments.ownership import check_owned, owned_rules
from assay.experiments.rollout import carrying
from assay.flags.model import Clause, Fallthrough, Flag, Rule, Variation
from experiments.plans import around, draft, flag_on, instructed, plan, running

STOPPED = {"kind": "stopIteration", "winningTreatmentId": "id-1", "winningReason": "w"}


def carried(experiment: Experiment, flag: Flag | None = None) -> Flag:
    """The flag with the running iteration on its rule."""
    assert experiment.running is not None
    return carrying(flag or flag_on(), "production", experiment.running)


def refused(experiment: Experiment, before: Flag, after: Flag | None) -> bool:
    try:
        check_owned(owned_rules([experiment], before.key), before, after)
    except OptimisticLock as error:
        return repr(experiment.key) in str(error)
    return False


def in_production(flag: Flag, **changes: Any) -> Flag:
    config = replace(flag.environments["production"], **changes)
    return replace(flag, environments=flag.environments | {"production": config})


def valued(flag: Flag, **values: Any) -> Flag:
    """The flag with other values of the variations with these ids."""
    variations = tuple(
        replace(one, value=values[one.id]) if one.id in values else one for one in flag.variations
    )
    return replace(flag, variations=variations)


def ids(number: int, value: Any) -> dict[str, Any]:
    return {f"id-{number}": value}


def reordered(flag: Flag, *order: int) -> Flag:
    """The same flag with its variations in another order, every place serving what it served."""
    config = flag.environments["production"]
    rollout = config.fallthrough.rollout
    assert rollout is not None
    entries = tuple(replace(one, variation=order.index(one.variation)) for one in rollout.variations)
    moved = replace(flag, variations=tuple(flag.variations[number] for number in order))
    return in_production(moved, fallthrough=Fallthrough(rollout=replace(rollout, variations=entries)))


def test_a_flag_that_is_gone_or_archived_is_refused() -> None:
    experiment = running()
    flag = carried(experiment)
    assert refused(experiment, flag, None)
    assert refused(experiment, flag, replace(flag, archived=True))
    assert refused(experiment, flag, replace(flag, environments={}))
    assert not refused(experiment, flag, flag)


def test_variations_may_move_only_behind_those_of_the_treatments() -> None:
    experiment = running()
    flag = carried(experiment)
    assert not refused(experiment, flag, reordered(flag, 0, 1, 3, 2))
    assert refused(experiment, flag, reordered(flag, 1, 0, 2, 3))
    assert refused(experiment, flag, reordered(flag, 0, 2, 1, 3))


@pytest.mark.parametrize(
    ("value", "other"),
    [("a", "b"), (True, 1), (False, 0), (1, True), ({"on": True}, {"on": 1}), ([0], [False]), (None, False)],
)
def test_a_treatments_value_may_not_change_not_even_to_one_that_is_nearly_the_same(
    value: Any, other: Any
) -> None:
    experiment = running()
    flag = valued(carried(experiment), **ids(1, value))
    assert refused(experiment, flag, valued(flag, **ids(1, other)))
    assert not refused(experiment, flag, valued(flag, **ids(1, value)))


def test_values_that_no_treatment_serves_may_change() -> None:
    experiment = running()
    flag = carried(experiment)
    assert not refused(experiment, flag, valued(flag, **ids(3, "other")))
    renamed = tuple(replace(one, name="a new name") for one in flag.variations)
    assert not refused(experiment, flag, replace(flag, variations=renamed))
    more = (*flag.variations, Variation("more", id="id-more"))
    assert not refused(experiment, flag, replace(flag, variations=more))


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 77},
        {"seed": None},
        {"kind": "rollout"},
        {"bucket_by": "email"},
        {"context_kind": "device"},
        {"variations": ()},
    ],
)
def test_any_change_of_who_gets_what_at_the_rule_is_refused(change: dict[str, Any]) -> None:
    experiment = running("30", "30")
    flag = carried(experiment)
    rollout = flag.environments["production"].fallthrough.rollout
    assert rollout is not None
    after = in_production(flag, fallthrough=Fallthrough(rollout=replace(rollout, **change)))
    assert refused(experiment, flag, after)


def test_a_weight_or_what_is_untracked_may_not_change() -> None:
    experiment = running("30", "30")
    flag = carried(experiment)
    rollout = flag.environments["production"].fallthrough.rollout
    assert rollout is not None
    first, *rest = rollout.variations
    assert first.untracked
    assert not any(one.untracked for one in rest)
    for changed in (replace(first, untracked=False), replace(first, variation=3), replace(first, weight=1)):
        entries = replace(rollout, variations=(changed, *rest))
        assert refused(experiment, flag, in_production(flag, fallthrough=Fallthrough(rollout=entries)))


def test_on_a_rule_the_clauses_are_owned_and_the_fallthrough_is_not() -> None:
    rule = Rule(id="r", clauses=(Clause("plan", "in", ("pro",), id="c"),), variation=0)
    plain = flag_on(rules=(rule,))
    body = plan() | {"flags": {"flag": {"ruleId": "r", "flagConfigVersion": 1}}}
    made = Experiment("e", "exp", "Exp", "production", 0, iterations=(draft(body, around(plain)),))
    experiment = instructed(made, {"kind": "startIteration"}, among=around(plain))
    flag = carried(experiment, plain)
    (owned,) = flag.environments["production"].rules
    assert owned.rollout is not None
    wider = replace(owned, clauses=(Clause("plan", "in", ("pro", "free"), id="c"),))
    assert refused(experiment, flag, in_production(flag, rules=(wider,)))
    assert refused(experiment, flag, in_production(flag, rules=()))
    assert not refused(experiment, flag, in_production(flag, fallthrough=Fallthrough(variation=2)))
    truly = in_production(flag, rules=(replace(owned, clauses=(Clause("n", "in", (True,), id="c"),)),))
    nearly = in_production(flag, rules=(replace(owned, clauses=(Clause("n", "in", (1,), id="c"),)),))
    assert refused(experiment, truly, nearly)
    before = Rule(id="other", clauses=(Clause("plan", "in", ("team",), id="d"),), variation=3)
    assert not refused(experiment, flag, in_production(flag, rules=(before, owned)))
    assert not refused(experiment, flag, in_production(flag, on=False))


def test_what_has_stopped_or_uses_another_flag_owns_nothing() -> None:
    experiment = running()
    assert [one.rule_id for one in owned_rules([experiment], "flag")] == ["fallthrough"]
    assert not list(owned_rules([experiment], "another"))
    assert not list(owned_rules([instructed(experiment, STOPPED)], "flag"))
    assert not refused(instructed(experiment, STOPPED), carried(experiment), None)
