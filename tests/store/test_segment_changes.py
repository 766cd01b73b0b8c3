"""What a change of a segment means: the environment's one counter moves, and its SDKs hear of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.flags.segment import Segment
from assay.store.flag_sets import FlagSets
from assay.store.store import Store
from assay.store.transaction import Change
from store.projects import NOW_MS, new_store, open_store, put_flag, versions


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


def put(store: Store, environment: str = "production", **changes: Any) -> Segment:
    made = Segment(**{"key": "s", "name": "S", "creation_date": 1, "salt": "salt", **changes})
    with store.writing("tester") as transaction:
        return transaction.put_segment("default", environment, made, "updateSegment")


def delete(store: Store) -> None:
    with store.writing("tester") as transaction:
        transaction.delete_segment("default", "production", "s")


def test_a_segment_is_announced_in_its_environment_alone(store: Store, heard: list[Change]) -> None:
    made = put(store, included=("a",))
    (change,) = heard
    assert (change.environment_id, change.kind, change.key, change.version) == (
        "id-production",
        "segment",
        "s",
        made.version,
    )
    assert change.delivered is not None
    assert (change.delivered["included"], change.delivered["version"]) == (["a"], made.version)
    assert made.last_modified_date == NOW_MS
    assert store.state.segments("default", "test") == {}


def test_flags_and_segments_share_one_counter_that_only_grows(store: Store, heard: list[Change]) -> None:
    put_flag(store)
    first = put(store).version
    delete(store)
    again = put(store).version
    assert versions(store)["production"] < first < again
    here = [change.version for change in heard if change.environment_id == "id-production"]
    assert here == sorted(set(here))
    assert [change.delivered is None for change in heard if change.kind == "segment"] == [False, True, False]


def test_writing_the_same_segment_again_changes_nothing(store: Store, heard: list[Change]) -> None:
    made = put(store)
    heard.clear()
    with store.writing("tester") as transaction:
        assert transaction.put_segment("default", "production", made, "updateSegment") == made
    assert heard == []


def test_a_segments_history_is_none_of_a_flag(store: Store) -> None:
    put(store)
    assert store.flag_history("id-production", "s") == []


def test_segments_survive_a_restart(tmp_path: Path, store: Store) -> None:
    made = put(store, included=("a",), tags=("t",))
    store.close()
    again = open_store(tmp_path)
    assert again.state.segment("default", "production", "s") == made
    again.close()


def test_the_flag_set_holds_the_segments_of_its_environment(store: Store) -> None:
    sets = FlagSets(store)
    put(store, included=("a",))
    put(store, "test", included=("b",))
    place = ("default", store.state.environment("default", "production"))
    before = sets.current(place)
    assert before.segments["s"]["included"] == ["a"]
    put(store, included=("a", "c"))
    after = sets.current(place)
    assert after.segments["s"]["included"] == ["a", "c"]
    assert after.etag != before.etag


def test_an_unchanged_segment_is_not_compiled_again(store: Store) -> None:
    sets = FlagSets(store)
    made = put(store)
    place = ("default", store.state.environment("default", "production"))
    before = sets.compiled(place)[1].segments["s"]
    put_flag(store)
    assert sets.compiled(place)[1].segments["s"] is before
    put(store, included=("a",), key=made.key)
    assert sets.compiled(place)[1].segments["s"] is not before
