"""The metadata as a value: found by its address, changed by making another."""

from collections.abc import Callable

import pytest

from assay.errors import NotFound
from assay.experiments.flag_scoped import FlagExperiments
from assay.store.records import Project
from assay.store.state import Address, State
from store.projects import environment

PROJECT = Project("p", "default", "Default", environments=(environment("test"),))
HERE: Address = ("project", "", "default")
STATE = State().with_record(HERE, PROJECT)


def test_a_record_that_was_put_is_found_and_the_state_before_is_as_it_was() -> None:
    assert STATE.find(HERE) == PROJECT
    assert State().find(HERE) is None
    assert STATE.with_record(HERE, None).find(HERE) is None
    assert STATE.find(HERE) == PROJECT


def test_taking_out_what_is_not_there_changes_nothing() -> None:
    assert STATE.with_record(("flag", "default", "x"), None).all("flag", "default") == {}


def test_records_stand_in_the_order_they_were_made() -> None:
    state = State()
    for key in ("b", "a", "c"):
        state = state.with_record(("project", "", key), PROJECT)
    state = state.with_record(("project", "", "a"), PROJECT)
    assert list(state.all("project")) == ["b", "a", "c"]


def test_kinds_and_projects_keep_their_keys_apart() -> None:
    state = STATE.with_record(("flag", "one", "x"), 1).with_record(("metric", "one", "x"), 2)
    state = state.with_record(("flag", "two", "x"), 3)
    addresses: list[Address] = [("flag", "one", "x"), ("metric", "one", "x"), ("flag", "two", "x")]
    assert [state.find(address) for address in addresses] == [1, 2, 3]


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (lambda: STATE.project("nope"), "project key 'nope'"),
        (lambda: STATE.environment("nope", "test"), "project key 'nope'"),
        (lambda: STATE.environment("default", "nope"), "environment key 'nope'"),
        (lambda: STATE.flag("nope", "x"), "project key 'nope'"),
        (lambda: STATE.flag("default", "nope"), "flag key 'nope'"),
        (lambda: STATE.metric("nope", "x"), "project key 'nope'"),
        (lambda: STATE.metric("default", "nope"), "metric key 'nope'"),
    ],
)
def test_what_is_missing_is_named(look: Callable[[], object], said: str) -> None:
    with pytest.raises(NotFound, match=said):
        look()


def test_a_flag_without_experiments_has_an_empty_set_of_them() -> None:
    assert STATE.experiments("default", "x") == FlagExperiments()
