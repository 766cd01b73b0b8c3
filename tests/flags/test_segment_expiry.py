"""Ends of memberships: set, moved and taken back by instructions, and carried out when their time has come."""

from typing import Any

import pytest

from assay.errors import InvalidRequest, OptimisticLock
from assay.flags.segment import Segment, SegmentTarget, listed
from assay.flags.segment_expiry import apply_member_expiry, still_expiring, without_expired
from assay.flags.segment_instructions import apply_segment_instructions

NOW_MS = 1_000
SEGMENT = Segment(
    "s",
    "S",
    1,
    "salt",
    included=("ann", "bob"),
    excluded=("eve",),
    included_contexts=(SegmentTarget(("o",), "org"),),
)
ANN = {"targetType": "included", "contextKey": "ann", "contextKind": "user"}


def after(segment: Segment, kind: str, **parameters: Any) -> Segment:
    ids = iter("abc")
    instruction = {"kind": kind, **ANN, **parameters}
    return apply_member_expiry(segment, [instruction], now_ms=NOW_MS, new_id=lambda: next(ids))


def test_an_end_is_set_moved_and_taken_back() -> None:
    made = after(SEGMENT, "addExpiringTarget", value=2000)
    (member,) = made.expiring
    assert (member.context_key, member.target_type, member.expiration_date, member.version) == (
        "ann",
        "included",
        2000,
        1,
    )
    moved = after(made, "updateExpiringTarget", value=3000, version=1)
    assert [(one.id, one.expiration_date, one.version) for one in moved.expiring] == [(member.id, 3000, 2)]
    with pytest.raises(OptimisticLock):
        after(moved, "updateExpiringTarget", value=4000, version=1)
    assert after(moved, "removeExpiringTarget").expiring == ()


def test_who_has_expired_leaves_the_list_and_nobody_else() -> None:
    made = after(SEGMENT, "addExpiringTarget", value=2000)
    made = after(made, "addExpiringTarget", contextKind="org", contextKey="o", value=3000)
    assert without_expired(made, 1999) == made
    later = without_expired(made, 2000)
    assert listed(later, "user", included=True) == {"bob"}
    assert listed(later, "org", included=True) == {"o"}
    assert len(later.expiring) == 1
    last = without_expired(later, 3000)
    assert (last.included_contexts, last.expiring, last.excluded) == ((), (), ("eve",))


def test_the_first_clients_words_for_users_are_understood() -> None:
    user = {"kind": "addExpireUserTargetDate", "targetType": "excluded", "userKey": "eve", "value": 2000}
    made = apply_member_expiry(SEGMENT, [user], now_ms=NOW_MS, new_id=lambda: "id")
    assert without_expired(made, 2000).excluded == ()


def test_an_end_goes_with_its_key() -> None:
    made = after(SEGMENT, "addExpiringTarget", value=2000)
    gone = apply_segment_instructions(made, [{"kind": "removeIncludedUsers", "values": ["ann"]}])
    assert still_expiring(gone).expiring == ()
    assert still_expiring(made) is made


@pytest.mark.parametrize(
    "changes",
    [
        {"value": NOW_MS},
        {"value": "soon"},
        {"value": 2000, "targetType": "both"},
        {"value": 2000, "targetType": None},
        {"value": 2000, "contextKey": "nobody"},
        {"value": 2000, "contextKind": "org"},
        {"value": 2000, "kind": "updateExpiringTarget"},
        {"value": 2000, "kind": "postpone"},
        {"value": 2000, "kind": 5},
    ],
)
def test_an_end_that_can_not_be_is_refused(changes: dict[str, Any]) -> None:
    instruction = {"kind": "addExpiringTarget", **ANN, **changes}
    with pytest.raises(InvalidRequest):
        apply_member_expiry(SEGMENT, [instruction], now_ms=NOW_MS, new_id=lambda: "id")


def test_the_same_key_does_not_get_two_ends() -> None:
    made = after(SEGMENT, "addExpiringTarget", value=2000)
    with pytest.raises(InvalidRequest, match="already"):
        after(made, "addExpiringTarget", value=3000)
