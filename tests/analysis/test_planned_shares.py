"""In which shares units of a flag were to arrive, told by the flag's history; where nothing tells it, why."""

from typing import Any

import pytest

from assay.analysis.promises import _randomized, _shares
from assay.stats.estimate import NotEstimable


def spread(*weights: tuple[int, int]) -> dict[str, Any]:
    return {"rollout": {"variations": [{"variation": index, "weight": weight} for index, weight in weights]}}


def version(number: int, fallthrough: dict[str, Any], *rules: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return number, {"fallthrough": fallthrough, "rules": [*rules]}


FIXED = {"variation": 0}
EVEN = spread((0, 50_000), (1, 50_000))


@pytest.mark.parametrize(
    ("history", "shares"),
    [
        ([version(1, FIXED), version(2, EVEN), version(3, EVEN)], (0.5, 0.5)),
        ([version(1, FIXED, {"id": "r", **spread((1, 25_000), (0, 75_000))})], (0.75, 0.25)),
        # a variation that stands in the rollout twice, as in an experiment's rule with units outside it
        ([version(1, spread((0, 60_000), (0, 20_000), (1, 20_000)))], (0.8, 0.2)),
    ],
)
def test_the_one_rollout_that_a_flag_ever_had_says_the_shares(
    history: list[tuple[int, dict[str, Any]]], shares: tuple[float, ...]
) -> None:
    assert _shares(history, 2) == shares


@pytest.mark.parametrize(
    ("history", "why"),
    [
        ([], "no rollout, or several"),
        ([version(1, FIXED)], "no rollout, or several"),
        ([version(1, EVEN), version(2, spread((0, 90_000), (1, 10_000)))], "no rollout, or several"),
        ([version(1, spread((0, 100_000), (1, 0)))], "no units"),
        # the third variation was deleted after its rollout had ended
        ([version(1, spread((0, 50_000), (2, 50_000))), version(2, FIXED)], "does not have any more"),
    ],
)
def test_where_no_shares_were_planned_it_is_said_why(
    history: list[tuple[int, dict[str, Any]]], why: str
) -> None:
    found = _shares(history, 2)
    assert isinstance(found, NotEstimable)
    assert why in found.reason


def test_a_variation_without_a_share_of_its_own_leaves_none_for_the_others() -> None:
    assert isinstance(_shares([version(1, EVEN)], 3), NotEstimable)


def test_the_places_that_a_rollout_spreads_are_told_by_version() -> None:
    rules = ({"id": "spread", **EVEN}, {"id": "fixed", "variation": 1})
    history = [version(1, FIXED), version(2, EVEN, *rules), version(3, FIXED, *rules)]
    assert _randomized(history) == {1: set(), 2: {"", "spread"}, 3: {"spread"}}
