"""A flag's status follows from its age, its changes and who asked for it."""

import pytest

from assay.flags.model import Flag, FlagConfig, Variation
from assay.flags.status import RECENT_MS, Requests, Status, status_of

NOW_MS = 1_800_000_000_000
EDGE_MS = NOW_MS - RECENT_MS
LONG_AGO = EDGE_MS - 1


def status(
    requests: Requests | None, *, created: int = 0, changed: int = LONG_AGO, on: bool = True
) -> Status:
    flag = Flag(
        key="flag", name="flag", variations=(Variation(True), Variation(False)), creation_date=created
    )
    config = FlagConfig(salt="", sel="", on=on, last_modified=changed)
    return status_of(flag, config, requests, NOW_MS)


@pytest.mark.parametrize(("created", "expected"), [(NOW_MS, "new"), (EDGE_MS, "new"), (LONG_AGO, "inactive")])
def test_a_flag_that_nobody_asked_for_is_new_for_seven_days(created: int, expected: Status) -> None:
    assert status(None, created=created) == expected


@pytest.mark.parametrize(
    ("last", "expected"), [(NOW_MS, "active"), (EDGE_MS, "active"), (LONG_AGO, "inactive")]
)
def test_a_flag_is_inactive_once_nobody_asked_for_it_in_seven_days(last: int, expected: Status) -> None:
    assert status(Requests(last, 2)) == expected


def test_a_flag_made_anew_today_is_inactive_where_its_last_request_is_old() -> None:
    assert status(Requests(LONG_AGO, 0), created=NOW_MS) == "inactive"


def test_a_flag_with_one_outcome_and_no_change_is_launched() -> None:
    assert status(Requests(NOW_MS, 1)) == "launched"


@pytest.mark.parametrize("outcomes", [0, 2, 3])
def test_a_flag_without_exactly_one_outcome_is_active(outcomes: int) -> None:
    assert status(Requests(NOW_MS, outcomes)) == "active"


@pytest.mark.parametrize("changed", [EDGE_MS, NOW_MS])
def test_a_flag_that_changed_in_the_last_seven_days_is_active(changed: int) -> None:
    assert status(Requests(NOW_MS, 1), changed=changed) == "active"


def test_a_flag_that_is_off_is_never_launched() -> None:
    assert status(Requests(NOW_MS, 1), on=False) == "active"
