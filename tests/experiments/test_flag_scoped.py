"""Flag-scoped experiments: periods begin and end, and nothing that ended begins again by itself."""

import random
from itertools import pairwise

import msgspec
import pytest

from assay.experiments.flag_scoped import FlagExperiment, FlagExperiments, Period, switched

NEW = FlagExperiment("m")


def on(*environments: str) -> frozenset[str]:
    return frozenset(environments)


def test_a_new_experiment_runs_nowhere() -> None:
    assert NEW.environments == ()
    assert not NEW.running("production")
    assert not FlagExperiments(0, (NEW,)).running("production")


def test_switching_on_begins_a_period_and_off_ends_it() -> None:
    started = switched(NEW, on("production"), 5)
    assert started.periods == {"production": (Period(5),)}
    stopped = switched(started, on(), 9)
    assert stopped.periods == {"production": (Period(5, 9),)}
    assert (started.running("production"), stopped.running("production")) == (True, False)


def test_switching_on_again_is_a_period_of_its_own() -> None:
    item = switched(switched(switched(NEW, on("a"), 1), on(), 2), on("a"), 3)
    assert item.periods == {"a": (Period(1, 2), Period(3))}


def test_what_runs_already_goes_on() -> None:
    item = switched(NEW, on("a"), 1)
    assert switched(item, on("a", "b"), 7).periods == {"a": (Period(1),), "b": (Period(7),)}


def test_a_clock_set_back_never_ends_a_period_before_it_began() -> None:
    assert switched(switched(NEW, on("a"), 9), on(), 3).periods == {"a": (Period(9, 9),)}


def test_an_experiment_is_left_as_it_was() -> None:
    item = switched(NEW, on("a"), 1)
    switched(item, on("b"), 2)
    assert item.periods == {"a": (Period(1),)}
    assert NEW.periods == {}


def test_a_flag_reports_where_any_of_its_experiments_runs() -> None:
    both = FlagExperiments(1, (switched(NEW, on("a"), 1), switched(FlagExperiment("n"), on("b"), 1)))
    assert [both.running(key) for key in ("a", "b", "c")] == [True, True, False]
    assert both.item("n") == both.items[1]
    assert both.item("x") is None


@pytest.mark.parametrize("seed", range(10))
def test_whatever_is_switched_periods_follow_one_another_and_only_the_last_is_open(seed: int) -> None:
    chance, item = random.Random(seed), NEW
    for now_ms in range(1, 40):
        wanted = frozenset(chance.sample(["a", "b", "c"], chance.randrange(4)))
        item = switched(item, wanted, now_ms)
        assert set(item.environments) == wanted
    for periods in item.periods.values():
        ends = [(period.start_date, period.stop_date) for period in periods]
        assert all(stop is not None and start < stop for start, stop in ends[:-1])
        assert all(before[1] <= after[0] for before, after in pairwise(ends) if before[1])
    encoded = msgspec.json.encode(item)
    assert msgspec.json.decode(encoded, type=FlagExperiment) == item
