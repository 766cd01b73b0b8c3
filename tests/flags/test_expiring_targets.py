"""Targets with an end: told by instructions, gone when the time has come, and only then."""

import itertools
from typing import Any

import pytest

from assay.errors import InvalidRequest, OptimisticLock
from assay.flags.expiring_targets import apply_expiry, without_expired
from assay.flags.model import ExpiringTarget, Flag
from assay.flags.targets import targeted, with_targets
from flags.flags import config, flag

TARGETED = {("user", 0): ("ann", "bob"), ("org", 1): ("acme",)}
BEFORE = flag(environments={"production": with_targets(config(), TARGETED), "test": config()})
ANN = {"contextKey": "ann", "variationId": "id-0", "value": 2000}
ACME = {"contextKey": "acme", "contextKind": "org", "variationId": "id-1", "value": 3000}


def after(*instructions: Any, before: Flag = BEFORE) -> Flag:
    numbers = itertools.count()
    return apply_expiry(
        before, "production", list(instructions), now_ms=1000, new_id=lambda: f"new-{next(numbers)}"
    )


def expiring(made: Flag) -> tuple[ExpiringTarget, ...]:
    return made.environments["production"].expiring_targets


def test_an_end_is_set_moved_and_taken_back() -> None:
    made = after({"kind": "addExpiringTarget", **ANN}, {"kind": "addExpiringTarget", **ACME})
    first = ExpiringTarget("new-0", "ann", "id-0", 2000)
    assert expiring(made) == (first, ExpiringTarget("new-1", "acme", "id-1", 3000, "org"))
    later = {**ANN, "value": 5000, "version": 1}
    moved = after({"kind": "updateExpiringTarget", **later}, before=made)
    assert ExpiringTarget("new-0", "ann", "id-0", 5000, version=2) in expiring(moved)
    taken = after({"kind": "removeExpiringTarget", **ANN}, before=made)
    assert [target.context_key for target in expiring(taken)] == ["acme"]


def test_older_clients_name_users() -> None:
    made = after({"kind": "addExpireUserTargetDate", "userKey": "bob", "variationId": "id-0", "value": 9000})
    assert expiring(made) == (ExpiringTarget("new-0", "bob", "id-0", 9000),)


def test_what_has_expired_is_no_target_any_more_and_the_rest_stays() -> None:
    made = after({"kind": "addExpiringTarget", **ANN}, {"kind": "addExpiringTarget", **ACME})
    assert without_expired(made, 1999) is made
    first = without_expired(made, 2000).environments["production"]
    assert targeted(first) == {("user", 0): ("bob",), ("org", 1): ("acme",)}
    assert [target.context_key for target in first.expiring_targets] == ["acme"]
    last = without_expired(made, 3000)
    assert targeted(last.environments["production"]) == {("user", 0): ("bob",)}
    assert last.environments["test"] == made.environments["test"]


def test_a_target_that_moved_to_another_variation_does_not_expire_there() -> None:
    made = after({"kind": "addExpiringTarget", **ANN})
    there = with_targets(made.environments["production"], {("user", 1): ("ann",)})
    moved = flag(environments={"production": there})
    assert targeted(without_expired(moved, 9000).environments["production"]) == {("user", 1): ("ann",)}


def test_an_end_planned_for_another_version_is_a_conflict() -> None:
    made = after({"kind": "addExpiringTarget", **ANN})
    with pytest.raises(OptimisticLock):
        after({"kind": "updateExpiringTarget", **ANN, "version": 2}, before=made)


@pytest.mark.parametrize(
    "instruction",
    [
        5,
        {},
        {"kind": "addExpiringTarget"},
        {"kind": "addExpiringTarget", **ANN, "value": 1000},
        {"kind": "addExpiringTarget", **ANN, "value": "tomorrow"},
        {"kind": "addExpiringTarget", **ANN, "variationId": "id-1"},
        {"kind": "addExpiringTarget", **ANN, "variationId": "nobody"},
        {"kind": "addExpiringTarget", **ANN, "contextKey": "cy"},
        {"kind": "addExpiringTarget", **ANN, "contextKind": "org"},
        {"kind": "updateExpiringTarget", **ANN},
        {"kind": "turnFlagOn", **ANN},
    ],
)
def test_an_end_that_makes_no_sense_is_refused_with_its_place(instruction: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"instructions\[1\]"):
        after({"kind": "addExpiringTarget", **ACME}, instruction)


def test_a_target_has_one_end() -> None:
    with pytest.raises(InvalidRequest, match="already"):
        after({"kind": "addExpiringTarget", **ANN}, {"kind": "addExpiringTarget", **ANN})
