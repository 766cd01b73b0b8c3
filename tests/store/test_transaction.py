"""What a change of a flag means: versions that only grow, and SDKs that hear of what concerns them."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from assay.experiments.flag_scoped import FlagExperiments
from assay.flags.model import Flag, Variation
from assay.store.store import Store
from assay.store.transaction import Change
from flags.flags import config, flag
from store.projects import NOW_MS, new_store, put_flag, running, versions


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = new_store(tmp_path)
    yield made
    made.close()


@pytest.fixture
def heard(store: Store) -> list[Change]:
    changes: list[Change] = []
    store.listen(changes.append)
    return changes


def turned(made: Flag, environment: str, on: bool) -> Flag:
    changed = replace(made.environments[environment], on=on)
    return replace(made, environments=made.environments | {environment: changed})


def test_a_new_flag_has_a_version_in_every_environment(store: Store, heard: list[Change]) -> None:
    made = put_flag(store)
    assert versions(store) == {"production": 1, "test": 1}
    assert made.version == 1
    assert {change.environment_id for change in heard} == {"id-production", "id-test"}


def test_a_change_in_one_environment_is_announced_there_alone(store: Store, heard: list[Change]) -> None:
    made = put_flag(store)
    heard.clear()
    put_flag(store, turned(made, "production", True))
    assert versions(store) == {"production": 2, "test": 1}
    (change,) = heard
    assert (change.environment_id, change.version) == ("id-production", 2)
    assert change.delivered is not None
    assert (change.delivered["on"], change.delivered["version"]) == (True, 2)


def test_writing_the_same_flag_again_changes_nothing(store: Store, heard: list[Change]) -> None:
    made = put_flag(store)
    heard.clear()
    assert put_flag(store, made) == made
    assert heard == []
    assert store.state.flag("default", "flag").version == 1


def test_a_new_name_concerns_no_sdk(store: Store, heard: list[Change]) -> None:
    made = put_flag(store)
    heard.clear()
    renamed = put_flag(store, replace(made, name="New"))
    assert (renamed.version, heard, versions(store)) == (2, [], {"production": 1, "test": 1})


def test_a_new_value_concerns_every_environment(store: Store) -> None:
    made = put_flag(store)
    put_flag(store, replace(made, variations=(*made.variations, Variation("v3", id="id-3"))))
    assert versions(store) == {"production": 2, "test": 2}


def test_starting_and_stopping_an_experiment_makes_a_version_where_it_happens(
    store: Store, heard: list[Change]
) -> None:
    made = put_flag(store)
    heard.clear()
    made = put_flag(store, made, running("production"))
    made = put_flag(store, made, running("production", "test"))
    put_flag(store, made, running("test"))
    said = [(c.environment_id, c.version, (c.delivered or {})["trackEvents"]) for c in heard]
    assert said == [("id-production", 2, True), ("id-test", 2, True), ("id-production", 3, False)]


def test_versions_are_the_environment_s_and_grow_across_flags(store: Store) -> None:
    put_flag(store)
    second = put_flag(store, flag(key="second"))
    assert second.environments["production"].version == 2
    assert store.state.environment("default", "production").flags_version == 2


def test_versions_grow_across_deletion_and_making_anew(store: Store, heard: list[Change]) -> None:
    put_flag(store, flag(), running("production"))
    with store.writing("a") as transaction:
        transaction.delete_flag("default", "flag")
    assert store.state.experiments("default", "flag") == FlagExperiments()
    put_flag(store)
    by_environment = [(c.version, c.delivered is None) for c in heard if c.environment_id == "id-test"]
    assert by_environment == [(1, False), (2, True), (3, False)]


def test_an_archived_flag_is_gone_for_sdks_and_comes_back_with_a_later_version(
    store: Store, heard: list[Change]
) -> None:
    made = put_flag(store)
    heard.clear()
    archived = put_flag(store, replace(made, archived=True))
    put_flag(store, replace(archived, archived=False))
    mine = [(c.version, c.delivered is None) for c in heard if c.environment_id == "id-production"]
    assert mine == [(2, True), (3, False)]


def test_a_version_says_when_it_was_made(store: Store) -> None:
    made = put_flag(store, flag(environments={"production": config(last_modified=5), "test": config()}))
    assert [found.last_modified for found in made.environments.values()] == [NOW_MS, NOW_MS]


def test_history_has_every_version_that_sdks_got(store: Store) -> None:
    made = put_flag(store)
    for on in (True, False, True):
        made = put_flag(store, turned(made, "production", on))
    with store.writing("a") as transaction:
        transaction.delete_flag("default", "flag")
    history = store.flag_history("id-production", "flag")
    assert [(version, body["on"]) for version, body in history] == [
        (1, False),
        (2, True),
        (3, False),
        (4, True),
    ]
    assert all(version == body["version"] for version, body in history)
    assert store.flag_history("id-test", "flag")[0][0] == 1
    assert store.flag_history("id-test", "other") == []


def test_two_changes_in_one_transaction_are_two_versions(store: Store, heard: list[Change]) -> None:
    with store.writing("a") as transaction:
        made = transaction.put_flag("default", flag(), FlagExperiments(), "createFlag")
        transaction.put_flag("default", turned(made, "test", True), FlagExperiments(), "updateFlag")
    assert [c.version for c in heard if c.environment_id == "id-test"] == [1, 2]
    assert versions(store) == {"production": 1, "test": 2}


def test_whatever_happens_versions_only_grow_and_the_counter_is_the_largest(store: Store) -> None:
    chance, last = random.Random(5), {"production": 0, "test": 0}
    changes: list[Change] = []
    store.listen(changes.append)
    for _ in range(60):
        current = store.state.find(("flag", "default", "flag"))
        if current is not None and chance.random() < 0.2:
            with store.writing("a") as transaction:
                transaction.delete_flag("default", "flag")
        else:
            made = turned(current or flag(), chance.choice(["production", "test"]), chance.random() < 0.5)
            put_flag(store, made, running(*chance.sample(["production", "test"], chance.randrange(3))))
    for change in changes:
        key = change.environment_id.removeprefix("id-")
        assert change.version == last[key] + 1
        last[key] = change.version
    for key, version in last.items():
        assert store.state.environment("default", key).flags_version == version
